"""What holds up to the horizon and after it for one delta, in doubles (L11.16 to L11.23): the table of masses
closes, and every direction that has arrived stays within epsilon. It proposes; the checker proves.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from certflow.flow.polygon.reduced import Reduced
from certflow.flow.propose.polygon_tube import Course, Route, follow
from certflow.outcome import Fate
from certflow.theorems.early_direction_power_1.neurons import Cone, HiddenNeuron, stopping

LARGEST = 600.0
"""Exponents beyond it are about infinite."""
UNKNOWN = (Fate.FOLLOWED, Fate.BRANCHES, Fate.INCONCLUSIVE)
"""The fates of blocks of which nothing is said after the horizon."""
NOT_ARRIVED = "it is followed up to the horizon, but has not arrived by then"


@dataclass(frozen=True)
class Caution:
    """How careful a proposal is: by what factor it exceeds what is found, because the checker's stations are
    others, which share of the largest delta it takes, and which neurons it does not follow.
    """

    room: float = 1.03
    share: float = 1.0
    without: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Setting:
    """What does not depend on delta, in the units of the proof: the norm of the direction, K, the largest
    |G|, the radius of the ball of starts, and the angle to be kept.
    """

    G: Reduced
    neurons: Sequence[HiddenNeuron]
    cones: dict[int, Cone]
    norm: float
    K: float
    forcing: float
    """omega m: K without the inputs."""
    slope: float
    ball: float
    epsilon: float
    caution: Caution


@dataclass(frozen=True)
class Arrived:
    """A block that has its fate at the horizon: `turn` is D, `tilt` is psi, with the rates from then on."""

    turn: float
    tilt: float
    gamma: float
    nu: float
    K: float
    mass: float
    """At least, at the horizon."""
    g: float
    vertex: bool
    cone: float


@dataclass(frozen=True)
class AtHorizon:
    """A table of masses that closes for one delta, with everything at the horizon."""

    delta: float
    unit: float
    """The masses are in units of this."""
    step: float
    masses: np.ndarray
    radius: float | None
    courses: dict[int, Course]
    fates: dict[int, tuple[Fate, str]]
    arrived: dict[int, Arrived]
    resting: dict[int, float]
    """The angle within which a block rests that stopped, vanished or shrinks."""
    fastest: float
    floors: dict[int, float]
    constants: dict[int, float]
    """What an angle is at most later: the floor times A, and what blocks that shrink force."""
    known: bool
    """Whether every block has a fate."""
    lawful: bool

    @property
    def time(self) -> float:
        """The horizon."""
        return self.step * len(self.masses)

    def angle(self, j: int, growth: float, size: float) -> float:
        """A bound of the angle of a converging block once the size has grown by the factor `growth` to A =
        `size`, if every block has a fate (L11.21).
        """
        block = self.arrived[j]
        shrunk = (block.turn / math.sqrt(2) + block.tilt) * growth ** -exponent(block, self.fastest)
        return shrunk + self.constants[j] + self.floors[j] * size

    def angles(self, j: int, start: float, end: float) -> tuple[float, float]:
        """Bounds of the angle of a converging block from the horizon, where A = `start`, until A = `end`, and
        just then (L11.21).
        """
        block = self.arrived[j]
        growth = 1.0 if self.fastest == 0 else math.sqrt(end / start)
        last = self.angle(j, growth, end)
        if self.known:
            return max(self.angle(j, 1.0, start), last), last
        # The forcing may be as large at once, but then it is the most that the angle can become.
        most = max(block.turn / math.sqrt(2), self.floors[j] * end) + block.tilt
        return most, min(last, most)

    def failing(self, of: Setting) -> set[int]:
        """The converging blocks that are not proved to stay within epsilon and their cone."""
        start = self.unit * float(self.masses[-1])
        end = start if self.radius is None else self.radius**2
        failing = set()
        for j, block in self.arrived.items():
            worst = self.angles(j, start, end)[0] * of.caution.room
            turned = math.sqrt(2) * worst
            if worst > of.epsilon or (not block.vertex and turned >= block.cone * (1 - 1e-6)):
                failing.add(j)
        return failing


def exponent(block: Arrived, fastest: float) -> float:
    """With which power of ‖w‖ the angle at the horizon is forgotten (L11.21)."""
    return (block.nu if block.vertex else min(block.gamma, block.nu)) / fastest


class Attempt:
    """One delta, one horizon and one radius, tried on routes that reach so far."""

    def __init__(
        self,
        setting: Setting,
        routes: dict[int, Route],
        wanted: Collection[int],
        delta: float,
        step: float,
        count: int,
    ) -> None:
        self.of, self.routes, self.wanted = setting, routes, wanted
        self.delta, self.step, self.count = delta, step, count
        self.unit = (delta / setting.norm) ** 2
        self.kappa = setting.K * self.unit

    def courses(self, B: np.ndarray) -> dict[int, Course]:
        """Every neuron that is followed, while the masses are at most B."""
        return {j: follow(route, self.kappa, B, self.step, self.of.ball) for j, route in self.routes.items()}

    def masses(self, B: np.ndarray, courses: dict[int, Course]) -> np.ndarray:
        """The mass of all together on every step (L11.16, L11.17)."""
        total = np.zeros(self.count)
        rates = 2 * (self.of.slope + self.kappa * B) * self.step
        for neuron in self.of.neurons:
            course = courses.get(neuron.index)
            if course is None:
                start = (math.sqrt(neuron.mass) + self.of.ball) ** 2
                known = neuron.rests or (neuron.fate is Fate.VANISHES and neuron.index in self.wanted)
                total += start if known else start * np.exp(np.minimum(np.cumsum(rates), LARGEST))
            else:
                total += self._mass(course, rates)
        return total

    def _mass(self, course: Course, rates: np.ndarray) -> np.ndarray:
        h, M = self.step, self.count
        times = h * np.arange(M + 1)
        result = np.zeros(M)
        if len(course.mass):
            first = np.searchsorted(course.late, times[:-1] * (1 - 1e-9), "left")
            last = np.searchsorted(course.early, times[1:] * (1 + 1e-9), "right")
            padded = np.append(course.mass, 0.0)
            inside = first < last
            pairs = np.stack(
                [np.minimum(first, len(course.mass)), np.minimum(last, len(course.mass))], axis=1
            )
            found = np.maximum.reduceat(padded, pairs.ravel())[::2]
            result = np.where(inside, found, 0.0)
        if not course.covers:
            # The checker may give up a station earlier.
            q0 = min(M - 1, int(0.92 * course.last_early / h))
            grown = np.zeros(M)
            grown[q0:] = course.last_mass * np.exp(np.minimum(np.cumsum(rates[q0:]), LARGEST))
            result = np.maximum(result, grown)
        return result

    def close(self, limit: np.ndarray, most: float) -> tuple[np.ndarray, dict[int, Course]] | None:
        """A table that closes, with the courses in it; None if there is none, or the mass at the horizon is
        above `most`.
        """
        room = self.of.caution.room
        B = np.maximum.accumulate(np.maximum(limit, self.of.norm**2)) * room * (1 + 2e-3)
        for _ in range(12):
            if not B[-1] <= most:
                return None
            courses = self.courses(B)
            found = self.masses(B, courses)
            if (found * room < B).all():
                return B, courses
            B = np.maximum.accumulate(np.maximum(B, found * room * (1 + 2e-3)))
        return None

    def state(self, limit: np.ndarray, radius: float | None) -> AtHorizon | None:
        """Everything at the horizon, for the radius; None if the table does not close."""
        most = math.inf if radius is None else (radius**2) / self.unit / 1.02
        closed = self.close(limit, most)
        if closed is None:
            return None
        B, courses = closed
        end = self.unit * float(B[-1]) if radius is None else radius**2
        fates: dict[int, tuple[Fate, str]] = {}
        arrived: dict[int, Arrived] = {}
        resting: dict[int, float] = {}
        for neuron in self.of.neurons:
            j, course = neuron.index, courses.get(neuron.index)
            fate, why = self._fate(neuron, course, end, B, arrived, resting)
            fates[j] = fate, why
        while True:  # ends: a block less has arrived in every turn
            state = self._concluded(B, radius, courses, fates, arrived, resting)
            late = [j for j in state.failing(self.of) if j not in self.wanted]
            if not late:
                return state
            for j in late:
                fates[j] = Fate.FOLLOWED, NOT_ARRIVED
                del arrived[j]

    def _concluded(
        self,
        B: np.ndarray,
        radius: float | None,
        courses: dict[int, Course],
        fates: dict[int, tuple[Fate, str]],
        arrived: dict[int, Arrived],
        resting: dict[int, float],
    ) -> AtHorizon:
        """The rates after the horizon, if these blocks have arrived."""
        known = all(fate not in UNKNOWN for fate, _ in fates.values())
        rates = [block.g for block in arrived.values()]
        fastest = max([0.0, *rates, 0.0 if known else self.of.slope]) * (1 + 1e-9)
        slowest = min((block.nu for block in arrived.values()), default=0.0) if known else 0.0
        shrinking = [j for j, (fate, _) in fates.items() if fate is Fate.SHRINKS]
        rest = sum(float(courses[j].mass[-1]) for j in shrinking) * self.unit * (1 + 1e-6)
        floors, constants = dict[int, float](), dict[int, float]()
        for j, block in arrived.items():
            turned = 0.0 if block.vertex else block.K / math.sqrt(2) * (1 + 1e-9)
            floors[j] = turned / (block.gamma + slowest)
            constants[j] = turned * rest / block.gamma if known else 0.0
        return AtHorizon(
            self.delta,
            self.unit,
            self.step,
            B,
            radius,
            courses,
            fates,
            arrived,
            resting,
            fastest,
            floors,
            constants,
            known,
            known and not shrinking,
        )

    # -- one block at the horizon ----------------------------------------------------------------------------

    def _fate(
        self,
        neuron: HiddenNeuron,
        course: Course | None,
        end: float,
        B: np.ndarray,
        arrived: dict[int, Arrived],
        resting: dict[int, float],
    ) -> tuple[Fate, str]:
        T, eta = self.step * self.count, self.of.K * end
        if neuron.fate in (Fate.DEAD, Fate.ZERO):
            return neuron.fate, ""
        if neuron.fate is Fate.VANISHES:
            slow = neuron.depth - eta
            lowest = float(neuron.polygon.c) - neuron.spread(self.of.ball)
            if slow <= 0 or lowest <= 0:
                return Fate.INCONCLUSIVE, "it is not proved to vanish for so large a radius"
            time = (neuron.size + self.of.ball) / (slow * math.sqrt(lowest)) * (1 + 1e-6)
            if time > T:
                return Fate.INCONCLUSIVE, "it vanishes after the horizon"
            resting[neuron.index] = 0.0
            return Fate.VANISHES, ""
        if neuron.fate in (Fate.BRANCHES, Fate.INCONCLUSIVE):
            return neuron.fate, neuron.reason
        if neuron.fate is Fate.STOPS:
            return self._stopped(neuron, course, end, T, resting)
        if course is None:
            raise ValueError("this block has no limit flow that could be followed")
        if not course.covers:
            return Fate.INCONCLUSIVE, f"for this delta: {course.why}"
        if not course.arrived or course.entered > T:
            return Fate.FOLLOWED, NOT_ARRIVED
        if neuron.fate is Fate.SHRINKS:
            last = self.routes[neuron.index].legs[-1]
            if eta >= last.lock or eta >= last.speed:
                return Fate.FOLLOWED, "it is followed up to the horizon only"
            resting[neuron.index] = 0.0
            return Fate.SHRINKS, ""
        block = self._arrived(neuron, course, eta, T)
        if block is None:
            return Fate.FOLLOWED, NOT_ARRIVED
        arrived[neuron.index] = block
        return Fate.CONVERGES, ""

    def _arrived(self, neuron: HiddenNeuron, course: Course, eta: float, T: float) -> Arrived | None:
        route, cone = self.routes[neuron.index], self.of.cones[neuron.index]
        here = (course.early <= T) & (course.late >= T)
        start, D = course.clock[here, 0], course.stray[here]
        y = float((route.along + route.speed * start - D).min())
        if y <= 0 or not len(D):
            return None
        low, high = route.c_low, route.c_high
        size = np.sqrt(route.across**2 + (route.along + route.speed * start) ** 2) - D
        mass = float((2 * np.maximum(0.0, size) ** 2 + low).min())
        vertex = route.vertex and course.certain and eta < route.legs[-1].lock * (1 - 1e-9)
        turn = 0.0 if vertex else math.atan((route.across + float(D.max())) / y)
        width = 0.0 if vertex else min(cone.width, max(3 * self.of.epsilon, 2 * turn))
        lopsided = max(abs(low), abs(high))
        if cone.g <= eta or (turn >= width and not vertex) or y * y + low <= 0 or lopsided >= mass:
            return None
        slower = min(1.0, math.sqrt(1 + low / y**2))
        faster = math.sqrt(1 + math.tan(width) ** 2 + max(high, 0.0) / y**2)
        shrunk = 1.0 if vertex else math.sin(width) * math.cos(width) / width
        gamma = slower * (cone.g - eta) * shrunk
        height = cone.g * math.cos(width) - cone.drop(width) - eta
        nu = 2 * math.sqrt(1 - (lopsided / mass) ** 2) * height
        if nu <= 0:
            return None
        room = 1 + 1e-6
        tilt = 0.5 * math.asin(min(1.0, lopsided / mass)) * room
        return Arrived(
            turn * room,
            tilt,
            gamma / room,
            nu / room,
            faster * self.of.K * room,
            mass / room,
            cone.g,
            vertex,
            width,
        )

    def _stopped(
        self, neuron: HiddenNeuron, course: Course | None, end: float, T: float, resting: dict[int, float]
    ) -> tuple[Fate, str]:
        """L11.23."""
        G, rest = self.of.G, neuron.polygon.rest
        if rest is None:
            raise ValueError("this block does not come to rest")
        p = np.array([float(v) for v in rest.exact()])
        held = stopping(G, neuron)
        lines = [line for line, _ in held]
        pulls = [abs(float(line.jump)) - self.of.forcing * forced * end for line, forced in held]
        if course is not None and not course.covers:
            return Fate.INCONCLUSIVE, f"for this delta: {course.why}"
        if course is not None and not course.arrived:
            return Fate.FOLLOWED, "it is followed up to the horizon, but is not at rest by then"
        D = self.of.ball if course is None else float(course.stray[-1])
        V = math.sqrt(
            max(
                0.0,
                max(0.0, float(np.sqrt(p @ p)) - D) ** 2
                + float(neuron.polygon.c)
                - neuron.spread(self.of.ball),
            )
        )
        samples = [
            np.array([float(v) for v in G.x[i]])
            for line in G.lines
            if line not in lines
            for i, _ in line.members
        ]
        if (
            any(-float(x @ p) <= math.sqrt(float(x @ x)) * D for x in samples)
            or V == 0
            or min(pulls, default=1.0) <= 0
        ):
            return Fate.INCONCLUSIVE, "for this delta it is not proved to stay at rest"
        if lines:
            X = np.array([line.x for line in lines], dtype=float)
            slow = float((np.array(pulls) / np.sqrt(np.diag(np.linalg.inv(X @ X.T)))).min())
            time = (0.0 if course is None else course.entered) + D / (slow * V)
            if time * (1 + 1e-6) > T:
                return Fate.FOLLOWED, "it is followed up to the horizon, but is not at rest by then"
        wide = math.sqrt(max(0.0, 2 * float(p @ p) + float(neuron.polygon.c)))
        drift = (2 * float(np.sqrt(p @ p)) * D + D * D + neuron.spread(self.of.ball)) / V
        # The checker knows c up to a unit of its numbers only.
        angle = math.hypot(D, drift) / wide * math.pi / 2 + 1e-25
        if angle > self.of.epsilon:
            return Fate.FOLLOWED, "it is followed up to the horizon, but not near enough to where it rests"
        resting[neuron.index] = angle * (1 + 1e-6)
        return Fate.STOPS, ""
