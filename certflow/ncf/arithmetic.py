"""Sympy expressions as a number system, and with it a network on one cell as an exact polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from certflow.arithmetic.base import UNKNOWN, Arithmetic
from certflow.ncf.expressions import weight_symbols
from certflow.networks.base import Forward, Network


class SymbolicArithmetic(Arithmetic):
    """Exact sympy expressions. Signs of numbers are decided, those of terms with symbols are `UNKNOWN`; there
    is no hull of two branches, so a network with symbolic kink arguments needs its cells given by
    `select`.
    """

    name = "symbolic"
    is_rigorous = True

    def number(self, value: Fraction) -> sympy.Rational:
        return sympy.Rational(value.numerator, value.denominator)

    def sign(self, z: Any) -> np.ndarray:
        array = np.asarray(z, dtype=object)
        return np.array([_sign(v) for v in array.ravel()], dtype=np.int8).reshape(array.shape)

    def exp(self, z: Any) -> Any:
        return self._map(sympy.exp, z)

    def sqrt(self, z: Any) -> Any:
        return self._map(sympy.sqrt, z)

    def log(self, z: Any) -> Any:
        """Elementwise natural logarithm."""
        return self._map(sympy.log, z)

    def sin(self, z: Any) -> Any:
        """Elementwise sine."""
        return self._map(sympy.sin, z)

    def cos(self, z: Any) -> Any:
        """Elementwise cosine."""
        return self._map(sympy.cos, z)

    def tanh(self, z: Any) -> Any:
        """Elementwise hyperbolic tangent."""
        return self._map(sympy.tanh, z)

    def hull(self, low: Fraction, high: Fraction) -> Any:
        raise TypeError("the sign of a symbolic kink argument is not known; give the cells with `select`")


def _sign(value: Any) -> int:
    if value.is_zero:
        return 0
    if not value.is_number:
        return UNKNOWN
    return 1 if value.is_positive else -1 if value.is_negative else UNKNOWN


SYMBOLIC = SymbolicArithmetic()


def forward_on_cell(network: Network, X: np.ndarray, cells: Sequence[np.ndarray]) -> Forward:
    """The forward pass in `weight_symbols` at exact samples `X` (n × inputs), on the cell with exact
    coefficients `cells` (one array per layer or kink, as in `Forward.cells`): all numbers are polynomials in
    the weights.
    """

    def select(layer: int, z: Any) -> Any:
        return SYMBOLIC.array(cells[layer])

    weights = np.array(weight_symbols(network), dtype=object)
    return network.forward(SYMBOLIC, weights, SYMBOLIC.array(X), select=select)


def outputs_on_cell(network: Network, X: np.ndarray, cells: Sequence[np.ndarray]) -> np.ndarray:
    """H(x_i; w) on a cell, multiplied out (n sympy polynomials); arguments as in `forward_on_cell`."""
    return np.array(
        [sympy.expand(value) for value in forward_on_cell(network, X, cells).outputs], dtype=object
    )
