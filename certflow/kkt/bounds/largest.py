"""Proved upper bounds of the two global maxima of lemma L2: N⁺_max and beta, over the unit sphere of all
weights.

N⁺_max = max(0, max N), beta = max ‖h‖. Everything is a `Fraction` obtained by rounding balls upwards; no
floats.

*Separable networks*: the larger of the blocks' bounds (L2.6), because t^(L/2) <= t on [0, 1] for L >= 2.

*Layers.* Untrained layers below the first trained one, W_1 say, are applied to the data exactly. Put e_l =
p^(D-l), T the trained layers, `kappa² = prod_{l in T} (e_l/L)^e_l prod_{l not in T} ‖W_l‖^(2 e_l)`.
(i) One trained layer under given output weights c_j: N = sum_j c_j n(u_j), n(u) = sum_i z_i sigma(u . x_i),
so N⁺_max = max_j max(0, c_j n) and beta = max_j |c_j| max_u |sigma(u . x_i)|_2, both attained at one neuron.
(ii) Two trained layers: N = sum_j v_j n(w_j) and v |w|^p <= kappa on the sphere, so N⁺_max = kappa max |n|,
     beta likewise.
(iii) More layers: with e = p^(D-2), ‖W_1‖ = s and rows a_j of W_1, t_j = |a_j|²/s² (sum 1), unit rows â_j:
`‖sigma(W_1 x)‖² = s^(2p) sum_j t_j^p sigma(â_j . x)² <= s^(2p) sum_j t_j sigma(â_j . x)²`, and since y -> y^e
is convex `sum_i c_i ‖sigma(W_1 x_i)‖^(2e) <= s^(2 p e) max_u S_(2e)(c; u)`, `S_k(c; u) = sum_i c_i |sigma(u .
x_i)|^k`, for all c >= 0. As |H(x)| <= prod_{l>1} ‖W_l‖^e_l ‖sigma(W_1 x)‖^e (‖sigma(y)‖ <= ‖y‖^p) and L2.5
maximises the product of the norms: `beta <= kappa max_u sqrt(S_2e(1; u))`. If all layers are trained and
sigma >= 0 or sigma(t) = t^p, one neuron per layer attains it.
(iv) N there: N <= sum_i |z_i| |H_i| <= kappa G(|z|) with G(c) = max_u S_e(c; u). For e >= 2 as in (iii); for
p = 1 because entrywise |H(x)| <= |W_D| ... |W_2| |sigma(W_1 x)|, whose sum over i has entries sum_i c_i
|sigma(a_j . x_i)| <= |a_j| G(c) at the end; the norms are Frobenius norms then. If sigma >= 0, the last
hidden layer phi >= 0, so entrywise |sum_i z_i phi_i| <= max(sum z_i⁺ phi_i, sum z_i⁻ phi_i), hence N <= kappa
sqrt(G(z⁺)² + G(z⁻)²). And N <= beta ‖z‖ always.
(v) Without kinks and with p = 1 (deep linear networks) N = W_D ... W_1 g, g = sum_i z_i x_i: N⁺_max = kappa
|g|.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.kkt.bounds.box_cover import box_cover_bounds
from certflow.kkt.bounds.sphere_maximum import (
    BITS,
    SphereMaximum,
    Terms,
    largest_eigenvalue_bound,
    sphere_maximum,
)
from certflow.kkt.neuron.circle import PlanarKKT, planar_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.linear import piecewise_linear_kkt
from certflow.kkt.neuron.quadratic import piecewise_quadratic_kkt
from certflow.kkt.points import KKTSet
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem

_ENUMERATION_WORK = {1: 1_200_000, 2: 3_500_000}
"""By power: the most that cells × hyperplanes × 3^inputs may be for an enumeration, which takes about a
second then.
"""


@dataclass(frozen=True)
class GlobalBounds:
    """Upper bounds of N⁺_max and beta, the names of their proofs, and lower bounds that show how sharp they
    are.
    """

    n_max: SphereMaximum
    beta: SphereMaximum


def z_norm(problem: Problem, bits: int = BITS) -> Ball:
    """‖z‖, enclosed."""
    return Ball(sum((value * value for value in problem.z), Fraction(0)), bits).sqrt()


def global_bounds(problem: Problem, digits: int = 30, kkt: KKTSet | None = None) -> GlobalBounds:
    """Bounds of N⁺_max and beta for the network of the problem; lemmas L2.5, L2.6 and the module's proofs
    (L2.7, L2.8, L5.6).

    `digits` is the precision of the enumeration of planar KKT points, where that applies; `kkt`, the KKT set
    of the problem, saves enumerating again. Raises `Inconclusive` for an expression that cannot be bounded on
    any cover of the sphere.
    """
    N = problem.correlation.on_features()
    if isinstance(N.network, FeedForward):
        bounds = _Layers(N, N.network, digits, kkt).bounds()
    else:
        n_max, beta = box_cover_bounds(problem)
        bounds = GlobalBounds(n_max, beta)
    product = (z_norm(problem) * bounds.beta.upper).upper()
    if product < bounds.n_max.upper:
        n_max = SphereMaximum(
            bounds.n_max.lower, product, f"beta times the length of z; beta by {bounds.beta.method}"
        )
        bounds = GlobalBounds(n_max, bounds.beta)
    return bounds


class _Layers:
    """N of a feed-forward network whose first layer is trained."""

    def __init__(self, N: Correlation, network: FeedForward, digits: int, kkt: KKTSet | None) -> None:
        self.network, self.digits = network, digits
        self.X, self.z, self.order = N.X, N.z, network.order
        self.sigma, self.depth = network.activation, network.depth
        self.p = self.sigma.power
        # A set of neurons whose output weights are trained is about these weights, too.
        of_neuron = kkt is not None and kkt.of == "one neuron" and self.depth not in network.trained
        self.known = kkt if of_neuron else None

    @property
    def is_nonnegative(self) -> bool:
        """Whether sigma >= 0."""
        return self.sigma.alpha <= 0 or self.p % 2 == 0

    def bounds(self) -> GlobalBounds:
        if self.depth == 2:
            return self._one_hidden_layer()
        return GlobalBounds(self._deep_n_max(), self._deep_beta())

    # -- one hidden layer: (i) and (ii) ----------------------------------------------------------------------

    def _one_hidden_layer(self) -> GlobalBounds:
        up, down = self._neuron()
        beta = _root(self._powers([Fraction(1)] * len(self.z), 2))
        if self.depth in self.network.trained:
            kappa = self._kappa()
            larger = max(up, down, key=lambda bound: bound.upper)
            n_max = SphereMaximum(max(up.lower, down.lower), larger.upper, larger.method)
            return GlobalBounds(_scaled(n_max, kappa), _scaled(beta, kappa))
        outputs = self.network.given[self.depth][0]
        most, least = max(Fraction(0), *outputs), max(Fraction(0), *(-c for c in outputs))
        candidates = [_times(up, most), _times(down, least)]
        larger = max(candidates, key=lambda bound: bound.upper)
        n_max = SphereMaximum(max(bound.lower for bound in candidates), larger.upper, larger.method)
        return GlobalBounds(n_max, _times(beta, max(most, least)))

    def _neuron(self) -> tuple[SphereMaximum, SphereMaximum]:
        """Bounds of max(0, n) and max(0, -n) over the unit sphere for one neuron."""
        found = self._enumeration()
        if found is not None and found.complete and found.n_max is not None and found.n_min is not None:
            planar = "planar " if isinstance(found, PlanarKKT) else ""
            method = f"complete enumeration of the {planar}KKT points"
            zero = Fraction(0)
            up = SphereMaximum(max(zero, found.n_max.lower()), max(zero, found.n_max.upper()), method)
            return up, SphereMaximum(max(zero, -found.n_min.upper()), max(zero, -found.n_min.lower()), method)
        return sphere_maximum(self._terms(list(self.z))), sphere_maximum(
            self._terms([-value for value in self.z])
        )

    def _enumeration(self) -> KKTSet | None:
        """The KKT set of one neuron, if there is an enumeration for it that takes about a second at most (in
        the plane: any), or it is known with the extrema of N.
        """
        if self.p > 2:
            return None
        if self.known is not None and self.known.complete and self.known.n_max is not None:
            return self.known
        if self.p == 2 and self.X.shape[1] == 2:
            return planar_kkt(self.X, self.z, self.sigma.alpha, self.digits)
        neuron = Neuron.of(self.X, self.z, self.sigma)
        d, n = neuron.inputs, len(neuron.kinked)
        most = 2 * sum(math.comb(n - 1, k) for k in range(d)) if n else 1
        if most * n * 3**d > _ENUMERATION_WORK[self.p]:
            return None
        enumerate_all = piecewise_linear_kkt if self.p == 1 else piecewise_quadratic_kkt
        return enumerate_all(neuron, self.digits, most)

    def _terms(self, c: list[Fraction]) -> Terms:
        """sum_i c_i sigma(x_i . u)."""
        side = (-self.sigma.alpha) ** self.p
        return Terms(self.X, c, [value * side for value in c], self.p)

    def _powers(self, c: list[Fraction], k: int) -> SphereMaximum:
        """max_u S_k(c; u) for c >= 0."""
        side = abs(self.sigma.alpha) ** (self.p * k)
        return sphere_maximum(Terms(self.X, c, [value * side for value in c], self.p * k))

    # -- more layers: (iii) and (iv) -------------------------------------------------------------------------

    def _kappa(self, frobenius: bool = False) -> Ball:
        """The maximum of the product of the layers' norms over the unit sphere, given layers by their
        spectral norms.
        """
        square = Ball(1, BITS)
        for layer in range(1, self.depth + 1):
            exponent = self.p ** (self.depth - layer)
            if layer in self.network.trained:
                square = square * Ball(Fraction(exponent, self.order), BITS) ** exponent
            else:
                square = (
                    square * Ball(_squared_norm_bound(self.network.given[layer], frobenius), BITS) ** exponent
                )
        return square.sqrt()

    @property
    def _exponent(self) -> int:
        """e = p^(D - 2)."""
        return int(self.p ** (self.depth - 2))

    @property
    def _is_attained(self) -> bool:
        """Whether networks of one neuron per layer attain the product of norms."""
        return (self.is_nonnegative or not self.sigma.has_kink) and len(self.network.trained) == self.depth

    def _deep_beta(self) -> SphereMaximum:
        bound = _scaled(_root(self._powers([Fraction(1)] * len(self.z), 2 * self._exponent)), self._kappa())
        lower = bound.lower if self._is_attained else Fraction(0)
        return SphereMaximum(lower, bound.upper, f"product of the layers' norms and {bound.method}")

    def _deep_n_max(self) -> SphereMaximum:
        if self.p == 1 and not self.sigma.has_kink:
            best = _scaled(sphere_maximum(self._terms(list(self.z))), self._kappa())
        else:
            best = _scaled(self._gain(), self._kappa(frobenius=self.p == 1))
        lower = Fraction(0)
        if self._is_attained:
            lower = max(_scaled(self._rank_one(sign), self._kappa()).lower for sign in (1, -1))
        return SphereMaximum(lower, best.upper, f"product of the layers' norms and {best.method}")

    def _rank_one(self, sign: int) -> SphereMaximum:
        """max_u of sign times sum_i z_i sigma(u . x_i)^e; with one neuron per layer the output weight has
        either sign.
        """
        power = self.p * self._exponent
        side = (-self.sigma.alpha) ** power
        return sphere_maximum(
            Terms(
                self.X, [sign * value for value in self.z], [sign * side * value for value in self.z], power
            )
        )

    def _gain(self) -> SphereMaximum:
        """The smaller of G(|z|) and, for sigma >= 0, sqrt(G(z⁺)² + G(z⁻)²)."""
        whole = self._powers([abs(value) for value in self.z], self._exponent)
        if not self.is_nonnegative:
            return whole
        up, down = (
            self._powers([max(sign * value, Fraction(0)) for value in self.z], self._exponent)
            for sign in (1, -1)
        )
        apart = (Ball(up.upper, BITS).square() + Ball(down.upper, BITS).square()).sqrt().upper()
        method = f"{up.method}, positive and negative labels apart"
        return min(whole, SphereMaximum(Fraction(0), apart, method), key=lambda bound: bound.upper)


def _squared_norm_bound(matrix: np.ndarray, frobenius: bool) -> Fraction:
    """The squared Frobenius norm of an exact matrix, or a bound of the squared spectral one by the smaller
    Gram matrix.
    """
    rows = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = rows @ rows.T
    trace = sum((gram[k, k] for k in range(len(gram))), Fraction(0))
    return (
        trace
        if frobenius
        else min(trace, largest_eigenvalue_bound([[Ball(value, BITS) for value in row] for row in gram]))
    )


def _times(bound: SphereMaximum, factor: Fraction) -> SphereMaximum:
    """The bounds times an exact factor >= 0, not rounded."""
    return SphereMaximum(bound.lower * factor, bound.upper * factor, bound.method)


def _scaled(bound: SphereMaximum, factor: Ball) -> SphereMaximum:
    """The bounds times a factor >= 0."""
    return _mapped(bound, lambda value: value * factor)


def _root(bound: SphereMaximum) -> SphereMaximum:
    return _mapped(bound, Ball.sqrt)


def _mapped(bound: SphereMaximum, increasing: Callable[[Ball], Ball]) -> SphereMaximum:
    lower, upper = increasing(Ball(bound.lower, BITS)).lower(), increasing(Ball(bound.upper, BITS)).upper()
    return SphereMaximum(max(Fraction(0), lower), upper, bound.method)
