"""Balls against exact rational arithmetic: whatever rational lies in the operands, its image lies in the
result.
"""

from __future__ import annotations

import copy
import sys
import threading
from decimal import Decimal
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest
from exact_ends import alike
from flint import ctx
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.arithmetic.ball import MAX_BITS, MIN_BITS, Ball, BallArithmetic
from certflow.arithmetic.base import EXACT, UNKNOWN
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Ambiguous, BadInput

BITS = st.sampled_from([32, 53, 140, 300])


@st.composite
def rationals(draw: st.DrawFn, bound: int = 10**6) -> F:
    """Small fractions, integers, dyadics and numbers of very different sizes."""
    p = draw(st.integers(-bound, bound))
    q = draw(st.one_of(st.just(1), st.integers(1, 1000), st.integers(0, 90).map(lambda e: 2**e)))
    return F(p, q)


@st.composite
def members(draw: st.DrawFn) -> tuple[Ball, F]:
    """A ball (exact, thin or wide; now and then one end is 0) and a rational in it (often one of its
    ends).
    """
    bits, mid = draw(BITS), draw(rationals())
    shape = draw(st.sampled_from(["exact", "thin", "wide", "touching"]))
    if shape == "exact":
        ball = Ball(mid, bits)
    elif shape == "thin":
        ball = Ball.interval(mid, mid + F(draw(st.integers(1, 1000)), 2 ** draw(st.integers(20, 120))), bits)
    elif shape == "wide":
        ball = Ball.interval(mid, mid + abs(draw(rationals())), bits)
    else:
        ball = Ball.interval(min(mid, F(0)), max(mid, F(0)), bits)
    t = draw(st.one_of(st.sampled_from([F(0), F(1)]), st.fractions(0, 1, max_denominator=1000)))
    return ball, ball.lower() + t * (ball.upper() - ball.lower())


POWERS = st.integers(0, 7)


@given(members(), members())
@example((Ball.interval(-1, 3, 53), F(3)), (Ball(F(1, 3), 53), F(1, 3)))
def test_algebra_contains_the_exact_result(left: tuple[Ball, F], right: tuple[Ball, F]) -> None:
    (a, x), (b, y) = left, right
    assert a.contains(x) and b.contains(y)
    assert (a + b).contains(x + y)
    assert (a - b).contains(x - y)
    assert (a * b).contains(x * y)
    assert (-a).contains(-x) and abs(a).contains(abs(x))
    assert a.maximum(b).contains(max(x, y)) and a.minimum(b).contains(min(x, y))
    both = a.hull(b)
    assert both.contains(x) and both.contains(b)
    assert both.maximum(b).contains(max(x, y)) and both.minimum(b).contains(min(x, y))
    assert a.maximum(both).contains(max(x, y)) and a.minimum(both).contains(min(x, y))
    if b.contains(0):
        with pytest.raises(DivisionByZero):
            a / b
    else:
        assert (a / b).contains(x / y)


@given(members(), rationals())
def test_algebra_with_exact_numbers(left: tuple[Ball, F], y: F) -> None:
    a, x = left
    for value in (y, int(y)):
        assert (a + value).contains(x + value) and (value + a).contains(x + value)
        assert (a - value).contains(x - value) and (value - a).contains(value - x)
        assert (a * value).contains(x * value) and (value * a).contains(x * value)
        if value != 0:
            assert (a / value).contains(x / value)
        if not a.contains(0):
            assert (value / a).contains(value / x)
    assert Ball(y, a.bits).contains(y) and Ball.interval(y, y, a.bits).contains(y)


@given(members(), POWERS, st.sampled_from([F(0), F(1, 10), F(1, 2), F(1), F(-1), F(-2, 7)]))
def test_powers_and_rectifiers(member: tuple[Ball, F], power: int, alpha: F) -> None:
    a, x = member
    assert (a**power).contains(x**power)
    assert a.square().contains(x * x) and a.square().lower() >= 0
    if power % 2 == 0:
        assert (a**power).lower() >= 0
    if power:
        assert a.relu_power(alpha, power).contains(max(x, alpha * x) ** power)
        if alpha <= 0 or power % 2 == 0:
            assert a.relu_power(alpha, power).lower() >= 0
        if not a.contains(0):
            assert (a**-power).contains(1 / x**power)


@given(rationals(1000).map(abs), rationals(1000).map(abs), BITS)
def test_square_root_contains_the_root_of_a_square(root: F, width: F, bits: int) -> None:
    for ball in (
        Ball(root * root, bits),
        Ball.interval(root * root, root * root + width, bits),
        Ball.interval(root * root / 2, root * root, bits),
        Ball.interval(0, root * root, bits),
    ):
        assert ball.sqrt().contains(root) and ball.sqrt().lower() >= 0


def _series(x: F, first: F, ratio: object, terms: int, tail: F) -> tuple[F, F]:
    """[s - tail, s + tail] for s = sum of `terms` terms, each `ratio(k)` times the one before."""
    total, term = F(0), first
    for k in range(terms):
        total += term
        term *= ratio(k)  # type: ignore[operator]
    assert abs(term) * 4 <= tail
    return total - tail, total + tail


TINY = F(1, 2**420)


def _oracle(name: str, x: F) -> tuple[F, F]:
    """Rational bounds, 2^-420 apart, of an elementary function on [-3/2, 3/2] (log: of 1 + x/2 > 0)."""
    if name == "exp":
        return _series(x, F(1), lambda k: x / (k + 1), 110, TINY)
    if name == "sin":
        return _series(x, x, lambda k: -x * x / ((2 * k + 2) * (2 * k + 3)), 55, TINY)
    if name == "cos":
        return _series(x, F(1), lambda k: -x * x / ((2 * k + 1) * (2 * k + 2)), 55, TINY)
    if name == "atan":  # x/2, so that the alternating series converges like (3/4)^(2k)
        return _series(x / 2, x / 2, lambda k: -x * x / 4 * F(2 * k + 1, 2 * k + 3), 500, TINY)
    y = (x / 2) / (2 + x / 2)  # log(1 + x/2) = 2 atanh(y), |y| <= 3/5
    return _series(x, 2 * y, lambda k: y * y * F(2 * k + 1, 2 * k + 3), 285, 8 * TINY)


@given(
    st.sampled_from(["exp", "sin", "cos", "atan", "log"]),
    st.integers(-96, 96),
    st.sampled_from([F(0), F(1, 2**40), F(1, 1000), F(1, 8)]),
    st.booleans(),
    BITS,
)
def test_elementary_functions_contain_the_exact_value(
    name: str, numerator: int, width: F, left: bool, bits: int
) -> None:
    x = F(numerator, 64)
    at = {"atan": x / 2, "log": 1 + x / 2}.get(name, x)
    ball = Ball.interval(at - width * left, at + width * (not left), bits)
    low, high = _oracle(name, x)
    image = ball.atan2(1) if name == "atan" else getattr(ball, name)()
    assert (
        image.lower() <= high and low <= image.upper()
    )  # the true value lies between low and high, 2^-419 apart
    assert image.radius() <= 2 * width * 5 + F(
        32, 2**bits
    )  # and it is not needlessly wide: slopes are below 5


def test_atan2_and_pi() -> None:
    pi = Ball.pi(200)
    assert pi.contains(F(884279719003555, 281474976710656)) is False
    # Machin: pi = 16 atan(1/5) - 4 atan(1/239)
    machin = 16 * Ball(F(1, 5), 200).atan2(1) - 4 * Ball(1, 200).atan2(239)
    assert pi.overlaps(machin) and machin.radius() < F(1, 2**190)
    for y, x, share in [
        (0, 1, F(0)),
        (1, 1, F(1, 4)),
        (1, 0, F(1, 2)),
        (1, -1, F(3, 4)),
        (0, -1, F(1)),
        (-1, -1, F(-3, 4)),
    ]:
        angle = Ball(y, 200).atan2(x)
        assert angle.overlaps(pi * share) and angle.radius() < F(1, 2**190)
    straddling = Ball.interval(-1, 1, 64).atan2(Ball(-1, 64))
    assert straddling.lower() <= -3 and straddling.upper() >= 3
    with pytest.raises(OutsideDomain):
        Ball.interval(-1, 1, 64).atan2(Ball(0, 64))


@given(members(), members())
def test_comparisons_are_true_of_every_member(left: tuple[Ball, F], right: tuple[Ball, F]) -> None:
    (a, x), (b, y) = left, right
    for other, value in ((b, y), (y, y)):
        assert a.less(other) in (None, x < value)
        assert a.less_equal(other) in (None, x <= value)
        assert a.greater(other) in (None, x > value)
        assert a.greater_equal(other) in (None, x >= value)
        assert a.equal(other) in (None, x == value)
        if a.less(other) is None:
            with pytest.raises(Ambiguous):
                a < other  # noqa: B015
        else:
            assert (a < other) is a.less(other)
    assert a.sign() in (UNKNOWN, (x > 0) - (x < 0))
    if a.is_exact():
        assert a.less(y) is not None and a.sign() != UNKNOWN


def test_comparisons_at_the_edges() -> None:
    wide, one = Ball.interval(0, 1, 64), Ball(1, 64)
    assert wide.less_equal(2) is True and wide.greater(2) is False and wide.less(one.lower() / 2) is None
    third = Ball(F(1, 3), 64)
    assert third.less(F(1, 3)) is None  # not exact: it may be on either side
    assert third.less(F(1, 3) + F(1, 2**40)) is True and third.equal(F(1, 2)) is False
    exact = Ball(F(1, 2), 64)
    assert exact.less(F(1, 2) + F(1, 10**60)) is True and exact.equal(F(1, 2)) is True and exact == F(1, 2)
    assert exact.equal(F(1, 2) + F(1, 10**60)) is False
    with pytest.raises(Ambiguous, match="sign"):
        bool(Ball.interval(-1, 1, 64))
    with pytest.raises(Ambiguous, match="equal"):
        third == third  # noqa: B015
    assert bool(one) and not bool(one - 1) and alike(third, Ball(F(1, 3), 64)) and third != "1/3"


@pytest.mark.parametrize(
    "value", [0.1, 1.0, True, np.float64(1), np.int64(1), np.bool_(True), 1j, None, mpmath.mpf(1), Decimal(1)]
)
def test_inexact_numbers_are_refused(value: object) -> None:
    ball = Ball(1, 64)
    with pytest.raises(TypeError):
        Ball(value, 64)
    right = (
        lambda: ball + value,
        lambda: ball * value,
        lambda: ball / value,
        lambda: ball - value,
        lambda: ball < value,
    )
    # On the left NumPy hands over its integers as Python ints, which are exact.
    left = (
        ()
        if isinstance(value, np.integer)
        else (lambda: value * ball, lambda: value - ball, lambda: value / ball)
    )
    for operation in (*right, *left):
        with pytest.raises(TypeError):
            operation()
    with pytest.raises(TypeError):
        ball.contains(value)
    with pytest.raises(TypeError):
        Ball.interval(0, value, 64)


def test_no_way_out_by_accident() -> None:
    ball = Ball("0.1", 64)
    assert ball.contains(F(1, 10)) and not ball.contains(F(0.1))
    for leave in (
        float,
        int,
        hash,
        lambda b: np.array([b], dtype=float),
        lambda b: b**0.5,
        lambda b: b ** F(1, 2),
    ):
        with pytest.raises(TypeError):
            leave(ball)
    assert copy.deepcopy([ball])[0] is ball and ball.midpoint_float() == 0.1
    context = mpmath.mp.clone()
    context.dps = 30
    assert abs(ball.midpoint_mpf(context) - context.mpf(1) / 10) < context.mpf(2) ** -60


def test_precision_is_carried_and_never_leaks() -> None:
    before = ctx.prec
    coarse, fine = Ball(F(1, 3), 40), Ball(F(1, 3), 300)
    assert (coarse + fine).bits == 300 and (2 * coarse).bits == 40 and fine.at(40).radius() > fine.radius()
    assert fine.at(40).contains(fine)
    with pytest.raises(DivisionByZero):
        1 / (fine - fine)
    assert ctx.prec == before
    for bits in (0, MIN_BITS - 1, MAX_BITS + 1, 53.0, True):
        with pytest.raises(ValueError, match="precision"):
            Ball(1, bits)  # type: ignore[arg-type]


def test_threads_do_not_share_precision() -> None:
    before, wrong = ctx.prec, []

    def work(bits: int) -> None:
        constructed, product = Ball(F(2, 7), bits), Ball(F(2, 7), bits) * F(1, 3)
        for _ in range(8_000):
            ball = Ball(F(2, 7), bits)
            if not alike(ball, constructed) or not alike(ball * F(1, 3), product):
                wrong.append(bits)

    threads = [threading.Thread(target=work, args=(bits,)) for bits in (40, 90, 333)]
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(often)
    assert not wrong and ctx.prec == before


@given(members())
def test_json_text_is_exact_and_outward(member: tuple[Ball, F]) -> None:
    ball, _ = member
    text = ball.to_json()
    assert isinstance(text, str) == ball.is_exact()
    again = Ball.from_json(text, 400)
    assert again.contains(ball)
    if isinstance(text, list):
        assert F(again.radius()) <= ball.radius() * (1 + F(1, 2**20))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nan",
        "1e999999999",
        "9" * 20_000,
        "1*2^99999999999",
        ["1"],
        ["2", "1"],
        ["1", "2", "3"],
        ["1", 2],
        1,
        None,
        {"lo": "1"},
        ["__import__('os')", "1"],
    ],
)
def test_hostile_text_is_refused(value: object) -> None:
    with pytest.raises(BadInput):
        Ball.from_json(value, 64)


def test_domains() -> None:
    wide = Ball.interval(-1, 1, 64)
    for operation in (
        wide.sqrt,
        wide.log,
        lambda: 1 / wide,
        lambda: wide**-2,
        lambda: (Ball(2, 64) ** (2**40)).exp(),
    ):
        with pytest.raises(OutsideDomain):
            operation()
    with pytest.raises(OutsideDomain):
        (Ball(2, 64) ** (2**40)).lower()
    with pytest.raises(ValueError, match="no number in common"):
        Ball(1, 64).intersection(Ball(2, 64))
    with pytest.raises(ValueError, match="low <= high"):
        Ball.interval(2, 1, 64)
    assert Ball.interval(0, 2, 64).intersection(Ball.interval(1, 3, 64)).contains(F(3, 2))
    with pytest.raises(ValueError, match="alpha"):
        wide.relu_power(F(2))


ACTIVATIONS = [
    Activation(F(0), 1),
    Activation(F(1, 10), 2),
    Activation(F(0), 2),
    Activation(F(-1), 1),
    Activation(F(-1, 2), 3),
]


@given(st.data(), st.sampled_from(ACTIVATIONS), st.sampled_from(["one", "two", "deep"]))
def test_networks_in_balls_contain_the_exact_network(
    data: st.DataObject, activation: Activation, kind: str
) -> None:
    """Values and derivatives at every rational point of a box of weights, for every Clarke selection at the
    kinks.
    """
    network = {
        "one": OneLayer(2, 2, activation),
        "two": TwoLayer(2, 2, activation),
        "deep": FeedForward([2, 2, 2, 1], activation),
    }[kind]
    small = st.integers(-3, 3).map(lambda p: F(p, 2))
    w = np.array(data.draw(st.lists(small, min_size=network.size, max_size=network.size)), dtype=object)
    X = np.array([[F(1), F(0)], [F(1, 3), F(-1, 2)], [F(-2), F(1)]], dtype=object)
    z = np.array([F(1), F(-2, 3), F(1, 7)], dtype=object)
    widths = data.draw(
        st.lists(st.sampled_from([F(0), F(1, 2**60), F(1, 2)]), min_size=len(w), max_size=len(w))
    )
    at_kink = data.draw(st.sampled_from([F(0), F(1, 3), F(1)]))
    balls = BallArithmetic(100)
    box = np.array([Ball.interval(v - r, v + r, 100) for v, r in zip(w, widths, strict=True)], dtype=object)
    enclosing = network.forward(balls, box, balls.array(X), at_kink=at_kink)
    exact = network.forward(EXACT, w, X, at_kink=at_kink)
    pairs = [
        (enclosing.outputs, exact.outputs),
        (network.pullback(enclosing, balls.array(z)), network.pullback(exact, z)),
        (network.hessian(enclosing, balls.array(z)), network.hessian(exact, z)),
    ]
    for enclosure, value in pairs:
        for ball, number in zip(np.ravel(enclosure), np.ravel(value), strict=True):
            assert ball.contains(number) if isinstance(ball, Ball) else ball == number


def test_ball_arithmetic() -> None:
    balls = BallArithmetic(100)
    assert balls.is_rigorous and balls.hull(F(-1), F(1)).contains(F(1))
    signs = balls.sign(
        np.array([Ball(2, 64), Ball(-1, 64), Ball(0, 64), Ball.interval(0, 1, 64)], dtype=object)
    )
    assert signs.tolist() == [1, -1, 0, UNKNOWN] and signs.dtype == np.int8
    assert balls.exp(balls.array([F(0), F(1)]))[0].contains(1) and balls.sqrt(balls.number(F(9, 4))).contains(
        F(3, 2)
    )
