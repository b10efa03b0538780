"""Balls where the answer is known exactly: results, precisions, the edges of every limit, and the whole text
of every refusal.
"""

import re
from fractions import Fraction as F

import numpy as np
import pytest
from flint import arb, ctx

from certflow.arithmetic import ball as module
from certflow.arithmetic.ball import MAX_BINARY_EXPONENT, MAX_BITS, MIN_BITS, Ball, BallArithmetic
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain
from certflow.exact import MAX_DELTA_EXPONENT
from certflow.outcome import BadInput

THREE, QUARTER, MINUS_TWO = Ball(3, 53), Ball(F(1, 4), 80), Ball(-2, 60)


@pytest.mark.parametrize(
    ("result", "value", "bits"),
    [
        (lambda: THREE + QUARTER, F(13, 4), 80),
        (lambda: QUARTER + THREE, F(13, 4), 80),
        (lambda: THREE + 2, 5, 53),
        (lambda: 2 + THREE, 5, 53),
        (lambda: THREE + F(1, 2), F(7, 2), 53),
        (lambda: THREE - QUARTER, F(11, 4), 80),
        (lambda: QUARTER - THREE, F(-11, 4), 80),
        (lambda: THREE - 2, 1, 53),
        (lambda: 2 - THREE, -1, 53),
        (lambda: F(1, 2) - THREE, F(-5, 2), 53),
        (lambda: THREE * QUARTER, F(3, 4), 80),
        (lambda: F(1, 2) * THREE, F(3, 2), 53),
        (lambda: THREE / QUARTER, 12, 80),
        (lambda: QUARTER / MINUS_TWO, F(-1, 8), 80),
        (lambda: 6 / THREE, 2, 53),
        (lambda: THREE / F(3, 2), 2, 53),
        (lambda: THREE**3, 27, 53),
        (lambda: THREE**0, 1, 53),
        (lambda: Ball.interval(-1, 2, 53) ** 0, 1, 53),
        (lambda: MINUS_TWO**2, 4, 60),
        (lambda: MINUS_TWO**-3, F(-1, 8), 60),
        (lambda: MINUS_TWO**-1, F(-1, 2), 60),
        (lambda: -QUARTER, F(-1, 4), 80),
        (lambda: +QUARTER, F(1, 4), 80),
        (lambda: abs(MINUS_TWO), 2, 60),
        (lambda: MINUS_TWO.square(), 4, 60),
        (lambda: THREE.maximum(QUARTER), 3, 80),
        (lambda: QUARTER.maximum(THREE), 3, 80),
        (lambda: THREE.maximum(F(7, 2)), F(7, 2), 53),
        (lambda: THREE.minimum(QUARTER), F(1, 4), 80),
        (lambda: QUARTER.minimum(THREE), F(1, 4), 80),
        (lambda: THREE.minimum(F(7, 2)), 3, 53),
        (lambda: MINUS_TWO.relu_power(), 0, 60),
        (lambda: MINUS_TWO.relu_power(F(1, 4), 2), F(1, 4), 60),
        (lambda: MINUS_TWO.relu_power(F(1), 3), -8, 60),
        (lambda: MINUS_TWO.relu_power(F(-1), 3), 8, 60),
        (lambda: THREE.relu_power(F(-1), 2), 9, 53),
        (lambda: THREE.relu_power(), 3, 53),
        (lambda: Ball(0, 53).relu_power(F(1, 2), 2), 0, 53),
        (lambda: Ball(F(9, 4), 53).sqrt(), F(3, 2), 53),
        (lambda: Ball(0, 53).sqrt(), 0, 53),
        (lambda: Ball(0, 53).exp(), 1, 53),
        (lambda: Ball(1, 53).log(), 0, 53),
        (lambda: Ball(0, 70).sin(), 0, 70),
        (lambda: Ball(0, 70).cos(), 1, 70),
        (lambda: Ball(0, 53).atan2(Ball(1, 80)), 0, 80),
        (lambda: Ball(0, 80).atan2(Ball(1, 53)), 0, 80),
        (lambda: Ball(0, 53).atan2(1), 0, 53),
        (lambda: THREE.hull(), 3, 53),
        (lambda: THREE.hull(Ball(3, 90), Ball(3, 70)), 3, 90),
        (lambda: THREE.intersection(Ball(3, 90)), 3, 90),
        (lambda: Ball(3, 90).intersection(THREE), 3, 90),
        (lambda: THREE.intersection(Ball.interval(3, 4, 60)), 3, 60),
        (lambda: Ball.interval("1/2", F(1, 2), 70), F(1, 2), 70),
        (lambda: Ball("0.75", 70), F(3, 4), 70),
        (lambda: Ball.from_json("3*2^-1", 70), F(3, 2), 70),
        (lambda: Ball.from_json(["3/2", "1.5"], 70), F(3, 2), 70),
        (lambda: Ball.from_json(("3/2", "1.5"), 70), F(3, 2), 70),
        (lambda: QUARTER.at(60), F(1, 4), 60),
        (lambda: BallArithmetic(70).number(F(1, 4)), F(1, 4), 70),
        (lambda: BallArithmetic(70).hull(F(1, 4), F(1, 4)), F(1, 4), 70),
        (lambda: BallArithmetic(70).exp(Ball(0, 60)), 1, 60),
        (lambda: BallArithmetic(70).sqrt(np.array([[Ball(4, 60)]]))[0, 0], 2, 60),
    ],
)
def test_exact_results(result, value, bits):
    found = result()
    assert found.is_exact() and found.mid() == value and found.radius() == 0 and found.bits == bits


def test_results_that_round_have_the_precision_of_the_finer_operand():
    third = Ball(F(1, 3), 53)
    for result, bits in (
        (lambda: THREE / Ball(7, 80), 80),
        (lambda: Ball(7, 80) / THREE, 80),
        (lambda: 1 / Ball(7, 80), 80),
        (lambda: Ball(7, 80) / F(1, 3), 80),
        (lambda: Ball(F(1, 3), 80), 80),
        (lambda: Ball.interval(F(1, 3), F(1, 3), 80), 80),
        (lambda: Ball.from_json("1/3", 80), 80),
        (lambda: Ball.from_json(["1/3", "1/3"], 80), 80),
        (lambda: Ball(2, 80).sqrt(), 80),
        (lambda: Ball(2, 80).exp(), 80),
        (lambda: Ball(2, 80).log(), 80),
        (lambda: Ball(2, 80).sin(), 80),
        (lambda: Ball(2, 80).cos(), 80),
        (lambda: Ball(2, 80).atan2(1), 80),
        (lambda: Ball(1, 53).atan2(Ball(2, 80)), 80),
        (lambda: Ball.pi(80), 80),
        (lambda: Ball(F(1, 3), 200).at(80), 80),
        (lambda: Ball(3, 80) ** 100, 80),
        (lambda: Ball(3, 80) ** -1, 80),
        (lambda: Ball(F(1, 3), 80).hull(), 80),
    ):
        found = result()
        assert found.bits == bits and not found.is_exact()
        assert abs(found.mid()) / 2**90 < found.radius() < abs(found.mid()) / 2**76
    # At the precision it has, a ball comes back as it is.
    assert third.at(53) is third and +third is third


def test_negation_rounds_nothing_whatever_precision_flint_has():
    fine = Ball(F(1, 3), 300)
    assert (-fine).mid() == -fine.mid() and (-fine).radius() == fine.radius() and (-fine).bits == 300


def test_a_precision_is_set_and_put_back_even_after_an_error():
    before = ctx.prec
    assert module._at(77, lambda: ctx.prec) == 77 and ctx.prec == before
    assert module._at(77, lambda a, b: (a, b), 1, 2) == (1, 2)
    with pytest.raises(ZeroDivisionError):
        module._at(77, lambda: 1 // 0)
    assert ctx.prec == before
    with pytest.raises(DivisionByZero):
        Ball(1, 77) / Ball(0, 99)
    assert ctx.prec == before


WIDE = [
    (F(1), F(3)),
    (F(1, 8), F(2)),
    (F(-3), F(-1)),
    (F(-2), F(-1, 8)),
    (F(0), F(2)),
    (F(-2), F(0)),
    (F(-1), F(3)),
    (F(-3), F(2)),
]


@pytest.mark.parametrize(("low", "high"), WIDE, ids=str)
def test_wide_images_are_as_wide_as_thirty_bits_of_a_radius_allow(low, high):
    ball = Ball.interval(low, high, 53)
    images = {1: (low, high), 3: (low**3, high**3)}
    for even in (2, 4):
        sizes = sorted((low**even, high**even))
        images[even] = (F(0) if low < 0 < high else sizes[0], sizes[1])
    results = [(ball**exponent, image) for exponent, image in images.items()]
    results += [(abs(ball), (F(0) if low < 0 < high else min(abs(low), abs(high)), max(-low, high)))]
    results += [(-ball, (-high, -low))]
    if low * high > 0:
        results += [(1 / ball, (1 / high, 1 / low))]
    for found, (below, above) in results:
        assert below - (above - below) / 2**24 <= found.lower() <= below
        assert above <= found.upper() <= above + (above - below) / 2**24
        assert (found.lower() >= 0) == (below >= 0) and (found.upper() <= 0) == (above <= 0)
    if low >= 0:
        root = ball.sqrt()
        assert root.lower() >= 0 and root.lower() ** 2 <= low and root.upper() ** 2 >= high
        assert root.upper() ** 2 <= high * (1 + F(1, 2**26))


FUNCTIONS = {
    "sqrt": lambda x: x.sqrt(),
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "reciprocal": lambda x: 1 / x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_flints_own_formulas_are_used_for_thin_balls_and_the_ends_for_wide_ones(name):
    function = FUNCTIONS[name]

    def by_ends(ball):
        return function(Ball(ball.lower(), 53)).hull(function(Ball(ball.upper(), 53)))

    third = Ball(F(1, 3), 53)
    assert function(third).radius() < by_ends(third).radius() * F(4, 5)
    # Twenty correct bits are few, twenty-one are enough.
    wide, thin = (Ball(1, 53) + Ball.interval(-F(1, 2**k), F(1, 2**k), 53) for k in (21, 22))
    assert (wide._arb.rel_accuracy_bits(), thin._arb.rel_accuracy_bits()) == (20, 21)
    slack = 1 + F(1, 2**26)
    assert function(wide).radius() <= by_ends(wide).radius() * slack
    assert function(thin).radius() > by_ends(thin).radius() * slack


@pytest.mark.parametrize(
    ("mid", "radius", "exponent"),
    [
        (F(3117513185, 2**32), F(997833761, 2**43), 2),
        (F(-991564255, 2**32), F(45422537, 2**32), 2),
        (F(-991564255, 2**32), F(45422537, 2**32), 3),
        (F(-991564255, 2**32), F(45422537, 2**32), 5),
        (F(429497919, 2**32), F(798461317, 2**48), 2),
        (F(-2896894571, 2**32), F(396326411, 2**49), 2),
        (F(-3607564415, 2**32), F(844508895, 2**43), 2),
        (F(-3607564415, 2**32), F(844508895, 2**43), 3),
        (F(2227706265, 2**32), F(208680967, 2**32), 3),
        (F(2312748803, 2**32), F(36246139, 2**28), 2),
        (F(2312748803, 2**32), F(36246139, 2**28), 5),
    ],
)
def test_powers_of_the_two_ends_are_rounded_outwards(mid, radius, exponent):
    """At these numbers what a union spills over its ends would not hide a power rounded the wrong way."""
    # flint rounds a radius up to the next one of thirty bits, even if it is one.
    below = radius - F(2) ** (np.frexp(float(radius))[1].item() - 31)
    ball = module._ball(
        arb(arb(mid.numerator) / mid.denominator, arb(below.numerator) / below.denominator), 32
    )
    assert (ball.mid(), ball.radius()) == (mid, radius)
    low, high = sorted((ball.lower() ** exponent, ball.upper() ** exponent))
    assert (ball**exponent).lower() <= low and high <= (ball**exponent).upper()


def test_comparisons_at_ends_that_have_more_digits_than_the_precision():
    for ball in (Ball(F(1, 3), 53) * Ball(F(3, 7), 53), Ball.interval(F(1, 3), F(1, 2) + F(1, 2**90), 53)):
        low, high = ball.lower(), ball.upper()
        assert low.numerator.bit_length() > 53 or high - low > F(1, 10)
        beside = (high - low) / 2**60
        assert ball.less(high + beside) is True and ball.less(high) is None
        assert ball.less(low + beside) is None and ball.less(low) is False
        assert ball.greater(low - beside) is True and ball.greater(low) is None
        assert ball.greater(high - beside) is None and ball.greater(high) is False
        assert (
            ball.equal(high + beside) is False
            and ball.equal(low - beside) is False
            and ball.equal(high) is None
        )
    assert THREE.equal(Ball.interval(3, 4, 53)) is None and Ball.interval(3, 4, 53).equal(THREE) is None
    assert (
        THREE.equal(Ball(3, 80)) is True
        and THREE.equal(3) is True
        and Ball.interval(3, 4, 53).equal(3) is None
    )
    assert Ball.interval(2, 3, 53).contains(Ball(3, 53)) and not Ball(3, 53).contains(Ball.interval(2, 3, 53))
    assert Ball.interval(2, 3, 53).overlaps(THREE) and not Ball.interval(4, 5, 53).overlaps(THREE)


def test_signs_of_arrays_are_small_whole_numbers():
    signs = BallArithmetic(53).sign(np.array([[THREE, MINUS_TWO], [Ball(0, 53), Ball.interval(0, 1, 53)]]))
    assert signs.dtype == np.int8 and signs.tolist() == [[1, -1], [0, UNKNOWN]]


def test_limits_are_inclusive():
    assert Ball(1, MIN_BITS).bits == MIN_BITS and Ball(1, MAX_BITS).bits == MAX_BITS
    assert Ball(1, 53).relu_power(F(1)).mid() == Ball(1, 53).relu_power(F(-1)).mid() == 1
    for sign in (1, -1):
        assert (Ball(2, 53) ** (sign * MAX_BINARY_EXPONENT)).lower() == F(2) ** (sign * MAX_BINARY_EXPONENT)
        text = f"1*2^{sign * MAX_DELTA_EXPONENT}"
        value = F(2) ** (sign * MAX_DELTA_EXPONENT)
        assert Ball.from_json(text, 53).mid() == Ball.from_json([text, text], 53).mid() == value


PAIR = 'expected exact text or a pair ["lo", "hi"] of it with lo <= hi.'
NO_NUMBER = "'x' is not a number; write it as 1/3, 0.25 or 1e-5."
BITS = f"the precision of a ball is a whole number of bits from {MIN_BITS} to {MAX_BITS}, got "
EXACT_ONLY = (
    "an enclosure takes exact numbers only, got float 0.5; give an int, a Fraction or exact text "
    "(Fraction(x) is the exact value of a float)"
)
AROUND = Ball.interval(-1, 1, 53)


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        (
            lambda: Ball.interval(2, 1, 53),
            ValueError,
            "an interval needs low <= high, got low = 2 and high = 1",
        ),
        (
            lambda: Ball.interval("1/2", F(1, 3), 53),
            ValueError,
            "an interval needs low <= high, got low = 1/2 and high = 1/3",
        ),
        (lambda: Ball.from_json(1, 53), BadInput, f"number: {PAIR}"),
        (lambda: Ball.from_json(["2", "1"], 53, "here"), BadInput, f"here: {PAIR}"),
        (lambda: Ball.from_json(["1", 2], 53, "here"), BadInput, f"here: {PAIR}"),
        (lambda: Ball.from_json(["1"], 53, "here"), BadInput, f"here: {PAIR}"),
        (lambda: Ball.from_json({"1": "2"}, 53, "here"), BadInput, f"here: {PAIR}"),
        (lambda: Ball.from_json("x", 53), BadInput, f"number: {NO_NUMBER}"),
        (lambda: Ball.from_json("x", 53, "here"), BadInput, f"here: {NO_NUMBER}"),
        (lambda: Ball.from_json(["1", "x"], 53, "here"), BadInput, f"here: {NO_NUMBER}"),
        (
            lambda: THREE**0.5,
            TypeError,
            "a ball is raised to whole numbers only, got 0.5; use exp and log for other powers",
        ),
        (
            lambda: THREE**True,
            TypeError,
            "a ball is raised to whole numbers only, got True; use exp and log for other powers",
        ),
        (
            lambda: THREE.relu_power(F(3, 2)),
            ValueError,
            "relu_power needs -1 <= alpha <= 1 and a whole power >= 1, got 3/2 and 1",
        ),
        (
            lambda: THREE.relu_power(F(0), 0),
            ValueError,
            "relu_power needs -1 <= alpha <= 1 and a whole power >= 1, got 0 and 0",
        ),
        (
            lambda: THREE.relu_power(F(0), 1.0),
            ValueError,
            "relu_power needs -1 <= alpha <= 1 and a whole power >= 1, got 0 and 1.0",
        ),
        (
            lambda: MINUS_TWO.sqrt(),
            OutsideDomain,
            f"the square root of {MINUS_TWO!r} is not real: the ball reaches below zero",
        ),
        (
            lambda: AROUND.sqrt(),
            OutsideDomain,
            f"the square root of {AROUND!r} is not real: the ball reaches below zero",
        ),
        (
            lambda: Ball(0, 53).log(),
            OutsideDomain,
            f"the logarithm of {Ball(0, 53)!r} is not real: the ball reaches zero or below",
        ),
        (
            lambda: AROUND.atan2(0),
            OutsideDomain,
            f"the angle of the point ({Ball(0, 53)!r}, {AROUND!r}) is not defined: it may be the origin",
        ),
        (
            lambda: THREE.intersection(MINUS_TWO),
            ValueError,
            f"the balls {THREE!r} and {MINUS_TWO!r} have no number in common",
        ),
        (
            lambda: Ball(10**100, 53).exp(),
            OutsideDomain,
            "the result is not a bounded number; an operand is too wide or too large",
        ),
        (lambda: 1 / AROUND, DivisionByZero, "division by a ball that contains zero: [+/- 1.01]"),
        (lambda: THREE / 0, DivisionByZero, "division by a ball that contains zero: 0"),
        (
            lambda: 1 / Ball.interval(0, F(1, 3), 53),
            DivisionByZero,
            "division by a ball that contains zero: [+/- 0.334]",
        ),
        *[
            (lambda bits=bits: Ball(1, bits), ValueError, f"{BITS}{bits!r}")
            for bits in (MIN_BITS - 1, MAX_BITS + 1, 53.0, True)
        ],
        *[
            (
                lambda exponent=exponent: (Ball(2, 53) ** exponent).lower(),
                OutsideDomain,
                f"a bound of size 2^{exponent} is too extreme to be written as a fraction",
            )
            for exponent in (MAX_BINARY_EXPONENT + 1, -MAX_BINARY_EXPONENT - 1)
        ],
        (lambda: THREE + 0.5, TypeError, EXACT_ONLY),
        (lambda: 0.5 / THREE, TypeError, EXACT_ONLY),
        (lambda: THREE.contains(0.5), TypeError, EXACT_ONLY),
        (lambda: THREE.less(0.5), TypeError, EXACT_ONLY),
    ],
)
def test_what_is_refused_and_why(operation, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        operation()


@pytest.mark.parametrize("value", [True, 0.5, 1j, np.float64(1), np.int64(1)], ids=repr)
def test_rounded_numbers_are_refused_by_name(value):
    with pytest.raises(TypeError, match="an enclosure takes exact numbers only"):
        THREE + value


def test_other_classes_are_asked():
    assert THREE.__add__("1") is NotImplemented and THREE.__rtruediv__(arb(1)) is NotImplemented
    assert THREE.__mul__([1]) is NotImplemented
