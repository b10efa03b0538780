"""Discrete gradient descent in double precision: what practitioners run. An approximation of nothing but
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, SupportsIndex

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import initial_norm, number, shown, whole
from certflow.networks.base import Select
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress, require_progress

SMALLEST_DELTA = Fraction(1, 10**140)
"""Below it the squares of the weights leave the range of double precision."""

SMALLEST_STEP = Fraction(1, 10**300)

MAX_ITERATIONS = 10**12

MAX_RECORDED = 50_000_000
"""The most recorded numbers (records × weights), 400 MB."""


@dataclass(frozen=True, repr=False)
class Descent:
    """The recorded iterates of one run: `iterations` (m), `weights` (m × k), `loss` (m), all float64
    approximations.

    The last iterate is always recorded. `blocks` are those of the problem, `delta` = ‖w(0)‖ up to rounding.
    """

    iterations: np.ndarray
    weights: np.ndarray
    loss: np.ndarray
    step: float
    delta: Fraction
    blocks: tuple[tuple[int, ...], ...]

    def __repr__(self) -> str:
        return (
            f"<Descent from δ = {rounded_text(self.delta, 4)}: {self.iterations[-1]:,} iterations of step "
            f"{self.step:g} in double precision, {len(self.iterations):,} recorded>"
        )

    @property
    def norm(self) -> np.ndarray:
        """The joint norm ‖w‖ at each record (m)."""
        return np.linalg.norm(self.weights, axis=1)

    def block_norms(self) -> np.ndarray:
        """The norm of each block at each record (m × blocks)."""
        return np.stack(
            [np.linalg.norm(self.weights[:, list(block)], axis=1) for block in self.blocks], axis=1
        )

    def block_directions(self, j: int) -> np.ndarray:
        """The unit directions of block `j` (m × its size); NaN where the block is zero."""
        block = self.weights[:, list(self.blocks[j])]
        norm = np.linalg.norm(block, axis=1, keepdims=True)
        return np.divide(block, norm, out=np.full_like(block, np.nan), where=norm > 0)

    def angles(self) -> np.ndarray:
        """The angle of each block in degrees, in (-180, 180], at each record (m × blocks).

        Raises `BadInput` unless every block has two weights.
        """
        if any(len(block) != 2 for block in self.blocks):
            raise BadInput(
                "network: angles are of neurons in the plane; this figure needs blocks of two weights each."
            )
        index = np.array(self.blocks)
        return np.degrees(np.arctan2(self.weights[:, index[:, 1]], self.weights[:, index[:, 0]]))


def gradient_descent(
    problem: ProblemSource,
    delta: Any,
    step: Any,
    iterations: SupportsIndex,
    record_every: SupportsIndex = 1,
    progress: Progress | None = None,
) -> Descent:
    """Iterate `w <- w - step · gradient` from `w = delta · direction/‖direction‖`, recording every
    `record_every` steps.

    On a kink the gradient is the selection of the off-branch. Raises `BadInput` for settings out of range,
    data beyond double precision, and a step so large that the iterates leave every bound.
    """
    problem, delta, step = Problem.load(problem), initial_norm(delta), _step(step)
    require_progress(progress)
    iterations, record_every = (
        whole(iterations, "iterations", 0, MAX_ITERATIONS),
        whole(record_every, "record_every", 1),
    )
    records = iterations // record_every + 2
    if records * problem.network.size > MAX_RECORDED:
        raise BadInput(
            f"record_every: {records} records of {problem.network.size} weights are too many; record less "
            f"often."
        )
    X, y, w = _doubles(problem.X, "data.X"), _doubles(problem.y, "data.y"), _start(problem, delta)
    network, loss, select = problem.network, problem.loss, _select(problem)
    at, weights, losses = [], [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for iteration in range(iterations + 1):
            run = network.forward(FLOAT, w, X, select=select)
            if iteration % record_every == 0 or iteration == iterations:
                value = loss.value(run.outputs, y)
                if not np.isfinite(value):
                    raise BadInput(
                        f"step: with {step:g} the weights diverge by iteration {iteration}; take a smaller "
                        f"step."
                    )
                at.append(iteration)
                weights.append(w)
                losses.append(value)
                if progress is not None:
                    progress("gradient descent", iteration, iterations)
            w = w + step * network.pullback(run, loss.residuals(FLOAT, run.outputs, y))
    return Descent(np.array(at), np.array(weights), np.array(losses), step, delta, problem.blocks)


def _step(step: Any) -> float:
    exact = number(step, "step")
    if not SMALLEST_STEP <= exact <= 1 / SMALLEST_STEP:
        raise BadInput(f"step: {shown(step)} is not a positive double; the published experiments use 5e-5.")
    return float(exact)


def _doubles(values: np.ndarray, where: str) -> np.ndarray:
    try:
        return FLOAT.array(values)
    except OverflowError as error:
        raise BadInput(
            f"{where}: an entry is beyond double precision; rescale the data for gradient descent."
        ) from error


def _start(problem: Problem, delta: Fraction) -> np.ndarray:
    if not SMALLEST_DELTA <= delta <= 1 / SMALLEST_DELTA:
        raise BadInput(
            "delta: gradient descent runs in double precision and needs 1e-140 <= delta <= 1e140; the "
            "reference flow takes any."
        )
    # Divided by the largest entry first, exactly, so that no entry overflows.
    largest = max(abs(value) for value in problem.direction)
    direction = FLOAT.array(np.array([value / largest for value in problem.direction], dtype=object))
    return float(delta) * direction / np.linalg.norm(direction)


def _select(problem: Problem) -> Select | None:
    """The cell from signs without a detour through exact coefficients, which takes 95 % of the time of a
    small net.
    """
    network = problem.network
    if not isinstance(network, FeedForward):
        return None
    off = float(network.activation.off)

    def select(layer: int, z: Any) -> np.ndarray:
        return np.where(z > 0, 1.0, off)

    return select
