"""Truncated power series (jets) of arrays, computed order by order: what a Taylor integrator needs.

A computation written with `+ - * / @ **` on `JetArray`s records a program. `JetArithmetic.extend(n)` then
computes coefficient n of every recorded array from lower ones, so a vector field y' = F(y) written once, in
the network's own code, yields the Taylor coefficients of its solution. Numbers are fixed-point integers
(`gmpy2.mpz`, scaled by 2^bits): weights on the unit sphere are of size one, and what underflows is below the
working precision by design. Products are dot products of coefficient rows, vectorised over samples and
neurons; entries that a cell switches off are not computed. Coefficients are approximations: every product is
rounded down by at most one unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.base import Arithmetic
from certflow.outcome import Inconclusive
from certflow.running import tick

ZERO = mpz(0)

LARGEST = gmpy2.mpfr("1e10000")
"""Values of functions beyond this are not held in fixed point."""


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
        return Exponential(z)

    def sqrt(self, z: Any) -> JetArray:
        return SquareRoot(z)

    def logistic(self, z: Any) -> JetArray:
        """1 / (1 + exp(z)), for z of any size."""
        return Logistic(z)

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
        """All coefficients of `node` as exact dyadic Fractions (order + 1, *shape), after `extend` ran for
        each order.
        """
        scale = 1 << self.bits
        flat = [Fraction(int(v), scale) for v in node.coefficients.ravel()]
        return np.array(flat, dtype=object).reshape(node.coefficients.shape)


class JetArray:
    """An array of truncated series; `coefficients` is (order + 1, *shape) in fixed point, filled order by
    order.
    """

    __array_ufunc__ = None  # let `ndarray * jet` come here
    is_alias = False

    def __init__(self, ar: JetArithmetic, shape: tuple[int, ...], parents: tuple[JetArray, ...] = ()) -> None:
        self.ar, self.shape, self.parents = ar, shape, parents
        self.coefficients = np.empty((ar.order + 1, *shape), dtype=object)
        self.coefficients.fill(ZERO)
        ar.program.append(self)

    def extend(self, n: int) -> None:
        """Compute coefficient n; variables have nothing to do."""

    # -- shape -----------------------------------------------------------------------------------------------

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
                self.ar,
                [_as_jet(self.ar, a) for a in args[0]],
                kwargs.get("axis", args[1] if len(args) > 1 else 0),
            )
        return NotImplemented

    def joined(self, others: list[JetArray]) -> JetArray:
        """This array and `others`, joined along the first axis."""
        return Concatenate(self.ar, [self, *others], 0)

    # -- arithmetic ------------------------------------------------------------------------------------------

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
        return other.scaled(self) if isinstance(self, Constant) else Product(self, other)

    __rmul__ = __mul__

    def scaled(self, constant: Constant) -> JetArray:
        """Elementwise product with a constant array."""
        return self if constant.is_one_for(self.shape) else Scaled(self, constant)

    def __truediv__(self, other: Any) -> JetArray:
        return Quotient(self, _as_jet(self.ar, other))

    def __rtruediv__(self, other: Any) -> JetArray:
        return Quotient(_as_jet(self.ar, other), self)

    def __pow__(self, exponent: int) -> JetArray:
        if not isinstance(exponent, int) or exponent < 0:
            raise TypeError(f"series are raised to whole powers only, got {exponent!r}")
        if exponent == 0:
            return self.ar.array(np.full(self.shape, Fraction(1), dtype=object))
        if exponent == 1:
            return self
        root = self ** (exponent // 2)
        square = Product(root, root)
        return square if exponent % 2 == 0 else Product(square, self)

    def __matmul__(self, other: Any) -> JetArray:
        return _matmul(self, _as_jet(self.ar, other))

    def __rmatmul__(self, other: Any) -> JetArray:
        return _matmul(_as_jet(self.ar, other), self)


class Constant(JetArray):
    """A constant series. `integers` holds unscaled values if all are whole numbers: then products need no
    shift.
    """

    def __init__(self, ar: JetArithmetic, values: np.ndarray) -> None:
        self.ar, self.shape, self.parents, self.values = ar, values.shape, (), values
        mask = (mpz(1) << ar.bits) - 1
        whole = all(not v & mask for v in values.ravel())
        self.integers = (
            (values >> ar.bits if values.ndim else np.array(values[()] >> ar.bits, dtype=object))
            if whole
            else None
        )
        self.nonzero = values.astype(bool)

    def is_one_for(self, shape: tuple[int, ...]) -> bool:
        """Whether multiplying an array of this shape by the constant changes nothing."""
        return (
            self.integers is not None
            and np.broadcast_shapes(self.shape, shape) == shape
            and bool(np.all(self.integers == 1))
        )

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
    return MatrixProduct(a, b)


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
    """A matrix product in which one factor is constant; a large matrix of zeros and ones on the left selects
    and adds.
    """

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
    """(nonempty rows, where each starts, column of each one) of a matrix of zeros and ones; None for any
    other.
    """
    ones = matrix.astype(bool)
    if not np.all(matrix[ones] == 1):
        return None
    counts = ones.sum(axis=1)
    rows = np.flatnonzero(counts)
    starts = np.concatenate([[0], np.cumsum(counts[rows])[:-1]]) if len(rows) else np.zeros(0, dtype=int)
    return rows, starts.astype(np.intp), np.nonzero(ones)[1]


# -- nonlinear operations, each by its recurrence ------------------------------------------------------------


class Product(JetArray):
    """Elementwise product of two series arrays, optionally times a constant cell.

    Only entries that can be nonzero are computed: those where the cell, and every factor that is itself a
    product with a cell, is nonzero. Rows of coefficients of the live entries are kept side by side for the
    dot products.
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
        if cell is not None and not (
            cell.integers is not None and all(v in (0, 1) for v in cell.integers.ravel())
        ):
            whole = np.broadcast_to(cell.values, shape).reshape(-1)
            self._scale = whole if self._where is None else whole[self._where]
        self._flat = self.coefficients.reshape(self.coefficients.shape[0], -1)
        self._left = self._rows(a)
        self._right = self._left if a is b else self._rows(b)
        # Pairs of rows and the factor to gather them from, where they are not the factor's own memory.
        distinct = [(self._left, a)] if a is b else [(self._left, a), (self._right, b)]
        self._copied = [(rows, c) for rows, c in distinct if not np.may_share_memory(rows, c.coefficients)]

    def _rows(self, factor: JetArray) -> np.ndarray:
        """The live entries' coefficients, (order + 1, live): the factor's own memory if every entry is
        live.
        """
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
    """The dot product of each column of a with the same column of b (numpy's object matmul is the fastest
    loop there is).
    """
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
