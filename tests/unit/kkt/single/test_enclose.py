"""One enclosed KKT point against complete enumerations, closed forms, 50 digits of mpmath, and its own
symmetries.
"""

from __future__ import annotations

import itertools
from fractions import Fraction as F
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kkt_residual import kkt_residual

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import FLOAT, mp_arithmetic
from certflow.kkt.neuron.circle import planar_kkt
from certflow.kkt.single.ascent import Search, directions
from certflow.kkt.single.enclose import Enclosed, enclose_point
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive

RELU2, ABS2 = Activation(F(0), 2), Activation(F(-1), 2)
small = st.integers(-3, 3)


def exact(rows: Any) -> np.ndarray:
    return np.array([[F(v) if isinstance(v, F) else F(int(v)) for v in row] for row in rows], dtype=object)


def vector(*values: Any) -> np.ndarray:
    return np.array([v if isinstance(v, F) else F(int(v)) for v in values], dtype=object)


def neuron(d: int, activation: Activation = RELU2) -> OneLayer:
    return OneLayer(d, 1, activation)


def holds(ball: Ball, value: Any) -> bool:
    """Whether the mpmath number, far more precise than the ball, lies in it."""
    return ball.contains(F(*mpmath.libmp.to_rational(value._mpf_)))


def chord_square(centre: np.ndarray, point: Any) -> Ball:
    """|u - centre/|centre||² for u in the balls `point`."""
    c = [Ball(F(float(v)), 160) for v in centre]
    length = sum((v.square() for v in c), Ball(0, 160)).sqrt()
    return sum(((a - b / length).square() for a, b in zip(point, c, strict=True)), Ball(0, 160))


def check_distances(found: Enclosed) -> None:
    """The point is within `radius` of the centre, and that is well inside of where it is unique."""
    square = chord_square(found.centre, found.point.point)
    assert square.lower() <= found.radius**2
    assert found.radius < found.uniqueness <= 1


# -- closed forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(4))
def test_a_quadratic_form_has_its_eigenvectors(place: int) -> None:
    z = vector(5, 3, F(-1, 2), -4)
    found = enclose_point(Correlation(neuron(4, ABS2), exact(np.eye(4, dtype=int)), z), np.eye(4)[place])
    point = found.point
    others = [2 * (v - z[place]) for i, v in enumerate(z) if i != place]
    assert point.inertia == (sum(v > 0 for v in others), 0, sum(v < 0 for v in others))
    assert point.kind == {0: "maximum", 3: "minimum"}.get(place, "saddle")
    assert point.value.contains(z[place]) and point.gap is not None and point.gap.contains(-max(others))
    assert point.gap.radius() < F(1, 10**30)
    assert found.zeros == tuple(i for i in range(4) if i != place)
    assert all(point.point[i].sign() == 0 for i in found.zeros)
    # The other eigenvectors are 45 degrees or more from where the point is alone.
    assert found.uniqueness**2 < 2
    check_distances(found)


def test_an_eigenspace_is_refused_as_a_continuum() -> None:
    with pytest.raises(Inconclusive, match="singular as far as could be proved.*continuum"):
        enclose_point(
            Correlation(neuron(3, ABS2), exact(np.eye(3, dtype=int)), vector(2, 2, 1)),
            np.array([0.6, 0.8, 0.0]),
        )


@pytest.mark.parametrize("width", [1, 2, 3])
def test_two_layers_on_one_sample(width: int) -> None:
    # N = v (w·x)_+^2 has its maximum at w = (2/3)^(1/2) x, v = 3^(-1/2); the other neurons are exactly zero
    # there.
    x = (F(3, 5), F(4, 5))
    network = TwoLayer(2, width, RELU2)
    centre = np.zeros(network.size)
    centre[:2] = np.sqrt(2 / 3) * np.array([0.6, 0.8])
    centre[2 * width] = np.sqrt(1 / 3)
    found = enclose_point(Correlation(network, exact([x]), vector(1)), centre)
    short = Ball(F(1, 3), 200).sqrt()
    point = found.point
    assert point.kind == "maximum" and point.inertia == (0, 0, 3 * width - 1)
    assert point.value.overlaps(short * F(2, 3)) and point.value.radius() < F(1, 10**30)
    # -6 N along the norms of the layers, -2 v across x, -3 N = -2 v for the neurons at zero.
    assert point.gap is not None and point.gap.overlaps(short * 2) and point.gap.radius() < F(1, 10**30)
    assert len(found.zeros) == 3 * (width - 1)
    for each, value in zip(point.point[:2], x, strict=True):
        assert each.overlaps(Ball(F(2, 3), 200).sqrt() * value)
    check_distances(found)


def test_a_kink_through_the_point() -> None:
    # At e1 the second derivative across is 0 or 2 z_2, minus μ = 2.
    X = exact([(1, 0), (0, 1)])
    found = enclose_point(Correlation(neuron(2), X, vector(1, F(1, 8))), np.array([1.0, 0.0]))
    assert found.point.kind == "maximum" and found.point.inertia == (0, 0, 1)
    gap = found.point.gap
    assert gap is not None and gap.contains(2) and gap.contains(F(7, 4))
    assert found.zeros == (1,)
    with pytest.raises(Inconclusive, match="kinks pass so near the point"):
        enclose_point(Correlation(neuron(2), X, vector(1, 2)), np.array([1.0, 0.0]))
    with pytest.raises(Inconclusive, match="kinks are within .* power 1"):
        enclose_point(
            Correlation(neuron(2, Activation(F(0), 1)), X, vector(1, F(1, 8))), np.array([1.0, 0.0])
        )


def test_power_one_away_from_kinks() -> None:
    # N = v (w·g) near w = g/|g|, g = (3, 4): the maximum is 5/2 at |v| = |w|.
    found = enclose_point(
        Correlation(TwoLayer(2, 1, Activation(F(0), 1)), exact([(1, 0), (0, 1)]), vector(3, 4)),
        np.array([3.0, 4.0, 5.0]),
    )
    assert found.point.kind == "maximum" and found.point.value.contains(F(5, 2))
    assert found.point.gap is not None and found.point.gap.contains(5)
    # The kinks w1 = 0 and w2 = 0 are where the proof has to end: at w1 = 3/5 2^(-1/2).
    assert found.uniqueness**2 <= F(9, 50)


def test_a_sample_at_zero_is_no_kink() -> None:
    network, centre = TwoLayer(2, 1, Activation(F(0), 1)), np.array([3.0, 4.0, 5.0])
    found = enclose_point(Correlation(network, exact([(1, 0), (0, 0), (0, 1)]), vector(3, 7, 4)), centre)
    assert found.point.kind == "maximum" and found.point.value.contains(F(5, 2))


def test_a_weight_that_is_nearly_zero_is_not_called_zero() -> None:
    # N = 2 a² + b² + 2^-40 a b: the eigenvector near e1 has the entry 2^-41 or so, though the centre has 0.
    X, z = exact([(1, 0), (0, 1), (1, 1)]), vector(2 - F(1, 2**41), 1 - F(1, 2**41), F(1, 2**41))
    found = enclose_point(Correlation(neuron(2, ABS2), X, z), np.array([1.0, 0.0]))
    assert found.zeros == () and found.point.point[1].sign() == 1
    check_distances(found)


def test_a_wide_network_with_all_neurons_but_one_at_zero() -> None:
    X, z = some_data(11, n=12, d=5)
    network = TwoLayer(5, 20, RELU2)
    w = next(Search(Correlation(network, X, z)).proposals(next(directions(network.size, 1, 0))))
    found = enclose_point(Correlation(network, X, z), w)
    assert found.point.kind == "maximum" and found.point.inertia == (0, 0, 119)
    assert len(found.zeros) == 19 * 6 and max(ball.radius() for ball in found.point.point) < F(1, 10**30)
    # The neuron alone has the same value, and the neurons at zero the eigenvalue -3 N.
    alone = enclose_point(Correlation(TwoLayer(5, 1, RELU2), X, z), np.delete(w, found.zeros)).point
    assert found.point.value.overlaps(alone.value) and alone.gap is not None
    assert found.point.gap is not None and found.point.gap.overlaps(alone.gap.minimum(alone.value * 3))
    check_distances(found)


def test_a_sign_of_n_that_is_not_decided_is_named() -> None:
    X, z = exact([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)]), vector(1, 1, 5, -1)
    # The form -2 a b + 5 c² has the eigenvalue -1 at (1, 1, 0) and 1 at (1, -1, 0): both signs are decided.
    for centre, value in ((np.array([1.0, 1.0, 0.0]), -1), (np.array([1.0, -1.0, 0.0]), 1)):
        found = enclose_point(Correlation(neuron(3, ABS2), X, z), centre)
        assert found.point.value.contains(value) and "sign" not in found.point.reason
    # x x^T - y y^T with |x| = |y| = 1 and a common part has the eigenvalue 0 along an irrational direction.
    X, z = exact([(1, 1, 0), (0, 1, 1)]), vector(1, -1)
    found = enclose_point(Correlation(neuron(3, ABS2), X, z), np.array([1.0, -1.0, 1.0]))
    assert found.point.value.contains(0) and "its sign is not decided" in found.point.reason


def test_an_expression() -> None:
    network = Expression(["a", "b"], ["x", "y"], "max(a*x + b*y, 0)**2 - b**2*x**2")
    found = enclose_point(Correlation(network, exact([(1, 0)]), vector(1)), np.array([1.0, 1e-3]))
    assert (
        found.point.kind == "maximum" and found.point.value.contains(1) and found.point.point[0].contains(1)
    )


def test_one_weight() -> None:
    found = enclose_point(Correlation(neuron(1), exact([(2,)]), vector(3)), np.array([0.5]))
    assert found.point.value.contains(12) and found.point.inertia == (0, 0, 0) and found.point.gap is None


@pytest.mark.parametrize(
    "centre", [np.zeros(2), np.array([1.0]), np.array([1.0, np.nan]), np.array([np.inf, 0.0])]
)
def test_centres_that_are_not_directions(centre: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a centre is a vector of 2 finite doubles"):
        enclose_point(Correlation(neuron(2), exact([(1, 0)]), vector(1)), centre)


def test_a_centre_far_from_every_point() -> None:
    with pytest.raises(Inconclusive, match="the centre is not near a KKT point"):
        enclose_point(
            Correlation(neuron(2, ABS2), exact([(1, 0), (0, 1)]), vector(1, -1)), np.array([1.0, 0.6])
        )


@pytest.mark.parametrize("offset", [0.2, 0.02, 1e-3, 1e-4, 1e-6, 1e-10, 1e-17])
def test_centres_at_a_distance_are_refused_or_reach_the_point(offset: float) -> None:
    for place, z in ((0, vector(1, F(1, 2), -1)), (1, vector(1, F(1, 2), -1))):
        centre = np.full(3, offset)
        centre[place] = 1.0
        try:
            found = enclose_point(Correlation(neuron(3, ABS2), exact(np.eye(3, dtype=int)), z), centre)
        except Inconclusive:
            assert offset > 1e-5
            continue
        assert all(ball.contains(int(i == place)) for i, ball in enumerate(found.point.point))
        check_distances(found)


# -- against the complete enumeration in the plane -----------------------------------------------------------


@given(
    st.lists(st.tuples(small, small, small), min_size=1, max_size=6),
    st.sampled_from([F(0), F(1, 2), F(-1, 3)]),
)
def test_planar_points(samples: list[tuple[int, int, int]], alpha: F) -> None:
    X, z = exact([s[:2] for s in samples]), vector(*(s[2] for s in samples))
    known = planar_kkt(X, z, alpha, 30).points
    for point in known:
        if point.kind not in ("maximum", "minimum"):
            continue
        try:
            found = enclose_point(
                Correlation(neuron(2, Activation(alpha, 2)), X, z),
                np.array([float(c.mid()) for c in point.point]),
            )
        except Inconclusive:
            continue
        assert found.point.kind == point.kind
        assert all(a.overlaps(b) for a, b in zip(found.point.point, point.point, strict=True))
        assert found.point.value.overlaps(point.value)
        if point.gap is not None and found.point.gap is not None:
            assert found.point.gap.overlaps(point.gap)
        check_distances(found)
        alone = [
            other for other in known if chord_square(found.centre, other.point).upper() <= found.uniqueness**2
        ]
        assert alone in ([point], [])


def test_nearly_all_planar_points_are_proved() -> None:
    rng = np.random.default_rng(5)
    proved = total = 0
    for _ in range(6):
        X, z = exact(rng.integers(-9, 10, (6, 2)).tolist()), vector(*rng.integers(-9, 10, 6).tolist())
        for point in planar_kkt(X, z, F(0), 30).points:
            if point.kind in ("maximum", "minimum"):
                total += 1
                try:
                    enclose_point(
                        Correlation(neuron(2), X, z), np.array([float(c.mid()) for c in point.point])
                    )
                    proved += 1
                except Inconclusive:
                    pass
    assert total >= 12 and proved >= 0.9 * total


# -- against mpmath ------------------------------------------------------------------------------------------


def refined(network: Any, X: np.ndarray, z: np.ndarray, start: np.ndarray) -> tuple[list[Any], Any]:
    """A KKT point to 50 digits: Newton on the Lagrange system with numerical Hessians of 50-digit
    gradients.
    """
    ar = mp_arithmetic(70)
    mp = ar.context
    A, b, k = ar.array(X), ar.array(z), len(start)
    w = np.array([mp.mpf(float(v)) for v in start], dtype=object)
    for _ in range(6):
        run = network.forward(ar, w, A)
        G, H = network.pullback(run, b), network.hessian(run, b)
        mu = (G @ w) / (w @ w)
        system, rest = mp.matrix(k + 1, k + 1), mp.matrix(k + 1, 1)
        for i in range(k):
            for j in range(k):
                system[i, j] = H[i, j] - (mu if i == j else 0)
            system[i, k], system[k, i] = -w[i], w[i]
            rest[i] = mu * w[i] - G[i]
        move = mp.lu_solve(system, rest)
        w = np.array([w[i] + move[i] for i in range(k)], dtype=object)
        w = w / mp.sqrt(w @ w)
    return list(w), b @ network.forward(ar, w, A).outputs


NETWORKS = [
    TwoLayer(2, 1, RELU2),
    TwoLayer(2, 2, Activation(F(0), 3)),
    FeedForward([2, 2, 2, 1], RELU2),
    FeedForward([2, 3, 1], Activation(F(1, 2), 2)),
    FeedForward([2, 2, 2, 1], ABS2),
]


def some_data(seed: int, n: int = 4, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return exact(rng.integers(-5, 6, (n, d)).tolist()), vector(*rng.integers(-5, 6, n).tolist())


def enclosed(network: Any, X: np.ndarray, z: np.ndarray, starts: int, seed: int = 0) -> list[Enclosed]:
    search, result = Search(Correlation(network, X, z)), []
    for start in directions(network.size, starts, seed):
        for w in search.proposals(start):
            try:
                result.append(enclose_point(Correlation(network, X, z), w))
            except Inconclusive:
                continue
    return result


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize("seed", [0, 1])
def test_points_refined_to_fifty_digits_lie_inside(network: Any, seed: int) -> None:
    X, z = some_data(seed)
    results = enclosed(network, X, z, 2, seed)
    assert results
    for found in results:
        w, value = refined(network, X, z, found.centre)
        assert all(holds(ball, v) for ball, v in zip(found.point.point, w, strict=True))
        assert holds(found.point.value, value)
        assert max(ball.radius() for ball in found.point.point) < F(1, 10**30)
        assert all(w[i] == 0 for i in found.zeros)
        residual = kkt_residual(Correlation(network, X, z), found.point.point)
        assert all(entry.contains(0) for entry in residual)
        check_distances(found)


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_inertia_and_gap_as_numpy_sees_them(network: Any) -> None:
    X, z = some_data(3)
    kinds = set()
    for found in enclosed(network, X, z, 3):
        w = found.centre
        run = network.forward(FLOAT, w, FLOAT.array(X))
        G, H = network.pullback(run, FLOAT.array(z)), network.hessian(run, FLOAT.array(z))
        basis = np.linalg.svd(w[None])[2][1:]
        values = np.linalg.eigvalsh(basis @ (H - (G @ w) * np.eye(len(w))) @ basis.T)
        assert found.point.inertia == (int(np.sum(values > 0)), 0, int(np.sum(values < 0)))
        assert found.point.gap is not None
        assert float(found.point.gap.mid()) == pytest.approx(-values[-1], rel=1e-9)
        kinds.add(found.point.kind)
    assert {"maximum", "minimum"} <= kinds


# -- uniqueness and symmetries -------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_no_other_point_is_where_one_is_unique(network: Any) -> None:
    X, z = some_data(4)
    found = enclosed(network, X, z, 3)
    for first, second in itertools.permutations(found, 2):
        same = all(a.overlaps(b) for a, b in zip(first.point.point, second.point.point, strict=True))
        inside = chord_square(first.centre, second.point.point).upper() <= first.uniqueness**2
        assert same or not inside
        if first.unique_at(second.centre):
            assert same


@given(st.integers(0, 10**6), st.integers(1, 2), st.sampled_from([F(0), F(1, 2)]))
def test_rotated_and_permuted_problems_have_the_same_points(seed: int, width: int, alpha: F) -> None:
    X, z = some_data(seed, n=3)
    turn = exact([(F(3, 5), F(-4, 5)), (F(4, 5), F(3, 5))])
    network = TwoLayer(2, width, Activation(alpha, 2))
    block = np.arange(2 * width).reshape(width, 2)[::-1].ravel()
    order = np.concatenate([block, 2 * width + np.arange(width)[::-1]])
    for found in enclosed(network, X, z, 1, seed):
        w = found.centre[order]
        w[: 2 * width] = (w[: 2 * width].reshape(width, 2) @ turn.T.astype(float)).ravel()
        w[np.abs(w) < 1e-15] = 0.0
        try:
            other = enclose_point(Correlation(network, X @ turn.T, z), w)
        except Inconclusive:
            continue
        assert other.point.value.overlaps(found.point.value) and other.point.kind == found.point.kind
        assert other.point.inertia == found.point.inertia
        assert (other.point.gap is None) == (found.point.gap is None)
        assert other.point.gap is None or found.point.gap is None or other.point.gap.overlaps(found.point.gap)
