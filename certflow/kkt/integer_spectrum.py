"""Eigenvalues and eigenvectors of one symmetric integer matrix M, exact.

With p(x) = det(x I - M), the adjugate is `adj(x I - M) = sum_k N_k x^(d-1-k)`, N_0 = I, `N_k = M N_(k-1) + c_k I`, where
`c_k = -tr(M N_(k-1))/k` are the coefficients of p (Faddeev and Le Verrier; integers all). At a simple eigenvalue r with unit
eigenvector v it is `p'(r) v v^T`. So each of its columns that is not zero at r is an eigenvector whose entries are integer
polynomials in r, and the sign of its product with an integer vector is decided exactly (`Root.sign_of`). If r is an integer,
it is rational.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.kkt.neuron import Normal, primitive
from certflow.kkt.real_roots import evaluated, real_roots, trimmed

_FIRST_BITS = 64


class Spectrum:
    """The spectrum of the symmetric matrix `M` (d × d, integers); `roots` are the distinct eigenvalues, ascending."""

    def __init__(self, M: np.ndarray) -> None:
        self.matrix = M
        d = len(M)
        unit = np.array([[int(i == k) for k in range(d)] for i in range(d)], dtype=object)
        self._adjugate, coefficients = [unit], [1]
        for k in range(1, d + 1):
            product = M @ self._adjugate[-1]
            coefficients.append(-int(product.trace()) // k)
            self._adjugate.append(product + coefficients[-1] * unit)
        self.roots = real_roots(tuple(coefficients))
        self._columns: dict[int, int] = {}

    @cached_property
    def places(self) -> list[int]:
        """For the j-th smallest eigenvalue, counted with multiplicity, its place in `roots`."""
        return [k for k, root in enumerate(self.roots) for _ in range(root.multiplicity)]

    def sign(self, place: int, normal: Sequence[int]) -> int:
        """The exact sign of normal . v for the eigenvector v (see `vector`) of the simple eigenvalue at this place."""
        column = self._column(place)
        entries = [sum(int(c) * h for c, h in zip(N[:, column], normal, strict=True)) for N in self._adjugate[:-1]]
        return self.roots[place].sign_of(trimmed(entries))

    def vector(self, place: int, bits: int) -> list[Ball]:
        """An eigenvector v of the simple eigenvalue at this place, not of length 1, always the same one."""
        column = self._column(place)
        x = self.roots[place].ball(bits)
        return [evaluated(tuple(int(N[i, column]) for N in self._adjugate[:-1]), x) for i in range(len(self.matrix))]

    def exact_vector(self, place: int) -> Normal:
        """A positive multiple of `vector` in coprime integers; the eigenvalue is simple, and an integer (else `ValueError`)."""
        root = self.roots[place].integer
        if root is None:
            raise ValueError("only integer eigenvalues have rational eigenvectors")
        values = [0] * len(self.matrix)
        for N in self._adjugate[:-1]:
            values = [v * root + int(c) for v, c in zip(values, N[:, self._column(place)], strict=True)]
        line, scale = primitive(values)
        return line if scale > 0 else tuple(-v for v in line)

    def _column(self, place: int) -> int:
        """A column of the adjugate that is not zero at the simple eigenvalue: the one with about the largest diagonal entry."""
        if place not in self._columns:
            bits = _FIRST_BITS
            while place not in self._columns:
                x = self.roots[place].ball(bits)
                d = range(len(self.matrix))
                diagonal = [evaluated(tuple(int(N[i, i]) for N in self._adjugate[:-1]), x) for i in d]
                best = max(d, key=lambda i: abs(diagonal[i].mid()))
                if diagonal[best].sign() != UNKNOWN:
                    self._columns[place] = best
                bits *= 2
        return self._columns[place]
