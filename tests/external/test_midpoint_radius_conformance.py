"""`MidRad` at the corner points of interval arithmetic: every operation against its exact image in rationals,
entry by entry.

The ends of the operands are mid - rad and mid + rad, exactly; the image is worked out in `Fraction`s and the
result has to contain it without tolerance. Where doubles would be rounded, the result may be wider by the
stated number of units of the last place of the largest number that took part, and by 2^-998 times the sizes
of the first factors for underflow.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest
from exact_ends import highest, lowest
from external.conformance import (
    CORNERS,
    EXTREMES,
    LEAST_NORMAL,
    RAGGED,
    SMALLEST,
    ULP,
    Image,
    corner,
    escapes,
    loose,
    power,
)
from external.exact_functions import exact, exp, increasing, sqrt

from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.doubles import LARGEST
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad, bilinear
from certflow.outcome import Ambiguous, Inconclusive

Box = tuple[F, F]

UNDERFLOW = F(1, 2**998)

DOUBLES = {
    name: (float(low), float(high))
    for name, (low, high) in {**CORNERS, **EXTREMES}.items()
    if F(float(low)) == low and F(float(high)) == high
}
"""The corner intervals whose ends are doubles."""

NAMES = list(DOUBLES)


def corners() -> MidRad:
    """One entry per corner interval."""
    low, high = np.array(list(DOUBLES.values())).T
    return MidRad.interval(low, high)


def entries(values: MidRad) -> list[Box]:
    """The exact ends of all entries."""
    return [
        (F(m) - F(r), F(m) + F(r))
        for m, r in zip(values.mid.ravel().tolist(), values.rad.ravel().tolist(), strict=True)
    ]


def size_of(*boxes: Box) -> F:
    return max(max(-low, high) for low, high in boxes)


def faults(
    result: MidRad, images: list[Image], sizes: list[F], factor: F, ulps: int = 64, underflow: F = UNDERFLOW
) -> list[str]:
    """What is wrong with the entries of a result; `sizes` are those of the largest numbers that took part in
    each.
    """
    found = []
    for (low, high), image, size in zip(entries(result), images, sizes, strict=True):
        found.append(
            escapes(low, high, image) or loose(low, high, image, factor, ulps * size * ULP + underflow)
        )
    return [f"{name}: {why}" for name, why in zip(NAMES * len(found), found, strict=False) if why]


HARDLY = 1 + F(1, 2**40)

PRODUCT = F(3, 2) * HARDLY
"""Products are formed from midpoints and radii, which are at most half as wide again as the product."""


# -- making and reading --------------------------------------------------------------------------------------


def test_intervals_contain_their_ends():
    images = [(exact(F(low)), exact(F(high))) for low, high in DOUBLES.values()]
    assert faults(corners(), images, [size_of((F(a), F(b))) for a, b in DOUBLES.values()], F(1), 4) == []


def test_intervals_of_subnormals_and_neighbours():
    tiny = [0.0, 5e-324, 1e-323, 1.5e-323, 2.0**-1022 - 5e-324, 2.0**-1022, 2.0**-1022 + 5e-324, 2.0**-1021]
    for low, high in [(a, b) for a in tiny for b in tiny if a <= b]:
        for left, right in ((low, high), (-high, -low), (-low, high)):
            ((below, above),) = entries(MidRad.interval(left, right))
            assert below <= F(left) and F(right) <= above


def test_intervals_out_of_order_and_out_of_range():
    with pytest.raises(ValueError, match="low <= high"):
        MidRad.interval([0.0, 1.0], [0.0, 1.0 - 2.0**-53])
    for bad in (np.nan, np.inf, -np.inf, LARGEST * (1 + 2.0**-52)):
        for make in (
            MidRad.exact,
            lambda x: MidRad(x, 0.0),
            lambda x: MidRad(0.0, abs(x)),
            lambda x: MidRad.interval(min(x, 0.0), max(x, 0.0)),
        ):
            with pytest.raises(Inconclusive):
                make(bad)
    for mid, rad in ((0.0, -5e-324), ([1.0, 2.0], [0.0])):
        with pytest.raises(ValueError, match="radii"):
            MidRad(mid, rad)


def test_exact_doubles_have_no_radius():
    for value in (0.0, 5e-324, -(2.0**-1022), 1.0 + 2.0**-52, LARGEST):
        made = MidRad.exact(value)
        assert made.mid == value and made.rad == 0.0 and made.lower() == value == made.upper()
        assert lowest(made) == F(value) == highest(made)


@pytest.mark.parametrize(
    "value", [F(1, 3), 2**53 + 1, F(1, 10), 2**1074 + 1, [F(0), F(2, 3)], 1j, True, "1"], ids=str
)
def test_what_is_not_a_double_is_not_rounded_in_silence(value):
    for make in (MidRad.exact, lambda x: MidRad.interval(x, x), lambda x: MidRad(x, np.zeros(np.shape(x)))):
        with pytest.raises((TypeError, ValueError, Inconclusive)):
            make(value)


RATIONALS = [
    F(0),
    F(1),
    F(1, 3),
    F(-2, 3),
    1 + ULP / 2,
    1 + ULP / 3,
    SMALLEST,
    SMALLEST / 2,
    SMALLEST * F(3, 2),
    LEAST_NORMAL / 3,
    F(10) ** 300,
    F(2**53 + 1),
    F(1, 10**400),
]


def test_rationals_are_enclosed():
    made = MidRad.from_exact(RATIONALS)
    for value, (low, high), rad in zip(RATIONALS, entries(made), made.rad, strict=True):
        assert low <= value <= high and high - low <= 2 * abs(value) * ULP * (1 + ULP) + UNDERFLOW
        assert (rad == 0.0) == (F(float(value)) == value)
        number = MIDRAD.number(value)
        assert entries(number) == [(low, high)]
        assert lowest(number) == low and highest(number) == high
    assert entries(MIDRAD.array(RATIONALS)) == entries(MIDRAD.constants(*RATIONALS)) == entries(made)
    assert MIDRAD.array([RATIONALS, RATIONALS]).shape == (2, len(RATIONALS))
    for beyond in (F(2) ** 1001, -(F(10) ** 400)):
        with pytest.raises(Inconclusive):
            MidRad.from_exact(beyond)
    for refused in (0.5, True, np.float64(1), "1"):
        with pytest.raises(TypeError):
            MidRad.from_exact([refused])


def test_doubles_around_the_ends():
    values = corners()
    for (low, high), below, above in zip(
        entries(values), values.lower().tolist(), values.upper().tolist(), strict=True
    ):
        assert F(below) <= low and high <= F(above)
        if low == high:
            assert below == above == low
        else:
            assert F(float(np.nextafter(np.nextafter(below, np.inf), np.inf))) > low
            assert F(float(np.nextafter(np.nextafter(above, -np.inf), -np.inf))) < high


def test_magnitude_and_mignitude():
    values = corners()
    for (low, high), largest, least in zip(
        entries(values), values.magnitude().tolist(), values.mignitude().tolist(), strict=True
    ):
        largest_size, least_size = max(-low, high), max(low, -high, F(0))
        assert F(largest) >= largest_size and F(largest) <= largest_size * (1 + 2 * ULP) + 2 * SMALLEST
        assert 0 <= F(least) <= least_size and F(least) >= least_size - 2 * ULP * largest_size - 2 * SMALLEST


@pytest.mark.parametrize(
    "vector",
    [
        [0.0, 0.0],
        [3.0, 4.0],
        [5e-324, 5e-324],
        [2.0**-600] * 3,
        [1.0, 2.0**-27],
        [2.0**490, 1.0],
        [1 / 3] * 100,
    ],
    ids=str,
)
@pytest.mark.parametrize("rad", [0.0, 2.0**-30, 5e-324])
def test_norms(vector, rad):
    values = MidRad(vector, np.full(len(vector), rad))
    square = sum(max(-low, high) ** 2 for low, high in entries(values))
    for norm in (
        values.norm_upper(),
        values.norm_upper(axis=0),
        values.reshape(1, -1).norm_upper(axis=(0, 1)),
        values.reshape(-1, 1).norm_upper(axis=0)[0],
    ):
        assert F(float(norm)) ** 2 >= square
        assert F(float(norm)) <= sqrt(square)[1] * (1 + (2 * len(vector) + 64) * ULP) + F(len(vector), 2**499)
    rows = values.reshape(-1, 1).norm_upper(axis=1)
    assert all(
        F(float(row)) >= max(-low, high) for row, (low, high) in zip(rows, entries(values), strict=True)
    )


def test_norms_beyond_the_range():
    with pytest.raises(Inconclusive):
        MidRad.exact([2.0**600]).norm_upper()


def test_hulls():
    a = corners()
    for shift in range(len(NAMES)):
        b = a[np.roll(np.arange(len(NAMES)), shift)]
        images = [
            (exact(min(x[0], y[0])), exact(max(x[1], y[1])))
            for x, y in zip(entries(a), entries(b), strict=True)
        ]
        sizes = [size_of(x, y) for x, y in zip(entries(a), entries(b), strict=True)]
        assert faults(a.hull(b), images, sizes, F(1), 16) == []
    ((low, high),) = entries(MIDRAD.hull(F(-1, 3), F(2, 3)))
    assert low <= F(-1, 3) and F(2, 3) <= high and high - low <= 1 + 8 * ULP


@pytest.mark.parametrize("radius", [0.0, 5e-324, 2.0**-53, 1.0, 2.0**-1022])
def test_widening(radius):
    a = corners()
    images = [(exact(low - F(radius)), exact(high + F(radius))) for low, high in entries(a)]
    assert faults(a.widened(radius), images, [size_of(box) + F(radius) for box in entries(a)], F(1), 4) == []
    column = a.widened(np.array([[radius], [2.0]]))
    assert column.shape == (2, len(NAMES)) and entries(column[0]) == entries(a.widened(radius))


@pytest.mark.parametrize("radius", [-5e-324, np.nan])
def test_radii_are_not_negative(radius):
    with pytest.raises(ValueError, match="radius"):
        corners().widened(radius)


# -- algebra -------------------------------------------------------------------------------------------------

ALGEBRA: dict[str, tuple[Callable[[F, F], F], F]] = {
    "__add__": (operator.add, F(1)),
    "__sub__": (operator.sub, F(1)),
    "__mul__": (operator.mul, PRODUCT),
    "__truediv__": (operator.truediv, PRODUCT),
}

REFLECTED = {
    "__radd__": "__add__",
    "__rsub__": "__sub__",
    "__rmul__": "__mul__",
    "__rtruediv__": "__truediv__",
}


def ragged() -> MidRad:
    """One entry per interval at which every operation rounds."""
    return MidRad.interval(*np.array([(float(low), float(high)) for low, high in RAGGED.values()]).T)


@pytest.mark.parametrize("name", ALGEBRA)
def test_operations_that_round(name):
    function, _ = ALGEBRA[name]
    b = ragged() if name != "__truediv__" else ragged()[(ragged().lower() > 0) | (ragged().upper() < 0)]
    result = getattr(ragged().reshape(-1, 1), name)(b)
    for i, x in enumerate(entries(ragged())):
        for j, (y, ends) in enumerate(zip(entries(b), entries(result[i]), strict=True)):
            assert not escapes(*ends, corner(function, x, y)), (i, j)


@pytest.mark.parametrize("exponent", [2, 3, 5, 8, 60])
def test_powers_that_round(exponent):
    for x, ends in zip(entries(ragged()), entries(ragged() ** exponent), strict=True):
        assert not escapes(*ends, power(x, exponent)), x


def test_reciprocals_and_roots_that_round():
    positive = ragged()[ragged().lower() > 0]
    for x, inverse, root in zip(
        entries(positive), entries(positive.reciprocal()), entries(MIDRAD.sqrt(positive)), strict=True
    ):
        assert not escapes(*inverse, corner(lambda t: 1 / t, x)) and not escapes(*root, increasing(sqrt)(*x))
    for whole in range(2, 40):
        (root,), (inverse,) = (
            entries(MIDRAD.sqrt(MidRad.exact(whole))),
            entries(MidRad.exact(whole).reciprocal()),
        )
        assert not escapes(*root, (sqrt(F(whole)),) * 2) and inverse[0] <= F(1, whole) <= inverse[1]


@pytest.mark.parametrize("small", [2.0**-53, 2.0**-54])
def test_long_sums_that_round_in_one_direction(small):
    """Additions of half an ulp to one, row after row: each is lost, in whatever order a platform adds."""
    table = np.full((4097, 3), small)
    table[0] = 1.0
    one_column = 1 + 4096 * F(small)
    values = MidRad.exact(table)
    for total in (values.sum(axis=0)[0], values.T.sum(axis=1)[0]):
        assert lowest(total) <= one_column <= highest(total)
    both = values[:, :2].sum()
    assert lowest(both) <= 2 * one_column <= highest(both)
    ones = MidRad.exact(np.ones((1, 4097)))
    (low, high), *_ = entries(ones @ values)
    assert low <= one_column <= high
    roots = MidRad.exact(np.where(table == 1.0, 1.0, 2.0**-27))
    assert all(F(float(norm)) ** 2 >= 1 + F(4096, 2**54) for norm in roots.norm_upper(axis=0))


def test_the_radius_of_a_sum_covers_every_order_of_addition():
    """Each of n - 1 additions may lose half an ulp of the whole, whichever order this platform takes."""
    ones = MidRad.exact(np.ones((8, 50)))
    for total, n in (
        (ones.sum(), 400),
        (ones.sum(axis=0)[0], 8),
        (ones.sum(axis=(0, 1)), 400),
        ((ones @ ones.T)[0, 0], 50),
    ):
        assert F(float(total.rad)) >= n * (n - 1) * ULP / 2


def test_products_of_subnormals_and_large_numbers():
    large, tiny = MidRad.exact((1 + 2.0**-52) * 2.0**999), MidRad.exact(3 * 5e-324)
    for product in (large * tiny, tiny * large):
        assert lowest(product) <= F(large.mid.item()) * F(tiny.mid.item()) <= highest(product)


def fits(image: Image) -> bool:
    return size_of((image[0][0], image[1][1])) <= F(LARGEST) / 2


@pytest.mark.parametrize("name", ALGEBRA)
def test_operations_of_all_pairs(name):
    function, factor = ALGEBRA[name]
    whole = corners()
    found = {}
    for i, case in enumerate(NAMES):
        for j, other in enumerate(NAMES):
            a, b = whole[i], whole[j]
            (x,), (y,) = entries(a), entries(b)
            if name == "__truediv__":
                below, above = float(b.lower()), float(b.upper())
                if below <= 0 <= above:
                    with pytest.raises(DivisionByZero):
                        a / b
                    continue
                # A reciprocal is formed first, so it has to exist and its width counts.
                if (
                    min(abs(below), abs(above)) < 2.0**-999
                    or max(abs(below), abs(above)) / min(abs(below), abs(above)) > 2.0**40
                ):
                    continue
            image = corner(function, x, y)
            if not fits(image):
                if not fits((exact(image[0][0] / 4), exact(image[1][1] / 4))):
                    with pytest.raises(Inconclusive):
                        getattr(a, name)(b)
                continue
            size = size_of((image[0][0], image[1][1])) + (
                size_of(x, y) if "add" in name or "sub" in name else 0
            )
            why = faults(getattr(a, name)(b), [image], [size], factor, underflow=UNDERFLOW * (1 + size_of(x)))
            if why:
                found[case, other] = why
    assert found == {}


def test_operations_broadcast():
    a = corners()[1:8]
    table = a.reshape(-1, 1) * a
    for i, x in enumerate(entries(a)):
        for j, y in enumerate(entries(a)):
            ((low, high),) = entries(table[i, j])
            assert not escapes(low, high, corner(operator.mul, x, y))


@pytest.mark.parametrize("number", [0, 1, -7, F(1, 3), F(-5, 2**80), 10**30, 2**53 + 1], ids=str)
@pytest.mark.parametrize("name", [*ALGEBRA, *REFLECTED])
def test_operations_with_an_exact_number(name, number):
    function, factor = ALGEBRA[REFLECTED.get(name, name)]
    point = F(number), F(number)
    a = corners()[[i for i, n in enumerate(NAMES) if "large" not in n and "sizes" not in n]]
    divides = "truediv" in name
    if divides and name in REFLECTED:
        keep = [
            i
            for i, (low, high) in enumerate(zip(a.lower(), a.upper(), strict=True))
            if low > 2.0**-900 or high < -(2.0**-900)
        ]
        a = a[keep]
    if divides and name not in REFLECTED and number == 0:
        with pytest.raises(DivisionByZero):
            getattr(a, name)(number)
        return
    images = [corner(function, *((point, x) if name in REFLECTED else (x, point))) for x in entries(a)]
    sizes = [
        size_of((image[0][0], image[1][1])) + (size_of(x, point) if "add" in name or "sub" in name else 0)
        for x, image in zip(entries(a), images, strict=True)
    ]
    assert faults(getattr(a, name)(number), images, sizes, factor) == []


def test_negation_is_exact():
    a = corners()
    assert entries(-a) == [(-high, -low) for low, high in entries(a)]


def test_exact_zeros_stay_exact():
    zero, a = MidRad.exact(np.zeros(len(NAMES))), corners()
    assert entries(zero * a) == [(F(0), F(0))] * len(NAMES) == entries(a * 0) == entries(0 * a)
    assert entries(zero + zero) == [(F(0), F(0))] * len(NAMES) == entries(zero.sum().reshape(1)) * len(NAMES)
    matrix = MidRad.exact([[0.0, 0.0], [1.0, 1.0]]) @ MidRad(
        np.full((2, 2), 1 / 3), np.full((2, 2), 2.0**-60)
    )
    assert entries(matrix)[:2] == [(F(0), F(0))] * 2 and (matrix.rad[1] > 0).all()
    assert (MidRad.exact([[5e-324]]) @ MidRad.exact([[5e-324]])).upper() > 0


def test_products_that_underflow():
    for x in (5e-324, 2.0**-538, 1.3 * 2.0**-537, 2.0**-600):
        product = MidRad.exact(x) * MidRad.exact(x)
        assert lowest(product) <= F(x) ** 2 <= highest(product)
        thin = MidRad(x, x) * MidRad(0.0, x)
        assert lowest(thin) <= -2 * F(x) ** 2 and 2 * F(x) ** 2 <= highest(thin)


@pytest.mark.parametrize("exponent", range(9))
def test_powers(exponent):
    a = corners()
    images = [power(x, exponent) for x in entries(a)]
    small = [i for i, image in enumerate(images) if size_of((image[0][0], image[1][1])) < F(LARGEST) / 4]
    images = [images[i] for i in small]
    result = a[small] ** exponent
    assert faults(result, images, [size_of((image[0][0], image[1][1])) for image in images], F(1), 256) == []
    if exponent > 1:
        with pytest.raises(Inconclusive):
            MidRad.exact(2.0**999) ** exponent


@pytest.mark.parametrize("exponent", [-1, 0.5, True, F(1, 2), "2"])
def test_only_whole_powers_from_zero(exponent):
    with pytest.raises(TypeError):
        corners() ** exponent


def test_reciprocals():
    for index, name in enumerate(NAMES):
        a = corners()[index]
        below, above = float(a.lower()), float(a.upper())
        if below <= 0 <= above:
            with pytest.raises(DivisionByZero):
                a.reciprocal()
        elif min(abs(below), abs(above)) < 2.0**-1000:
            with pytest.raises(Inconclusive):
                a.reciprocal()
        else:
            image = corner(lambda x: 1 / x, entries(a)[0])
            # The doubles around the ends are inverted, so their distance from the ends is lost as well.
            ratio = max(abs(below), abs(above)) / min(abs(below), abs(above))
            assert (
                faults(a.reciprocal(), [image], [size_of((image[0][0], image[1][1])) * F(ratio)], F(1)) == []
            ), name
    with pytest.raises(DivisionByZero):
        MidRad.exact([1.0, 0.0]).reciprocal()


SUMS = [
    [0.0],
    [1.0, 2.0**-53, 2.0**-53, 2.0**-53],
    [2.0**900, 1.0, -(2.0**900)],
    [5e-324, -5e-324, 5e-324],
    [1 / 3, -1 / 3],
    [1.0, *[2.0**-53] * 200],
    [2.0**-1021, 5e-324, -(2.0**-1021), 5e-324],
]


@pytest.mark.parametrize("rad", [0.0, 2.0**-70, 1.0])
@pytest.mark.parametrize("terms", SUMS, ids=lambda terms: f"{len(terms)} terms")
def test_sums(terms, rad):
    values = MidRad(terms, np.full(len(terms), rad))
    image = tuple(exact(sum(ends)) for ends in zip(*entries(values), strict=True))
    size = sum(size_of(x) for x in entries(values)) * len(terms)
    for result in (
        values.sum(),
        values.sum(axis=0),
        values.reshape(-1, 1).sum(axis=(0, 1)),
        values.reshape(1, -1).sum(axis=1)[0],
        values.reshape(-1, 1).sum(axis=0)[0],
    ):
        assert faults(result, [image], [size], HARDLY) == []


@pytest.mark.parametrize("terms", SUMS, ids=lambda terms: f"{len(terms)} terms")
@pytest.mark.parametrize("rad", [0.0, 2.0**-70, 1.0])
def test_scalar_products(terms, rad):
    short = [t / 2.0**450 if abs(t) > 2.0**500 else t for t in terms]
    a, b = MidRad(short, np.full(len(terms), rad)), MidRad(short[::-1], np.full(len(terms), rad / 2))
    products = [corner(operator.mul, x, y) for x, y in zip(entries(a), entries(b), strict=True)]
    image = exact(sum(p[0][0] for p in products)), exact(sum(p[1][0] for p in products))
    size = sum(size_of(x) * size_of(y) for x, y in zip(entries(a), entries(b), strict=True)) * len(terms)
    row, underflow = (
        a.reshape(1, -1) @ b.reshape(-1, 1),
        UNDERFLOW * len(terms) * (1 + sum(size_of(x) for x in entries(a))),
    )
    assert faults(row.reshape(1), [image], [size], PRODUCT, underflow=underflow) == []
    assert faults((a @ b).reshape(1), [image], [size], PRODUCT, underflow=underflow) == []
    a, b = a[:4], b[:4]
    outer = bilinear(np.multiply, a.reshape(-1, 1), b.reshape(1, -1), 1)
    for i, x in enumerate(entries(a)):
        for j, y in enumerate(entries(b)):
            assert not escapes(*entries(outer[i, j])[0], corner(operator.mul, x, y))


def test_scalar_products_that_cancel():
    row, column = (
        MidRad.exact([[2.0**500, 1.0, -(2.0**500)]]),
        MidRad.exact([[2.0**400], [1 / 3], [2.0**400]]),
    )
    ((low, high),) = entries(row @ column)
    assert low <= F(1 / 3) <= high


def test_overflow_is_inconclusive():
    large = MidRad.exact([2.0**999, 2.0**999, 2.0**999])
    for overflow in (
        lambda: large + large,
        lambda: large - -large,
        lambda: large * large,
        lambda: large.sum(),
        lambda: large @ large,
        lambda: large * 4,
        lambda: large.widened(2.0**1000),
    ):
        with pytest.raises(Inconclusive):
            overflow()


# -- roots, exponentials, signs ------------------------------------------------------------------------------


def test_square_roots():
    for index, name in enumerate(NAMES):
        a = corners()[index]
        if a.lower() < 0:
            with pytest.raises(OutsideDomain):
                MIDRAD.sqrt(a)
        else:
            (x,) = entries(a)
            image = increasing(sqrt)(*x)
            # The doubles around the ends are taken, of which the lower one may be far below in proportion.
            size = sqrt(x[1])[1] + (sqrt(x[1] * ULP)[1] / ULP if x[0] < x[1] and x[0] < x[1] * ULP * 4 else 0)
            size += x[1] / sqrt(x[0])[0] if x[0] else 0
            assert faults(MIDRAD.sqrt(a), [image], [size], F(1), 8) == [], name
    assert entries(MIDRAD.sqrt(MidRad.exact([0.0]))) == [(F(0), F(0))]


def test_exponentials():
    a = MidRad.interval(
        *np.array([(low, high) for low, high in DOUBLES.values() if low > -1e7 and high < 600]).T
    )
    images = [increasing(exp)(*x) for x in entries(a)]
    assert faults(MIDRAD.exp(a), images, [size_of((i[0][0], i[1][1])) for i in images], HARDLY) == []
    assert MIDRAD.exp(a.reshape(-1, 1)).shape == (len(images), 1)


@pytest.mark.parametrize("x", [-700.0, -745.2, -1e6, -1e9, -1e300])
def test_exponentials_of_very_negative_numbers(x):
    result = MIDRAD.exp(MidRad.exact([x, 0.0]))
    assert result.lower()[0] <= 0 < result.upper()[0] < 2.0**-990 or x == -700.0
    assert result.upper()[1] >= 1 >= result.lower()[1]


@pytest.mark.parametrize("x", [694.0, 710.0, 1e6, 1e9, 1e300])
def test_exponentials_of_large_numbers_are_inconclusive(x):
    with pytest.raises(Inconclusive):
        MIDRAD.exp(MidRad.exact(x))


def test_signs():
    a = corners()
    expected = [
        1 if low > 0 else -1 if high < 0 else 0 if low == high == 0 else UNKNOWN for low, high in entries(a)
    ]
    assert MIDRAD.sign(a).tolist() == expected
    assert MIDRAD.sign(MidRad([1.0, -1.0, 1.0, -1.0], [1.0, 1.0, 1 - 2.0**-53, 1 - 2.0**-53])).tolist() == [
        UNKNOWN,
        UNKNOWN,
        1,
        -1,
    ]


# -- places --------------------------------------------------------------------------------------------------


def test_places_keep_the_entries():
    a = corners()
    table = a[:12].reshape(3, 4)
    boxes = entries(table)
    assert table.shape == (3, 4) and table.ndim == 2 and len(table) == 3
    assert entries(table.ravel()) == boxes == [box for row in table for box in entries(row)]
    assert (
        entries(table.T)
        == entries(table.transpose(1, 0))
        == [boxes[4 * i + j] for j in range(4) for i in range(3)]
    )
    joined = np.concatenate([table, table[:1]], axis=0)
    assert entries(joined) == boxes + boxes[:4]
    table[0, 1] = F(1, 3)
    table[1] = a[:4]
    assert entries(table)[1][0] <= F(1, 3) <= entries(table)[1][1] and entries(table)[4:8] == entries(a[:4])


@pytest.mark.parametrize("value", [0.5, True, np.float64(1), np.ones(3), 1j], ids=repr)
@pytest.mark.parametrize("name", [*ALGEBRA, *REFLECTED, "__matmul__"])
def test_rounded_numbers_are_refused(name, value):
    with pytest.raises(TypeError):
        getattr(corners(), name)(value)


@pytest.mark.parametrize(
    "use",
    [
        bool,
        hash,
        np.asarray,
        lambda a: operator.eq(a, a),
        lambda a: a.__setitem__(0, 0.5),
        lambda a: np.concatenate([a, np.ones(2)]),
    ],
)
def test_enclosures_do_not_leave_by_accident(use: Callable[[MidRad], Any]):
    with pytest.raises((Ambiguous, TypeError)):
        use(corners())
    assert repr(MidRad.exact(1.0)).startswith("MidRad(")
