"""Subspaces in which a start lies and which the flow and the limit flow cannot leave, by an exact symmetry or
because no sample pushes out of them: then only directions within them matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from certflow.arithmetic.directed import up
from certflow.arithmetic.eigenvalues import symmetric_norm_upper
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.exact import format_rational

_WEIGHT = 16
"""How much more than the largest Hessian normals weigh, at least."""


@dataclass(frozen=True)
class Generator:
    """A symmetry of a problem: `inputs`, an orthogonal matrix on the features (None: none is turned), which
    takes sample i to sample `samples[i]`, and for hidden layers the neuron that takes the place of each one.
    """

    inputs: tuple[tuple[Fraction, ...], ...] | None
    samples: tuple[int, ...] | None
    neurons: tuple[tuple[int, tuple[int, ...]], ...]

    def to_json(self) -> dict[str, Any]:
        """Its entry in a certificate."""
        rows = None if self.inputs is None else [[format_rational(v) for v in row] for row in self.inputs]
        samples = None if self.samples is None else list(self.samples)
        return {
            "inputs": rows,
            "samples": samples,
            "neurons": {str(layer): list(order) for layer, order in self.neurons},
        }


@dataclass(frozen=True)
class Orthogonal:
    """Neurons of the first trained layer that stay orthogonal to `vectors`, because every sample is
    orthogonal to these, or a combination of them and so to the neurons.
    """

    vectors: tuple[tuple[Fraction, ...], ...]
    neurons: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Its entry in a certificate."""
        rows = [[format_rational(v) for v in row] for row in self.vectors]
        return {"orthogonal": rows, "neurons": list(self.neurons)}


@dataclass(frozen=True)
class Invariant:
    """The part of such a subspace that belongs to one group of `count` parts of `size` weights: all weights,
    part by part, that are orthogonal to the integer `normals`; the integer `basis` spans it.
    """

    symmetries: tuple[Generator | Orthogonal, ...]
    normals: np.ndarray
    basis: np.ndarray
    count: int
    size: int

    @property
    def dimension(self) -> int:
        """That of the subspace."""
        return len(self.basis)

    @cached_property
    def orthonormal(self) -> np.ndarray:
        """An orthonormal basis in its columns, in floats."""
        return np.linalg.qr(self.basis.T.astype(float))[0]

    @cached_property
    def components(self) -> list[list[int]]:
        """The parts that normals join, the first one of each list tells the others."""
        owner = list(range(self.count))
        for normal in self.normals:
            own = sorted({int(k) // self.size for k in np.flatnonzero(normal)})
            least = min(owner[j] for j in own)
            joined = {owner[j] for j in own}
            owner = [least if each in joined else each for each in owner]
        return [[j for j, each in enumerate(owner) if each == first] for first in sorted(set(owner))]

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """About the nearest point to one of floats (parts × weights) that is an integer combination of the
        basis.
        """
        y = np.rint(np.linalg.lstsq(self.basis.T.astype(float), values.reshape(-1), rcond=None)[0])
        return (y.astype(np.int64) @ self.basis).reshape(self.count, self.size)

    def orders(self, samples: int) -> dict[int, np.ndarray]:
        """For a group of neurons, of each one: its kink argument on sample i is that of the first of its
        component on sample `order[i]`.
        """
        found = {own[0]: np.arange(samples) for own in self.components}
        while len(found) < self.count:  # ends: one more is found, as the symmetries join what normals join
            for each in self.symmetries:
                if isinstance(each, Orthogonal):
                    continue
                turned = np.arange(samples) if each.samples is None else np.array(each.samples)
                for _, order in each.neurons:
                    for a, b in enumerate(order):
                        if b in found and a not in found:
                            found[a] = found[b][turned]
        return found

    def spread(self, part: int, values: np.ndarray) -> list[np.ndarray]:
        """About the nearest integer points to those of floats (any number × weights) of this part, the first
        of the parts that normals join, and with them those of all these parts.
        """
        (own,) = (each for each in self.components if each[0] == part)
        table = self.basis.reshape(self.dimension, self.count, self.size)[:, own]
        table = table[table.any(axis=(1, 2))]
        y = np.rint(np.linalg.lstsq(table[:, 0].T.astype(float), values.T, rcond=None)[0]).astype(np.int64)
        return [y.T @ table[:, k] for k in range(len(own))]

    def restricted(self, A: MidRad, loss: np.ndarray) -> tuple[MidRad, np.ndarray]:
        """Hessians (places × parts × weights × weights) and bounds of their radii (places × parts) as those
        of one part each, minus so much of the squares of the normals that what is outside of the subspace
        does not count (L12.13).
        """
        places, total = len(loss), self.count * self.size
        mid, rad = (np.zeros((places, 1, total, total)) for _ in range(2))
        for j in range(self.count):
            own = slice(j * self.size, (j + 1) * self.size)
            mid[:, 0, own, own], rad[:, 0, own, own] = A.mid[:, j], A.rad[:, j]
        form = (self.normals.T @ self.normals).astype(float)
        sizes = np.abs(mid).sum(axis=-1).max(axis=(-2, -1))
        tau = np.array([self._weight(float(each)) for each in sizes])
        worst = loss.max(axis=1, keepdims=True)
        # A part of which less is unknown than of the worst one is as far below.
        below = np.repeat((worst - loss) * (1 - 2.0**-50), self.size, axis=1)
        lifted = MidRad.exact(mid) - MidRad.exact(form)[None, None] * MidRad.exact(tau)[:, None, None, None]
        lifted = lifted - MidRad.exact(np.eye(total)[None, None] * below[:, None, None, :])
        worst = up(worst + symmetric_norm_upper(lifted.rad))
        return MidRad(lifted.mid, up(lifted.rad + rad)), worst

    @cached_property
    def _least(self) -> float:
        """The smallest square of a singular value of the normals."""
        return float(np.linalg.svd(self.normals.astype(float), compute_uv=False)[-1]) ** 2

    def _weight(self, size: float) -> float:
        """A power of two, so that multiplying by it is exact."""
        return 0.0 if size == 0 else 2.0 ** math.frexp(_WEIGHT * size / self._least)[1]


def invariant(
    symmetries: Iterable[Generator | Orthogonal],
    normals: Iterable[dict[int, Fraction]],
    count: int,
    size: int,
) -> Invariant | None:
    """The subspace of all vectors that are orthogonal to the normals, given by their entries; None without
    any, or if its numbers are too large.
    """
    dense = (
        np.array([each.get(k, Fraction(0)) for k in range(count * size)], dtype=object) for each in normals
    )
    rows = independent(dense)
    if not rows:
        return None
    places = [int(np.flatnonzero(row)[0]) for row in rows]
    basis = []
    for k in range(count * size):
        if k not in places:
            vector = np.array([Fraction(m == k) for m in range(count * size)], dtype=object)
            vector[places] = [-row[k] for row in rows]
            basis.append(vector)
    whole = [np.array([_whole(each) for each in own], dtype=object) for own in (rows, basis)]
    if not basis or max(abs(int(v)) for own in whole for v in own.flat) > 2**10:
        return None
    return Invariant(tuple(symmetries), whole[0].astype(np.int64), whole[1].astype(np.int64), count, size)


def independent(vectors: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Vectors with the same span, each with a 1 as its first entry where all others have 0."""
    rows: list[np.ndarray] = []
    for row in vectors:
        for other in rows:
            row = row - row[np.flatnonzero(other)[0]] * other
        found = np.flatnonzero(row)
        if len(found):
            row = row / row[found[0]]
            rows = [other - other[found[0]] * row for other in rows] + [row]
    return rows


def _whole(vector: np.ndarray) -> list[int]:
    unit = math.lcm(*(Fraction(v).denominator for v in vector))
    return [int(v * unit) for v in vector]
