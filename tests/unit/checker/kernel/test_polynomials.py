"""Polynomials of the checker by numbers worked out by hand: coefficients, errors, ranges and refusals, to the
last unit.
"""

from fractions import Fraction as F

import pytest

from certflow.checker.kernel import polynomials
from certflow.checker.kernel.numbers import BITS, ONE
from certflow.checker.kernel.polynomials import (
    Layers,
    Polynomial,
    Products,
    Samples,
    activation,
    defect,
    dot,
    first_kinks,
    gradient,
)
from certflow.checker.kernel.verdicts import Clock, Refused

HALF = polynomials._HALF
SLOT = polynomials._SLOT


def poly(*numbers, err=0):
    """The polynomial with these coefficients, all of them fixed-point numbers."""
    assert all((F(v) * ONE).denominator == 1 for v in numbers)
    return Polynomial([int(F(v) * ONE) for v in numbers], err)


def parts(polynomial):
    return polynomial.coefficients, polynomial.err


def same(polynomial, *numbers, err):
    assert parts(polynomial) == ([F(v) * ONE for v in numbers], err)


@pytest.mark.parametrize(
    ("value", "coefficients", "err"),
    [
        (F(1, 2), [ONE // 2], 0),
        (F(-3), [-3 * ONE], 0),
        (F(1, 3), [ONE // 3], 1),
        (F(-1, 3), [-ONE // 3], 1),
        (F(0), [0], 0),
    ],
)
def test_a_constant_is_rounded_down_with_its_error(value, coefficients, err):
    assert parts(Polynomial.constant(value)) == (coefficients, err)


def test_a_polynomial_is_packed_exactly_up_to_the_size_of_a_slot():
    p = Polynomial([3, -4, 5])
    assert (p.err, p.norm) == (0, 12)
    for _ in range(2):
        assert p.packed() == 3 - (4 << SLOT) + (5 << (2 * SLOT))
    for sign in (1, -1):
        assert Polynomial([sign * (HALF - 1)]).packed() == sign * (HALF - 1)
        with pytest.raises(Refused) as refusal:
            Polynomial([0, sign * HALF]).packed()
        assert (refusal.value.rule, refusal.value.where) == ("R3", "")
        assert refusal.value.reason == "the numbers of a piece are too large"


@pytest.mark.parametrize(
    ("p", "middle", "eta", "low", "high"),
    [
        # 1 - 1/2 + 3/4 with the spread (1 + 2 * 3) / 4.
        (poly(1, -1, 3, err=5), ONE // 2, ONE // 4, F(5, 4) - F(7, 4), F(5, 4) + F(7, 4)),
        (poly(2, 5, err=0), ONE, 0, 7, 7),
        (poly(-3), ONE // 2, ONE // 2, -3, -3),
        (poly(0, 0, 0, 2), ONE // 2, ONE // 8, F(1, 4) - F(3, 4), F(1, 4) + F(3, 4)),
    ],
)
def test_a_hull_is_the_value_at_the_middle_and_the_spread(p, middle, eta, low, high):
    count = len(p.coefficients)
    assert p.hull(middle, eta) == (low * ONE - p.err, high * ONE + count + p.err)


def test_a_hull_rounds_its_value_down_and_its_spread_up():
    assert Polynomial([0, 1]).hull(ONE // 2, 1) == (-1, 3)
    assert Polynomial([0, -1]).hull(ONE // 2, 1) == (-2, 2)


def test_derivatives_and_signs_at_one_half():
    assert parts(Polynomial([5, 7, -3, 2]).derivative()) == ([7, -6, 6], 0)
    assert parts(Polynomial([5]).derivative()) == ([], 0)
    for coefficients, sign in (
        ([1, -2], 0),
        ([1, -1], 1),
        ([3, 1, -1], 1),
        ([1, 1, -8], -1),
        ([0, 0, 1], 1),
        ([-1, 1, 1], -1),
    ):
        found = Polynomial(coefficients).at_half()
        assert (found > 0) - (found < 0) == sign


@pytest.mark.parametrize(
    ("coefficients", "low", "high"),
    [
        ([7], 7, 7),
        ([1, 2, 3], 1, 6),
        ([-1, -2, -3], -6, -1),
        # Where the coefficients show a sign, they are enough.
        ([2, -2, 1], 0, 3),
        ([-2, 2, -1], -3, 0),
        # b = 1, (2 - 2) / 2, 2
        ([1, -2, 3], 0, 2),
        # b = -1, (-2 + 3) / 2 between 0 and 1, -1
        ([-1, 3, -3], -1, 1),
        # b = 1, (2 - 3) / 2 between -1 and 0, 1
        ([1, -3, 3], -1, 1),
        # b = 0, -8 / 3, (-16 + 12) / 3, 5
        ([0, -8, 12, 1], -3, 5),
    ],
)
def test_ranges(coefficients, low, high):
    assert Polynomial(coefficients, 4).range01() == (low - 4, high + 4)


def test_a_sum_of_products_is_exact_and_rounded_once():
    p, q = poly(1, 2, err=3), poly(-1, F(1, 2), 1, err=5)
    # |p| 5 + |q| 3 + 15 units of 2^-2 BITS, one more for rounding them and one for each coefficient.
    err = (3 * 5 * ONE + 5 * 3 * ONE // 2 + 15) // ONE + 1 + 4
    same(dot([p], [q], 4), -1, F(-3, 2), 2, 2, err=err)
    same(dot([p], [q], 3), -1, F(-3, 2), 2, err=err + 2 * ONE)
    same(dot([p], [q], 1), -1, err=err + 5 * ONE + ONE // 2)
    twice = dot([p, p, poly(1)], [q, q, poly(-7, 1)], 9)
    assert twice.coefficients == [-9 * ONE, -2 * ONE, 4 * ONE, 4 * ONE]
    assert twice.err == (2 * (3 * 5 * ONE + 5 * 3 * ONE // 2 + 15)) // ONE + 1 + 4
    # The last digits of products are rounded down.
    assert parts(dot([Polynomial([1, 1])], [Polynomial([-1, ONE])], 3)) == ([-1, 0, 1], 4)
    assert parts(dot([], [], 3)) == ([0], 2)


def test_sums_of_products_stay_below_a_quarter_of_a_slot():
    root = 1 << (SLOT // 2 - 1)
    factor = Polynomial([root])
    products = Products()
    # root^2 is half of the limit.
    products.add(Polynomial([root]), Polynomial([root // 2 - 1]))
    assert products.norm == root * (root // 2 - 1) < HALF >> 2
    assert products.total(1).coefficients == [(root * (root // 2 - 1)) >> BITS]
    # Both are at the limit, the first one as a sum.
    for large, second in ((products, 1), (Products(), root // 2)):
        with pytest.raises(Refused) as refusal:
            large.add(factor, Polynomial([-second]))
        assert (refusal.value.rule, refusal.value.where) == ("R3", "")
        assert refusal.value.reason == "the numbers of a piece are too large"


@pytest.mark.parametrize(
    ("z", "alpha", "p", "value", "slope"),
    [
        # Smooth: sigma is z^p.
        ((3,), 1, 1, (poly(3)), poly(1)),
        ((-3, 1), 1, 1, poly(-3, 1), poly(1)),
        ((3,), 1, 2, poly(9, err=2), poly(6)),
        ((-3,), -1, 2, poly(9, err=2), poly(-6)),
        ((2,), 1, 3, poly(8, err=2 * 2 + 2), poly(12, err=3 * 2)),
        # One branch only.
        ((3,), 0, 2, poly(9, err=2), poly(6)),
        ((-3,), 0, 2, poly(0), poly(0)),
        ((3,), F(1, 2), 2, poly(9, err=2), poly(6)),
        # off = 1/4: 9/4 with the error 2/4 of the square and 2 of this product, and -3/2.
        ((-3,), F(1, 2), 2, poly(F(9, 4), err=2), poly(F(-3, 2), err=2)),
        # off = -1/8
        ((-2,), F(-1, 2), 3, poly(1, err=6 // 8 + 2), poly(F(-3, 2), err=6 // 8 + 2)),
        # Zero at y = 1/2 is off; the other branch reaches 1/2: 1/2^2 and 2 * 1/2.
        ((F(1, 2), -1), 0, 2, poly(0, err=ONE // 4), poly(0, err=ONE)),
        ((F(-1, 2), 1), 0, 2, poly(0, err=ONE // 4), poly(0, err=ONE)),
        ((F(1, 4), -1), 0, 3, poly(0, err=ONE // 64), poly(0, err=3 * ONE // 16)),
        # On, and 1/4 off.
        (
            (F(3, 4), -1),
            0,
            2,
            poly(F(9, 16), F(-3, 2), 1, err=4 + ONE // 16),
            poly(F(3, 2), -2, err=ONE // 2),
        ),
        (
            (F(3, 4), -1),
            F(1, 2),
            2,
            poly(F(9, 16), F(-3, 2), 1, err=4 + 3 * ONE // 64),
            poly(F(3, 2), -2, err=3 * ONE // 8),
        ),
        # Not quite off: the branch is 1/4 and costs 3/4.
        (
            (F(-3, 4), 1),
            F(1, 2),
            2,
            poly(F(9, 64), F(-3, 8), F(1, 4), err=4 // 4 + 4 + 3 * ONE // 64),
            poly(F(-3, 8), F(1, 2), err=3 + 3 * ONE // 8),
        ),
        # -1/2 to the power of 3 costs 1 + 1/8.
        (
            (F(3, 4), -1),
            F(-1, 2),
            3,
            poly(F(27, 64), F(-27, 16), F(9, 4), -1, err=7 + 5 + 9 * ONE // 512),
            poly(F(27, 16), F(-9, 2), 3, err=12 + 27 * ONE // 128),
        ),
    ],
)
def test_activations(z, alpha, p, value, slope):
    found = activation(poly(*z), F(alpha), p, 9)
    assert (parts(found[0]), parts(found[1])) == (parts(value), parts(slope))


def test_an_overlap_below_one_unit_costs_one():
    value, slope = activation(Polynomial([2, -3]), F(0), 3, 9)
    # The square is off by 1 + 3 units, the cube by 1 + 4.
    assert value.err == 5 + 1 and slope.err == 3 * 4 + 1
    value, slope = activation(Polynomial([-ONE, ONE], 1), F(0), 2, 9)
    assert parts(value) == ([0], 1) and parts(slope) == ([0], 2)


def test_the_smallest_positive_kink_argument_is_on():
    for z, slope in (
        (Polynomial([1]), 2),
        (Polynomial([0, 2]), 4),
        (Polynomial([0]), 0),
        (Polynomial([-1]), 0),
    ):
        assert sum(activation(z, F(0), 2, 9)[1].coefficients) == slope


def test_nothing_passes_a_linear_activation():
    value, slope = activation(Polynomial([]), F(1), 2, 9)
    assert sum(value.coefficients) == sum(slope.coefficients) == 0


def test_activations_keep_so_many_coefficients():
    value, slope = activation(poly(1, 1), F(1, 2), 3, 2)
    # 1 + 2 y + y^2 keeps 1 + 2 y, off by 1 and 4 units; times 1 + y this is 1 + 3 y + 2 y^2, off by twice as
    # much, 4 and 2.
    same(value, 1, 3, err=2 * (ONE + 4) + 4 + 2 * ONE)
    same(slope, 3, 6, err=3 * (ONE + 4))
    value, slope = activation(poly(-2, -2), F(1, 2), 2, 1)
    assert value.coefficients == [ONE] and value.err > 3 * ONE
    assert slope.coefficients == [-ONE] and slope.err == 3 + ONE


def known():
    """Two samples and their weights; the lengths are 5 and 1/3."""
    return Samples([[F(3), F(-4)], [F(1, 3), F(0)]], [F(2), F(-1, 3)], Clock(None))


def test_what_all_parts_share_of_the_samples():
    samples = known()
    third = ONE // 3
    assert samples.rows == [[3, -4], [F(1, 3), 0]]
    assert samples.z == [(2 * ONE, 2 * ONE), (-third - 1, -third)]
    assert samples.x == [[(3 * ONE, 3 * ONE), (-4 * ONE, -4 * ONE)], [(third, third + 1), (0, 0)]]
    assert samples.lengths2 == [25, F(1, 9)] and samples.lengths == [5 * ONE, third + 1]
    assert [[parts(v) for v in row] for row in samples.x_polynomials] == [
        [([3 * ONE], 0), ([-4 * ONE], 0)],
        [([third], 1), ([0], 0)],
    ]
    assert [parts(v) for v in samples.z_polynomials] == [([2 * ONE], 0), ([-third - 1], 1)]
    assert samples.columns == [([3 * ONE, third], [3 * ONE, third]), ([-4 * ONE, 0], [4 * ONE, 0])]
    assert samples.squares == [
        [([9 * ONE, ONE // 9], [9 * ONE, ONE // 9])],
        [([-12 * ONE, 0], [12 * ONE, 0]), ([16 * ONE, 0], [16 * ONE, 0])],
    ]


def test_layers_know_the_place_of_every_weight():
    layers = Layers([[[1, F(2)], [0, 2]], [[F(-1, 2), 3]]], known(), F(1, 2), 2)
    assert layers.places == [(0, 1, 0), (0, 0, 0), (0, 1, 1), (1, 0, 1)]
    assert (layers.alpha, layers.p, layers.samples.z[0]) == (F(1, 2), 2, (2 * ONE, 2 * ONE))
    first, last = layers.filled(["a", "b", "c", "d"], lambda number: 2 * number)
    assert first == [["b", 4], ["a", "c"]] and last == [[-1, "d"]]


def test_all_entries_of_a_first_layer_are_weights():
    layers = Layers([[[1, 3], [0, 2]], [[F(-1, 2), 4]]], known(), F(1, 2), 2)
    assert layers.first("abcd") == [["b", "d"], ["a", "c"]]


def test_kinks_and_gradients_along_a_piece():
    # N = 2 v sigma(3 a - 4 b) + 1/2 v sigma(b), with a = 2, b = y, v = 1 + y and sigma(z) = z^2 for z > 0,
    # z^2 / 4 else.
    samples = Samples([[F(3), F(-4)], [F(0), F(1)]], [F(2), F(1, 2)], Clock(None))
    layers = Layers([[[0, 1]], [[2]]], samples, F(1, 2), 2)
    u = [poly(2), poly(0, 1), poly(1, 1)]
    kinks = list(first_kinks(layers, u, 3))
    assert [parts(z) for (z,) in kinks] == [([6 * ONE, -4 * ONE], 3), ([0, ONE], 3)]
    along_a, along_b, along_v = gradient(layers, u, 9)
    # 12 v (6 - 4 y); -16 v (6 - 4 y) + v y; 2 (6 - 4 y)^2 + y^2 / 2.
    assert along_a.coefficients == [72 * ONE, 24 * ONE, -48 * ONE]
    assert along_b.coefficients == [-96 * ONE, -31 * ONE, 65 * ONE]
    assert along_v.coefficients == [72 * ONE, -96 * ONE, 32 * ONE + ONE // 2]
    assert all(0 < g.err < 2_000 for g in (along_a, along_b, along_v))
    # With two coefficients, the third one goes into the error.
    short = gradient(layers, u, 2)
    assert [g.coefficients for g in short] == [g.coefficients[:2] for g in (along_a, along_b)] + [
        [72 * ONE, -96 * ONE]
    ]
    assert all(c * ONE <= g.err < 80 * ONE for c, g in zip((48, 65, 32), short, strict=True))


@pytest.mark.parametrize(
    ("u", "G", "decay", "length", "bound"),
    [
        # u' / l - G + decay u = 8 - 3 + 1/2, and 1 times y.
        (poly(1, 2), poly(3, err=7), F(1, 2), F(1, 4), F(13, 2) * ONE + 7),
        # 3 / 2 - 1 - 2, and 0 - 5 - 6; then 7.
        (poly(1, 3), poly(1, 5, -7), F(-2), F(2), (F(3, 2) + 11 + 7) * ONE),
        # u' = 2 y: 0 - 1 + 0, 4 - 0 + 0, 0 - 0 + 3
        (poly(0, 0, 1), poly(1, err=1), F(3), F(1, 2), (1 + 4 + 3) * ONE + 1),
    ],
)
def test_defects(u, G, decay, length, bound):
    assert defect(u, G, decay, length) == bound


def test_defects_are_rounded_up():
    assert defect(Polynomial([1]), Polynomial([0]), F(1, 3), F(1)) == 1
    assert defect(Polynomial([0, 1]), Polynomial([0], 4), F(0), F(2, 7)) == 4 + 4
    assert defect(Polynomial([0, 1]), Polynomial([0], 4), F(1, 5), F(7, 2)) == 1 + 4
