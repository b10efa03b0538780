"""Proposed centres of tubes: each group's raw limit flow in double precision, as polynomials on a binary
grid.

Nothing here is proved and nothing needs to be: the tube (L3) measures how far a proposal is from a flow. A
proposal is good if it is short to write, its defect is small and its polynomials are broken where kinks are
crossed.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.flow.curve import Curve, Grid, GroupWeights, Piece, Window
from certflow.flow.enclose.fading import Fading
from certflow.flow.enclose.parts import ExpressionParts, parts_of
from certflow.flow.enclose.region import silent_room
from certflow.flow.endings import MAX_WINDOWS, Ending
from certflow.flow.propose.expression_series import ExpressionSeries
from certflow.flow.propose.fading import FadingSearch
from certflow.flow.propose.kinks import first_events
from certflow.flow.propose.limit_point import LimitPoint, settle
from certflow.flow.propose.series import PartSeries, series_of
from certflow.networks.expansion import written_blocks
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import tick

Array = Any

MAX_NUMBERS = 20_000_000
MAX_STEP = 0.2
SUB_STEP = 0.02
GRIDS = range(24, 61)

_TERMS = 20
_MOST_STEPS = 64
_LONGEST = 1.0
_WIDEST_TRY = 0.5
_NEAR = 1e-3
_NORM = 0.015
_ATTEMPTS = 4
_HALVINGS = 40
_PATIENCE = 40
_NEGLIGIBLE = 1e-9
_SIGNIFICANT = 12
_DOUBTFUL = 2.0**-20
_SILENT_GRID = 48


def groups_of(problem: Problem) -> list[GroupWeights]:
    """The groups whose directions are followed, each a tuple of parts, each part a tuple of weight indices.

    Order 2: one group per part. Otherwise one group of all parts: the neurons of the last hidden layer if
    only the last two layers are trained, else the whole network. Raises `Inconclusive` for expressions of
    order 2 that split into more blocks than they are written in.
    """
    network, parts = problem.network, tuple(problem.blocks)
    if problem.order == 2:
        if isinstance(network, Expression) and written_blocks(network.tree, network.weight_names) != parts:
            raise Inconclusive(
                "the expression is a sum over disjoint weights only when it is multiplied out; write it "
                "multiplied out."
            )
        return [(part,) for part in parts]
    return [(tuple(range(network.size)),)] if isinstance(network, Expression) else [parts]


class Proposal:
    """The limit flow of one group, followed as far as anyone asks, and the KKT point at which it ends.

    `grid` is the number of binary places (24 to 60), `max_step` bounds the change of direction per window and
    `steps` that per sub-step. `limit` is the KKT point, None as long as it is not known; `ending` says why
    there will be none. With a `search` the flow ends where it is found to fade: `fading`. Where starts are
    `exact`, one at a KKT point of a continuum is an end.
    """

    def __init__(
        self,
        problem: Problem,
        group: GroupWeights,
        grid: int = 48,
        max_step: float = MAX_STEP,
        steps: float = SUB_STEP,
        progress: Progress | None = None,
        search: FadingSearch | None = None,
        exact: bool = False,
    ) -> None:
        if grid not in GRIDS:
            raise BadInput(
                f"grid: {grid} binary places cannot be proposed in double precision; use 24 to 60."
            )
        self.problem, self.group, self.grid, self.max_step, self.sub_step, self.progress = (
            problem,
            group,
            grid,
            max_step,
            steps,
            progress,
        )
        self.start = _start_of(problem, group, grid)
        self.position = np.array(self.start, dtype=np.int64)
        self.windows: list[Window] = []
        self.ends: list[Array] = [self._weights()]
        self.limit: LimitPoint | None = None
        self.search, self.exact = search, exact
        self.fading: Fading | None = None
        self.ending: Ending | None = None if self.position.any() else Ending.ZERO
        self._nearest = math.inf
        self._numbers = 0
        self._largest = 0.0
        with np.errstate(all="ignore"):
            self._begin()

    def _begin(self) -> None:
        try:
            self.series = _series_of(self.problem, self.group)
        except OverflowError:
            self.ending = self.ending or Ending.OUT_OF_RANGE
            return
        self._length = 0.125 / self.series.scale
        z = self.series.kinks(self.ends[0])
        signs = _start_signs(self.problem, self.group, z)
        self._on = signs > 0
        if (
            self.ending is None
            and self.series.off == 0
            and z.size
            and (signs < 0).all()
            and self.problem.network.is_sum_of_neurons
        ):
            self.ending = Ending.DEAD

    def curve(self, distance: float) -> Curve:
        """The curve up to the first window from whose end on the angle to the KKT point stays at most
        `distance`.

        If a greater distance was reached before, but this one cannot be, the curve goes as far as the flow
        was followed.
        """
        # An overflow gives infinity or NaN, which is noticed.
        with np.errstate(all="ignore"):
            self._follow(distance)
        if self.limit is None:
            return Curve(self.grid, self.group, self.start, tuple(self.windows), None, self.ending)
        angles, count = self.angles(), len(self.windows)
        while count and angles[count - 1] <= distance:  # ends: count falls
            count -= 1
        centre = np.rint(self.limit.point * 2.0**self.grid).astype(np.int64)
        return Curve(self.grid, self.group, self.start, tuple(self.windows[:count]), _grid(centre))

    def angles(self) -> list[float]:
        """The angle to the KKT point at the start and at the end of each window; call it only if there is
        one.
        """
        if self.limit is None:
            raise ValueError("no KKT point is known")
        return [_angle(end, self.limit.point) for end in self.ends]

    # -- following -------------------------------------------------------------------------------------------

    def _weights(self) -> Array:
        return self.position * 2.0**-self.grid

    def _follow(self, distance: float) -> None:
        # ends: at most MAX_WINDOWS windows
        while not self._fades(distance) and not self._arrived(distance) and self.ending is None:
            tick()
            if len(self.windows) >= MAX_WINDOWS:
                self.ending = Ending.TOO_SLOW
            elif self._numbers > MAX_NUMBERS:
                self.ending = Ending.TOO_LONG
            else:
                self._advance()
            if self.progress is not None:
                self.progress("limit flow", len(self.windows), MAX_WINDOWS + 1)
        if self.ending is None:
            self._nearest = min(self._nearest, distance)
        elif not self._nearest < math.inf:
            self.limit = None
        if self.progress is not None:
            self.progress("limit flow", MAX_WINDOWS + 1, MAX_WINDOWS + 1)

    def _arrived(self, distance: float) -> bool:
        """Whether the direction is within `distance` of the KKT point, and coming closer; looks for that
        point.
        """
        u = self.ends[-1]
        growth, residual = self._residual()
        if not math.isfinite(growth) or not math.isfinite(residual):
            self.ending = Ending.OUT_OF_RANGE
            return False
        self._largest = max(self._largest, abs(growth) + residual)
        # One of a continuum of KKT points is known only as well as the flow is near it.
        if (
            self.limit is None
            or self.limit.continuum
            or len(self.ends) > 1
            and _angle(u, self.limit.point) > _angle(self.ends[-2], self.limit.point)
        ):
            found = settle(self.series, u)
            self.limit = (
                found if found is not None and found.strict and _angle(u, found.point) < _WIDEST_TRY else None
            )
            if self.limit is None:
                near = found is not None and _angle(u, found.point) < _NEAR
                self.ending = self._ended(found if near else None, growth, residual)
            elif self.exact and self.limit.continuum and not self.windows and self._at_rest(residual):
                self.ending = _at_kkt_point(self.problem, self.group)
        return self.limit is not None and _angle(u, self.limit.point) <= distance

    def _fades(self, distance: float) -> bool:
        """Whether the flow is where the neuron fades, or has ended before."""
        if self.search is not None and self.ending is None:
            self.fading = self.search.near(tuple(self.position[0].tolist()), distance)
            self.limit = None if self.fading is not None else self.limit
        return self.fading is not None or self.ending is not None

    def _residual(self) -> tuple[float, float]:
        """The growth rate L N and the length of the tangential gradient, both at the direction of the last
        end.
        """
        u, G = self.ends[-1], self.series.gradient(self.ends[-1], self._cell())
        P = float((u * u).sum())
        value = float((u * G).sum()) / P
        return value, float(np.linalg.norm(G - value * u)) / math.sqrt(P)

    def _ended(self, near: LimitPoint | None, growth: float, residual: float) -> Ending | None:
        """Why it is useless to go on, near a KKT point that is not strict or near none; None if the flow goes
        on.

        At rest, the tangential gradient is what the grid makes of zero. Near a saddle only rest is an end:
        the flow may pass it. What is negligible is measured by the largest growth rate and gradient on the
        way.
        """
        at_rest, small = self._at_rest(residual), abs(growth) < _NEGLIGIBLE * self._largest
        if at_rest and not self.windows:
            beside = Ending.SADDLE if near is not None and near.gap < 0 else Ending.FLAT
            return _at_kkt_point(self.problem, self.group) or (
                beside if abs(growth) > self._rounding() else Ending.NO_GRADIENT_AT_START
            )
        if near is not None and near.gap >= 0:
            return Ending.FADES if small or near.value == 0 else Ending.FLAT
        if at_rest:
            return Ending.SADDLE if near is not None else Ending.FADES if small else Ending.NOT_ISOLATED
        if len(self.windows) >= _PATIENCE and small and residual < _NEGLIGIBLE * self._largest:
            return Ending.NO_GRADIENT
        return None

    def _rounding(self) -> float:
        """The size of a gradient that the grid makes of zero."""
        series = self.series
        return math.sqrt(self.ends[-1].size) * series.order * series.scale * 2.0**-self.grid

    def _at_rest(self, residual: float) -> bool:
        return residual <= self._rounding()

    def _cell(self) -> Array:
        return np.where(self._on, 1.0, self.series.off)

    def _advance(self) -> None:
        """Append the next window: as long as its polynomials tell, and shorter if kinks make it end
        elsewhere.
        """
        u, cell = self.ends[-1], self._cell()
        growth, residual = self._residual()
        longest = min(
            _LONGEST / max(abs(growth), 1e-300), 2 * self._length, 1.5 * self.max_step / max(residual, 1e-300)
        )
        size = math.log(float((u * u).sum())) / 2
        rate = (
            growth
            + self.series.order * residual**2 * longest / 4
            + size / max(longest, 0.125 / self.series.scale)
        )
        for _ in range(_ATTEMPTS):
            tick()
            decay = _rounded(rate)
            U, Z = self.series.series(u, cell, float(decay), np.full(len(u), longest), _TERMS)
            factor = min(1.0, _reach(U, self.grid), self.max_step / max(float(np.linalg.norm(U[1])), 1e-300))
            end = float(np.linalg.norm((U * factor ** np.arange(_TERMS + 1)[:, None, None]).sum(0)))
            if abs(end - 1) <= _NORM:
                break
            longest *= factor if 0 < factor < 1 else 0.5
            rate += min(1.0, max(-1.0, math.log(max(end, 0.1)))) / longest * (1.0 if factor < 1 else 0.5)
        if not np.isfinite(U).all() or not longest * factor > 0:
            self.ending = Ending.OUT_OF_RANGE
            return
        at, on, numbers, h = (
            self.position.copy(),
            self._on.copy(),
            self._numbers,
            _rounded_down(longest * factor),
        )
        for _ in range(_HALVINGS):
            scale = (float(h) / longest) ** np.arange(_TERMS + 1)[:, None, None]
            parts = self._pieces(U * scale, Z * scale, decay, h)
            if parts is not None and self._fits(u):
                break
            self.position, self._on, self._numbers, h = at.copy(), on.copy(), numbers, h / 2
        else:
            self.ending = Ending.KINKS
            return
        self._length = float(h)
        speed = float(np.linalg.norm(U[1])) * float(h) / longest
        steps = 1
        while steps < _MOST_STEPS and 1.25 * speed > steps * self.sub_step:  # ends: steps doubles
            steps *= 2
        self.windows.append(Window(h, decay, steps, parts))
        self.ends.append(self._weights())

    def _fits(self, before: Array) -> bool:
        """Whether the window that led here kept the norm and turned no further than windows may."""
        after = self._weights()
        return (
            abs(float(np.linalg.norm(after)) - 1) <= _NORM * 5 / 4
            and _angle(before, after) <= 2 * self.max_step
        )

    def _pieces(
        self, U: Array, Z: Array, decay: Fraction, h: Fraction
    ) -> tuple[tuple[Piece, ...], ...] | None:
        """The pieces of every part on a window of length `h`, None if there are too many or they overflow;
        `U`, `Z`: the series on all of it.
        """
        m, whole = len(self.position), 1 << self.grid
        pieces: list[list[Piece]] = [[] for _ in range(m)]
        at = [0] * m
        active = np.arange(m)
        ignored = np.full(self._on.shape, self.series.off == 1)
        for _ in range(64 + 8 * self.series.kink_count):
            tick()
            when, which = first_events(Z / self.series.reach, self._on[active], ignored[active])
            cuts = _cuts(U, self.grid)
            for row, part in enumerate(active.tolist()):
                y, kink = float(when[row]), int(which[row])
                if cuts[row] < y:
                    y, kink = float(cuts[row]), -1
                rest = whole - at[part]
                end = whole if y >= 1 else at[part] + math.floor(y * rest)
                if end > at[part]:
                    share = (end - at[part]) / rest
                    pieces[part].append(
                        self._piece(part, U[:, row] * share ** np.arange(len(U))[:, None], end)
                    )
                    at[part] = end
                    ignored[part] = self.series.off == 1
                if kink >= 0 and y < 2:
                    self._on[part, kink] ^= True
                    ignored[part, kink] = True
            active = np.array([part for part in range(m) if at[part] < whole], dtype=int)
            if not len(active):
                return tuple(tuple(each) for each in pieces)
            u, cell = self._weights()[active], self._cell()[active]
            lengths = float(h) * np.array([(whole - at[part]) / whole for part in active])
            U, Z = self.series.select(active).series(u, cell, float(decay), lengths, _TERMS)
            if not np.isfinite(U).all():
                return None
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


def _grid(array: Array) -> Grid:
    return tuple(tuple(row) for row in array.tolist())


def _angle(u: Array, v: Array) -> float:
    """The angle between two directions, accurate for small angles."""
    a, b = u / np.linalg.norm(u), v / np.linalg.norm(v)
    return float(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def _series_of(problem: Problem, group: GroupWeights) -> PartSeries:
    parts = parts_of(problem, group)
    return (
        ExpressionSeries(parts)
        if isinstance(parts, ExpressionParts)
        else series_of(problem, group, parts.shallow)
    )


# -- the start -----------------------------------------------------------------------------------------------


def _start_of(problem: Problem, group: GroupWeights, grid: int) -> Grid:
    """The initial weights of the group, divided by their norm and rounded to the grid."""
    values = [[problem.direction[i] for i in part] for part in group]
    common = math.lcm(*(v.denominator for row in values for v in row))
    whole = [[v.numerator * (common // v.denominator) for v in row] for row in values]
    square = sum(v * v for row in whole for v in row)
    if square == 0:
        return tuple((0,) * len(row) for row in whole)
    root = math.isqrt(square << 256)
    return tuple(tuple(((v << (grid + 129)) // root + 1) // 2 for v in row) for row in whole)


def _start_signs(problem: Problem, group: GroupWeights, z: Array) -> Array:
    """The signs of the kink arguments (as `PartSeries.kinks`) of the initial weights: `z`, those on the grid,
    tell the clear ones, the exact direction all others.
    """
    signs, doubtful = np.sign(z), ~(np.abs(z) > _DOUBTFUL * np.abs(z).max(initial=0.0))
    network = problem.network
    if not doubtful.any():
        return signs
    if isinstance(network, Expression):
        N, own = parts_of(problem, group).N, [i for part in group for i in part]
        kinks = N.at(EXACT, problem.direction[own]).run.kinks
        return np.concatenate([np.sign(kink[:, 0]) for kink in kinks]).astype(float)[None]
    if not isinstance(network, FeedForward):
        return signs
    if not network.is_sum_of_neurons:
        kinks = network.forward(EXACT, problem.direction, problem.X).kinks
        return np.concatenate([np.sign(layer.T.reshape(-1).astype(object)) for layer in kinks]).astype(float)[
            None
        ]
    X = network.features(problem.X)
    for part, sample in np.argwhere(doubtful):
        inner = sum(v * problem.direction[w] for v, w in zip(X[sample], group[part], strict=False))
        signs[part, sample] = (inner > 0) - (inner < 0)
    return signs


def _at_kkt_point(problem: Problem, group: GroupWeights) -> Ending | None:
    """Whether the initial direction is exactly a KKT point of the group's NCF, or one where its gradient
    vanishes.
    """
    own = sorted(i for part in group for i in part)
    w = problem.direction[own]
    g = problem.correlation.restricted(own).gradient(EXACT, w)
    if not any(g):
        return Ending.DEAD if _dead(problem, group) else Ending.NO_GRADIENT_AT_START
    inner, square = sum(a * b for a, b in zip(w, g, strict=True)), sum(a * a for a in w)
    return Ending.KKT_START if all(b * square == a * inner for a, b in zip(w, g, strict=True)) else None


def _dead(problem: Problem, group: GroupWeights) -> bool:
    """Whether for every sample all neurons of a hidden layer are strictly inactive at the start, and give
    nothing then; of an expression, whether there is no gradient near the start.
    """
    network = problem.network
    if isinstance(network, Expression):
        return (
            silent_room(parts_of(problem, group), _start_of(problem, group, _SILENT_GRID), _SILENT_GRID) > 0
        )
    if not isinstance(network, FeedForward) or network.activation.off != 0 or network.activation.power < 2:
        return False
    kinks = network.forward(EXACT, problem.direction, problem.X).kinks
    silent = np.array([(layer < 0).all(axis=1) for layer in kinks])
    return bool(silent.any(axis=0).all())
