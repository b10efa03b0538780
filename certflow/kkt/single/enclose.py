"""One KKT point near a float vector: existence, uniqueness in a stated radius, inertia and gap, for hundreds
of weights (L6).

*Equation.* N is homogeneous of order L, G = ∇N, `μ(w) = G(w)·w/|w|²`, `F(w) = G(w) - μ(w) w` (so F ⊥ w). For
a centre c and τ != 0 let `Φ(w) = F(w) + τ c c·(w - c)/|c|²` on the ball B = {|w - c| <= r}, r < |c|. Taking
the product with w shows that Φ(w) = 0 iff w is KKT and lies in the plane c·(w - c) = 0, which every direction
at an angle θ < 90° from c meets, at the distance |c| tan θ. By Euler's identity the Jacobians of Φ are

    J = H - μ I - (L - 2) μ ŵŵᵀ - L w Fᵀ/|w|² + τ ĉĉᵀ,   H a Hessian of N, ŵ = w/|w|, ĉ = c/|c|.

*Existence.* Let M be a symmetric float matrix, m <= min |eigenvalue of M|, and δ >= ‖J - M‖ on B for all H
that are Hessians of N at points off its kinks, hence for their hull, Clarke's Jacobian (G is Lipschitz on B).
With Y = M⁻¹, `w -> w - Y Φ(w)` has the Lipschitz constant δ/m on B. If δ < m and `|F(c)| < (m - δ) r` it maps
B to itself: there is exactly one zero in B, and any w in B is at most `|Φ(w)|/(m - δ)` from it. Y is never
computed.

*Inertia.* At the zero J = A + τ ĉĉᵀ is symmetric, A the tangential Hessian H - μ on w^⊥ and 0 on w. As c·w !=
0, the forms of J and of A on w^⊥ plus τ s² agree in suitable coordinates: J has the inertia of A and one more
sign, that of τ (Sylvester). All symmetric matrices within δ < m of M have the inertia of M. For y in the
plane and d = y - w, N/|w|^L has the slope |w|^-L F·d, and `F(w + t d)·d = t dᵀJd`, J in the hull: if M is
definite the point is a strict maximum or minimum, and if `dᵀMd > δ|d|²` for one d ⊥ c and `dᵀMd < -δ|d|²` for
another, a saddle; also where the Hessians jump.

*Norms.* With g = |G(c)|, h >= ‖H‖ on B: `|G| <= g + h r`, `|F| <= f = |F(c)| + r (h + g/|c|)` (projections
along w and c differ by sin∠(w, c) <= r/|c|), and `∇μ = (L F + (L - 2) μ w)/|w|²`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.decimal_text import bits_for
from certflow.arithmetic.directed import sum_up, up
from certflow.arithmetic.doubles import TINY
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.kkt.points import KKTPoint
from certflow.kkt.single.polish import polish, unit_vector
from certflow.kkt.single.spectrum import norm_bound, spectrum
from certflow.kkt.single.top_eigenvalue import sharpened
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive, Kind
from certflow.running import tick

BITS = 64

_RADII = tuple(2.0**-i for i in (12, 20, 28, 38))
_FIRST = 2.0**-40
_LARGEST = 0.25
_GROWTH, _STRETCH = 5, 1024.0
_SINGULAR = 1e-8


@dataclass(frozen=True, eq=False)
class Enclosed:
    """A proved KKT point and where it is the only one (L6.25).

    The unit vectors u with `|u - centre/|centre|| <= uniqueness` contain exactly one KKT point, `point`; it
    is within `radius` of `centre/|centre|`, and its entries `zeros` are exactly 0. `centre` (k) are doubles,
    exact; the two radii are exact.
    """

    point: KKTPoint
    centre: np.ndarray
    radius: Fraction
    uniqueness: Fraction
    zeros: tuple[int, ...]

    def unique_at(self, direction: np.ndarray) -> bool:
        """Whether the direction of these doubles (k, not 0) is proved to lie where `point` is the only KKT
        point.
        """
        ours, theirs = MidRad.exact(self.centre), MidRad.exact(direction)
        apart = ours / MIDRAD.sqrt((ours * ours).sum()) - theirs / MIDRAD.sqrt((theirs * theirs).sum())
        return bool(Fraction(float(apart.norm_upper())) <= self.uniqueness)


def enclose_point(N: Correlation, centre: np.ndarray, digits: int = 30) -> Enclosed:
    """The KKT point of N, all of whose numbers are exact, near `centre` (k doubles, not 0), proved (L6.24,
    L6.26).

    Coordinates and value have radius about 10^-digits. Raises `Inconclusive` if nothing is proved, with the
    reason: a Hessian that is singular as far as could be proved, kinks, or a centre that is too far from a
    KKT point.
    """
    try:
        return _Local(N, centre).enclose(digits)
    except OutsideDomain as error:
        raise Inconclusive(f"the network could not be evaluated near the centre: {error}.") from None


class _Local:
    """N near one centre: its gradient there, and how far the Jacobians of Φ are from M on balls around it."""

    def __init__(self, N: Correlation, centre: np.ndarray) -> None:
        length = float(np.linalg.norm(centre))
        if centre.shape != (N.size,) or not 0.0 < length < np.inf:
            raise ValueError(f"a centre is a vector of {N.size} finite doubles, not all 0")
        self.N, self.order = N, Fraction(N.order)
        self.c = np.asarray(centre, dtype=np.float64) / length
        self.smooth = N.smoothness >= 1
        C = MidRad.exact(self.c)
        square = (C * C).sum()
        norm = MIDRAD.sqrt(square)
        self.low, self.high = float(norm.lower()), float(norm.upper())
        G = N.gradient(MIDRAD, C)
        mu = (G * C).sum() / square
        self.mu = float(mu.mid)
        self.mu_error = float(mu.rad)
        self.g = float(G.norm_upper())
        self.residual = float((G - mu * C).norm_upper())
        self._first_kinks(C)
        self._matrix(C, square)

    def _first_kinks(self, C: MidRad) -> None:
        """The kink arguments of the lowest trained layer are linear: x·w is within r|x| of x·c on the whole
        ball.
        """
        self.first: tuple[int, MidRad, np.ndarray] | None = None
        network = self.N.network
        if isinstance(network, FeedForward) and min(network.trained) < network.depth:
            layer = min(network.trained) - 1
            features = MIDRAD.array(network.features(self.N.X))
            values = features @ network.matrices(MIDRAD, C)[layer].T
            self.first = layer, values, features.norm_upper(axis=1)[:, None]

    def _hessian(self, r: float) -> MidRad:
        """The Hessians of N on the ball of radius r.

        Raises `Inconclusive` if the gradient may jump in the ball.
        """

        def tighter(layer: int, arguments: Any) -> Any:
            if self.first is None or layer != self.first[0]:
                return arguments
            reach = np.where(self.first[2] > 0.0, up(r * self.first[2]), 0.0)
            return self.first[1].widened(np.broadcast_to(reach, arguments.shape))

        w = MidRad.exact(self.c).widened(r)
        at = self.N.at(MIDRAD, w, enclose=tighter)
        self.kinks = sum(int(np.sum(MIDRAD.sign(each) == UNKNOWN)) for each in at.run.kinks)
        if self.kinks and not self.smooth:
            raise Inconclusive(
                f"{self.kinks} kinks are within {r:.1e} of the point and the gradient jumps there; points of "
                f"activations of "
                "power 1 are proved away from kinks only."
            )
        return at.hessian()

    def _matrix(self, C: MidRad, square: MidRad) -> None:
        """M with its spectrum, and `self.rounding`, how far it is from what it stands for."""
        k, L = len(self.c), self.order
        H = self._hessian(_FIRST).mid
        self.H = (H + H.T) / 2
        radial = np.outer(self.c, self.c)
        plain = self.H - self.mu * (np.eye(k) + float(L - 2) * radial)
        size = max(norm_bound(np.abs(plain)), abs(self.mu))
        # τ has the sign that makes M definite at an extremum.
        self.tau = 2.0 * size if k > 1 and _seems_definite(plain + 2.0 * size * radial) else -2.0 * size
        M = plain + self.tau * radial
        self.M = (M + M.T) / 2
        unit, tau = MidRad.exact(np.eye(k)), MidRad.exact(self.tau)
        mu = MidRad.exact(self.mu)
        stands_for = (
            MidRad.exact(self.H) - mu * unit + (C[:, None] * C[None, :]) * ((tau - mu * (L - 2)) / square)
        )
        self.rounding = norm_bound((stands_for - MidRad.exact(self.M)).magnitude())
        self.spectrum = spectrum(self.M)
        self.spread = 0.0

    @cached_property
    def least(self) -> float:
        """m."""
        return self.spectrum.smallest

    def distance(self, r: float) -> float:
        """δ: every Jacobian of Φ on the ball of radius r is within this of M; infinity where a bound
        overflows.
        """
        H = norm_bound((self._hessian(r) - MidRad.exact(self.H)).magnitude())
        h = up(norm_bound(np.abs(self.H)) + H)
        L, M2 = float(abs(self.order)), float(abs(self.order - 2))
        g = up(self.g + h * r)
        f = up(self.residual + r * (h + self.g / self.low))
        shortest = float(np.nextafter(self.low - r, 0.0)) * (1.0 - 2.0**-50)
        slope = up((L * f + M2 * g) / (shortest * shortest))
        mu = up(self.mu_error + r * slope)
        parts = (
            H,
            up(mu * (1.0 + M2)),
            up(M2 * abs(self.mu) * r / self.low),
            up(L * f / shortest),
            self.rounding,
        )
        self.spread = float(up(sum_up(*parts)))
        return self.spread

    # -- the proof -------------------------------------------------------------------------------------------

    def enclose(self, digits: int) -> Enclosed:
        """The point, its kind and all its numbers; raises `Inconclusive` if there is no radius for which the
        proof holds.
        """
        wide = self._widest()
        near, delta = self._nearest(wide)
        factor = 1 / (Fraction(self.least) - Fraction(delta))
        radius = Fraction(self.residual) * factor
        ar, tolerance = BallArithmetic(bits_for(digits)), Fraction(1, 10 ** (digits + 3) * (1 + int(self.g)))
        zeros = self._zeros(near, delta)
        w, error = polish(self.N, self.c, zeros, self.tau, self._step, Fraction(near), factor, tolerance, ar)
        point = unit_vector(w, error, ar.bits)
        for i in np.flatnonzero(zeros):
            point[i] = Ball(0, ar.bits)
        value = self.N.value(ar, np.array(point, dtype=object))
        kind, inertia = self._kind(delta)
        # The angle of r is arctan(r/|c|), and its chord is at least its sine.
        ratio = Ball(Fraction(wide), BITS) / Ball(Fraction(self.high), BITS)
        uniqueness = (ratio / (1 + ratio.square()).sqrt()).lower()
        shift = (Ball(radius, BITS) / Ball(Fraction(self.low), BITS)).upper()
        reason = f"the only KKT point within {float(uniqueness):.1e}"
        if value.sign() == UNKNOWN:
            reason += "; N is so close to 0 that its sign is not decided"
        entry = KKTPoint(
            kind, tuple(point), value, self._gap(delta, shift, point, tolerance, ar), inertia, reason=reason
        )
        return Enclosed(entry, self.c, shift, uniqueness, tuple(int(i) for i in np.flatnonzero(zeros)))

    def _holds(self, r: float) -> float | None:
        """δ on the ball of radius r if exactly one KKT direction is proved there."""
        delta = self.distance(r)
        room = Fraction(self.least) - Fraction(delta) if np.isfinite(delta) else Fraction(0)
        return delta if room > 0 and room * Fraction(r) > Fraction(self.residual) else None

    def _widest(self) -> float:
        """The largest radius, among those tried, for which the proof holds."""
        least = self.least
        tried = [r for r in (*_RADII, 4.0 * self.residual / least if least else 0.0) if 0.0 < r < _LARGEST]
        for r in tried:
            tick()
            try:
                delta = self._holds(r)
            except (Inconclusive, OutsideDomain) as error:
                reason = str(error)
                continue
            if delta is not None:
                return self._grown(r, delta)
            reason = self._why_not()
        raise Inconclusive(reason)

    def _grown(self, r: float, delta: float) -> float:
        """A radius not below r, for which the proof holds too."""
        larger = min(_LARGEST, r * min(_STRETCH, self.least / max(delta, TINY)))
        for _ in range(_GROWTH if larger > r else 0):
            tick()
            middle = float(np.sqrt(r * larger))
            try:
                holds = self._holds(middle) is not None
            except (Inconclusive, OutsideDomain):  # a kink or an overflow: a smaller ball has fewer
                holds = False
            r, larger = (middle, larger) if holds else (r, middle)
        return r

    def _nearest(self, wide: float) -> tuple[float, float]:
        """A small radius for which the proof holds, and δ there: the point is in both balls."""
        near = max(2.0 * self.residual / self.least, 2.0**-46)
        while near < wide:  # ends: near grows by a factor
            tick()
            delta = self._holds(near)
            if delta is not None:
                return near, delta
            near *= 8.0
        delta = self._holds(wide)
        if delta is None:
            raise Inconclusive("the proof of a KKT point could not be repeated.")
        return wide, delta

    def _why_not(self) -> str:
        size = float(np.max(np.abs(self.spectrum.values)))
        small = int(np.sum(np.abs(self.spectrum.values) < _SINGULAR * size))
        if self.kinks and self.spread > _SINGULAR * size:
            return (
                f"{self.kinks} kinks pass so near the point that one inertia could not be proved for all "
                f"Hessians there."
            )
        if small:
            return (
                f"the tangential Hessian is singular as far as could be proved ({small} eigenvalues are "
                f"below {_SINGULAR:.0e} of "
                "the largest): a continuum of KKT points, as from rotations or rescalings of neurons, or a "
                "degenerate point."
            )
        if self.residual > 2.0**-20 * size:
            return (
                f"the centre is not near a KKT point: the tangential gradient has length {self.residual:.1e}."
            )
        return "the Hessian changes too much near the point for a proof that it is a KKT point."

    def _step(self, value: np.ndarray) -> np.ndarray:
        V = self.spectrum.vectors
        step: np.ndarray = V @ ((V.T @ value) / self.spectrum.values)
        return step

    def _zeros(self, r: float, delta: float) -> np.ndarray:
        """Places at which the point, which is in the ball of radius r with this δ, is exactly 0 (k booleans).

        Let S be the subspace of the weights that vanish at these places, P the projection to S. If ∂N/∂w
        vanishes there on S and in the ball, Φ maps the ball in S to S, so `|(1 - P) M s| <= δ|s|` on S and
        PMP has no eigenvalue in (δ - m, m - δ) on S. The argument of the module in S, with m - δ for m, needs
        `|F(c)| < (m - 2δ) r`: then the only zero is in S.
        """
        zeros = self.c == 0.0
        if not (Fraction(self.least) - 2 * Fraction(delta)) * Fraction(r) > Fraction(self.residual):
            return np.zeros_like(zeros)
        while zeros.any():  # ends: zeros become fewer
            tick()
            w = MidRad.exact(self.c).widened(np.where(zeros, 0.0, r))
            moved = self.N.gradient(MIDRAD, w).magnitude() > 0.0
            if not (zeros & moved).any():
                break
            zeros &= ~moved
        return zeros

    # -- second order ----------------------------------------------------------------------------------------

    def _kind(self, delta: float) -> tuple[Kind, tuple[int, int, int]]:
        positive, negative = self.spectrum.inertia
        inertia = (positive - (self.tau > 0), 0, negative - (self.tau < 0))
        if positive == 0:
            return Kind.MAXIMUM, inertia
        if negative == 0:
            return Kind.MINIMUM, inertia
        rises, falls = (self._turns(column, delta) for column in (-1, self._steepest_fall()))
        return (Kind.SADDLE, inertia) if rises > 0 > falls else (Kind.DEGENERATE, inertia)

    def _steepest_fall(self) -> int:
        """The place of the smallest eigenvalue but that of c."""
        first, second = (abs(float(self.spectrum.vectors[:, i] @ self.c)) for i in (0, 1))
        return 0 if first < second else 1

    def _turns(self, place: int, delta: float) -> int:
        """The sign of all second derivatives of N/|w|^L along an eigenvector of M, projected to c^⊥; 0 if not
        proved.
        """
        v, C = MidRad.exact(self.spectrum.vectors[:, place]), MidRad.exact(self.c)
        d = v - C * ((v * C).sum() / (C * C).sum())
        form = (d * (MidRad.exact(self.M) @ d)).sum()
        spread = float(up(delta * (1.0 + 2.0**-40) * np.square(float(d.norm_upper()))))
        return 1 if float(form.lower()) > spread else -1 if float(form.upper()) < -spread else 0

    def _gap(
        self, delta: float, shift: Fraction, point: list[Ball], tolerance: Fraction, ar: BallArithmetic
    ) -> Ball | None:
        """Minus the largest eigenvalue of A, at length 1.

        With w in place of c in its last term, M is off by |τ| sin∠(w, c) more, and has the eigenvalues of A
        and τ.
        """
        values, tau, excess = self.spectrum.values, Fraction(self.tau), self.order - 2
        if len(values) < 2 or excess.denominator != 1:
            return None
        place = len(values) - (1 if tau < 0 else 2)
        length = Ball.interval(Fraction(self.low), Fraction(self.high) * (1 + shift), BITS)
        scale = 1 / length**excess.numerator
        spread = Fraction(self.spectrum.error) + Fraction(delta) + abs(tau) * shift
        # At length 1 all eigenvalues but τ are multiplied by `scale`.
        spread += (Fraction(float(np.max(np.abs(values)))) + spread) * abs(scale - 1).upper()
        top = Fraction(float(values[place]))
        if abs(top - tau) <= spread:
            return None
        sharp = sharpened(self.N, point, self.spectrum, spread, place, tau, tolerance, ar)
        coarse = Ball.interval(-top - spread, -top + spread, BITS)
        return coarse if sharp is None or sharp.radius() >= spread else -sharp


def _seems_definite(matrix: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
