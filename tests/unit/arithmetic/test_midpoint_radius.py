"""Midpoint-radius arrays: what is refused, what stays exact, and that rounding, underflow and overflow are
accounted for.
"""

from fractions import Fraction

import numpy as np
import pytest
from exact_ends import highest, lowest

from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad, bilinear
from certflow.outcome import Ambiguous, Inconclusive

TENTHS = MIDRAD.array([Fraction(k, 10) for k in range(-3, 4)])
ONES = MidRad.exact(np.ones((2, 2)))


def fractions(values):
    return [Fraction(v) for v in np.asarray(values, dtype=float).ravel().tolist()]


@pytest.mark.parametrize(
    "value", [0.5, True, np.float64(1), np.int64(2), np.ones((2, 2)), np.array([[Fraction(1)]], dtype=object)]
)
def test_operators_refuse_what_is_not_known_to_be_exact(value):
    for operation in (
        lambda: ONES + value,
        lambda: value + ONES,
        lambda: ONES - value,
        lambda: value - ONES,
        lambda: ONES * value,
        lambda: value * ONES,
        lambda: ONES / value,
        lambda: value / ONES,
        lambda: ONES @ value,
        lambda: value @ ONES,
        lambda: ONES.__setitem__(0, value),
    ):
        with pytest.raises((TypeError, ValueError)):
            operation()
    assert ONES.mid.tolist() == [[1, 1], [1, 1]]


def test_nothing_turns_into_a_plain_array_or_a_truth_value():
    for operation in (
        lambda: np.asarray(ONES),
        lambda: np.sin(ONES),
        lambda: np.sum(ONES),
        lambda: np.add(ONES, ONES),
    ):
        with pytest.raises(TypeError):
            operation()
    for operation in (
        lambda: np.concatenate([ONES, np.ones((2, 2))]),
        lambda: MIDRAD.array([0.5]),
        lambda: MIDRAD.array([True]),
    ):
        with pytest.raises(TypeError):
            operation()
    for operation in (lambda: ONES == ONES, lambda: bool(ONES)):
        with pytest.raises(Ambiguous):
            operation()
    for exponent in (-1, 0.5, Fraction(2), True):
        with pytest.raises(TypeError):
            ONES**exponent
    with pytest.raises(TypeError):
        hash(ONES)


def test_unusable_radii_and_ends_are_refused():
    with pytest.raises(ValueError):
        MidRad([1.0, 2.0], [0.0])
    with pytest.raises(ValueError):
        MidRad([1.0], [-1e-300])
    with pytest.raises(ValueError):
        MidRad.interval([1.0], [0.5])
    for radius in (-1e-300, np.nan):
        with pytest.raises(ValueError):
            ONES.widened(radius)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 1e305])
def test_infinities_and_nan_never_enter(bad):
    for operation in (
        lambda: MidRad.exact([bad]),
        lambda: MidRad([bad], [0.0]),
        lambda: MidRad.interval([bad], [bad]),
    ):
        with pytest.raises(Inconclusive):
            operation()
    with pytest.raises((Inconclusive, ValueError)):
        MidRad([0.0], [bad])
    with pytest.raises((Inconclusive, ValueError)):
        ONES.widened(bad)


def test_overflow_is_inconclusive():
    big = MidRad.exact(np.full((2, 2), 1e299))
    wide = MidRad([[1.0]], [[1e299]])
    for operation in (
        lambda: big * big,
        lambda: big @ big,
        lambda: big**2,
        lambda: big**3,
        lambda: big.norm_upper(),
        lambda: wide * wide,
        lambda: wide @ wide,
        lambda: 1 / MidRad.exact([1e-310]),
        lambda: MIDRAD.number(Fraction(10) ** 400),
        lambda: MIDRAD.exp(MidRad.exact([1e4])),
        lambda: MidRad.exact(np.full(1000, 1e300)).sum(),
    ):
        with pytest.raises(Inconclusive):
            operation()


def test_zeros_and_what_is_a_double_stay_exact():
    zero = MIDRAD.number(Fraction(0))
    for exact in (
        zero * TENTHS,
        TENTHS * 0,
        ONES * zero,
        (ONES * 0) @ ONES,
        zero**2,
        zero**3,
        ONES[:0].sum(axis=0),
    ):
        assert not exact.mid.any() and not exact.rad.any()
    # A zero row stays exactly zero next to others, so that its sign is known.
    rows = MidRad.exact([[0.0, 0.0], [1.0, 2.0]]) @ MIDRAD.array([[Fraction(1, 3)], [Fraction(1)]])
    assert MIDRAD.sign(rows).ravel().tolist() == [0, 1]
    assert MIDRAD.array([Fraction(1, 4), Fraction(-3), Fraction(0)]).rad.tolist() == [0, 0, 0]
    assert MIDRAD.number(Fraction(1, 10)).rad > 0
    assert ONES.norm_upper() >= 2 and MidRad.exact([0.0, 0.0]).norm_upper() == 0
    assert TENTHS.magnitude()[3] == TENTHS.mignitude()[3] == 0


def test_signs():
    enclosures = MidRad([1.0, -1.0, 0.0, 0.0, 1.0, 1.0, -1.0], [0.5, 0.5, 0.0, 1e-300, 1.0, 2.0, 1.0])
    assert MIDRAD.sign(enclosures).tolist() == [1, -1, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    assert MIDRAD.sign(enclosures).dtype == np.int8


def test_even_powers_of_an_enclosure_of_zero_are_not_negative():
    wide = MIDRAD.hull(Fraction(-1), Fraction(2))
    assert wide.shape == ()
    for exponent, low, high in ((2, 0, 4), (3, -1, 8), (4, 0, 16)):
        power = wide**exponent
        assert low - Fraction(1, 10**12) <= lowest(power) <= low
        assert high <= highest(power) <= high + Fraction(1, 10**12)
    assert lowest(wide * wide) <= -2


def test_underflow_is_accounted_for():
    tiny = MidRad.exact([1e-200])
    for product in (
        tiny * tiny,
        tiny @ tiny,
        tiny**2,
        (tiny * tiny).sum(),
        tiny * MidRad([0.0], [1e-200]),
        tiny**3,
    ):
        assert highest(product) > 0
    square = Fraction(1e-200) ** 2
    for product in (tiny * tiny, tiny @ tiny, tiny**2):
        assert lowest(product) <= square <= highest(product)
    # The rounding term of a factor that is almost zero must not vanish before it meets a large one.
    small, large = MidRad.exact([1.1e-310]), MidRad.exact([1.3e290])
    product = Fraction(1.1e-310) * Fraction(1.3e290)
    for enclosure in (small * large, large * small, small @ large, large @ small):
        assert lowest(enclosure) <= product <= highest(enclosure)
        assert highest(enclosure) != lowest(enclosure)


def test_underflow_next_to_other_errors_is_accounted_for():
    # A thousand products are rounded to zero; one more has a radius of two units of the smallest double.
    left = MidRad.exact([1e-200] * 1000 + [1e-22])
    right = MidRad.exact([1e-124] * 1000 + [5e-324])
    exact = 1000 * Fraction(1e-200) * Fraction(1e-124) + Fraction(1e-22) * Fraction(5e-324)
    assert lowest(left @ right) <= exact <= highest(left @ right)


def test_ends_are_rounded_outwards():
    thin = MidRad([1.0, -1.0], [1e-30, 1e-30])
    assert thin.lower()[0] < 1 and thin.lower()[1] < -1 and thin.upper()[0] > 1 and thin.upper()[1] > -1
    assert thin.magnitude().min() > 1 and thin.mignitude().max() < 1


def test_powers_roots_and_reciprocals_of_doubles_contain_the_exact_value():
    values = np.random.default_rng(3).normal(size=300)
    enclosed = MidRad.exact(values)
    for exponent in range(6):
        power = enclosed**exponent
        for entry, value in zip(power, fractions(values), strict=True):
            assert lowest(entry) <= value**exponent <= highest(entry)
            assert entry.rad <= 1e-13 * abs(value) ** exponent
    for entry, value in zip(enclosed.reciprocal(), fractions(values), strict=True):
        assert lowest(entry) <= 1 / value <= highest(entry)
    for entry, value in zip(MIDRAD.sqrt(MidRad.exact(abs(values))), fractions(abs(values)), strict=True):
        assert max(lowest(entry), 0) ** 2 <= value <= highest(entry) ** 2


def test_long_sums_and_products_contain_the_exact_value():
    rng = np.random.default_rng(1)
    # Terms that cancel: the error is of the size of the terms, not of the result.
    half = rng.normal(size=5000) * 10.0 ** rng.uniform(-8, 8, size=5000)
    terms = rng.permutation(np.concatenate([half, -half * (1 + 1e-15)]))
    total = MidRad.exact(terms).sum()
    exact = sum(fractions(terms))
    assert lowest(total) <= exact <= highest(total)
    other = rng.normal(size=terms.shape)
    product = MidRad.exact(terms) @ MidRad.exact(other)
    exact = sum(a * b for a, b in zip(fractions(terms), fractions(other), strict=True))
    assert lowest(product) <= exact <= highest(product)
    assert abs(exact - Fraction(product.mid.item())) > 0
    assert product.rad <= 1e-8 * np.abs(terms) @ np.abs(other)


def test_bilinear_takes_any_order_of_the_products():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=40), rng.normal(size=40)
    exact = sum(x * y for x, y in zip(fractions(a), fractions(b), strict=True))
    orders = [lambda x, y: sum(x * y), lambda x, y: sum((x * y)[::-1]), lambda x, y: np.sum(x * y), np.dot]
    for product in orders:
        value = bilinear(product, MidRad.exact(a), MidRad.exact(b), 40)
        assert lowest(value) <= exact <= highest(value)


def test_divisors_and_radicands_have_to_be_in_the_domain():
    around = MIDRAD.hull(Fraction(-1), Fraction(1))
    with pytest.raises(DivisionByZero):
        1 / around
    with pytest.raises(DivisionByZero):
        ONES / 0
    with pytest.raises(OutsideDomain):
        MIDRAD.sqrt(around)
    root = MIDRAD.sqrt(MidRad.exact([0.0, 4.0, 2.0]))
    assert root.lower()[0] == root.upper()[0] == 0
    assert root.lower()[2] ** 2 < 2 < root.upper()[2] ** 2


def test_places_behave_as_those_of_numpy():
    values = np.arange(24.0).reshape(2, 3, 4)
    array = MidRad(values, values / 8)
    index = np.array([1, 0])
    for part in (
        lambda a: a[0],
        lambda a: a[None],
        lambda a: a[:, 1:, ::2],
        lambda a: a[..., 0],
        lambda a: a[index],
        lambda a: a[a > 5.0] if isinstance(a, np.ndarray) else a[a.mid > 5.0],
        lambda a: a.T,
        lambda a: a.transpose(0, 2, 1),
        lambda a: a.reshape(6, 4),
        lambda a: a.reshape((4, -1)),
        lambda a: np.concatenate([a, a], axis=1),
        lambda a: np.concatenate([a, a]),
        lambda a: np.concatenate([a, a], 2),
    ):
        assert np.array_equal(part(array).mid, part(values))
    assert np.array_equal(array[1:].rad, values[1:] / 8)
    assert len(array) == 2 and array.ndim == 3 and [each.shape for each in array] == [(3, 4)] * 2
    array[0] = Fraction(1, 3)
    array[1, 0] = MidRad(np.zeros(4), np.ones(4))
    assert array.lower()[0, 0, 0] < Fraction(1, 3) < array.upper()[0, 0, 0]
    assert array.rad[1, 0].tolist() == [1] * 4 and array.mid[1, 1, 0] == 16


def test_a_copy_of_the_given_doubles_is_kept():
    values = np.ones(3)
    array, power = MidRad.exact(values), MidRad.exact(values) ** 1
    values[0] = 5.0
    assert array.mid[0] == power.mid[0] == 1.0
