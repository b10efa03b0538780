"""Every rule of a limit flow of power 1 that a polygon must keep, checked in rational numbers from the
samples themselves: only the names of the lines are taken from the module that made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from least_norm_flow import least_norm
from lone_neurons import Exact, LoneNeuron

from certflow.algebra.directions import dot, parallel
from certflow.flow.polygon.polygon import Edge, End, Polygon


def faults(neuron: LoneNeuron, polygon: Polygon) -> list[str]:
    """What is wrong with the polygon of a neuron; empty if nothing is."""
    return list(_Rules(neuron, polygon).all())


class _Rules:
    def __init__(self, neuron: LoneNeuron, polygon: Polygon) -> None:
        self.neuron, self.polygon, self.edges = neuron, polygon, polygon.edges
        self.lines = neuron.reduced.lines
        self.jumps = [self.jump(k) for k in range(len(self.lines))]

    def all(self) -> Iterator[str]:
        if self.polygon.c != self.neuron.v**2 - dot(self.neuron.w, self.neuron.w):
            yield "c is not v^2 - |w|^2"
        for i, edge in enumerate(self.edges):
            yield from (f"edge {i}: {fault}" for fault in self.edge(edge))
            yield from (f"edge {i}: {fault}" for fault in self.joint(i))
        yield from self.end()

    def jump(self, k: int) -> Fraction:
        """By how much the gradient jumps at line k, as a multiple of its normal, from the samples."""
        x = self.lines[k].x
        total = Fraction(0)
        for row, z in zip(self.neuron.x, self.neuron.z, strict=True):
            if any(row) and parallel(row, x):
                total += z * abs(dot(row, x)) / dot(x, x)
        return (1 - self.neuron.alpha) * total

    def free(self, k: int) -> bool:
        """Whether a line is pushed by its own samples alone, and not from where it is negative."""
        x = self.lines[k].x
        pushing = [row for row in self.neuron.x if dot(row, x)]
        return self.neuron.alpha == 0 and all(parallel(row, x) and dot(row, x) > 0 for row in pushing)

    def gradient(self, signs, chi: dict[int, Fraction]) -> Exact:
        """The gradient with every sample on the side `signs(x_i)`, and lines with multipliers: 0 for those
        without a kink that are met.
        """
        alpha, total = self.neuron.alpha, [Fraction(0)] * len(self.neuron.w)
        chi = {k: Fraction(0) for k, line in enumerate(self.lines) if not signs(line.x)} | chi
        for row, z in zip(self.neuron.x, self.neuron.z, strict=True):
            if not any(row):
                continue
            factor = Fraction(1) if signs(row) > 0 else alpha
            for k, share in chi.items():
                if parallel(row, self.lines[k].x):
                    share = share if dot(row, self.lines[k].x) > 0 else 1 - share
                    factor = alpha + (1 - alpha) * share
            total = [a + z * factor * b for a, b in zip(total, row, strict=True)]
        return tuple(total)

    def height(self, edge: Edge, time: Fraction) -> Fraction:
        """v^2 at a time of an edge, after its start."""
        return dot(_at(edge, time), _at(edge, time)) + self.polygon.c

    # -- one edge --------------------------------------------------------------------------------------------

    def edge(self, edge: Edge) -> Iterator[str]:
        u, s = edge.velocity.exact(), edge.sign
        inside = _at(edge, self.inner(edge))
        ends = [edge.start.exact(), inside]
        if edge.length is not None:
            ends.append(_at(edge, edge.length))
        if not any(u):
            yield "it does not move"
        chi = dict(zip(edge.slides, edge.chi, strict=True))
        expected = self.gradient(lambda row: _sign(dot(row, inside)), chi)
        if tuple(s * value for value in expected) != u:
            yield "the velocity is no gradient with these multipliers"
        if not all(0 < share < 1 or (share == 0 and self.free(k)) for k, share in chi.items()):
            yield "a multiplier is not strictly between 0 and 1"
        if _rank([self.lines[k].x for k in edge.slides]) < len(edge.slides):
            yield "the normals of the kinks that hold it are dependent"
        for k, line in enumerate(self.lines):
            heights = [dot(line.x, point) for point in ends]
            if k in edge.slides:
                if any(heights) or dot(line.x, u) != 0:
                    yield f"it leaves kink {k} on which it slides"
                if s * self.jumps[k] >= 0:
                    yield f"kink {k} does not hold it"
            elif self.jumps[k]:
                if heights[1] == 0 or edge.sides[k] != _sign(heights[1]):
                    yield f"the side of kink {k} is wrong"
                if any(height * heights[1] < 0 for height in heights):
                    yield f"kink {k} is passed in the midst of it"
            elif edge.sides[k]:
                yield f"line {k} without a kink has a side"
        yield from self.sign_of_v(edge)

    def sign_of_v(self, edge: Edge) -> Iterator[str]:
        """v^2 > 0 inside, and exactly up to the end of it."""
        p, u = edge.start.exact(), edge.velocity.exact()
        foot = -dot(p, u) / dot(u, u)
        if edge.flips:
            event = self.next_event(edge)
            at = foot if event is None else min(foot, event)
            if edge.length is not None or at <= 0 or self.height(edge, at) >= 0:
                yield "v does not vanish before the next kink"
            return
        at = max(Fraction(0), foot if edge.length is None else min(foot, edge.length))
        low = self.height(edge, at)
        if edge.returns or (edge is self.edges[0] and self.neuron.v == 0 and foot <= 0):
            if self.height(edge, Fraction(0)) < 0 or foot >= 0:
                yield "v^2 does not grow"
        elif low < 0 or (low == 0 and any(_at(edge, at))):
            yield "v vanishes on it"

    def inner(self, edge: Edge) -> Fraction:
        """A time strictly inside the edge (before its start perhaps, if it returns)."""
        if edge.length:
            return edge.length / 2
        time = Fraction(-1 if edge.returns and edge.length == 0 else 1)
        if edge.flips or edge.returns:
            for _ in range(200):
                if self.height(edge, time) > 0 and self.before_foot(edge, time):
                    break
                time /= 2
        return time

    def before_foot(self, edge: Edge, time: Fraction) -> bool:
        slope = dot(_at(edge, time), edge.velocity.exact())
        return slope > 0 if edge.returns else slope < 0

    def next_event(self, edge: Edge) -> Fraction | None:
        p, u = edge.start.exact(), edge.velocity.exact()
        times = [
            -dot(line.x, p) / dot(line.x, u)
            for k, line in enumerate(self.lines)
            if self.jumps[k] and k not in edge.slides and dot(line.x, p) * dot(line.x, u) < 0
        ]
        return min(times, default=None)

    # -- where edges meet ------------------------------------------------------------------------------------

    def joint(self, i: int) -> Iterator[str]:
        """The start of edge i: it is where the edge before ends, and only this velocity is possible there."""
        edge, before = self.edges[i], self.edges[i - 1] if i else None
        if edge.returns:
            if before is None or not before.flips or before.slides or edge.slides or edge.chi or edge.on:
                yield "it returns from no flip, or slides"
            elif (
                edge.start != before.start
                or edge.velocity.exact() != tuple(-value for value in before.velocity.exact())
                or edge.sign != -before.sign
                or edge.sides != before.sides
            ):
                yield "it does not return on the same line"
            return
        if before is None:
            start, sign = self.neuron.w, self.first_sign()
        elif before.length is None:
            yield "the edge before it has no end"
            return
        else:
            start, sign = _at(before, before.length), before.sign
        if edge.start.exact() != start or edge.sign != sign:
            yield "it does not start where the edge before it ends"
        u = edge.velocity.exact()
        contacts = [k for k, line in enumerate(self.lines) if self.jumps[k] and not dot(line.x, start)]
        if before is not None and sorted(contacts) != sorted([*before.slides, *before.met]):
            yield "the kinks that are met are not those of the edge before it and its end"
        if not set(edge.slides) <= set(contacts):
            yield "it slides on a kink that it does not meet"
        free = [k for k in contacts if k not in edge.slides]
        if sorted(edge.on) != [k for k in free if dot(self.lines[k].x, u) > 0]:
            yield "the active contacts are wrong"
        if any(dot(self.lines[k].x, u) == 0 for k in free):
            yield "a contact is neither left nor slid on"
        convex = [k for k in contacts if edge.sign * self.jumps[k] > 0]
        if len(convex) > 1:
            yield "several kinks at its start push away"
        elif convex and before is not None:
            n = self.lines[convex[0]].x
            if dot(n, before.velocity.exact()) * dot(n, u) <= 0:
                yield "a kink that pushes away is not crossed"
        elif convex:
            yield from self.both_ways(edge, convex[0], [k for k in contacts if k not in convex])

    def both_ways(self, edge: Edge, n: int, others: list[int]) -> Iterator[str]:
        """At the start, a kink that pushes away is left to one side whatever its multiplier is."""
        p, off = self.neuron.w, {k: Fraction(0) for k in [n, *others]}
        rest = np.array(self.gradient(lambda row: _sign(dot(row, p)), off), dtype=float)
        normals = np.array([self.lines[k].x for k in [n, *others]], dtype=float)
        jumps = np.array([float(self.jumps[k]) for k in [n, *others]])[:, None] * normals
        found = [least_norm(rest + chi * jumps[0], jumps[1:]) @ normals[0] for chi in (0.0, 0.5, 1.0)]
        if min(found) <= 1e-12 and max(found) >= -1e-12:
            yield "it starts on a kink that it may leave to both sides"

    def first_sign(self) -> int:
        if self.neuron.v:
            return _sign(self.neuron.v)
        w = self.neuron.w
        return _sign(dot(self.gradient(lambda row: _sign(dot(row, w)), {}), w))

    # -- the end ---------------------------------------------------------------------------------------------

    def end(self) -> Iterator[str]:
        ending, neuron = self.polygon.ending, self.neuron
        last = self.edges[-1] if self.edges else None
        inputs = [row for row in neuron.x if any(row)]
        if ending is not End.OPEN and ending is not End.BRANCHES and self.polygon.reason:
            yield "there is a reason, though it is decided"
        if any(edge.length is None and not edge.flips for edge in self.edges[:-1]):
            yield "an endless edge is not the last"
        if last is not None and (last.length is None and not last.flips) != (ending is End.RAY):
            yield "a ray is an edge without an end"
        if ending is End.ZERO and (any(neuron.w) or neuron.v):
            yield "not all weights are zero"
        alive = neuron.alpha or any(dot(row, neuron.w) >= 0 for row in inputs)
        if ending is End.DEAD and inputs and alive:
            yield "it is not dead"
        if ending is End.RAY and last is not None and self.next_event(last) is not None:
            yield "the last ray meets a kink"
        point = self.last_point()
        if ending is End.ORIGIN and (point is None or any(point) or self.polygon.c < 0):
            yield "the origin is not reached"
        if ending is End.STOPS:
            yield from self.rests(point)
        if ending is End.BRANCHES:
            yield from self.branches(point)

    def last_point(self) -> Exact | None:
        if not self.edges:
            return self.neuron.w
        last = self.edges[-1]
        return None if last.length is None else _at(last, last.length)

    def rests(self, point: Exact | None) -> Iterator[str]:
        rest = self.polygon.rest
        if point is None or rest is None or rest.exact() != point:
            yield "it does not rest at the end of the last edge"
            return
        sign = self.edges[-1].sign if self.edges else self.first_sign()
        met = [(row, z) for row, z in zip(self.neuron.x, self.neuron.z, strict=True) if not dot(row, point)]
        met = [(row, z) for row, z in met if any(row)]
        if any(dot(row, point) > 0 for row in self.neuron.x):
            yield "a sample is active where it rests"
        if any(parallel(row, other) and dot(row, other) < 0 for row, _ in met for other, _ in met):
            yield "a kink where it rests has samples on both sides"
        lines = [row for i, (row, _) in enumerate(met) if not any(parallel(row, o) for o, _ in met[:i])]
        weights = [sum(z * dot(other, row) for other, z in met if parallel(other, row)) for row in lines]
        if self.neuron.alpha or any(sign * weight >= 0 for weight in weights) or _rank(lines) < len(lines):
            yield "the kinks where it rests do not hold it"

    def branches(self, point: Exact | None) -> Iterator[str]:
        branching = self.polygon.branching
        if branching is None:
            yield "there is no branching"
            return
        last = self.edges[-1] if self.edges else None
        if last is not None and last.flips:
            inside, sign = _at(last, self.inner(last)), -last.sign
            contacts = list(last.slides)
        else:
            assert point is not None
            inside, sign = point, last.sign if last is not None else self.first_sign()
            contacts = [k for k, line in enumerate(self.lines) if self.jumps[k] and not dot(line.x, inside)]
        one, other = branching.velocities
        if one.vector == other.vector or branching.sign != sign:
            yield "the two velocities are one, or their sign is wrong"
        for way in (one, other):
            u, chi = way.vector.exact(), dict(zip(way.slides, way.chi, strict=True))
            chi |= {k: Fraction(int(k in way.on)) for k in contacts if k not in way.slides}
            if not set(way.slides) <= set(contacts):
                yield "a velocity slides elsewhere"
            if tuple(sign * v for v in self.gradient(lambda row: _sign(dot(row, inside)), chi)) != u:
                yield "a velocity is no gradient with its multipliers"
            for k in contacts:
                speed = dot(self.lines[k].x, u)
                if (speed > 0 and chi[k] != 1) or (speed < 0 and chi[k] != 0) or not 0 <= chi[k] <= 1:
                    yield "a velocity is not admissible"


def _at(edge: Edge, time: Fraction) -> Exact:
    return tuple(a + time * b for a, b in zip(edge.start.exact(), edge.velocity.exact(), strict=True))


def _sign(value) -> int:
    return (value > 0) - (value < 0)


def _rank(rows) -> int:
    left = [[Fraction(value) for value in row] for row in rows]
    rank = 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((r for r in range(rank, len(left)) if left[r][column]), None)
        if pivot is None:
            continue
        left[rank], left[pivot] = left[pivot], left[rank]
        for r in range(rank + 1, len(left)):
            factor = left[r][column] / left[rank][column]
            left[r] = [a - factor * b for a, b in zip(left[r], left[rank], strict=True)]
        rank += 1
    return rank
