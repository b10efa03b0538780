"""Where a neuron fades: the boundary of a dead cell or the null space of the data, from which its direction
does not go away again (L12.6).

Exact: samples are rays of whole numbers, and only the bounds that are handed on are rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from certflow.algebra.directions import dot, reduced
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_down
from certflow.exact import format_rational
from certflow.flow.curve import Indices
from certflow.flow.enclose.trap import BITS
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem
from certflow.running import tick


@dataclass(frozen=True)
class Ray:
    """All samples s `direction`, s > 0, of coprime numbers. They push the neuron like one sample, with the
    sum `push` of s^2 v z_i; `size` is the sum of s^2 |x_i|^2.
    """

    direction: tuple[int, ...]
    push: Fraction
    size: Fraction


@dataclass(frozen=True)
class FadingNeuron:
    """A neuron of order 2 with a fixed output weight: the rays of its samples, the branch coefficient `off`
    left of its kink, and `forcing`, which times |x_i|^2 bounds how far a residual is from z_i, per unit of A.
    """

    rays: tuple[Ray, ...]
    off: Fraction
    forcing: Fraction


@dataclass(frozen=True)
class Fading:
    """While A is at most `largest`, a neuron whose direction is nearer than `room` to `direction`, and nearer
    than `aside` to the end of its curve, comes no farther from `direction`, and its norm does not grow.
    """

    direction: tuple[int, ...]
    room: float
    largest: Fraction
    aside: float = math.inf

    def within(self, epsilon: Fraction) -> Fading:
        """The same where no more than `epsilon` is wanted."""
        return replace(self, room=min(self.room, float_down(min(epsilon, Fraction(1)))))

    def to_json(self) -> dict[str, Any]:
        """The entry `ending` of a group."""
        return {"direction": [format_rational(Fraction(v)) for v in self.direction]}


def fading_neuron(problem: Problem, part: Indices) -> FadingNeuron | None:
    """The neuron with these weights, if its order is 2 and its output weight is fixed (L12.6)."""
    network = problem.network
    if not isinstance(network, FeedForward) or network.order != 2 or network.activation.power != 2:
        return None
    outgoing = network.given[network.depth][0]
    v = outgoing[network.blocks.index(part)]
    rays: dict[tuple[int, ...], Ray] = {}
    for x, z in zip(network.features(problem.X), problem.z, strict=True):
        tick()
        if any(x):
            direction, s = reduced(list(x))
            before = rays.get(direction, Ray(direction, Fraction(0), Fraction(0)))
            push, size = before.push + s * s * v * z, before.size + s * s * dot(x, x)
            rays[direction] = Ray(direction, push, size)
    loss, largest = problem.loss, max(abs(weight) for weight in outgoing)
    forcing = loss.omega(problem.n) * loss.curvature_bound() * largest
    return FadingNeuron(tuple(rays.values()), network.activation.off, forcing)


def prove_fading(neuron: FadingNeuron, direction: Sequence[int], end: Sequence[int]) -> Fading | None:
    """What holds near this direction for a neuron that comes to it at `end`, None if a sample may pull the
    neuron away from it (L12.6).
    """
    room = aside = math.inf
    largest: Fraction | None = None
    beside = []
    square = dot(direction, direction)
    for ray in neuron.rays:
        tick()
        inner = dot(ray.direction, direction)
        if inner == 0 and ray.push < 0:
            most = -ray.push / (neuron.forcing * ray.size)
            largest = most if largest is None else min(largest, most)
        elif inner > 0 or neuron.off != 0:
            return None
        elif inner == 0:
            beside.append(ray.direction)
        else:
            room = min(room, _sine(inner, square, ray.direction))
    pushing = [ray.direction for ray in neuron.rays if ray.push < 0 and dot(ray.direction, direction) == 0]
    for x in beside:
        tick()
        inner, opposite = dot(x, end), tuple(-v for v in x)
        if inner >= 0 or any(dot(x, other) < 0 for other in pushing if other != opposite):
            return None
        aside = min(aside, _sine(inner, dot(end, end), x))
    return None if largest is None else Fading(tuple(direction), room, largest, aside)


def _sine(inner: int, square: int, x: tuple[int, ...]) -> float:
    """A lower bound of |inner| / (|x| times the root of `square`)."""
    return float_down(Ball(Fraction(inner * inner, square * dot(x, x)), BITS).sqrt().lower())
