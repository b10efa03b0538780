"""Text <-> exact numbers. Nothing here rounds: decimals are rationals, floats are their dyadic value."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from certflow.outcome import BadInput

MAX_DIGITS = 4_000
"""Longest accepted numerator, denominator or decimal mantissa, in digits: of problem files, certificates and the checker.

Python's own int() of text refuses more than 4,300 digits by default.
"""

MAX_EXPONENT = 1_000
"""Largest accepted decimal exponent, in absolute value, for data; `delta` may have MAX_DELTA_EXPONENT."""

MAX_DELTA_EXPONENT = 100_000

_PIECE = 10**4000

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?\Z")
_DYADIC = re.compile(r"([+-]?[0-9]+)\*2\^([+-]?[0-9]+)\Z")


def parse_rational(value: Any, where: str = "number", max_exponent: int = MAX_EXPONENT) -> Fraction:
    """The exact rational that `value` denotes.

    Accepts text ("0.1" is 1/10, "3/7", "1e-5", "5*2^-3"), integers, `Fraction`, and Python or NumPy floats, which
    stand for their dyadic value. `where` names the place in the error message.

    Raises `BadInput` for anything that is not one finite number, has more than `MAX_DIGITS` digits or a decimal
    exponent beyond `max_exponent` (a short text must not be able to fill the memory).
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        raise BadInput(f"{where}: expected a number, got the boolean {value}; write 0 or 1 if you mean a number.")
    if isinstance(value, str):
        return _parse_text(value.strip(), where, max_exponent)
    if isinstance(value, numbers.Integral):
        return Fraction(int(value))
    if isinstance(value, numbers.Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, numbers.Real):
        number = float(value)
        if not math.isfinite(number):
            raise BadInput(f"{where}: {number} is not a finite number; remove it or give its value.")
        # Only these are doubles or narrower; mpmath, gmpy2 and sympy floats also are Real, and would be rounded here.
        if not isinstance(value, float) and type(value).__name__ not in ("float32", "float16"):
            raise BadInput(f"{where}: extended floats are not read exactly; give text, a Fraction or a float64.")
        return Fraction(number)
    raise BadInput(f"{where}: expected a number, got {shown(value)}; write it as 1/3, 0.25 or 1e-5.")


def _parse_text(text: str, where: str, max_exponent: int) -> Fraction:
    if len(text) > 2 * MAX_DIGITS + 32:
        raise BadInput(f"{where}: a number of {len(text)} characters is too long; at most {MAX_DIGITS} digits are read.")
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
        raise BadInput(f"{where}: a number of {digits} digits is too long; at most {MAX_DIGITS} digits are read.")
    return int(text)


def _bounded_exponent(text: str, where: str, bound: int) -> int:
    if len(text.lstrip("+-0")) > 9 or abs(int(text)) > bound:
        raise BadInput(f"{where}: the exponent {shown(text)} is out of range; at most ±{bound} is read.")
    return int(text)


def shown(value: Any) -> str:
    """`value` for an error message: its repr, shortened."""
    try:
        text = repr(value)
    except ValueError:  # an integer too long for Python's own conversion
        return f"a very long {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def common_bits(values: Iterable[Fraction]) -> int:
    """The bits of the longest number when all `values` are written with one denominator, which counts too."""
    values = list(values)
    common = math.lcm(*(value.denominator for value in values))
    return max(common.bit_length(), *(value.numerator.bit_length() for value in values), 0)


def format_rational(value: Fraction) -> str:
    """The text "p/q", or "p" for an integer, that `parse_rational` reads back to exactly `value`."""
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
