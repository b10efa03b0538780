"""Recurrences for the series of quotients, exponentials and square roots."""

from __future__ import annotations

from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.jets import ZERO, JetArray


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
            s[0] = _apply(gmpy2.sqrt, z[0], bits)
            return
        total = z[n] << bits
        for m in range(1, n):
            total = total - s[m] * s[n - m]
        s[n] = total // (2 * s[0])


def _apply(function: Any, values: np.ndarray, bits: int) -> np.ndarray:
    """An mpfr function of fixed-point numbers, in a context of its own."""
    result = np.empty(values.shape, dtype=object)
    with gmpy2.context(precision=2 * bits + 64):
        for index, value in np.ndenumerate(values):
            result[index] = mpz(gmpy2.floor(gmpy2.mul_2exp(function(gmpy2.div_2exp(gmpy2.mpfr(value), bits)), bits)))
    return result
