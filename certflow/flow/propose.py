"""Proposed centres of tubes: each group's raw limit flow in double precision, as polynomials on a binary grid.

Nothing here is proved and nothing needs to be: the tube (L3) measures how far a proposal is from a flow. A proposal is
good if it is short to write, its defect is small and its polynomials are broken where kinks are crossed.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.flow.curve import Curve, Grid, Piece, Window
from certflow.flow.propose_field import Field, field_of
from certflow.flow.propose_kinks import first_events
from certflow.flow.propose_limit import Limit, settle
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import tick

Array = Any
Indices = tuple[int, ...]
Group = tuple[Indices, ...]

MAX_WINDOWS = 1_000
MAX_NUMBERS = 20_000_000
MAX_STEP = 0.2
SUB_STEP = 0.02
GRIDS = range(24, 61)

_TERMS = 20
_MOST_STEPS = 64
_LONGEST = 1.0
_SLOWEST = 1e-6
_WIDEST_TRY = 0.5
_NEAR = 1e-3
_NORM = 0.015
_ATTEMPTS = 4
_PATIENCE = 40
_AT_REST = 1e-12
_NEGLIGIBLE = 1e-9
_SIGNIFICANT = 12
_DOUBTFUL = 2.0**-20

_FLAT_ZERO = "the NCF tends to 0 along the limit flow, whose limit is degenerate, for example on the boundary of a dead cell."
_NOT_STRICT = "the limit of the flow is not a strict KKT point: in some direction the NCF is flat to second order, or grows."
_NO_GRADIENT = "the NCF and its gradient tend to 0 along the limit flow."
_AT_REST_AT_ONCE = "the gradient of the NCF is zero at the start, or too small to be followed."
_AT_REST_LATER = "the limit flow comes to rest where no isolated KKT point is found."


def is_shallow(problem: Problem) -> bool:
    """Whether only the last two layers are trained, so that the parts are neurons on fixed features."""
    network = problem.network
    return isinstance(network, FeedForward) and min(network.trained) >= network.depth - 1


def groups_of(problem: Problem) -> list[Group]:
    """The groups whose directions are followed, each a tuple of parts, each part a tuple of weight indices.

    Order 2: one group per part. Otherwise one group of all parts: the neurons of the last hidden layer if only the
    last two layers are trained, else the whole network. Raises `Inconclusive` for expressions.
    """
    if not isinstance(problem.network, FeedForward):
        raise Inconclusive("certified flows exist for one-layer, two-layer and feed-forward networks, not for expressions yet.")
    parts = tuple(problem.blocks)
    return [(part,) for part in parts] if problem.order == 2 else [parts]


def propose_curve(
    problem: Problem,
    group: Group,
    distance: float,
    grid: int = 48,
    max_step: float = MAX_STEP,
    steps: float = SUB_STEP,
    progress: Progress | None = None,
) -> Curve:
    """The curve of one group up to the angle `distance` from its KKT point; see `Proposal`."""
    return Proposal(problem, group, grid, max_step, steps, progress).curve(distance)


class Proposal:
    """The limit flow of one group, followed as far as anyone asks, and the KKT point at which it ends.

    `grid` is the number of binary places (24 to 60), `max_step` bounds the change of direction per window and `steps` that
    per sub-step. `limit` is the KKT point, None as long as it is not known; `reason` says in one sentence why there is none.
    """

    def __init__(
        self,
        problem: Problem,
        group: Group,
        grid: int = 48,
        max_step: float = MAX_STEP,
        steps: float = SUB_STEP,
        progress: Progress | None = None,
    ) -> None:
        if grid not in GRIDS:
            raise BadInput(f"grid: {grid} binary places cannot be proposed in double precision; use 24 to 60.")
        self.problem, self.group, self.grid, self.max_step, self.sub_step, self.progress = (
            problem,
            group,
            grid,
            max_step,
            steps,
            progress,
        )
        self.field: Field = field_of(problem, group, is_shallow(problem))
        self.start = _start(problem, group, grid)
        self.position = np.array(self.start, dtype=np.int64)
        self.windows: list[Window] = []
        self.ends: list[Array] = [self._weights()]
        self.limit: Limit | None = None
        self.reason = ""
        self._numbers = 0
        self._length = 0.125 / self.field.scale
        z = self.field.kinks(self.ends[0])
        signs = start_signs(problem, group, z)
        self._on = signs > 0
        if not self.position.any():
            self.reason = "the initial weights of this group are zero, so that it has no direction."
        elif self.field.off == 0 and z.size and (signs < 0).all() and is_shallow(problem):
            self.reason = "dead"

    def curve(self, distance: float) -> Curve:
        """The curve up to the first window from whose end on the angle to the KKT point stays at most `distance`."""
        self._follow(distance)
        if self.limit is None:
            return Curve(self.grid, self.group, self.start, tuple(self.windows), None, self.reason)
        angles, count = self.angles(), len(self.windows)
        while count and angles[count - 1] <= distance:
            count -= 1
        centre = np.rint(self.limit.point * 2.0**self.grid).astype(np.int64)
        return Curve(self.grid, self.group, self.start, tuple(self.windows[:count]), _grid(centre))

    def angles(self) -> list[float]:
        """The angle to the KKT point at the start and at the end of each window; call it only if there is one."""
        if self.limit is None:
            raise ValueError("no KKT point is known")
        return [_angle(end, self.limit.point) for end in self.ends]

    # -- following -------------------------------------------------------------------------------------------------

    def _weights(self) -> Array:
        return self.position * 2.0**-self.grid

    def _follow(self, distance: float) -> None:
        while not self.reason and not self._arrived(distance) and not self.reason:
            tick()
            if len(self.windows) >= MAX_WINDOWS or self._numbers > MAX_NUMBERS:
                self.limit, self.reason = (
                    None,
                    f"the limit flow did not come near a KKT point within {len(self.windows)} windows.",
                )
                return
            self._advance()
            if self.progress is not None:
                self.progress("limit flow", len(self.windows), MAX_WINDOWS + 1)
        if self.progress is not None:
            self.progress("limit flow", MAX_WINDOWS + 1, MAX_WINDOWS + 1)

    def _arrived(self, distance: float) -> bool:
        """Whether the direction is within `distance` of the KKT point, and coming closer; looks for that point."""
        u, scale = self.ends[-1], self.field.scale
        value, residual = self._residual()
        if self.limit is None or (len(self.ends) > 1 and _angle(u, self.limit.point) > _angle(self.ends[-2], self.limit.point)):
            self.limit = None
            found = settle(self.field, u) if residual < max(scale, abs(value)) else None
            if found is not None and found.strict and _angle(u, found.point) < _WIDEST_TRY:
                self.limit = found
            elif found is not None and not found.strict and _angle(u, found.point) < _NEAR:
                self.reason = _FLAT_ZERO if abs(found.value) < _NEGLIGIBLE * scale else _NOT_STRICT
        if self.limit is not None:
            return _angle(u, self.limit.point) <= distance
        if not self.reason:
            self.reason = self._standstill(value, residual)
        return False

    def _residual(self) -> tuple[float, float]:
        """The growth rate L N and the length of the tangential gradient, both at the direction of the last end."""
        u, G = self.ends[-1], self.field.gradient(self.ends[-1], self._cell())
        P = float((u * u).sum())
        value = float((u * G).sum()) / P
        return value, float(np.linalg.norm(G - value * u)) / math.sqrt(P)

    def _standstill(self, value: float, residual: float) -> str:
        """Why it is useless to go on, or nothing."""
        scale = self.field.scale
        if residual < _AT_REST * scale:
            if not self.windows:
                return _AT_REST_AT_ONCE
            return _FLAT_ZERO if abs(value) < _NEGLIGIBLE * scale else _AT_REST_LATER
        if len(self.windows) >= _PATIENCE and abs(value) + residual < _NEGLIGIBLE * scale:
            return _NO_GRADIENT
        return ""

    def _cell(self) -> Array:
        return np.where(self._on, 1.0, self.field.off)

    def _advance(self) -> None:
        """Append the next window."""
        u, cell = self.ends[-1], self._cell()
        growth, residual = self._residual()
        least = _SLOWEST * self.field.scale
        longest = min(_LONGEST / max(abs(growth), least), 2 * self._length, 1.5 * self.max_step / max(residual, least))
        size = math.log(float((u * u).sum())) / 2
        rate = growth + self.field.order * residual**2 * longest / 4 + size / longest
        for _ in range(_ATTEMPTS):
            tick()
            decay = _rounded(rate)
            U, Z = self.field.series(u, cell, float(decay), np.full(len(u), longest), _TERMS)
            factor = min(1.0, _reach(U, self.grid), self.max_step / max(float(np.linalg.norm(U[1])), 1e-300))
            end = float(np.linalg.norm((U * factor ** np.arange(_TERMS + 1)[:, None, None]).sum(0)))
            if abs(end - 1) <= _NORM:
                break
            longest *= factor if factor < 1 else 0.5
            rate += min(1.0, max(-1.0, math.log(max(end, 0.1)))) / longest * (1.0 if factor < 1 else 0.5)
        h = _rounded_down(longest * factor)
        self._length = float(h)
        scale = (float(h) / longest) ** np.arange(_TERMS + 1)[:, None, None]
        speed = float(np.linalg.norm(U[1])) * float(h) / longest
        parts = self._pieces(U * scale, Z * scale, decay, h)
        if parts is None:
            self.limit, self.reason = None, "the limit flow crosses too many kinks at once."
            return
        steps = 1
        while steps < _MOST_STEPS and 1.25 * speed > steps * self.sub_step:
            steps *= 2
        self.windows.append(Window(h, decay, steps, parts))
        self.ends.append(self._weights())

    def _pieces(self, U: Array, Z: Array, decay: Fraction, h: Fraction) -> tuple[tuple[Piece, ...], ...] | None:
        """The pieces of every part on a window of length `h`, None if there are too many; `U`, `Z`: the series on all of it."""
        m, whole = len(self.position), 1 << self.grid
        pieces: list[list[Piece]] = [[] for _ in range(m)]
        at = [0] * m
        active = np.arange(m)
        ignored = np.full(self._on.shape, self.field.off == 1)
        for _ in range(64 + 8 * self.field.kink_count):
            tick()
            when, which = first_events(Z, self._on[active], ignored[active])
            cuts = _cuts(U, self.grid)
            for row, part in enumerate(active.tolist()):
                y, kink = float(when[row]), int(which[row])
                if cuts[row] < y:
                    y, kink = float(cuts[row]), -1
                rest = whole - at[part]
                end = whole if y >= 1 else at[part] + math.floor(y * rest)
                if end > at[part]:
                    share = (end - at[part]) / rest
                    pieces[part].append(self._piece(part, U[:, row] * share ** np.arange(len(U))[:, None], end))
                    at[part] = end
                    ignored[part] = self.field.off == 1
                if kink >= 0 and y < 2:
                    self._on[part, kink] ^= True
                    ignored[part, kink] = True
            active = np.array([part for part in range(m) if at[part] < whole], dtype=int)
            if not len(active):
                return tuple(tuple(each) for each in pieces)
            u, cell = self._weights()[active], self._cell()[active]
            lengths = float(h) * np.array([(whole - at[part]) / whole for part in active])
            U, Z = self.field.select(active).series(u, cell, float(decay), lengths, _TERMS)
        return None

    def _piece(self, part: int, c: Array, end: int) -> Piece:
        """The polynomial rounded to the grid; moves the part to its end."""
        rounded = np.rint(c[1:] * 2.0**self.grid).astype(np.int64)
        self.position[part] += rounded.sum(0)
        columns = []
        for column in rounded.T:
            last = np.nonzero(column)[0]
            columns.append(tuple(column[: last[-1] + 1].tolist()) if len(last) else ())
            self._numbers += len(columns[-1])
        return Piece(end, tuple(columns))


def _reach(U: Array, grid: int) -> float:
    """The part of the length after which the last coefficients are below the grid."""
    tail = 2.0 ** -(grid + 3)
    top = len(U) - 1
    sizes = [(k, float(np.abs(U[k]).max())) for k in (top - 1, top)]
    return min((tail / size) ** (1 / k) if size > 0 else math.inf for k, size in sizes)


def _cuts(U: Array, grid: int) -> list[float]:
    """Per part where to cut so that the last coefficients are below the grid; 2 if there is no need."""
    result = []
    for row in range(U.shape[1]):
        reach = _reach(U[:, row], grid - 3)
        result.append(2.0 if reach >= 1 else 1 / math.ceil(1 / reach))
    return result


def _rounded(rate: float) -> Fraction:
    """A dyadic number with about 30 digits near `rate`."""
    mantissa, exponent = math.frexp(rate)
    return Fraction(round(mantissa * 2**30)) * Fraction(2) ** (exponent - 30)


def _rounded_down(h: float) -> Fraction:
    """A dyadic number of few digits, at most h and not much less."""
    mantissa, exponent = math.frexp(h)
    return Fraction(math.floor(mantissa * 2**_SIGNIFICANT)) * Fraction(2) ** (exponent - _SIGNIFICANT)


def _start(problem: Problem, group: Group, grid: int) -> Grid:
    """The initial weights of the group, divided by their norm and rounded to the grid."""
    values = [[problem.direction[i] for i in part] for part in group]
    common = math.lcm(*(v.denominator for row in values for v in row))
    whole = [[v.numerator * (common // v.denominator) for v in row] for row in values]
    square = sum(v * v for row in whole for v in row)
    if square == 0:
        return tuple((0,) * len(row) for row in whole)
    root = math.isqrt(square << 256)
    return tuple(tuple(((v << (grid + 129)) // root + 1) // 2 for v in row) for row in whole)


def start_signs(problem: Problem, group: Group, z: Array) -> Array:
    """The signs of the kink arguments (as `Field.kinks`) of the initial weights: `z`, those on the grid, tell the clear
    ones, the exact direction all others."""
    signs, doubtful = np.sign(z), ~(np.abs(z) > _DOUBTFUL * np.abs(z).max(initial=0.0))
    network = problem.network
    if not doubtful.any() or not isinstance(network, FeedForward):
        return signs
    if not is_shallow(problem):
        kinks = network.forward(EXACT, problem.direction, problem.X).kinks
        return np.concatenate([np.sign(layer.T.reshape(-1).astype(object)) for layer in kinks]).astype(float)[None]
    X = network.features(problem.X)
    for part, sample in np.argwhere(doubtful):
        inner = sum(v * problem.direction[w] for v, w in zip(X[sample], group[part], strict=False))
        signs[part, sample] = (inner > 0) - (inner < 0)
    return signs


def _grid(array: Array) -> Grid:
    return tuple(tuple(row) for row in array.tolist())


def _angle(u: Array, v: Array) -> float:
    """The angle between two directions, accurate for small angles."""
    a, b = u / np.linalg.norm(u), v / np.linalg.norm(v)
    return float(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))
