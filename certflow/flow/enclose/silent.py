"""Samples that a neuron never sees: they are inactive at its start, and what else acts on it is orthogonal to
them or on their line (L12.23). Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from certflow.algebra.directions import dot, parallel
from certflow.flow.curve import GroupWeights
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem
from certflow.running import tick


def silent_samples(problem: Problem, group: GroupWeights, start_angle: Fraction) -> tuple[int, ...]:
    """The samples that are inactive for ever for a group that is one neuron, from every start within
    `start_angle`: as many as are proved to be (L12.23).
    """
    network = problem.network
    if not isinstance(network, FeedForward) or not network.is_sum_of_neurons or len(group) > 1:
        return ()
    if network.activation.alpha != 0 or network.activation.power < 2:
        return ()
    X, w = [list(x) for x in network.features(problem.X)], [problem.direction[k] for k in group[0]]
    length2 = sum(v * v for v in problem.direction)
    silent = []
    for i, x in enumerate(X):
        tick()
        inner = sum(a * b for a, b in zip(x, w, strict=False))
        reach2 = start_angle**2 * length2 * dot(x, x)
        if any(x) and inner <= 0 and (not start_angle or inner * inner > reach2):
            silent.append(i)
    count = -1
    while count != len(silent):  # ends: it gets smaller
        tick()
        count, heard = len(silent), [x for i, x in enumerate(X) if i not in set(silent) and any(x)]
        silent = [i for i in silent if all(dot(X[i], x) == 0 or parallel(X[i], x) for x in heard)]
    return tuple(silent)


def without(problem: Problem, silent: Sequence[int]) -> Problem:
    """The problem in which these samples are zero."""
    X = np.array(problem.X)
    X[list(silent)] = Fraction(0)
    return problem.with_numbers(problem.network, X, problem.y, problem.direction)
