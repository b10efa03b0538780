"""Numbers of the grid in a subspace of symmetric starts: what floats propose is rounded to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from certflow.flow.enclose.within import Invariant, Orthogonal


@dataclass(frozen=True)
class Lattice:
    """The integer combinations of the basis of a subspace."""

    space: Invariant

    @cached_property
    def orthonormal(self) -> np.ndarray:
        """An orthonormal basis in its columns, in floats."""
        return np.linalg.qr(self.space.basis.T.astype(float))[0]

    @cached_property
    def components(self) -> list[list[int]]:
        """The parts that normals join, the first one of each list tells the others."""
        owner = list(range(self.space.count))
        for normal in self.space.normals:
            own = sorted({int(k) // self.space.size for k in np.flatnonzero(normal)})
            least = min(owner[j] for j in own)
            joined = {owner[j] for j in own}
            owner = [least if each in joined else each for each in owner]
        return [[j for j, each in enumerate(owner) if each == first] for first in sorted(set(owner))]

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """About the nearest point to one of floats (parts × weights) that is an integer combination of the
        basis.
        """
        y = np.rint(np.linalg.lstsq(self.space.basis.T.astype(float), values.reshape(-1), rcond=None)[0])
        return (y.astype(np.int64) @ self.space.basis).reshape(self.space.count, self.space.size)

    def orders(self, samples: int) -> dict[int, np.ndarray]:
        """For a group of neurons, of each one: its kink argument on sample i is that of the first of its
        component on sample `order[i]`.
        """
        found = {own[0]: np.arange(samples) for own in self.components}
        while len(found) < self.space.count:  # ends: one more is found, as symmetries join them
            for each in self.space.symmetries:
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
        table = self.space.basis.reshape(self.space.dimension, self.space.count, self.space.size)[:, own]
        table = table[table.any(axis=(1, 2))]
        y = np.rint(np.linalg.lstsq(table[:, 0].T.astype(float), values.T, rcond=None)[0]).astype(np.int64)
        return [y.T @ table[:, k] for k in range(len(own))]
