"""R1: bounded, strict reading of JSON text and of the exact numbers in it."""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction
from typing import Any, NoReturn

from .verdicts import Malformed

MAX_BYTES = 16_000_000
MAX_INTEGER = 60
MAX_DIGITS = 4_000
MAX_EXPONENT = 4_000

_RATIONAL = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:/([1-9][0-9]*))?\Z")
_DYADIC = re.compile(r"(-?(?:0|[1-9][0-9]*))\*2\^(-?(?:0|[1-9][0-9]{0,4}))\Z")


def canonical(content: Any) -> str:
    """The one accepted text of a JSON value."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(content: Any) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def parse(data: bytes) -> Any:
    """The JSON value in `data`; `Malformed` unless it is small, ASCII, without floats or double keys, and canonical."""
    if len(data) > MAX_BYTES:
        raise Malformed("file", f"it is larger than {MAX_BYTES} bytes")

    def refuse(number: str) -> NoReturn:
        raise Malformed("file", f"the number {number[:40]} is not a whole number")

    def integer(digits: str) -> int:
        if len(digits) > MAX_INTEGER:
            raise Malformed("file", f"a whole number has {len(digits)} digits; at most {MAX_INTEGER} are read")
        return int(digits)

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed("file", "a key occurs twice in one object")
        return found

    try:
        text = data.decode("ascii")
        content = json.loads(text, parse_float=refuse, parse_constant=refuse, parse_int=integer, object_pairs_hook=table)
        if canonical(content) != text.removesuffix("\n"):
            raise Malformed("file", "the text is not in canonical form (sorted keys, no spaces)")
    except UnicodeDecodeError as error:
        raise Malformed("file", "it is not ASCII text") from error
    except RecursionError as error:
        raise Malformed("file", "it is nested too deeply") from error
    except ValueError as error:
        raise Malformed("file", f"it is not JSON: {str(error)[:100]}") from error
    return content


def keys(value: Any, expected: set[str], where: str, optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`value` as an object with exactly these keys (and possibly the optional ones)."""
    if not isinstance(value, dict):
        raise Malformed(where, "expected an object")
    for key in sorted(expected - set(value)):
        raise Malformed(where, f"the key {key} is missing")
    for key in sorted(set(value) - expected - optional):
        raise Malformed(where, f"the key {key[:40]} is unknown")
    return value


def items(value: Any, where: str, least: int, most: int) -> list[Any]:
    """`value` as a list of so many entries."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Malformed(where, f"expected a list of {least} to {most} entries")
    return value


def integer(value: Any, where: str, least: int, most: int) -> int:
    """`value` as a whole number in a range."""
    if type(value) is not int or not least <= value <= most:
        raise Malformed(where, f"expected a whole number from {least} to {most}")
    return value


def text(value: Any, where: str, allowed: tuple[str, ...] | None = None) -> str:
    """`value` as one of the allowed texts, or any text of moderate length."""
    if not isinstance(value, str) or len(value) > 2000 or (allowed is not None and value not in allowed):
        raise Malformed(where, "expected one of " + ", ".join(allowed) if allowed else "expected a short text")
    return value


def rational(value: Any, where: str) -> Fraction:
    """An exact number "p/q" or "p" in lowest terms."""
    match = _RATIONAL.match(value) if isinstance(value, str) and len(value) <= 2 * MAX_DIGITS + 2 else None
    if match is None or max(len(match[1]), len(match[2] or "")) > MAX_DIGITS:
        raise Malformed(where, "expected a rational number p/q")
    result = Fraction(int(match[1]), int(match[2] or 1))
    if value != (f"{result.numerator}/{result.denominator}" if result.denominator != 1 else f"{result.numerator}"):
        raise Malformed(where, "the rational number is not in lowest terms")
    return result


def dyadic(value: Any, where: str) -> Fraction:
    """An exact number "m*2^e" with odd m, or "0*2^0"."""
    match = _DYADIC.match(value) if isinstance(value, str) and len(value) <= MAX_DIGITS else None
    if match is None or len(match[1]) > MAX_INTEGER or abs(int(match[2])) > MAX_EXPONENT:
        raise Malformed(where, "expected a dyadic number m*2^e")
    m, e = int(match[1]), int(match[2])
    if (m % 2 == 0 and (m, e) != (0, 0)) or value != f"{m}*2^{e}":
        raise Malformed(where, "the dyadic number is not in canonical form")
    return Fraction(m << e) if e >= 0 else Fraction(m, 1 << -e)
