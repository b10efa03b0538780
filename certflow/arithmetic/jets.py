"""Truncated power series (jets) of arrays, computed order by order: what a Taylor integrator needs.

A computation written with `+ - * / @ **` on `JetArray`s records a program. `JetArithmetic.extend(n)` then computes
coefficient n of every recorded array from lower ones, so a vector field y' = F(y) written once, in the network's own
code, yields the Taylor coefficients of its solution. Numbers are fixed-point integers (`gmpy2.mpz`, scaled by
2^bits): weights on the unit sphere are of size one, and what underflows is below the working precision by design.
Products are dot products of coefficient rows, vectorised over samples and neurons; entries that a cell switches off
are not computed. Coefficients are approximations: every product is rounded down by at most one unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.base import Arithmetic
from certflow.running import tick

ZERO = mpz(0)


class JetArithmetic(Arithmetic):
    """Series with `order + 1` coefficients in fixed point with `bits` fractional bits; an approximation."""

    name = "jets"
    is_rigorous = False

    def __init__(self, bits: int, order: int) -> None:
        self.bits, self.order = bits, order
        self.program: list[JetArray] = []
        self._fixed: dict[Fraction, mpz] = {}

    def fixed(self, value: Fraction) -> mpz:
        """`value` in fixed point, rounded down."""
        found = self._fixed.get(value)
        if found is None:
            found = self._fixed[value] = (mpz(value.numerator) << self.bits) // value.denominator
        return found

    def number(self, value: Fraction) -> Constant:
        return self.array(value)

    def array(self, values: Any) -> Constant:
        source = np.asarray(values, dtype=object)
        scaled = np.empty(source.shape, dtype=object)
        scaled.reshape(-1)[:] = [self.fixed(Fraction(v)) for v in source.ravel()]
        return Constant(self, scaled)

    def variable(self, shape: tuple[int, ...]) -> JetArray:
        """A series whose coefficients the caller sets, in fixed point, in `.coefficients[n]`."""
        return JetArray(self, shape)

    def sign(self, z: Any) -> np.ndarray:
        """The signs of the constant terms (of series whose variables already have theirs)."""
        self.extend(0)
        values = z.values if isinstance(z, Constant) else z.coefficients[0]
        return np.array([gmpy2.sign(v) for v in values.ravel()], dtype=np.int8).reshape(values.shape)

    def exp(self, z: Any) -> JetArray:
        return _recurrences().Exponential(z)

    def sqrt(self, z: Any) -> JetArray:
        return _recurrences().SquareRoot(z)

    def logistic(self, z: Any) -> JetArray:
        """1 / (1 + exp(z)), for z of any size."""
        return _recurrences().Logistic(z)

    def compile(self, *results: JetArray) -> None:
        """Drop from the program whatever none of `results` needs."""
        needed: set[int] = set()
        stack: list[JetArray] = list(results)
        while stack:  # ends: every node puts its parents there once
            node = stack.pop()
            if id(node) not in needed:
                needed.add(id(node))
                stack.extend(node.parents)
        self.program = [node for node in self.program if id(node) in needed and not node.is_alias]

    def extend(self, n: int) -> None:
        """Compute coefficient n of every recorded series, from coefficients up to n of the variables."""
        tick()
        for node in self.program:
            node.extend(n)

    def series(self, node: JetArray) -> np.ndarray:
        """All coefficients of `node` as exact dyadic Fractions (order + 1, *shape), after `extend` ran for each order."""
        scale = 1 << self.bits
        flat = [Fraction(int(v), scale) for v in node.coefficients.ravel()]
        return np.array(flat, dtype=object).reshape(node.coefficients.shape)


class JetArray:
    """An array of truncated series; `coefficients` is (order + 1, *shape) in fixed point, filled order by order."""

    __array_ufunc__ = None  # let `ndarray * jet` come here
    is_alias = False

    def __init__(self, ar: JetArithmetic, shape: tuple[int, ...], parents: tuple[JetArray, ...] = ()) -> None:
        self.ar, self.shape, self.parents = ar, shape, parents
        self.coefficients = np.empty((ar.order + 1, *shape), dtype=object)
        self.coefficients.fill(ZERO)
        ar.program.append(self)

    def extend(self, n: int) -> None:
        """Compute coefficient n; variables have nothing to do."""

    # -- shape -----------------------------------------------------------------------------------------------------

    def _view(self, act: Callable[[np.ndarray], np.ndarray]) -> JetArray:
        return View(self, act)

    @property
    def T(self) -> JetArray:
        """The transposed array."""
        return self._view(lambda c: c.transpose(0, *range(c.ndim - 1, 0, -1)))

    def transpose(self, *axes: int) -> JetArray:
        """The array with its axes in another order."""
        return self._view(lambda c: c.transpose(0, *(axis + 1 for axis in axes)))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape))

    def reshape(self, *shape: Any) -> JetArray:
        """The same entries in another shape."""
        target = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        return self._view(lambda c: c.reshape(c.shape[0], *target))

    def __getitem__(self, key: Any) -> JetArray:
        key = key if isinstance(key, tuple) else (key,)
        return self._view(lambda c: c[(slice(None), *key)])

    def __len__(self) -> int:
        return self.shape[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.concatenate:
            return Concatenate(
                self.ar, [_as_jet(self.ar, a) for a in args[0]], kwargs.get("axis", args[1] if len(args) > 1 else 0)
            )
        return NotImplemented

    def joined(self, others: list[JetArray]) -> JetArray:
        """This array and `others`, joined along the first axis."""
        return Concatenate(self.ar, [self, *others], 0)

    # -- arithmetic ------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> JetArray:
        return _combine(self, _as_jet(self.ar, other), 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> JetArray:
        return _combine(self, _as_jet(self.ar, other), -1)

    def __rsub__(self, other: Any) -> JetArray:
        return _combine(_as_jet(self.ar, other), self, -1)

    def __neg__(self) -> JetArray:
        return self * -1

    def __mul__(self, other: Any) -> JetArray:
        other = _as_jet(self.ar, other)
        if isinstance(other, Constant):
            return self.scaled(other)
        return other.scaled(self) if isinstance(self, Constant) else _recurrences().Product(self, other)

    __rmul__ = __mul__

    def scaled(self, constant: Constant) -> JetArray:
        """Elementwise product with a constant array."""
        return self if constant.is_one_for(self.shape) else Scaled(self, constant)

    def __truediv__(self, other: Any) -> JetArray:
        return _recurrences().Quotient(self, _as_jet(self.ar, other))

    def __rtruediv__(self, other: Any) -> JetArray:
        return _recurrences().Quotient(_as_jet(self.ar, other), self)

    def __pow__(self, exponent: int) -> JetArray:
        if not isinstance(exponent, int) or exponent < 0:
            raise TypeError(f"series are raised to whole powers only, got {exponent!r}")
        if exponent == 0:
            return self.ar.array(np.full(self.shape, Fraction(1), dtype=object))
        product = _recurrences().Product
        if exponent == 1:
            return self
        root = self ** (exponent // 2)
        square = product(root, root)
        return square if exponent % 2 == 0 else product(square, self)

    def __matmul__(self, other: Any) -> JetArray:
        return _matmul(self, _as_jet(self.ar, other))

    def __rmatmul__(self, other: Any) -> JetArray:
        return _matmul(_as_jet(self.ar, other), self)


class Constant(JetArray):
    """A constant series. `integers` holds unscaled values if all are whole numbers: then products need no shift."""

    def __init__(self, ar: JetArithmetic, values: np.ndarray) -> None:
        self.ar, self.shape, self.parents, self.values = ar, values.shape, (), values
        mask = (mpz(1) << ar.bits) - 1
        whole = all(not v & mask for v in values.ravel())
        self.integers = (values >> ar.bits if values.ndim else np.array(values[()] >> ar.bits, dtype=object)) if whole else None
        self.nonzero = values.astype(bool)

    def is_one_for(self, shape: tuple[int, ...]) -> bool:
        """Whether multiplying an array of this shape by the constant changes nothing."""
        return self.integers is not None and np.broadcast_shapes(self.shape, shape) == shape and bool(np.all(self.integers == 1))

    @property
    def coefficients(self) -> np.ndarray:  # type: ignore[override]
        """The value, then zeros."""
        result = np.empty((self.ar.order + 1, *self.shape), dtype=object)
        result.fill(ZERO)
        result[0] = self.values
        return result

    def _view(self, act: Callable[[np.ndarray], np.ndarray]) -> Constant:
        return Constant(self.ar, act(self.values[None])[0])

    def times(self, raw: Any) -> Any:
        """The fixed-point product with an array of fixed-point numbers."""
        return raw * self.integers if self.integers is not None else (raw * self.values) >> self.ar.bits

    def scaled(self, constant: Constant) -> Constant:
        return Constant(self.ar, np.asarray(constant.times(self.values), dtype=object))


def _recurrences() -> Any:
    """The nonlinear operations, which build on the classes of this module."""
    from certflow.arithmetic import jet_recurrences

    return jet_recurrences


def _as_jet(ar: JetArithmetic, value: Any) -> JetArray:
    return value if isinstance(value, JetArray) else ar.array(value)


def _combine(a: JetArray, b: JetArray, sign: int) -> JetArray:
    if isinstance(a, Constant) and isinstance(b, Constant):
        return Constant(a.ar, np.asarray(a.values + sign * b.values, dtype=object))
    return Sum(a, b, sign)


def _matmul(a: JetArray, b: JetArray) -> JetArray:
    if isinstance(a, Constant) and isinstance(b, Constant):
        return Constant(a.ar, (a.values @ b.values) >> a.ar.bits)
    for constant, other in ((a, b), (b, a)):
        if isinstance(constant, Constant):
            return other if constant.shape == (1, 1) and constant.is_one_for((1, 1)) else LinearMap(a, b)
    return _recurrences().MatrixProduct(a, b)


class View(JetArray):
    """An index, transposition or reshape of another series array; shares its memory where numpy can."""

    def __init__(self, source: JetArray, act: Callable[[np.ndarray], np.ndarray]) -> None:
        seen = act(source.coefficients)
        self.ar, self.shape, self.parents = source.ar, seen.shape[1:], (source,)
        self.coefficients, self._act = seen, act
        self.is_alias = np.shares_memory(seen, source.coefficients)
        source.ar.program.append(self)

    def extend(self, n: int) -> None:
        if not self.is_alias:
            self.coefficients[n] = self._act(self.parents[0].coefficients[n : n + 1])[0]


class Concatenate(JetArray):
    """Arrays joined along an axis."""

    def __init__(self, ar: JetArithmetic, parts: list[JetArray], axis: int) -> None:
        shape = np.concatenate([np.empty(p.shape, dtype=bool) for p in parts], axis=axis).shape
        super().__init__(ar, shape, tuple(parts))
        self._axis = axis

    def extend(self, n: int) -> None:
        self.coefficients[n] = np.concatenate([p.coefficients[n] for p in self.parents], axis=self._axis)


class Sum(JetArray):
    """a + sign b, broadcast."""

    def __init__(self, a: JetArray, b: JetArray, sign: int) -> None:
        super().__init__(a.ar, np.broadcast_shapes(a.shape, b.shape), (a, b))
        self._sign = sign

    def extend(self, n: int) -> None:
        a, b = self.parents
        if isinstance(b, Constant):
            self.coefficients[n] = a.coefficients[n] + self._sign * b.values if n == 0 else a.coefficients[n]
        elif isinstance(a, Constant):
            signed = b.coefficients[n] if self._sign > 0 else -b.coefficients[n]
            self.coefficients[n] = a.values + signed if n == 0 else signed
        elif self._sign > 0:
            self.coefficients[n] = a.coefficients[n] + b.coefficients[n]
        else:
            self.coefficients[n] = a.coefficients[n] - b.coefficients[n]


class Scaled(JetArray):
    """A series array times a constant array, broadcast."""

    def __init__(self, source: JetArray, constant: Constant) -> None:
        super().__init__(source.ar, np.broadcast_shapes(source.shape, constant.shape), (source,))
        self._constant = constant
        self.nonzero = np.broadcast_to(constant.nonzero, self.shape)

    def extend(self, n: int) -> None:
        self.coefficients[n] = self._constant.times(self.parents[0].coefficients[n])


class LinearMap(JetArray):
    """A matrix product in which one factor is constant; a large matrix of zeros and ones on the left selects and adds."""

    def __init__(self, a: JetArray, b: JetArray) -> None:
        constant, variable = (a, b) if isinstance(a, Constant) else (b, a)
        shape = (np.empty(a.shape, dtype=bool) @ np.empty(b.shape, dtype=bool)).shape
        super().__init__(a.ar, shape, (variable,))
        self._left = isinstance(a, Constant)
        self._matrix = constant.integers if constant.integers is not None else constant.values  # type: ignore[attr-defined]
        self._shift = 0 if constant.integers is not None else a.ar.bits  # type: ignore[attr-defined]
        selects = self._left and not self._shift and self._matrix.ndim == 2 and self._matrix.size >= 64
        self._rows = _selection(self._matrix) if selects else None

    def extend(self, n: int) -> None:
        source = self.parents[0].coefficients[n]
        if self._rows is not None:
            rows, starts, picked = self._rows
            if len(rows):
                self.coefficients[n, rows] = np.add.reduceat(source[picked], starts, axis=0)
            return
        raw = self._matrix @ source if self._left else source @ self._matrix
        self.coefficients[n] = raw >> self._shift if self._shift else raw


def _selection(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(nonempty rows, where each starts, column of each one) of a matrix of zeros and ones; None for any other."""
    ones = matrix.astype(bool)
    if not np.all(matrix[ones] == 1):
        return None
    counts = ones.sum(axis=1)
    rows = np.flatnonzero(counts)
    starts = np.concatenate([[0], np.cumsum(counts[rows])[:-1]]) if len(rows) else np.zeros(0, dtype=int)
    return rows, starts.astype(np.intp), np.nonzero(ones)[1]
