"""Where a proposed curve starts: the initial direction of a group on the grid, and what is decided on the exact direction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.flow.curve import Grid
from certflow.flow.endings import Ending
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem

Array = Any
Indices = tuple[int, ...]
Group = tuple[Indices, ...]

_DOUBTFUL = 2.0**-20


def is_shallow(problem: Problem) -> bool:
    """Whether only the last two layers are trained, so that the parts are neurons on fixed features."""
    network = problem.network
    return isinstance(network, FeedForward) and min(network.trained) >= network.depth - 1


def start_of(problem: Problem, group: Group, grid: int) -> Grid:
    """The initial weights of the group, divided by their norm and rounded to the grid."""
    values = [[problem.direction[i] for i in part] for part in group]
    common = math.lcm(*(v.denominator for row in values for v in row))
    whole = [[v.numerator * (common // v.denominator) for v in row] for row in values]
    square = sum(v * v for row in whole for v in row)
    if square == 0:
        return tuple((0,) * len(row) for row in whole)
    root = math.isqrt(square << 256)
    return tuple(tuple(((v << (grid + 129)) // root + 1) // 2 for v in row) for row in whole)


def start_signs(problem: Problem, group: Group, z: Array) -> Array:
    """The signs of the kink arguments (as `Field.kinks`) of the initial weights: `z`, those on the grid, tell the clear
    ones, the exact direction all others."""
    signs, doubtful = np.sign(z), ~(np.abs(z) > _DOUBTFUL * np.abs(z).max(initial=0.0))
    network = problem.network
    if not doubtful.any() or not isinstance(network, FeedForward):
        return signs
    if not is_shallow(problem):
        kinks = network.forward(EXACT, problem.direction, problem.X).kinks
        return np.concatenate([np.sign(layer.T.reshape(-1).astype(object)) for layer in kinks]).astype(float)[None]
    X = network.features(problem.X)
    for part, sample in np.argwhere(doubtful):
        inner = sum(v * problem.direction[w] for v, w in zip(X[sample], group[part], strict=False))
        signs[part, sample] = (inner > 0) - (inner < 0)
    return signs


def at_kkt_point(problem: Problem, group: Group) -> Ending | None:
    """Whether the initial direction is exactly a KKT point of the group's NCF, or one where its gradient vanishes."""
    network = problem.network
    own = [i for part in group for i in part]
    direction = np.array([v if i in set(own) else v * 0 for i, v in enumerate(problem.direction)], dtype=object)
    G = network.pullback(network.forward(EXACT, direction, EXACT.array(problem.X)), EXACT.array(problem.z))
    w, g = [direction[i] for i in own], [G[i] for i in own]
    if not any(g):
        return Ending.NO_GRADIENT_AT_START
    inner, square = sum(a * b for a, b in zip(w, g, strict=True)), sum(a * a for a in w)
    return Ending.KKT_START if all(b * square == a * inner for a, b in zip(w, g, strict=True)) else None
