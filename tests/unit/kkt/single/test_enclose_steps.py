"""The steps of the proof of one KKT point, each against its statement: the numbers at the centre, the
distance of the Jacobians, which radii are tried, the places that are exactly 0, the kind and the gap.
"""

from __future__ import annotations

from fractions import Fraction as F
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import pytest

import certflow.kkt.single.enclose as enclose_module
from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.single.enclose import Enclosed, _Local, _seems_definite, enclose_point
from certflow.kkt.single.spectrum import Spectrum, norm_bound, spectrum
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive

MP = mpmath.mp.clone()
MP.dps = 60
CLOSE = 1 + MP.mpf(10) ** -12


def mp(value: Any) -> Any:
    """The exact value of a double or a fraction."""
    value = F(value)
    return MP.mpf(value.numerator) / value.denominator


def exact(rows: Any) -> np.ndarray:
    return np.vectorize(F, otypes=[object])(np.array(rows, dtype=object))


def length(vector: Any) -> Any:
    return MP.sqrt(sum(mp(v) ** 2 for v in vector))


def assert_upper(value: float, true: Any, slack: float = 0.0) -> None:
    """An upper bound of what is true, and hardly more (but for `slack`)."""
    assert true <= mp(value) <= true * CLOSE + slack


CASES = {
    "cubic form": (OneLayer(3, 1, Activation(1, 3)), np.eye(3, dtype=int), (4, 1, -2), (5.0, 0.005, -0.01)),
    "its minimum": (OneLayer(3, 1, Activation(1, 3)), np.eye(3, dtype=int), (4, 1, -2), (-2.0, 0.001, 0.003)),
    "quintic form": (OneLayer(2, 1, Activation(1, 5)), [(3, 1), (1, -2)], (F(1, 100), F(-1, 7)), (1.0, -1.5)),
    "quadratic form": (
        OneLayer(3, 1, Activation(1, 2)),
        [(1, 2, 0), (0, 1, -1), (2, 0, 1)],
        (1, 2, -1),
        (1.0, 2.0, -1.0),
    ),
    "two layers": (TwoLayer(2, 1, Activation(0, 2)), [(1, 2), (3, -1)], (2, 1), (3.0, 1.0, 2.0)),
    "of order 1": (OneLayer(2, 1, Activation(0, 1)), [(1, 2), (3, -1)], (2, 1), (3.0, 1.0)),
}


def local(name: str) -> tuple[_Local, int]:
    """The proof near the centre of a case, and the order of homogeneity."""
    network, X, z, centre = CASES[name]
    order = {
        "cubic form": 3,
        "its minimum": 3,
        "quintic form": 5,
        "quadratic form": 2,
        "two layers": 3,
        "of order 1": 1,
    }[name]
    return _Local(Correlation(network, exact(X), exact(z)), np.array(centre)), order


def derivatives(at: _Local, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian of N at an exact point."""
    exact_at = at.N.at(EXACT, w)
    return exact_at.gradient, exact_at.hessian()


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_at_the_centre(name: str) -> None:
    at, order = local(name)
    centre = np.array(CASES[name][3])
    assert at.c.tolist() == (centre / np.linalg.norm(centre)).tolist() and at.order == order
    c = np.array([F(v) for v in at.c], dtype=object)
    G, H = derivatives(at, c)
    mu = G @ c / (c @ c)
    assert mp(at.low) <= length(c) <= mp(at.high) < mp(at.low) + 1e-14
    assert abs(F(at.mu) - mu) <= F(at.mu_error) < F(1, 10**11)
    assert_upper(at.g, length(G))
    assert_upper(at.residual, length(G - mu * c), 1e-12)
    assert np.abs((H - exact(at.H)).astype(float)).max() < 1e-8 and (at.H == at.H.T).all()
    plain = at.H - at.mu * (np.eye(len(c)) + (order - 2) * np.outer(at.c, at.c))
    assert abs(at.tau) == 2.0 * max(norm_bound(np.abs(plain)), abs(at.mu))
    assert (at.M == at.M.T).all() and np.abs(at.M - plain - at.tau * np.outer(at.c, at.c)).max() < 1e-12
    stands_for = (
        exact(at.H)
        - mu * np.eye(len(c), dtype=int)
        + np.outer(c, c) * ((F(at.tau) - mu * (order - 2)) / (c @ c))
    )
    off = stands_for - exact(at.M)
    assert max(abs(v) for v in off.ravel()) <= F(at.rounding) + F(at.mu_error) * order and at.rounding < 1e-10
    assert at.least == at.spectrum.smallest and at.spectrum.values.tolist() == spectrum(at.M).values.tolist()


def test_the_sign_of_tau_makes_the_matrix_definite_at_an_extremum() -> None:
    found = {name: local(name)[0] for name in ("cubic form", "its minimum", "quadratic form")}
    # The negative e1 is a minimum, since N is odd.
    assert found["cubic form"].tau < 0 < found["its minimum"].tau
    assert found["cubic form"].spectrum.inertia == (0, 3) and found["its minimum"].spectrum.inertia == (3, 0)
    # So it is for any size of the labels.
    network, X, z, centre = CASES["its minimum"]
    for scale in (F(1, 2**60), F(2**60)):
        at = _Local(Correlation(network, exact(X), exact(z) * scale), np.array(centre))
        assert at.tau == found["its minimum"].tau * float(scale)
    # With a single weight there is nothing but c.
    one = _Local(Correlation(OneLayer(1, 1, Activation(1, 2)), exact([(2,)]), exact((3,))), np.array([0.5]))
    assert one.tau == -48.0 and one.M.tolist() == [[-48.0]]
    assert _seems_definite(np.diag([1.0, 2.0])) is True and _seems_definite(np.diag([1.0, -2.0])) is False


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("r", [2.0**-30, 2.0**-10, 0.125])
def test_the_distance_of_the_jacobians_is_the_stated_one(name: str, r: float, short: bool) -> None:
    at, order = local(name)
    if short:
        # As if the centre were shorter and less were known of it, so that every term counts.
        at.low, at.mu_error, at.rounding, at.residual = 0.75, 2.0**-6, 2.0**-7, at.residual + 2.0**-5
    try:
        spread = norm_bound((at._hessian(r) - MidRad.exact(at.H)).magnitude())
    except Inconclusive:
        assert name == "of order 1" and r == 0.125
        return
    found = at.distance(r)
    # |G| <= g + h r, |F| <= f = |F(c)| + r (h + g/|c|), and what follows from them for every term of J.
    L, more = order, abs(order - 2)
    H, r_, low = mp(spread), mp(r), mp(at.low)
    h = mp(norm_bound(np.abs(at.H))) + H
    g, f = mp(at.g) + h * r_, mp(at.residual) + r_ * (h + mp(at.g) / low)
    shortest = low - r_
    mu = mp(at.mu_error) + r_ * (L * f + more * g) / shortest**2
    true = H + mu * (1 + more) + more * abs(mp(at.mu)) * r_ / low + L * f / shortest + mp(at.rounding)
    assert_upper(found, true)
    assert at.spread == found


@pytest.mark.parametrize("name", CASES)
def test_no_jacobian_in_the_ball_is_further_from_the_matrix(name: str) -> None:
    at, L = local(name)
    draw = np.random.default_rng(0)
    c = np.array([F(v) for v in at.c], dtype=object)
    r = 2.0**-6
    bound = at.distance(r)
    for _ in range(20):
        step = draw.normal(size=len(c))
        w = c + exact(step / np.linalg.norm(step) * r * 0.999)
        G, H = derivatives(at, w)
        square = w @ w
        mu = G @ w / square
        rest = G - mu * w
        J = (
            H
            - mu * np.eye(len(c), dtype=int)
            - np.outer(w, w) * ((L - 2) * mu / square)
            - np.outer(w, rest) * (F(L) / square)
        )
        J = J + np.outer(c, c) * (F(at.tau) / (c @ c))
        assert np.linalg.norm((J - exact(at.M)).astype(float), 2) * (1 - 1e-12) <= bound


def test_a_distance_beyond_the_doubles_is_infinite() -> None:
    at, _ = local("cubic form")
    at.residual = 1e308
    assert at.distance(0.1) == np.inf and at._holds(0.1) is None


# -- kinks ---------------------------------------------------------------------------------------------------


def test_first_kink_arguments_move_by_the_length_of_their_sample() -> None:
    # x·c is 1/20 for x = (3, 4) of length 5: a kink is within r of c from r = 1/100 on. In a box it would be
    # from 1/140 on.
    network, centre = TwoLayer(2, 1, Activation(0, 1)), np.array([0.8, -0.6, 1.0])
    centre[:2] += np.array([0.6, 0.8]) / 100
    scale = np.linalg.norm(centre)
    at = _Local(Correlation(network, exact([(3, 4), (4, -3), (0, 0)]), exact((1, 1, 1))), centre)
    layer, values, reach = at.first
    assert layer == 0 and values.shape == (3, 1)
    assert np.abs(values.mid[:, 0] * scale - [0.05, 5.0, 0.0]).max() < 1e-12
    assert (
        reach.shape == (3, 1)
        and ((reach[:, 0] >= [5.0, 5.0, 0.0]) & (reach[:, 0] <= [5.0 + 1e-12, 5.0 + 1e-12, 1e-200])).all()
    )
    at._hessian(0.0099 / scale)
    assert at.kinks == 0
    with pytest.raises(Inconclusive) as refused:
        at._hessian(0.0101 / scale)
    assert at.kinks == 1
    assert str(refused.value) == (
        f"1 kinks are within {0.0101 / scale:.1e} of the point and the gradient jumps there; points of "
        f"activations of "
        "power 1 are proved away from kinks only."
    )


def test_kinks_are_counted_and_harmless_where_the_gradient_is_continuous() -> None:
    at = _Local(
        Correlation(
            OneLayer(2, 1, Activation(0, 2)), exact([(1, 0), (0, 1), (0, -1), (1, 1)]), exact((1, 1, 1, 1))
        ),
        np.array([1.0, 0.0]),
    )
    assert at.kinks == 2 and at.smooth
    at._hessian(0.75)
    assert at.kinks == 3


def test_first_kink_arguments_are_those_of_the_lowest_trained_layer() -> None:
    def first(network: Any, size: int) -> Any:
        return _Local(Correlation(network, exact([(1, 2)]), exact((1,))), np.arange(1.0, size + 1)).first

    cubic = Activation(1, 3)
    assert first(FeedForward([2, 2, 2, 1], cubic, [2, 3], {1: [[1, 2], [3, 4]]}), 6)[0] == 1
    values = first(FeedForward([2, 1, 1, 1], cubic, [2, 3], {1: [[1, 2]]}), 2)[1]
    assert float(values.mid[0, 0]) == pytest.approx(125 / 5**0.5, rel=1e-12)
    assert first(FeedForward([2, 2, 1], cubic, [2], {1: [[1, 2], [3, 4]]}), 2) is None
    assert first(Expression(["a", "b"], ["x", "y"], "(a*x + b*y)**3"), 2) is None


# -- which radii ---------------------------------------------------------------------------------------------


def bare(**fields: Any) -> _Local:
    """A proof of which only these fields are known."""
    at = object.__new__(_Local)
    at.__dict__.update(
        {"kinks": 0, "spread": 0.0, "residual": 0.0, "spectrum": SimpleNamespace(values=np.ones(2))} | fields
    )
    return at


def watched(at: _Local, holds: Any) -> list[float]:
    """The radii for which the proof is tried; it holds where `holds` says so, an exception is raised."""
    tried: list[float] = []

    def answer(r: float) -> float | None:
        tried.append(r)
        value = holds(r)
        if isinstance(value, Exception):
            raise value
        return value

    at._holds = answer
    return tried


@pytest.mark.parametrize(
    ("residual", "expected"), [(0.25, None), (0.1875, None), (0.1875 * 0.9999, 0.25), (0.0, 0.25)]
)
def test_the_proof_holds_if_the_step_stays_inside(residual: float, expected: float | None) -> None:
    at = bare(residual=residual, least=1.0)
    at.distance = lambda r: r
    assert at._holds(0.25) == expected


@pytest.mark.parametrize("delta", [1.0, 1.5, np.inf])
def test_no_proof_for_a_matrix_that_may_be_singular(delta: float) -> None:
    at = bare(residual=0.0, least=1.0)
    at.distance = lambda r: delta
    assert at._holds(0.25) is None


def test_the_widest_radius_is_the_first_that_holds() -> None:
    own = [2.0**-12, 2.0**-20, 2.0**-28, 2.0**-38]
    at = bare(least=2.0, residual=2.0**-10)
    at._grown = lambda r, delta: (r, delta)
    tried = watched(at, lambda r: 0.5 if r == 2.0**-28 else None)
    assert at._widest() == (2.0**-28, 0.5) and tried == own[:3]
    # The last one depends on the residual: 4 |F|/m.
    tried = watched(at, lambda r: 0.25 if r == 2.0**-9 else Inconclusive("a kink"))
    assert at._widest() == (2.0**-9, 0.25) and tried == [*own, 2.0**-9]
    for residual, least in ((0.0, 2.0), (0.125, 2.0), (1.0, 0.0)):
        at = bare(least=least, residual=residual)
        tried = watched(at, lambda r: None)
        with pytest.raises(Inconclusive):
            at._widest()
        assert tried == own
    at = bare(least=2.0, residual=0.1249)
    tried = watched(at, lambda r: None)
    with pytest.raises(Inconclusive):
        at._widest()
    assert tried == [*own, 4.0 * 0.1249 / 2.0]


def test_the_reason_is_that_of_the_last_radius() -> None:
    at = bare(least=1.0, residual=0.0)
    reasons = {2.0**-12: Inconclusive("first"), 2.0**-38: Inconclusive("last")}
    watched(at, lambda r: reasons.get(r))
    with pytest.raises(Inconclusive, match="^last$"):
        at._widest()
    watched(at, lambda r: None if r == 2.0**-38 else Inconclusive("first"))
    with pytest.raises(
        Inconclusive,
        match="^the Hessian changes too much near the point for a proof that it is a KKT point.$",
    ):
        at._widest()


def test_the_radius_grows_in_geometric_means() -> None:
    def logs(tried: list[float]) -> list[float]:
        return np.log2(tried).round(9).tolist()

    at = bare(least=1.0)
    tried = watched(at, lambda r: 0.0)
    assert np.log2(at._grown(2.0**-12, 2.0**-40)) == pytest.approx(-2.3125)
    assert logs(tried) == [-7.0, -4.5, -3.25, -2.625, -2.3125]
    for answer in (None, Inconclusive("a kink")):
        tried = watched(at, lambda r, answer=answer: answer)
        assert at._grown(2.0**-12, 2.0**-40) == 2.0**-12
        assert logs(tried) == [-7.0, -9.5, -10.75, -11.375, -11.6875]
    # At most 1024 times, or as often as δ is less than m; where it cannot grow it stays.
    tried = watched(at, lambda r: None if r > 2.0**-15 else 0.0)
    assert np.log2(at._grown(2.0**-20, 2.0**-40)) == pytest.approx(-15.0)
    assert logs(tried) == [-15.0, -12.5, -13.75, -14.375, -14.6875]
    tried = watched(at, lambda r: 0.0)
    at._grown(2.0**-20, 0.0625)
    assert logs(tried)[0] == -18.0
    for r, delta in ((2.0**-20, 1.0), (2.0**-20, 2.0), (0.25, 0.1)):
        tried = watched(at, lambda r: 0.0)
        assert at._grown(r, delta) == r and tried == []
    tried = watched(at, lambda r: 0.0)
    at._grown(2.0**-20, 0.0)
    assert logs(tried)[0] == -15.0


def test_the_nearest_radius_is_twice_the_error_or_eight_times_more() -> None:
    at = bare(least=2.0, residual=2.0**-20)
    tried = watched(at, lambda r: r)
    assert at._nearest(0.125) == (2.0**-20, 2.0**-20) and tried == [2.0**-20]
    tried = watched(at, lambda r: r if r > 2.0**-15 else None)
    assert at._nearest(0.125) == (2.0**-14, 2.0**-14) and tried == [2.0**-20, 2.0**-17, 2.0**-14]
    at.residual = 0.0
    tried = watched(at, lambda r: r)
    assert at._nearest(0.125) == (2.0**-46, 2.0**-46) and tried == [2.0**-46]
    # Not beyond the widest, which is the last.
    at.residual = 2.0**-4
    tried = watched(at, lambda r: 0.5)
    assert at._nearest(2.0**-4) == (2.0**-4, 0.5) and tried == [2.0**-4]
    watched(at, lambda r: None)
    with pytest.raises(Inconclusive, match=r"^the proof of a KKT point could not be repeated\.$"):
        at._nearest(0.125)


SINGULAR = (
    "the tangential Hessian is singular as far as could be proved ({} eigenvalues are below 1e-08 of the "
    "largest): a continuum of KKT points, as from rotations or rescalings of neurons, or a degenerate point."
)
CHANGES = "the Hessian changes too much near the point for a proof that it is a KKT point."


@pytest.mark.parametrize(
    ("values", "kinks", "spread", "residual", "reason"),
    [
        (
            (-4.0, 2.0),
            3,
            1.0,
            9.0,
            "3 kinks pass so near the point that one inertia could not be proved for all Hessians there.",
        ),
        (
            (-4.0, 2.0),
            3,
            4.1e-8,
            0.0,
            "3 kinks pass so near the point that one inertia could not be proved for all Hessians there.",
        ),
        ((-4.0, 2.0), 3, 3.9e-8, 0.0, CHANGES),
        ((-4.0, 2.0), 0, 1.0, 0.0, CHANGES),
        ((-4.0, 3.9e-8), 0, 1.0, 9.0, SINGULAR.format(1)),
        ((-4.0, 1e-9, -1e-9), 3, 3e-8, 9.0, SINGULAR.format(2)),
        ((-4.0, 4.1e-8), 0, 1.0, 0.0, CHANGES),
        ((-4.0, 2.0), 0, 1.0, 2.0**-18, CHANGES),
        (
            (-4.0, 2.0),
            0,
            1.0,
            2.0**-17,
            "the centre is not near a KKT point: the tangential gradient has length 7.6e-06.",
        ),
    ],
)
def test_why_nothing_is_proved(
    values: tuple[float, ...], kinks: int, spread: float, residual: float, reason: str
) -> None:
    at = bare(
        kinks=kinks, spread=spread, residual=residual, spectrum=SimpleNamespace(values=np.array(values))
    )
    assert at._why_not() == reason


# -- places that are exactly 0 -------------------------------------------------------------------------------


def zeros(
    delta: float, residual: float, z: tuple[int, ...] = (5, 3), sample: tuple[int, int] = (0, 1)
) -> list[bool]:
    at = _Local(
        Correlation(OneLayer(2, 1, Activation(-1, 2)), exact([(1, 0), sample]), exact(z)),
        np.array([1.0, 0.0]),
    )
    at.__dict__["least"] = 1.0
    at.residual = residual
    return at._zeros(0.25, delta).tolist()


def test_places_are_zero_only_if_twice_the_distance_leaves_room() -> None:
    # |F(c)| < (m - 2 δ) r with m = 1, r = 1/4.
    assert zeros(0.25, 0.1249) == [False, True]
    assert zeros(0.25, 0.125) == [False, False]
    assert zeros(0.375, 0.0626) == [False, False] and zeros(0.375, 0.0624) == [False, True]
    assert zeros(0.5, 0.0) == [False, False]
    # The gradient at b = 0 does not vanish where a and b are coupled.
    assert zeros(0.25, 0.0, sample=(1, 1)) == [False, False]


def test_places_that_move_take_others_with_them() -> None:
    # a² + 4 b² + (b + c)²: with b in the ball c is moved, and b by a; d stays.
    X = exact([(1, 0, 0, 0), (1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1)])
    at = _Local(
        Correlation(OneLayer(4, 1, Activation(-1, 2)), X, exact((1, 1, 1, 1))), np.array([1.0, 0.0, 0.0, 0.0])
    )
    at.__dict__["least"], at.residual = 1.0, 0.0
    assert at._zeros(0.25, 0.0).tolist() == [False, False, False, True]


# -- second order --------------------------------------------------------------------------------------------


def second(
    values: tuple[float, ...], tau: float, turns: Any = None, c: tuple[float, ...] = (1.0, 0.0, 0.0)
) -> _Local:
    k = len(values)
    at = bare(spectrum=Spectrum(np.array(values), np.eye(k), 0.0), tau=tau, c=np.array(c), M=np.diag(values))
    if turns is not None:
        at._turns = lambda place, delta: turns[place]
    return at


@pytest.mark.parametrize(
    ("values", "tau", "turns", "expected"),
    [
        ((-5.0, -2.0, -1.0), -5.0, None, ("maximum", (0, 0, 2))),
        ((1.0, 2.0, 5.0), 5.0, None, ("minimum", (2, 0, 0))),
        ((-5.0, -2.0, 1.0), -5.0, {-1: 1, 1: -1}, ("saddle", (1, 0, 1))),
        ((-2.0, 1.0, 5.0), 5.0, {-1: 1, 1: -1}, ("saddle", (1, 0, 1))),
        ((-5.0, -2.0, 1.0), -5.0, {-1: 1, 1: 0}, ("degenerate", (1, 0, 1))),
        ((-5.0, -2.0, 1.0), -5.0, {-1: 0, 1: -1}, ("degenerate", (1, 0, 1))),
        ((-5.0, 1.0, 2.0), -5.0, {-1: 1, 1: 1}, ("degenerate", (2, 0, 0))),
    ],
)
def test_the_kind_of_a_point(values: Any, tau: float, turns: Any, expected: Any) -> None:
    assert second(values, tau, turns)._kind(0.0) == expected


def test_the_steepest_fall_is_not_along_the_centre() -> None:
    assert second((-5.0, -2.0, 1.0), -5.0)._steepest_fall() == 1
    assert second((-5.0, -2.0, 1.0), -5.0, c=(0.0, -1.0, 0.0))._steepest_fall() == 0
    assert second((-5.0, -2.0, 1.0), -5.0, c=(0.6, -0.8, 0.0))._steepest_fall() == 0


def test_second_derivatives_turn_where_the_distance_leaves_their_sign() -> None:
    # Along (0, 1, 1) across c = (1, 0, 0): the form is -1 times the square of the length.
    at = second((-9.0, 2.0, -4.0), -9.0)
    at.spectrum = Spectrum(
        np.array([-9.0, -1.0, 0.0]), np.array([[0.0, 0.5, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), 0.0
    )
    assert [at._turns(1, delta) for delta in (1.0 - 2.0**-39, 1.0)] == [-1, 0]
    assert [at._turns(0, delta) for delta in (2.0 - 2.0**-38, 2.0)] == [1, 0]
    assert [at._turns(2, delta) for delta in (4.0 - 2.0**-37, 4.0)] == [-1, 0]


def test_a_form_around_zero_turns_neither_way() -> None:
    # Across c = (3, 3, 2)/5 the first two entries of the direction are equal and no doubles, and their
    # squares cancel.
    at = second((2.0**40, -(2.0**40), 0.0), 1.0, c=(0.6, 0.6, 0.4))
    at.spectrum = Spectrum(np.array([0.0]), np.array([[1.0], [1.0], [0.0]]), 0.0)
    assert at._turns(0, 2.0**-60) == 0


@pytest.mark.parametrize(
    ("tau", "place", "order"), [(-8.0, 2, 2), (8.0, 1, 2), (-8.0, 2, 3), (-8.0, 2, 5), (8.0, 1, 1)]
)
@pytest.mark.parametrize("shift", [F(0), F(1, 64)])
def test_the_gap_is_off_by_every_spread(
    tau: float, place: int, order: int, shift: F, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.array([-3.0, -1.0, 0.5]) if tau > 0 else np.array([-8.0, -3.0, -1.0])
    at = bare(
        spectrum=Spectrum(values, np.eye(3), 2.0**-20), tau=tau, order=F(order), low=0.984375, high=0.9921875
    )
    at.N = "N"
    asked: list[Any] = []
    monkeypatch.setattr(enclose_module, "sharpened", lambda *of: asked.append(of))
    found = at._gap(2.0**-10, shift, ["point"], F(1, 7), BallArithmetic(99))
    # A matrix with w in place of c is off by |τ| sin∠(w, c) more; at length 1 all eigenvalues but τ are
    # scaled by |w|^(2-L).
    spread = F(1, 2**20) + F(1, 2**10) + 8 * shift
    ends = [MP.mpf(v.numerator) / v.denominator for v in (F(63, 64), F(127, 128) * (1 + shift))]
    scale = max(abs(v ** (2 - order) - 1) for v in ends)
    most = mp(max(abs(values)))
    true = mp(spread) + (most + mp(spread)) * scale
    top = mp(values[place])
    assert -top - true >= mp(found.lower()) >= -top - true * (1 + MP.mpf(10) ** -7)
    assert -top + true <= mp(found.upper()) <= -top + true * (1 + MP.mpf(10) ** -7)
    ((N, point, spectrum_, reach, at_place, at_tau, tolerance, ar),) = asked
    assert (N, point, spectrum_) == ("N", ["point"], at.spectrum)
    assert (at_place, at_tau, tolerance, ar.bits) == (place, F(tau), F(1, 7), 99)
    assert true <= mp(reach) <= true * (1 + MP.mpf(10) ** -7)


def test_the_sharper_gap_is_taken_and_no_gap_where_tau_is_too_near(monkeypatch: pytest.MonkeyPatch) -> None:
    def gap(values: tuple[float, ...], sharp: Any, order: F = F(2)) -> Any:
        at = bare(
            spectrum=Spectrum(np.array(values), np.eye(len(values)), 0.25),
            tau=-8.0,
            order=order,
            low=1.0,
            high=1.0,
        )
        at.N = None
        monkeypatch.setattr(enclose_module, "sharpened", lambda *of: sharp)
        return at._gap(0.25, F(0), [], F(1), BallArithmetic(64))

    plain = gap((-8.0, -2.0), None)
    assert plain.lower() <= F(3, 2) and plain.upper() >= F(5, 2) and plain.radius() < F(51, 100)
    assert gap((-8.0, -2.0), Ball(-3, 64)).contains(3)
    assert gap((-8.0, -2.0), Ball.interval(F(-4), F(-2), 64)).contains(2)
    assert gap((-8.0, -2.0), Ball.interval(F(-7, 2), F(-5, 2), 64)).contains(2)
    # Values within the spread of τ are not told from it.
    assert gap((-8.0, -7.4375), None) is not None and gap((-8.0, -7.5), None) is None
    assert gap((-8.0,), None) is None and gap((-8.0, -2.0), None, F(5, 2)) is None


# -- together ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cubic form", "its minimum"])
def test_the_radii_of_a_proved_point(name: str) -> None:
    network, X, z, centre = CASES[name]
    found = enclose_point(Correlation(network, exact(X), exact(z)), np.array(centre))
    at = _Local(Correlation(network, exact(X), exact(z)), np.array(centre))
    wide = at._widest()
    _, delta = at._nearest(wide)
    radius = mp(at.residual) / (mp(at.least) - mp(delta)) / mp(at.low)
    assert radius <= mp(found.radius) <= radius * (1 + MP.mpf(10) ** -8)
    # The sine of the angle of r.
    ratio = mp(wide) / mp(at.high)
    chord = ratio / MP.sqrt(1 + ratio**2)
    assert chord * (1 - MP.mpf(10) ** -8) <= mp(found.uniqueness) <= chord
    assert found.point.reason == f"the only KKT point within {float(found.uniqueness):.1e}"
    assert found.centre.tolist() == at.c.tolist()


def test_a_sign_of_n_that_is_not_decided_is_part_of_the_reason() -> None:
    found = enclose_point(
        Correlation(OneLayer(3, 1, Activation(-1, 2)), exact([(1, 1, 0), (0, 1, 1)]), exact((1, -1))),
        np.array([1.0, -1.0, 1.0]),
    )
    within = f"the only KKT point within {float(found.uniqueness):.1e}"
    assert found.point.reason == f"{within}; N is so close to 0 that its sign is not decided"


def test_what_newton_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    original = enclose_module.polish
    monkeypatch.setattr(enclose_module, "polish", lambda *of: asked.append(of) or original(*of))
    network, X, z, _ = CASES["cubic form"]
    at = _Local(Correlation(network, exact(X), exact(z)), np.array([5.0, 0.005, 0.0]))
    found = at.enclose(50)
    ((N, c, zero, tau, step, near, factor, tolerance, ar),) = asked
    assert N is at.N and c is at.c and tau == at.tau
    radius, delta = at._nearest(at._widest())
    assert near == F(radius) and factor == 1 / (F(at.least) - F(delta))
    # Twelve is N's gradient at e1, so it has two digits.
    assert int(at.g) == 11 and tolerance == F(1, 10**53 * 12) and ar.bits == 166 + 64
    assert zero.tolist() == [False, False, True] and found.zeros == (2,)
    assert found.point.point[2].sign() == 0 and found.point.point[2].radius() == 0
    assert {ball.bits for ball in found.point.point} == {ar.bits}
    value = np.array([1.0, -2.0, 3.0])
    assert np.abs(at.M @ step(value) - value).max() < 1e-12
    assert enclose_point(Correlation(network, exact(X), exact(z)), at.c).point.point[0].bits == 99 + 64


def test_directions_within_the_chord_are_where_one_point_is_unique() -> None:
    # The unit vectors (3, 4)/5 and (1, 0) are (4/5)^(1/2) = 0.8944271909999 apart.
    for uniqueness, expected in ((F(89442719100, 10**11), True), (F(89442719099, 10**11), False)):
        found = Enclosed(None, np.array([3.0, 4.0]), F(0), uniqueness, ())
        assert found.unique_at(np.array([7.0, 0.0])) is expected
        assert (
            Enclosed(None, np.array([0.25, 0.0]), F(0), uniqueness, ()).unique_at(np.array([0.3, 0.4]))
            is expected
        )


def test_refusals_name_what_was_given() -> None:
    with pytest.raises(ValueError, match="^a centre is a vector of 2 finite doubles, not all 0$"):
        enclose_point(
            Correlation(OneLayer(2, 1, Activation(0, 2)), exact([(1, 0)]), exact((1,))), np.zeros(2)
        )
    network = Expression(["a", "b"], ["x"], "a**3*x/b")
    with pytest.raises(
        Inconclusive, match="^the network could not be evaluated near the centre: .*[^.]\\.$"
    ) as refused:
        enclose_point(Correlation(network, exact([(1,)]), exact((1,))), np.array([1.0, 0.0]))
    assert "None" not in str(refused.value)
