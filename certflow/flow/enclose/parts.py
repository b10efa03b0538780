"""The parts of a group as networks that can be evaluated many at a time: one neuron each, or one deep
network.

Where only the last two layers are trained, H is a sum of neurons of the last hidden layer on fixed features,
and N and its derivatives split into these parts. Any list of (part, region) pairs is then one *wide* network
with one neuron per pair, so that a whole tube is enclosed in a few array operations.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.algebra.directions import dot, primitive
from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.flow.curve import GroupWeights
from certflow.flow.enclose.within import Invariant
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import tick

LARGEST_PART = 400
"""What the checker evaluates; a neuron with 399 inputs, or a deep network with 400 weights."""

_NEURONS_AT_ONCE = 512


class OverlapActivation(Activation):
    """The activation on polynomials, with what it costs that a branch is continued past its kink (L3.3).

    A cell is a pair (branch coefficients, overlap): where the kink argument leaves the branch's side by at
    most zeta, the true activation differs by at most |1 - off| zeta^p and its derivative by at most |1 - off|
    p zeta^(p-1) (L3).
    """

    def derivative(self, cell: Any, z: Any, times: int = 0) -> Any:
        """As for `Activation`, widened by the cost of the overlap; only times 0 and 1."""
        branch, overlap = cell
        value = super().derivative(branch, z, times)
        if overlap is None:
            return value
        jump = MIDRAD.number(abs(1 - self.off))
        cost = jump * (overlap**self.power if times == 0 else overlap ** (self.power - 1) * self.power)
        return value.with_error(cost.upper())


@dataclass(frozen=True)
class Parts:
    """The parts `indices` (weight indices of each) of one group of a problem: `count` parts of `size`
    weights.

    `own` is the network of the group, and `N` its NCF: of a group of neurons these neurons on their features,
    otherwise there is one part, the whole `network` of the problem. Only directions `within` a subspace are
    meant where there is one.
    """

    problem: Problem
    indices: GroupWeights
    network: FeedForward
    own: FeedForward
    N: Correlation
    within: Invariant | None = None

    @property
    def count(self) -> int:
        """The number of parts."""
        return len(self.indices)

    @property
    def size(self) -> int:
        """The number of weights of one part."""
        return len(self.indices[0])

    @property
    def X(self) -> np.ndarray:
        """The exact samples of N (n × d)."""
        return self.N.X

    @property
    def shallow(self) -> bool:
        """Whether the parts are neurons."""
        return self.network.is_sum_of_neurons

    @property
    def rotations(self) -> dict[int, np.ndarray]:
        """Hidden layer -> the weights of its neurons, where these can be rotated within the group."""
        return {} if self.shallow else self.network.rotations

    @property
    def first_trained(self) -> bool:
        """Whether the first kink arguments move with the weights."""
        return 1 in self.own.trained

    @property
    def outgoing(self) -> tuple[Fraction, ...]:
        """The output weights of neurons that only have given ones."""
        given = self.own.given.get(self.own.depth) if self.shallow else None
        return () if given is None else tuple(given[0])

    @functools.cached_property
    def _lines(self) -> list[tuple[list[int], list[int]]]:
        """The samples on each line through 0 on which there is more than one: those on one side, and those on
        the other.
        """
        lines: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
        for i, x in enumerate(self.N.X):
            tick()
            if any(x):
                normal, scale = primitive(list(x))
                lines.setdefault(normal, ([], []))[scale < 0].append(i)
        return [line for line in lines.values() if len(line[0]) + len(line[1]) > 1]

    def crossed(self, met: np.ndarray) -> np.ndarray:
        """Which kinks (samples × entries) are met where `met` are: all whose samples lie on one line."""
        if met.any():
            for on, opposite in self._lines:
                met[on + opposite] = met[on + opposite].any(axis=0)
        return met

    @functools.cached_property
    def steeper_sides(self) -> np.ndarray:
        """For neurons of power 2 with given output weights: on which side of the kink of a sample, of all on
        its line, the second derivative of N is largest: whether that sample is active there (samples × parts)
        (L3.1).
        """
        X, z = self.N.X, self.N.z
        on = np.array([v > 0 for v in z])
        for line in self._lines:
            tick()
            sums = [sum((z[i] * dot(X[i], X[i]) for i in side), Fraction(0)) for side in line]
            on[line[0]], on[line[1]] = sums[0] >= sums[1], sums[0] < sums[1]
        return on[:, None] == np.array([v > 0 for v in self.outgoing])

    def wide(self, places: np.ndarray, overlap: bool = False) -> Correlation:
        """N of one neuron per entry of `places`, each one of the parts; of a deep group (one entry) N
        itself.
        """
        network, activation = (
            self.own.part(places.tolist()) if self.shallow else self.own,
            self.own.activation,
        )
        if overlap:
            network = network.with_activation(OverlapActivation(activation.alpha, activation.power))
        return self.N.seen_by(network)

    def joined(self, weights: np.ndarray) -> np.ndarray:
        """Weights (parts × weights) as the blocks of their Hessians are: within a subspace there is one."""
        return weights if self.within is None else weights.reshape(1, -1)

    def flat(self, weights: Any) -> Any:
        """Weights (entries × size) as the weight vector of `wide`."""
        if not self.shallow:
            return weights[0]
        d = self.X.shape[1]
        rows = weights[:, :d].reshape(-1)
        return rows if self.size == d else np.concatenate([rows, weights[:, d]])

    def unflat(self, vector: Any, entries: int) -> Any:
        """The inverse of `flat`; leading axes stay."""
        lead = tuple(vector.shape[:-1])
        if not self.shallow:
            return vector.reshape(*lead, 1, self.size)
        d = self.X.shape[1]
        rows = vector[..., : entries * d].reshape(*lead, entries, d)
        if self.size == d:
            return rows
        return np.concatenate([rows, vector[..., entries * d :].reshape(*lead, entries, 1)], axis=-1)

    def chunks(self, entries: int, multiple: int) -> Iterator[slice]:
        """Slices of `entries` that are evaluated at once, each a whole number of `multiple`."""
        step = max(1, _NEURONS_AT_ONCE // multiple) * multiple if self.shallow else 1
        for start in range(0, entries, step):
            tick()
            yield slice(start, min(start + step, entries))

    def colours(self, entries: int) -> np.ndarray:
        """Directions (size × weights of `wide`): direction i moves weight i of every entry, so that one
        product with the Hessian gives a column of every diagonal block.
        """
        if not self.shallow:
            return np.eye(self.size, dtype=int)
        unit = np.eye(self.size, dtype=int)[:, None].repeat(entries, axis=1)
        return np.array([self.flat(each) for each in unit])


def parts_of(problem: Problem, indices: GroupWeights) -> Parts:
    """The parts of the group with these weight indices.

    Raises `Inconclusive` for networks whose gradient is not locally Lipschitz, and for expressions.
    """
    network = problem.network
    if not isinstance(network, FeedForward):
        raise Inconclusive(
            "certified flows exist for one-layer, two-layer and feed-forward networks, not for expressions "
            "yet."
        )
    if network.activation.has_kink and network.activation.power < 2 and network.depth > 1:
        raise Inconclusive(
            "the gradient jumps at kinks of activations of power 1; certified flows need power 2 or more, or "
            "alpha = 1."
        )
    if len(indices[0]) > LARGEST_PART:
        raise Inconclusive(
            f"a part of the network has {len(indices[0])} weights; certificates are checked for parts of at "
            f"most {LARGEST_PART}."
        )
    own, N = network, problem.correlation
    if network.is_sum_of_neurons:
        neurons = network.part([network.blocks.index(part) for part in indices])
        own, N = neurons.without_features(), N.seen_by(neurons).on_features()
    return Parts(problem, indices, network, own, N)


def branches(activation: Activation, z: Any) -> tuple[MidRad, MidRad | None]:
    """The overlap cell of polynomial kink arguments: the branch of each at y = 1/2, and how far each
    leaves its side (L3.3)."""
    on = z.middle_values() > 0
    branch = MIDRAD.array(activation.coefficients(EXACT, np.where(on, 1, -1)))
    if not activation.has_kink:
        return branch, None
    low, high = bernstein_range(z)
    overlap = np.where(on, np.maximum(0.0, -low), np.maximum(0.0, high))
    return branch, MidRad.exact(overlap) if overlap.any() else None


def bernstein_range(z: Any) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of polynomials on [0, 1]: the smallest and largest Bernstein coefficient, sharp at both ends
    (L3.3).

    Sharpness at the ends matters: a piece that begins or ends at a kink must not seem to overlap it.
    """
    n = z.degree
    coefficients = _bernstein_basis(n) @ z.coefficients.reshape(n + 1, -1)
    return coefficients.lower().min(axis=0).reshape(z.shape), coefficients.upper().max(axis=0).reshape(
        z.shape
    )


@functools.lru_cache(maxsize=128)
def _bernstein_basis(n: int) -> MidRad:
    """The matrix that takes coefficients of degree n to those in Bernstein's basis."""
    basis = [[Fraction(math.comb(i, k), math.comb(n, k)) for k in range(n + 1)] for i in range(n + 1)]
    return MIDRAD.array(np.array(basis, dtype=object))
