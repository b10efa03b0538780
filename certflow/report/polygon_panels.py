"""What the figure of limit flows through kinks shows, as plain float arrays: the polygon of every neuron,
what happens on it, and the kinks.

Every decision, what is crossed and what is kept, comes from the exact polygon; only places are rounded.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.flow.polygon.contacts import WholeVector
from certflow.flow.polygon.polygon import Edge, End
from certflow.flow.polygon.reduced import Reduced, reduced
from certflow.outcome import Fate, Inconclusive
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.structure.smoothness import smoothness_of
from certflow.theorems.early_direction_power_1.neurons import HiddenNeuron, cone_of, neurons_of

MOST_NEURONS = 200
"""The first so many are drawn; more are a grey patch, and a long file."""

_NEAR = 1e-9
_SAME = 1e-6
"""Limit directions that are nearer than this are drawn as one."""


class Landmark(enum.StrEnum):
    """What happens at a point of a limit flow, in the words of the legend."""

    START = "start"
    CROSSED = "kink crossed"
    FLIP = "v changes its sign"
    LIMIT = "limit direction"
    STOPS = "stops"
    ORIGIN = "w = 0"
    BRANCHES = "two solutions part"
    DEAD = "dead from the start"
    OPEN = "not decided"


_ENDINGS = {
    End.STOPS: Landmark.STOPS,
    End.ORIGIN: Landmark.ORIGIN,
    End.BRANCHES: Landmark.BRANCHES,
    End.OPEN: Landmark.OPEN,
    End.DEAD: Landmark.DEAD,
}


@dataclass(frozen=True)
class Kink:
    """A plane in which G has a kink, by its normal (d); convex for v > 0 and concave for v < 0 if `convex`,
    else the other way round.
    """

    normal: np.ndarray
    convex: bool


@dataclass(frozen=True)
class Stretch:
    """A straight piece of the path of w from `start` to `end`, or for ever in the direction `end` if it is
    `endless`; while v has this `sign`. It slides on kinks, or not; `branch`: one of two ways to go on.
    """

    neuron: int
    sign: int
    start: np.ndarray
    end: np.ndarray
    endless: bool = False
    slides: bool = False
    branch: bool = False


@dataclass(frozen=True)
class Happening:
    """What a neuron does at a point (d), a direction for limits."""

    what: Landmark
    neuron: int
    sign: int
    at: np.ndarray


@dataclass(frozen=True)
class FinalCone:
    """The cone about a limit direction that theorems use: no convex kink meets it, and who is in it far out,
    stays.
    """

    sign: int
    axis: np.ndarray
    width: float


@dataclass(frozen=True)
class PolygonPanel:
    """The limit flows of all neurons in their first layer, each in units of its own initial |w|.

    `limits[j]` numbers the limit directions of the neurons that have one; `neurons` are all of the network,
    of which the first `MOST_NEURONS` are drawn.
    """

    inputs: int
    kinks: Sequence[Kink]
    stretches: Sequence[Stretch]
    happenings: Sequence[Happening]
    cones: Sequence[FinalCone]
    limits: dict[int, int]
    neurons: int

    @property
    def signs(self) -> list[int]:
        """The signs of v that occur, 1 first."""
        return sorted({happening.sign for happening in self.happenings}, reverse=True) or [1]


def polygon_panel(problem: Problem, progress: Progress | None = None) -> PolygonPanel:
    """What is drawn for a network of power 1 with two or three features; raises `Inconclusive` for others."""
    if problem.order != 2 or smoothness_of(problem.network) != 0:
        raise Inconclusive("only the limit flows of networks of power 1 and order 2 are polygons.")
    G = reduced(problem)
    if G.inputs not in (2, 3):
        raise Inconclusive(f"only limit flows in 2 or 3 dimensions can be drawn, and here w has {G.inputs}.")
    neurons = neurons_of(problem, G, Fraction(0), progress)[:MOST_NEURONS]
    limits, cones = _limits(G, neurons)
    stretches = [stretch for neuron in neurons for stretch in stretches_of(neuron, _unit(neuron))]
    happenings = [happening for neuron in neurons for happening in _happenings(neuron)]
    kinks = [Kink(np.array(G.lines[k].x, dtype=float), G.lines[k].jump > 0) for k in G.kinks]
    return PolygonPanel(G.inputs, kinks, stretches, happenings, cones, limits, len(problem.blocks))


def _limits(G: Reduced, neurons: Sequence[HiddenNeuron]) -> tuple[dict[int, int], list[FinalCone]]:
    limits: dict[int, int] = {}
    cones: list[FinalCone] = []
    for neuron in neurons:
        if neuron.fate is Fate.CONVERGES:
            cone = cone_of(G, neuron)
            found = FinalCone(neuron.polygon.edges[-1].sign, cone.axis, cone.width)
            same = (i for i, each in enumerate(cones) if _equal(each, found))
            limits[neuron.index] = next(same, len(cones))
            cones += [found] if limits[neuron.index] == len(cones) else []
    return limits, cones


def _equal(one: FinalCone, other: FinalCone) -> bool:
    return one.sign == other.sign and float(np.abs(one.axis - other.axis).max()) < _SAME


def stretches_of(neuron: HiddenNeuron, unit: float = 1.0) -> Iterator[Stretch]:
    """The path of w of a neuron, in units of `unit`."""
    edges = neuron.polygon.edges
    for i, edge in enumerate(edges):
        start = _end(neuron, edges[i - 1]) if edge.returns else _float(edge.start)
        endless = edge.length is None and not edge.flips
        end = _float(edge.velocity) if endless else _end(neuron, edge) / unit
        yield Stretch(neuron.index, edge.sign, start / unit, end, endless, bool(edge.slides))
    branching = neuron.polygon.branching
    if branching is not None:
        for velocity in branching.velocities:
            at, move = _last(neuron) / unit, _float(velocity.vector)
            yield Stretch(neuron.index, branching.sign, at, move, True, bool(velocity.slides), branch=True)


def _happenings(neuron: HiddenNeuron) -> Iterator[Happening]:
    unit, path, j = _unit(neuron), neuron.polygon, neuron.index
    edges = path.edges
    first = edges[0].sign if edges else 1 if neuron.v > 0 else -1
    if path.ending is End.ZERO:
        return
    yield Happening(
        Landmark.DEAD if path.ending is End.DEAD else Landmark.START, j, first, _start(neuron) / unit
    )
    for i, edge in enumerate(edges):
        after = edges[i + 1] if i + 1 < len(edges) else None
        if edge.flips:
            at = _end(neuron, edge) / unit
            # It leaves one picture and enters the other.
            yield Happening(Landmark.FLIP, j, edge.sign, at)
            yield Happening(Landmark.FLIP, j, -edge.sign, at)
        elif after is not None and any(k not in after.slides for k in edge.met):
            yield Happening(Landmark.CROSSED, j, edge.sign, _float(after.start) / unit)
    last = edges[-1].sign if edges else first
    if path.branching is not None:
        last = path.branching.sign
    if path.ending is End.RAY:
        yield Happening(Landmark.LIMIT, j, last, _float(edges[-1].velocity))
    elif path.ending is not End.DEAD:
        yield Happening(_ENDINGS[path.ending], j, last, _last(neuron) / unit)


def _start(neuron: HiddenNeuron) -> np.ndarray:
    return np.array([float(value) for value in neuron.w])


def _unit(neuron: HiddenNeuron) -> float:
    return neuron.size or abs(float(neuron.v)) or 1.0


def _last(neuron: HiddenNeuron) -> np.ndarray:
    """The last point of the polygon."""
    edges = neuron.polygon.edges
    return _end(neuron, edges[-1]) if edges else _start(neuron)


def _end(neuron: HiddenNeuron, edge: Edge) -> np.ndarray:
    """The last point of an edge that has one; where v vanishes, the first with |W|^2 + c = 0."""
    start, move = _float(edge.start), _float(edge.velocity)
    if edge.flips:
        square, inward = float(move @ move), float(start @ move)
        rest = max(0.0, inward * inward - square * (float(start @ start) + float(neuron.polygon.c)))
        return start + (-inward - math.sqrt(rest)) / square * move
    if not edge.met:
        # W = 0, but with the direction from which it is reached.
        return _NEAR * start
    return start + float(edge.length or 0) * move


def _float(vector: WholeVector) -> np.ndarray:
    # Numerator and denominator may each be too long for a double.
    return np.array([float(value) for value in vector.exact()])
