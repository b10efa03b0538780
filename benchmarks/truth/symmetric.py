"""Starts that are exactly symmetric: the flow in the subspace that it does not leave, and the gaps in there.

What is looked for are exchanges of neurons, and changes of sign and exchanges of inputs, that leave the
problem and its start as they are; and samples that are orthogonal to a neuron and to all other samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

import numpy as np

from .extended import LD, exact, length
from .flows import Flow
from .networks import Net

Images = list[tuple[int, int]]
"""Of each weight, or input, whose place it takes and with which sign."""
Orders = dict[int, list[int]]
"""Of each neuron of a layer, whose place it takes."""


class Symmetry:
    """The subspace of the weights with the symmetries of a net with layers, the first of which is trained."""

    def __init__(self, net: Net) -> None:
        self.net, self.layers = net, net.layers
        self.start = [exact(v) for v in net.record["direction"]]
        data = net.record["data"]
        self.X = [[exact(v) for v in row] for row in data["X"]]
        self.samples = list(zip(map(tuple, self.X), map(exact, data["y"]), strict=True))
        found = [(self._moved(*each), *each) for each in self._candidates()]
        self.images = [images for images, turn, orders in found if self._fits(images, turn, orders)]
        self.across = self._orthogonal()

    def space(self, weights: Sequence[int]) -> np.ndarray:
        """Orthonormal rows that span the subspace of a block, of the symmetries that keep the block."""
        inside = [each for each in self.images if all(each[w][0] in weights for w in weights)]
        P = np.array(
            [self._projected(e, inside)[list(weights)] for e in np.eye(self.net.size)[list(weights)]]
        )
        values, vectors = np.linalg.eigh(((P + P.T) / 2).astype(float))
        return vectors[:, values > 0.5].T.astype(LD)

    def projected(self, u: np.ndarray) -> np.ndarray:
        """The nearest point of the subspace."""
        return self._projected(u, self.images)

    def _projected(self, u: np.ndarray, images: list[Images]) -> np.ndarray:
        u = np.array(u, dtype=LD)
        for own, v in self.across:
            u[own] -= (u[own] @ v) * v
        orbits: dict[int, dict[int, int]] = {}
        for w in range(len(u)):
            if not any(w in orbit for orbit in orbits.values()):
                orbits[w] = self._orbit(w, images)
        for orbit in orbits.values():
            own = list(orbit)
            signs = np.array([orbit[w] for w in own])
            # A weight that is its own negative is zero.
            u[own] = signs * (signs * u[own]).sum() / len(own)
        return u

    def _orbit(self, first: int, images: list[Images]) -> dict[int, int]:
        found, new, zero = {first: 1}, [first], False
        while new:
            w = new.pop()
            for each in images:
                other, sign = each[w]
                if other not in found:
                    found[other] = found[w] * sign
                    new.append(other)
                zero |= found[other] != found[w] * sign
        return dict.fromkeys(found, 0) if zero else found

    def _candidates(self) -> Iterator[tuple[Images, Orders]]:
        """Turns of the inputs, with the orders of the neurons of hidden layers."""
        widths, inputs = self.layers.widths, range(self.layers.widths[0])
        for l in range(1, self.layers.depth):
            for a, b in combinations(range(widths[l]), 2):
                yield [(k, 1) for k in inputs], {l: _swapped(widths[l], a, b)}
        turns = [[(k, -1 if k == j else 1) for k in inputs] for j in inputs]
        for a, b in combinations(inputs, 2):
            order = _swapped(len(inputs), a, b)
            turns += [[(order[k], sign if k in (a, b) else 1) for k in inputs] for sign in (1, -1)]
        for turn in turns:
            for order in permutations(range(widths[1])):
                yield turn, {1: list(order)}

    def _moved(self, turn: Images, orders: Orders) -> Images:
        """The images of all weights."""
        images: Images = []
        widths = self.layers.widths
        for l in self.layers.trained:
            first, (rows, columns) = self.layers.places[l][0], self._orders(l, orders)
            for a in range(widths[l]):
                for b in range(widths[l - 1]):
                    c, sign = turn[b] if l == 1 else (columns[b], 1)
                    images.append((first + rows[a] * widths[l - 1] + c, sign))
        return images

    def _orders(self, l: int, orders: Orders) -> list[list[int]]:
        """Those of the rows and the columns of a layer."""
        return [orders.get(k, list(range(self.layers.widths[k]))) for k in (l, l - 1)]

    def _fits(self, images: Images, turn: Images, orders: Orders) -> bool:
        """Whether the start, the samples with their labels, and given layers stay as they are."""
        if any(self.start[w] != sign * self.start[other] for w, (other, sign) in enumerate(images)):
            return False
        for l, given in self.layers.exact_given.items():
            rows, columns = self._orders(l, orders)
            if [[given[a][b] for b in columns] for a in rows] != given:
                return False
        turned = [(tuple(sign * x[c] for c, sign in turn), y) for x, y in self.samples]
        return Counter(turned) == Counter(self.samples)

    def _orthogonal(self) -> list[tuple[list[int], np.ndarray]]:
        """The weights of neurons and unit vectors, orthogonal to each other, to which they are orthogonal."""
        found: list[tuple[list[int], np.ndarray]] = []
        if self.layers.p < 2:
            return found
        d = self.layers.widths[0]
        for j in range(self.layers.widths[1]):
            own = list(range(j * d, (j + 1) * d))
            row, mine = [self.start[w] for w in own], list[np.ndarray]()
            for x in self.X:
                near = [x]
                for _ in self.X:
                    near = [y for y in self.X if any(_dot(y, z) for z in near)]
                if any(x) and not any(_dot(row, y) for y in near):
                    v = np.array([LD(c.numerator) / LD(c.denominator) for c in x])
                    for other in mine:
                        v = v - (v @ other) * other
                    size = np.sqrt(sum(LD(float(c * c)) for c in x))
                    if length(v) > 1e-12 * size:
                        mine.append(v / length(v))
            found += [(own, v) for v in mine]
        return found


def _swapped(count: int, a: int, b: int) -> list[int]:
    order = list(range(count))
    order[a], order[b] = b, a
    return order


def _dot(u: Sequence[Fraction], v: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


class SymmetricFlow(Flow):
    """A trajectory from a symmetric start: what rounding adds outside of its subspace is taken away."""

    def __init__(self, net: Net, *more: Any, **kinds: Any) -> None:
        super().__init__(net, *more, **kinds)
        self.symmetry = Symmetry(net)

    def step(self, longest: Any = None) -> None:
        """One step. Raises `Stuck`."""
        super().step(longest)
        self.u = self.symmetry.projected(self.u)
