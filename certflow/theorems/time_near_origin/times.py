"""L2, time near the origin: how long, at least, every gradient flow started at ‖w(0)‖ = delta stays of size
delta.

For a convex loss, `d‖w‖²/dt = 2L sum_i r_i H_i <= 2L N(w) <= 2L M ‖w‖^L` along every gradient flow, for every
upper bound M of N⁺_max, in particular beta ‖z‖ (L2.1: Euler's identity holds for every Clarke selection, and
`-l'(s) s <= -l'(0) s`). Integrated (L2.2), with the scaled time t delta^(L-2) and B the ratio of final to
initial norm:

    L = 2:  ‖w‖ <= B delta  up to  ln(B) / (2 M),                     L > 2:  up to  (1 - B^(2-L)) / (L (L-2)
      M).

The factor form has B = sqrt(C), the radius form B = R/delta. M = 0: for all time (L2.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, SupportsIndex

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import bits_for, ceiling_text, floor_text, magnitude
from certflow.exact import MAX_DELTA_EXPONENT, format_rational, initial_norm, number, shown
from certflow.kkt.bounds.largest import global_bounds, z_norm
from certflow.kkt.enumerate import KKTPoints
from certflow.kkt.points import KKTSet, require_digits
from certflow.outcome import BadInput
from certflow.problem import Problem, ProblemSource

_GUARD_BITS = 32


@dataclass(frozen=True, repr=False)
class TimeBound:
    """Proved lower bounds of the scaled time t delta^(L-2) at which the norm first exceeds a size; None: it
    never does (L2.11).

    `bound_nmax` uses N⁺_max, `bound_beta` the weaker beta ‖z‖; exact numbers, rounded down.
    """

    bound_nmax: Fraction | None
    bound_beta: Fraction | None

    def __repr__(self) -> str:
        return f"<TimeBound: at least {_down(self.bound_nmax)} by N⁺_max, {_down(self.bound_beta)} by β>"


@dataclass(frozen=True, repr=False)
class NearOrigin:
    """The proved constants of L2 for one problem, and the time bounds that follow for every delta > 0.

    `n_max_upper` >= N⁺_max = max(0, max N) and `beta_upper` >= beta = max ‖h‖ over the unit sphere of all
    weights, with the names of their proofs; `n_max_lower`, `beta_lower` are proved lower bounds (0 if none is
    known) that show how sharp they are. `z_norm` encloses ‖z‖.
    """

    order: int
    z_norm: Ball
    n_max_upper: Fraction
    n_max_lower: Fraction
    n_max_method: str
    beta_upper: Fraction
    beta_lower: Fraction
    beta_method: str
    digits: int

    def __repr__(self) -> str:
        return (
            f"<NearOrigin: order {self.order}, N⁺_max ≤ {_up(self.n_max_upper)}, β ≤ {_up(self.beta_upper)}>"
        )

    def factor_time(self, factor_squared: Any) -> TimeBound:
        """Until ‖w‖ = sqrt(C) delta, C = `factor_squared` > 1; the same for every delta. Raises `BadInput`
        for C <= 1 (L2.2, L2.4)."""
        square = number(factor_squared, "experiment.factor_squared")
        if square <= 1:
            raise BadInput(
                f"experiment.factor_squared: {shown(square)} is not above 1; the norm starts at factor 1."
            )
        return self._time(Ball(square, self._bits))

    def radius_time(self, delta: Any, radius: Any) -> TimeBound:
        """Until ‖w‖ = R = `radius`, from ‖w(0)‖ = `delta`, both positive; 0 if R <= delta (L2.2).

        Any delta a problem file may name is fine, the ratio R/delta is only ever a ball. Raises `BadInput`.
        """
        start, end = initial_norm(delta), number(radius, "radius", MAX_DELTA_EXPONENT)
        if end <= 0:
            raise BadInput(f"radius: {shown(radius)} is not positive; ‖w‖ cannot reach it.")
        if end <= start:
            return TimeBound(Fraction(0), Fraction(0))
        return self._time((Ball(end, self._bits) / Ball(start, self._bits)).square())

    def time_bound(self, delta: Any, factor_squared: Any = None, radius: Any = None) -> TimeBound:
        """`factor_time` or `radius_time`, whichever of the two events is given; `BadInput` unless exactly one
        is.
        """
        if (factor_squared is None) == (radius is None):
            raise BadInput("time_bound: give either factor_squared or radius.")
        if radius is not None:
            return self.radius_time(delta, radius)
        return self.factor_time(factor_squared)

    @property
    def _bits(self) -> int:
        return bits_for(self.digits, _GUARD_BITS)

    def _time(self, ratio_squared: Ball) -> TimeBound:
        """The bounds for B² in the ball, B > 1."""
        order = self.order
        if order == 2:
            numerator = ratio_squared.log() / 4
        else:
            # B^(2-L) = exp(-(L-2) ln(B²)/2): a power would be too large or too small a number.
            numerator = (1 - (ratio_squared.log() * (2 - order) / 2).exp()) / (order * (order - 2))
        product = (self.z_norm * self.beta_upper).upper()
        return TimeBound(*(self._quotient(numerator, size) for size in (self.n_max_upper, product)))

    def _quotient(self, numerator: Ball, size: Fraction) -> Fraction | None:
        if size == 0:
            return None
        return max(Fraction(0), (numerator / Ball(size, self._bits)).lower())

    def statement(self, factor_squared: Any = 4) -> str:
        """What is proved, as English sentences (L2.3)."""
        if self.n_max_upper == 0:
            return (
                f"N is nowhere positive ({self.n_max_method}), so for every delta > 0 the norm of the "
                f"weights "
                "never exceeds delta, at any time."
            )
        bound = self.factor_time(factor_squared)
        product = _up((self.z_norm * self.beta_upper).upper())
        time = "t" if self.order == 2 else "t * delta" if self.order == 3 else f"t * delta^{self.order - 2}"
        return (
            f"For every delta > 0, every initial direction and every gradient flow with |w(0)| = delta: "
            f"|w(t)|^2 <= {format_rational(number(factor_squared))} delta^2 as long as {time} <= "
            f"{_down(bound.bound_nmax)}. This uses N+_max <= {_up(self.n_max_upper)} ({self.n_max_method}); "
            f"beta |z| <= {product} ({self.beta_method}) alone gives {_down(bound.bound_beta)}."
        )


def near_origin(
    problem: ProblemSource, digits: SupportsIndex = 30, kkt: KKTPoints | None = None
) -> NearOrigin:
    """L2 for a problem: proved bounds of N⁺_max and beta, and from them the time near the origin for every
    delta (L2.1).

    `kkt`, the KKT points of this problem, saves enumerating them again. Raises `BadInput` for those of
    another problem, and `Inconclusive` for an expression network whose size on the unit sphere could not be
    bounded.
    """
    problem, digits = Problem.load(problem), require_digits(digits)
    bounds = global_bounds(problem, digits, None if kkt is None else _of(problem, kkt))
    return NearOrigin(
        order=problem.order,
        z_norm=z_norm(problem, bits_for(digits, _GUARD_BITS)),
        n_max_upper=bounds.n_max.upper,
        n_max_lower=bounds.n_max.lower,
        n_max_method=bounds.n_max.method,
        beta_upper=bounds.beta.upper,
        beta_lower=bounds.beta.lower,
        beta_method=bounds.beta.method,
        digits=digits,
    )


def _of(problem: Problem, kkt: KKTPoints) -> KKTSet:
    """The set, if it is that of the same network, samples and z: that of another N proves nothing of this."""
    if not isinstance(kkt, KKTPoints):
        raise BadInput(f"kkt: expected the result of kkt_points, got {shown(kkt)}.")
    ours, theirs = problem.correlation, kkt.problem.correlation
    same = ours.network == theirs.network and all(
        np.array_equal(mine, other) for mine, other in ((ours.X, theirs.X), (ours.z, theirs.z))
    )
    if not same:
        raise BadInput("kkt: these are the KKT points of another problem; ask for those of this one.")
    return kkt.found


def _down(value: Fraction | None) -> str:
    """A non-negative number as a decimal of eight digits, rounded down; "infinity" for None."""
    return "infinity" if value is None else floor_text(value, _place(value))


def _up(value: Fraction) -> str:
    """A non-negative number as a decimal of eight digits, rounded up."""
    return ceiling_text(value, _place(value))


def _place(value: Fraction) -> int:
    return magnitude(value) - 7 if value else 0
