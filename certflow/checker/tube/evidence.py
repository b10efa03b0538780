"""R1: the evidence about the groups of a problem, as data whose form has been checked. Nothing here is
believed yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..kernel.container import Assumptions, opened
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock

MAX_WINDOWS, MAX_STEPS, MAX_PIECES, MAX_DEGREE, MAX_BALLS = 20_000, 64, 4_000, 64, 32

_TRAPPED = ("converges", "shrinks", "continuum", "exact-start")
"""Outcomes of groups that end in a trap."""

_FREE = ("dead", "fades", "followed")
"""Outcomes of groups that are followed and have no trap."""

_ENDINGS = ("continuum", "fades")
"""Outcomes of groups that say more about where they end."""

Row = list[int]
Rows = list[Row]
Piece = tuple[int, Rows]


@dataclass(frozen=True)
class Window:
    """A stretch of the curve: length h in s, decay lambda, (mu, r, s) per step, pieces (end, coefficients)
    per part.
    """

    h: Fraction
    decay: Fraction
    steps: list[list[Fraction]]
    parts: list[list[Piece]]


@dataclass(frozen=True)
class BallEvidence:
    """A proposed smaller ball about the centre of a trap, which the law of its group uses from `after` after
    the horizon on.
    """

    gamma: Fraction
    r0: Fraction
    s: Fraction
    after: Fraction


@dataclass(frozen=True)
class TrapEvidence:
    """A proposed trap: centre on the grid, rate gamma on the region of angle r0, radial lift s."""

    centre: Rows
    gamma: Fraction
    r0: Fraction
    s: Fraction
    direction: Rows | None
    smaller: tuple[BallEvidence, ...] = ()


@dataclass(frozen=True)
class GroupEvidence:
    """The evidence about one group."""

    outcome: str
    reason: str
    start: Rows
    windows: list[Window]
    trap: TrapEvidence | None
    ending: Node | None = None
    symmetries: Node | None = None
    silent: Node | None = None


@dataclass(frozen=True)
class Certificate:
    """The whole file."""

    problem: Problem
    problem_sha256: str
    grid: int
    groups: list[GroupEvidence]
    claim: Node


def read(content: Any, clock: Clock, assumptions: Assumptions, expressions: bool = False) -> Certificate:
    """The certificate in a parsed file; its network may be given by an expression only where it says so.
    Raises `Malformed`, or `Refused` for problems outside the theory.
    """
    top, problem = opened(content, "grid groups", assumptions, clock, expressions=expressions)
    grid = top["grid"].integer(24, 96)
    groups = []
    for node, parts in zip(top["groups"].items(len(problem.groups)), problem.groups, strict=True):
        clock.enter("R1", node.where)
        groups.append(_group(node, [len(problem.indices[j]) for j in parts], 1 << grid, clock))
    return Certificate(problem, content["problem_sha256"], grid, groups, top["claim"])


def _group(node: Node, sizes: list[int], unit: int, clock: Clock) -> GroupEvidence:
    table = node.fields("outcome reason start windows trap", "ending symmetries silent")
    outcome = table["outcome"].text(*_TRAPPED, *_FREE, "zero", "inconclusive")
    reason, windows = table["reason"].text(), table["windows"].items(0, MAX_WINDOWS)
    start, trap = table["start"], table["trap"]
    if "ending" in table and outcome not in _ENDINGS:
        table["ending"].fail(f"only groups with one of the outcomes {', '.join(_ENDINGS)} have one")
    if outcome in ("zero", "inconclusive"):
        followed = start.value is not None or windows or trap.value is not None or len(table) > 5
        if followed or (reason and outcome == "zero"):
            node.fail(
                "an inconclusive or zero group has no start, no windows, no trap and nothing optional, and a "
                "zero one no reason"
            )
        return GroupEvidence(outcome, reason, [], [], None)
    if (reason and outcome != "followed") or (trap.value is None) != (outcome in _FREE):
        node.fail(
            f"a group with one of the outcomes {', '.join(_TRAPPED)} has a trap, one with {', '.join(_FREE)} "
            "has none, and only one that is followed has a reason"
        )
    proposed = None if outcome in _FREE else _trap(trap, sizes, outcome)
    rows = _rows(start, sizes)
    return GroupEvidence(
        outcome,
        reason,
        rows,
        [_window(each, sizes, unit, clock) for each in windows],
        proposed,
        table.get("ending"),
        table.get("symmetries"),
        table.get("silent"),
    )


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


def _trap(node: Node, sizes: list[int], outcome: str) -> TrapEvidence:
    table = node.fields("centre gamma r0 s gap_direction", "smaller")
    gamma, r0, s = (_moderate(table[key]) for key in ("gamma", "r0", "s"))
    if (gamma <= 0 and outcome != "exact-start") or not 0 < r0 <= Fraction(1, 4) or s < 0:
        node.fail("a trap needs gamma > 0, 0 < r0 <= 1/4 and s >= 0")
    centre, given = _rows(table["centre"], sizes), table["gap_direction"]
    direction = None if given.value is None else _rows(given, sizes)
    trap = TrapEvidence(centre, gamma, r0, s, direction)
    if "smaller" in table and outcome not in ("converges", "shrinks"):
        table["smaller"].fail("only what converges or shrinks has smaller balls")
    balls = table["smaller"].items(1, MAX_BALLS) if "smaller" in table else []
    return replace(trap, smaller=_smaller(balls, trap))


def _smaller(nodes: list[Node], trap: TrapEvidence) -> tuple[BallEvidence, ...]:
    balls = [BallEvidence(trap.gamma, trap.r0, trap.s, Fraction(0))]
    for node in nodes:
        table, last = node.fields("gamma r0 s after"), balls[-1]
        ball = BallEvidence(*(_moderate(table[key]) for key in ("gamma", "r0", "s", "after")))
        nested = 0 < ball.r0 <= last.r0 and ball.gamma >= last.gamma
        if not nested or ball.s < 0 or ball.after < last.after:
            node.fail("a ball is not larger, its gamma and `after` not smaller than those before, and s >= 0")
        balls.append(ball)
    return tuple(balls[1:])


def _rows(node: Node, sizes: list[int]) -> Rows:
    """Rows of integers of the given lengths."""
    return [row.integers(size, size) for row, size in zip(node.items(len(sizes)), sizes, strict=True)]


def _moderate(node: Node) -> Fraction:
    """A dyadic number that is not huge or tiny beyond any use."""
    result = node.dyadic()
    if result and not 2**-400 <= abs(result) <= 2**64:
        node.fail("the number is out of range")
    return result
