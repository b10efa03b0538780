"""Numbers of any kind to exact numbers, and exact numbers to text. Nothing here rounds."""

from __future__ import annotations

import math
import numbers
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from fractions import Fraction
from typing import Any

from certflow.outcome import BadInput

MAX_DIGITS = 4_000
"""Longest accepted numerator, denominator or decimal mantissa, in digits: of problem files, certificates and
the checker.

Python's own int() of text refuses more than 4,300 digits by default.
"""

MAX_EXPONENT = 1_000
"""Largest accepted decimal exponent, in absolute value, for data; `delta` may have MAX_DELTA_EXPONENT."""

MAX_DELTA_EXPONENT = 100_000

MAX_ENTRIES = 10_000_000
"""Largest number of entries of the data matrix."""

Read = Callable[[Any, str], Fraction]
"""Reads one number; the text names its place in error messages."""

_DIGIT_BOUND = 10**MAX_DIGITS
_SYMPY_NOT_FINITE = ("NaN", "Infinity", "NegativeInfinity", "ComplexInfinity")

_PIECE = 10**4000

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?\Z")
_DYADIC = re.compile(r"([+-]?[0-9]+)\*2\^([+-]?[0-9]+)\Z")


def number(value: Any, where: str = "number", max_exponent: int = MAX_EXPONENT) -> Fraction:
    """The exact rational that `value` denotes: the one way in which numbers enter certflow.

    Text is what it says ("0.1" is 1/10, "3/7", "1e-5", "5*2^-3"). Every other number is its exact value; that
    of a float is the binary fraction that it holds, so that 0.1 is 3602879701896397/2^55, and text is what to
    write for 1/10. Taken are int, float, Fraction and Decimal, scalars (also arrays without axes) of NumPy,
    torch and JAX, and numbers of mpmath, sympy, gmpy2 and python-flint, whose balls need radius zero. `where`
    names the place in the error message.

    Raises `BadInput` for anything that is not one finite number, for text of more than `MAX_DIGITS` digits,
    and for decimal exponents beyond `max_exponent` (nothing short must be able to fill the memory).
    """
    if isinstance(value, Fraction):
        return value
    plain = _plain(value, where)
    if isinstance(plain, str):
        return _parse_text(plain.strip(), where, max_exponent)
    if isinstance(plain, bool):
        raise BadInput(
            f"{where}: expected a number, got the boolean {value}; write 0 or 1 if you mean a number."
        )
    if hasattr(plain, "__index__"):
        return Fraction(operator.index(plain))
    if isinstance(plain, numbers.Rational):
        return Fraction(int(plain.numerator), int(plain.denominator))
    if hasattr(getattr(plain, "p", None), "__index__") and hasattr(plain, "q"):  # python-flint's fmpq
        return Fraction(int(plain.p), int(plain.q))
    if isinstance(plain, Decimal) and plain.is_finite():
        return _parse_text(str(plain), where, max_exponent)
    if hasattr(plain, "_mpf_") and type(plain).__name__ != "constant":
        return _binary(plain, where, max_exponent)
    if isinstance(plain, numbers.Real) and hasattr(plain, "as_integer_ratio"):
        try:
            return Fraction(*map(int, plain.as_integer_ratio()))
        except (ValueError, OverflowError):
            raise _not_finite(plain, where) from None
    if isinstance(plain, Decimal) or type(plain).__name__ in _SYMPY_NOT_FINITE:
        raise _not_finite(plain, where)
    raise BadInput(f"{where}: expected a number, got {shown(value)}; {_advice(plain)}.")


def initial_norm(value: Any, where: str = "delta") -> Fraction:
    """`value` as the norm of initial weights, which may be tinier than data; `BadInput` unless positive."""
    delta = number(value, where, MAX_DELTA_EXPONENT)
    if delta <= 0:
        raise BadInput(f"{where}: {shown(value)} is not positive; delta is the norm of the initial weights.")
    return delta


def whole(value: Any, where: str, least: int, most: int | None = None) -> int:
    """The integer `value`, of Python or another library, from `least` to `most`; text and floats are none.

    Raises `BadInput`, naming `where`.
    """
    plain = _plain(value, where)
    if hasattr(plain, "__index__") and not isinstance(plain, bool):
        result = operator.index(plain)
        if least <= result and (most is None or result <= most):
            return result
    span = f"{least} on" if most is None else f"{least} to {most}"
    raise BadInput(f"{where}: {shown(value)} is not a whole number from {span}.")


def short_number(value: Any, where: str) -> Fraction:
    """`number` of at most `MAX_DIGITS` digits above and below the line, which can be written to a file."""
    result = number(value, where)
    if not (-_DIGIT_BOUND < result.numerator < _DIGIT_BOUND and result.denominator < _DIGIT_BOUND):
        raise BadInput(
            f"{where}: the number has more than {MAX_DIGITS} digits as a fraction; give a shorter one."
        )
    return result


def exact_vector(values: Any, where: str, read: Read = number) -> list[Fraction]:
    """The exact entries of a list, array, tensor or column; `BadInput` names the entry at fault."""
    return [
        read(value, f"{where}[{i}]") for i, value in enumerate(listed(values, where, "a list of numbers"))
    ]


def exact_matrix(rows: Any, where: str, read: Read = number) -> list[list[Fraction]]:
    """The exact rows of a nested list, array, tensor or table; `BadInput` for ragged ones."""
    lists = [
        listed(row, f"{where}[{i}]", "a row of numbers")
        for i, row in enumerate(listed(rows, where, "a list of rows"))
    ]
    for i, row in enumerate(lists):
        if len(row) != len(lists[0]):
            raise BadInput(
                f"{where}[{i}]: the row has {len(row)} entries, but {where}[0] has {len(lists[0])}; make "
                f"them equal."
            )
    if lists and len(lists) * len(lists[0]) > MAX_ENTRIES:
        raise BadInput(
            f"{where}: {len(lists)} × {len(lists[0])} entries are too many; at most {MAX_ENTRIES} are read."
        )
    return [[read(value, f"{where}[{i}][{j}]") for j, value in enumerate(row)] for i, row in enumerate(lists)]


def listed(values: Any, where: str, expected: str) -> list[Any]:
    """What a list, iterator, array or tensor holds, or the rows of a table; `BadInput` for all else."""
    if hasattr(values, "itertuples"):  # pandas; as an array all columns have one type, which may round
        return list(values.itertuples(index=False, name=None))
    if hasattr(values, "iter_rows"):  # polars
        return list(values.iter_rows())
    plain = _plain(values, where)
    if isinstance(plain, str | bytes | Mapping | Set) or not isinstance(plain, Iterable):
        raise BadInput(f"{where}: expected {expected}, got {shown(values)}.")
    return list(plain)


def _plain(value: Any, where: str) -> Any:
    """What scalars, arrays and tensors of other libraries hold, as numbers in lists; nothing is rounded."""
    unpack = getattr(value, "tolist", None) or getattr(value, "item", None)
    if unpack is None:
        return value
    if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):  # some are integers once unpacked
        raise BadInput(f"{where}: expected numbers, got dates or durations; convert them to numbers first.")
    try:
        return unpack()
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(value).__name__
        raise BadInput(
            f"{where}: the values of this {kind} cannot be read; give a list or an array."
        ) from error


def _binary(value: Any, where: str, max_exponent: int) -> Fraction:
    """A float of mpmath, sympy or gmpy2, of any length, or a ball of python-flint without radius."""
    is_exact = getattr(value, "is_exact", None)
    if is_exact is not None and not is_exact():
        raise BadInput(f"{where}: {shown(value)} is a ball, not one number; give its middle, or exact text.")
    _, mantissa, exponent, _ = value._mpf_
    if not mantissa and value and value != 0:  # a zero of sympy differs from 0, one of python-flint is true
        raise _not_finite(value, where)
    if abs(exponent) > 4 * (max_exponent + MAX_DIGITS):
        bound = f"decimal exponents up to {max_exponent} are read"
        raise BadInput(f"{where}: {shown(value)} is too large or too small; {bound}.")
    return exact_mpf(value)


def exact_mpf(value: Any) -> Fraction:
    """The dyadic number that a finite float of mpmath, sympy or gmpy2 is."""
    sign, mantissa, exponent, _ = (int(part) for part in value._mpf_)
    mantissa = -mantissa if sign else mantissa
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def _not_finite(value: Any, where: str) -> BadInput:
    return BadInput(f"{where}: {value} is not a finite number; remove it or give its value.")


def _advice(value: Any) -> str:
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        return "give a real one"
    if hasattr(value, "free_symbols"):
        return "give its value, such as that of its method evalf(30)"
    if isinstance(value, list | tuple):
        return "give one number in this place, for example by flattening an array of one column"
    return "write it as 1/3, 0.25 or 1e-5"


def _parse_text(text: str, where: str, max_exponent: int) -> Fraction:
    if len(text) > 2 * MAX_DIGITS + 32:
        raise BadInput(
            f"{where}: a number of {len(text)} characters is too long; at most {MAX_DIGITS} digits are read."
        )
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise BadInput(f"{where}: {text} is not a finite number; remove it or give its value.")
    numerator, slash, denominator = text.partition("/")
    if slash:
        p, q = _parse_integer(numerator.strip(), where), _parse_integer(denominator.strip(), where)
        if q == 0:
            raise BadInput(f"{where}: {shown(text)} has denominator zero.")
        return Fraction(p, q)
    dyadic = _DYADIC.match(text)
    if dyadic:
        exponent = _bounded_exponent(dyadic[2], where, 4 * max_exponent)
        mantissa = _parse_integer(dyadic[1], where)
        return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)
    decimal = _DECIMAL.match(text)
    if decimal is None or not (decimal[2] or decimal[3]):
        raise BadInput(f"{where}: {shown(text)} is not a number; write it as 1/3, 0.25 or 1e-5.")
    sign, whole, part, exponent_text = decimal.groups()
    exponent = _bounded_exponent(exponent_text or "0", where, max_exponent)
    mantissa = _parse_integer(sign + whole + part, where)
    power = exponent - len(part)
    return Fraction(mantissa * 10**power) if power >= 0 else Fraction(mantissa, 10**-power)


def _parse_integer(text: str, where: str) -> int:
    if not _INTEGER.match(text):
        raise BadInput(f"{where}: {shown(text)} is not a number; write it as 1/3, 0.25 or 1e-5.")
    digits = len(text.lstrip("+-"))
    if digits > MAX_DIGITS:
        raise BadInput(
            f"{where}: a number of {digits} digits is too long; at most {MAX_DIGITS} digits are read."
        )
    return int(text)


def _bounded_exponent(text: str, where: str, bound: int) -> int:
    if len(text.lstrip("+-0")) > 9 or abs(int(text)) > bound:
        raise BadInput(f"{where}: the exponent {shown(text)} is out of range; at most ±{bound} is read.")
    return int(text)


def shown(value: Any) -> str:
    """`value` for an error message: a rational as it is written, all else as its repr; shortened."""
    try:
        text = format_rational(value) if isinstance(value, Fraction) else repr(value)
    except ValueError:  # an integer too long for Python's own conversion
        return f"a very long {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def common_bits(values: Iterable[Fraction]) -> int:
    """The bits of the longest number when all `values` are written with one denominator, which counts too."""
    values = list(values)
    common = math.lcm(*(value.denominator for value in values))
    return max(common.bit_length(), *(value.numerator.bit_length() for value in values), 0)


def format_rational(value: Fraction) -> str:
    """The text "p/q", or "p" for an integer, that `number` reads back to exactly `value`."""
    numerator = _format_integer(value.numerator)
    return numerator if value.denominator == 1 else f"{numerator}/{_format_integer(value.denominator)}"


def _format_integer(value: int) -> str:
    if -_PIECE < value < _PIECE:
        return str(value)
    # In pieces, because str() of an int refuses more than 4,300 digits by default.
    magnitude, pieces = abs(value), []
    while magnitude:  # ends: magnitude loses a digit
        magnitude, piece = divmod(magnitude, _PIECE)
        pieces.append(str(piece).rjust(4000, "0") if magnitude else str(piece))
    return ("-" if value < 0 else "") + "".join(reversed(pieces))


def format_dyadic(mantissa: int, exponent: int) -> str:
    """The text "m*2^e" of the exact number mantissa * 2**exponent, with m odd or zero."""
    if mantissa == 0:
        return "0*2^0"
    shift = (mantissa & -mantissa).bit_length() - 1
    return f"{_format_integer(mantissa >> shift)}*2^{exponent + shift}"


def dyadic_text(value: Fraction) -> str:
    """The same text of `value`; raises `ValueError` if it is not an integer times a power of two."""
    if value.denominator & (value.denominator - 1):
        raise ValueError(f"{value} is not an integer times a power of two")
    return format_dyadic(value.numerator, 1 - value.denominator.bit_length())
