"""The neurons of a problem of power 1 with their exact limit flows, and what may become of each (L11.27)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from certflow.flow.polygon.polygon import Edge, End, Polygon, polygon
from certflow.flow.polygon.reduced import Line, Reduced
from certflow.flow.polygon.sphere import falling, largest_square
from certflow.flow.propose.polygon_tube import lock_of
from certflow.outcome import Fate
from certflow.problem import Problem
from certflow.progress import Progress

LARGEST_CONE = 0.5
"""Radians; wider final cones are of no use."""

FLIP = (
    "such starts have positive probability where |v| and |w| differ, and the hypothesis of one limit "
    "flow fails there; another seed, or a direction with |v_j| = |w_j|, avoids them"
)


@dataclass(frozen=True)
class HiddenNeuron:
    """One neuron: its weights in the problem, its limit flow, and its fate if nothing but the limit flow
    counted; `reason` says why that is not more.
    """

    index: int
    weights: tuple[int, ...]
    w: tuple[Fraction, ...]
    v: Fraction
    polygon: Polygon
    fate: Fate
    reason: str = ""
    depth: float = 0.0
    """m0 of a neuron that vanishes (L11.24)."""

    @property
    def mass(self) -> float:
        """|w|^2 + v^2 at the start."""
        return float(sum(value * value for value in self.w) + self.v * self.v)

    @property
    def size(self) -> float:
        """|w| at the start."""
        return math.sqrt(float(sum(value * value for value in self.w)))

    def spread(self, ball: float) -> float:
        """How far v^2 - |w|^2 may be from its value here, at starts within `ball` (L11.14)."""
        return 2 * math.sqrt(self.mass) * ball + ball**2

    @property
    def rests(self) -> bool:
        """Whether its weights are constant from the start."""
        return self.fate in (Fate.DEAD, Fate.ZERO) or (self.fate is Fate.STOPS and not self.polygon.edges)


@dataclass(frozen=True)
class Cone:
    """The final cone of a neuron that converges (L11.18): its axis, g = |g|, the widest angle with all convex
    kinks certain, of the concave kinks the sine of the angle to the axis and the size of the jump, whether
    the axis is a vertex, m(S), and whether all directions about the axis turn to it.
    """

    axis: np.ndarray
    g: float
    width: float
    meets: tuple[tuple[float, float], ...]
    vertex: bool
    lock: float
    strict: bool

    def drop(self, width: float) -> float:
        """By how much the slope may fall short of g cos(width) in the cone of this width."""
        reach = math.sin(width) * (1 + 1e-6)
        return math.sin(width) * sum(size for sine, size in self.meets if sine <= reach)


def neurons_of(
    problem: Problem,
    G: Reduced,
    angle: Fraction,
    progress: Progress | None,
    without: Collection[int] = (),
) -> list[HiddenNeuron]:
    """Every neuron of a problem in its canonical form, for starts within `angle`; of those in `without`
    nothing is said.
    """
    depths = {sign: falling(G, sign) for sign in (1, -1)}
    found = []
    d, blocks = G.inputs, problem.blocks
    for j, block in enumerate(blocks):
        if progress is not None:
            progress("limit flows", j, len(blocks))
        values = [Fraction(problem.direction[i]) for i in block]
        w, v = tuple(values[:d]), values[d]
        path = polygon(G, w, v)
        if path.edges and _starts_convex(G, path.edges[0]):
            # The limit flow is unique, but no tube about it is proved at its start.
            path = Polygon(path.c, (), End.OPEN, "it starts on kinks, and one of them pushes the flow away")
        fate, reason = fate_of(G, path)
        depth = depths[1 if v > 0 else -1]
        if path.c > 0 and v and depth is not None:
            fate, reason = Fate.VANISHES, ""
        if angle and fate is Fate.BRANCHES:
            fate, reason = Fate.INCONCLUSIVE, f"from the given direction {reason}"
        elif angle and (fate in (Fate.ZERO, Fate.SHRINKS) or v == 0 or _on_kink(G, w)):
            fate, reason = Fate.INCONCLUSIVE, "with a start angle its start is not on one side of every kink"
            path = Polygon(path.c, (), End.OPEN, reason)
        if j in without:
            reason = "the checker does not prove what is proposed about it"
            fate, path = Fate.INCONCLUSIVE, Polygon(path.c, (), End.OPEN, reason)
        found.append(HiddenNeuron(j, tuple(block), w, v, path, fate, reason, math.sqrt(depth or 0)))
    if progress is not None:
        progress("limit flows", len(blocks), len(blocks))
    return found


def _starts_convex(G: Reduced, first: Edge) -> bool:
    contacts = [k for k in G.kinks if first.start.along(G.lines[k].x) == 0]
    return len(contacts) > 1 and any(first.sign * G.whole_jumps[k] > 0 for k in contacts)


def _on_kink(G: Reduced, w: tuple[Fraction, ...]) -> bool:
    return any(sum(a * b for a, b in zip(line.x, w, strict=True)) == 0 for line in G.lines)


def fate_of(G: Reduced, path: Polygon) -> tuple[Fate, str]:
    """What a limit flow alone says, and why it says no more."""
    match path.ending:
        case End.DEAD:
            return Fate.DEAD, ""
        case End.ZERO:
            return Fate.ZERO, ""
        case End.STOPS:
            return Fate.STOPS, ""
        case End.BRANCHES:
            more = f"; {FLIP}" if path.edges and path.edges[-1].flips else ""
            return Fate.BRANCHES, f"its limit flow has two solutions: {path.reason}{more}"
        case End.ORIGIN if path.c == 0 and len(path.edges[-1].slides) == G.inputs - 1:
            return Fate.SHRINKS, ""
        case End.ORIGIN:
            return Fate.INCONCLUSIVE, "its limit flow reaches w = 0, and it is not proved to stay there"
        case End.OPEN:
            return Fate.INCONCLUSIVE, f"its limit flow is not decided: {path.reason}"
    last = path.edges[-1]
    if any(_pushes(G, last, k) and last.velocity.along(G.lines[k].x) == 0 for k in G.kinks):
        return Fate.INCONCLUSIVE, "its limit lies on a kink from which the flow is pushed away on one side"
    return Fate.CONVERGES, ""


def _pushes(G: Reduced, last: Edge, k: int) -> bool:
    """Whether a kink may push a neuron off its last edge: it is convex, and may become active (L11.29)."""
    return last.sign * G.whole_jumps[k] > 0 and not (k in G.free and last.sides[k] < 0)


def cone_of(G: Reduced, neuron: HiddenNeuron) -> Cone:
    """The final cone of a neuron whose limit flow runs straight for ever (L11.18, L11.29)."""
    last = neuron.polygon.edges[-1]
    u = np.array([float(v) for v in last.velocity.exact()])
    g = math.sqrt(float(u @ u))
    width = LARGEST_CONE
    meets, strict = list[tuple[float, float]](), True
    for k in G.kinks:
        x, jump = np.array(G.lines[k].x, dtype=float), float(G.lines[k].jump)
        length = math.sqrt(float(x @ x))
        sine = 0.0 if k in last.slides else abs(float(x @ u)) / (g * length)
        if _pushes(G, last, k):
            width = min(width, math.asin(min(1.0, sine)) * (1 - 1e-4))
        elif last.sign * jump < 0:
            meets.append((sine, abs(jump) * length))
        else:
            strict = False
    cone = Cone(u / g, g, width, tuple(meets), len(last.slides) == G.inputs - 1, 0.0, strict)
    while cone.drop(width) > 0.3 * g:  # ends: the drop is at most in proportion to the width
        width /= 1.5
    held = np.array([G.lines[k].x for k in last.slides], dtype=float)
    jumps = np.array([float(G.lines[k].jump) for k in last.slides])
    lock = lock_of(held, jumps, [float(v) for v in last.chi])
    return replace(cone, width=width, lock=lock)


def largest_slope(problem: Problem, G: Reduced, norm: float) -> float:
    """An upper bound of |G| on the unit sphere (L11.7); `norm` is that of the inputs."""
    square = largest_square(G)
    if square is not None:
        return math.sqrt(float(square)) * (1 + 1e-12)
    z, alpha = [float(value) for value in problem.z], float(G.alpha)
    lengths = [math.sqrt(float(sum(v * v for v in row))) for row in G.x]
    rough = 0.0
    for s in (1, -1):
        a = [max(s * v, -alpha * s * v, 0.0) for v in z]
        by_samples = sum(b * length for b, length in zip(a, lengths, strict=True))
        rough = max(rough, min(by_samples, norm * math.sqrt(sum(b * b for b in a))))
    return rough * (1 + 1e-12)


def runs(weights: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(first, count) for every run of consecutive weights."""
    breaks = [k for k in range(1, len(weights)) if weights[k] != weights[k - 1] + 1]
    return tuple((weights[a], b - a) for a, b in zip([0, *breaks], [*breaks, len(weights)], strict=True))


def listed_reasons(blocks: Sequence[tuple[int, str]]) -> str:
    """Why some blocks have no fate, each reason once, with the blocks counted from 1."""
    by_reason: dict[str, list[int]] = {}
    for j, why in blocks:
        by_reason.setdefault(why, []).append(j + 1)
    sentences = []
    for why, numbers in by_reason.items():
        more = f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""
        listed = ", ".join(map(str, numbers[:12])) + more
        sentences.append(f"block{'s' if len(numbers) > 1 else ''} {listed}: {why}")
    return "; ".join(sentences) + ("." if sentences else "")


def stopping(G: Reduced, neuron: HiddenNeuron) -> list[tuple[Line, float]]:
    """The lines on which a neuron comes to rest, with what residuals pull on each, over A (L11.23)."""
    rest = neuron.polygon.rest
    lines = [] if rest is None else [line for line in G.lines if rest.along(line.x) == 0]
    lengths = [math.sqrt(sum(v * v for v in line.x)) for line in lines]
    return [
        (line, sum(float(factor) ** 2 * length / 2 for _, factor in line.members))
        for line, length in zip(lines, lengths, strict=True)
    ]
