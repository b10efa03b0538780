"""The nonlinear operations on series: products, quotients, exponentials, square roots, each by its recurrence."""

from __future__ import annotations

from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.jets import ZERO, Constant, JetArray
from certflow.outcome import Inconclusive

LARGEST = gmpy2.mpfr("1e10000")
"""Values of functions beyond this are not held in fixed point."""


class Product(JetArray):
    """Elementwise product of two series arrays, optionally times a constant cell.

    Only entries that can be nonzero are computed: those where the cell, and every factor that is itself a product
    with a cell, is nonzero. Rows of coefficients of the live entries are kept side by side for the dot products.
    """

    def __init__(self, a: JetArray, b: JetArray, cell: Constant | None = None) -> None:
        shape = np.broadcast_shapes(a.shape, b.shape, () if cell is None else cell.shape)
        super().__init__(a.ar, shape, (a,) if a is b else (a, b))
        self._factors, self._cell = (a, b), cell
        live = np.ones(shape, dtype=bool)
        for factor in (a, b, cell):
            if factor is not None and hasattr(factor, "nonzero"):
                live = live & factor.nonzero
        self.nonzero = live
        self._where = None if live.all() else np.flatnonzero(live)
        self._scale: np.ndarray | None = None
        if cell is not None and not (cell.integers is not None and all(v in (0, 1) for v in cell.integers.ravel())):
            whole = np.broadcast_to(cell.values, shape).reshape(-1)
            self._scale = whole if self._where is None else whole[self._where]
        self._flat = self.coefficients.reshape(self.coefficients.shape[0], -1)
        self._left = self._rows(a)
        self._right = self._left if a is b else self._rows(b)
        # Pairs of rows and the factor to gather them from, where they are not the factor's own memory.
        distinct = [(self._left, a)] if a is b else [(self._left, a), (self._right, b)]
        self._copied = [(rows, c) for rows, c in distinct if not np.may_share_memory(rows, c.coefficients)]

    def _rows(self, factor: JetArray) -> np.ndarray:
        """The live entries' coefficients, (order + 1, live): the factor's own memory if every entry is live."""
        c = factor.coefficients
        if self._where is None and factor.shape == self.shape and c.flags.c_contiguous:
            return c.reshape(c.shape[0], -1)
        return np.empty((c.shape[0], self.size if self._where is None else len(self._where)), dtype=object)

    def scaled(self, constant: Constant) -> JetArray:
        if self._cell is not None or constant.is_one_for(self.shape):
            return super().scaled(constant)
        return Product(self._factors[0], self._factors[1], constant)

    def _gather(self, rows: np.ndarray, factor: JetArray, n: int) -> None:
        row = factor.coefficients[n]
        if row.shape != self.shape:
            row = np.broadcast_to(row, self.shape)
        rows[n] = row.reshape(-1) if self._where is None else row.reshape(-1)[self._where]

    def extend(self, n: int) -> None:
        left, right = self._left, self._right
        for rows, factor in self._copied:
            self._gather(rows, factor, n)
        if left is right:
            # A square: each pair of orders once.
            half = (n + 1) // 2
            raw = _dots(left[:half], left[n : n - half : -1]) * 2 if half else left[0] * left[0]
            if n and n % 2 == 0:
                raw = raw + left[half] * left[half]
        else:
            raw = _dots(left[: n + 1], right[n::-1])
        value = raw >> self.ar.bits
        if self._scale is not None:
            value = (value * self._scale) >> self.ar.bits
        if self._where is None:
            self._flat[n] = value
        else:
            self._flat[n, self._where] = value


def _dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The dot product of each column of a with the same column of b (numpy's object matmul is the fastest loop there is)."""
    return np.matmul(a.T[:, None, :], b.T[:, :, None])[:, 0, 0]


class MatrixProduct(JetArray):
    """A matrix product of two series arrays; leading axes broadcast."""

    def __init__(self, a: JetArray, b: JetArray) -> None:
        shape = (np.empty(a.shape, dtype=bool) @ np.empty(b.shape, dtype=bool)).shape
        super().__init__(a.ar, shape, (a, b))
        self._stacked = a.ndim > 2 or b.ndim > 2
        self._shapes = (a.shape if a.ndim == 2 else (1, *a.shape), b.shape if b.ndim == 2 else (*b.shape, 1))

    def extend(self, n: int) -> None:
        a, b = self.parents[0], self.parents[-1]
        if self._stacked:
            raw = sum((a.coefficients[m] @ b.coefficients[n - m] for m in range(n + 1)), start=ZERO)
        else:
            # One product with the orders side by side in the inner dimension.
            (rows, inner), (_, columns) = self._shapes
            left = a.coefficients[: n + 1].reshape(n + 1, rows, inner).transpose(1, 0, 2).reshape(rows, -1)
            raw = (left @ b.coefficients[n::-1].reshape((n + 1) * inner, columns)).reshape(self.shape)
        self.coefficients[n] = raw >> self.ar.bits


class Quotient(JetArray):
    """Elementwise a / b: q_n = (a_n - sum_{m<n} q_m b_{n-m}) / b_0."""

    def __init__(self, a: JetArray, b: JetArray) -> None:
        super().__init__(a.ar, np.broadcast_shapes(a.shape, b.shape), (a, b))

    def extend(self, n: int) -> None:
        bits = self.ar.bits
        a, b = (np.broadcast_to(p.coefficients, (p.coefficients.shape[0], *self.shape)) for p in self.parents)
        raw = a[n] << bits
        for m in range(n):
            raw = raw - self.coefficients[m] * b[n - m]
        if n == 0 and not np.all(b[0]):
            raise Inconclusive("a denominator is zero to working precision there.")
        self.coefficients[n] = raw // b[0]


class Exponential(JetArray):
    """Elementwise exp: n e_n = sum_{m=1}^n m z_m e_(n-m)."""

    def __init__(self, z: JetArray) -> None:
        super().__init__(z.ar, z.shape, (z,))

    def extend(self, n: int) -> None:
        bits, z = self.ar.bits, self.parents[0].coefficients
        if n == 0:
            self.coefficients[0] = _apply(gmpy2.exp, z[0], bits)
            return
        total = sum((m * z[m] * self.coefficients[n - m] for m in range(1, n + 1)), start=ZERO)
        self.coefficients[n] = (total // n) >> bits


class SquareRoot(JetArray):
    """Elementwise sqrt: 2 s_0 s_n = z_n - sum_{0<m<n} s_m s_(n-m)."""

    def __init__(self, z: JetArray) -> None:
        super().__init__(z.ar, z.shape, (z,))

    def extend(self, n: int) -> None:
        bits, z, s = self.ar.bits, self.parents[0].coefficients, self.coefficients
        if n == 0:
            if not np.all(z[0] > 0):
                raise Inconclusive("what stands under a root is not positive there.")
            s[0] = _apply(gmpy2.sqrt, z[0], bits)
            return
        total = z[n] << bits
        for m in range(1, n):
            total = total - s[m] * s[n - m]
        s[n] = total // (2 * s[0])


class Logistic(JetArray):
    """Elementwise g = 1 / (1 + exp(z)), for z of any size: n g_n = -sum_{m=1}^n m z_m (g - g²)_(n-m)."""

    def __init__(self, z: JetArray) -> None:
        super().__init__(z.ar, z.shape, (z,))
        self._slope = np.empty_like(self.coefficients)

    def extend(self, n: int) -> None:
        bits, z, g = self.ar.bits, self.parents[0].coefficients, self.coefficients
        if n == 0:
            g[0] = _apply(_logistic, np.clip(z[0], -(bits << bits), bits << bits), bits)
        else:
            total = sum((m * z[m] * self._slope[n - m] for m in range(1, n + 1)), start=ZERO)
            g[n] = -(total // n) >> bits
        self._slope[n] = g[n] - (sum((g[m] * g[n - m] for m in range(n + 1)), start=ZERO) >> bits)


def _logistic(z: Any) -> Any:
    return 1 / (1 + gmpy2.exp(z))


def _apply(function: Any, values: np.ndarray, bits: int) -> np.ndarray:
    """An mpfr function of fixed-point numbers, in a context of its own."""
    result = np.empty(values.shape, dtype=object)
    with gmpy2.context(precision=2 * bits + 64):
        for index, value in np.ndenumerate(values):
            found = function(gmpy2.div_2exp(gmpy2.mpfr(value), bits))
            if not abs(found) < LARGEST:
                raise Inconclusive("a number of the network is too large to be followed.")
            result[index] = mpz(gmpy2.floor(gmpy2.mul_2exp(found, bits)))
    return result
