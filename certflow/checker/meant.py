"""R1, where it is asked for: whether the problem of a certificate is the one that is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .words import next_to

_LONGEST = 40
"""Numbers of more characters are said as decimals."""

_NETWORK = "kind inputs width widths activation signs trained given weights output"
"""What a network may have."""

Difference = tuple[str, str, Any, Any]


@dataclass(frozen=True)
class Comparison:
    """Whether a claim is about the problem that is meant; if not, or not literally, `where` they differ first
    and the `reason`.
    """

    same: bool
    where: str = ""
    reason: str = ""


def comparison(problem: dict[str, Any], meant: dict[str, Any], start_angle: str | None) -> Comparison:
    """Whether a claim that is proved about `problem`, for all initial directions within `start_angle` of the
    one in it (None: for all), holds for the problem that is `meant`: both as in certificates, with numbers in
    lowest terms. Directions may have any length.
    """
    for where, what, here, there in _differences(problem, meant):
        return Comparison(False, where, _unlike(what, here, there))
    a, b = ([Fraction(v) for v in each["direction"]] for each in (problem, meant))
    reason = _turned(a, b)
    if reason is None:
        return Comparison(True)
    if start_angle is None:
        return Comparison(True, "direction", f"{reason}; the claim is about every initial direction")
    if _within(a, b, Fraction(start_angle)):
        return Comparison(True, "direction", f"{reason}; that is within the angle {start_angle} of the claim")
    return Comparison(False, "direction", reason)


def _differences(problem: dict[str, Any], meant: dict[str, Any]) -> Iterator[Difference]:
    """Where, what, and both values, of everything that differs but the direction; the first ones first."""
    for key in _NETWORK.split():
        yield from _inside("network", key, problem["network"].get(key), meant["network"].get(key))
    (X, y), (X_meant, y_meant) = ([each["data"][key] for key in ("X", "y")] for each in (problem, meant))
    if len(y) != len(y_meant):
        yield "data", "the number of samples", len(y), len(y_meant)
    for i, (here, there) in enumerate(zip(X, X_meant, strict=False), 1):
        yield from _inside(f"sample {i}", "x", here, there)
    for i, (here, there) in enumerate(zip(y, y_meant, strict=False), 1):
        yield from _inside(f"label {i}", "y", here, there)
    for key in ("kind", "reduction"):
        yield from _inside("loss", key, problem["loss"][key], meant["loss"][key])


def _inside(where: str, what: str, here: Any, there: Any) -> Iterator[Difference]:
    if here == there:
        return
    if isinstance(here, dict) and isinstance(there, dict) and here.keys() == there.keys():
        for key in sorted(here):
            yield from _inside(where, f"{what}.{key}", here[key], there[key])
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for k, pair in enumerate(zip(here, there, strict=True), 1):
            yield from _inside(where, f"{what}[{k}]", *pair)
    else:
        yield where, what, here, there


def _unlike(what: str, here: Any, there: Any) -> str:
    first, second = _said(here), _said(there)
    reason = f"{what} is {first} in the certificate and {second} in the problem that is meant"
    if first != second:
        return reason
    if what == "output":
        column = next(k for k, (a, b) in enumerate(zip(here + "\n", there + "\n", strict=False), 1) if a != b)
        return f"{what} is another one in the problem that is meant, from column {column} on"
    try:
        return f"{reason}, a difference of {next_to(Fraction(there) - Fraction(here))}"
    except (TypeError, ValueError):
        return f"{what} is not the same in the problem that is meant"


def _said(value: Any) -> str:
    if isinstance(value, Fraction):
        # Python writes no longer numbers.
        short = max(value.numerator.bit_length(), value.denominator.bit_length()) <= 4 * _LONGEST
        value = str(value) if short else next_to(value)
    text = "not given" if value is None else str(value)
    if len(text) <= _LONGEST:
        return text
    try:
        return next_to(Fraction(text))
    except ValueError:
        return f"{text[:_LONGEST]}..."


def _turned(a: Sequence[Fraction], b: Sequence[Fraction]) -> str | None:
    """How two directions differ, None if one is a positive multiple of the other."""
    pivot = next(i for i, v in enumerate(a) if v)
    if a[pivot] * b[pivot] <= 0:
        return _unlike(f"weight {pivot + 1}", a[pivot], b[pivot])
    for i, (u, v) in enumerate(zip(a, b, strict=True)):
        if u * b[pivot] != v * a[pivot]:
            what = f"the ratio of weight {i + 1} to weight {pivot + 1}"
            return _unlike(what, u / a[pivot], v / b[pivot])
    return None


def _within(a: Sequence[Fraction], b: Sequence[Fraction], angle: Fraction) -> bool:
    """Whether it is proved that the angle between the directions is at most this one."""
    dot, size = (sum(u * v for u, v in zip(*pair, strict=True)) for pair in ((a, b), (a, a)))
    square = dot * dot / (size * sum(v * v for v in b))
    low = min(angle, Fraction(1))
    # Angles below a right one are ordered by their sines, and sin t >= t - t^3/6.
    return dot > 0 and 1 - square <= (low - low**3 / 6) ** 2
