"""Which horizon and radius promise the largest delta for given neurons to arrive, from the limit flows alone
(floats that propose).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.flow.propose.polygon_tube import Course, Route, follow, route_of
from certflow.outcome import Fate
from certflow.theorems.early_direction_power_1.bounds import Setting
from certflow.theorems.early_direction_power_1.neurons import Cone, HiddenNeuron, stopping

_SHARES = (0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.3, 0.42, 0.55, 0.7, 0.93)
"""Parts of epsilon that the forcing may take, of which the best is used."""
_MARGIN = 0.93
_NOTHING = 1e-200
_LEAST = 1e-120
"""Smaller deltas are beyond what doubles can square."""
_LONG = 1e9


@dataclass(frozen=True)
class Target:
    """A horizon and a radius for the blocks `wanted` to have arrived, and the delta that they promise."""

    wanted: frozenset[int]
    time: float
    radius: float | None
    delta: float


@dataclass(frozen=True)
class Arrival:
    """When the limit flow of a neuron has come how near to its limit: angles that fall with the times, and
    its mass then (as logarithms), which goes on growing at `rate`.
    """

    times: np.ndarray
    angles: np.ndarray
    logs: np.ndarray
    rate: float

    def time(self, angle: float) -> float:
        """When it is within `angle`; about infinite if never."""
        if not len(self.times) or self.angles[-1] > angle:
            return math.inf
        return float(self.times[int(np.argmax(self.angles <= angle))])

    def log_mass(self, time: float) -> float:
        """The logarithm of its mass at a time."""
        if time >= self.times[-1]:
            return float(self.logs[-1]) + self.rate * (time - float(self.times[-1]))
        return float(np.interp(time, self.times, self.logs))


class Planner:
    """The limit flows of all neurons, each followed until it has arrived."""

    def __init__(self, of: Setting) -> None:
        self.of = of
        # A up to which blocks surely rest, or shrink, in their own way; and the legs of those followed.
        self.largest: dict[int, float] = {}
        self.legs: dict[int, Route] = {}
        self.arrivals = {neuron.index: self._arrival(neuron) for neuron in of.neurons}

    def able(self) -> list[int]:
        """The blocks that may get a fate of their own, the earliest first."""
        times = {j: self.time(j, 0.5 * self._angle(j)) for j in self.arrivals}
        return sorted((j for j, time in times.items() if time < math.inf), key=lambda j: (times[j], j))

    def time(self, j: int, angle: float) -> float:
        """When a block has its fate, within `angle` of its limit."""
        return self.arrivals[j].time(angle)

    def _angle(self, j: int) -> float:
        cone = self.of.cones.get(j)
        return (
            self.of.epsilon
            if cone is None or cone.vertex
            else min(self.of.epsilon, cone.width / math.sqrt(2) * 0.999)
        )

    def plan(self, wanted: Collection[int]) -> Target | None:
        """The best horizon and radius for these blocks; None if there is none."""
        of = self.of
        cones = {j: of.cones[j] for j in wanted if j in of.cones}
        # Of blocks that do not get a fate nothing is known after the horizon.
        unknown = any(n.index not in wanted and not n.rests for n in of.neurons)
        slowest = 0.0 if unknown else min((2 * cone.g for cone in cones.values()), default=0.0)
        if not cones and not unknown:
            T = max((self.time(j, self._angle(j)) for j in wanted), default=1.0)
            return Target(frozenset(wanted), max(1.05 * T, 0.1 / max(of.slope, 1e-9)), None, of.norm)
        fastest = max((cone.g for cone in cones.values()), default=0.0)
        best: Target | None = None
        for share in _SHARES:
            sizes = [
                share * self._angle(j) / self._after(cone, slowest)
                for j, cone in cones.items()
                if not cone.vertex
            ]
            sizes += [
                min(0.3 * cone.g, 0.9 * cone.lock if cone.vertex else math.inf) / of.K
                for cone in cones.values()
            ]
            sizes += [self.largest[j] for j in wanted if j in self.largest]
            size = min(sizes, default=share / of.K)
            left = {j: self._angle(j) * _MARGIN for j in wanted}
            for j, cone in cones.items():
                tube = self.of.K / (cone.g + 2 * fastest) / math.sqrt(2)
                after = 0.0 if unknown else self._after(cone, slowest)
                left[j] -= 0.0 if cone.vertex else size * (tube + after)
            T = max(self.time(j, left[j]) for j in wanted)
            if not math.isfinite(T):
                continue
            T = max(T * 1.005, 1e-3)
            logs = [self.arrivals[n.index].log_mass(T) for n in of.neurons]
            top = max(logs)
            total = top + math.log(sum(math.exp(value - top) for value in logs))
            delta = of.norm * math.exp(0.5 * (math.log(size) - total))
            if delta > _LEAST and (best is None or delta > best.delta):
                best = Target(frozenset(wanted), T, math.sqrt(size), delta)
        return best

    def _after(self, cone: Cone, slowest: float) -> float:
        """About what the forcing adds to an angle after the horizon, over A at the radius."""
        return self.of.K / (cone.g + slowest) / math.sqrt(2)

    def routes(self, time: float) -> dict[int, Route]:
        """The legs of all neurons that are followed, up to a horizon."""
        return {j: route.until(time) for j, route in self.legs.items()}

    def _arrival(self, neuron: HiddenNeuron) -> Arrival:
        of, log = self.of, math.log(neuron.mass) if neuron.mass else -math.inf
        if not followed(neuron):
            time = 0.0
            if neuron.fate is Fate.VANISHES:
                time = (neuron.size + of.ball) / (neuron.depth * math.sqrt(float(neuron.polygon.c))) * 1.6
                self.largest[neuron.index] = 0.35 * neuron.depth / of.K
            rests = neuron.rests or neuron.fate is Fate.VANISHES
            never = 0.0 if rests else math.inf
            return Arrival(
                np.array([time]), np.array([never]), np.array([log]), 0.0 if rests else 2 * of.slope
            )
        cone = of.cones.get(neuron.index)
        g = of.slope if cone is None else cone.g
        least = (math.log(1 / of.epsilon) + 9) / g
        route = route_of(of.G, neuron.polygon, least, neuron.spread(of.ball))
        self.legs[neuron.index] = route
        course = follow(route, _NOTHING, np.ones(1), _LONG, 0.0)
        if neuron.fate is Fate.SHRINKS:
            self.largest[neuron.index] = 0.9 * min(route.legs[-1].lock, route.speed) / of.K
        if neuron.fate is Fate.STOPS:
            self.largest[neuron.index] = 0.5 * min(
                (abs(float(line.jump)) / (of.forcing * forced) for line, forced in stopping(of.G, neuron)),
                default=math.inf,
            )
        return _arrival_of(neuron, route, course, 2 * of.slope)


def followed(neuron: HiddenNeuron) -> bool:
    """Whether its polygon is followed in a tube."""
    return bool(neuron.polygon.edges) and neuron.fate is not Fate.VANISHES


def _arrival_of(neuron: HiddenNeuron, route: Route, course: Course, slope: float) -> Arrival:
    finite = np.isfinite(course.late)
    late, early = course.late[finite], course.early[finite]
    times = (late + early) / 2
    logs = np.log(course.mass[finite])
    if not len(times):
        times, logs = np.array([0.0]), np.array([math.log(neuron.mass)])
    angles = np.full(len(times), math.inf)
    if neuron.fate is Fate.CONVERGES and course.arrived:
        last = len(route.legs[-1].clock) - 1
        clock = course.clock[finite][-last:, 0]
        along = route.along + route.speed * clock
        mass = 2 * (along**2 + route.across**2) + route.c_low
        good = (along > 0) & (mass > 0)
        tilt = 0.5 * np.arcsin(np.minimum(1.0, abs(route.c_high) / np.where(good, mass, 1.0)))
        turn = 0.0 if route.vertex else np.arctan2(route.across, along)
        angles[-last:] = np.where(good, turn / math.sqrt(2) + tilt, math.inf)
        angles = np.minimum.accumulate(angles)
        return Arrival(late, angles, logs, 2 * route.speed)
    if neuron.fate in (Fate.STOPS, Fate.SHRINKS) and course.arrived:
        # A station later, wherever the checker has its own.
        at = course.entered * 1.02 + 0.05 / route.speed
        return Arrival(
            np.append(times, max(at, times[-1])), np.append(angles, 0.0), np.append(logs, logs[-1]), 0.0
        )
    return Arrival(times, angles, logs, slope)


def exact_radius(radius: float | None) -> Fraction | None:
    """The radius in three digits, rounded down."""
    if radius is None:
        return None
    unit = Fraction(10) ** (math.floor(math.log10(radius)) - 2)
    return Fraction(radius) // unit * unit
