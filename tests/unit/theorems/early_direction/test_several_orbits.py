"""Neurons whose quadratic form has equal eigenvalues: limits in a continuum, alone and beside others."""

import json
from fractions import Fraction
from functools import cache

import pytest

import certflow
from certflow.checker import check_text
from certflow.checker.registry import sentences
from certflow.outcome import Fate
from certflow.theorems.early_direction.paper import latex
from certflow.theorems.early_direction.words import outcomes, table

X = [["1", "0", "1/2"], ["1", "0", "-1/2"], ["0", "1", "1/2"], ["0", "1", "-1/2"], ["-1/2", "-1/2", "1/4"]]
Y = ["1", "1", "1", "1", "1/2"]


@cache
def beside():
    network = certflow.OneLayer(3, 2, alpha="0", power=2, signs=[1, -1])
    direction = ["3", "4", "1/2", "4", "2", "-1"]
    return certflow.certify(certflow.Problem(network, X, Y, direction=direction), epsilon="1/50")


def circle(width=1, direction=("3", "4"), **changes):
    """N = |w|^2/2 where both weights are positive; the losses turn w."""
    network = certflow.OneLayer(2, width, alpha="0", power=2, signs=changes.pop("signs", None))
    data = [["1", "0"], ["0", "1"], ["-1/2", "-1/2"]]
    return certflow.certify(
        certflow.Problem(network, data, ["1", "1", "1/2"], direction=list(direction)),
        **({"epsilon": "1/50"} | changes),
    )


def test_a_neuron_comes_to_one_point_of_the_circle_of_eigenvectors():
    network = certflow.OneLayer(3, 1, alpha="0", power=2)
    theorem = certflow.certify(certflow.Problem(network, X, Y, direction=["3", "4", "1"]), epsilon="1/50")
    (block,) = theorem.blocks
    assert theorem.checked and block.outcome is Fate.CONTINUUM
    # M = diag(2, 2, 1)/5 on its cell.
    assert block.value[0] <= Fraction(2, 5) <= block.value[1] and block.gap[0] <= Fraction(2, 5)
    assert block.gap[0] > Fraction(39, 100) and block.law.of_set


def test_a_continuum_beside_a_neuron_that_shrinks():
    theorem = beside()
    first, second = theorem.blocks
    assert (first.outcome, second.outcome) == (Fate.CONTINUUM, Fate.SHRINKS) and theorem.checked
    assert first.horizon < second.horizon == theorem.claim.scaled_time
    assert first.law.of_set and not second.law.of_set


def test_a_ball_of_starts_at_kkt_points_has_a_continuum_of_limits():
    theorem = circle(start_angle="1/1000")
    (block,) = theorem.blocks
    assert block.outcome is Fate.CONTINUUM and theorem.checked
    # There is no direction that is not turned.
    assert block.gap is None and block.kkt_point.radius >= Fraction(1, 1000)
    assert "Each initial direction has its own." in outcomes(theorem.claim)[0]


@pytest.mark.parametrize("signs", [[1, 1], [1, -1], [-1, -1]])
def test_neurons_grow_and_shrink_along_circles(signs):
    theorem = circle(2, ("3", "4", "4", "1"), signs=signs, start_angle="1/1000")
    assert [block.outcome for block in theorem.blocks] == [Fate.CONTINUUM] * 2 and theorem.checked
    assert (theorem.claim.radius is None) == (max(signs) < 0)
    for sign, block in zip(signs, theorem.blocks, strict=True):
        assert block.value[0] <= Fraction(sign, 3) <= block.value[1]
    text = " ".join(outcomes(theorem.claim))
    assert ("N is positive" in text, "N is negative" in text) == (1 in signs, -1 in signs)


def test_one_neuron_that_shrinks_stays_for_ever():
    theorem = circle(signs=[-1])
    (block,) = theorem.blocks
    assert block.outcome is Fate.CONTINUUM and theorem.checked and theorem.claim.radius is None
    assert block.angle_at_radius is None and block.law is None
    assert "for all later times" in str(theorem)


def test_exact_starts_that_shrink_are_one_of_a_continuum():
    theorem = circle(2, ("3", "4", "4", "1"), signs=[1, -1])
    assert [block.outcome for block in theorem.blocks] == [Fate.CONTINUUM] * 2 and theorem.checked
    growing = circle(2, ("3", "4", "4", "1"))
    assert [block.outcome for block in growing.blocks] == [Fate.EXACT_START] * 2 and growing.checked


def test_beside_what_is_unknown_nothing_is_said_of_a_continuum():
    data = [["1", "0"], ["0", "1"], ["-1/2", "-1/2"]]
    network = certflow.OneLayer(2, 2, alpha="0", power=2)
    start = ["3", "4", "-1", "1/2"]
    problem = certflow.Problem(network, data, ["1", "1", "1/2"], direction=start)
    theorem = certflow.certify(problem, epsilon="1/50", start_angle="1/1000")
    outcomes = [block.outcome for block in theorem.blocks] if theorem.claim is not None else []
    assert Fate.CONTINUUM not in outcomes or all(
        fate in (Fate.CONTINUUM, Fate.CONVERGES, Fate.SHRINKS, Fate.DEAD) for fate in outcomes
    )


def test_the_theorem_in_words():
    theorem = beside()
    text = " ".join(outcomes(theorem.claim))
    assert "The KKT point of block 1 is the one to which the limit flow converges" in text
    assert "weights with equal eigenvalues" in text and "N is positive at the KKT point of block 1." in text
    assert any(
        "of a continuum that to the set of all KKT points" in note for note in table(theorem.claim).notes
    )
    tex = latex(theorem.claim, theorem.problem, "0" * 64)
    assert "symmetries of $N_j$ move the point" in tex
    assert "of a continuum to the nearest of all its KKT points" in tex
    said = sentences(json.loads(theorem.certificate)["claim"], json.loads(theorem.certificate)["problem"])
    assert "one of a continuum of KKT points" in said[1] and "(N >= 0.3" in said[1]


def test_no_sign_of_n_is_said_of_a_continuum_that_claims_no_value():
    content = json.loads(circle(2, ("3", "4", "4", "1"), signs=[-1, -1], start_angle="1/1000").certificate)
    said = " ".join(sentences(content["claim"], content["problem"]))
    assert "N <= -0.33" in said and "for ever" in said and "N >" not in said
    for block in content["claim"]["blocks"]:
        block["value"] = None
    assert "N <" not in " ".join(sentences(content["claim"], content["problem"]))
    assert check_text(beside().certificate).accepted
