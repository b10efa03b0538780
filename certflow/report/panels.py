"""What a figure shows, as plain float arrays: no drawing here.

A plot is an approximation, so floats do; numbers that leave their range (delta down to 1e-100000) come as
decimal logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from certflow.outcome import Kind


@dataclass(frozen=True)
class DescentPanel:
    """One run of gradient descent: `iterations`, `loss`, `norm` (m), `angles` in degrees (m × neurons).

    Only iterations up to `until` are drawn (default: all).
    """

    title: str
    iterations: np.ndarray
    loss: np.ndarray
    norm: np.ndarray
    angles: np.ndarray
    until: int | None = None

    @property
    def last(self) -> float:
        """The last iteration drawn."""
        return float(self.iterations[-1] if self.until is None else self.until)


@dataclass(frozen=True)
class AngleMarks:
    """KKT points on the circle, in degrees: `maxima`, `minima`, `others` (saddles, degenerate), `arcs`
    (start, end).

    `targets` are those that the neurons can run to; empty if the KKT points are not known.
    """

    maxima: Sequence[float] = ()
    minima: Sequence[float] = ()
    others: Sequence[float] = ()
    arcs: Sequence[tuple[float, float]] = ()
    targets: Sequence[float] = ()


@dataclass(frozen=True)
class LawSeries:
    """Errors of one neuron over delta, as decimal logarithms (m each; infinite or NaN where there is none).

    `window` is the fitted range of log10 delta, `floor` the decimal logarithm of the error that stays as
    delta -> 0.
    """

    label: str
    log10_delta: np.ndarray
    log10_error: np.ndarray
    slope: float | None = None
    predicted: float | None = None
    window: tuple[float, float] | None = None
    floor: float | None = None


@dataclass(frozen=True)
class TimePanel:
    """One event over delta: `log10_delta`, measured `time` and the two lower bounds (m each); NaN where there
    is none.
    """

    title: str
    log10_delta: np.ndarray
    time: np.ndarray
    bound_nmax: np.ndarray
    bound_beta: np.ndarray


@dataclass(frozen=True)
class TradePanel:
    """delta_bar over what is varied, `label`: a number of blocks if `counted`, or decimal logarithms (m
    each); `asked` marks the theorem that was asked for.
    """

    label: str
    x: np.ndarray
    log10_delta_bar: np.ndarray
    asked: np.ndarray
    counted: bool


@dataclass(frozen=True)
class FieldPanel:
    """A gradient field in the plane: `field` (m × 2) at the points `at` (m × 2), KKT points on the unit
    circle by kind, kinks (start, end, convex) and named paths, each of one or more curves (m × 2).
    """

    at: np.ndarray
    field: np.ndarray
    names: tuple[str, str]
    marks: Sequence[tuple[Kind, np.ndarray]]
    kinks: Sequence[tuple[np.ndarray, np.ndarray, bool]]
    paths: Sequence[tuple[str, Sequence[np.ndarray]]]


def wrapped_line(x: np.ndarray, degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points of a line of angles on (-180, 180], broken where it passes ±180° instead of crossing the
    picture.

    Shapes (m), (m) -> (m'), (m'); a NaN separates the pieces, which end exactly on the edge.
    """
    xs, ys = [x[:1]], [degrees[:1]]
    for i in range(1, len(x)):
        jump = degrees[i] - degrees[i - 1]
        if abs(jump) > 180:
            edge = -180.0 if jump > 0 else 180.0
            before, after = abs(edge - degrees[i - 1]), abs(-edge - degrees[i])
            share = before / (before + after) if before + after > 0 else 0.0
            middle = x[i - 1] + share * (x[i] - x[i - 1])
            xs.append(np.array([middle, middle, middle]))
            ys.append(np.array([edge, np.nan, -edge]))
        xs.append(x[i : i + 1])
        ys.append(degrees[i : i + 1])
    return np.concatenate(xs), np.concatenate(ys)


def nearest(degrees: np.ndarray, targets: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """For angles (any shape) the index of the nearest of `targets` and the distance to it in degrees, on the
    circle.
    """
    difference = np.abs((degrees[..., None] - np.asarray(targets) + 180.0) % 360.0 - 180.0)
    return difference.argmin(axis=-1), difference.min(axis=-1)
