"""KKT points of two trained layers and of deep linear networks: residuals in balls, kinds against the
Hessian, N = 0.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from exact_ends import alike
from kkt_residual import kkt_residual

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import FLOAT
from certflow.kkt.enumerate import kkt_set
from certflow.kkt.neuron.lift import deep_linear
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.problem import Problem

X = [[F(1), F(0)], [F(3, 5), F(4, 5)], [F(-1), F(1)], [F(1, 3), F(-2)]]
LABELS = [F(1), F(2), F(-3), F(1, 2)]


def two_layer(
    X: list[list[F]], y: list[F], alpha: F = F(0), power: int = 2
) -> tuple[Problem, Network, KKTSet]:
    network = TwoLayer(len(X[0]), 2, Activation(alpha, power))
    problem = Problem(network, X, y, direction=[1] * network.size)
    return problem, network.block(0), kkt_set(problem)


def tangential_eigenvalues(network: Network, problem: Problem, point: KKTPoint) -> np.ndarray:
    """Eigenvalues of the Hessian of N on the tangent space, in doubles."""
    u = np.array([c.midpoint_float() for c in point.point])
    run = network.forward(FLOAT, u, FLOAT.array(problem.X))
    z = FLOAT.array(problem.z)
    hessian, gradient = network.hessian(run, z), network.pullback(run, z)
    basis = np.linalg.svd(u[None])[2][1:]
    return np.linalg.eigvalsh(basis @ hessian @ basis.T) - gradient @ u


@pytest.mark.parametrize("alpha", [F(0), F(1, 2), F(-1)])
def test_every_point_of_two_trained_layers_is_kkt_with_its_kind_and_gap(alpha):
    problem, neuron, found = two_layer(X, LABELS, alpha)
    assert found.complete
    for point in found.points:
        residual = kkt_residual(Correlation(neuron, problem.X, problem.z), point.point)
        assert all(entry.contains(0) and entry.radius() < F(1, 10**20) for entry in residual)
        assert sum((c.square() for c in point.point), Ball(0, 200)).contains(1)
        if point.inertia is not None:
            values = tangential_eigenvalues(neuron, problem, point)
            assert point.inertia == (int((values > 1e-9).sum()), 0, int((values < -1e-9).sum()))
            assert abs(point.gap.midpoint_float() + values.max()) < 1e-9
            kinds = {(2, 0, 0): "minimum", (0, 0, 2): "maximum"}
            assert point.kind == kinds.get(point.inertia, "saddle")


def test_points_come_in_pairs_of_opposite_output_weight_and_value():
    _, _, found = two_layer(X, LABELS)
    signed = [p for p in found.points if p.value.sign()]
    values = sorted(p.value.midpoint_float() for p in signed)
    assert values == pytest.approx([-v for v in reversed(values)])
    assert any(found.n_max.overlaps(p.value) for p in signed)
    assert alike(found.n_max, -found.n_min)


def test_the_sets_with_n_zero_contain_the_output_axis():
    _, _, found = two_layer(X, LABELS)
    zero = [p for p in found.points if p.value.sign() == 0]
    assert zero and all(p.kind in ("degenerate", "saddle") for p in zero)
    equations = {p.continuum.equation for p in zero if p.continuum is not None}
    assert "v = 0, n(w) = 0" in equations


def test_without_a_zero_of_the_neuron_the_output_axis_is_strict():
    # n(w) = w_1² + w_2² > 0: N = v |w|², so (0, 1) is a strict minimum and (0, -1) a strict maximum with N =
    # 0.
    _, _, found = two_layer([[F(1), F(0)], [F(0), F(1)]], [F(2), F(2)], alpha=F(-1))
    zero = {p.point[2].mid(): p.kind for p in found.points if p.value.sign() == 0 and p.continuum is None}
    assert zero == {F(1): "minimum", F(-1): "maximum"}


def test_exact_directions_are_positive_multiples_of_the_point():
    # One sample (1, 0), squared activation: w = (√(2/3), 0), v = √(1/3), and 2 |v|² = |w|² has no rational
    # direction ...
    _, _, found = two_layer([[F(1), F(0)]], [F(1)])
    for point in found.points:
        if point.direction is not None:
            norm = Ball(sum(c * c for c in point.direction), 200).sqrt()
            assert all(
                (Ball(c, 200) / norm - p).contains(0)
                for c, p in zip(point.direction, point.point, strict=True)
            )


def test_two_neurons_on_one_line_of_inputs():
    problem, neuron, found = two_layer([[F(2)], [F(-1)]], [F(1), F(3)])
    # n(1) = 4/2, n(-1) = 3/2: four points with N != 0, and the axis (0, ±1) between values of one sign.
    assert sorted(p.kind for p in found.points) == ["maximum"] * 3 + ["minimum"] * 3
    assert all(
        entry.contains(0)
        for p in found.points
        for entry in kkt_residual(Correlation(neuron, problem.X, problem.z), p.point)
    )


@pytest.mark.parametrize("widths", [[2, 2, 3, 1], [3, 1, 1, 1], [2, 1, 2, 1, 1], [1, 1, 1, 1]])
def test_deep_linear_networks_have_three_sets(widths):
    network = FeedForward(widths, Activation(F(1), 1))
    data = [[F(i + j + 1, 3) for j in range(widths[0])] for i in range(3)]
    problem = Problem(network, data, [1, -2, 4], direction=[1] * network.size)
    found = kkt_set(problem)
    assert [p.value.sign() for p in found.points] == [1, -1, 0] and found.complete
    for point in found.points:
        residual = kkt_residual(Correlation(network, problem.X, problem.z), point.point)
        assert all(entry.contains(0) and entry.radius() < F(1, 10**25) for entry in residual)
        if point.gap is not None:
            assert (
                abs(point.gap.midpoint_float() + tangential_eigenvalues(network, problem, point).max()) < 1e-9
            )


def test_no_direction_exceeds_the_value_of_a_deep_linear_network():
    network = FeedForward([2, 2, 2, 1], Activation(F(1), 1))
    found = deep_linear(network, [F(3), F(4)], 30)
    rng = np.random.default_rng(1)
    u = rng.normal(size=(2000, network.size))
    u /= np.linalg.norm(u, axis=1)[:, None]
    matrices = u[:, :4].reshape(-1, 2, 2), u[:, 4:8].reshape(-1, 2, 2), u[:, 8:].reshape(-1, 1, 2)
    values = (matrices[2] @ matrices[1] @ matrices[0] @ np.array([3.0, 4.0]))[:, 0]
    assert np.abs(values).max() < found.n_max.midpoint_float()


def test_nothing_to_learn_makes_every_direction_kkt():
    problem = Problem(TwoLayer(2, 1, Activation(F(0), 2)), [[1, 2]], [0], direction=[1, 1, 1])
    (entry,) = kkt_set(problem).points
    assert entry.continuum.dimension == 2 and "every direction" in entry.reason


def test_a_deep_linear_network_whose_data_cancel_is_zero():
    network = FeedForward([2, 1, 1, 1], Activation(F(1), 1))
    problem = Problem(network, [[1, 0], [-1, 0]], [1, 1], reduction="sum", direction=[1] * 4)
    (entry,) = kkt_set(problem).points
    assert entry.continuum.dimension == 3 and "every direction" in entry.reason
