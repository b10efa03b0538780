"""Numbers and arrays of every library, real ones and stand-ins that quack like those that may not be
installed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import flint
import gmpy2
import mpmath
import numpy as np
import sympy


class Tensor:
    """A torch tensor: it has every number method, but only `tolist` and `item` work while gradients are
    recorded.
    """

    requires_grad = True
    dtype = "torch.float32"

    def __init__(self, values: Any) -> None:
        self.values = values
        self.shape = np.shape(values)
        self.ndim = len(self.shape)

    def tolist(self) -> Any:
        return self.values

    def item(self) -> Any:
        if self.shape:
            raise RuntimeError("a Tensor with several elements cannot be converted to Scalar")
        return self.values

    def __iter__(self) -> Any:
        return iter([Tensor(value) for value in self.values])

    def __len__(self) -> int:
        return len(self.values)

    def __index__(self) -> int:
        raise TypeError("only integer tensors of a single element can be converted to an index")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def __repr__(self) -> str:
        return f"tensor({self.values}, requires_grad=True)"


class JaxScalar:
    """A JAX array without axes, by `item` alone."""

    shape, ndim = (), 0

    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        return self.value


class Traced:
    """An array inside of a traced function, whose values are not known."""

    shape, ndim = (), 0

    def item(self) -> Any:
        raise TypeError("Abstract tracer value encountered where concrete value is expected")


class Column:
    """A pandas Series."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def tolist(self) -> list[Any]:
        return list(self.values)

    def __iter__(self) -> Any:
        return iter(self.values)


class Frame:
    """A pandas DataFrame: it iterates over the names of its columns, and as one array it rounds long
    integers.
    """

    def __init__(self, rows: list[list[Any]]) -> None:
        self.rows = rows

    def __iter__(self) -> Any:
        return iter(["a", "b", "c"][: len(self.rows[0])])

    def itertuples(self, index: bool = True, name: str | None = "Pandas") -> Any:
        assert not index
        assert name is None
        return (tuple(row) for row in self.rows)

    def to_numpy(self) -> np.ndarray:
        return np.array(self.rows, dtype=float)


class PolarsFrame:
    """A polars DataFrame: it iterates over its columns, so that a square one would be read transposed."""

    def __init__(self, rows: list[list[Any]]) -> None:
        self.rows = rows

    def __iter__(self) -> Any:
        return iter([list(column) for column in zip(*self.rows, strict=True)])

    def iter_rows(self) -> Any:
        return (tuple(row) for row in self.rows)


CONTEXT = mpmath.mp.clone()
CONTEXT.prec = 400


def _mpf(q: Fraction) -> Any:
    return CONTEXT.mpf(q.numerator) / q.denominator


def _arb(q: Fraction) -> Any:
    return flint.arb(q.numerator) / q.denominator


RATIONAL: dict[str, Callable[[Fraction], Any]] = {
    "Fraction": lambda q: q,
    "text p/q": str,
    "decimal text": lambda q: str(Decimal(q.numerator) / q.denominator),
    "float": float,
    "Decimal": lambda q: Decimal(q.numerator) / q.denominator,
    "numpy.float16": lambda q: np.float16(float(q)),
    "numpy.float32": lambda q: np.float32(float(q)),
    "numpy.float64": lambda q: np.float64(float(q)),
    "numpy.longdouble": lambda q: np.longdouble(float(q)),
    "numpy array without axes": lambda q: np.array(float(q)),
    "numpy object": lambda q: np.array(q, dtype=object),
    "numpy.str_": lambda q: np.str_(q),
    "mpmath.mpf": _mpf,
    "sympy.Rational": lambda q: sympy.Rational(q.numerator, q.denominator),
    "sympy.Float": lambda q: sympy.Float(sympy.Rational(q.numerator, q.denominator), 50),
    "gmpy2.mpq": lambda q: gmpy2.mpq(q.numerator, q.denominator),
    "gmpy2.mpfr": lambda q: gmpy2.mpfr(float(q)),
    "flint.fmpq": lambda q: flint.fmpq(q.numerator, q.denominator),
    "flint.arb": _arb,
    "tensor": lambda q: Tensor(float(q)),
    "jax": lambda q: JaxScalar(float(q)),
}
"""How to write a short dyadic number."""

WHOLE: dict[str, Callable[[int], Any]] = {
    "int": int,
    **{
        f"numpy.{t.__name__}": t
        for t in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
    },
    "numpy array without axes": lambda k: np.array(k),
    "sympy.Integer": sympy.Integer,
    "gmpy2.mpz": gmpy2.mpz,
    "flint.fmpz": flint.fmpz,
    "tensor": Tensor,
    "jax": JaxScalar,
}
"""How to write a small whole number; everywhere."""

REFUSED: dict[str, Any] = {
    "True": True,
    "numpy.True_": np.True_,
    "sympy.true": sympy.true,
    "tensor of a boolean": Tensor(True),
    "nan": float("nan"),
    "inf": float("inf"),
    "text nan": "nan",
    "numpy nan": np.float32("nan"),
    "longdouble inf": np.longdouble("inf"),
    "Decimal nan": Decimal("NaN"),
    "Decimal inf": Decimal("-Infinity"),
    "mpf nan": mpmath.mpf("nan"),
    "mpf inf": mpmath.mpf("-inf"),
    "mpfr nan": gmpy2.mpfr("nan"),
    "sympy.nan": sympy.nan,
    "sympy.oo": sympy.oo,
    "flint inf": flint.arb("inf"),
    "tensor of nan": Tensor(float("nan")),
    "complex": 1 + 0j,
    "numpy complex": np.complex64(1),
    "mpc": mpmath.mpc(1),
    "sympy.I": sympy.I,
    "symbol": sympy.Symbol("x"),
    "root": sympy.sqrt(2),
    "constant": mpmath.mp.pi,
    "ball": flint.arb(1, 0.1),
    "interval": mpmath.iv.mpf([1, 2]),
    "list": [1],
    "array of one": np.array([1.0]),
    "tensor of one": Tensor([1.0]),
    "masked": np.ma.masked,
    "moment": np.datetime64(5, "ns"),
    "duration": np.timedelta64(5, "ns"),
    "bytes": b"1",
    "object": object(),
    "traced": Traced(),
    "words": "one",
    "far too small": mpmath.mpf("1e-1000000000"),
    "far too large": Decimal("1e999999"),
}
"""What is no number, or none that can be written down."""
