"""One neuron of power 1 on given inputs, with as few kinks as it has: samples on one line through 0 merged
(L11.1).

`G(w) = sum_i z_i sigma(x_i.w) = b.w + sum_C j_C (x_C.w)_+`, one term for every line C through 0 with samples
on it; N = v G(w). Equal samples with opposite labels then have no kink, and inputs 0 never contribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm

from certflow.algebra.directions import dot, primitive
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.problem import Problem

Exact = tuple[Fraction, ...]


@dataclass(frozen=True)
class Line:
    """The samples on one line through 0: `first` is the first of them, `x` the primitive whole vector in its
    direction, `jump` is j_C, and every member i is `c_i` x.
    """

    first: int
    x: tuple[int, ...]
    jump: Fraction
    members: tuple[tuple[int, Fraction], ...]


@dataclass(frozen=True)
class Reduced:
    """G of one neuron in its canonical form; `z` are the weights of the samples `x` as they were given."""

    alpha: Fraction
    z: Exact
    x: tuple[Exact, ...]
    lines: tuple[Line, ...]
    b: Exact

    @property
    def inputs(self) -> int:
        """The number of inputs d."""
        return len(self.b)

    @cached_property
    def kinks(self) -> tuple[int, ...]:
        """The lines at which the gradient of G jumps."""
        return tuple(k for k, line in enumerate(self.lines) if line.jump)

    @cached_property
    def free(self) -> frozenset[int]:
        """The kinks whose argument only their own samples change, and only where it is positive (L11.29)."""
        return frozenset(
            k
            for k in self.kinks
            if self.alpha == 0
            and all(factor > 0 for _, factor in self.lines[k].members)
            and not any(dot(self.lines[k].x, other.x) for i, other in enumerate(self.lines) if i != k)
        )

    @cached_property
    def unit(self) -> int:
        """A common denominator of b and all jumps."""
        return lcm(*(value.denominator for value in (*self.b, *(line.jump for line in self.lines))))

    @cached_property
    def whole_jumps(self) -> tuple[int, ...]:
        """The jumps times `unit`."""
        return tuple(int(line.jump * self.unit) for line in self.lines)

    @cached_property
    def whole_b(self) -> tuple[int, ...]:
        """b times `unit`."""
        return tuple(int(value * self.unit) for value in self.b)

    def active(self, sample: int, w: Exact) -> Fraction:
        """x_i.w for one of the samples as they were given."""
        return sum((a * b for a, b in zip(self.x[sample], w, strict=True)), Fraction(0))


def reduced(problem: Problem) -> Reduced:
    """The canonical form of the neurons of a problem whose last two layers are trained, and no other (L11.8).

    Raises `Inconclusive` for all other networks.
    """
    network = problem.network
    if not isinstance(network, FeedForward) or network.trained != (network.depth - 1, network.depth):
        raise Inconclusive(
            "the trained layers are not just the last two, so that the network is not a sum of neurons, and "
            "its kinks are no fixed planes (order 2, not separable); reference_flow and kkt_points say "
            "what is known of it."
        )
    return canonical(
        network.activation.alpha, [tuple(row) for row in network.features(problem.X)], list(problem.z)
    )


def canonical(alpha: Fraction, x: Sequence[Exact], z: Sequence[Fraction]) -> Reduced:
    """The canonical form of `sum_i z_i max(x_i.w, alpha x_i.w)` (L11.1)."""
    found: dict[tuple[int, ...], list[tuple[int, Fraction]]] = {}
    for i, row in enumerate(x):
        if any(row):
            normal, factor = primitive(row)
            found.setdefault(tuple(normal), []).append((i, factor))
    lines = []
    b = [
        alpha * sum((z_i * row[k] for z_i, row in zip(z, x, strict=True)), Fraction(0))
        for k in range(len(x[0]))
    ]
    for normal, members in found.items():
        sign = 1 if members[0][1] > 0 else -1
        direction = tuple(sign * int(value) for value in normal)
        own = tuple((i, sign * factor) for i, factor in members)
        jump = (1 - alpha) * sum((z[i] * abs(factor) for i, factor in own), Fraction(0))
        back = (1 - alpha) * sum((z[i] * -factor for i, factor in own if factor < 0), Fraction(0))
        b = [value - back * entry for value, entry in zip(b, direction, strict=True)]
        lines.append(Line(own[0][0], direction, jump, own))
    return Reduced(alpha, tuple(z), tuple(x), tuple(lines), tuple(b))
