"""Proved upper bounds of N⁺_max and beta for any network: the unit sphere covered by boxes, evaluated in
balls.

For F homogeneous of order q, max(0, F(w/|w|)) = max(0, F(w))/|w|^q, and every direction meets the surface of
the cube [-1, 1]^k, whose 2k faces are cut into boxes. On a box B with midpoint m the bound of g = F/|w|^q is
the smaller of

- `F(B)` rounded up over the least |w|^q in B (enclosure of F by balls, all branches of undecided kinks), and
- `g(m) + g'(B) (B - m)`: the mean value theorem of Lebourg for Clarke gradients, g' = F'/|w|^q - q F
  w/|w|^(q+2).

Blocks of a separable network are treated one by one (L2.6). The bounds hold however few boxes are cut, they
are only coarser then; best-first subdivision stops at a relative gap of `TOLERANCE` or when the work is
spent.
"""

from __future__ import annotations

import heapq
import itertools
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.kkt.bounds.sphere_maximum import SphereMaximum
from certflow.networks.correlation import Correlation, Evaluation
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import tick

BITS = 64
TOLERANCE = Fraction(1, 1000)

_WORK = 5_000
"""Boxes times samples times weights that one block may spend, in units of ten thousand ball operations or
so.
"""

_METHOD = "boxes that cover the sphere, evaluated in balls"

_PLAIN = BallArithmetic(BITS)

ExactBox = tuple[tuple[Fraction, Fraction], ...]


class _BoxArithmetic(BallArithmetic):
    """Balls that know that the numbers under a root are not negative: the network is real wherever it is
    defined.
    """

    def sqrt(self, z: Any) -> Any:
        return self._map(_root_of_the_real_part, z)


def _root_of_the_real_part(value: Ball) -> Ball:
    low, high = max(value.lower(), Fraction(0)), max(value.upper(), Fraction(0))
    return Ball.interval(low, high, value.bits).sqrt()


def box_cover_bounds(problem: Problem) -> tuple[SphereMaximum, SphereMaximum]:
    """Bounds of N⁺_max and beta of the problem's network (L2.6, L2.10).

    Raises `Inconclusive` if some box stays without a bound, as where the expression divides by weights that
    vanish.
    """
    blocks = range(len(problem.blocks))
    covers = [_Cover(problem.correlation.block(j), len(blocks)) for j in blocks]
    n_max = [cover.run(cover.ncf, problem.order) for cover in covers]
    squares = [cover.run(cover.squared_norm, 2 * problem.order) for cover in covers]
    square = _largest(squares)
    root = Ball(square.upper, BITS).sqrt().upper()
    return _largest(n_max), SphereMaximum(Ball(square.lower, BITS).sqrt().lower(), root, _METHOD)


def _largest(bounds: list[SphereMaximum]) -> SphereMaximum:
    return SphereMaximum(max(bound.lower for bound in bounds), max(bound.upper for bound in bounds), _METHOD)


class _Cover:
    """Bounds of homogeneous functions of one block's weights over the unit sphere."""

    def __init__(self, N: Correlation, blocks: int) -> None:
        self.N, self.k = N, N.size
        self.ar = _BoxArithmetic(BITS)
        self.budget = max(2 * self.k, _WORK // (blocks * len(N.X) * self.k))

    def ncf(self, at: Evaluation) -> tuple[Ball, Any]:
        """N, and what computes its gradient."""
        return at.value, at.z

    def squared_norm(self, at: Evaluation) -> tuple[Ball, Any]:
        """‖h‖², and what computes its gradient."""
        outputs = at.run.outputs
        return _total(np.array([output.square() for output in outputs], dtype=object)), outputs * 2

    def run(self, function: Any, order: int) -> SphereMaximum:
        """Bounds of max(0, F) over the unit sphere for F, given with its gradient, homogeneous of `order`."""
        self.lower = Fraction(0)
        heap: list[tuple[Fraction, int, ExactBox]] = []
        stuck: list[ExactBox] = []
        count = itertools.count()

        def add(boxes: list[ExactBox]) -> None:
            for box in boxes:
                upper = self._upper(function, order, box)
                if upper is None:
                    stuck.append(box)
                else:
                    heapq.heappush(heap, (-upper, next(count), box))

        add([self._face(j, side) for j in range(self.k) for side in (1, -1)])
        for _ in range(self.budget if self.k > 1 else 0):
            tick()
            if stuck:  # boxes without a bound come first: with one of them left there is no bound at all
                add(self._halves(stuck.pop(0)))
            elif -heap[0][0] > self.lower * (1 + TOLERANCE):
                add(self._halves(heapq.heappop(heap)[2]))
            else:
                break
        if stuck:
            raise Inconclusive(
                "N and beta could not be bounded over the unit sphere: the expression divides by, or takes a "
                "root of, something that may be 0 there, so there is no proved bound of the time near the "
                "origin."
            )
        return SphereMaximum(self.lower, max(self.lower, -heap[0][0]), _METHOD)

    def _face(self, j: int, side: int) -> ExactBox:
        one = Fraction(1)
        return tuple((one * side, one * side) if i == j else (-one, one) for i in range(self.k))

    def _halves(self, box: ExactBox) -> list[ExactBox]:
        j = max(range(self.k), key=lambda i: box[i][1] - box[i][0])
        low, high = box[j]
        middle = (low + high) / 2
        return [box[:j] + (part,) + box[j + 1 :] for part in ((low, middle), (middle, high))]

    def _upper(self, function: Any, order: int, box: ExactBox) -> Fraction | None:
        """An upper bound of max(0, F)/|w|^order on the box; also raises `lower`. None if F cannot be
        evaluated.
        """
        middle = [(low + high) / 2 for low, high in box]
        try:
            # Without the clamp of roots: outside its domain the network has no value, hence none to exceed.
            value = function(self.N.at(_PLAIN, _PLAIN.array(middle)))[0]
            at_middle = value / _power(Ball(sum(c * c for c in middle), BITS), order)
            self.lower = max(self.lower, at_middle.lower())
        except OutsideDomain:
            at_middle = None
        w = np.array([Ball.interval(low, high, BITS) for low, high in box], dtype=object)
        try:
            at = self.N.at(self.ar, w)
            value, weights = function(at)
        except OutsideDomain:
            return None
        square = Ball.interval(
            sum(_least_square(*side) for side in box), sum(max(a * a, b * b) for a, b in box), BITS
        )
        try:
            quotient = (value / _power(square, order)).upper()
        except OutsideDomain:
            raise Inconclusive(
                f"‖w‖^{order} is beyond the precision on the sphere, so that N has no bound there."
            ) from None
        if at_middle is not None and quotient > 0:
            try:
                gradient = self.N.network.pullback(at.run, weights) / _power(square, order)
                radial = value * order / (_power(square, order) * square)
                slopes = [g - radial * c for g, c in zip(gradient, w, strict=True)]
                shifts = [
                    Ball.interval(low - m, high - m, BITS) for (low, high), m in zip(box, middle, strict=True)
                ]
                quotient = min(
                    quotient,
                    (at_middle + _total(slope * s for slope, s in zip(slopes, shifts, strict=True))).upper(),
                )
            except OutsideDomain:
                pass  # the gradient is unbounded or undefined somewhere in the box; the first bound stands
        return max(Fraction(0), quotient)


def _least_square(low: Fraction, high: Fraction) -> Fraction:
    """The least c² for c in [low, high]."""
    return Fraction(0) if low <= 0 <= high else min(low * low, high * high)


def _power(square: Ball, order: int) -> Ball:
    """|w|^order from |w|²."""
    return square ** (order // 2) * (square.sqrt() if order % 2 else 1)


def _total(values: Any) -> Ball:
    return sum(values, Ball(0, BITS))
