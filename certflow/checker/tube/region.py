"""R4 and R6: what holds on the region {q : |q| = |p|, angle(q, p) <= r} about a stretch of a curve, or about
a point.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import Protocol

from ..kernel.definite import Matrix, below, is_psd, solve_length
from ..kernel.network import Box, Evaluation, bounded, norm_bound, sizes
from ..kernel.numbers import (
    BITS,
    ONE,
    Interval,
    around,
    div_up,
    dot,
    down,
    enclosed,
    fraction,
    largest,
    mul_up,
    norm_up,
    quotient,
    root_up,
    smallest,
    sqrt_down,
    sqrt_up,
    times,
    up,
)
from ..kernel.problem import Problem
from ..kernel.verdicts import Clock, Refused

Runs = list[Evaluation]
"""The evaluations of all parts of a group on a region."""


@dataclass(frozen=True)
class Place:
    """Enclosures on a stretch: per part the weights W and first kinks Z, |p|^2 in P, ell_c = L N/P on the
    curve; `tangential` bounds |P grad N|/|p| there, dd the defect of the direction.
    """

    W: list[Box]
    Z: list[list[Box]]
    P: Interval
    ell: Interval
    tangential: int
    dd: int = 0


@dataclass(frozen=True)
class Rates:
    """Proved on a region, in s-units and fixed point: growth mu of distances for D < r, forcing K and E per
    unit of A, mean slope T (ell changes by at most L D T within D), growth rate ell of log rho at A = 0; dd
    is that of the place.
    """

    mu: Fraction
    r: int
    K: int
    E: int
    T: int
    ell: Interval
    dd: int = 0


class Lifted(Protocol):
    """O1: forms that are added where an eigenvalue bound is only about directions on which they vanish at
    every point itself: `count` of them, each at most `cost` times the square of how far from there it is
    taken. Matrices, if that is what they are made of, may turn the point in `turned` directions.
    """

    cost: Fraction
    count: int
    turned: int

    def add(self, matrix: Matrix, w: list[int]) -> None:
        """Add the forms at the point w to the matrix, each less than one unit too small."""


class Within(Protocol):
    """O4: a subspace in which a curve, and the flow that it is compared with, are known to lie."""

    def form(self, matrices: list[Matrix]) -> Matrix:
        """sum_j v_j^T M_j v_j in coordinates of the subspace, exactly."""

    def inner(self, vectors: list[list[int]]) -> list[int]:
        """The inner products of the basis of these coordinates with a vector, exactly."""


class Bounds:
    """R4 for one group of parts of a problem, or for its directions within a subspace."""

    def __init__(self, problem: Problem, group: list[int], where: str, within: Within | None = None) -> None:
        self.within = within
        self.problem, self.order, self.coupled, self.where = problem, problem.order, problem.coupled, where
        self.parts = [problem.part(j) for j in group]
        bounded(self.parts, where)
        self.clock = self.parts[0].samples.clock
        self.most = up(problem.omega * problem.curvature)
        self.kappa = (down(problem.omega * problem.least_curvature), self.most)
        self.beta = [up(b) for b in unit_outputs(problem)] if self.coupled else []

    def rates(
        self,
        at: Place,
        mu: Fraction,
        r: Fraction,
        s: Fraction,
        where: str,
        lifts: Lifted | None = None,
    ) -> tuple[Rates, Runs]:
        """The rates on the region; refuses unless `lambda_theta(Hessian - ell I) <= mu` is proved there, with
        `lifts` only for directions on which these vanish, and only for those `within` (L3.5, L3.6, L3.7)."""
        if at.P[0] <= 0:
            raise Refused("R4", where, "the curve may pass through zero")
        L, radius = self.order, up(r)
        rho = mul_up(radius, sqrt_up(at.P[1]))
        runs = []
        for part, W, Z in zip(self.parts, at.W, at.Z, strict=True):
            reach = [mul_up(rho, length) for length in part.lengths]
            wide = [[(z[0] - x, z[1] + x) for z in row] for row, x in zip(Z, reach, strict=True)]
            runs.append(part.evaluate([(w[0] - rho, w[1] + rho) for w in W], wide))
        Lam = max(norm_bound(sizes(run.middle, run.radius)) for run in runs)
        # The tangential gradient grows by Lambda' = Lam L/(L-1) per angle; T is its mean up to r.
        T = at.tangential + div_up(mul_up(radius, Lam) * L, (L - 1) << (BITS + 1))
        wobble = L * mul_up(radius, T)
        ell = (at.ell[0] - wobble, at.ell[1] + wobble)
        if not self._definite(at, runs, mu, s, rho, ell[0], lifts):
            raise Refused("R4", where, "the eigenvalue bound mu could not be verified")
        K, E = self._forcing(at, runs)
        return Rates(mu, radius, K, E, T, ell, at.dd), runs

    def _definite(
        self,
        at: Place,
        runs: Runs,
        mu: Fraction,
        s: Fraction,
        rho: int,
        ell: int,
        lifts: Lifted | None = None,
    ) -> bool:
        balls = [list(map(around, W)) for W in at.W]
        middles = [[m for m, _ in row] for row in balls]
        spread = norm_up(r for row in balls for _, r in row) + rho
        # M_j = (mu + ell - t_j - s eps^2) I - A_j, rounded down; t_j covers what is not in A_j.
        cost = s if lifts is None else s + lifts.cost
        lifted = up(cost * fraction(spread) ** 2)
        matrices = [below(run.above, down(mu) + ell - run.loss - lifted) for run in runs]
        if self.within is not None:
            direction = self.within.inner(middles)
            return is_psd(_lifted(self.within.form(matrices), direction, s), self.clock, 1)
        if lifts is None:
            return _proved(matrices, middles, s, self.clock)
        (matrix,), (middle,) = matrices, middles
        lifts.add(matrix, middle)
        return is_psd(_lifted(matrix, middle, s), self.clock, 1 + lifts.count)

    def _forcing(self, at: Place, runs: Runs) -> tuple[int, int]:
        """K and E of the region (R4)."""
        L, (low, high) = self.order, at.P
        if self.coupled:
            (run,) = runs
            K = E = 0
            for beta, norm, output in zip(self.beta, run.gradient_norms, run.outputs, strict=True):
                # |tangential grad h|^2 <= B^2 - (L b)^2 / P: the radial component of grad h_i is L h_i / |q|.
                radial = (L * smallest(output)) ** 2 // high
                K += beta * sqrt_up(max(0, mul_up(norm, norm) - radial))
                E += beta * largest(output)
            K, E = (mul_up(self.most, (total >> BITS) + 1) for total in (K, E))
            return _over_root(K, low, 1), _over_root(E, low, 2)
        outputs = zip(*(run.outputs for run in runs), strict=True)
        h = [(sum(low for low, _ in own), sum(high for _, high in own)) for own in outputs]
        kappa = [times(self.kappa, v) for v in h]
        F = [v for part, run in zip(self.parts, runs, strict=True) for v in part.forcing(run, kappa)]
        F2 = sum(largest(v) ** 2 for v in F)
        least = self.kappa[0] * sum(smallest(v) ** 2 for v in h) >> (2 * BITS)
        radial = (L * least) ** 2 // high << BITS
        K = _over_root(sqrt_up(max(0, F2 - radial) // ONE + 1), low, L + 1)
        size = -(-sum(largest(v) ** 2 for v in h) // ONE)
        return K, _over_root(mul_up(self.most, size), low, L + 2)


def at_point(bounds: Bounds, centre: list[list[int]], grid: int, where: str) -> Place:
    """R6: the enclosures at the point centre 2^-grid (L4.1)."""
    W = [[(v << (BITS - grid), v << (BITS - grid)) for v in row] for row in centre]
    Z = [part.first_kinks(own) for part, own in zip(bounds.parts, W, strict=True)]
    G: Box = []
    for part, own, kinks in zip(bounds.parts, W, Z, strict=True):
        G += part.forcing(part.evaluate(own, kinks), part.z)
    P = Fraction(sum(v * v for row in centre for v in row), 1 << (2 * grid))
    if P == 0:
        raise Refused("R6", where, "the centre is zero")
    flat = [w for own in W for w in own]
    ell = quotient(dot(flat, G), enclosed(P))
    # G - (<G, c>/P) c, of which |P grad N| is the norm.
    radial = [times(ell, c) for c in flat]
    rest = [largest((g[0] - t[1], g[1] - t[0])) for g, t in zip(G, radial, strict=True)]
    return Place(W, Z, enclosed(P), ell, div_up(norm_up(rest), sqrt_down(down(P))))


def unit_outputs(problem: Problem) -> list[Fraction]:
    """R4: beta_i >= |h_i| of every neuron with weights of norm 1 (several groups, order 2): |v| |x|^2 or
    |x|/2; |alpha| <= 1; of an expression half the norm of its generalised Hessians (L3.7, L12.18)."""
    if not problem.beta and problem.expression:
        own = zip(*(tape.unit_outputs() for tape in problem.tapes), strict=True)
        problem.beta = [fraction(max(bounds)) for bounds in own]
    if not problem.beta:
        out = [layers.matrices[1][0][0] for layers in problem.layers]
        fixed = None if type(out[0]) is int else max(abs(Fraction(v)) for v in out)
        squares = problem.layers[0].samples.lengths2
        problem.beta = [root_up(square, 2) / 2 if fixed is None else fixed * square for square in squares]
    return problem.beta


def _over_root(value: int, P: int, k: int) -> int:
    """value P^(-k/2), rounded upwards."""
    root = sqrt_down(P)
    for _ in range(k):
        value = div_up(value, root)
    return value


def _lifted(M: list[list[int]], w: list[int], scale: Fraction) -> list[list[int]]:
    """M + scale w w^T, every entry rounded down (less than one unit off)."""
    n, d = scale.numerator, scale.denominator << BITS
    return [[v + a * b * n // d for v, b in zip(row, w, strict=True)] for row, a in zip(M, w, strict=True)]


def _proved(matrices: list[list[list[int]]], directions: list[list[int]], s: Fraction, clock: Clock) -> bool:
    """Whether sum_j v_j^T M_j v_j + s (sum_j <v_j, w_j>)^2 >= 0 for all v is verified (R4)."""
    if len(matrices) == 1:
        return is_psd(_lifted(matrices[0], directions[0], s), clock, 1)
    bad = [j for j, M in enumerate(matrices) if not is_psd(M, clock)]
    if not bad:
        return True
    if len(bad) > 1:
        return False
    # sum_(j != b) v_j^T M_j v_j >= sum <v_j, w_j>^2 / tau_j >= y^2 / tau, and min_y y^2/tau + s (x + y)^2 = s
    # x^2/(1 + s tau).
    tau = Fraction(0)
    for j, (M, w) in enumerate(zip(matrices, directions, strict=True)):
        if j == bad[0] or not any(w):
            continue
        length = solve_length(M, w, clock)
        own = next((t for t in _upwards(length) if is_psd(_lifted(M, w, -1 / t), clock, 1)), None)
        if own is None:
            return False
        tau += own
    b = bad[0]
    return is_psd(_lifted(matrices[b], directions[b], s / (1 + s * tau)), clock, 1)


def _upwards(value: float | None) -> list[Fraction]:
    """Rationals slightly above a float hint."""
    if value is None or not 0 < value < 1e300:
        return []
    return [Fraction(value) * (1 + Fraction(1, 1 << k)) for k in (32, 26, 20, 14, 8, 2)]


def least_quotient(runs: Runs, v: list[list[int]]) -> Fraction:
    """A lower bound of v^T A v / |v|^2 over all generalised Hessians A of the region; v are integers, not all
    zero.
    """
    total = 0
    for run, own in zip(runs, v, strict=True):
        sizes = [abs(x) for x in own]
        for x, row, spread in zip(own, run.middle, run.radius, strict=True):
            total += x * sum(map(mul, own, row)) - abs(x) * sum(map(mul, sizes, spread))
    return Fraction(total, sum(x * x for own in v for x in own) << BITS)
