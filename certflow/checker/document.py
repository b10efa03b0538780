"""R1: a certificate as data, after everything about its form has been checked. Nothing here is believed yet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .problem import Problem
from .reading import digest, dyadic, integer, items, keys, parse, text
from .verdicts import Clock, Malformed

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is exact gradient flow in continuous time, w' = -grad Loss(w), from w(0) = delta w0, where w0 is the unit "
    "vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this certificate.",
)
"""What the theorem takes for granted; a certificate has to state exactly these sentences."""

MAX_WINDOWS, MAX_STEPS, MAX_PIECES, MAX_DEGREE = 20_000, 64, 4_000, 64

Rows = list[list[int]]
Piece = tuple[int, Rows]


@dataclass(frozen=True)
class Window:
    """A stretch of the curve: length h in s, decay lambda, (mu, r, s) per step, pieces (end, coefficients) per part."""

    h: Fraction
    decay: Fraction
    steps: list[list[Fraction]]
    parts: list[list[Piece]]


@dataclass(frozen=True)
class Trap:
    """A proposed trap: centre on the grid, rate gamma on the region of angle r0, radial lift s."""

    centre: Rows
    gamma: Fraction
    r0: Fraction
    s: Fraction
    direction: Rows | None


@dataclass(frozen=True)
class Group:
    """The evidence about one group."""

    outcome: str
    reason: str
    start: Rows
    windows: list[Window]
    trap: Trap | None


@dataclass(frozen=True)
class Certificate:
    """The whole file."""

    problem: Problem
    problem_sha256: str
    grid: int
    groups: list[Group]
    claim: dict[str, Any]


def read(data: bytes, clock: Clock) -> Certificate:
    """The certificate in `data`. Raises `Malformed`, or `Refused` for problems outside the theory."""
    content = parse(data)
    names = {"format", "version", "problem", "problem_sha256", "assumptions", "grid", "groups", "claim", "sha256"}
    top = keys(content, names, "file")
    text(top["format"], "format", ("certflow-certificate",))
    integer(top["version"], "version", 1, 1)
    clock.tick()
    if digest({key: value for key, value in top.items() if key != "sha256"}) != top["sha256"]:
        raise Malformed("sha256", "the hash of the file does not match; it was changed after it was written")
    if digest(top["problem"]) != top["problem_sha256"]:
        raise Malformed("problem_sha256", "the hash of the problem does not match")
    if top["assumptions"] != list(ASSUMPTIONS):
        raise Malformed("assumptions", "these are not the assumptions of this checker")
    if not isinstance(top["claim"], dict):
        raise Malformed("claim", "expected an object")
    problem = Problem(top["problem"], clock)
    grid = integer(top["grid"], "grid", 24, 96)
    count = len(problem.groups)
    records = items(top["groups"], "groups", count, count)
    groups = []
    for g, record in enumerate(records):
        clock.tick()
        sizes = [len(problem.indices[j]) for j in problem.groups[g]]
        groups.append(_group(record, f"groups[{g}]", sizes, 1 << grid))
    return Certificate(problem, top["problem_sha256"], grid, groups, top["claim"])


def _group(record: Any, where: str, sizes: list[int], unit: int) -> Group:
    table = keys(record, {"outcome", "reason", "start", "windows", "trap"}, where)
    outcome = text(table["outcome"], f"{where}.outcome", ("converges", "shrinks", "dead", "inconclusive"))
    reason = text(table["reason"], f"{where}.reason")
    windows = items(table["windows"], f"{where}.windows", 0, MAX_WINDOWS)
    if outcome == "inconclusive":
        if table["start"] is not None or windows or table["trap"] is not None:
            raise Malformed(where, "an inconclusive group has no start, no windows and no trap")
        return Group(outcome, reason, [], [], None)
    if reason or (table["trap"] is None) != (outcome == "dead"):
        raise Malformed(where, "a group that converges or shrinks has a trap, a dead one has none, and neither has a reason")
    start = _rows(table["start"], f"{where}.start", sizes)
    trap = None if outcome == "dead" else _trap(table["trap"], f"{where}.trap", sizes)
    return Group(outcome, reason, start, [_window(w, f"{where}.windows[{k}]", sizes, unit) for k, w in enumerate(windows)], trap)


def _window(record: Any, where: str, sizes: list[int], unit: int) -> Window:
    table = keys(record, {"h", "lambda", "steps", "parts"}, where)
    steps = []
    for k, step in enumerate(items(table["steps"], f"{where}.steps", 1, MAX_STEPS)):
        mu, r, s = (_moderate(v, f"{where}.steps[{k}]") for v in items(step, f"{where}.steps[{k}]", 3, 3))
        if r <= 0 or s < 0:
            raise Malformed(f"{where}.steps[{k}]", "a step needs r > 0 and s >= 0")
        steps.append([mu, r, s])
    h = _moderate(table["h"], f"{where}.h")
    if len(steps) & (len(steps) - 1) or h <= 0:
        raise Malformed(where, "the number of steps is a power of two, and h is positive")
    parts = []
    for j, pieces in enumerate(items(table["parts"], f"{where}.parts", len(sizes), len(sizes))):
        place, begin, own = f"{where}.parts[{j}]", 0, []
        for k, piece in enumerate(items(pieces, place, 1, MAX_PIECES)):
            end, rows = items(piece, f"{place}[{k}]", 2, 2)
            begin = integer(end, f"{place}[{k}]", begin + 1, unit)
            own.append((begin, _rows(rows, f"{place}[{k}]", [MAX_DEGREE] * sizes[j], False)))
        if begin != unit:
            raise Malformed(place, "the last piece does not end with the window")
        parts.append(own)
    return Window(h, _moderate(table["lambda"], f"{where}.lambda"), steps, parts)


def _trap(record: Any, where: str, sizes: list[int]) -> Trap:
    table = keys(record, {"centre", "gamma", "r0", "s", "gap_direction"}, where)
    gamma, r0, s = (_moderate(table[key], f"{where}.{key}") for key in ("gamma", "r0", "s"))
    if gamma <= 0 or not 0 < r0 <= Fraction(1, 4) or s < 0:
        raise Malformed(where, "a trap needs gamma > 0, 0 < r0 <= 1/4 and s >= 0")
    direction = table["gap_direction"]
    if direction is not None:
        direction = _rows(direction, f"{where}.gap_direction", sizes)
    return Trap(_rows(table["centre"], f"{where}.centre", sizes), gamma, r0, s, direction)


def _rows(value: Any, where: str, sizes: list[int], exact: bool = True) -> Rows:
    """Rows of integers of the given lengths (at most these, unless `exact`)."""
    rows = items(value, where, len(sizes), len(sizes))
    for row, size in zip(rows, sizes, strict=True):
        for v in items(row, where, size if exact else 0, size):
            if type(v) is not int:
                raise Malformed(where, "expected whole numbers")
    return rows


def _moderate(value: Any, where: str) -> Fraction:
    """A dyadic number that is not huge or tiny beyond any use."""
    result = dyadic(value, where)
    if result and not 2**-400 <= abs(result) <= 2**64:
        raise Malformed(where, "the number is out of range")
    return result
