"""R1: a certificate as data, after everything about its form has been checked. Nothing here is believed yet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .problem import Problem
from .reading import Node, digest
from .verdicts import Clock

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
    claim: Node


def opened(content: Any, own: str, assumptions: tuple[str, ...], clock: Clock) -> tuple[dict[str, Node], Problem]:
    """The entries of a parsed file with the keys `own` besides those of every certificate (and perhaps units), and its
    problem in these units; the hashes match."""
    top = Node(content, "").fields(f"format version problem problem_sha256 assumptions claim sha256 {own}", "units")
    top["format"].text("certflow-certificate")
    top["version"].integer(1, 1)
    clock.enter("R1", "file")
    if digest({key: value for key, value in content.items() if key != "sha256"}) != content["sha256"]:
        top["sha256"].fail("the hash of the file does not match; it was changed after it was written")
    if digest(content["problem"]) != content["problem_sha256"]:
        top["problem_sha256"].fail("the hash of the problem does not match")
    if content["assumptions"] != list(assumptions):
        top["assumptions"].fail("these are not the assumptions of this checker")
    clock.enter("R1", "problem")
    return top, Problem(content["problem"], clock, top.get("units"))


def read(content: Any, clock: Clock, assumptions: tuple[str, ...] = ASSUMPTIONS) -> Certificate:
    """The certificate in a parsed file. Raises `Malformed`, or `Refused` for problems outside the theory."""
    top, problem = opened(content, "grid groups", assumptions, clock)
    grid = top["grid"].integer(24, 96)
    groups = []
    for node, parts in zip(top["groups"].items(len(problem.groups)), problem.groups, strict=True):
        clock.enter("R1", node.where)
        groups.append(_group(node, [len(problem.indices[j]) for j in parts], 1 << grid, clock))
    return Certificate(problem, content["problem_sha256"], grid, groups, top["claim"])


def _group(node: Node, sizes: list[int], unit: int, clock: Clock) -> Group:
    table = node.fields("outcome reason start windows trap")
    outcome = table["outcome"].text("converges", "shrinks", "dead", "zero", "inconclusive")
    reason = table["reason"].text()
    windows = table["windows"].items(0, MAX_WINDOWS)
    if outcome in ("zero", "inconclusive"):
        if table["start"].value is not None or windows or table["trap"].value is not None or (reason and outcome == "zero"):
            node.fail("an inconclusive or zero group has no start, no windows and no trap, and a zero one no reason")
        return Group(outcome, reason, [], [], None)
    if reason or (table["trap"].value is None) != (outcome == "dead"):
        node.fail("a group that converges or shrinks has a trap, a dead one has none, and neither has a reason")
    trap = None if outcome == "dead" else _trap(table["trap"], sizes)
    return Group(outcome, reason, _rows(table["start"], sizes), [_window(each, sizes, unit, clock) for each in windows], trap)


def _window(node: Node, sizes: list[int], unit: int, clock: Clock) -> Window:
    clock.tick()
    table = node.fields("h lambda steps parts")
    steps = [[_moderate(number) for number in step.items(3)] for step in table["steps"].items(1, MAX_STEPS)]
    if any(r <= 0 or s < 0 for _, r, s in steps):
        table["steps"].fail("a step needs r > 0 and s >= 0")
    h = _moderate(table["h"])
    if len(steps) & (len(steps) - 1) or h <= 0:
        node.fail("a window needs h > 0, and a number of steps that is a power of two")
    parts = []
    for size, part in zip(sizes, table["parts"].items(len(sizes)), strict=True):
        begin, pieces = 0, []
        for piece in part.items(1, MAX_PIECES):
            end, rows = piece.items(2)
            begin = end.integer(begin + 1, unit)
            pieces.append((begin, [row.integers(0, MAX_DEGREE) for row in rows.items(size)]))
        if begin != unit:
            part.fail("the last piece does not end with the window")
        parts.append(pieces)
    return Window(h, _moderate(table["lambda"]), steps, parts)


def _trap(node: Node, sizes: list[int]) -> Trap:
    table = node.fields("centre gamma r0 s gap_direction")
    gamma, r0, s = (_moderate(table[key]) for key in ("gamma", "r0", "s"))
    if gamma <= 0 or not 0 < r0 <= Fraction(1, 4) or s < 0:
        node.fail("a trap needs gamma > 0, 0 < r0 <= 1/4 and s >= 0")
    direction = table["gap_direction"]
    return Trap(_rows(table["centre"], sizes), gamma, r0, s, None if direction.value is None else _rows(direction, sizes))


def _rows(node: Node, sizes: list[int]) -> Rows:
    """Rows of integers of the given lengths."""
    return [row.integers(size, size) for row, size in zip(node.items(len(sizes)), sizes, strict=True)]


def _moderate(node: Node) -> Fraction:
    """A dyadic number that is not huge or tiny beyond any use."""
    result = node.dyadic()
    if result and not 2**-400 <= abs(result) <= 2**64:
        node.fail("the number is out of range")
    return result
