"""What a polygon says of the path, in floats: where the limit flow is at which value of its clock."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from certflow.flow.polygon.polygon import End, Polygon

TAIL = 8.0
"""The last ray is followed until it is this many times as long as its start is far away."""

SHORT_OF_ORIGIN = 0.999
"""At w = 0 all kinks meet; the way there is followed up to this part of the last edge."""


class Station(NamedTuple):
    """The clock, the point, and the sign of v just before."""

    clock: float
    point: np.ndarray
    sign: int


def floats(vector) -> np.ndarray:
    return np.array([float(value) for value in vector.exact()])


def stations(polygon: Polygon) -> list[Station]:
    """All vertices after the start, in order, the points where v vanishes among them; also a far point of the
    last ray.
    """
    now, turned, found = 0.0, 0.0, []
    for edge in polygon.edges:
        p, u = floats(edge.start), floats(edge.velocity)
        if edge.flips:
            slope, height = p @ u, p @ p + float(polygon.c)
            length = turned = height / (-slope + math.sqrt(max(0.0, slope**2 - u @ u * height)))
        elif edge.length is None:
            length = TAIL * (1 + np.linalg.norm(p)) / np.linalg.norm(u)
        else:
            length = float(edge.length)
            if not any(_end(edge)):
                length *= SHORT_OF_ORIGIN
        now += length + (turned if edge.returns else 0)
        found.append(Station(now, p + length * u, edge.sign))
    if polygon.ending is End.STOPS and found:
        found.append(Station(now + 1, found[-1].point, found[-1].sign))
    return found


def branch_kind(polygon: Polygon, w) -> str:
    """Where two solutions part: at a flip, at w = 0, or on a kink."""
    if polygon.edges and polygon.edges[-1].flips:
        return "flip"
    return "kink" if branch_point(polygon, w).any() else "w = 0"


def branch_point(polygon: Polygon, w) -> np.ndarray:
    """Where two solutions part: the last vertex, the point of a flip, or the start."""
    if not polygon.edges:
        return np.array([float(value) for value in w])
    last = polygon.edges[-1]
    if last.flips:
        return stations(polygon)[-1].point
    return np.array([float(value) for value in _end(last)])


def _end(edge) -> list:
    return [a + edge.length * b for a, b in zip(edge.start.exact(), edge.velocity.exact(), strict=True)]
