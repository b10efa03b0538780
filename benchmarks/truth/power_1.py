"""Networks of neurons v sigma(w . x), sigma(z) = max(z, alpha z): their flow through the kinks, and claims
about it.

While the residuals are frozen, each neuron runs straight in the clock v dt from kink to kink, and its time
there is elementary; so a step (the midpoint rule in the residuals) is as exact as the residuals are constant.
On a kink every solution of the differential inclusion is looked for; of several, one is taken at random.
"""

from __future__ import annotations

import copy
import itertools
from functools import cached_property
from typing import Any

import numpy as np

from .claims import Block, check_claim
from .expressions import Expression
from .extended import LD, TINY, angle, array, exact, extended, length, unit
from .flows import Function, Stuck
from .networks import Net
from .report import Report

AT_ONCE = 6
"""The most kinks about which it is decided together."""
MOST_EVENTS = 400
LOOKED = 200
"""For so many of its natural times a limit flow is followed that is said to branch."""
ROOM = LD(1e-13)
"""Relative to its terms: what rounding may make of a zero."""
STEP_ERROR = LD(1e-10)
"""Of a step of the midpoint rule: the third power of its length times the change of the residuals."""


class Lines:
    """The samples (outputs of the given layers) by lines through 0: unit vectors, and the samples on each
    with their multiples.
    """

    def __init__(self, net: Net) -> None:
        layers = net.layers
        rows = layers.features(net.record["data"]["X"])
        self.alpha, self.rows = extended(layers.alpha), array(rows)
        found: dict[tuple[Any, ...], list[tuple[int, Any]]] = {}
        for i, x in enumerate(rows):
            pivot = next((v for v in x if v), None)
            if pivot is not None:
                found.setdefault(tuple(v / pivot for v in x), []).append((i, pivot))
        self.exact = [list(key) for key in found]
        keys = array(self.exact).reshape(len(found), len(rows[0]))
        sizes = [length(key) for key in keys]
        self.x = np.array([key / size for key, size in zip(keys, sizes, strict=True)], dtype=LD)
        self.x = self.x.reshape(len(found), len(rows[0]))
        # rows[i] = multiples[C, i] x[C] for the line C of sample i.
        self.multiples = np.zeros((len(found), len(rows)), dtype=LD)
        for line, (members, size) in enumerate(zip(found.values(), sizes, strict=True)):
            for i, pivot in members:
                self.multiples[line, i] = extended(pivot) * size

    def field(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """b and the jumps J with G(w) = b . w + sum_C J_C max(x_C . w, 0)."""
        bent = 1 - self.alpha
        jumps = bent * (np.abs(self.multiples) @ r)
        slopes = self.alpha * (self.multiples @ r) - bent * (np.maximum(-self.multiples, 0) @ r)
        return slopes @ self.x, jumps

    def size(self, r: np.ndarray) -> Any:
        """What the gradient of G could be if nothing cancelled."""
        return max((np.abs(self.multiples) @ np.abs(r)).sum(), TINY)

    def along(self, held: list[int], g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part of g orthogonal to the lines that are held, and the coefficients of the rest."""
        X = self.x[held]
        coefficients = np.zeros(len(held), dtype=LD)
        if held:
            gram = (X @ X.T).astype(float)
            for _ in range(3):
                rest = X @ (g - coefficients @ X)
                top = max(np.abs(rest).max(), TINY)
                coefficients += top * np.linalg.solve(gram, (rest / top).astype(float)).astype(LD)
        return g - coefficients @ X, coefficients

    @cached_property
    def simple(self) -> bool:
        """Whether all lines are independent, so that 0 is a point like others on all kinks."""
        return len(self.x) <= AT_ONCE and self.independent(list(range(len(self.x))))

    def independent(self, held: list[int]) -> bool:
        """Whether these lines are independent."""
        return np.linalg.matrix_rank(self.x[held].astype(float), tol=1e-9) == len(held)

    def largest(self, r: np.ndarray, sign: int) -> Any:
        """About the largest sign * G on the unit sphere."""
        b, jumps = self.field(r)
        draw, top = np.random.default_rng(0), -LD(np.inf)
        scale = self.size(r)
        starts = [*self.x, *-self.x, *draw.standard_normal((40, self.x.shape[1])).astype(LD)]
        for w in starts:
            for _ in range(60):
                w = unit(w)
                g = sign * (b + (jumps * (self.x @ w > 0)) @ self.x)
                top = max(top, g @ w)
                w = w + g / scale
                if not w.any():
                    break
        return top


class Neuron:
    """(w, v) with the side of every line on which w is: 1, -1, or 0 where w is held on it."""

    def __init__(self, lines: Lines, w: np.ndarray, v: Any, sides: np.ndarray, c: Any = None) -> None:
        self.lines, self.w, self.v, self.sides = lines, w.copy(), LD(v), sides
        self.c = (abs(self.v) - length(w)) * (abs(self.v) + length(w)) if c is None else c
        self.sign = int(np.sign(v))
        self.gone = False
        self.branched = False

    def copy(self) -> Neuron:
        """The same neuron, to be moved by itself."""
        other = copy.copy(self)
        other.w, other.sides = self.w.copy(), self.sides.copy()
        return other

    def velocity(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """g, and the lines that are held with their multipliers."""
        b, jumps = self.lines.field(r)
        held = np.flatnonzero(self.sides == 0)
        rest = b + (jumps * (self.sides > 0)) @ self.lines.x
        g, coefficients = self.lines.along(held.tolist(), rest)
        return g, held, -coefficients / np.where(jumps[held] == 0, TINY, jumps[held])

    def decide(self, contacts: list[int], r: np.ndarray, draw: np.random.Generator) -> None:
        """Sides of the lines that w is on, so that the motion they cause agrees with them. Raises `Stuck`."""
        if len(contacts) > AT_ONCE:
            raise Stuck
        room, found = ROOM * self.lines.size(r), []
        for choice in itertools.product((1, -1, 0), repeat=len(contacts)):
            held = [line for line, side in zip(contacts, choice, strict=True) if side == 0]
            if held and not self.lines.independent(held):
                continue
            self.sides[contacts] = choice
            g, _, chi = self.velocity(r)
            rates = self.sign * (self.lines.x[contacts] @ g) * np.array(choice)
            if (rates >= -room).all() and (chi >= -ROOM).all() and (chi <= 1 + ROOM).all():
                tight = (np.abs(rates[np.array(choice) != 0]) <= room).any()
                found.append((bool(tight), choice))
        strict = [choice for tight, choice in found if not tight]
        chosen = strict or [choice for _, choice in found]
        if not chosen:
            raise Stuck
        self.branched |= len(chosen) > 1
        self.sides[contacts] = chosen[draw.integers(len(chosen))]
        _, held, _ = self.velocity(r)
        self.w = self.lines.along(held.tolist(), self.w)[0]

    def evolve(self, r: np.ndarray, h: Any, draw: np.random.Generator) -> None:
        """Go on for the time h with these residuals."""
        lines = self.lines
        for _ in range(MOST_EVENTS):
            if self.gone or h <= 0:
                return
            if not self.w.any() and self.v == 0:
                return
            if not self.w.any() and not lines.simple:
                self._at_origin(r)
                continue
            g, held, chi = self.velocity(r)
            if len(held) and not ((chi >= -ROOM).all() and (chi <= 1 + ROOM).all()):
                self.decide(held.tolist(), r, draw)
                g, held, chi = self.velocity(r)
            speed, along = length(g), g @ self.w
            if self.sign == 0:
                self.sign = int(np.sign(along)) if abs(along) > ROOM * lines.size(r) * length(self.w) else 0
                if self.sign == 0:
                    return
                if len(held):
                    self.decide(held.tolist(), r, draw)
                    continue
            if speed <= ROOM**2 * lines.size(r):
                return
            h -= self._run(g, speed, along, h, r, draw)
        raise Stuck

    def _run(
        self, g: np.ndarray, speed: Any, along: Any, h: Any, r: np.ndarray, draw: np.random.Generator
    ) -> Any:
        """Along w + lambda g until the next kink, until v = 0, or for the time h; the time it took."""
        lines, w, v, s = self.lines, self.w, self.v, self.sign
        flips, took = False, h
        # v = v0 cosh + a sinh / speed vanishes where tanh(speed t) = -v0 speed / a.
        if s * along < 0 and abs(v) * speed < abs(along):
            end = np.arctanh(-v * speed / along) / speed
            if end <= h:
                flips, took = True, end
        # Relative to t: (cosh - 1) as 2 sinh^2 of the half.
        half = np.sinh(speed * took / 2)
        reach = v * np.sinh(speed * took) / speed + along * 2 * half**2 / speed**2
        values, rates = lines.x @ w, lines.x @ g
        watched = (self.sides != 0) & (self.sides * rates * s < 0)
        places = np.where(watched, -values / np.where(rates == 0, LD(1), rates) * s, LD(np.inf))
        places = np.where(watched, np.maximum(places, 0), places)
        first = places.min(initial=LD(np.inf))
        if first >= s * reach:
            self._move(
                w + reach * g,
                LD(0) if flips else v * np.cosh(speed * took) + along * np.sinh(speed * took) / speed,
            )
            if flips:
                self.sign = -s
                held = np.flatnonzero(self.sides == 0).tolist()
                if held:
                    self.decide(held, r, draw)
            return took
        there = s * first
        after = s * np.sqrt(max(v**2 + 2 * along * there + speed**2 * there**2, LD(0)))
        ratio = speed * there / (v + after) if there else LD(0)
        took = 2 * np.arctanh(min(ratio, 1 - LD(1e-18))) / speed
        size = length(w)
        self._move(w + there * g, after)
        if length(self.w) <= ROOM * size and not lines.simple:
            self.w = np.zeros_like(self.w)
            return took
        near = watched & (places <= first + LD(1e-17) * size / speed)
        met = near | ((self.sides != 0) & (np.abs(lines.x @ self.w) <= LD(1e-17) * size))
        self.decide(np.flatnonzero(met | (self.sides == 0)).tolist(), r, draw)
        return took

    def _move(self, w: np.ndarray, v: Any) -> None:
        held = np.flatnonzero(self.sides == 0).tolist()
        self.w = self.lines.along(held, w)[0] if held else w
        square = self.w @ self.w
        # v^2 - |w|^2 is kept for ever; where v is not small next to w this loses nothing.
        if v != 0 and square + self.c > square / 100:
            v = np.sign(v) * np.sqrt(square + self.c)
        self.v = v

    def _at_origin(self, r: np.ndarray) -> None:
        """w = 0, and v is not: there it stays if G falls in every direction."""
        if self.lines.largest(r, self.sign) >= -ROOM * self.lines.size(r):
            raise Stuck
        self.gone = True


class Inclusion:
    """A trajectory with the interface of `Flow`, for neurons that have kinks."""

    most_steps = 8_000

    def __init__(
        self, net: Net, start: np.ndarray, log_delta: Any, seed: int = 0, lines: Lines | None = None
    ) -> None:
        self.net, self.lines = net, Lines(net) if lines is None else lines
        self.mass = LD(0) if log_delta is None else np.exp(2 * LD(log_delta))
        self.blocks, self.draw = net.blocks, np.random.default_rng(seed)
        self.u, self.s, self.steps, self.error = start.copy(), LD(0), 0, LD(0)
        self.neurons = [self._neuron(j, own) for j, own in enumerate(self.blocks)]
        self._before = (self.u, self.s, self.neurons, net.z)
        self.step_size = LD(0)

    def _neuron(self, j: int, own: list[int]) -> Neuron:
        lines, w, v, c = self.lines, self.u[own[:-1]], self.u[own[-1]], None
        if (self.u == self.net.start).all():
            # Exactly: a start may be a hair off a kink.
            direction = [exact(value) for value in self.net.record["direction"]]
            row, last = [direction[i] for i in own[:-1]], direction[own[-1]]
            c = extended((last**2 - sum(a * a for a in row)) / sum(a * a for a in direction))
            values = [sum(a * b for a, b in zip(row, key, strict=True)) for key in lines.exact]
            sides = np.array([(a > 0) - (a < 0) for a in values], dtype=int)
        else:
            sides = np.sign((lines.x @ w).astype(float)).astype(int)
        made = Neuron(lines, w, v, sides, c)
        contacts = np.flatnonzero(sides == 0).tolist()
        if v == 0 and w.any():
            b, jumps = lines.field(self.net.z)
            along = b @ w + jumps @ np.maximum(lines.x @ w, 0)
            made.sign = int(np.sign(along)) if abs(along) > ROOM * lines.size(self.net.z) * length(w) else 0
        if contacts and made.sign and (w.any() or lines.simple):
            made.decide(contacts, self._residuals(self.u), self.draw)
        return made

    @property
    def tau(self) -> Any:
        """The time that `Flow` counts its steps in: for order 2 the scaled time."""
        return self.s

    def _residuals(self, u: np.ndarray) -> np.ndarray:
        return self.net.residuals(self.mass * self.net.run(u)[0])

    def _weights(self, neurons: list[Neuron]) -> np.ndarray:
        u = np.zeros_like(self.u)
        for own, each in zip(self.blocks, neurons, strict=True):
            u[own] = [*each.w, each.v]
        return u

    def _moved(self, neurons: list[Neuron], r: np.ndarray, h: Any) -> list[Neuron]:
        state = self.draw.bit_generator.state
        result = [each.copy() for each in neurons]
        for each in result:
            each.evolve(r, h, self.draw)
        if not any(each.branched for each in result):
            self.draw.bit_generator.state = state
        return result

    def rate(self) -> Any:
        """The largest relative speed of a neuron."""
        r = self._residuals(self.u)
        speeds = [
            length(each.velocity(r)[0]) if each.w.any() else self.lines.size(r)
            for each in self.neurons
            if not each.gone and (each.w.any() or each.v)
        ]
        return max(speeds, default=LD(0))

    def step(self) -> None:
        """Go on by one step. Raises `Stuck`."""
        r, rate = self._residuals(self.u), self.rate()
        if rate == 0:
            self.s += max(self.s, LD(1))
            self.steps += 1
            return
        # How much the forcing could turn a neuron, not what the outputs are, which may be small by chance.
        largest = max(map(length, self.lines.rows)) ** 2 * length(self.u) ** 2 * self.mass
        change = self.net.omega * largest * len(r) / rate
        part = min(LD(0.5), np.cbrt(STEP_ERROR / max(change, LD(1e-30))))
        h = part / rate
        middle = self._residuals(self._weights(self._moved(self.neurons, r, h / 2)))
        self._before = (self.u, self.s, self.neurons, middle)
        self.neurons = self._moved(self.neurons, middle, h)
        self.u, self.s, self.step_size = self._weights(self.neurons), self.s + h, h
        self.steps += 1
        self.error += 100 * part**3 * change
        if not np.isfinite(self.u).all():
            raise Stuck

    def crossed(self, function: Function) -> bool:
        """Whether the function rose to 0 in the last step."""
        return function(*self._before[:2]) < 0 <= function(self.u, self.s)

    def event(self, function: Function) -> tuple[np.ndarray, Any]:
        """The state within the last step at which a function of (u, s) that was below 0 rises to 0."""
        low, high = LD(0), self.step_size
        _, start, neurons, r = self._before
        found = (self.u, self.s)
        for _ in range(60):
            h = (low + high) / 2
            u = self._weights(self._moved(neurons, r, h))
            if function(u, start + h) >= 0:
                high, found = h, (u, start + h)
            else:
                low = h
            if high - low <= LD(1e-16) * self.step_size:
                break
        return found


def serves(net: Net) -> bool:
    """Whether the network is a sum of neurons with kinks at which the gradient jumps."""
    layers = net.layers
    if isinstance(layers, Expression) or layers.p != 1 or layers.alpha == 1:
        return False
    return layers.trained == [layers.depth - 1, layers.depth]


RESTING = ("stops", "vanishes", "shrinks")


class NeuronBlock(Block):
    """A neuron of a claim with its true KKT point, which may be on kinks."""

    @property
    def rests(self) -> bool:
        """Whether `angle_at_radius` holds from the horizon on."""
        return self.outcome in RESTING

    def _point(self, net: Net, report: Report) -> None:
        lines, where = Lines(net), f"block {self.index}"
        centre = unit(array(self.entry["kkt_point"]["centre"]))
        near = extended(self.entry["kkt_point"]["radius"])
        w, sign = centre[:-1], int(np.sign(centre[-1]))
        low, high = array(self.entry["value"])
        scale = lines.size(net.z)
        if self.outcome in ("stops", "vanishes"):
            report.need(low <= 0 <= high, f"{where}: value of {self.outcome}")
            if self.outcome == "stops":
                top = max((a / max(length(x), TINY) for a, x in zip(lines.rows @ w, lines.rows, strict=True)))
                report.at_most(top, near, f"{where}: stops where a sample is active", 1e-15)
            else:
                report.need(not w.any(), f"{where}: vanishes with weights")
                report.need(lines.largest(net.z, sign) < 0, f"{where}: vanishes although G rises somewhere")
            self.point = centre
            return
        values = lines.x @ w
        made = Neuron(
            lines, w, centre[-1], np.where(np.abs(values) <= 4 * near + 1e-14, 0, np.sign(values)).astype(int)
        )
        g, _, chi = made.velocity(net.z)
        toward = 1 if sign * (g @ w) > 0 else -1
        report.need(
            (toward > 0) == (self.outcome == "converges"), f"{where}: {self.outcome} with the other sign of N"
        )
        report.need(((chi >= -1e-12) & (chi <= 1 + 1e-12)).all(), f"{where}: no KKT point near the centre")
        if not g.any():
            report.need(False, f"{where}: no gradient at the centre")
            return
        self.point = unit(np.array([*(toward * sign * g / length(g)), sign], dtype=LD))
        report.at_most(angle(self.point, centre), near, f"{where}: kkt radius", 1e-16)
        report.within(toward * length(g) / 2, low, high, f"{where}: value", 1e-16 * scale)
        if self.entry.get("gap") is not None:
            ends = [None if v is None else extended(v) for v in self.entry["gap"]]
            report.within(length(g), ends[0], ends[1], f"{where}: gap", 1e-16 * scale)
        report.need(self.entry["support"] == [self.index], f"{where}: support")


def check_power_1(net: Net, claim: dict[str, Any], draw: np.random.Generator) -> Report:
    """Everything that a claim about the early direction with power 1 says, at delta_bar, at a third of it and
    at a much smaller one.
    """
    return check_claim(net, claim, draw, 3, NeuronBlock, Inclusion)


def check_branches(net: Net, claim: dict[str, Any], draw: np.random.Generator) -> Report:
    """The limit flow of every neuron that is named comes to a point from which there are several ways."""
    report = Report()
    report.need(claim["problem_sha256"] == net.sha256, "problem_sha256")
    report.need(claim["order"] == net.order, "order")
    report.need(claim["blocks"] != [], "no block branches")
    for entry in claim["blocks"]:
        where = f"block {entry['index']}: the limit flow"
        report.need(entry["outcome"] == "branches", f"{where} has the outcome {entry['outcome']}")
        try:
            neuron = Inclusion(net, net.start, None).neurons[entry["index"]]
            for _ in range(LOOKED):
                speed = length(neuron.velocity(net.z)[0]) if neuron.w.any() else Lines(net).size(net.z)
                if neuron.branched or neuron.gone or speed == 0:
                    break
                neuron.evolve(net.z, 1 / speed, draw)
        except Stuck:
            report.open.append(f"{where} is not followed")
            continue
        if neuron.sign == 0:
            report.open.append(f"{where} starts at rest")
        else:
            report.need(neuron.branched, f"{where} does not branch")
    return report
