"""Gradient descent in doubles against the exact iteration in rationals, and its refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.flow.reference.gradient_descent import gradient_descent
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem

DATA = {"X": [["1", "1/2"], ["-3/4", "1"], ["1/5", "-1"]], "y": ["1", "-1", "1"]}
LEAKY = Activation(Fraction(1, 3), 2)


def small(network: object = None, **changes: object) -> Problem:
    network = network or OneLayer(2, 3, LEAKY, signs=[1, -1, 1])
    return Problem(network, **DATA, direction=list(range(1, network.size + 1)), **changes)  # type: ignore[arg-type]


def exact_iterates(problem: Problem, w: np.ndarray, step: Fraction, count: int) -> np.ndarray:
    """The same iteration in rationals."""
    for _ in range(count):
        run = problem.network.forward(EXACT, w, problem.X)
        w = w + step * problem.network.pullback(run, problem.loss.residuals(EXACT, run.outputs, problem.y))
    return w


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    "network",
    [
        OneLayer(2, 3, LEAKY, signs=[1, -1, 1]),
        TwoLayer(2, 2, Activation(Fraction(0), 1)),
        FeedForward([2, 2, 2, 1], Activation(Fraction(1, 2), 1)),
        OneLayer(2, 2, Activation(Fraction(1), 2)),
    ],
    ids=["leaky squares", "two-layer ReLU", "three layers", "no kink"],
)
def test_the_iterates_are_those_of_exact_arithmetic(network: object, reduction: str) -> None:
    problem = small(network, reduction=reduction)
    step = Fraction(1, 16)
    descent = gradient_descent(problem, Fraction(1, 2), float(step), 3)
    start = np.array([Fraction(value) for value in descent.weights[0]], dtype=object)
    expected = exact_iterates(problem, start, step, 3).astype(float)
    np.testing.assert_allclose(descent.weights[-1], expected, rtol=1e-13)
    assert np.abs(descent.weights[-1] - descent.weights[0]).max() > 1e-3


def test_the_start_has_norm_delta_and_the_direction_of_the_problem() -> None:
    descent = gradient_descent(small(), Fraction(1, 1000), 0.1, 0)
    assert descent.norm[0] == pytest.approx(1e-3, rel=1e-14)
    np.testing.assert_allclose(descent.weights[0] / descent.weights[0][0], np.arange(1, 7), rtol=1e-13)


def test_the_last_iterate_is_recorded_and_the_records_do_not_change_the_run() -> None:
    every, some = (gradient_descent(small(), Fraction(1, 2), 0.05, 25, k) for k in (1, 10))
    assert list(some.iterations) == [0, 10, 20, 25]
    np.testing.assert_array_equal(some.weights, every.weights[some.iterations])
    np.testing.assert_array_equal(some.loss, every.loss[some.iterations])
    assert every.loss[-1] < every.loss[0]


def test_angles_norms_and_directions_agree() -> None:
    descent = gradient_descent(small(), Fraction(1, 2), 0.05, 5)
    radians, norms = np.radians(descent.angles()), descent.block_norms()
    for j in range(3):
        vector = np.stack([np.cos(radians[:, j]), np.sin(radians[:, j])], axis=1)
        np.testing.assert_allclose(descent.block_directions(j), vector, atol=1e-14)
        np.testing.assert_allclose(vector * norms[:, [j]], descent.weights[:, 2 * j : 2 * j + 2], atol=1e-14)
    np.testing.assert_allclose(np.sqrt((norms**2).sum(axis=1)), descent.norm)


def test_logistic_loss_falls() -> None:
    descent = gradient_descent(small(loss="logistic"), Fraction(1), 0.05, 40)
    assert np.all(np.diff(descent.loss) < 0)


def test_progress_reaches_the_end() -> None:
    calls: list[tuple[int, int]] = []
    gradient_descent(small(), Fraction(1, 2), 0.05, 20, 5, lambda _, done, total: calls.append((done, total)))
    assert calls == [(0, 20), (5, 20), (10, 20), (15, 20), (20, 20)]


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ((Fraction(1, 10**1000), 0.1, 5), "delta"),
        ((Fraction(1), 0.0, 5), "step"),
        ((Fraction(1), float("nan"), 5), "step"),
        ((Fraction(1), 0.1, -1), "iterations"),
        ((Fraction(1), 0.1, 10**9), "record_every"),
        ((Fraction(1), 1e10, 500), "diverge by iteration"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: tuple[Fraction, float, int], where: str) -> None:
    with pytest.raises(BadInput, match=where):
        gradient_descent(small(), *arguments)


def test_data_beyond_doubles_is_refused() -> None:
    problem = Problem(OneLayer(1, 1, LEAKY), [["1e400"]], ["1"], direction=["1"])
    with pytest.raises(BadInput, match="data.X"):
        gradient_descent(problem, Fraction(1), 0.1, 1)


def test_angles_need_the_plane() -> None:
    problem = small(TwoLayer(2, 1, LEAKY))
    with pytest.raises(BadInput, match="two weights"):
        gradient_descent(problem, Fraction(1), 0.01, 1).angles()


def test_a_custom_loss_has_no_value_to_record() -> None:
    loss = Loss("custom", residual=lambda ar, out, y: y - out, curvature=Fraction(1), at_zero=lambda y: y)
    with pytest.raises(BadInput, match="custom loss"):
        gradient_descent(small(loss=loss), Fraction(1), 0.1, 1)
