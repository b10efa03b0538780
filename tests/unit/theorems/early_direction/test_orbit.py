"""Deep linear networks: the limit flow converges to one of a continuum of KKT points."""

import json
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from certflow.checker import check_text
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Fate, Inconclusive
from certflow.problem import Problem
from certflow.theorems.basin.prove import certified_limits, limit_flow
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.limits import limits
from certflow.theorems.early_direction.paper import latex
from certflow.theorems.early_direction.prove import certify
from certflow.theorems.early_direction.query import angle_at
from certflow.theorems.early_direction.words import outcomes, paragraph, table

EXAMPLE = Path(__file__).parents[3] / "examples" / "continuum-deep-linear.toml"


@cache
def proved() -> Certified[Claim]:
    return certify(Problem.load(EXAMPLE))


def claim() -> Claim:
    found = proved().claim
    assert found is not None
    return found


def random_deep(widths, seed, loss="square") -> Problem:
    rng = np.random.default_rng(seed)

    def row(size):
        return [Fraction(int(v), 100) for v in np.rint(100 * rng.normal(size=size))]

    X, y = [row(widths[0]) for _ in range(5)], row(5)
    if loss == "logistic":
        y = [Fraction(1 if v > 0 else -1) for v in y]
    network = FeedForward(widths, Activation(1, 1))
    return Problem(network, X, y, loss, direction=row(network.size))


def test_a_deep_linear_network_turns_to_one_point_of_a_continuum():
    s = claim()
    (block,) = s.blocks
    assert (proved().outcome, block.outcome) == ("proved", Fate.CONTINUUM)
    assert s.delta_bar >= Fraction(9, 10**5) and s.radius >= Fraction(19, 100)
    assert block.gap[0] >= Fraction(24, 100) and block.gap[1] is None
    assert block.value[0] <= Fraction(8967, 10**5) <= block.value[1]
    assert block.law.of_set and block.law.exponent[0] > Fraction(85, 100)
    assert check_text(certificate(proved())).verdict == "accepted"
    assert Claim.from_json(s.to_json()) == s


@pytest.mark.parametrize(
    ("widths", "seed", "loss"),
    [
        ([2, 2, 2, 1], 0, "logistic"),
        ([3, 4, 2, 1], 1, "square"),
        ([2, 1, 3, 1], 2, "square"),
        ([2, 2, 2, 2, 1], 3, "square"),
    ],
)
def test_depths_and_widths_are_as_they_are(widths, seed, loss):
    found = certify(random_deep(widths, seed, loss), Fraction(1, 50))
    assert (found.outcome, found.claim.blocks[0].outcome) == ("proved", Fate.CONTINUUM)
    assert check_text(certificate(found)).verdict == "accepted"


def test_layers_below_and_above_may_be_given():
    given = {1: [["1", "2"], ["0", "1"]], 4: [["1", "-1/2"]]}
    network = FeedForward([2, 2, 2, 2, 1], Activation(1, 1), [2, 3], given)
    problem = Problem(network, [["1", "0"], ["1/2", "1"]], ["1", "-1/2"], seed=5)
    found = certify(problem, Fraction(1, 50))
    assert problem.order == 2 and found.claim.blocks[0].outcome is Fate.CONTINUUM
    assert check_text(certificate(found)).verdict == "accepted"


def test_every_start_in_a_ball_has_its_own_limit_near_the_centre():
    found = certify(Problem.load(EXAMPLE), start_angle=Fraction(1, 10_000))
    assert check_text(certificate(found)).verdict == "accepted"
    assert found.claim.blocks[0].kkt_point.radius > Fraction(1, 10_000)
    assert "Each initial direction has its own." in outcomes(found.claim)[0]
    assert "its own" not in outcomes(claim())[0]


def test_the_law_is_never_one_of_the_angle_to_the_point():
    s = claim()
    (block,) = s.blocks
    weak = replace(block, law=replace(block.law, coefficient=Fraction(0), floor=Fraction(0)))
    assert angle_at(s, weak, s.delta_bar / 10, s.radius / 2) == s.epsilon
    assert angle_at(s, weak, s.delta_bar / 10, s.radius) == min(s.epsilon, block.angle_at_radius)


def test_what_limits_it_is_within_what_is_allowed():
    (limit,) = limits(claim(), json.loads(certificate(proved())))
    assert Fraction(1, 2) < limit.used <= 1


def test_the_theorem_in_words():
    s = claim()
    text = paragraph(s)
    assert "This KKT point is the one to which the limit flow converges: one of a continuum" in text
    assert "the angle between the direction and the set of all KKT points is at most" in text
    assert text.count("N is positive there") == 1 and "at this KKT point" not in text
    assert any("angle to the set of all KKT points" in note for note in table(s).notes)
    tex = latex(s, Problem.load(EXAMPLE), "0" * 64)
    assert "orthogonal to $\\hat w$ and to all directions in which symmetries of $N$ move it" in tex
    assert tex.count("the set of all KKT points") == 1


def test_the_limit_flow_has_no_certificate_of_its_own_and_its_point_is_in_no_list():
    with pytest.raises(Inconclusive, match="one of a continuum"):
        limit_flow(proved())
    (found,) = certified_limits(proved(), None)
    assert (found.outcome, found.entry, found.reason) == (
        Fate.CONTINUUM,
        None,
        "its limit is one of a continuum of KKT points",
    )
