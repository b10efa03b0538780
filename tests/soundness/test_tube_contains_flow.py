"""Tubes against the 60-digit reference flow: its direction is never further from the centre than the proved
width, and its norm and time are in their enclosures. Back and forth, and on two grids, tubes do not
contradict each other.

No tolerance; the reference flow's own error estimate, and that of a quadrature where it is needed, are added
to the bounds.
"""

import itertools
import random
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from gmpy2 import mpz
from soundness.proofs import ExactCurve, Proof, flat, proof_of
from soundness.random_problems import random_problem
from soundness.reference_claims import angle, context, mp_number

from certflow.flow.curve import Curve, Piece, Window
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.region import enclose_curve
from certflow.flow.enclose.tube import Rates, Step, Timeline, Track
from certflow.flow.propose.centres import Proposal, groups_of
from certflow.flow.reference.flow import ReferenceFlow, limit_flow, reference_flow
from certflow.problem import Problem
from certflow.theorems.early_direction.groups import GroupProof, bound_steps

DIGITS = 60
CTX = context(DIGITS + 40)
COUPLED = [
    ("one-layer", 4, "bar"),
    ("one-layer", 9, "third"),
    ("one-layer", 5, "1e-500"),
    ("two-layer linear", 1, "bar"),
]
SINGLE = [("one-layer cubed", 8, "bar"), ("two-layer", 8, "third"), ("trained below", 11, "bar")]


@cache
def proof(family: str, seed: int) -> Proof:
    """The evidence for a random problem."""
    return proof_of(random_problem(family, seed), Fraction(1, 50))


def delta_of(found: Proof, which: str) -> Fraction:
    return {"bar": found.delta_bar, "third": found.delta_bar / 3, "1e-500": Fraction(1, 10**500)}[which]


def angle_to(direction, p) -> object:
    return angle(CTX, [CTX.mpf(v) for v in direction], [mp_number(CTX, v) for v in p])


def log_growth(curve: ExactCurve, w: int, x: Fraction, start: Fraction) -> object:
    """The centre's log(rho/rho(0)): the integral of the decay and log(|p|/|p(0)|)."""
    p = flat(curve.at(w, x)[0])
    return mp_number(CTX, curve.decay_until(w, x)) + CTX.log(mp_number(CTX, sum(p * p) / start)) / 2


@pytest.mark.parametrize(("family", "seed", "which"), COUPLED)
def test_blocks_of_order_two_stay_in_their_tubes(family, seed, which):
    found, draw = proof(family, seed), random.Random(seed)
    delta, end = delta_of(found, which), found.timeline.points[-1]
    flow = reference_flow(found.problem, delta, time=end, digits=DIGITS)
    slack = 10 * flow.error_estimate + CTX.mpf(10) ** (8 - DIGITS)
    indices = {block: j for j, block in enumerate(tuple(each) for each in flow.blocks)}
    size = CTX.norm([mp_number(CTX, v) for v in found.problem.direction])
    for g, group in enumerate(found.groups):
        own = group.parts.indices[0]
        j = indices[tuple(sorted(own))]
        order = [sorted(own).index(i) for i in own]
        share = CTX.norm([mp_number(CTX, found.problem.direction[i]) for i in own]) / size
        if group.count:
            curve = ExactCurve(group.curve)
            start = sum(v * v for v in flat(curve.at(0, Fraction(0))[0]))
            for _ in range(25):
                k = draw.randrange(group.count)
                w, x = curve.place(k, draw)
                direction = flow.block_direction(j, curve.clock(w, x))
                p = flat(curve.at(w, x)[0])
                bound = mp_number(CTX, Fraction(float(found.sweep.widest[g][k])))
                assert angle_to([direction[i] for i in order], p) <= bound + slack
        if group.known:
            log_norm = flow.block_log_norm(j, end) - flow.log_delta
            assert mp_number(CTX, Fraction(float(found.sweep.log_lo[g]))) <= log_norm + slack
            assert log_norm <= mp_number(CTX, Fraction(float(found.sweep.log_hi[g]))) + slack
        if g == 0 and group.count:
            for point, at in zip(found.timeline.points, found.sweep.reached, strict=True):
                if point <= curve.begins[-1] and draw.random() < 0.3:
                    w = max(i for i, begin in enumerate(curve.begins[:-1]) if begin <= point)
                    x = (point - curve.begins[w]) / group.curve.windows[w].h
                    centre = log_growth(curve, w, x, start) + CTX.log(share)
                    off = flow.block_log_norm(j, point) - flow.log_delta - centre
                    assert (
                        -mp_number(CTX, Fraction(at.log_below)) - slack
                        <= off
                        <= mp_number(CTX, Fraction(at.log_above)) + slack
                    )


def legendre(count: int) -> list[tuple[object, object]]:
    """Nodes and weights of Gauss and Legendre's quadrature on [0, 1]."""
    result = []
    for start in np.polynomial.legendre.leggauss(count)[0]:
        x = CTX.mpf(float(start))
        for _ in range(4):
            below, value = CTX.one, x
            for k in range(2, count + 1):
                below, value = value, ((2 * k - 1) * x * value - (k - 1) * below) / k
            slope = count * (x * value - below) / (x * x - 1)
            x -= value / slope
        result.append(((1 + x) / 2, 1 / ((1 - x * x) * slope * slope)))
    return result


@cache
def rules() -> list[list[tuple[object, object]]]:
    return [legendre(12), legendre(16)]


class ByTau:
    """A reference flow of one block in polar coordinates, by the time tau of d tau = (rho/delta)^(L-2) dT."""

    def __init__(self, flow: ReferenceFlow) -> None:
        self.path = flow.paths[0]
        self.begins = [CTX.zero]
        for piece, end in zip(self.path.pieces, [*self.path.starts[1:], self.path.end], strict=True):
            s = piece.place(end, flow.context)
            self.begins.append(
                self.begins[-1] + CTX.ldexp(CTX.mpf(int(s)), piece.polynomial.unit - piece.polynomial.bits)
            )

    def at(self, tau) -> tuple[list, object, object]:
        """The direction, log(rho/delta) and the scaled time."""
        i = max(j for j, begin in enumerate(self.begins[:-1]) if begin <= tau)
        piece = self.path.pieces[i]
        bits = piece.polynomial.bits
        s = CTX.ldexp(tau - self.begins[i], bits - piece.polynomial.unit)
        values = piece.polynomial.at(mpz(int(CTX.nint(s))))
        own = [CTX.ldexp(CTX.mpf(int(v)), -bits) for v in values]
        time = CTX.mpf(piece.start) + CTX.ldexp(own[piece.time_column], piece.time_unit)
        return [own[c] for c in piece.columns], own[piece.log_column], time


class Clock:
    """tau along a curve, the integral of |p|^power ds: two rules of quadrature on every step, broken where
    pieces end.
    """

    def __init__(self, curve: ExactCurve, power: int) -> None:
        self.curve, self.power, self.error = curve, power, CTX.zero
        self.tau = [CTX.zero]
        for w, low, high in curve.steps:
            cuts = sorted(
                {low, high, *(row[1] for rows in curve.pieces[w] for row in rows if low < row[1] < high)}
            )
            total = CTX.zero
            for begin, end in itertools.pairwise(cuts):
                first, second = (self._integral(w, begin, end, rule) for rule in rules())
                total, self.error = total + second, self.error + abs(first - second)
            self.tau.append(self.tau[-1] + total)

    def _integral(self, w: int, begin: Fraction, end: Fraction, rule) -> object:
        middle = (begin + end) / 2
        parts = [next(row for row in rows if middle < row[1]) for rows in self.curve.pieces[w]]
        total = CTX.zero
        for x, weight in rule:
            square = CTX.zero
            for low, high, c in parts:
                y = (
                    mp_number(CTX, begin) + mp_number(CTX, end - begin) * x - mp_number(CTX, low)
                ) / mp_number(CTX, high - low)
                square += sum(CTX.polyval([mp_number(CTX, v) for v in reversed(own)], y) ** 2 for own in c)
            total += weight * CTX.sqrt(square) ** self.power
        return total * mp_number(CTX, (end - begin) * self.curve.curve.windows[w].h)


@pytest.mark.parametrize(("family", "seed", "which"), SINGLE)
def test_single_tubes_of_higher_order_contain_the_flow_at_equal_tau(family, seed, which):
    # The tube compares flow and centre at equal tau, d tau = |p|^(L-2) ds = (rho/delta)^(L-2) dT.
    found = proof(family, seed)
    group, delta = found.groups[0], delta_of(found, which)
    curve = ExactCurve(group.curve)
    start = sum(v * v for v in flat(curve.at(0, Fraction(0))[0]))
    flow = reference_flow(found.problem, delta, radius=found.claim.radius, digits=DIGITS)
    clock, by_tau = Clock(curve, found.problem.order - 2), ByTau(flow)
    unsure = 1000 * (clock.error + flow.error_estimate) + CTX.mpf(10) ** (8 - DIGITS)
    assert unsure < CTX.mpf(10) ** -18
    weights = [i for own in group.parts.indices for i in own]
    count = len(curve.steps)
    for k in sorted({*range(0, count, max(1, count // 25)), count}):
        w, x = curve.steps[k][:2] if k < count else (len(group.curve.windows) - 1, Fraction(1))
        p = flat(curve.at(w, x)[0])
        direction, log_norm, time = by_tau.at(clock.tau[k])
        for step in {max(k - 1, 0), min(k, count - 1)}:
            bound = mp_number(CTX, Fraction(float(found.sweep.widest[0][step])))
            assert angle_to([direction[i] for i in weights], p) <= bound + unsure
        if k:
            at = found.sweep.reached[k - 1]
            off = log_norm - log_growth(curve, w, x, start)
            assert (
                -mp_number(CTX, Fraction(at.log_below)) - unsure
                <= off
                <= mp_number(CTX, Fraction(at.log_above)) + unsure
            )
    low, high = (mp_number(CTX, v) for v in found.claim.times.start_time)
    assert low <= time + unsure
    assert time <= high + unsure


# -- back and forth ------------------------------------------------------------------------------------------


def reversed_curve(curve: Curve) -> Curve:
    """The same points in the other order: a curve of the problem with labels of the other sign."""
    unit = 1 << curve.grid
    windows = []
    for window in reversed(curve.windows):
        parts = []
        for pieces in window.parts:
            begins = [0, *(piece.end for piece in pieces)]
            parts.append(
                tuple(
                    Piece(unit - begins[i], tuple(backwards(own) for own in pieces[i].coefficients))
                    for i in reversed(range(len(pieces)))
                )
            )
        windows.append(Window(window.h, -window.decay, window.steps, tuple(parts)))
    return Curve(curve.grid, curve.weights, curve.end, tuple(windows), None)


def backwards(coefficients: tuple[int, ...]) -> tuple[int, ...]:
    """c_1, c_2, ... of u(1 - y) from those of u(y)."""
    n = len(coefficients)
    full = [0, *coefficients]
    result = [sum(full[k] * binomial(k, j) for k in range(j, n + 1)) * (-1) ** j for j in range(1, n + 1)]
    return tuple(result)


def binomial(n: int, k: int) -> int:
    return int(CTX.binomial(n, k))


def first_windows(problem: Problem, count: int, grid: int = 48) -> tuple[GroupProof, Curve]:
    """The first group of a problem and its proposed curve, cut after so many windows."""
    indices = groups_of(problem)[0]
    curve = Proposal(problem, indices, grid).curve(0.01)
    return GroupProof(parts_of(problem, indices)), Curve(
        curve.grid, curve.weights, curve.start, curve.windows[:count], curve.centre
    )


def width(group: GroupProof, curve: Curve, start: float, order: int) -> float:
    """D at the end of the curve for the limit flow, from D = start; regions as wide as it takes."""
    group.curve, group.at = curve, enclose_curve(group.parts, curve)
    radius = np.full(group.count, max(4 * start, 2.0**-36))
    for _ in range(10):
        bound_steps(group, radius, False)
        rest = Rates(0.0, np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        steps = [
            Step(end, decay, own, 0.0, 0.0)
            for (end, decay), own in zip(curve.clock(), group.rates, strict=True)
        ]
        track = Track(tuple(steps), rest, 0.0, start, (0.0, 0.0))
        sweep = Timeline([track], order).sweep(Fraction(1, 10**200))
        if sweep.failure is None:
            return float(sweep.reached[-1].D)
        radius = radius * 4
    raise ValueError("the tube is too wide")


@pytest.mark.parametrize(("family", "seed"), [("one-layer", 0), ("one-layer", 8), ("two-layer linear", 8)])
@pytest.mark.parametrize("off", [1e-9, 1e-5])
def test_a_tube_followed_back_contains_where_the_flow_came_from(family, seed, off):
    # A flow starts at an angle phi from the centre. Forth, D bounds its angle at the end; back from that
    # angle, D bounds phi.
    problem = random_problem(family, seed)
    own = groups_of(problem)[0][0]
    block = Problem(
        problem.network.block(0),
        problem.X,
        problem.z,
        "square",
        direction=[problem.direction[i] for i in own],
        reduction="sum",
    )
    group, curve = first_windows(block, 4)
    exact = ExactCurve(curve)
    p = flat(exact.at(0, Fraction(0))[0])
    side = np.array([*p[1:], -p[0]], dtype=object)
    moved = p + side * Fraction(off)
    order = [i for part in group.parts.indices for i in part]
    start = [moved[order.index(i)] for i in range(len(moved))]
    other = Problem(block.network, block.X, block.y, block.loss, direction=start)
    phi = angle_to([mp_number(CTX, v) for v in moved], p)
    end = exact.begins[-1]
    flow = limit_flow(other, time=end, digits=40)
    slack = 10 * flow.error_estimate + CTX.mpf(10) ** -35
    direction = flow.direction(end)
    last = flat(exact.at(len(curve.windows) - 1, Fraction(1))[0])
    psi = angle_to([direction[i] for i in order], last)
    assert psi <= CTX.mpf(width(group, curve, float(phi) * (1 + 2**-40), 2)) + slack
    mirrored = Problem(block.network, block.X, [-v for v in block.y], block.loss, direction=block.direction)
    backward = GroupProof(parts_of(mirrored, groups_of(mirrored)[0]))
    assert (
        phi <= CTX.mpf(width(backward, reversed_curve(curve), float(psi + slack) * (1 + 2**-40), 2)) + slack
    )


@pytest.mark.parametrize(
    ("family", "seed"), [("one-layer", 0), ("one-layer", 8), ("two-layer linear", 8), ("two-layer linear", 3)]
)
def test_tubes_on_two_grids_overlap(family, seed):
    problem = random_problem(family, seed)
    widths, ends, times = [], [], []
    curves = [first_windows(problem, 100, grid) for grid in (40, 52)]
    for group, curve in curves:
        exact = ExactCurve(curve)
        times.append(exact.begins[-1])
        ends.append(exact)
        p = flat(exact.at(0, Fraction(0))[0])
        w0 = [problem.direction[i] for part in group.parts.indices for i in part]
        phi = angle_to([mp_number(CTX, v) for v in w0], p)
        widths.append(width(group, curve, float(phi) * (1 + 2**-40) + 1e-30, 2))
    draw, latest = random.Random(seed), min(times)
    for _ in range(20):
        s = latest * Fraction(draw.randrange(2**16), 2**16)
        points = []
        for exact in ends:
            w = max(i for i, begin in enumerate(exact.begins[:-1]) if begin <= s)
            points.append(flat(exact.at(w, (s - exact.begins[w]) / exact.curve.windows[w].h)[0]))
        assert angle_to([mp_number(CTX, v) for v in points[0]], points[1]) <= bound_until(curves, s)


def bound_until(curves, s: Fraction) -> object:
    """The sum of the widest D of both tubes: what the directions may differ by up to s."""
    total = CTX.zero
    for group, curve in curves:
        k = next(i for i, (end, _) in enumerate(curve.clock()) if s <= end)
        total += CTX.mpf(group.rates[k].limit)
    return total
