"""Certificates of the statement "early-direction-power-1": Q1 to Q9 for each neuron, Q7 for all of them,
and the claim that is compared with what they give (R9).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import Any

from ..kernel.container import opened
from ..kernel.definite import is_psd
from ..kernel.numbers import (
    down,
    exp_up_fixed,
    fraction,
    mul_up,
    root_up,
    rounded,
    up,
)
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from ..polygon.neuron import Neuron, Vector, sign_of, vector
from ..polygon.replay import MAX_PIECES, Edge, contacts, part, replay
from ..polygon.tube import Table, Walk
from .after import Fate, Size, converges, idle, shrinks, stops, vanishes
from .claim import ClaimCheck, Theorem

STATEMENT = "early-direction-power-1"

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is any solution in continuous time of w' in -(Clarke) dLoss(w) from w(0) = delta w0, where w0 "
    "is the unit vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What the theorem takes for granted; a certificate has to state exactly these sentences."""

MAX_ROWS = 10_000
_FIELDS = (
    "statement order epsilon delta_bar start_angle problem_sha256 loss assumptions horizon growth "
    "n_max_upper radius time_to_radius blocks"
)
_RESTING = ("shrinks", "stops", "vanishes", "dead", "zero")
_OPEN = ("followed", "branches", "inconclusive")


def check_power_1(content: Any, clock: Clock) -> Any:
    """The claim, after everything it states is proved; or `Refused` (or `Malformed`) with the rule and
    the place (L11.16, L11.17, L11.26, L11.27).
    """
    top, problem = opened(content, "evidence", ASSUMPTIONS, clock, lipschitz=False)
    claim = top["claim"].fields(_FIELDS)
    clock.enter("R9", "claim")
    claim["statement"].same(STATEMENT)
    claim["order"].same(problem.order)
    claim["problem_sha256"].same(content["problem_sha256"])
    claim["loss"].same(problem.loss)
    claim["assumptions"].same(list(ASSUMPTIONS))
    (evidence,) = top["evidence"].items(1)
    _Check(problem, top["claim"], claim, evidence, clock).all()
    return content["claim"]


def _near_one(values: list[Fraction]) -> Fraction:
    """The power of two that brings the largest of some numbers near 1; 1 if all are 0."""
    top = max(map(abs, values))
    return Fraction(2) ** (top.denominator.bit_length() - top.numerator.bit_length() if top else 0)


@dataclass
class _Neuron:
    """A neuron in units in which its largest weight is near 1: masses are `unit` times those of the
    certificate.
    """

    w: Vector
    v: Fraction
    c: tuple[int, int]
    ball: int
    unit: Fraction
    start: int
    sign: int
    pieces: list[Edge]
    walk: Walk


class _Check:
    """One certificate: masses are `unit` times those of the direction, of which the unit vector times delta
    is the start, so that they are near 1 there.
    """

    def __init__(
        self, problem: Problem, top: Node, claim: dict[str, Node], given: Node, clock: Clock
    ) -> None:
        self.problem, self.claim, self.clock = problem, claim, clock
        epsilon, delta, self.angle = (claim[k].rational() for k in ("epsilon", "delta_bar", "start_angle"))
        lawful = epsilon > 0 and delta > 0 and self.angle >= 0
        top.need(lawful, "epsilon > 0, delta_bar > 0 and start_angle >= 0 are needed")
        self.given = given.fields("norm_squared step masses neurons")
        self.G = Neuron(problem, clock)
        self.unit = _near_one(problem.direction) ** 2
        self.square = self.unit * sum((v * v for v in problem.direction), Fraction(0))
        scale = delta**2 / (self.square * problem.mass)
        norm2, step = self.given["norm_squared"].rational(), self.given["step"].rational()
        clock.enter("Q1", self.given["norm_squared"].where)
        self.given["norm_squared"].need(self._bounds(norm2), "it is not proved to bound the inputs", "Q1")
        K, largest = problem.omega * problem.curvature * norm2 / 2, self._largest(norm2)
        node = self.given["masses"]
        self.masses = masses = [self.unit * mass.rational() for mass in node.items(1, MAX_ROWS)]
        rising = all(a <= b for a, b in zip([self.square, *masses], masses, strict=False))
        node.need(step > 0 and rising and masses[0] > self.square, "they do not rise from the start", "Q7")
        kappa, T = rounded(K * scale, True), step * len(masses)
        etas, ends = [up(kappa * B) for B in masses], [down(step * q) for q in range(len(masses) + 1)]
        self.table = Table(kappa, [up(B) for B in masses], etas, ends)
        self.growths = [up((2 * largest + 2 * kappa * B) * step) for B in masses]
        radius, first = claim["radius"], scale * masses[-1]
        R = None if radius.value is None else radius.rational()
        self.size = Size(K, first, first if R is None else R**2 / problem.mass)
        beyond = R is None or (R > 0 and self.size.last > first)
        radius.need(beyond, "it is not above the size at the horizon", "Q8")
        bounds = (self.size, scale, self.square, masses[-1], largest)
        self.theorem = Theorem(problem, clock, epsilon, delta, R, T, *bounds)

    def _bounds(self, norm2: Fraction) -> bool:
        """Q1: norm2 I - X^T X (or X X^T) is positive semidefinite (L11.1)."""
        X = self.problem.features
        rows = X if len(X) < self.G.d else [list(column) for column in zip(*X, strict=True)]
        gram = []
        for i, a in enumerate(rows):
            self.clock.tick()
            products = [sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0)) for b in rows[: i + 1]]
            gram.append([down((norm2 if i == k else 0) - value) for k, value in enumerate(products)])
        full = [[gram[max(i, k)][min(i, k)] for k in range(len(rows))] for i in range(len(rows))]
        return norm2 > 0 and is_psd(full, self.clock, 1)

    def _largest(self, norm2: Fraction) -> Fraction:
        """An upper bound of |G| on the unit sphere (L11.7)."""
        z, alpha = self.problem.z, self.problem.alpha
        lengths = [root_up(sum((v * v for v in x), Fraction(0)), 2) for x in self.problem.features]
        rough = Fraction(0)
        for s in (1, -1):
            # s z_i sigma(x_i.u) <= a_i |x_i.u|.
            a = [max(s * v, -alpha * s * v, Fraction(0)) for v in z]
            apart, joint = sum(map(mul, a, lengths), Fraction(0)), root_up(norm2 * sum(map(mul, a, a)), 2)
            rough = max(rough, min(apart, joint))
        return self.G.largest(rounded(rough, True))

    def all(self) -> None:
        """Every rule, and then the claim."""
        count = len(self.problem.indices)
        nodes, blocks = self.given["neurons"].items(count), self.claim["blocks"].items(count)
        totals = [0] * len(self.masses)
        fates: list[Fate] = []
        for j, node in enumerate(nodes):
            self.clock.enter("Q2", node.where)
            table = node.fields("outcome pieces cone branch")
            outcome = table["outcome"].text("converges", *_RESTING, *_OPEN)
            own = (outcome == "branches") == (table["branch"].value is not None)
            own = own and (outcome == "converges" or table["cone"].value is None)
            node.need(own, "it has evidence of another outcome", "Q9")
            each = self._followed(j, table, outcome)
            self.clock.enter("Q8", node.where)
            fate = self._fate(each, outcome, table, node)
            fates.append(fate.scaled(each.unit))
            for q, mass in enumerate(self._masses(each, fate)):
                totals[q] += -(-mass * each.unit.denominator // each.unit.numerator)
        self.clock.enter("Q7", self.given["masses"].where)
        rows = self.given["masses"].items(len(totals))
        for row, assumed, total in zip(rows, self.masses, totals, strict=True):
            row.need(total < down(assumed), "the masses of the neurons may be more", "Q7")
        self.clock.enter("R9", "claim")
        ClaimCheck(self.theorem, self.claim, fates).compare(blocks, [node.value["outcome"] for node in nodes])

    def _followed(self, j: int, table: dict[str, Node], outcome: str) -> _Neuron:
        """Q1 to Q5 for a neuron."""
        own = [self.problem.direction[i] for i in self.problem.indices[j]]
        factor = _near_one(own)
        *w, v = (entry * factor for entry in own)
        ball = rounded(root_up(self.square / self.unit, 2) * self.angle * factor, True)
        start = vector(w)
        own2 = start.inner(start)
        c = v * v - own2
        wide = 2 * root_up(own2 + v * v, 2) * ball + ball * ball
        most = 2 * (root_up(own2, 2) + ball) ** 2 + c + wide
        node = table["pieces"]
        pieces = node.items(0, MAX_PIECES)
        clear = not (pieces and ball and contacts(self.G, start))
        node.need(clear, "it may start on either side of a kink: not covered", "Q2")
        sign = sign_of(v) or sign_of(self.G.value(start.entries))
        node.need(not pieces or sign != 0, "v = 0 and G = 0 at the start: not covered", "Q2")
        node.need(not pieces or abs(v) > ball or ball == 0, "v may have either sign", "Q2")
        replayed = replay(self.G, start, sign, c, pieces)
        self.clock.enter("Q3", node.where)
        walk = Walk(self.G, self.table, replayed, (down(c - wide), up(c + wide)), up(ball), v == 0)
        walk.run(outcome == "stops", outcome == "shrinks")
        unit = factor**2 / self.unit
        return _Neuron(start, v, walk.c, up(ball), unit, up(most), sign, replayed, walk)

    def _masses(self, each: _Neuron, fate: Fate) -> list[int]:
        """Q7: bounds of the mass of a neuron in every row of the table (L11.15, L11.17)."""
        ends, walk, count = self.table.ends, each.walk, len(self.masses)
        if fate.known and not each.pieces:
            return [each.start] * count
        found = [0] * count
        for span in walk.spans:
            self.clock.tick()
            begin, end = max(0, bisect_left(ends, span.early - 1) - 1), bisect_right(ends, span.late)
            for q in range(begin, min(end, count)):
                found[q] = max(found[q], span.mass)
        if not walk.covers:
            exponent, mass = 0, walk.spans[-1].mass if walk.spans else each.start
            for q in range(max(0, bisect_right(ends, walk.early - 1) - 1), count):
                self.clock.tick()
                exponent += self.growths[q]
                found[q] = max(found[q], mul_up(mass, exp_up_fixed(exponent)))
        return found

    def _fate(self, each: _Neuron, outcome: str, table: dict[str, Node], node: Node) -> Fate:
        """Q8 and Q9 for a neuron."""
        walk, ball, G = each.walk, each.ball, self.G
        if outcome == "converges":
            return converges(walk, self.size, node, table["cone"])
        if outcome == "stops":
            return stops(walk, each.w, each.sign, ball, self.theorem, node)
        if outcome == "shrinks":
            return shrinks(walk, self.size, node)
        node.need(outcome in _OPEN or not each.pieces, "a neuron that rests all the time has no pieces", "Q8")
        if outcome == "vanishes":
            return vanishes(G, each.w, each.sign, each.c, ball, self.theorem, node)
        if outcome == "zero":
            node.need(each.start == 0, "it is not zero at the start", "Q8")
            return Fate(Fraction(0))
        if outcome == "dead":
            still = all(idle(line, each.w, fraction(ball), self.clock) for line in G.lines)
            node.need(still, "a sample may be active", "Q8")
            node.need(G.alpha == 0 or not G.samples, "only neurons with alpha = 0 can be dead", "Q8")
            return Fate(Fraction(0))
        if outcome == "followed":
            node.need(walk.covers, f"it is not followed up to the horizon: {walk.why}", "Q8")
        if outcome == "branches":
            node.need(self.angle == 0 and each.sign != 0, "the limit flow depends on the start", "Q9")
            part(G, each.w, each.sign, each.v * each.v - each.w.inner(each.w), each.pieces, table["branch"])
        return Fate(self.theorem.largest, known=False)
