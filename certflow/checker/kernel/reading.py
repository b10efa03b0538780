"""R1: bounded, strict reading of JSON text and of the exact numbers in it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

from .verdicts import Malformed, Refused

MAX_BYTES = 16_000_000
MAX_INTEGER = 60
MAX_DIGITS = 4_000
MAX_EXPONENT = 4_000

# Digits are never given back (*+), so that long texts cost no more than their length.
_RATIONAL = re.compile(r"(-?(?:0|[1-9][0-9]*+))(?:/([1-9][0-9]*+))?\Z")
_DYADIC = re.compile(r"(-?(?:0|[1-9][0-9]*+))\*2\^(-?(?:0|[1-9][0-9]{0,4}))\Z")


def canonical(content: Any) -> str:
    """The one accepted text of a JSON value."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(content: Any) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def parse(data: bytes) -> Any:
    """The JSON value in `data`; `Malformed` unless it is small, ASCII, without floats or double keys, and
    canonical.
    """
    if len(data) > MAX_BYTES:
        raise Malformed("file", f"it is larger than {MAX_BYTES} bytes")

    def refuse(number: str) -> NoReturn:
        raise Malformed("file", f"the number {number[:40]} is not a whole number")

    def integer(digits: str) -> int:
        if len(digits) > MAX_INTEGER:
            reason = f"a whole number has {len(digits)} digits; at most {MAX_INTEGER} are read"
            raise Malformed("file", reason)
        return int(digits)

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed("file", "a key occurs twice in one object")
        return found

    hooks: dict[str, Any] = {
        "parse_float": refuse,
        "parse_constant": refuse,
        "parse_int": integer,
        "object_pairs_hook": table,
    }
    try:
        text = data.decode("ascii")
        content = json.loads(text, **hooks)
        if canonical(content) != text.removesuffix("\n"):
            raise Malformed("file", "the text is not in canonical form (sorted keys, no spaces)")
    except UnicodeDecodeError as error:
        raise Malformed("file", "it is not ASCII text") from error
    except RecursionError as error:
        raise Malformed("file", "it is nested too deeply") from error
    except ValueError as error:
        raise Malformed("file", f"it is not JSON: {str(error)[:100]}") from error
    return content


def _range(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


@dataclass(frozen=True)
class Node:
    """A JSON value and its place in the file. A method raises `Malformed` if the value is not what it asks
    for.
    """

    value: Any
    where: str

    def fail(self, reason: str) -> NoReturn:
        """Give up on the form of the file."""
        raise Malformed(self.where or "file", reason)

    def fields(self, names: str, optional: str = "") -> dict[str, Node]:
        """The entries of an object with exactly these keys, separated by spaces (and possibly the optional
        ones).
        """
        if not isinstance(self.value, dict):
            self.fail("expected an object")
        for key in sorted(set(names.split()) - set(self.value)):
            self.fail(f"the key {key!a} is missing")
        for key in sorted(set(self.value) - set(names.split()) - set(optional.split())):
            self.fail(f"the key {key[:40]!a} is unknown")
        return {key: Node(value, f"{self.where}.{key}".lstrip(".")) for key, value in self.value.items()}

    def items(self, least: int, most: int | None = None) -> list[Node]:
        """The entries of a list of `least` to `most` (or of exactly `least`) entries."""
        self._listed(least, least if most is None else most)
        return [Node(value, f"{self.where}[{k}]") for k, value in enumerate(self.value)]

    def _listed(self, least: int, most: int) -> None:
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            self.fail(f"expected a list of length {_range(least, most)}")

    def integer(self, least: int, most: int) -> int:
        """A whole number in a range."""
        if type(self.value) is not int or not least <= self.value <= most:
            self.fail(f"expected a whole number ({_range(least, most)})")
        return self.value

    def flag(self) -> bool:
        """true or false."""
        if type(self.value) is not bool:
            self.fail("expected true or false")
        return self.value

    def integers(self, least: int, most: int) -> list[int]:
        """A list of `least` to `most` whole numbers."""
        self._listed(least, most)
        if any(type(value) is not int for value in self.value):
            self.fail("expected whole numbers")
        return list(self.value)

    def text(self, *allowed: str, most: int = 2000) -> str:
        """One of the allowed texts, or any text of moderate length that a terminal prints as it is."""
        text = self.value
        plain = isinstance(text, str) and len(text) <= most and text.isascii() and text.isprintable()
        if not plain or (allowed and text not in allowed):
            self.fail("expected " + (" or ".join(allowed) or "a short text"))
        return text

    def rational(self) -> Fraction:
        """An exact number "p/q" or "p" in lowest terms."""
        match = _RATIONAL.match(self.value) if isinstance(self.value, str) else None
        if match is None or max(len(match[1].lstrip("-")), len(match[2] or "")) > MAX_DIGITS:
            self.fail("expected a rational number p/q")
        result = Fraction(int(match[1]), int(match[2] or 1))
        if self.value != str(result):
            self.fail("the rational number is not in lowest terms")
        return result

    def rationals(self, count: int) -> list[Fraction]:
        """A list of so many rational numbers."""
        return [node.rational() for node in self.items(count)]

    def pair(self) -> tuple[Fraction, Fraction]:
        """Two rational numbers."""
        low, high = self.rationals(2)
        return low, high

    def dyadic(self) -> Fraction:
        """An exact number "m*2^e" with odd m, or "0*2^0"."""
        match = _DYADIC.match(self.value) if isinstance(self.value, str) else None
        if match is None or len(match[1]) > MAX_INTEGER or abs(int(match[2])) > MAX_EXPONENT:
            self.fail("expected a dyadic number m*2^e")
        m, e = int(match[1]), int(match[2])
        if (m % 2 == 0 and (m, e) != (0, 0)) or self.value != f"{m}*2^{e}":
            self.fail("the dyadic number is not in canonical form")
        return m * Fraction(2) ** e

    def need(self, condition: bool, reason: str, rule: str = "R9") -> None:
        """Refuse unless the condition, on which this part of the claim rests, holds."""
        if not condition:
            raise Refused(rule, self.where, reason)

    def same(self, expected: Any) -> None:
        """R9: refuse unless the value is exactly this one."""
        # The text too, because True == 1.
        same = self.value == expected and repr(self.value) == repr(expected)
        self.need(same, "it does not agree with the rest of the certificate")

    def at_least(self, bound: Fraction, rule: str = "R9") -> None:
        """R9: refuse unless the rational number is at least the proved bound."""
        self.need(self.rational() >= bound, "it is below the proved bound", rule)

    def encloses(self, low: Fraction, high: Fraction | None, open_end: bool = False) -> None:
        """R9: refuse unless the pair contains [low, high]; with `open_end` an upper end that is not claimed
        is null.
        """
        claimed_low, claimed_high = self.items(2)
        above = open_end and claimed_high.value is None
        above = above or (high is not None and claimed_high.rational() >= high)
        self.need(above and claimed_low.rational() <= low, "it is narrower than what is proved")
