"""How far a neuron of power 1 may stray from its polygon, in doubles: what a certificate may claim (L11.9 to
L11.17).

W = p + e at equal clock, and e is in a sum of images P_k Ball(phi_k): one source for every edge and every
event, carried on by the ordered saltation matrices. The matrices do not depend on delta, so they are computed
once; everything here only proposes, and the checker proves it again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from certflow.flow.polygon.polygon import Edge, End, Polygon
from certflow.flow.polygon.reduced import Reduced
from certflow.running import tick

STEP = 0.02
"""By about what share |v| changes between two stations."""

_NEAREST = 0.05
"""Where a flip begins: v is this small in the natural unit of its line."""


@dataclass(frozen=True)
class Meeting:
    """A kink that is met: its normal and the velocities before and after, and what has to be certain."""

    kink: int
    approach: float
    jump: float
    leaving: tuple[tuple[float, float], ...]
    """Speeds and norms of the normals of the kinks that are left, or crossed."""
    faster: float
    """By what factor it has to be met faster than the forcing could push."""
    distances: np.ndarray
    speeds: np.ndarray
    jumps: np.ndarray
    norms: np.ndarray
    """Of the other kinks: how far, and how fast they are passed."""
    others: np.ndarray
    matrix_norms: np.ndarray
    """Bounds of ||M P_k|| for the sources so far."""
    clean: bool


@dataclass
class Leg:
    """A straight stretch with its stations in the clock and all that does not depend on delta."""

    clock: np.ndarray
    low: np.ndarray
    high: np.ndarray
    norms: np.ndarray
    """Bounds of ||P_k|| for the sources before this stretch."""
    reach: np.ndarray
    """|x_C P_k|, a row for every kink."""
    places: np.ndarray
    speeds: np.ndarray
    """x_C p at clock 0 and x_C u, a row for every kink."""
    asked: np.ndarray
    """Whether a kink has to be certain at the start and at the end, a row for every kink."""
    lengths: np.ndarray
    lock: float
    limit: float
    """The forcing below which it is kept on its kinks, and leaves those it has left."""
    line: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """|p|^2 = a + 2 b L + c L^2 at the clock L."""
    turns: bool = False
    """Whether v changes its sign after the last station."""
    first: float = 0.0
    """|G| where v = 0 at the start."""
    speed: float = 0.0
    event: Meeting | None = None


@dataclass
class Route:
    """A neuron with its polygon, in doubles; `legs` as far as its limit flow is unique."""

    c_low: float
    c_high: float
    start: float
    polygon: Polygon
    legs: list[Leg] = field(default_factory=list)
    shrinks: bool = False
    """Whether the last leg is the way to 0 along a vertex, exactly balanced."""
    vertex: bool = False
    """Whether the last edge slides on d - 1 kinks."""
    axis: np.ndarray | None = None
    across: float = 0.0
    along: float = 0.0
    speed: float = 0.0
    """Of the last edge: its direction, how far from the ray it runs, p.axis at its start, and |g|."""
    spent: float = 0.0
    """The time of the limit flow at the start of the last leg."""
    last: tuple[np.ndarray, np.ndarray] | None = None
    """Start and velocity of the last edge."""

    def until(self, horizon: float) -> Route:
        """The same with stations up to a horizon on a leg that has no end."""
        last = self.polygon.edges[-1]
        if self.last is None or last.length is not None or last.flips:
            return self
        leg, (p, u) = self.legs[-1], self.last
        rest = max(horizon * 1.1 - self.spent, 1e-3 * horizon)
        clock, _ = _stations(p, u, (self.c_low + self.c_high) / 2, float(leg.clock[0]), None, False, rest)
        low, high = _extremes(p, u, clock)
        return replace(self, legs=[*self.legs[:-1], replace(leg, clock=clock, low=low, high=high)])


@dataclass(frozen=True)
class Course:
    """Where a neuron may be: on segment i from `early[i]` to `late[i]` at the latest, of `mass[i]` at most
    and within `stray[i]` of its polygon, which runs there from clock `clock[i, 0]` to `clock[i, 1]`.

    `arrived`: the last leg is reached, surely by the time `entered`; `covers`: nothing is missing up to the
    horizon; `certain`: all kinks were certain there; if it is not covered, `why`.
    """

    early: np.ndarray
    late: np.ndarray
    mass: np.ndarray
    stray: np.ndarray
    clock: np.ndarray
    arrived: bool
    covers: bool
    certain: bool
    entered: float
    last_mass: float
    last_early: float
    """What it is at most, and when at least, where it is not followed any further."""
    why: str


def route_of(G: Reduced, polygon: Polygon, least: float, spread: float = 0.0) -> Route:
    """The legs of a polygon, one without an end for the time `least`; c is known within `spread`."""
    c = float(polygon.c)
    edges = polygon.edges
    start = float(edges[0].start.square) ** 0.5 if edges else 0.0
    route = Route(c - spread, c + spread, start, polygon)
    normals = np.array([[float(v) for v in G.lines[k].x] for k in G.kinks]).reshape(len(G.kinks), G.inputs)
    place = {k: i for i, k in enumerate(G.kinks)}
    jumps = np.array([float(G.lines[k].jump) for k in G.kinks])
    lengths = np.sqrt((normals**2).sum(axis=1))
    # The first source is the ball of initial directions.
    P = np.eye(G.inputs)[None]
    norms = np.ones(1)
    turned = 0.0
    skip = {k for k in G.kinks if edges and edges[0].start.along(G.lines[k].x) == 0}
    for i, edge in enumerate(edges):
        tick()
        p, u = _floats(edge.start.exact()), _floats(edge.velocity.exact())
        speed = math.sqrt(u @ u)
        S = [place[k] for k in edge.slides]
        projection = _projection(normals[S], G.inputs)
        back = edge.returns
        begin = -turned if back else 0.0
        end = None if edge.length is None else float(edge.length)
        clock, spent = _stations(p, u, c, begin, end, edge.flips, least)
        low, high = _extremes(p, u, clock)
        if i + 1 < len(edges):
            route.spent += spent
        route.last = p, u
        reach = np.sqrt(((np.einsum("cd,kde->cke", normals, P)) ** 2).sum(axis=2))
        asked = np.ones((len(normals), 2), dtype=bool)
        asked[S] = False
        asked[[place[k] for k in skip], 0] = False
        if i + 1 < len(edges) or polygon.ending is End.STOPS:
            asked[[place[k] for k in edge.met], 1] = False
        if edge.length is None and not edge.flips:
            asked[:, 1] = edge.sign * jumps > 0
        lock = lock_of(normals[S], jumps[S], [float(v) for v in edge.chi])
        left = [place[k] for k in skip if place[k] not in S]
        # A convex kink on which it starts is left at least at the speed of its other side.
        leaving = {k: abs(float(normals[k] @ u)) / lengths[k] for k in left}
        against = {k: max(0.0, edge.sign * jumps[k]) * lengths[k] if i == 0 else 0.0 for k in left}
        limit = min([lock, *(leaving[k] - against[k] for k in left)])
        places, speeds = normals @ p, normals @ u
        leg = Leg(clock, low, high, norms, reach, places, speeds, asked, lengths, lock, limit, speed=speed)
        leg.line = (float(p @ p), float(p @ u), float(u @ u))
        route.legs.append(leg)
        if i == 0 and edge.start.square + polygon.c == 0:
            leg.first = abs(u @ p)
        # The source of this edge.
        P = np.concatenate([P, projection[None]])
        norms = np.append(norms, 1.0)
        if edge.flips:
            if i + 1 == len(edges):
                break
            leg.turns = True
            turned = float(clock[-1])
            skip = set()
            continue
        if edge.length is None or i + 1 == len(edges):
            break
        after = edges[i + 1]
        event = _event(normals, jumps, lengths, place, edge, after, P, norms)
        leg.event = event
        w = _floats(after.velocity.exact())
        n = normals[event.kink]
        P = P + np.einsum("d,ke->kde", w - u, np.einsum("d,kde->ke", n, P)) / (n @ u)
        norms = event.matrix_norms
        P = np.concatenate([P, np.eye(G.inputs)[None]])
        norms = np.append(norms, 1.0)
        skip = set(edge.slides) | set(edge.met)
    if edges:
        last = edges[-1]
        route.shrinks = polygon.ending is End.ORIGIN and polygon.c == 0
        u, p = _floats(last.velocity.exact()), _floats(last.start.exact())
        route.speed = math.sqrt(u @ u)
        route.axis = u / route.speed
        route.along = float(p @ route.axis)
        route.across = math.sqrt(max(0.0, float(p @ p) - route.along**2)) if last.length is None else 0.0
        if abs(route.across) < 1e-13 * math.sqrt(float(p @ p) + 1e-300):
            route.across = 0.0
        route.vertex = len(last.slides) == G.inputs - 1
    return route


def _floats(values: tuple[object, ...]) -> np.ndarray:
    return np.array([float(v) for v in values])  # type: ignore[arg-type]


def _projection(rows: np.ndarray, d: int) -> np.ndarray:
    if not len(rows):
        return np.eye(d)
    q, _ = np.linalg.qr(rows.T)
    return np.eye(d) - q @ q.T


def lock_of(rows: np.ndarray, jumps: np.ndarray, chi: list[float]) -> float:
    """m(S) (L11.10)."""
    if not len(rows):
        return math.inf
    spread = np.sqrt(np.diag(np.linalg.inv(rows @ rows.T)))
    # A free kink is kept by all of its jump (L11.29).
    inner = np.array([min(v, 1.0 - v) if v else 1.0 for v in chi])
    return float((np.abs(jumps) * inner / spread).min())


def _stations(
    p: np.ndarray, u: np.ndarray, c: float, begin: float, end: float | None, flips: bool, time: float
) -> tuple[np.ndarray, float]:
    """Stations in the clock from `begin` to `end` at equal steps of the time of the limit flow, and this
    time.
    """
    square = float(u @ u)
    speed = math.sqrt(square)
    foot = -float(p @ u) / square
    rest = float(p @ p) - foot * foot * square + c
    scale = max(float(p @ p), abs(c))
    width = math.sqrt(abs(rest)) / speed
    if abs(rest) <= 1e-24 * scale:
        width = 0.0
    if width == 0.0:
        a = begin - foot
        if end is None:
            steps = max(2, math.ceil(speed * time / STEP))
            return foot + a * np.exp(np.linspace(0.0, speed * time, steps + 1)), time
        b = end - foot
        if a * b <= 0:
            # Straight to 0 or from there, where |v| vanishes: a few stations, in an endless time.
            return np.array([begin, end]), 0.0
        x = abs(math.log(b / a))
        steps = max(1, math.ceil(x / STEP))
        return foot + a * np.exp(np.linspace(0.0, math.log(b / a), steps + 1)), x / speed

    def to(lam: float) -> float:
        r = (lam - foot) / width
        if rest > 0:
            return math.asinh(r)
        return math.copysign(math.acosh(max(1.0, abs(r))), r)

    def of(x: np.ndarray) -> np.ndarray:
        return foot + width * (np.sinh(x) if rest > 0 else np.sign(x) * np.cosh(x))

    a = to(begin)
    b = -_NEAREST if flips else (a + speed * time if end is None else to(end))
    if flips and a > b:
        b = a / 2
    steps = max(1, math.ceil(abs(b - a) / STEP))
    clock = of(np.linspace(a, b, steps + 1))
    clock[0] = begin
    if end is not None and not flips:
        clock[-1] = end
    return clock, abs(b - a) / speed


def _extremes(p: np.ndarray, u: np.ndarray, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest |p| on every segment."""
    sizes = np.sqrt(((p[None, :] + clock[:, None] * u[None, :]) ** 2).sum(axis=1))
    low, high = np.minimum(sizes[:-1], sizes[1:]), np.maximum(sizes[:-1], sizes[1:])
    foot = -float(p @ u) / float(u @ u)
    inside = (clock[:-1] < foot) & (foot < clock[1:])
    if inside.any():
        nearest = p + foot * u
        low[inside] = math.sqrt(float(nearest @ nearest))
    return low, high


def _event(
    normals: np.ndarray,
    jumps: np.ndarray,
    lengths: np.ndarray,
    place: dict[int, int],
    edge: Edge,
    after: Edge,
    P: np.ndarray,
    norms: np.ndarray,
) -> Meeting:
    """What has to be known at the end of an edge (C0 to C5, L11.11)."""
    n = place[edge.met[0]]
    u, w = _floats(edge.velocity.exact()), _floats(after.velocity.exact())
    point = _floats(after.start.exact())
    x = normals[n]
    change = w - u
    kept = set(after.slides)
    clean = len(edge.met) == 1 and kept <= {*edge.slides, *edge.met}
    left = [k for k in (*edge.slides, *edge.met) if k not in kept]
    leaving = tuple((abs(float(normals[place[k]] @ w)), float(lengths[place[k]])) for k in left)
    # Kinks that push the flow away have to be met faster where others are left at the same point (C5).
    faster = 1.6 if edge.sign * jumps[n] > 0 and not set(edge.slides) <= kept else 1.0
    others = np.array([i for k, i in place.items() if k not in edge.slides and i != n], dtype=int)
    rows = normals[others]
    a = change / float(x @ u)
    trace = 2 + 2 * float(a @ x) + float(a @ a) * float(x @ x)
    det = (1 + float(a @ x)) ** 2
    largest = math.sqrt((trace + math.sqrt(max(0.0, trace * trace - 4 * det))) / 2)
    new = P + np.einsum("d,ke->kde", a, np.einsum("d,kde->ke", x, P))
    frobenius = np.sqrt((new**2).sum(axis=(1, 2)))
    if len(P[0]) == 1:
        largest = abs(1 + float(a[0] * x[0]))
    return Meeting(
        n,
        abs(float(x @ u)),
        math.sqrt(float(change @ change)),
        leaving,
        faster,
        np.abs(rows @ point),
        np.maximum(np.abs(rows @ u), np.abs(rows @ w)),
        np.abs(rows @ change),
        lengths[others],
        others,
        np.minimum(frobenius, max(1.0, largest) * norms),
        clean,
    )


def follow(route: Route, kappa: float, B: np.ndarray, h: float, ball: float = 0.0) -> Course:
    """The course of a neuron while the mass of all is at most `B[q]` up to (q + 1) h; `kappa` is K delta^2 in
    the unit of the masses, `ball` bounds |e| at the start (L11.15).
    """
    walk = _Walk(route, kappa, B, h, ball)
    # What overflows is far too large, and fails every comparison.
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(len(route.legs)):
            if not walk.leg(i):
                break
    return walk.course()


class _Walk:
    """The state at the start of a leg: times, the sources so far, and what is left of a window."""

    def __init__(self, route: Route, kappa: float, B: np.ndarray, h: float, ball: float) -> None:
        self.route, self.kappa, self.B, self.h = route, kappa, B, h
        self.c, self.c_high = route.c_low, route.c_high
        self.T, self.M = len(B) * h, len(B)
        self.phi = [ball / kappa]
        self.early_time = self.late_time = 0.0
        self.tau = self.size = 0.0
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.arrived = self.covers = self.certain = False
        self.entered, self.why = 0.0, ""
        self.mass = 2 * (route.start + ball) ** 2 + route.c_high

    def course(self) -> Course:
        rows = [np.concatenate([part[i] for part in self.parts]) for i in range(4)] if self.parts else []
        early, late, mass, stray = rows or [np.zeros(0)] * 4
        clock = np.concatenate([part[4] for part in self.parts]) if self.parts else np.zeros((0, 2))
        return Course(
            early,
            late,
            mass,
            stray,
            clock,
            self.arrived,
            self.covers,
            self.certain,
            self.entered,
            self.mass,
            self.early_time,
            self.why,
        )

    def _stop(self, why: str) -> bool:
        self.why = why
        return False

    def leg(self, i: int) -> bool:
        """Follow one leg; whether the next one can be followed too."""
        leg, kappa, c, h = self.route.legs[i], self.kappa, self.c, self.h
        above = self.c_high
        final = i + 1 == len(self.route.legs)
        known = np.array(self.phi)
        base = float(leg.norms @ known)
        length = leg.clock[1:] - leg.clock[:-1]
        if self.tau > length[0]:
            return self._stop("the window of a kink is longer than a step")
        if final and self.route.shrinks:
            return self._shrink(leg, base)
        q = np.full(len(length), min(self.M - 1, int(self.late_time / h)))
        for _ in range(8):
            grown = np.cumsum(self.B[q] * length)
            D = kappa * (base + grown)
            D[0] = max(D[0], self.size)
            slow2, fast2 = np.maximum(0.0, leg.low - D) ** 2 + c, (leg.high + D) ** 2 + above
            if leg.first:
                height = leg.first - leg.speed * D[0] - kappa * self.B[q[0]] * (leg.high[0] + D[0])
                slow2[0] = (length[0] * height) ** 2 / fast2[0] if height > 0 else 0.0
            good = (slow2 > 0) & (1.02 * kappa * self.B[q] < leg.limit)
            fails = int(np.argmin(good)) if not good.all() else len(good)
            slow, fast = np.sqrt(np.where(good, slow2, 1.0)), np.sqrt(np.maximum(fast2, 1e-300))
            late = self.late_time + np.cumsum(length / slow)
            new = np.clip(np.ceil(late / h * (1 + 1e-12)).astype(int) - 1, q[0], self.M - 1)
            if (new <= q).all():
                break
            q = np.maximum(q, new)
        steps = length / fast
        if leg.first:
            steps[0] = 0.0
        early = self.early_time + np.concatenate([[0.0], np.cumsum(steps)])
        beyond = np.nonzero(early >= self.T)[0]
        over = int(beyond[0]) if len(beyond) else len(length) + 1
        stop = min(fails, over, len(length))
        covers = over <= stop
        near = kappa * (leg.reach @ known)
        if (leg.asked[:, 0] & (np.abs(leg.places + leg.clock[0] * leg.speeds) <= near)).any():
            return self._stop("a kink is not certain to lie on one side")
        ray = final and self.route.polygon.ending is End.RAY
        asked = leg.asked.any(axis=1) if stop < len(length) and not ray else leg.asked[:, 1]
        stations = np.abs(leg.places[asked, None] + leg.speeds[asked, None] * leg.clock[None, 1 : stop + 1])
        reached = near[asked, None] + leg.lengths[asked, None] * kappa * grown[None, :stop]
        certain = np.nonzero((stations > reached).all(axis=0))[0]
        if not len(certain):
            return self._stop("a kink is not certain to lie on one side")
        if certain[-1] + 1 < stop:
            # Back to the last station at which the cell is certain.
            stop, covers, final = int(certain[-1]) + 1, False, True
        eta = kappa * float(self.B[q[stop - 1]])
        self.parts.append(
            (
                early[:stop],
                late[:stop],
                2 * (leg.high[:stop] + D[:stop]) ** 2 + above,
                D[:stop],
                np.stack([leg.clock[:stop], leg.clock[1 : stop + 1]], axis=1),
            )
        )
        if stop:
            self.mass = float(self.parts[-1][2][-1])
            if ray:
                self.arrived, self.entered = True, float(late[0])
                apart = np.abs(leg.places + leg.clock[stop] * leg.speeds)
                within = near + leg.lengths * kappa * float(grown[stop - 1])
                self.certain = not (leg.asked.any(axis=1) & (apart <= within)).any()
        self.early_time = float(early[stop])
        self.late_time = float(late[stop - 1]) if stop else self.late_time
        if final and self.route.polygon.ending is End.STOPS and stop == len(length):
            row = (np.array([value]) for value in (early[stop], math.inf, self.mass, D[-1]))
            self.parts.append((*row, np.array([[leg.clock[-1], leg.clock[-1]]])))  # type: ignore[arg-type]
            self.arrived, self.entered, covers = True, float(late[-1]), True
        if covers or stop < len(length) or final:
            self.covers = covers
            return self._stop("" if covers else "it is not followed to its end")
        self.phi.append(float(grown[-1]))
        self.tau = self.size = 0.0
        if leg.turns:
            return self._turn(leg, base, int(q[-1]), float(fast2[-1]))
        return self._cross(leg, eta, length[-1], slow[-1], float(D[-1]))

    def _shrink(self, leg: Leg, base: float) -> bool:
        eta = self.kappa * float(self.B[-1])
        # Up to a station later, wherever the checker has its own.
        D = max(self.kappa * base, self.size) + eta * STEP * float(leg.high[0]) / leg.speed
        if eta >= leg.lock or eta >= leg.speed or leg.high[0] <= D:
            return self._stop("the neuron may leave a kink on which it slides")
        self.entered = self.late_time + self.tau / (leg.high[0] - D) * 1.1
        mass = 2 * (leg.high[0] + D) ** 2 + self.c_high
        row = np.array([self.early_time]), np.array([math.inf]), np.array([mass]), np.array([D])
        self.parts.append((*row, np.array([[0.0, 0.0]])))
        self.arrived = self.covers = True
        return False

    def _cross(self, leg: Leg, eta: float, length: float, slow: float, D: float) -> bool:
        """The kink at the end of a leg (L11.11), and what e may be in its window."""
        event, kappa = leg.event, self.kappa
        if event is None:
            return self._stop("its limit flow is not unique from there on")
        norm = float(leg.lengths[event.kink])
        if not event.clean or event.approach <= 1.001 * event.faster * norm * eta:
            return self._stop("a kink is not met cleanly")
        phi = np.array(self.phi)
        near = kappa * (np.concatenate([leg.reach, leg.lengths[:, None]], axis=1) @ phi)
        n_e = float(near[event.kink])
        self.tau = n_e / (event.approach - norm * eta)
        leaves = all(speed > 1.5 * size * eta for speed, size in event.leaving)
        needed = near[event.others] + self.tau * (event.speeds + event.jumps + event.norms * eta)
        if self.tau > length or not leaves or (event.distances <= needed).any():
            return self._stop("a kink is not met cleanly")
        second = (
            event.jump * n_e * norm * eta / (event.approach * (event.approach - norm * eta)) + eta * self.tau
        )
        before = np.append(leg.norms, 1.0)
        self.size = max(D, kappa * float(np.maximum(before, event.matrix_norms) @ phi) + second)
        inner = max(0.0, float(leg.low[-1]) - self.size) ** 2 + self.c
        if inner <= 0:
            return self._stop("v may vanish where a kink is met")
        self.late_time += length / math.sqrt(inner) - length / slow
        early, late, mass, stray, clock = self.parts[-1]
        late[-1], stray[-1] = self.late_time, self.size
        mass[-1] = self.mass = 2 * (leg.high[-1] + self.size) ** 2 + self.c_high
        self.phi.append(second / kappa)
        return True

    def _turn(self, leg: Leg, base: float, q: int, fast2: float) -> bool:
        """v changes its sign beyond the last station (L11.13)."""
        for k in range(q, self.M):
            found = self._turned(leg, base, float(self.B[k]), fast2)
            if found is None:
                return self._stop("it is not certain how v changes its sign")
            time, D, mass, extra = found
            if self.late_time + time <= (k + 1) * self.h or k + 1 == self.M:
                break
        self.late_time += time
        row = (np.array([value]) for value in (self.early_time, self.late_time, mass, D))
        self.parts.append((*row, np.array([[leg.clock[-1], leg.clock[-1]]])))  # type: ignore[arg-type]
        self.mass = max(self.mass, mass)
        self.phi[-1] += extra
        return True

    def _turned(
        self, leg: Leg, base: float, B: float, fast2: float
    ) -> tuple[float, float, float, float] | None:
        a, b, square = leg.line
        # It has turned before |W| could be as small as this.
        at, root, kappa = float(leg.clock[-1]), math.sqrt(-self.c_high), self.kappa
        D, foot, far = kappa * (base + self.phi[-1]), -b / square, at
        for _ in range(6):
            goal = root * (1 - 1e-12) - 1.001 * D
            inside = b * b - square * (a - goal * goal)
            if goal <= 0 or inside <= 0:
                return None
            far = (-b - math.sqrt(inside)) / square
            D = kappa * (base + self.phi[-1] + 2 * B * (far - at))
        size = math.sqrt(a + 2 * b * at + square * at * at)
        height = -(b + square * far) - leg.speed * D - kappa * B * (size + D)
        known = np.array(self.phi[:-1])
        near = kappa * (leg.reach @ known) + leg.lengths * kappa * (self.phi[-1] + B * (far - at))
        apart = np.abs(leg.places + far * leg.speeds)
        if far >= foot or height <= 0 or (leg.asked.any(axis=1) & (apart <= near)).any():
            return None
        back = (size + D) ** 2 + self.c_high
        time = (math.sqrt(fast2) + math.sqrt(back)) / height
        return time, D, 2 * (size + D) ** 2 + self.c_high, 2 * B * (far - at)
