"""Limit flows that pass saddles, cross kinks, start at rest or end nowhere: followed as far as can be, or a
kind of reason.
"""

from fractions import Fraction

import numpy as np
import pytest

from certflow.certifying import certify
from certflow.flow.enclose.parts import parts_of
from certflow.flow.endings import Ending, NotSettled
from certflow.flow.propose.centres import Proposal, groups_of
from certflow.flow.propose.traps import find_traps
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem
from certflow.theorems.early_direction.advice import CAUSES

SQUARED, FORM = Activation(0, 2), Activation(1, 2)
EPSILON = Fraction(1, 100)


def rows(text):
    """The numbers of a text, one row a line."""
    return [line.split() for line in text.strip().splitlines()]


def form(direction, values=("2", "1")):
    """A quadratic form with these eigenvalues, from this direction."""
    unit = [["1" if i == j else "0" for j in range(len(values))] for i in range(len(values))]
    return Problem(OneLayer(len(values), 1, FORM), unit, list(values), direction=direction)


def ending(problem, group=0, distance=0.01):
    return Proposal(problem, groups_of(problem)[group]).curve(distance).ending


# -- saddles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", ["1e-6", "-1e-9", "1e-12"])
def test_a_start_next_to_a_saddle_leaves_it_for_the_maximum(distance):
    found = certify(form([distance, "1"]), EPSILON)
    assert found.outcome == "proved" and found.checked
    centre = [Fraction(0), Fraction(1 if distance[0] != "-" else -1)]
    assert found.claim.blocks[0].outcome == "converges"
    assert 0 < found.claim.delta_bar < abs(Fraction(distance))
    x, y = (float(v) for v in found.claim.blocks[0].kkt_point.centre)
    assert abs(y) < 1e-9 and x == pytest.approx(float(centre[1]), abs=1e-9)


def test_a_flow_that_passes_near_a_saddle_is_followed_to_its_limit():
    problem = form(["1e-12", "1e-3", "1"], ("3", "2", "1"))
    proposal = Proposal(problem, groups_of(problem)[0])
    assert proposal.curve(0.01).ending is None
    assert proposal.limit.point[0] == pytest.approx([1, 0, 0]) and proposal.limit.gap == pytest.approx(2 / 3)
    # On the way it is within 0.02 of (0, 1, 0), a saddle.
    assert min(np.linalg.norm(end[0] / np.linalg.norm(end[0]) - [0, 1, 0]) for end in proposal.ends) < 0.02


def test_a_start_too_close_to_a_saddle_for_doubles_or_on_its_stable_set_says_so():
    assert ending(form(["1e-16", "1"])) is Ending.SADDLE
    assert ending(form(["0", "1", "1"], ("3", "2", "1"))) is Ending.SADDLE
    assert ending(form(["0", "1"])) is Ending.KKT_START
    kinked = Problem(OneLayer(2, 1, SQUARED), [["1", "0"], ["0", "1"]], ["1", "2"], direction=["1e309", "1"])
    assert ending(kinked) is Ending.SADDLE
    assert ending(form(["0", "3", "0"], ("1", "1", "2"))) is Ending.KKT_START


# -- other ends ----------------------------------------------------------------------------------------------


def test_each_way_to_end_without_a_point_has_its_kind():
    boundary = Problem(OneLayer(2, 1, SQUARED), [["1", "0"]], ["-1"], direction=["1", "1"])
    zero = Problem(OneLayer(1, 2, SQUARED), [["1"]], ["1"], direction=["0", "1"])
    cancelling = Problem(OneLayer(2, 1, SQUARED), [["1", "0"], ["1", "0"]], ["1", "-1"], direction=["1", "1"])
    assert ending(boundary) is Ending.FADES
    # Strict on the side of the sample and N = 0 to the last digit: no limit whose trap could be proved.
    faded = Problem(OneLayer(2, 1, SQUARED), [["-5/3", "2/7"]], ["-1"], direction=["-1/5", "2/5"])
    assert ending(faded) is Ending.FADES
    assert ending(zero) is Ending.ZERO
    assert ending(cancelling) is Ending.NO_GRADIENT_AT_START
    # A half of the circle of eigenvectors has another form.
    half = Problem(OneLayer(2, 1, Activation("1/2", 2)), rows("1 0\n0 1"), ["1", "1"], direction=["-1", "1"])
    assert ending(half, distance=1e-6) is Ending.FLAT


def test_equal_eigenvalues_are_no_hindrance():
    assert ending(form(["1", "2", "3"], ("2", "2", "1"))) is None
    assert ending(form(["1", "2", "0"], ("2", "2", "1"))) is None
    nearly = form(["1", "2", "3"], ("2", "2000000001/1000000000", "1"))
    assert ending(nearly) is not None


def test_rotations_between_layers_move_the_point_and_hinder_nothing():
    X, y = [["1", "1/2"], ["3/10", "-1"], ["-7/10", "4/5"], ["1/5", "9/10"]], ["1", "-1", "1", "1/2"]
    deep = Problem(FeedForward([2, 3, 3, 1], Activation(1, 1)), X, y, seed=3)
    narrow = Problem(FeedForward([2, 1, 1, 1], Activation(1, 1)), X, y, seed=3)
    shallow = Problem(TwoLayer(2, 2, Activation(1, 1)), X, y, seed=3)
    assert ending(deep) is None and ending(narrow) is None and ending(shallow) is None


def test_every_ending_that_is_a_failure_has_a_sentence_and_a_cause():
    assert set(CAUSES) == set(Ending)
    assert len({each.value for each in Ending}) == len(Ending)
    assert all(each.value.endswith(".") for each in Ending)


@pytest.mark.parametrize("size", ["1e200", "1e400"])
def test_numbers_beyond_doubles_are_a_reason(size):
    huge = Problem(OneLayer(2, 1, SQUARED), [[size, "0"], [size, "1"]], ["1", "1"], direction=["1", "1"])
    assert ending(huge) is Ending.OUT_OF_RANGE
    far = Problem(OneLayer(2, 1, SQUARED), [["1", "0"], ["1", "1"]], ["1", "1"], direction=[size, "1"])
    assert ending(far) is None


def test_a_tube_that_no_choice_of_its_end_can_save_is_inconclusive():
    X = rows("-2197/1000 319/500\n-2197/1000 319/500\n251/500 1283/1000")
    network, y = TwoLayer(2, 1, FORM), ["-307/500", "-839/1000", "-11/8"]
    problem = Problem(network, X, y, direction=["-87/250", "-781/500", "771/1000"])
    found = certify(problem, Fraction(1, 5), Fraction(1, 10))
    assert (found.outcome, found.claim) == ("inconclusive", None)
    assert found.reason and "a smaller start angle" in found.try_
    assert certify(problem, Fraction(1, 5)).outcome == "proved"


# -- kinks ---------------------------------------------------------------------------------------------------


CROSSED = rows(
    "-903/1000 1001/1000\n233/200 1063/500\n93/100 -627/1000\n-369/500 1079/1000\n-1861/1000 "
    "-711/1000\n-21/200 269/1000"
)
CROSSED_Y = ["2049/1000", "-81/1000", "-629/1000", "51/50", "323/1000", "-67/250"]


def crossing(scale=1):
    """A neuron that crosses the kinks of several samples on its way, with inputs of any size."""
    X = [[Fraction(v) * scale for v in row] for row in CROSSED]
    return Problem(OneLayer(2, 1, SQUARED), X, CROSSED_Y, direction=["107/200", "2/25"])


def test_windows_that_kinks_lead_elsewhere_are_made_shorter():
    proposal = Proposal(crossing(), groups_of(crossing())[0])
    curve = proposal.curve(0.01)
    assert curve.centre is not None and len(curve.windows) < 60
    assert max(abs(np.linalg.norm(end) - 1) for end in proposal.ends) < 0.02
    assert min(window.h for window in curve.windows) > Fraction(1, 1000)
    assert certify(crossing(), EPSILON).outcome == "proved"


@pytest.mark.parametrize("scale", [Fraction(1, 2**40), Fraction(2**40)])
def test_curves_do_not_depend_on_the_size_of_the_inputs(scale):
    base, curve = (
        Proposal(problem, groups_of(problem)[0]).curve(0.01) for problem in (crossing(), crossing(scale))
    )
    assert [(w.h * scale**2, w.decay / scale**2, w.parts) for w in curve.windows] == [
        (w.h, w.decay, w.parts) for w in base.windows
    ]


# -- slow flows ----------------------------------------------------------------------------------------------


def test_a_slow_flow_that_cannot_come_nearer_keeps_what_was_followed():
    proposal = Proposal(form(["1", "1"], ("1", "99/100")), groups_of(form(["1", "1"]))[0], max_step=0.001)
    curve = proposal.curve(0.5)
    assert curve.centre is not None
    nearer = proposal.curve(1e-14)
    assert (nearer.centre, len(nearer.windows), proposal.ending) == (curve.centre, 1000, Ending.TOO_SLOW)
    assert nearer.windows[: len(curve.windows)] == curve.windows
    assert ending(form(["1", "1"], ("1", "999999/1000000"))) is Ending.TOO_SLOW


# -- scale ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [Fraction(1, 2**40), Fraction(1), Fraction(2**40)])
def test_curves_and_traps_do_not_depend_on_the_size_of_the_labels(scale):
    X = [["1", "0"], ["1/2", "1"]]
    problem = Problem(TwoLayer(2, 1, SQUARED), X, [scale, scale], direction=["1", "2", "1"])
    (group,) = groups_of(problem)
    curve = Proposal(problem, group).curve(0.01)
    plain = Problem(TwoLayer(2, 1, SQUARED), X, ["1", "1"], direction=["1", "2", "1"])
    base = Proposal(plain, group).curve(0.01)
    assert [(w.h * scale, w.decay / scale, w.parts) for w in curve.windows] == [
        (w.h, w.decay, w.parts) for w in base.windows
    ]
    traps = find_traps(parts_of(problem, group), curve.centre, curve.grid, EPSILON, False)
    assert [trap.gamma / scale for trap in traps] == [
        trap.gamma for trap in find_traps(parts_of(plain, group), base.centre, base.grid, EPSILON, False)
    ]


def test_traps_of_high_powers_are_sought_at_small_radii():
    X = rows("169/1000 157/1000\n127/125 -431/500\n-77/500 673/1000\n109/200 -261/500")
    X += rows("-5/8 423/250\n1/10 639/1000\n969/1000 -397/500\n-4/125 101/200")
    y = ["-81/250", "-39/40", "-141/100", "-99/500", "121/50", "671/1000", "789/500", "1509/1000"]
    near = ["0", "0", "0.5378", "-0.6349", "0", "0.4804", "0", "0", "-0.2774", "0"]
    problem = Problem(FeedForward([2, 2, 2, 1], Activation(0, 3)), X, y, direction=near)
    (group,) = groups_of(problem)
    curve = Proposal(problem, group).curve(0.01)
    traps = find_traps(parts_of(problem, group), curve.centre, curve.grid, EPSILON, False)
    # With smaller balls than 0.0003 the gap is nearly the order, 13, times N.
    assert all(trap.r0 < Fraction(3, 10000) for trap in traps)
    assert max(float(trap.gamma) for trap in traps) > 0.9 * 13 * 0.00081


def test_a_deep_start_where_the_ncf_is_tiny_is_followed_to_its_limit():
    X = rows("-359/500 407/1000\n141/1000 179/1000\n109/1000 -117/250")
    (direction,) = rows(
        "-1989/1000 489/250 -103/250 -69/100 -959/1000 171/500 -979/1000 -107/250 37/25 359/1000"
    )
    problem = Problem(
        FeedForward([2, 2, 2, 1], Activation(0, 3)),
        X,
        ["-411/250", "-461/1000", "13/250"],
        direction=direction,
    )
    (group,) = groups_of(problem)
    proposal = Proposal(problem, group)
    curve = proposal.curve(0.003)
    assert curve.centre is not None and proposal.limit.value == pytest.approx(1.39147e-7, rel=1e-5)
    traps = find_traps(parts_of(problem, group), curve.centre, curve.grid, EPSILON, False)
    assert max(float(trap.gamma) for trap in traps) > 1.5e-6
    with pytest.raises(NotSettled) as refused:
        find_traps(parts_of(problem, group), curve.start, curve.grid, EPSILON, False)
    assert refused.value.ending is Ending.NO_GAP
