"""What the figures of KKT points show, as plain float arrays: N on the circle or the sphere, points, sets,
basins.

Doubles do: a picture proves nothing. What it marks comes from the proved set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.kkt.basins import Basin, basins
from certflow.kkt.neuron.circle import PlanarPoint
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import Continuum, KKTPoint, KKTSet
from certflow.kkt.table import coordinate_names, output_signs
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Kind
from certflow.problem import Problem

CIRCLE_STEPS = 1440
DISC_STEPS = 241


@dataclass(frozen=True)
class Mark:
    """A KKT entry: its kind, a unit vector (k), and the value of N there."""

    kind: Kind
    at: np.ndarray
    value: float


@dataclass(frozen=True)
class Band:
    """A piece of a basin on the circle in degrees, start < end in [-180, 180]; `entry` is what it flows
    to.
    """

    start: float
    end: float
    entry: int
    label: str


@dataclass(frozen=True)
class CirclePanel:
    """N over the angle in degrees (m each), marks by their angles, arcs of KKT points, and a row of bands per
    sign.
    """

    degrees: np.ndarray
    values: np.ndarray
    marks: Sequence[tuple[str, float, float]]
    arcs: Sequence[tuple[float, float]]
    rows: Sequence[tuple[int, Sequence[Band]]]
    names: Sequence[str]


@dataclass(frozen=True)
class SpherePanel:
    """N on the two discs of an equal-area map (m × m each, NaN outside), and what is drawn on them.

    `lines` are polylines on the sphere (m × 3) of the kinks, `arcs` those of one-dimensional sets; `regions`
    says, per disc, which grid points lie in a two-dimensional set.
    """

    values: tuple[np.ndarray, np.ndarray]
    regions: tuple[np.ndarray, np.ndarray]
    marks: Sequence[Mark]
    lines: Sequence[np.ndarray]
    arcs: Sequence[np.ndarray]
    names: Sequence[str]


# -- the circle ----------------------------------------------------------------------------------------------


def circle_panel(problem: Problem, kkt: KKTSet) -> CirclePanel:
    """What is drawn for points of the circle (k = 2)."""
    degrees = np.linspace(-180.0, 180.0, CIRCLE_STEPS + 1)
    angles = np.radians(degrees)
    values = kkt.function(problem.correlation).value(
        FLOAT, np.stack([np.cos(angles), np.sin(angles)], axis=1)
    )
    marks, arcs = [], []
    for point in kkt.points:
        if isinstance(point, PlanarPoint) and point.start_deg is not None and point.end_deg is not None:
            arcs += [
                (start, end)
                for start, end in _pieces(point.start_deg.midpoint_float(), point.end_deg.midpoint_float())
            ]
        elif (
            point.continuum is not None and point.continuum.dimension == 1 and len(point.continuum.lines) == 2
        ):
            arcs.append((-180.0, 180.0))
        else:
            marks.append((point.kind, _degrees(point), point.value.midpoint_float()))
    rows = []
    for sign in output_signs(problem):
        found = basins(kkt, sign)
        if found is not None:
            rows.append((sign, [band for i, basin in enumerate(found) for band in _bands(i, basin)]))
    return CirclePanel(degrees, values, marks, arcs, rows, coordinate_names(problem, kkt))


def _degrees(point: KKTPoint) -> float:
    x, y = (v.midpoint_float() for v in point.point)
    return float(np.degrees(np.arctan2(y, x)))


def _pieces(start: float, end: float) -> list[tuple[float, float]]:
    """The counterclockwise arc in the parts that the picture from -180° to 180° has."""
    whole = end - start >= 360
    start, end = ((v + 180) % 360 - 180 for v in (start, end))
    if whole:
        return [(-180.0, 180.0)]
    pieces = [(start, end)] if start < end else [(start, 180.0), (-180.0, end)]
    return [piece for piece in pieces if piece[1] > piece[0]]


def _bands(entry: int, basin: Basin) -> list[Band]:
    if basin.fraction.sign() == 0:
        return []
    share = basin.fraction.midpoint_float()
    start, end = basin.start.midpoint_float(), basin.end.midpoint_float()
    pieces = [(-180.0, 180.0)] if share == 1 else _pieces(start, end)
    widest = max(pieces, key=lambda piece: piece[1] - piece[0])
    return [Band(*piece, entry, f"{100 * share:.1f} %" if piece == widest else "") for piece in pieces]


# -- the sphere ----------------------------------------------------------------------------------------------


def sphere_panel(problem: Problem, kkt: KKTSet) -> SpherePanel:
    """What is drawn for points of the sphere (k = 3)."""
    N = kkt.function(problem.correlation)
    grids = disc_points(DISC_STEPS)
    cones = [
        p.continuum for p in kkt.points if p.continuum is not None and (p.continuum.rays or p.continuum.lines)
    ]
    values, regions = [], []
    for points in grids:
        inside = np.isfinite(points[..., 0])
        shown, region = np.full(inside.shape, np.nan), np.zeros(inside.shape, dtype=bool)
        shown[inside] = N.value(FLOAT, points[inside])
        for cone in cones:
            if cone.dimension == 2:
                region[inside] |= in_cone(cone, points[inside])
        values.append(shown)
        regions.append(region)
    marks = [
        Mark(p.kind, np.array([v.midpoint_float() for v in p.point]), p.value.midpoint_float())
        for p in kkt.points
        if p.continuum is None or p.continuum not in cones
    ]
    arcs = [line for cone in cones if cone.dimension == 1 for line in cone_arcs(cone)]
    return SpherePanel(
        (values[0], values[1]),
        (regions[0], regions[1]),
        marks,
        _kinks(problem, kkt),
        arcs,
        coordinate_names(problem, kkt),
    )


def disc_points(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The unit vectors (steps × steps × 3, NaN outside) under a grid on [-1, 1]² of both discs of Lambert's
    equal-area map.

    The left disc shows the half with third coordinate >= 0, the right one the other half, turned so that the
    two touch in the first axis.
    """
    axis = np.linspace(-1.0, 1.0, steps)
    x, y = np.meshgrid(axis, axis)
    square = x**2 + y**2
    # The rim itself may be missed by a rounding error.
    square = np.where(square <= 1 + 1e-9, square, np.nan)
    height, factor = 1 - square, np.sqrt(2 - square)
    front = np.stack([x * factor, y * factor, height], axis=-1)
    return front, front * np.array([-1.0, 1.0, -1.0])


def on_discs(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places (m × 2) of unit vectors (m × 3) on the two discs, NaN where a vector lies on the other
    half.
    """
    placed = []
    for turn in (1.0, -1.0):
        height = turn * points[:, 2]
        scale = np.where(height >= -1e-12, 1 / np.sqrt(1 + np.maximum(height, 0)), np.nan)
        placed.append(np.stack([turn * points[:, 0] * scale, points[:, 1] * scale], axis=1))
    return placed[0], placed[1]


def _kinks(problem: Problem, kkt: KKTSet) -> list[np.ndarray]:
    """The great circles on which one neuron has its kinks."""
    network = problem.network
    if kkt.of != "one neuron" or not isinstance(network, FeedForward):
        return []
    neuron = Neuron.of(network.features(problem.X), problem.z, network.activation)
    normals = np.zeros((len(neuron.kinked), 3))
    for row, hinge in zip(normals, neuron.kinked, strict=True):
        row[: neuron.inputs] = np.array(hinge.normal, dtype=float)
    return [great_circle(normal) for normal in normals]


def great_circle(normal: np.ndarray) -> np.ndarray:
    """The great circle orthogonal to `normal` (3), as a closed polyline."""
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    second = np.cross(normal, first)
    angles = np.linspace(0, 2 * np.pi, 361)[:, None]
    return np.cos(angles) * first / np.linalg.norm(first) + np.sin(angles) * second / np.linalg.norm(second)


def cone_arcs(cone: Continuum) -> list[np.ndarray]:
    """The arc of the sphere in a cone of dimension 1 on it: between two rays, half a circle, or a whole
    one.
    """
    rays, lines = (
        np.array([[float(v) for v in ray] for ray in each]).reshape(-1, 3) for each in (cone.rays, cone.lines)
    )
    if len(lines) == 2:
        return [great_circle(np.cross(lines[0], lines[1]))]
    if len(lines) == 1 and len(rays) >= 1:
        middle = rays[0] - (rays[0] @ lines[0]) / (lines[0] @ lines[0]) * lines[0]
        return [_between(lines[0], middle), _between(middle, -lines[0])]
    return [_between(rays[0], rays[1])] if len(rays) == 2 else []


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The shorter arc from `start` to `end`, which are not opposite."""
    share = np.linspace(0, 1, 91)[:, None]
    points = (1 - share) * start / np.linalg.norm(start) + share * end / np.linalg.norm(end)
    return points / np.linalg.norm(points, axis=1)[:, None]


def in_cone(cone: Continuum, points: np.ndarray) -> np.ndarray:
    """Which of the points (m × 3) lie in a full-dimensional cone: on the inner side of every facet that two
    of its generators span.
    """
    lines = [np.array([float(v) for v in line]) for line in cone.lines]
    generators = [np.array([float(v) for v in ray]) for ray in cone.rays] + lines + [-line for line in lines]
    generators = [v / np.linalg.norm(v) for v in generators]
    inside = np.ones(len(points), dtype=bool)
    for a, b in combinations(generators, 2):
        normal = np.cross(a, b)
        sides = np.array(generators) @ normal
        if np.linalg.norm(normal) < 1e-9:
            continue
        for turn in (1.0, -1.0):
            if (turn * sides >= -1e-9).all() and (turn * sides > 1e-9).any():
                inside &= points @ normal * turn >= -1e-9
    return inside
