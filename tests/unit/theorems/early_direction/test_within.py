"""Exactly symmetric starts: what is proved among directions with the same symmetry, and said about it."""

import json
from fractions import Fraction

import numpy as np
import pytest

import certflow
from certflow.checker import check_text
from certflow.checker.registry import sentences
from certflow.flow.propose.lattice import Lattice
from certflow.kkt.enumerate import kkt_set
from certflow.outcome import Fate, Inconclusive, Outcome
from certflow.problem import Problem
from certflow.theorems.basin.prove import certified_limits, limit_flow
from certflow.theorems.early_direction import paper, words
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.prove import certify

EPSILON = Fraction(1, 20)


def twins(direction=("1/2", "3/4", "1/2", "3/4", "1", "1"), **changes):
    given = {"X": [["1", "1/2"], ["-1/3", "1"], ["-1/4", "-1"]], "y": ["1", "2/3", "-1/2"]} | changes
    return Problem(certflow.TwoLayer(2, 2, alpha="0", power=2), direction=list(direction), **given)


@pytest.fixture(scope="module")
def theorem():
    return certify(twins(), EPSILON)


def test_two_equal_neurons_come_to_a_saddle_that_is_a_maximum_among_equal_ones(theorem):
    (block,) = theorem.claim.blocks
    assert theorem.outcome is Outcome.PROVED and block.outcome is Fate.CONVERGES and block.within
    # The one-neuron KKT point, with its weights divided by the root of two: so is its value.
    alone = certify(
        Problem(
            certflow.TwoLayer(2, 1, alpha="0", power=2),
            [["1", "1/2"], ["-1/3", "1"], ["-1/4", "-1"]],
            ["1", "2/3", "-1/2"],
            direction=["1/2", "3/4", "1"],
        ),
        EPSILON,
    ).claim.blocks[0]
    assert not alone.within
    low, high = (float(v) * 2**-0.5 for v in alone.value)
    assert float(block.value[0]) <= high and low <= float(block.value[1])
    assert block.support == (0, 1) and block.kkt_point.centre[:2] == block.kkt_point.centre[2:4]
    # Its gap among all directions is negative, among symmetric ones that of one neuron over the root of two.
    assert 0 < block.gap[0] < float(alone.gap[1]) * 2**-0.5
    assert block.gap[1] >= float(alone.gap[0]) * 2**-0.5


def test_the_checker_reads_within_and_says_it(theorem):
    text = certificate(theorem)
    content = json.loads(text)
    assert check_text(text).verdict == "accepted"
    assert content["groups"][0]["symmetries"] == [{"inputs": None, "samples": None, "neurons": {"1": [1, 0]}}]
    assert Claim.from_json(content["claim"]) == theorem.claim
    (said,) = [line for line in sentences(content["claim"], content["problem"]) if line.startswith("Block")]
    assert "the only one near it among directions with the same symmetry" in said
    assert "(the start must be exactly symmetric)" in said and "gap within the symmetry >= " in said


def test_the_claim_says_among_which_directions(theorem):
    text = words.paragraph(theorem.claim)
    assert (
        "The start is exactly symmetric, and the flow stays so: this KKT point is the only one nearby among "
        in text
    )
    assert "nothing is claimed about other starts." in text
    assert "Block 1: among directions with the symmetry of the start." in words.points(theorem.claim).notes
    tex = paper.latex(theorem.claim, theorem.problem, "0" * 64)
    assert r"orthogonal to $\hat w$ and with the symmetry of the start" in tex
    assert "The start is exactly symmetric, and the flow stays so" in tex


def test_a_start_angle_breaks_the_symmetry():
    found = certify(twins(), EPSILON, Fraction(1, 10**6))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.reason.startswith("the start is exactly symmetric") and "smaller start angle" in found.try_


def test_symmetric_starts_that_end_in_a_maximum_are_as_all_others():
    given = twins()
    third = ["1/10", "1/10", "1/10", "1/10", "1", "1/2", "1/10", "1/10", "1"]
    problem = Problem(certflow.TwoLayer(2, 3, alpha="0", power=2), given.X, given.y, direction=third)
    found = certify(problem, EPSILON)
    (block,) = found.claim.blocks
    assert block.outcome is Fate.CONVERGES and block.support == (2,) and not block.within
    assert all("symmetries" not in group for group in json.loads(certificate(found))["groups"])


def test_a_curve_beside_the_subspace_is_refused(theorem, monkeypatch):
    """Whatever a tube says within a subspace that its curve is not in."""
    nearest = Lattice.nearest

    def aside(self, values):
        found = nearest(self, values)
        found[0, 0] += 1
        return found

    monkeypatch.setattr(Lattice, "nearest", aside)
    verdict = check_text(certificate(certify(twins(), EPSILON)))
    assert (verdict.verdict, verdict.rule, verdict.where) == ("refused", "O4", "groups[0].start")


def test_the_true_flow_stays_as_near_as_is_claimed(theorem):
    """Equal neurons as one of twice the output: the flow of (w, v) with the loss of 2 v max(0, w x)^2."""
    claim, (block,) = theorem.claim, theorem.claim.blocks
    X = np.array([[1, 0.5], [-1 / 3, 1], [-0.25, -1]])
    y = np.array([1, 2 / 3, -0.5])
    delta = float(claim.delta_bar)
    u = np.array([0.5, 0.75, 1.0]) / np.sqrt(2 * (0.25 + 0.5625 + 1))
    c = np.array([float(v) for v in block.kkt_point.centre])
    c = c[[0, 1, 4]] / np.linalg.norm(c)

    def slope(u):
        z = np.maximum(0, X @ u[:2])
        r = y - delta**3 * 2 * u[2] * z**2
        return np.append(2 * u[2] * (r * z) @ X, r @ z**2) / 3 / np.linalg.norm(u) ** 1 / np.sqrt(2)

    worst, after, radius = 0.0, False, float(claim.radius) / delta
    time = 0.0
    for _ in range(200_000):
        h = 0.002
        a = slope(u)
        b = slope(u + h / 2 * a)
        pace = 1 / (np.linalg.norm(u + h / 2 * a) * np.sqrt(2))
        u, time = u + h * b, time + h * pace
        after = after or time >= float(claim.scaled_time)
        if np.linalg.norm(u) * np.sqrt(2) > radius:
            break
        if after:
            worst = max(worst, float(np.linalg.norm(u / np.linalg.norm(u) - c * np.sqrt(2))))
    else:
        raise AssertionError("the radius is not reached")
    assert 0 < worst <= float(claim.epsilon)


def test_neurons_on_an_axis_of_the_data_have_their_own_subspaces():
    problem = Problem(
        certflow.OneLayer(2, 2, alpha="0", power=2),
        [["1", "2"], ["1", "-2"], ["-1", "2"], ["-1", "-2"]],
        ["1", "1", "1/2", "1/2"],
        direction=["1", "0", "2", "1"],
    )
    assert not any(block.within for block in certify(problem, EPSILON).claim.blocks)
    on_axis = Problem(problem.network, problem.X, problem.y, direction=["1", "0", "-2", "0"])
    found = certify(on_axis, EPSILON)
    assert [block.within for block in found.claim.blocks] == [True, True]
    assert [block.gap for block in found.claim.blocks] == [None, None]
    assert check_text(certificate(found)).verdict == "accepted"
    laws = [block.law for block in found.claim.blocks if block.law is not None]
    assert laws and all(law.exponent[1] < 10 for law in laws)


def test_the_limit_flow_and_lists_of_kkt_points_know_all_directions(theorem):
    with pytest.raises(Inconclusive, match="exactly symmetric"):
        limit_flow(theorem)
    (limit,) = certified_limits(theorem, kkt_set(theorem.problem))
    assert limit.entry is None and "symmetry of the start" in limit.reason
    content = json.loads(certificate(theorem))
    assert content["claim"]["statement"] == "early-direction"
