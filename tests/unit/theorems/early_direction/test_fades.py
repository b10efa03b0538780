"""Neurons that fade, from the problem to the words."""

import json
from fractions import Fraction as F

import pytest

from certflow.checker import check_text
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem
from certflow.theorems.basin.certificate import certificate as basin_certificate
from certflow.theorems.basin.prove import limit_flow
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.limits import limits
from certflow.theorems.early_direction.paper import latex
from certflow.theorems.early_direction.prove import certify
from certflow.theorems.early_direction.query import query
from certflow.theorems.early_direction.words import paragraph, points, table

EPSILON = F(1, 50)


def problem(X, y, direction, signs=(-1, 1), alpha=0, **changes):
    network = OneLayer(len(X[0]), len(signs), Activation(alpha, 2), None if min(signs) > 0 else list(signs))
    return Problem(network, X, y, direction=direction, **changes)


BOUNDARY = problem([[1, 0], [2, 0], ["1/2", 1]], [-1, 1, "3/2"], [1, -2, "1/2", 1])
"""Two inputs on one ray with labels of both signs."""
AT_START = problem([[1, 0], ["1/10", 1]], [1, 2], ["1/200", -1], (-1,))
NULL_SPACE = problem(
    [[1, 0, 1], [0, 1, "1/2"]], [1, 1], ["1/4", "-1/8", 1, 1, 1, 1], alpha="-1/3", loss="logistic"
)
FEATURES = Problem(
    FeedForward([2, 2, 2, 1], Activation(0, 2), [2], {1: [[1, 0], [1, 1]], 3: [["-1/2", 2]]}),
    [[1, 1], [2, -1]],
    [1, 2],
    direction=[1, "-1/8", 1, 1],
    reduction="sum",
)
ASIDE = problem([[1, 0], [-1, 0], ["1/2", 1], [-2, 0]], [1, -1, "3/2", 1], ["1/200", -1, "1/2", 1])
"""The neuron is on that side of the line of three samples on which the only active one pushes it away."""
FEW = problem(
    [
        ["-1193/1000", "1069/1000", "-81/125", "-101/200", "-313/1000"],
        ["641/1000", "807/1000", "-197/500", "-11/250", "347/1000"],
        ["271/250", "-43/125", "123/1000", "-411/500", "193/1000"],
    ],
    ["51/1000", "46/125", "133/500"],
    [
        *["869/1000", "617/500", "183/1000", "143/500", "-47/500", "-1469/1000", "13/25", "1131/500"],
        *["-263/200", "-22/25", "-1/125", "1087/500", "-359/1000", "-71/1000", "271/1000"],
        *["-2131/1000", "-193/1000", "169/250", "703/500", "1451/1000"],
        *["41/250", "663/1000", "679/500", "-113/500", "-297/1000"],
    ],
    (-1, -1, -1, 1, -1),
)
"""Three samples in five dimensions."""


def accepted(found):
    verdict = check_text(certificate(found))
    return verdict.verdict, verdict.reason


def outcomes(found):
    return [str(block.outcome) for block in found.claim.blocks]


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (BOUNDARY, ["fades", "converges"]),
        (AT_START, ["fades"]),
        (NULL_SPACE, ["fades", "converges"]),
        (FEATURES, ["fades", "converges"]),
    ],
)
def test_neurons_fade_and_the_checker_accepts_it(problem, expected):
    found = certify(problem, EPSILON)
    assert (str(found.outcome), outcomes(found)) == ("proved", expected)
    assert accepted(found) == ("accepted", "")
    block = found.claim.blocks[0]
    assert 0 < block.angle_at_horizon <= EPSILON and block.direction is not None
    assert (block.kkt_point, block.value, block.gap, block.law, block.angle_at_radius) == (None,) * 5
    assert Claim.from_json(found.claim.to_json()) == found.claim


def test_four_of_five_neurons_fade_with_few_samples():
    found = certify(FEW, F(1, 100))
    assert outcomes(found) == ["fades"] * 3 + ["converges", "fades"]
    assert accepted(found) == ("accepted", "")
    # The neuron that converges has a law, and a delta that is one to work with.
    assert found.claim.blocks[3].law is not None and found.claim.delta_bar > F(1, 10**9)


def test_the_directions_are_orthogonal_to_the_samples_that_act():
    found = certify(BOUNDARY, EPSILON)
    assert found.claim.blocks[0].direction == (0, -1)
    few = certify(FEW, F(1, 100)).claim
    for block in few.blocks[:3]:
        inner = [sum(a * b for a, b in zip(x, block.direction, strict=True)) for x in FEW.X]
        assert max(inner) == 0


@pytest.mark.parametrize(
    ("y", "fades"),
    [((1, 0), True), ((-1, "1/2"), True), ((-1, "1/4"), False), ((-2, "1/2"), False), ((1, -1), False)],
)
def test_labels_on_one_ray_add_up(y, fades):
    # (1, 0) and (2, 0) push with y1 + 4 y2.
    found = certify(problem([[1, 0], [2, 0], ["1/2", 1]], [*y, "3/2"], [1, -2, "1/2", 1]), EPSILON)
    assert (found.claim is not None and outcomes(found)[0] == "fades") == fades


def test_neurons_that_are_pulled_by_a_sample_do_not_fade():
    found = certify(problem([[1, 0], ["1/2", 1]], [-1, "3/2"], ["1/1000", -1, "1/2", 1]), EPSILON)
    assert outcomes(found)[0] != "fades"


def test_a_start_where_all_outputs_vanish_fades_at_once():
    found = certify(problem([[1, 0], ["1/10", 1]], [1, 2], [0, -1], (-1,)), EPSILON)
    assert outcomes(found) == ["fades"] and found.claim.scaled_time == 0
    assert found.claim.blocks[0].angle_at_horizon < F(1, 10**12)
    assert accepted(found) == ("accepted", "")


def test_a_ball_of_directions_fades_to_the_same_direction():
    found = certify(BOUNDARY, EPSILON, F(1, 1000))
    assert outcomes(found) == ["fades", "converges"] and accepted(found) == ("accepted", "")
    assert found.claim.blocks[0].angle_at_horizon > F(1, 1000)
    assert found.claim.blocks[0].direction == (0, -1)


def test_the_size_is_capped_where_residuals_might_turn():
    # Σc²y = 3 on the ray of (1, 0), and Σc²β = 1 + 16: A <= 3/17.
    assert 0 < certify(BOUNDARY, EPSILON).claim.radius ** 2 <= F(3, 17)
    # y1 = 1/1000, β1 = 1.
    tight = problem([[1, 0], ["1/10", 1]], ["1/1000", 2], ["1/200", -1, 1, 1])
    found = certify(tight, EPSILON)
    assert outcomes(found) == ["fades", "converges"] and accepted(found) == ("accepted", "")
    assert F(95, 100_000) < found.claim.radius**2 <= F(1, 1000)


# -- in words ------------------------------------------------------------------------------------------------


def test_the_paragraph_says_where_it_stays_and_how_long():
    text = paragraph(certify(BOUNDARY, EPSILON).claim)
    assert "Block 1 fades: from the horizon on its direction stays within 0.00661 (radians) of one at" in text
    assert "its outputs vanish, until ‖w‖ first exceeds R = 0.1039, and until then its norm does not" in text
    few = paragraph(certify(FEW, F(1, 100)).claim)
    assert "Blocks 1 to 3 and 5 fade: from the horizon on the direction of each stays within" in few
    assert "their norms do not grow" in few
    alone = paragraph(certify(AT_START, EPSILON).claim)
    assert "The network fades: from the horizon on its direction stays within" in alone
    assert "for all later times" in alone


def test_tables_have_the_direction_and_the_angle():
    claim = certify(BOUNDARY, EPSILON).claim
    (first, *_), (bounds, *_) = points(claim).rows, table(claim).rows
    assert [cell.text for cell in first] == ["-90.0000°", "0", "–", "1"]
    assert [cell.text for cell in bounds][:5] == ["1", "fades", "–", "–", "0.00661"]
    assert any("need not be its limit" in note for note in points(claim).notes)


def test_latex_has_the_direction_and_the_angle():
    found = certify(BOUNDARY, EPSILON)
    text = latex(found.claim, BOUNDARY, "0" * 64)
    assert r"1 & fades & $-$90.00000 & 0 & – \\" in text and r"1 & 0.00661 & –" in text
    assert r"Block 1 fades: from the horizon on its direction stays within 0.00661" in text
    alone = latex(certify(AT_START, EPSILON).claim, AT_START, "0" * 64)
    assert "The network fades" in alone


def test_a_query_has_its_angle_at_every_size():
    claim = certify(BOUNDARY, EPSILON).claim
    answer = query(claim, "1e-9")
    angle = claim.blocks[0].angle_at_horizon
    assert len(answer.radii) > 2
    for found in (answer.angles_at_horizon[0], *(each.angles[0] for each in answer.radii)):
        assert angle <= found <= angle * (1 + F(1, 2**20))


def test_the_limit_flow_fades_too():
    theorem = certify(BOUNDARY, EPSILON)
    found = limit_flow(theorem)
    assert [str(block.outcome) for block in found.claim.blocks] == ["fades", "converges"]
    assert check_text(basin_certificate(found)).verdict == "accepted"


def test_a_fading_block_uses_its_share_of_epsilon():
    found = certify(BOUNDARY, EPSILON)
    used = {limit.block: limit.used for limit in limits(found.claim, json.loads(certificate(found)))}
    assert used[0] == found.claim.blocks[0].angle_at_horizon / EPSILON


def test_a_neuron_fades_on_one_side_of_a_sample_that_would_pull_it():
    found = certify(ASIDE, EPSILON)
    assert [str(block.outcome) for block in found.claim.blocks] == ["fades", "converges"]
    text = certificate(found)
    assert check_text(text).verdict == "accepted"
    # A ball of starts that reaches over the line.
    wide = certify(ASIDE, EPSILON, start_angle=F(1, 100))
    assert wide.claim is None or wide.claim.blocks[0].outcome != "fades"
    # By hand: on this side the first sample pushes the neuron, and x . u falls towards 0.
    assert found.claim.blocks[0].direction == (0, -1)


def test_a_neuron_that_labels_pull_on_its_side_does_not_fade():
    other = problem([[1, 0], [-1, 0], ["1/2", 1]], [-1, 1, "3/2"], ["1/200", -1, "1/2", 1])
    assert certify(other, EPSILON).claim.blocks[0].outcome != "fades"
