"""`Ball` at the corner points of interval arithmetic: every operation against its exact image in rationals.

The operands' ends are read exactly, their image is worked out in `Fraction`s, and the result has to contain
it without tolerance and be hardly wider. README.md beside this file says which corner points and why.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction as F
from typing import Any

import mpmath
import numpy as np
import pytest
from exact_ends import alike
from external.conformance import (
    CORNERS,
    EXTREMES,
    RAGGED,
    SMALLEST,
    ULP,
    Image,
    corner,
    escapes,
    loose,
    power,
)
from external.exact_functions import angle, cos, exact, exp, increasing, log, pi, sin, sqrt, wave

from certflow.arithmetic.ball import MAX_BITS, MIN_BITS, Ball, BallArithmetic
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.decimal_text import interval_text
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain
from certflow.outcome import Ambiguous, BadInput

BITS = (53, 200)

Box = tuple[F, F]

NEGLIGIBLE = 1 + F(1, 2**14)
"""What balls lose of a width: radii have 30 bits, and thin operands (20 bits and more) are treated by their
slopes.
"""

MIDPOINT_RADIUS = F(3, 2) * NEGLIGIBLE
"""Products of balls are formed from midpoints and radii, which are at most half as wide again as the
product.
"""


def box(ball: Ball) -> Box:
    return ball.lower(), ball.upper()


def balls(bits: int, table: dict[str, Box] = CORNERS) -> dict[str, Ball]:
    return {name: Ball.interval(low, high, bits) for name, (low, high) in table.items()}


def fault(result: Ball, image: Image, factor: F | None, bits: int) -> str:
    """What is wrong with a result: an end on the wrong side, or too wide."""
    low, high = box(result)
    size = max(abs(image[0][0]), abs(image[1][1]))
    return escapes(low, high, image) or (
        loose(low, high, image, factor, 16 * size / 2**bits) if factor else ""
    )


# -- one operand ---------------------------------------------------------------------------------------------


def absolute(low: F, high: F) -> Image:
    largest = max(-low, high)
    return exact(max(low, -high, F(0))), exact(largest)


UNARY: dict[str, tuple[Callable[[F, F], Image], Callable[[F, F], bool], F | None]] = {
    # operation: its exact image, its domain, how much wider than the image the result may be
    "__neg__": (lambda low, high: (exact(-high), exact(-low)), lambda low, high: True, F(1)),
    "__pos__": (lambda low, high: (exact(low), exact(high)), lambda low, high: True, F(1)),
    "__abs__": (absolute, lambda low, high: True, NEGLIGIBLE),
    "square": (lambda low, high: power((low, high), 2), lambda low, high: True, NEGLIGIBLE),
    "sqrt": (increasing(sqrt), lambda low, high: low >= 0, NEGLIGIBLE),
    "exp": (increasing(exp), lambda low, high: True, NEGLIGIBLE),
    "log": (increasing(log), lambda low, high: low > 0, NEGLIGIBLE),
    "sin": (wave(sin, F(1, 2)), lambda low, high: True, None),
    "cos": (wave(cos, F(0)), lambda low, high: True, None),
}

MONSTERS = {"exp": 10**4}
"""Operations whose image is not written as a fraction for arguments larger than this."""


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_ball(name, bits):
    image, domain, factor = UNARY[name]
    found = {}
    for case, ball in {**balls(bits), **balls(MIN_BITS, RAGGED)}.items():
        low, high = box(ball)
        if max(-low, high) > MONSTERS.get(name, 10**7):
            continue
        if domain(low, high):
            found[case] = fault(getattr(ball, name)(), image(low, high), factor, ball.bits)
        else:
            with pytest.raises(OutsideDomain, match="is not real"):
                getattr(ball, name)()
    assert {case: why for case, why in found.items() if why} == {}
    assert len(found) > 8


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", ["sqrt", "log", "__neg__", "__abs__", "square"])
def test_functions_of_one_ball_at_the_ends_of_the_range(name, bits):
    image, domain, factor = UNARY[name]
    inside = {case: ball for case, ball in balls(bits, EXTREMES).items() if domain(*box(ball))}
    found = {
        case: fault(getattr(ball, name)(), image(*box(ball)), factor, bits) for case, ball in inside.items()
    }
    assert {case: why for case, why in found.items() if why} == {} and found


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_waves_have_slope_at_most_one_and_stay_between_minus_one_and_one(name):
    for ball in balls(53).values():
        result = getattr(ball, name)()
        assert result.upper() - result.lower() <= (ball.upper() - ball.lower()) * NEGLIGIBLE + 16 * ULP
        assert result.lower() >= -NEGLIGIBLE and result.upper() <= NEGLIGIBLE


@pytest.mark.parametrize("name", ["__abs__", "square", "sqrt"])
def test_what_is_never_negative_has_no_negative_lower_end(name):
    for ball in balls(53).values():
        if name != "sqrt" or ball.lower() >= 0:
            assert getattr(ball, name)().lower() >= 0


def test_the_exponential_is_positive_and_huge_ones_stay_balls():
    huge = Ball(10**7, 53).exp()
    assert huge > Ball(F(2) ** 1000, 53) and huge.log().contains(10**7)
    assert (-Ball(10**7, 53)).exp().sign() == 1
    with pytest.raises(OutsideDomain):
        Ball(10**100, 53).exp()


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [("exp", 0, 1), ("log", 1, 0), ("sin", 0, 0), ("cos", 0, 1), ("sqrt", 0, 0), ("sqrt", F(9, 4), F(3, 2))],
)
def test_exact_values_are_exact(operation, value, expected):
    result = getattr(Ball(value, 53), operation)()
    assert result.is_exact() and result.mid() == expected


# -- two operands --------------------------------------------------------------------------------------------


def quotient(a: Box, b: Box) -> Image:
    return corner(lambda x, y: x / y, a, b)


def away_from_zero(a: Box, b: Box) -> bool:
    return b[0] > 0 or b[1] < 0


def meet(a: Box, b: Box) -> bool:
    return max(a[0], b[0]) <= min(a[1], b[1])


def always(a: Box, b: Box) -> bool:
    return True


BINARY: dict[str, tuple[Callable[[Box, Box], Image], Callable[[Box, Box], bool], type[Exception], F]] = {
    # operation: its exact image, its domain, the error outside, how much wider than the image the result may
    # be
    "__add__": (lambda a, b: corner(lambda x, y: x + y, a, b), always, OutsideDomain, NEGLIGIBLE),
    "__sub__": (lambda a, b: corner(lambda x, y: x - y, a, b), always, OutsideDomain, NEGLIGIBLE),
    "__mul__": (lambda a, b: corner(lambda x, y: x * y, a, b), always, OutsideDomain, MIDPOINT_RADIUS),
    "__truediv__": (quotient, away_from_zero, DivisionByZero, MIDPOINT_RADIUS),
    "maximum": (lambda a, b: corner(max, a, b), always, OutsideDomain, NEGLIGIBLE),
    "minimum": (lambda a, b: corner(min, a, b), always, OutsideDomain, NEGLIGIBLE),
    "hull": (
        lambda a, b: (exact(min(a[0], b[0])), exact(max(a[1], b[1]))),
        always,
        OutsideDomain,
        NEGLIGIBLE,
    ),
    "intersection": (
        lambda a, b: (exact(max(a[0], b[0])), exact(min(a[1], b[1]))),
        meet,
        ValueError,
        NEGLIGIBLE,
    ),
}

REFLECTED = {
    "__radd__": "__add__",
    "__rsub__": "__sub__",
    "__rmul__": "__mul__",
    "__rtruediv__": "__truediv__",
}


@pytest.mark.parametrize("table", [CORNERS, EXTREMES], ids=["corners", "extremes"])
@pytest.mark.parametrize("name", BINARY)
def test_operations_of_two_balls(name, table):
    image, domain, error, factor = BINARY[name]
    found = {}
    for case, a in balls(53, table).items():
        for other, b in balls(80, table).items():
            if domain(box(a), box(b)):
                found[case, other] = fault(getattr(a, name)(b), image(box(a), box(b)), factor, 80)
            else:
                with pytest.raises(error):
                    getattr(a, name)(b)
    assert {case: why for case, why in found.items() if why} == {}
    assert len(found) > len(table)


@pytest.mark.parametrize("exact_operand", [0, 1, -7, F(1, 3), F(-5, 2**80), F(10**30)], ids=str)
@pytest.mark.parametrize("name", [*REFLECTED, *list(BINARY)[:6]])
def test_operations_with_an_exact_number(name, exact_operand):
    image, domain, error, factor = BINARY[REFLECTED.get(name, name)]
    point = F(exact_operand), F(exact_operand)
    found = {}
    for case, a in balls(53).items():
        operands = (point, box(a)) if name in REFLECTED else (box(a), point)
        if domain(*operands):
            # The exact number is rounded to the ball's precision before it is used.
            low, high = box(getattr(a, name)(exact_operand))
            expected = image(*operands)
            size = (
                max(max(map(abs, operand)) for operand in operands)
                if "sub" in name or "add" in name
                else F(0)
            )
            size = max(size, *(abs(end) for bounds in expected for end in bounds))
            found[case] = escapes(low, high, expected) or loose(low, high, expected, factor, 16 * size * ULP)
        else:
            with pytest.raises(error):
                getattr(a, name)(exact_operand)
    assert {case: why for case, why in found.items() if why} == {}


@pytest.mark.parametrize("name", BINARY)
def test_operations_of_two_balls_that_round(name):
    image, domain, _, factor = BINARY[name]
    found = {}
    for case, a in balls(MIN_BITS, CORNERS | dict(list(RAGGED.items())[:6])).items():
        for other, b in balls(MIN_BITS, RAGGED).items():
            if domain(box(a), box(b)):
                found[case, other] = fault(getattr(a, name)(b), image(box(a), box(b)), factor, MIN_BITS)
    assert {case: why for case, why in found.items() if why} == {} and found


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Ball(F(2) ** 300, 53), Ball(-(F(2) ** 300) + 1, 400)),
        (Ball(F(1, 3), 53), Ball(F(1, 3), 53)),
        (Ball(1 + ULP, 53), Ball(1, 53)),
    ],
)
def test_cancellation_loses_nothing_but_the_radii(a, b):
    difference, total = a - b, a + b
    for result, (low, high) in [
        (difference, (a.lower() - b.upper(), a.upper() - b.lower())),
        (total, (a.lower() + b.lower(), a.upper() + b.upper())),
    ]:
        assert result.lower() <= low and high <= result.upper()
        assert result.radius() <= (a.radius() + b.radius()) * NEGLIGIBLE + abs(result.mid()) * ULP


def test_a_long_sum_of_large_terms_that_cancel():
    terms = [F(2) ** 200, F(1, 3), -(F(2) ** 200), F(-1, 3), F(1, 2**90)]
    total, product = Ball(0, 300), Ball(0, 300)
    for term in terms:
        total, product = total + term, product + Ball(term, 300) * term
    assert total.contains(F(1, 2**90)) and total.radius() < F(1, 2**95)
    assert product.contains(sum(t * t for t in terms))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("exponent", [-3, -2, -1, 0, 1, 2, 3, 4, 7])
def test_powers(exponent, bits):
    found = {}
    for table, at in ((CORNERS, bits), (EXTREMES, bits), (RAGGED, MIN_BITS), (RAGGED, MIN_BITS + 1)):
        for case, ball in balls(at, table).items():
            low, high = box(ball)
            if exponent < 0 and low <= 0 <= high:
                with pytest.raises(DivisionByZero):
                    ball**exponent
                continue
            result, image = ball**exponent, power((low, high), exponent)
            found[case] = fault(result, image, NEGLIGIBLE if exponent >= 0 else NEGLIGIBLE**4, at)
            if exponent % 2 == 0 and result.lower() < 0:
                found[case] = "an even power is negative"
    assert {case: why for case, why in found.items() if why} == {}


@pytest.mark.parametrize("exponent", [0.5, F(1, 2), True, "2", np.int64(2)])
def test_only_whole_powers(exponent):
    with pytest.raises(TypeError):
        Ball(2, 53) ** exponent


@pytest.mark.parametrize("power_", [1, 2, 3])
@pytest.mark.parametrize("alpha", [F(-1), F(-1, 2), F(0), F(1, 3), F(1)], ids=str)
def test_powers_of_the_leaky_maximum(alpha, power_):
    def value(x: F) -> F:
        return max(x, alpha * x) ** power_

    found = {}
    for table in (CORNERS, EXTREMES):
        for case, ball in balls(53, table).items():
            low, high = box(ball)
            values = [value(low), value(high), *([F(0)] if low <= 0 <= high else [])]
            image = exact(min(values)), exact(max(values))
            found[case] = fault(ball.relu_power(alpha, power_), image, NEGLIGIBLE, 50)
    assert {case: why for case, why in found.items() if why} == {}


@pytest.mark.parametrize(("alpha", "power_"), [(F(2), 1), (F(-3, 2), 1), (F(0), 0), (F(0), -1), (F(0), True)])
def test_leaky_maximum_outside_its_contract(alpha, power_):
    with pytest.raises(ValueError, match="relu_power"):
        Ball(1, 53).relu_power(alpha, power_)


def test_angles():
    found = {}
    for case, y in balls(80).items():
        for other, x in balls(80).items():
            if y.contains(0) and x.contains(0):
                with pytest.raises(OutsideDomain):
                    y.atan2(x)
                continue
            corners = [angle(a, b) for a in box(y) for b in box(x)]
            result = y.atan2(x)
            if x.lower() < 0 and y.lower() < 0 <= y.upper():  # both sides of the negative axis
                corners += [pi(), (-pi()[1], -pi()[0])]
            low, high = min(corners), max(corners)
            found[case, other] = escapes(*box(result), (low, high))
            if x.is_exact() and y.is_exact():
                found[case, other] = fault(result, (low, high), F(1), 80)
    assert {case: why for case, why in found.items() if why} == {}


# -- making, reading, comparing ------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [MIN_BITS, 53, 2000])
def test_balls_contain_what_they_are_made_of(bits):
    for low, high in [*CORNERS.values(), *EXTREMES.values()]:
        image = exact(low), exact(high)
        assert fault(Ball.interval(low, high, bits), image, NEGLIGIBLE, bits) == ""
        assert fault(Ball(low, bits), (exact(low), exact(low)), F(1), bits) == ""
        text = [f"{low.numerator}/{low.denominator}", f"{high.numerator}/{high.denominator}"]
        if low.denominator.bit_length() < 900 and low.numerator.bit_length() < 900:
            assert fault(Ball.from_json(text, bits), image, NEGLIGIBLE, bits) == ""
            assert fault(Ball.from_json(text[0], bits), (exact(low), exact(low)), F(1), bits) == ""
        kept = Ball.interval(low, high, bits)
        assert (low < 0 or kept.lower() >= 0) and (high > 0 or kept.upper() <= 0)


def test_intervals_need_their_ends_in_order():
    with pytest.raises(ValueError, match="low <= high"):
        Ball.interval(1 + ULP, 1, 53)
    with pytest.raises(BadInput):
        Ball.from_json(["1", "0"], 53)


@pytest.mark.parametrize(
    "value", [["1"], ["0", "1", "2"], [0, 1], 3, None, {"lo": "0"}, "[0, 1]", "inf", "nan", ""]
)
def test_what_is_not_a_number_in_json(value):
    with pytest.raises(BadInput):
        Ball.from_json(value, 53)


@pytest.mark.parametrize("bits", [MIN_BITS - 1, MAX_BITS + 1, 53.0, True, "53"])
def test_precisions_outside_their_range(bits):
    for make in (
        lambda: Ball(1, bits),
        lambda: Ball.interval(0, 1, bits),
        lambda: Ball.pi(bits),
        lambda: Ball(1, 53).at(bits),
        lambda: BallArithmetic(bits),
    ):
        with pytest.raises(ValueError, match="precision"):
            make()


@pytest.mark.parametrize("bits", [MIN_BITS, 53, 500])
def test_pi(bits):
    assert fault(Ball.pi(bits), (pi(), pi()), F(1), bits) == ""


@pytest.mark.parametrize("bits", [MIN_BITS, 53, 200])
def test_other_precisions_keep_the_number(bits):
    for ball in balls(100).values():
        again = ball.at(bits)
        assert again.bits == bits
        assert fault(again, (exact(ball.lower()), exact(ball.upper())), NEGLIGIBLE, bits) == ""


def test_ends_midpoint_and_radius_are_one_interval():
    for ball in balls(53).values():
        assert ball.lower() == ball.mid() - ball.radius() and ball.upper() == ball.mid() + ball.radius()
        assert ball.radius() >= 0 and ball.is_exact() == (ball.radius() == 0)
        assert float(ball.mid()) == ball.midpoint_float() == float(ball.midpoint_mpf(mpmath.mp))
        assert Ball.from_json(ball.to_json(), 53).contains(ball)


def decimal_ends(text: str) -> tuple[F, F]:
    """The ends of "[a, b]" or of "x ± r"."""
    if text.startswith("["):
        low, high = text[1:-1].split(", ")
        return F(low), F(high)
    mid, _, radius = text.partition(" ± ")
    return F(mid) - F(radius or 0), F(mid) + F(radius or 0)


@pytest.mark.parametrize("digits", [1, 5, 30])
def test_decimal_text_contains_the_ball(digits):
    for ball in balls(80).values():
        for text in (ball.text(digits), interval_text(ball.lower(), ball.upper(), digits)):
            low, high = decimal_ends(text)
            assert low <= ball.lower() and ball.upper() <= high, text
    assert decimal_ends(str(Ball(F(1, 3), 53)))[0] <= F(1, 3)


def test_signs():
    for table in (CORNERS, EXTREMES):
        for name, ball in balls(53, table).items():
            low, high = box(ball)
            expected = 1 if low > 0 else -1 if high < 0 else 0 if low == high else UNKNOWN
            assert ball.sign() == expected, name
            assert BallArithmetic(53).sign(np.array([ball, -ball], dtype=object)).tolist() == [
                expected,
                expected if expected == UNKNOWN else -expected,
            ]


RELATIONS: dict[str, Callable[[Box, Box], bool | None]] = {
    "less": lambda a, b: True if a[1] < b[0] else False if a[0] >= b[1] else None,
    "greater": lambda a, b: True if a[0] > b[1] else False if a[1] <= b[0] else None,
    "less_equal": lambda a, b: True if a[1] <= b[0] else False if a[0] > b[1] else None,
    "greater_equal": lambda a, b: True if a[0] >= b[1] else False if a[1] < b[0] else None,
    "equal": lambda a, b: (
        False if a[1] < b[0] or b[1] < a[0] else True if a[0] == a[1] == b[0] == b[1] else None
    ),
}

OPERATORS = {
    "__lt__": "less",
    "__le__": "less_equal",
    "__gt__": "greater",
    "__ge__": "greater_equal",
    "__eq__": "equal",
}


@pytest.mark.parametrize("name", [*RELATIONS, *OPERATORS])
def test_comparisons_have_three_answers(name):
    expected_of = RELATIONS[OPERATORS.get(name, name)]
    ordinary = {**balls(53), **balls(200, EXTREMES)}
    for a in ordinary.values():
        others: list[tuple[Any, Box]] = [(b, box(b)) for b in ordinary.values()]
        others += [(low, (low, low)) for low, _ in CORNERS.values()]
        for other, ends in others:
            expected = expected_of(box(a), ends)
            if name in OPERATORS and expected is None:
                with pytest.raises(Ambiguous):
                    getattr(a, name)(other)
            else:
                assert getattr(a, name)(other) is expected, (name, a, other)


def test_containment_and_overlap_are_decided_exactly():
    ordinary = {**balls(53), **balls(200, EXTREMES)}
    for a in ordinary.values():
        low, high = box(a)
        assert a.contains(low) and a.contains(high) and a.contains(a)
        assert not a.contains(low - SMALLEST**2) and not a.contains(high + SMALLEST**2)
        for b in ordinary.values():
            assert a.contains(b) == (low <= b.lower() and b.upper() <= high)
            assert a.overlaps(b) == meet(box(a), box(b))
            assert alike(a, b) == (box(a) == box(b))


def test_truth_is_being_known_not_to_be_zero():
    for ball in balls(53).values():
        low, high = box(ball)
        if low <= 0 <= high and low < high:
            with pytest.raises(Ambiguous):
                bool(ball)
        else:
            assert bool(ball) == (low != 0)


@pytest.mark.parametrize("value", [0.5, True, np.float64(1), np.int64(1), 1j, np.bool_(True)], ids=repr)
@pytest.mark.parametrize(
    "name", [*REFLECTED, *list(BINARY)[:6], "atan2", "less", "greater", "equal", "contains"]
)
def test_rounded_numbers_are_refused(name, value):
    with pytest.raises(TypeError):
        getattr(Ball(1, 53), name)(value)
    with pytest.raises(TypeError):
        Ball(value, 53)


def test_the_number_system_of_balls():
    system = BallArithmetic(53)
    assert fault(system.number(F(1, 3)), (exact(F(1, 3)), exact(F(1, 3))), F(1), 53) == ""
    assert fault(system.hull(F(-1, 3), F(2)), (exact(F(-1, 3)), exact(F(2))), NEGLIGIBLE, 53) == ""
    array, constants = system.array([F(1, 3), F(2)]), system.constants(F(1, 3), F(2))
    for value, *results in [(F(1, 3), array[0], constants[0]), (F(2), array[1], constants[1])]:
        for result in results:
            assert fault(result, (exact(value), exact(value)), F(1), 53) == "" and result.bits == 53
    assert system.constants(F(1, 3), F(2)) is constants
    for name, function in [("exp", exp), ("sqrt", sqrt)]:
        low, high = function(array[0].lower())[0], function(array[0].upper())[1]
        assert fault(getattr(system, name)(array)[0], ((low, low), (high, high)), NEGLIGIBLE, 53) == ""


@pytest.mark.parametrize("bits", BITS)
def test_pickling_gives_a_ball_around_the_ball(bits: int) -> None:
    for ball in [*balls(bits).values(), *balls(bits, EXTREMES).values(), *balls(bits, RAGGED).values()]:
        again = pickle.loads(pickle.dumps(ball))
        assert again.contains(ball)
        assert (again.mid(), again.bits) == (ball.mid(), ball.bits)
        assert again.radius() <= ball.radius() * (1 + F(1, 2**28))
        assert box(pickle.loads(pickle.dumps(again))) == box(again)
