"""Arrays of polynomials in one variable y on [0, 1] with midpoint-radius coefficients.

A `PolynomialArray` stands for all functions f on [0, 1] for which at each y there are numbers c_k in the
coefficients with f(y) = sum_k c_k y^k. The c_k may depend on y, so an error of size e is a radius e of
coefficient 0, and every operator keeps the contract: for functions f and g in the operands, f op g is in the
result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from certflow.arithmetic.base import Arithmetic
from certflow.arithmetic.enclosure import refusal
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad, bilinear
from certflow.outcome import Ambiguous

ArrayProduct = Callable[[np.ndarray, np.ndarray], np.ndarray]


class PolynomialArray:
    """An array of polynomials; `coefficients` has the degree as a leading axis, which `shape` leaves out
    (L3.3).

    The operators take `PolynomialArray`, `MidRad` (constants), int and `Fraction`. Products have the degree
    of both factors together. `steady` tells whether the coefficients are constants in y, which `derivative`
    needs.
    """

    __slots__ = ("coefficients", "steady")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, coefficients: MidRad, steady: bool = True) -> None:
        """Polynomials with the given coefficients (degree + 1, ...); leading coefficients that are all zero
        are dropped.
        """
        count = coefficients.shape[0]
        # ends: count falls
        while count > 1 and not (coefficients.mid[count - 1].any() or coefficients.rad[count - 1].any()):
            count -= 1
        self.coefficients = coefficients if count == coefficients.shape[0] else coefficients[:count]
        self.steady = steady

    @classmethod
    def constant(cls, value: MidRad) -> PolynomialArray:
        """Polynomials of degree 0: constants in y."""
        return cls(value[None])

    @property
    def degree(self) -> int:
        """The largest degree of an entry."""
        return self.coefficients.shape[0] - 1

    # -- what is known on [0, 1] -----------------------------------------------------------------------------

    def abs_sum(self) -> np.ndarray:
        """An upper bound of sum_k |c_k|, hence of |f| on [0, 1], elementwise."""
        return MidRad.exact(self.coefficients.magnitude()).sum(axis=0).upper()

    def range01(self) -> MidRad:
        """The interval [c_0 + sum_(k>0) min(c_k, 0), c_0 + sum_(k>0) max(c_k, 0)], which contains f([0,
        1]).
        """
        low, high = self.coefficients.lower(), self.coefficients.upper()
        low[1:], high[1:] = np.minimum(low[1:], 0.0), np.maximum(high[1:], 0.0)
        return MidRad.interval(MidRad.exact(low).sum(axis=0).lower(), MidRad.exact(high).sum(axis=0).upper())

    def at(self, start: Any, end: Any) -> MidRad:
        """The values on [start, end], 0 <= start <= end <= 1: the value at the middle ± half the length times
        sum k |c_k| (R4).

        `start` and `end` are doubles or arrays of them, whose shape comes before `shape` in the result.
        """
        middle, half = _middles(start, end)
        eta = MidRad.exact(half).reshape(-1, 1)
        flat = self.coefficients.reshape(self.degree + 1, -1)
        values = _powers(middle.ravel(), self.degree) @ flat
        if self.degree:
            slopes = (
                MidRad.exact(flat.magnitude()) * MidRad.exact(np.arange(self.degree + 1.0)).reshape(-1, 1)
            ).sum(axis=0)
            values = values.widened((eta * slopes[None]).upper())
        return values.reshape(*middle.shape, *self.shape)

    def along(self, start: np.ndarray, end: np.ndarray) -> MidRad:
        """As `at`, but entry i of the first axis on its own interval [start[i], end[i]]; the result has
        the shape `shape` (L3.4)."""
        middle, half = _middles(start, end)
        tail = (1,) * (self.ndim - 1)
        eta = MidRad.exact(half).reshape(-1, *tail)
        powers = _powers(middle, self.degree).T.reshape(self.degree + 1, -1, *tail)
        values = (self.coefficients * powers).sum(axis=0)
        if self.degree:
            factors = MidRad.exact(np.arange(self.degree + 1.0)).reshape(-1, 1, *tail)
            slopes = (MidRad.exact(self.coefficients.magnitude()) * factors).sum(axis=0)
            values = values.widened((slopes * eta).upper())
        return values

    def middle_values(self) -> np.ndarray:
        """Approximate values at y = 1/2, radii left out."""
        powers = 0.5 ** np.arange(self.degree + 1.0)
        return np.tensordot(powers, self.coefficients.mid, axes=1)

    def derivative(self) -> PolynomialArray:
        """The derivatives in y; `ValueError` if the coefficients may depend on y."""
        if not self.steady:
            raise ValueError(
                "polynomials with an error term have no known derivative; differentiate before adding errors"
            )
        if self.degree == 0:
            return PolynomialArray(self.coefficients * 0)
        factors = MidRad.exact(np.arange(1.0, self.degree + 1)).reshape(-1, *(1,) * self.ndim)
        return PolynomialArray(self.coefficients[1:] * factors)

    def with_error(self, radius: Any) -> PolynomialArray:
        """All functions within `radius` (doubles >= 0, broadcasting to `shape`) of these, at each y."""
        widths = np.zeros(self.coefficients.shape)
        widths[0] = radius
        return PolynomialArray(self.coefficients.widened(widths), steady=False)

    # -- algebra ---------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        right = _operand(other)
        return _add(self, right) if right is not None else NotImplemented

    __radd__ = __add__

    def __neg__(self) -> PolynomialArray:
        return PolynomialArray(-self.coefficients, self.steady)

    def __sub__(self, other: Any) -> Any:
        right = _operand(other)
        return _add(self, -right) if right is not None else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        left = _operand(other)
        return _add(left, -self) if left is not None else NotImplemented

    def __mul__(self, other: Any) -> Any:
        right = _operand(other)
        if right is None:
            return NotImplemented
        ndim = max(self.ndim, right.ndim)
        return _cauchy(
            np.multiply, _lifted(self, ndim), _lifted(right, ndim), 1, self.steady and right.steady
        )

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Any:
        right = _operand(other)
        return _matmul(self, right) if right is not None else NotImplemented

    def __rmatmul__(self, other: Any) -> Any:
        left = _operand(other)
        return _matmul(left, self) if left is not None else NotImplemented

    def __pow__(self, exponent: Any) -> PolynomialArray:
        if type(exponent) is not int or exponent < 0:
            raise TypeError(f"polynomials are raised to whole powers >= 0 only, got {exponent!r}")
        if self.degree == 0 or exponent == 0:
            return PolynomialArray(self.coefficients[:1] ** exponent, self.steady)
        result = PolynomialArray(self.coefficients[:], self.steady)
        for _ in range(exponent - 1):
            result = result * self
        return result

    def sum(self, axis: int | None = None) -> PolynomialArray:
        """The sum along `axis` (default: of all entries)."""
        flat = self.reshape(-1) if axis is None else self
        return PolynomialArray(
            flat.coefficients.sum(axis=1 if axis is None else axis % self.ndim + 1), self.steady
        )

    # -- places ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, without the axis of the degree."""
        return self.coefficients.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes, without that of the degree."""
        return self.coefficients.ndim - 1

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[PolynomialArray]:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> PolynomialArray:
        """The array with its axes in reverse order."""
        return self.transpose(*range(self.ndim)[::-1])

    def transpose(self, *axes: int) -> PolynomialArray:
        """The array with its axes permuted."""
        return PolynomialArray(
            self.coefficients.transpose(0, *(axis % self.ndim + 1 for axis in axes)), self.steady
        )

    def reshape(self, *shape: Any) -> PolynomialArray:
        """The same entries in another shape."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        return PolynomialArray(self.coefficients.reshape(self.degree + 1, *sizes), self.steady)

    def ravel(self) -> PolynomialArray:
        """The entries in one row."""
        return self.reshape(-1)

    def __getitem__(self, key: Any) -> PolynomialArray:
        return PolynomialArray(self._places(self.coefficients, key), self.steady)

    def _places(self, coefficients: MidRad, key: Any) -> MidRad:
        parts = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, list | np.ndarray) for part in parts):
            # Index arrays may move the axes that they index; degree by degree they cannot move the hidden
            # one.
            rows = [each[key][None] for each in coefficients]
            return np.concatenate(rows)  # type: ignore[no-any-return, call-overload, return-value]
        return coefficients[(slice(None), *parts)]

    def __setitem__(self, key: Any, value: Any) -> None:
        number = _operand(value)
        if number is None:
            raise TypeError(
                f"an entry is a polynomial, a MidRad, an int or a Fraction, not a {type(value).__name__}"
            )
        self.coefficients = _padded(self.coefficients, max(self.degree, number.degree))
        self.steady = self.steady and number.steady
        theirs = _padded(number.coefficients, self.degree)
        for mine, new in zip(self.coefficients, theirs, strict=True):
            mine[key] = new

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is not np.concatenate:
            return NotImplemented
        arrays, axis = (
            [_operand(each) for each in args[0]],
            kwargs.get("axis", args[1] if len(args) > 1 else 0),
        )
        degree = max(each.degree for each in arrays if each is not None)
        axis = axis + 1 if axis >= 0 else axis
        joined = np.concatenate(
            [_padded(each.coefficients, degree) for each in arrays if each is not None], axis=axis
        )
        return PolynomialArray(joined, all(each.steady for each in arrays if each is not None))  # type: ignore[arg-type]

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "an array of polynomials does not become a numpy array by itself; read its coefficients"
        )

    def __eq__(self, other: object) -> NoReturn:
        raise Ambiguous("enclosures are not compared with ==; compare ranges")

    def __repr__(self) -> str:
        return f"PolynomialArray({self.coefficients!r})"


class PolynomialArithmetic(Arithmetic):
    """Polynomials on [0, 1]: rigorous in `+ - * @ **`; `array` gives constants.

    `sign` is that of the approximate value in the middle (R3): a branch for the whole of [0, 1], not a
    statement about the polynomial. A caller of `Network.forward` who needs an enclosure passes `select` with
    the errors of the branch.
    """

    name = "polynomials"
    is_rigorous = True

    def number(self, value: Fraction) -> PolynomialArray:
        return PolynomialArray.constant(MIDRAD.number(value))

    def array(self, values: Any) -> PolynomialArray:
        return PolynomialArray.constant(MIDRAD.array(values))

    def sign(self, z: PolynomialArray) -> np.ndarray:
        return np.sign(z.middle_values()).astype(np.int8)

    def exp(self, z: Any) -> Any:
        raise TypeError("the exponential of a polynomial is not a polynomial; use its range on [0, 1]")

    def sqrt(self, z: Any) -> Any:
        raise TypeError("the square root of a polynomial is not a polynomial; use its range on [0, 1]")

    def hull(self, low: Fraction, high: Fraction) -> PolynomialArray:
        return PolynomialArray.constant(MIDRAD.hull(low, high))


POLYNOMIALS = PolynomialArithmetic()


def _operand(value: Any) -> PolynomialArray | None:
    """`value` as polynomials, None if another class has to answer; `TypeError` for what is not exact."""
    if isinstance(value, PolynomialArray):
        return value
    if isinstance(value, MidRad):
        return PolynomialArray.constant(value)
    if type(value) is int or isinstance(value, Fraction):
        return PolynomialArray.constant(MidRad.from_exact(value))
    if isinstance(value, bool | float | complex | np.generic | np.ndarray):
        raise refusal(value)
    return None


def _lifted(a: PolynomialArray, ndim: int) -> MidRad:
    """The coefficients of `a` with axes of length 1 after the hidden one, so that shapes of `ndim` axes
    broadcast.
    """
    missing = ndim - a.ndim
    return a.coefficients.reshape(a.degree + 1, *(1,) * missing, *a.shape) if missing else a.coefficients


def _padded(coefficients: MidRad, degree: int) -> MidRad:
    missing = degree + 1 - coefficients.shape[0]
    if missing <= 0:
        return coefficients
    zeros = MidRad.exact(np.zeros((missing, *coefficients.shape[1:])))
    return np.concatenate([coefficients, zeros])  # type: ignore[no-any-return, call-overload, return-value]


def _add(a: PolynomialArray, b: PolynomialArray) -> PolynomialArray:
    ndim, degree = max(a.ndim, b.ndim), max(a.degree, b.degree)
    return PolynomialArray(
        _padded(_lifted(a, ndim), degree) + _padded(_lifted(b, ndim), degree), a.steady and b.steady
    )


def _cauchy(product: ArrayProduct, a: MidRad, b: MidRad, terms: int, steady: bool) -> PolynomialArray:
    """The polynomials with coefficients sum_(i+j=k) product(a_i, b_j); `product` sums at most `terms`
    products.
    """
    shorter = min(a.shape[0], b.shape[0])

    def multiply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if shorter == 1:
            return product(x, y)  # broadcasts along the degree
        first = product(x[0], y) if len(x) <= len(y) else product(x, y[0])
        result = np.zeros((len(x) + len(y) - 1, *first.shape[1:]))
        result[: len(first)] = first
        for i in range(1, shorter):
            term = product(x[i], y) if len(x) <= len(y) else product(x, y[i])
            result[i : i + len(term)] += term
        return result

    return PolynomialArray(bilinear(multiply, a, b, terms * shorter), steady)


def _matmul(a: PolynomialArray, b: PolynomialArray) -> PolynomialArray:
    """numpy's `@`, stacked where there are more than two axes; a single axis is a row on the left, a column
    on the right.
    """
    if not a.ndim or not b.ndim:
        raise ValueError("@ needs arrays with at least one axis; use * for numbers")
    left = a.reshape(1, *a.shape) if a.ndim == 1 else a
    right = b.reshape(*b.shape, 1) if b.ndim == 1 else b
    ndim, terms = max(left.ndim, right.ndim), max(a.shape[-1], 1)
    result = _cauchy(np.matmul, _lifted(left, ndim), _lifted(right, ndim), terms, a.steady and b.steady)
    if a.ndim == 1:
        result = result[..., 0, :]
    return result[..., 0] if b.ndim == 1 else result


def _middles(start: Any, end: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points y_m of intervals within [0, 1], and upper bounds of the distance of their ends from them."""
    start, end = np.broadcast_arrays(np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64))
    if not ((start >= 0.0) & (start <= end) & (end <= 1.0)).all():
        raise ValueError("polynomials are evaluated on intervals within [0, 1], start <= end")
    middle = np.clip(0.5 * start + 0.5 * end, start, end)
    return middle, np.maximum(middle - start, end - middle) * (1.0 + 2.0**-51)


def _powers(y: np.ndarray, degree: int) -> MidRad:
    """y^0, ..., y^degree for doubles y (n) in [0, 1], as n × (degree + 1)."""
    powers = np.cumprod(
        np.concatenate([np.ones((len(y), 1)), np.repeat(y[:, None], degree, axis=1)], axis=1), axis=1
    )
    # Each multiplication by y <= 1 adds a relative error of 2^-53 and at most 2^-1074 in absolute terms.
    radii = powers * (2.0**-52 * np.arange(degree + 1.0)) + 2.0**-1000 * (y[:, None] > 0.0)
    radii[:, :2] = 0.0
    return MidRad(powers, radii)
