"""Eigenvalues and eigenvectors of one symmetric integer matrix M, exact.

The characteristic polynomial comes from `N_0 = I`, `c_k = -tr(M N_(k-1))/k`, `N_k = M N_(k-1) + c_k I`
(Faddeev and Le Verrier; integers all). Let q be the product of x - r over the distinct eigenvalues r, 1, c_1,
..., c_m its coefficients, and N_k as above with these. Then `sum_k N_k r^(m-1-k) = q(M)/(M - r)`, the product
of M - s over the other eigenvalues s: it vanishes on their eigenvectors and is a multiple != 0 of the
identity on those of r. So its columns span the eigenspace of r, and their entries are integer polynomials in
r, whose signs are decided exactly (`Root.sign_of`). If r is an integer they are integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from certflow.algebra.cones import generators
from certflow.algebra.directions import primitive
from certflow.algebra.real_roots import Polynomial, evaluated, real_roots, trimmed
from certflow.arithmetic.ball import Ball
from certflow.running import tick

_FIRST_BITS = 64

Algebraic = tuple[Polynomial, ...]
"""A vector with entries that are polynomials in an eigenvalue; in an integer one they are constants."""


class IntegerSpectrum:
    """The spectrum of the symmetric matrix `matrix` (d × d, integers); `roots` are the distinct
    eigenvalues, ascending (L6.13)."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix
        d = len(matrix)
        self._unit = np.array([[int(i == k) for k in range(d)] for i in range(d)], dtype=object)
        self._adjugate, coefficients = [self._unit], [1]
        for k in range(1, d + 1):
            tick()
            product = matrix @ self._adjugate[-1]
            coefficients.append(-int(product.trace()) // k)
            self._adjugate.append(product + coefficients[-1] * self._unit)
        self.roots = real_roots(tuple(coefficients))
        if len(self.roots) < d:
            self._adjugate = [self._unit]
            for c in self.roots[0].polynomial[1:]:
                self._adjugate.append(matrix @ self._adjugate[-1] + c * self._unit)
        self._adjugate.pop()  # zero, by Cayley and Hamilton
        self._bases: dict[int, list[Algebraic]] = {}

    @cached_property
    def places(self) -> list[int]:
        """For the j-th smallest eigenvalue, counted with multiplicity, its place in `roots`."""
        return [k for k, root in enumerate(self.roots) for _ in range(root.multiplicity)]

    def basis(self, place: int) -> list[Algebraic]:
        """A basis of the eigenspace."""
        if place not in self._bases:
            root = self.roots[place]
            if root.integer is not None and root.multiplicity > 1:
                kernel = generators((), (self.matrix - root.integer * self._unit).tolist(), len(self.matrix))[
                    1
                ]
                self._bases[place] = [constants(line) for line in kernel]
            else:
                self._bases[place] = [self._image(place, column) for column in self._columns(place)]
        return self._bases[place]

    def sign(self, place: int, normal: Sequence[int], vector: Algebraic) -> int:
        """The exact sign of normal . vector for a vector of the eigenspace at this place."""
        return self.roots[place].sign_of(product(normal, vector))

    def _columns(self, place: int) -> list[int]:
        """Independent columns of q(M)/(M - r), one per dimension: in an elimination in balls their pivots are
        not zero.
        """
        bits = _FIRST_BITS
        while True:  # ends: bits double, and the exact pivots are not 0
            tick()
            x = self.roots[place].ball(bits)
            rest = [
                [evaluated(trimmed([int(N[i, k]) for N in self._adjugate]), x) for k in self._range]
                for i in self._range
            ]
            columns: list[int] = []
            for _ in range(self.roots[place].multiplicity):
                tick()
                # Up to a factor the matrix is an orthogonal projection, so its largest diagonal entry is its
                # largest entry.
                best = max(self._range, key=lambda k: abs(rest[k][k].mid()))
                pivot = rest[best][best]
                if pivot.contains(0):
                    break
                columns.append(best)
                row = rest[best]
                rest = [
                    [rest[i][k] - rest[i][best] / pivot * row[k] for k in self._range] for i in self._range
                ]
            if len(columns) == self.roots[place].multiplicity:
                return columns
            bits *= 2

    @property
    def _range(self) -> range:
        return range(len(self.matrix))

    def _image(self, place: int, column: int) -> Algebraic:
        """A column of q(M)/(M - r); coprime integers if r is one."""
        polynomials = tuple(trimmed([int(N[i, column]) for N in self._adjugate]) for i in self._range)
        root = self.roots[place].integer
        if root is None:
            return polynomials
        values = [0 for _ in self._range]
        for N in self._adjugate:
            values = [v * root + int(c) for v, c in zip(values, N[:, column], strict=True)]
        line, _ = primitive(values)
        return constants(line)


def constants(vector: Sequence[int]) -> Algebraic:
    """An integer vector as polynomials."""
    return tuple(trimmed([v]) for v in vector)


def product(normal: Sequence[int], vector: Algebraic) -> Polynomial:
    """normal . vector."""
    return combination(normal, [(entry,) for entry in vector])[0]


def combination(factors: Sequence[int], vectors: Sequence[Algebraic]) -> Algebraic:
    """The sum of the vectors times the factors."""
    sums = []
    for entries in zip(*vectors, strict=True):
        length = max(len(entry) for entry in entries)
        total = [0] * length
        for factor, entry in zip(factors, entries, strict=True):
            if factor:
                for k, c in enumerate(entry, start=length - len(entry)):
                    total[k] += factor * c
        sums.append(trimmed(total))
    return tuple(sums)


def enclosed(vector: Algebraic, root: Ball) -> list[Ball]:
    """The entries at the root."""
    return [evaluated(entry, root) for entry in vector]
