"""R9: upper bounds of N on the unit sphere: by norms, and by a cover of the sphere of few features."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from ..kernel.numbers import (
    ONE,
    Interval,
    div_up,
    dot,
    down,
    enclosed,
    fraction,
    largest,
    mul_up,
    norm_up,
    power,
    quotient,
    root_up,
    rounded,
    smallest,
    sqrt_down,
    sqrt_up,
    times,
    up,
)
from ..kernel.problem import ExactMatrix, Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from ..tube.region import unit_outputs

MAX_FEATURES_COVERED, MAX_BOXES = 3, 20_000


def check_largest(problem: Problem, node: Node, clock: Clock) -> None:
    """R9: the number is an upper bound of N on the unit sphere (L12.21)."""
    bound = largest_ncf(problem, clock)
    if problem.expression:
        node.at_least(bound)
        return
    features = len(problem.features[0])
    # Several neurons whose N is negative everywhere share the weights best; so the bound is not below 0.
    if (
        not 0 <= node.rational() < bound
        or not problem.shallow
        or problem.p < 2
        or features > MAX_FEATURES_COVERED
    ):
        node.at_least(bound)
        return
    node.need(
        _Cover(problem, node.rational() / problem.rate, clock).proves(), "it is not proved to be above N"
    )


def largest_ncf(problem: Problem, clock: Clock) -> Fraction:
    """R9: an upper bound of |N| on the unit sphere, sum_i |z_i| beta_i (L2.5, L12.21)."""
    if problem.expression:
        if problem.coupled:
            return _of_outputs(problem)
        return problem.rate * fraction(problem.tapes[0].largest_ncf())
    linear = problem.p == 1 and problem.alpha == 1
    if problem.coupled and linear:
        return problem.rate * _of_the_sum(problem.z, problem.features) / 2
    if problem.coupled:
        return _of_outputs(problem)
    constant = Fraction(1)
    for l in range(1, problem.depth + 1):
        e = problem.p ** (problem.depth - l)
        if l in problem.trained:
            # |W_l|^e over |w| = 1 is largest at |W_l|^2 = e / L.
            constant *= root_up(Fraction(e, problem.order) ** e, 2)
        else:
            constant *= root_up(sum((v * v for row in problem.given[l] for v in row), Fraction(0)), 2) ** e
    if linear:
        return problem.rate * constant * _of_the_sum(problem.z, problem.samples)
    q, total = problem.p ** (problem.depth - 1), Fraction(0)
    for z, x in zip(problem.z, problem.samples, strict=True):
        clock.tick()
        total = rounded(
            total + abs(z) * rounded(root_up(sum((v * v for v in x), Fraction(0)), 2) ** q, True), True
        )
    return problem.rate * constant * total


def _of_outputs(problem: Problem) -> Fraction:
    beta = unit_outputs(problem)
    return problem.rate * sum((abs(z) * b for z, b in zip(problem.z, beta, strict=True)), Fraction(0))


def _of_the_sum(z: list[Fraction], rows: ExactMatrix) -> Fraction:
    """An upper bound of |sum_i z_i x_i|, which is all that linear networks have of their data."""
    sums = (
        sum((a * v for a, v in zip(z, column, strict=True)), Fraction(0))
        for column in zip(*rows, strict=True)
    )
    return root_up(sum((v * v for v in sums), Fraction(0)), 2)


class _Cover:
    """The claim that N is at most `bound` on the unit sphere, for neurons with one output weight each: N =
    sum_j v_j F(w_j) with F(u) = sum_i z_i sigma(x_i.u) (L12.21).
    """

    def __init__(self, problem: Problem, bound: Fraction, clock: Clock) -> None:
        self.p, self.off, self.clock = problem.p, enclosed(problem.alpha**problem.p), clock
        self.X = [[enclosed(v) for v in row] for row in problem.features]
        self.z = [enclosed(v) for v in problem.z]
        if problem.depth in problem.trained:
            # |v| |w|^p over |v|^2 + |w|^2 = 1 is largest at |w|^2 = p/L.
            outputs = [root_up(Fraction(self.p, problem.order) ** self.p / problem.order, 2)]
            outputs.append(-outputs[0])
        else:
            outputs = [Fraction(layers.matrices[1][0][0]) for layers in problem.layers]
        self.most, self.least = (
            [down(bound / (sign * v)) for v in (max(outputs), min(outputs)) if sign * v > 0]
            for sign in (1, -1)
        )
        rows = zip(problem.z, problem.features, strict=True)
        S = sum(abs(z) * root_up(sum((v * v for v in x), Fraction(0)), 2) ** self.p for z, x in rows)
        # |Hessian| <= p (p-1) S at unit u, so F bends by at most p^2 S per squared angle on the sphere.
        self.bend = up(self.p**2 * Fraction(S) / 2)

    def proves(self) -> bool:
        """Whether -least <= F <= most on all faces of the cube, in boxes that are halved where it is not
        seen.
        """
        d = len(self.X[0])
        boxes = [(k, [0] * k + [sign * ONE] + [0] * (d - k - 1), ONE) for k in range(d) for sign in (1, -1)]
        for _ in range(MAX_BOXES):
            if not boxes:
                return True
            self.clock.tick()
            face, centre, half = boxes.pop()
            here, around = self._margins(centre, mul_up(half, sqrt_up((d - 1) * ONE)))
            if here < 0 or half < 2:
                return False
            if around < 0:
                half >>= 1
                moves = product(*((0,) if k == face else (-half, half) for k in range(d)))
                boxes += [(face, [c + m for c, m in zip(centre, move, strict=True)], half) for move in moves]
        return False

    def _margins(self, centre: list[int], reach: int) -> tuple[int, int]:
        """How far F is from the bounds at most at the centre, brought to the sphere, and at least at all
        points within `reach` of it.
        """
        c, p = [(v, v) for v in centre], self.p
        square = dot(c, c)
        length = sqrt_down(square[0]), sqrt_up(square[1])
        sine = div_up(reach, length[0])
        # arcsin x <= x + x^3/4 for x <= 1/2.
        angle = sine + mul_up(mul_up(sine, sine), sine) // 4 + 1
        inner = [dot(row, c) for row in self.X]
        pushes = [times(z, self._cell(t)) for z, t in zip(self.z, inner, strict=True)]
        F = dot(pushes, [power(t, p) for t in inner])
        steep = [times(a, power(t, p - 1)) for a, t in zip(pushes, inner, strict=True)]
        size = p * norm_up(largest(dot(steep, column)) for column in zip(*self.X, strict=True))
        # The gradient has the radial part p F / |c|.
        tangential = sqrt_up(max(0, mul_up(size, size) - (p * smallest(F)) ** 2 // square[1]))
        value, slope = quotient(F, power(length, p)), div_up(tangential, power(length, p - 1)[0])
        more = mul_up(slope, angle) + mul_up(self.bend, mul_up(angle, angle))
        here = [most - value[0] for most in self.most] + [least + value[1] for least in self.least]
        around = [most - value[1] for most in self.most] + [least + value[0] for least in self.least]
        wide = 2 * sine > ONE
        return min(here, default=0), -1 if wide else min(around, default=0) - more

    def _cell(self, t: Interval) -> Interval:
        """sigma(t)/t^p: 1 or `off`, or anything between them where the sign is not known."""
        if t[0] >= 0:
            return ONE, ONE
        return self.off if t[1] <= 0 else (min(ONE, self.off[0]), max(ONE, self.off[1]))
