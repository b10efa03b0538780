"""Exclusion and contraction of boxes for one neuron by slopes: far fewer boxes than with Hessians, in more
dimensions.

For `N(w) = Σ z_i σ(x_i·w)` and F as in `krawczyk.py`, on the half-space w_j = s, let c be in the box, t_i =
x_i·w, τ_i = x_i·c, x_i' = x_i without place j, Δ = y - c, and `f_i = z_i σ'`. With a slope m_i of f_i between
τ_i and t_i,

    F(y) = F(c) + Σ m_i (x_i'·Δ) v_i - μ(y) Δ,   v_i = x_i' - s x_ij c,   μ(y) = s Σ f_i(t_i) x_ij = μ(c) + s
      Σ m_i x_ij (x_i'·Δ).

So with m_i within ρ_i of a number m̄_i and μ within ρ of μ̄, A = Σ m̄_i v_i x_i'^T - μ̄ I, and r the radii,
every row a has

    |a·F(y) - a·F(c) - a·A Δ| <= Σ ρ_i |a·v_i| (|x_i'|·r) + ρ |a|·r =: e(a).

If `|a·F(c)| > |a·A| r + e(a)` for some a there is no zero. With the rows of a matrix Y, at a zero `0 = Y
F(y)`, so that `|y - (c - Y F(c))| <= |I - Y A| r + e(Y)`. (One slope from c is half as wide as all
derivatives on the box, and |Y v_i| is smaller than |Y| |v_i|; but slopes prove no uniqueness.)

*Slopes.* t_+^e is convex for e >= 1, so its slope between c and t does not decrease in c and t: `Σ t^a
c^(e-1-a)` if both are >= 0, 0 if both are <= 0, else m^e/(m + m') with m the positive one and -m' the other.
For t_-^e it is that of t_+^e at -c and -t, with the sign (-1)^(e+1).
"""

from __future__ import annotations

import numpy as np

from certflow.arithmetic.directed import up
from certflow.arithmetic.doubles import TINY
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.kkt.cover.box import Boxes, others
from certflow.kkt.cover.enclosures import LayeredBoxFunction, power_branch
from certflow.kkt.cover.krawczyk import approximate_inverses
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.feed_forward import FeedForward

_ROUNDING = 2.0**-46
"""More than 40 roundings of positive numbers, relative."""


def is_one_neuron(network: Network) -> bool:
    """Whether N is a sum of values of one neuron with fixed output, of power >= 2."""
    return (
        isinstance(network, FeedForward)
        and network.trained == (network.depth - 1,)
        and network.widths[-2] == 1
        and network.activation.power >= 2
    )


class NeuronSlopes:
    """The slopes of one neuron (`is_one_neuron`), given as the function of boxes of its network (L6.19)."""

    def __init__(self, function: LayeredBoxFunction) -> None:
        network = function.network
        output = network.given[network.depth][0, 0]
        self.activation: Activation = network.activation
        self.X = function.X
        self.weights = MIDRAD.array(
            np.array([value * output for value in function.z], dtype=object).reshape(len(function.X))
        )

    def contract(self, boxes: Boxes) -> tuple[np.ndarray, Boxes, np.ndarray]:
        """Which boxes have no zero of F (b), smaller boxes with all zeros, and about how much smaller they
        are (b).
        """
        b, k = boxes.low.shape
        rows = np.arange(b)
        o = others(boxes.face, k)
        sign = MidRad.exact(boxes.sign)[:, None]
        centres = boxes.centres()
        centre = MidRad.exact(centres)
        radii = boxes.radii(centres)
        y, r = centre[rows[:, None], o], radii[rows[:, None], o]
        tau = centre @ self.X.T
        t = boxes.weights @ self.X.T
        at = power_branch(self.activation, tau, 1) * self.weights
        m = self._slopes(tau, t) * self.weights
        face = self.X.T[boxes.face] * sign
        x = self.X.T[o]
        reach = (MidRad.exact(np.abs(x.mid) + x.rad) * MidRad.exact(r)[:, :, None]).sum(axis=1).upper()
        v = x - face[:, None, :] * y[:, :, None]
        value = (v * at[:, None, :]).sum(axis=2)
        # μ on the box: its value at c, and slopes.
        turn = m * face
        drift = (x * turn[:, None, :]).sum(axis=2).magnitude()
        mean = MidRad(m.mid, np.zeros_like(m.mid)) * face
        drift_mean = (x * mean[:, None, :]).sum(axis=2).magnitude()
        spread_mu = up((drift_mean * r).sum(axis=1) + (m.rad * face.magnitude() * reach).sum(axis=1))
        spread_mu = np.minimum(spread_mu, up((drift * r).sum(axis=1)))
        mu = (at * face).sum(axis=1)
        rho = up(spread_mu + mu.rad)
        A = (v * MidRad.exact(m.mid)[:, None, :]) @ x.transpose(0, 2, 1) - MidRad.exact(
            np.eye(k - 1)
        ) * MidRad.exact(mu.mid)[:, None, None]
        Y = approximate_inverses(A.mid)
        length = np.maximum(np.linalg.norm(value.mid, axis=1), TINY)
        unit = np.broadcast_to(np.eye(k - 1), (b, k - 1, k - 1))
        a = MidRad.exact(np.concatenate([Y, unit, (value.mid / length[:, None])[:, None, :]], axis=1))
        parts = (a @ v).magnitude()
        error = up(
            (parts * (m.rad * reach)[:, None, :]).sum(axis=2)
            + rho[:, None] * (np.abs(a.mid) * r[:, None, :]).sum(axis=2)
        )
        moved, constant = a @ A, (a @ value[:, :, None])[:, :, 0]
        empty = (constant.mignitude() > up((moved.magnitude() * r[:, None, :]).sum(axis=2) + error)).any(
            axis=1
        )
        rest = (MidRad.exact(unit) - moved[:, : k - 1]).magnitude()
        width = up((rest * r[:, None, :]).sum(axis=2) + error[:, : k - 1])
        image = (y - constant[:, : k - 1]).widened(width)
        smaller, outside = boxes.meet(image)
        factor = width.max(axis=1) / np.maximum(r.max(axis=1), TINY)
        return empty | outside, smaller, factor

    def _slopes(self, c: MidRad, t: MidRad) -> MidRad:
        """All slopes of σ' between the numbers of c and those of t, which contain them."""
        p, off = self.activation.power, self.activation.off
        low_c, high_c, low_t, high_t = c.lower(), c.upper(), t.lower(), t.upper()
        e = p - 1
        result = MidRad.interval(_ramp_slope(low_c, low_t, e, -1), _ramp_slope(high_c, high_t, e, 1))
        if off:
            other = MidRad.interval(_ramp_slope(-high_c, -high_t, e, -1), _ramp_slope(-low_c, -low_t, e, 1))
            result = result + other * ((-1) ** (e + 1) * off)
        return result * p


def _ramp_slope(c: np.ndarray, t: np.ndarray, e: int, side: int) -> np.ndarray:
    """A bound of the slope of t_+^e between c and t: from above if side is 1, from below if it is -1."""
    positive_c, positive_t = np.maximum(c, 0.0), np.maximum(t, 0.0)
    total = np.zeros_like(c)
    for i in range(e):
        total = total * positive_t + positive_c**i
    largest = np.maximum(positive_c, positive_t)
    across = largest**e / np.maximum(largest + np.maximum(-np.minimum(c, t), 0.0), TINY)
    value = np.where((c >= 0.0) & (t >= 0.0), total, np.where((c <= 0.0) & (t <= 0.0), 0.0, across))
    if side > 0:
        return value * (1.0 + _ROUNDING) + TINY
    return np.maximum(value * (1.0 - _ROUNDING) - TINY, 0.0)
