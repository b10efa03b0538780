"""Piecewise polynomial curves on a binary grid: the centres of tubes, as exact data.

A curve `p(s)` follows the raw limit flow of a group of parts, `p' = grad N(p) - decay p + defect`; only its
direction matters, and `decay`, constant on a window, keeps the norm near 1. Whoever proposes a curve proves
nothing: what is true of it is derived from its integers, by the tube (L3) and again by the checker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from certflow.flow.endings import Ending

Indices = tuple[int, ...]
"""The places of the weights of one part among those of the problem."""

GroupWeights = tuple[Indices, ...]
"""Those of all parts of a group."""

Grid = tuple[tuple[int, ...], ...]
"""Per part and weight of the part, an integer that stands for itself times `2^-grid`."""


@dataclass(frozen=True)
class Piece:
    """One polynomial per weight of a part, `u(y) = sum_k c_k y^k` for y in [0, 1], which ends at `end
    2^-grid` of its window.

    `coefficients[i]` are c_1, c_2, ... of weight i; c_0 is the value of the piece before at its end, exactly.
    """

    end: int
    coefficients: Grid


@dataclass(frozen=True)
class Window:
    """A stretch of length `h` in s with one `decay`; `parts[j]` are the pieces of part j, first to last;
    `steps` equal steps are bounded one by one. `h` and `decay` are dyadic.
    """

    h: Fraction
    decay: Fraction
    steps: int
    parts: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True)
class PlacedPiece:
    """A piece in its place: those of part `part` from `begin` to `end` (times `2^-grid`) of window `window`;
    `rows[i]` are all coefficients c_0, c_1, ... of weight i.
    """

    window: int
    part: int
    begin: int
    end: int
    rows: Grid


@dataclass(frozen=True)
class Curve:
    """The proposed centre of one group: where it starts, its windows, and the KKT point near which it ends
    (L3.2).

    `weights[j]` are the indices of part j in the problem's weight vector. `centre` is None if no KKT point
    was found; `ending` then says why.
    """

    grid: int
    weights: GroupWeights
    start: Grid
    windows: tuple[Window, ...]
    centre: Grid | None
    ending: Ending | None = None

    @property
    def steps(self) -> int:
        """The number of steps of all windows."""
        return sum(window.steps for window in self.windows)

    def clock(self) -> Iterator[tuple[Fraction, Fraction]]:
        """Where each step ends in s, and its decay."""
        end = Fraction(0)
        for window in self.windows:
            for _ in range(window.steps):
                end += window.h / window.steps
                yield end, window.decay

    def polynomials(self) -> Iterator[PlacedPiece]:
        """All pieces in the order window, part, piece."""
        current = self.start
        for w, window in enumerate(self.windows):
            after = []
            for j, pieces in enumerate(window.parts):
                at, begin = current[j], 0
                for piece in pieces:
                    rows = tuple((c0, *c) for c0, c in zip(at, piece.coefficients, strict=True))
                    yield PlacedPiece(w, j, begin, piece.end, rows)
                    at, begin = tuple(sum(row) for row in rows), piece.end
                after.append(at)
            current = tuple(after)

    @property
    def end(self) -> Grid:
        """The last point of the curve, on its grid."""
        current = list(self.start)
        for each in self.polynomials():
            current[each.part] = tuple(sum(row) for row in each.rows)
        return tuple(current)
