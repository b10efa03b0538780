"""Subspaces in which a start lies and which the flow and the limit flow cannot leave, by an exact symmetry or
because no sample pushes out of them: then only directions within them matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
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
        # Each normal is at least 1 where all others are 0; with powers of two products are exact.
        tau = np.array([2.0 ** math.frexp(_WEIGHT * float(each))[1] for each in sizes])
        worst = loss.max(axis=1, keepdims=True)
        # A part of which less is unknown than of the worst one is as far below.
        below = np.repeat((worst - loss) * (1 - 2.0**-50), self.size, axis=1)
        lifted = MidRad.exact(mid) - MidRad.exact(form)[None, None] * MidRad.exact(tau)[:, None, None, None]
        lifted = lifted - MidRad.exact(np.eye(total)[None, None] * below[:, None, None, :])
        worst = up(worst + symmetric_norm_upper(lifted.rad))
        return MidRad(lifted.mid, up(lifted.rad + rad)), worst


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
