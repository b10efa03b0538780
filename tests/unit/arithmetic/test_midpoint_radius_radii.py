"""What each operation adds to the radius of exact operands is what its proof allows for, no less and no more;
what is refused.
"""

import re
from fractions import Fraction as F

import numpy as np
import pytest
from exact_ends import highest, lowest

from certflow.arithmetic import midpoint_radius
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad, bilinear
from certflow.outcome import Ambiguous, Inconclusive

ULP = F(1, 2**52)
TINY = F(1, 2**1000)
WIDENED = 1 + 2 * ULP
"""What an interval of two ends widens its radius by."""


def gamma(terms: int) -> F:
    return (2 * terms + 32) * ULP / 2


def exact(*values: float) -> MidRad:
    return MidRad.exact(list(values))


def one(mid: float, rad: float) -> MidRad:
    return MidRad([mid], [rad])


ONES, SMALL = MidRad.exact(np.ones(4)), MidRad.exact(np.full(4, 2.0**-600))
TABLE = MidRad.exact(np.ones((2, 3, 4)))


@pytest.mark.parametrize(
    ("result", "mid", "rad"),
    [
        (lambda: exact(1.0) + exact(2.0), 3, 3 * ULP * (1 + 4 * ULP)),
        (lambda: one(1.0, 0.5) + one(1.0, 0.25), 2, (F(3, 4) + 2 * ULP) * (1 + 4 * ULP)),
        (lambda: one(3.0, 0.5) - one(1.0, 0.25), 2, (F(3, 4) + 2 * ULP) * (1 + 4 * ULP)),
        (lambda: 1 - one(3.0, 0.5), -2, (F(1, 2) + 2 * ULP) * (1 + 4 * ULP)),
        (lambda: exact(1.0) * exact(1.0), 1, gamma(1) * (1 + gamma(1))),
        (lambda: one(2.0, 0.5) * one(-4.0, 0.25), -8, (F(21, 8) + 8 * gamma(1)) * (1 + gamma(1))),
        (lambda: one(-2.0, 0.0) * one(4.0, 0.25), -8, (F(1, 2) + 8 * gamma(1)) * (1 + gamma(1))),
        (lambda: exact(2.0**-480) * exact(2.0**-480), F(1, 2**960), gamma(1) / 2**960 + TINY),
        (lambda: exact(2.0**-488) * exact(2.0**-488), F(1, 2**976), gamma(1) / 2**976 + TINY),
        (lambda: exact(2.0**-600) * exact(2.0**-600), 0, TINY),
        (lambda: exact(2.0**-600, 0.0) * exact(2.0**-600, 1.0), [0, 0], [TINY, 0]),
        (lambda: one(0.0, 2.0**-600) * exact(2.0**-600), 0, TINY),
        (lambda: exact(2.0**-600) * one(0.0, 2.0**-600), 0, TINY),
        (lambda: exact(2.0**-60) * one(0.0, 2.0**-60), 0, 1 / F(2**120) * (1 + gamma(1))),
        (lambda: ONES @ ONES, 4, 4 * gamma(4) * (1 + gamma(4))),
        (lambda: SMALL @ SMALL, 0, 4 * TINY),
        (lambda: exact(1.0) @ exact(1.0), 1, gamma(1) * (1 + gamma(1))),
        (lambda: TABLE[0] @ ONES, [4, 4, 4], [4 * gamma(4) * (1 + gamma(4))] * 3),
        (lambda: bilinear(np.dot, ONES, ONES, 2**30), 4, 4 * gamma(2**30) * (1 + gamma(2**30))),
        (lambda: bilinear(np.dot, ONES, ONES, 10), 4, 4 * gamma(10) * (1 + gamma(10))),
        (lambda: ONES.sum(), 4, 4 * gamma(4) * (1 + gamma(4))),
        (lambda: MidRad(np.ones(4), np.ones(4)).sum(), 4, (4 + 4 * gamma(4)) * (1 + gamma(4))),
        (lambda: (-ONES).sum(), -4, 4 * gamma(4) * (1 + gamma(4))),
        (lambda: TABLE.sum(), 24, 24 * gamma(24) * (1 + gamma(24))),
        (lambda: TABLE.sum(axis=(0, 1))[:1], 6, 6 * gamma(6) * (1 + gamma(6))),
        (lambda: TABLE.sum(axis=1)[0, :1], 3, 3 * gamma(3) * (1 + gamma(3))),
        (
            lambda: MidRad(np.zeros((2, 2)), [[1.0, 2.0], [3.0, 4.0]]).sum(axis=1),
            [0, 0],
            [3 * (1 + gamma(2)), 7 * (1 + gamma(2))],
        ),
        (lambda: TABLE[:0].sum(), 0, 0),
        (lambda: exact(2.0) ** 2, 4, 4 * gamma(2) * WIDENED),
        (lambda: exact(-2.0) ** 2, 4, 4 * gamma(2) * WIDENED),
        (lambda: exact(2.0) ** 3, 8, 8 * gamma(3) * WIDENED),
        (lambda: exact(-2.0) ** 3, -8, 8 * gamma(3) * WIDENED),
        (lambda: exact(0.0) ** 2, 0, 0),
        (lambda: exact(0.0) ** 3, 0, 0),
        (lambda: exact(2.0**-600) ** 2, TINY / 2, TINY / 2 * WIDENED),
        (lambda: exact(2.0**-600) ** 3, TINY / 2, TINY / 2 * WIDENED),
        (lambda: exact(-(2.0**-600)) ** 3, -TINY / 2, TINY / 2 * WIDENED),
        (lambda: one(3.0, 0.5) ** 1, 3, F(1, 2)),
        (lambda: one(3.0, 0.5) ** 0, 1, 0),
        (lambda: MidRad.interval([1.0], [2.0]), F(3, 2), F(1, 2) * WIDENED),
        (lambda: MidRad.interval([1.0], [1.0 + 2.0**-52]), 1, ULP * WIDENED),
        (lambda: MidRad.interval([1.0 + 2.0**-52], [1.0 + 2.0**-51]), 1 + 2 * ULP, ULP * WIDENED),
        (lambda: MidRad.interval([-(2.0**999)], [2.0**998]), -(F(2) ** 997), 3 * F(2) ** 997 * WIDENED),
        (lambda: exact(1.0).hull(exact(3.0)), 2, WIDENED),
        (lambda: exact(3.0).hull(exact(1.0)), 2, WIDENED),
        (lambda: one(1.0, 0.5).widened(0.25), 1, F(3, 4) + ULP / 2),
        (lambda: one(1.0, 0.5).widened(0.0), 1, F(1, 2)),
        (lambda: one(1.0, 0.5).widened([0.0, 0.5]), [1, 1], [F(1, 2), 1 + ULP]),
        (lambda: exact(4.0).reciprocal(), F(1, 4), ULP / 4 * WIDENED),
        (lambda: exact(-4.0).reciprocal(), F(-1, 4), ULP / 4 * WIDENED),
        (lambda: MIDRAD.sqrt(exact(4.0)), 2, 2 * ULP * WIDENED),
        (lambda: MIDRAD.sqrt(exact(0.0)), 0, 0),
        (lambda: MIDRAD.exp(exact(0.0)), 1, 0),
    ],
)
def test_the_radius_is_what_the_proof_allows_for(result, mid, rad):
    found = result()
    assert found.mid.ravel().tolist() == np.array(mid, dtype=float).ravel().tolist()
    # The radius is rounded itself, mostly once.
    for computed, exactly in zip(found.rad.ravel().tolist(), np.ravel(rad), strict=True):
        assert computed == exactly == 0 or abs(F(computed) - exactly) < ULP * exactly


def test_the_doubles_at_the_ends_are_the_next_ones():
    both, around = MidRad([1.0, -1.0], [0.5, 0.5]), one(0.0, 0.5)
    less, more, most = np.nextafter(0.5, 0.0), np.nextafter(0.5, 1.0), np.nextafter(1.5, 2.0)
    assert both.lower().tolist() == [less, -most] and both.upper().tolist() == [most, -less]
    assert both.magnitude().tolist() == [most, most] and both.mignitude().tolist() == [less, less]
    assert around.magnitude() == more and around.mignitude() == 0.0
    assert exact(-3.0).magnitude() == exact(-3.0).mignitude() == 3.0


@pytest.mark.parametrize(
    ("values", "norm"),
    [
        ([1.0], 1 + 10 * 2.0**-52),
        ([3.0, 4.0], 5 * (1 + 11 * 2.0**-52)),
        (np.concatenate([[1.0], np.zeros(2**20 - 1)]), 1 + 2.0**-33 + 10 * 2.0**-52),
        (np.full(4, 2.0**-600), 2.0**-499 * (1 + 2.0**-51)),
        ([0.0, 0.0], 0.0),
    ],
    ids=["one", "two", "many", "small", "zero"],
)
def test_the_norm_is_enlarged_by_what_its_proof_allows_for(values, norm):
    assert MidRad.exact(values).norm_upper() == norm == MidRad.exact(values).norm_upper(axis=0)


def test_norms_along_axes_count_the_entries_along_them():
    table = MidRad.exact(np.full((2, 3, 4), 2.0**-600))
    for axis, count in ((None, 24), (0, 2), (1, 3), (2, 4), ((0, 2), 8), (-1, 4)):
        found = table.norm_upper(axis=axis)
        assert (np.abs(found / (count**0.5 * 2.0**-500) - 1) <= 2.0**-50).all()


def test_norms_and_concatenations_are_of_each_row_by_itself():
    table = MidRad([[3.0, 4.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]])
    assert table.norm_upper(axis=1).tolist() == [5 * (1 + 11 * 2.0**-52), 0.0]
    assert MidRad.exact([[2.0], [1.0]]).norm_upper(axis=1).tolist() == [2 + 20 * 2.0**-52, 1 + 10 * 2.0**-52]
    wide = MidRad([[1.0], [2.0]], [[3.0], [4.0]])
    for joined in (np.concatenate([wide, wide], axis=1), np.concatenate([wide, wide], 1)):
        assert joined.mid.tolist() == [[1.0, 1.0], [2.0, 2.0]] and joined.rad.tolist() == [
            [3.0, 3.0],
            [4.0, 4.0],
        ]
    assert wide.ravel().shape == TABLE[0, 0, :2].shape == (2,) and TABLE.ravel().mid.shape == (24,)


def test_an_odd_power_of_zero_has_no_sign():
    assert not np.signbit((exact(0.0) ** 3).mid).any()


def test_roundings_do_not_depend_on_what_the_caller_lets_numpy_raise():
    least = exact(5e-324, 5e-324)
    with np.errstate(all="raise"):
        results = [least + least, least.sum(), least * least, least @ least]
    assert all((result.upper() > 0).all() for result in results)


def test_exponentials_at_the_ends_of_their_range():
    low = MIDRAD.exp(exact(-694.0))
    assert low.lower() <= 0 < low.upper() < 2.0**-998
    # The lower end is -694 exactly, the upper one far from it: only a rounding reaches below 0.
    wide = one(-692.0, 2.0 - 2.0**-43)
    assert wide.lower() == -694.0 and -(2.0**-1040) < MIDRAD.exp(wide).lower() <= 0
    thin = MIDRAD.exp(one(0.0, 2.0**-30))
    assert thin.lower() < 1 - 2.0**-31 and thin.upper() > 1 + 2.0**-31


def test_exponentials_begin_and_end_where_the_balls_do(monkeypatch):
    """With few bits the two ends of a ball differ by more than rounding to a double is allowed."""
    monkeypatch.setattr(midpoint_radius, "_EXPONENTIAL_BITS", 32)
    for x in (0.1, -2.7, 30.3):
        value = Ball(F(x), 100).exp()
        found = MIDRAD.exp(exact(x))
        assert lowest(found) <= value.lower() and value.upper() <= highest(found)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "matmul"])
def test_other_classes_are_asked(name):
    assert getattr(ONES, f"__{name}__")("1") is NotImplemented
    if name != "matmul":
        assert getattr(ONES, f"__r{name}__")("1") is NotImplemented


FAR = "a number left the range of double precision; rescale the problem or use balls."
EXACT_ONLY = (
    "an enclosure takes exact numbers only, got float 0.5; give an int, a Fraction or exact text "
    "(Fraction(x) is the exact value of a float)"
)
NO_ARRAY = (
    "a midpoint-radius array does not become a numpy array by itself; read .mid, .rad, lower() or upper()"
)
RADII = "midpoints and radii have one shape and radii are >= 0; use MidRad.interval for two ends"
LARGE = MidRad.exact(np.full(3, 2.0**999))


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        (lambda: MidRad([1.0, 2.0], [0.0]), ValueError, RADII),
        (lambda: MidRad([1.0], [-1.0]), ValueError, RADII),
        (lambda: MidRad([np.inf], [0.0]), Inconclusive, FAR),
        (lambda: MidRad([0.0], [np.inf]), Inconclusive, FAR),
        (lambda: MidRad.interval([2.0], [1.0]), ValueError, "an interval needs low <= high everywhere"),
        (lambda: ONES.widened(-1.0), ValueError, "a radius is a number >= 0"),
        (lambda: ONES.widened([[0.0], [np.nan]]), ValueError, "a radius is a number >= 0"),
        (lambda: exact(1.0) / MidRad([0.0], [1.0]), DivisionByZero, "a divisor contains zero"),
        (lambda: exact(1.0, 0.0).reciprocal(), DivisionByZero, "a divisor contains zero"),
        (
            lambda: MIDRAD.sqrt(exact(-1.0)),
            OutsideDomain,
            "the square root of an enclosure that contains negative numbers is not defined",
        ),
        (lambda: ONES**-1, TypeError, "midpoint-radius arrays are raised to whole powers >= 0 only, got -1"),
        (
            lambda: ONES**0.5,
            TypeError,
            "midpoint-radius arrays are raised to whole powers >= 0 only, got 0.5",
        ),
        (lambda: ONES + 0.5, TypeError, EXACT_ONLY),
        (lambda: 0.5 - ONES, TypeError, EXACT_ONLY),
        (lambda: ONES @ 0.5, TypeError, EXACT_ONLY),
        (lambda: ONES.__setitem__(0, 0.5), TypeError, EXACT_ONLY),
        (
            lambda: ONES.__setitem__(0, "1"),
            TypeError,
            "an entry is a MidRad, an int or a Fraction, not a str",
        ),
        (
            lambda: np.concatenate([ONES, [1.0]]),
            TypeError,
            "midpoint-radius arrays are concatenated with their own kind only",
        ),
        (lambda: np.asarray(ONES), TypeError, NO_ARRAY),
        (lambda: ONES == ONES, Ambiguous, "enclosures are not compared with ==; compare lower() and upper()"),
        (
            lambda: bool(ONES),
            Ambiguous,
            "an enclosure is not true or false; use MIDRAD.sign, lower() or upper()",
        ),
        (lambda: LARGE + LARGE, Inconclusive, FAR),
        (lambda: LARGE * LARGE, Inconclusive, FAR),
        (lambda: LARGE @ LARGE, Inconclusive, FAR),
        (lambda: LARGE.sum(), Inconclusive, FAR),
        (lambda: LARGE**2, Inconclusive, FAR),
        (lambda: LARGE**3, Inconclusive, FAR),
        (lambda: LARGE.norm_upper(), Inconclusive, FAR),
        (lambda: exact(2.0**-1040).reciprocal(), Inconclusive, FAR),
        (lambda: exact(-(2.0**-1040)).reciprocal(), Inconclusive, FAR),
        (lambda: MIDRAD.exp(exact(695.0)), Inconclusive, FAR),
        (lambda: MIDRAD.exp(exact(1e9)), Inconclusive, FAR),
        (lambda: MIDRAD.exp(one(0.0, 1e8)), Inconclusive, FAR),
        (
            lambda: bilinear(np.dot, ONES, ONES, 2**30 + 1),
            Inconclusive,
            "a sum of 1073741825 products is longer than the rounding bound allows; split the array.",
        ),
    ],
)
def test_what_is_refused_and_why(operation, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        operation()
