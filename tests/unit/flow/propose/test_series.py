"""The series of many parts in doubles against the one definition of N, part by part."""

from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import FLOAT
from certflow.flow.propose.centres import groups_of
from certflow.flow.propose.series import LayeredSeries, QuadraticSeries, series_of
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

LEAKY = Activation(Fraction(1, 3), 2)
BELOW = {1: [["1", "-2"], ["1/2", "1"], ["0", "3"]]}
NETWORKS = {
    "neurons": (OneLayer(2, 3, LEAKY, [1, -1, 1]), QuadraticSeries),
    "neurons with outputs": (TwoLayer(2, 2, LEAKY), QuadraticSeries),
    "cubes with outputs": (TwoLayer(2, 2, Activation(Fraction(0), 3)), LayeredSeries),
    "cubes": (OneLayer(2, 2, Activation(Fraction(-1, 2), 3)), LayeredSeries),
    "neurons on features": (FeedForward([2, 3, 2, 1], LEAKY, [2, 3], BELOW), QuadraticSeries),
    "deep": (FeedForward([2, 2, 2, 1], LEAKY), LayeredSeries),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_kinks_and_series_are_those_of_n(name):
    network, kind = NETWORKS[name]
    draw = np.random.default_rng(5)
    X, y = draw.integers(-4, 5, (6, 2)).tolist(), draw.integers(-4, 5, 6).tolist()
    problem = Problem(network, X, y, seed=1)
    for group in groups_of(problem):
        series = series_of(problem, group, network.is_sum_of_neurons)
        assert isinstance(series, kind)
        u = draw.standard_normal((len(group), len(group[0])))
        z = series.kinks(u)
        cell, lengths = series.cell(z), draw.uniform(0.5, 2.0, len(group))
        G = series.gradient(u, cell)
        U, Z = series.series(u, cell, 0.25, lengths, 3)
        for j, part in enumerate(group):
            N = problem.correlation.restricted(part)
            at = N.at(FLOAT, u[j])
            np.testing.assert_allclose(G[j], at.gradient, rtol=1e-12, atol=1e-10)
            kinks = at.run.kinks[-1:] if network.is_sum_of_neurons else at.run.kinks
            np.testing.assert_allclose(
                z[j], np.concatenate([each.T.ravel() for each in kinks]), rtol=1e-12, atol=1e-10
            )
            np.testing.assert_allclose(U[1, j], lengths[j] * (at.gradient - u[j] / 4), rtol=1e-12, atol=1e-10)
            # The second coefficient by the Hessian: u'' = H u' - decay u'.
            turned = lengths[j] * (at.hessian() @ U[1, j] - U[1, j] / 4) / 2
            np.testing.assert_allclose(U[2, j], turned, rtol=1e-12, atol=1e-9)
            np.testing.assert_allclose(Z[0, j], z[j], rtol=1e-12, atol=1e-12)


def test_the_series_of_some_parts_are_theirs():
    problem = Problem(
        OneLayer(2, 4, Activation(Fraction(-1, 2), 3), [1, -1, -1, 1]), [[1, 2], [-2, 1]], [1, -3], seed=2
    )
    (group,) = groups_of(problem)
    series, u = series_of(problem, group, True), np.random.default_rng(2).standard_normal((4, 2))
    some = np.array([3, 1])
    cell = series.cell(series.kinks(u))
    assert (series.select(some).gradient(u[some], cell[some]) == series.gradient(u, cell)[some]).all()
