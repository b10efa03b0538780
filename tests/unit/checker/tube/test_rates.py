"""Rates of a region and what they are made of, by numbers worked out by hand, and the sentences of the
refusals.
"""

from fractions import Fraction as F
from math import inf, isqrt, nan

import pytest

from certflow.checker.kernel.definite import is_psd
from certflow.checker.kernel.network import Evaluation
from certflow.checker.kernel.numbers import ONE, div_up, norm_up, sqrt_down, times
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.tube.region import (
    Bounds,
    Place,
    _lifted,
    _over_root,
    _proved,
    _upwards,
    at_point,
    least_quotient,
    quotient,
    unit_outputs,
)
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

GRID = 48
CLOCK = Clock(None)
AXES = [["1", "0"], ["0", "1"]]


def checked(network, X, y, loss="square", reduction="sum"):
    p = Problem(network, X, y, loss, direction=[1] * network.size, reduction=reduction)
    return Checked(p.exact_content(), CLOCK)


def neuron(y=("1", "-1/2"), power=2, width=1, X=AXES, loss="square", reduction="sum", alpha=1):
    network = OneLayer(len(X[0]), width, Activation(F(alpha), power), [1, -1][:width] if width > 1 else None)
    return checked(network, X, list(y), loss, reduction)


def fixed(*values):
    assert all((F(v) * ONE).denominator == 1 for v in values)
    return [int(F(v) * ONE) for v in values]


def near(found, exact, units=100):
    """`found` is an upper bound of the rational, hardly above it."""
    return exact * ONE <= found <= exact * ONE + units


def near_root(found, square, units=1000):
    """`found` is an upper bound of the root of the rational, hardly above it."""
    return F(found) ** 2 >= square * ONE**2 and F(max(0, found - units)) ** 2 <= square * ONE**2


def around(found, exact, units=100):
    return found[0] <= exact * ONE <= found[1] and found[1] - found[0] <= units


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((1, 2), (2, 4), F(1, 4), 1),
        ((-1, 2), (2, 4), F(-1, 2), 1),
        ((-2, -1), (2, 4), -1, F(-1, 4)),
        ((-2, 0), (2, 4), -1, 0),
        ((0, 2), (2, 4), 0, 1),
    ],
)
def test_quotients(a, b, low, high):
    assert quotient(tuple(fixed(*a)), tuple(fixed(*b))) == tuple(fixed(low, high))
    assert quotient((1, 1), (3 * ONE, 3 * ONE)) == (0, 1) and quotient((-1, -1), (3 * ONE, 3 * ONE)) == (
        -1,
        0,
    )


def test_divisions_by_powers_of_a_root_are_rounded_up():
    assert [_over_root(8 * ONE, 4 * ONE, k) for k in range(4)] == fixed(8, 4, 2, 1)
    assert _over_root(1, 4 * ONE, 3) == 1 and _over_root(3, 4 * ONE, 1) == 2


def test_a_lift_is_rounded_down():
    assert _lifted([fixed(1, 0), fixed(0, -1)], fixed(1, 2), F(2)) == [fixed(3, 4), fixed(4, 7)]
    assert _lifted([[5, 5], [5, 5]], [1, -1], F(-1, 3)) == [[4, 5], [5, 4]]
    assert _lifted([[0]], fixed(2), F(3, 4)) == [fixed(3)]


def test_rationals_above_a_hint():
    assert _upwards(3.0) == [3 + F(3, 2**k) for k in (32, 26, 20, 14, 8, 2)]
    assert _upwards(5e-324)[0] > 0 and len(_upwards(9e299)) == 6
    for hopeless in (None, 0.0, -1.0, 1e300, inf, nan):
        assert _upwards(hopeless) == []


@pytest.mark.parametrize(
    ("matrices", "directions", "s", "proved"),
    [
        # One part: M + s w^2, where an entry may be off by one unit.
        ([-1], [2], F(1, 4) + F(1, 2**20), True),
        ([-1], [2], F(1, 4), False),
        ([0], [0], 0, False),
        # -1 + 4 s / (1 + s tau) with tau 1, and with tau 1 + 1.
        ([-1, 1], [2, 1], F(34, 100), True),
        ([-1, 1], [2, 1], F(33, 100), False),
        ([1, -1], [1, 2], F(34, 100), True),
        ([1, -1, 1], [1, 2, 1], F(51, 100), True),
        ([1, -1, 1], [1, 2, 1], F(49, 100), False),
        # What does not move the sum costs nothing.
        ([1, -1, 1], [0, 2, 1], F(34, 100), True),
        # Nothing to lift.
        ([1, 1], [1, 1], 0, True),
        ([-1, 1], [2, 1], 0, False),
        # Only one part can be lifted, and only above nothing.
        ([-1, -1], [2, 0], 1, False),
        ([-1, 1], [1, 0], 1, False),
    ],
)
def test_lifted_forms(matrices, directions, s, proved):
    assert _proved([[fixed(m)] for m in matrices], [fixed(w) for w in directions], F(s), CLOCK) is proved


def test_a_share_of_the_lift_is_not_taken_where_rounding_leaves_nothing():
    assert not _proved([[[2]], [fixed(-1)]], [[2], fixed(2)], F(1), CLOCK)


def test_lifted_matrices_may_be_one_unit_off_and_no_more():
    # 5 = 1 + 2^2 units: the slack of one unit is what the one unit costs, for two it would be too small.
    assert is_psd([[5]], CLOCK, 1) and not is_psd([[5]], CLOCK, 2)
    assert _proved([[[5]]], [[0]], F(0), CLOCK)
    # With tau = 5/4 of 1/27 the first part keeps 27 - 22 units; 2 * 2^122 / 2^120, a little shrunk, gives 7
    # to the second one.
    assert _proved([[[27]], [[-2]]], [[1], [1 << 61]], F(2), CLOCK)


def test_a_lower_bound_of_a_quotient():
    run = Evaluation([fixed(1, 2), fixed(2, 5)], [fixed(F(1, 2), 1), fixed(1, F(1, 4))], [], 0, [], [], [])
    # v = (1, -2): 1 - 8 + 20 without 1/2 + 4 + 1, over 5.
    assert least_quotient([run], [[1, -2]]) == F(13 - F(11, 2)) / 5
    # (3) with 3^2 (7 - 1) more
    other = Evaluation([fixed(7)], [fixed(1)], [], 0, [], [], [])
    assert least_quotient([run, other], [[1, -2], [3]]) == (F(15, 2) + 54) / 14


def test_outputs_on_the_unit_sphere():
    X = [["3", "4"], ["0", "1/2"]]
    fixed_output = neuron(width=2, X=X)
    assert unit_outputs(fixed_output) == [25, F(1, 4)] == fixed_output.beta
    assert unit_outputs(fixed_output) is fixed_output.beta
    trained = checked(TwoLayer(2, 2, Activation(F(1), 1)), X, ["1", "2"])
    assert unit_outputs(trained) == [F(5, 2), F(1, 4)]
    for layers, weight in zip(fixed_output.layers, (F(1, 2), F(-3)), strict=True):
        layers.matrices[1][0][0] = weight
    fixed_output.beta = []
    assert unit_outputs(fixed_output) == [75, F(3, 4)]


@pytest.mark.parametrize(
    ("loss", "reduction", "kappa"),
    [
        ("square", "sum", (ONE, ONE)),
        ("square", "mean", (ONE // 3, ONE // 3 + 1)),
        ("logistic", "sum", (0, ONE // 2)),
        ("logistic", "mean", (0, ONE // 6 + 1)),
    ],
)
def test_what_the_curvature_of_the_loss_gives(loss, reduction, kappa):
    X = [["1"], ["1/3"], ["2"]]
    one = Bounds(neuron("111", X=X, loss=loss, reduction=reduction), [0], "here")
    assert (one.kappa, one.most, one.beta, one.order, one.coupled) == (kappa, kappa[1], [], 2, False)
    two = Bounds(neuron("111", width=2, X=X, loss=loss, reduction=reduction), [1], "here")
    assert two.beta == [ONE, ONE // 9 + 1, 4 * ONE] and two.coupled
    assert [part.layers.matrices[1] for part in two.parts] == [[[-1]]]


def test_the_enclosures_at_a_point():
    # N = u1^2 - u2^2 / 2 at (3, 4): the gradient is (6, -4), its radial part 2/25 of (3, 4), its rest 36/25
    # (4, -3).
    bounds = Bounds(neuron(), [0], "here")
    place = at_point(bounds, [[3 << GRID, 4 << GRID]], GRID, "here")
    assert ([[(v, v) for v in fixed(3, 4)]], [[[(v, v)] for v in fixed(3, 4)]]) == (place.W, place.Z)
    assert place.P == (25 * ONE, 25 * ONE) and around(place.ell, F(2, 25))
    assert near(place.tangential, F(36, 25)) and place.dd == 0
    # On a half of the grid, nearer to zero.
    place = at_point(bounds, [[3, 4]], 3, "here")
    assert (
        place.P == (25 * ONE // 64, 25 * ONE // 64)
        and around(place.ell, F(2, 25))
        and near(place.tangential, F(36, 25))
    )
    # At the maximum nothing is left but rounding: 2 +- 4 units along, +- 4 across.
    place = at_point(bounds, [[1 << GRID, 0]], GRID, "here")
    assert place.ell == (2 * ONE - 4, 2 * ONE + 4) and place.tangential == isqrt(8**2 + 4**2) + 1


def test_the_tangential_gradient_at_a_point_covers_every_rounding():
    # |c|^2 = 25/49 and the weights of the samples are rounded, and so are the gradient and its radial part.
    bounds, unit = Bounds(neuron(("1/3", "-5/7")), [0], "here"), (1 << GRID) // 7
    for centre in ([3 * unit, 4 * unit], [-4 * unit, 3 * unit], [3 * unit, -4 * unit]):
        place = at_point(bounds, [centre], GRID, "here")
        (part,) = bounds.parts
        G = part.forcing(part.evaluate(place.W[0], place.Z[0]), part.z)
        radial = [times(place.ell, c) for c in place.W[0]]
        worst = [max(abs(a - b) for a in g for b in t) for g, t in zip(G, radial, strict=True)]
        assert place.tangential == div_up(norm_up(worst), sqrt_down(place.P[0]))


def test_several_parts_are_at_one_point():
    # Two neurons of order 3 in one group: N = u^3 - v^3 with the sample 1, at (1, 2).
    bounds = Bounds(neuron(("1",), 3, 2, [["1"]]), [0, 1], "here")
    place = at_point(bounds, [[1 << GRID], [2 << GRID]], GRID, "here")
    assert place.P == (5 * ONE, 5 * ONE) and around(place.ell, F(3 - 24, 5))
    # (3, -12) + 21/5 (1, 2) = 18/5 (2, -1), over the root of 5.
    assert near(place.tangential, F(18, 5))


def test_there_is_no_direction_at_zero():
    with pytest.raises(Refused) as refusal:
        at_point(Bounds(neuron(), [0], "here"), [[0, 0]], GRID, "groups[0].trap")
    assert (refusal.value.rule, refusal.value.where, refusal.value.reason) == (
        "R6",
        "groups[0].trap",
        "the centre is zero",
    )


def located(P=(1, 1), W=((1, 1), (0, 0)), tangential=F(0)):
    """A place with all of its numbers given."""
    return Place(
        [[tuple(fixed(*w)) for w in W]],
        [[[tuple(fixed(*w))] for w in W]],
        tuple(fixed(*P)),
        tuple(fixed(2, 2)),
        *fixed(tangential),
        5,
    )


@pytest.mark.parametrize("tangential", [F(0), F(1, 4)])
def test_the_rates_of_a_region(tangential):
    # N = u1^2 - u2^2 / 2 about (1, 0): the kinks are 1 +- 1/8 and +- 1/8, the Hessian is diag(2, -1).
    bounds = Bounds(neuron(), [0], "here")
    rates, (run,) = bounds.rates(located(tangential=tangential), F(7), F(1, 8), F(0), "here")
    assert (rates.mu, rates.r, rates.dd) == (7, ONE // 8, 5)
    assert run.middle == [fixed(2, 0), fixed(0, -1)]
    assert run.outputs == [tuple(fixed(F(49, 64), F(81, 64))), tuple(fixed(0, F(1, 64)))]
    # Half of r Lambda L / (L - 1) with L = 2, Lambda = 2, and L r T.
    T = tangential + F(1, 4)
    assert near(rates.T, T)
    assert near(rates.ell[1], 2 + T / 4) and near(-rates.ell[0], -(2 - T / 4))
    # F is h_i grad h_i: at most (81/64) (9/4), and 1/64 times 1/4; its radial part is at least 2 (49/64)^2.
    assert near_root(rates.K, F(729, 256) ** 2 + F(1, 256) ** 2 - 4 * F(49, 64) ** 4)
    assert near(rates.E, F(81, 64) ** 2 + F(1, 64) ** 2)


def test_the_rates_of_a_region_of_order_three_about_a_longer_vector():
    # N = u^3 about u = 2 with the sample 3, with |p|^2 at most 4: rho is 2/8, the kink 6 +- 3/4, Lambda 6
    # (27/4) 9.
    bounds = Bounds(neuron(("1",), 3, X=[["3"]]), [0], "here")
    place = Place([[(2 * ONE, 2 * ONE)]], [[[(6 * ONE, 6 * ONE)]]], (3 * ONE, 4 * ONE), (0, ONE), ONE)
    rates, (run,) = bounds.rates(place, F(10**6), F(1, 8), F(0), "here")
    assert run.outputs == [tuple(fixed(F(21, 4) ** 3, F(27, 4) ** 3))]
    T = 1 + F(1, 16) * F(6 * 27 * 9, 4) * F(3, 2)
    assert near(rates.T, T, 1000)
    assert near(rates.ell[1], 1 + 3 * T / 8, 1000) and near(-rates.ell[0], 3 * T / 8, 1000)
    third = Bounds(neuron(("1",), 3, X=[["3"]]), [0], "here").rates(place, F(10**6), F(1, 3), F(0), "here")[0]
    assert third.r == ONE // 3 + 1


def test_a_region_is_wider_than_the_stretch_on_both_sides():
    # N = v u^2 on u = 1 and 1 <= v <= 2, with everything 1/8 wider.
    bounds = Bounds(checked(TwoLayer(1, 1, Activation(F(1), 2)), [["1"]], ["1"]), [0], "here")
    place = Place([[(ONE, ONE), (ONE, 2 * ONE)]], [[[(ONE, ONE)]]], (ONE, ONE), (3 * ONE, 3 * ONE), 0)
    _, (run,) = bounds.rates(place, F(10**6), F(1, 8), F(0), "here")
    assert run.outputs == [tuple(fixed(F(7, 8) ** 3, F(17, 8) * F(9, 8) ** 2))]


@pytest.mark.parametrize(
    ("P", "mu", "reason"),
    [
        ((0, 1), 7, "the curve may pass through zero"),
        ((-1, 1), 7, "the curve may pass through zero"),
        ((1, 1), -7, "the eigenvalue bound mu could not be verified"),
    ],
)
def test_refusals_of_rates(P, mu, reason):
    with pytest.raises(Refused) as refusal:
        Bounds(neuron(), [0], "here").rates(located(P), F(mu), F(1, 8), F(0), "groups[0].windows[1].steps[2]")
    found = refusal.value
    assert (found.rule, found.where, found.reason) == ("R4", "groups[0].windows[1].steps[2]", reason)


def test_the_smallest_positive_size_is_not_zero():
    place = Place(located().W, located().Z, (1, ONE), (2 * ONE, 2 * ONE), 0)
    assert Bounds(neuron(), [0], "here").rates(place, F(7), F(1, 8), F(0), "here")[0].K > ONE


TINY = F(1, 2**30)


def flat(above, loss=0):
    """An evaluation of which only the quadratic form matters."""
    return Evaluation([], [], [fixed(*row) for row in above], *fixed(loss), [], [], [])


@pytest.mark.parametrize(
    ("runs", "W", "s", "rho", "edge"),
    [
        # mu + 2 has to reach 2 and what is lost.
        ([flat([[2, 0], [0, -1]])], [((1, 1), (0, 0))], 0, F(1, 2), F(0)),
        ([flat([[2, 0], [0, -1]], F(1, 8))], [((1, 1), (0, 0))], 0, F(1, 2), F(1, 8)),
        # W is 5/8 wide about (1, 0), with rho that is 1: the lift by 1/4 costs 1/4 everywhere and gives it to
        # the first axis.
        ([flat([[2, 0], [0, -1]])], [((F(5, 8), F(11, 8)), (F(-1, 2), F(1, 2)))], F(1, 4), F(3, 8), F(0)),
        # Twice as far off, it costs 1.
        ([flat([[2, 0], [0, -1]])], [((F(5, 8), F(11, 8)), (F(-1, 2), F(1, 2)))], F(1, 4), F(11, 8), F(3, 4)),
        # The direction (1, 1) is lifted from 3 by 2 s; across it the form is 1.
        ([flat([[2, 1], [1, 2]])], [((1, 1), (1, 1))], F(1, 2), 0, F(0)),
        # Two parts of one weight.
        (
            [flat([[2]]), flat([[-1]])],
            [((F(5, 8), F(11, 8)),), ((F(-1, 2), F(1, 2)),)],
            F(1, 4),
            F(3, 8),
            F(0),
        ),
        ([flat([[2]]), flat([[1]], F(3, 2))], [((1, 1),), ((0, 0),)], F(1), 0, F(1, 2)),
    ],
)
def test_the_eigenvalue_bound_at_its_edge(runs, W, s, rho, edge):
    bounds = Bounds(neuron(), [0], "here")
    at = Place([[tuple(fixed(*w)) for w in own] for own in W], [], (ONE, ONE), (0, 0), 0)
    assert bounds._definite(at, runs, edge + TINY, F(s), *fixed(rho), 2 * ONE)
    assert not bounds._definite(at, runs, edge - TINY, F(s), *fixed(rho), 2 * ONE)


SQUARE = ("1", "-1/2")


@pytest.mark.parametrize(
    ("y", "power", "loss", "reduction", "K2", "E"),
    [
        # h = (1, 1/4), F = h grad h = (2, 1/4), o = 17/16; 1 / root P is at most 2.
        (SQUARE, 2, "square", "sum", (F(65, 16) - F(17, 8) ** 2 / 4) * 2**6, 17),
        (SQUARE, 2, "square", "mean", (F(65, 16) - F(17, 8) ** 2 / 4) * 2**4, F(17, 2)),
        # kappa is between 0 and h / 2.
        (("1", "-1"), 2, "logistic", "sum", F(65, 64) * 2**6, F(17, 2)),
        # h = (1, 1/8), F = (3, 3/32), o = 65/64.
        (SQUARE, 3, "square", "sum", (F(9 * 1025, 1024) - (3 * F(65, 64)) ** 2 / 4) * 2**8, F(65, 2)),
    ],
)
def test_the_forcing_of_one_group(y, power, loss, reduction, K2, E):
    bounds = Bounds(neuron(y, power, loss=loss, reduction=reduction), [0], "here")
    at = located((F(1, 4), 4), ((1, 1), (F(1, 2), F(1, 2))))
    K, found = bounds._forcing(at, [bounds.parts[0].evaluate(at.W[0], at.Z[0])])
    assert near_root(K, K2) and near(found, E)


def test_the_outputs_of_parts_add_up():
    # h = 8 - 1, F = 7 (3 * 4, -3), o = 49, with P = 1.
    bounds = Bounds(neuron(("1",), 3, 2, [["1"]]), [0, 1], "here")
    runs = [part.evaluate(fixed_box(u), [fixed_box(u)]) for part, u in zip(bounds.parts, (2, 1), strict=True)]
    K, E = bounds._forcing(located((1, 4)), runs)
    assert near_root(K, F(84) ** 2 + 21**2 - (3 * 49) ** 2 / 4) and near(E, 49)


def fixed_box(u):
    return [(u * ONE, u * ONE)]


def test_a_forcing_that_is_radial_is_one_rounding():
    bounds = Bounds(neuron(), [0], "here")
    at = located((F(1, 4), F(1, 64)), ((1, 1), (F(1, 2), F(1, 2))))
    assert bounds._forcing(at, [bounds.parts[0].evaluate(at.W[0], at.Z[0])])[0] == 8 << 60


@pytest.mark.parametrize(
    ("loss", "reduction", "share"),
    [("square", "sum", 1), ("square", "mean", F(1, 2)), ("logistic", "sum", F(1, 2))],
)
def test_the_forcing_of_one_of_several_groups(loss, reduction, share):
    # beta is 25 and 1, |grad h| at most 5 and 2, |h| at least 3/2 and 0.
    bounds = Bounds(neuron(("1", "-1"), 2, 2, [["3", "4"], ["0", "1"]], loss, reduction), [0], "here")
    outputs = [tuple(fixed(F(3, 2), 2)), tuple(fixed(-2, 1))]
    run = Evaluation([], [], [], 0, outputs, fixed(5, 2), [])
    K, E = bounds._forcing(located((F(1, 4), 1)), [run])
    # One unit more before it is divided by the root, or by P.
    units = {1: (2, 4), F(1, 2): (2, 4)}[share]
    assert (K - units[0], E - units[1]) == tuple(fixed(204 * share, 208 * share))
    # With a larger |p|^2 less of the gradient is radial: 25 - 9/4 is left, with its root rounded up.
    K, _ = bounds._forcing(located((F(1, 4), 4)), [run])
    least = share * 2 * ONE * (25 * F(isqrt(int(F(91, 4) * ONE * ONE)), ONE) + 2)
    assert least <= K <= least + 200
    # Never less than nothing.
    assert bounds._forcing(located((F(1, 4), F(1, 4))), [run])[0] - units[0] == 4 * share * ONE
    # Sums that do not fill a unit are one.
    bounds.beta = [1, 0]
    almost = Evaluation([], [], [], 0, [(0, ONE - 1), (0, 0)], [0, 0], [])
    assert bounds._forcing(located(), [almost]) == (1, 1)
