"""Multi-start search: what it finds of complete enumerations, and that everything listed is proved once."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kkt_residual import kkt_residual

from certflow.kkt.enumerate import Budget, kkt_set
from certflow.kkt.neuron.circle import planar_kkt
from certflow.kkt.single.ascent import Search, directions, is_new
from certflow.kkt.single.verified import verified_points
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import OutOfTime

RELU2 = Activation(F(0), 2)
DEEP = FeedForward([2, 2, 2, 1], RELU2)


def some_data(seed: int, n: int = 5, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.array([[F(int(v)) for v in row] for row in rng.integers(-6, 7, (n, d))], dtype=object)
    return X, np.array([F(int(v)) for v in rng.integers(-6, 7, n)], dtype=object)


def test_directions_are_the_same_for_the_same_seed() -> None:
    first, second, other = (list(directions(5, 3, seed)) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert not (first[0] == other[0]).all()
    assert all(abs(np.linalg.norm(v) - 1) < 1e-12 for v in first)


def test_ascent_and_descent_reach_all_planar_extrema() -> None:
    for seed in range(5):
        X, z = some_data(seed)
        search, found = Search(Correlation(OneLayer(2, 1, RELU2), X, z)), []
        for start in directions(2, 20, 0):
            found += list(search.proposals(start))
        for point in planar_kkt(X, z, F(0), 20).points:
            if point.kind in ("maximum", "minimum") and abs(float(point.value.mid())) > 1e-3:
                u = np.array([float(c.mid()) for c in point.point])
                assert min(float(np.linalg.norm(u - w)) for w in found) < 1e-9


def test_neurons_that_die_are_exactly_zero() -> None:
    X, z = some_data(1)
    search = Search(Correlation(TwoLayer(2, 4, RELU2), X, z))
    for start in directions(12, 5, 3):
        w = search.settle(search.climb(start, 1))
        assert w is not None
        alone = np.count_nonzero(w)
        assert alone <= 3 and np.linalg.norm(search.tangential(w)[0]) < 1e-10


def test_is_new() -> None:
    known = [np.array([1.0, 0.0])]
    assert is_new(np.array([0.0, 1.0]), known) and is_new(np.array([-1.0, 0.0]), known)
    assert not is_new(np.array([1.0, 1e-9]), known)


@pytest.mark.parametrize(
    "network",
    [OneLayer(2, 1, RELU2), TwoLayer(2, 2, RELU2), DEEP, FeedForward([2, 2, 2, 1], Activation(F(-1), 3))],
    ids=repr,
)
def test_every_entry_is_a_different_proved_point(network: Any) -> None:
    X, z = some_data(2)
    found = verified_points(Correlation(network, X, z), starts=3, seed=1)
    assert found.status == "partial" and found.of == "all weights" and found.undecided == 1
    assert found.counts["proved"] == len(found.points) > 1
    assert "3 random directions" in found.reason and "may be others" in found.reason
    assert {"maximum", "minimum"} <= {point.kind for point in found.points}
    values = [point.value.mid() for point in found.points]
    assert values == sorted(values, reverse=True)
    for a, b in itertools.combinations(found.points, 2):
        assert not all(x.overlaps(y) for x, y in zip(a.point, b.point, strict=True))
    for point in found.points:
        assert all(entry.contains(0) for entry in kkt_residual(Correlation(network, X, z), point.point))
        assert "the only KKT point within" in point.reason and point.inertia is not None
        assert sum(point.inertia) == network.size - 1 and point.inertia[1] == 0
        assert sum((c.square() for c in point.point[1:]), point.point[0].square()).contains(1)
    json.dumps(found.to_json())
    again = verified_points(Correlation(network, X, z), starts=3, seed=1)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())


def test_saddles_with_several_neurons() -> None:
    X, z = some_data(2)
    kinds = [point.kind for point in verified_points(Correlation(DEEP, X, z), starts=8).points]
    assert "saddle" in kinds


def test_given_directions_come_first_and_count_ends_the_search() -> None:
    X, z = some_data(2)
    network = TwoLayer(2, 2, RELU2)
    full = verified_points(Correlation(network, X, z), starts=4)
    start = np.array([float(c.mid()) for c in full.points[0].point])
    one = verified_points(Correlation(network, X, z), starts=4, count=1, given=[start])
    assert len(one.points) == 1
    assert all(a.overlaps(b) for a, b in zip(one.points[0].point, full.points[0].point, strict=True))
    assert verified_points(Correlation(network, X, z), starts=0).points == []


def test_progress_and_time_limit() -> None:
    X, z = some_data(2)
    calls: list[tuple[int, int]] = []
    verified_points(
        Correlation(DEEP, X, z), starts=3, progress=lambda text, done, total: calls.append((done, total))
    )
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def stop(text: str, done: int, total: int) -> None:
        raise OutOfTime("the time limit was reached.")

    with pytest.raises(OutOfTime):
        verified_points(Correlation(DEEP, X, z), starts=3, progress=stop)
    assert not issubclass(OutOfTime, Inconclusive)


def test_continua_are_refused_with_their_reason() -> None:
    # Three linear layers: the hidden ones can be rotated. Order 2: the neurons share the norm.
    X, z = some_data(2)
    for network in (FeedForward([2, 2, 2, 1], Activation(F(1), 1)), OneLayer(2, 2, RELU2)):
        found = verified_points(Correlation(network, X, z), starts=3)
        assert not [point for point in found.points if point.kind == "maximum"]
        assert "singular as far as could be proved" in found.reason


@given(st.integers(0, 10**6), st.sampled_from([F(0), F(1, 2), F(-1)]), st.integers(2, 3))
def test_random_small_networks(seed: int, alpha: F, power: int) -> None:
    X, z = some_data(seed, n=3)
    network = TwoLayer(2, 1, Activation(alpha, power))
    for point in verified_points(Correlation(network, X, z), starts=1, seed=seed).points:
        assert all(entry.contains(0) for entry in kkt_residual(Correlation(network, X, z), point.point))
        # |w|² = p/(p + 1) and v² = 1/(p + 1) wherever N is not 0.
        if point.value.sign() in (1, -1):
            assert point.point[2].square().contains(F(1, power + 1))


def test_products_of_huge_inputs_are_refused_in_a_sentence() -> None:
    network = Expression(["u1", "u2", "u3"], ["x1", "x2"], "(u1*x1 + u2*x2)**3 - u1*u2**2*x1*x2**2 + u3**3")
    problem = Problem(network, [["1e300", "-1e300"]], ["1"], direction=["1", "1", "1"])
    with pytest.raises(Inconclusive, match="too large to search"):
        kkt_set(problem, 15, Budget(cells=500, boxes=500, starts=3))
