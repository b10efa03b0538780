"""KKT points as zeros of a field on the faces of the cube, and what Krawczyk's operator proves about boxes of
them.

Every direction meets the surface of the cube [-1, 1]^k. On the half-space `w_j = s`, s = ±1, with the other
coordinates y,

    F(y) = g_o - s g_j y,   g a Clarke gradient of N at w, o the places other than j.

F(y) = 0 says `g_o = (s g_j) w_o`, and `g_j = (s g_j) w_j` always holds; so 0 is in F(y), for some g, iff
w/|w| is a KKT point. If N is C^(1,1), F is locally Lipschitz; its generalised Jacobian lies in `J = H_oo - s
g_j I - s y H_jo` (rows y, columns H_jo), H that of the gradient. For y, c in a box B: F(y) - F(c) = M (y - c)
for some M in the (closed, convex) entrywise enclosure J of the Jacobian on B. Hence, r the radii of B, Y any
matrix:

- *Exclusion.* If a component of F(c) + J [-r, r] is never 0, B has no zero.
- *Contraction.* Zeros of F in B lie in `K = c - Y F(c) + (I - Y J) [-r, r]`, since `y = c - Y F(c) + (I - Y
  M)(y - c)` at a zero.
- *Inclusion.* If K lies in the interior of B, B has exactly one zero, and it is in K: y - Y F(y) maps B into
  K, so it has a fixed point (Brouwer). The radii of K are at least |I - Y M| r, so |I - Y M| r < r in every
  component for all M in J, and all Y M are nonsingular: YF = 0 means F = 0, and two zeros would have M (y -
  y') = 0 with y - y' != 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.cover.box import Boxes, around, others
from certflow.kkt.cover.enclosures import CANNOT_EVALUATE, BoxFunction, Enclosures
from certflow.running import tick

_LARGEST_INVERSE = 1e12
_RADII = 2.0 ** -np.arange(1, 34)


def field(boxes: Boxes, w: MidRad, at: Enclosures) -> MidRad:
    """F (b × k - 1) on the boxes `w`, subsets of `boxes` (L6.17)."""
    o = others(boxes.face, w.shape[1])
    return _take(at.gradient, o) - _multiplier(boxes, at)[:, None] * _take(w, o)


def jacobian(boxes: Boxes, w: MidRad, at: Enclosures) -> MidRad:
    """J (b × k - 1 × k - 1) on the boxes `w`, from enclosures with Hessians (L6.17)."""
    if at.hessian is None:
        raise ValueError("the Jacobian of the field needs enclosures with Hessians")
    k = w.shape[1]
    o, rows = others(boxes.face, k), np.arange(len(boxes))
    across = at.hessian[rows[:, None], boxes.face[:, None], o]
    signed = MidRad(across.mid * boxes.sign[:, None], across.rad)
    inside = at.hessian[rows[:, None, None], o[:, :, None], o[:, None, :]]
    diagonal = MidRad.exact(np.eye(k - 1)) * _multiplier(boxes, at)[:, None, None]
    return inside - diagonal - _take(w, o)[:, :, None] * signed[:, None, :]


def _multiplier(boxes: Boxes, at: Enclosures) -> MidRad:
    """s g_j, the KKT multiplier times |w|^(L - 2) at a zero (b)."""
    g = at.gradient[np.arange(len(boxes)), boxes.face]
    return MidRad(g.mid * boxes.sign, g.rad)


def _take(array: MidRad, places: np.ndarray) -> MidRad:
    return array[np.arange(len(places))[:, None], places]


@dataclass(frozen=True, eq=False)
class Krawczyk:
    """What one application of the operator says of each box.

    `empty`: no zero is in the box. `smaller`: all zeros of the box are in this part of it. `included`:
    exactly one zero is in the box. `factor`: about max |I - Y J| r / max r.
    """

    empty: np.ndarray
    smaller: Boxes
    included: np.ndarray
    factor: np.ndarray


def krawczyk(function: BoxFunction, boxes: Boxes) -> Krawczyk:
    """The three proofs of the module's text on each box on which N is regular; nothing is claimed on the
    others (L6.18).

    Raises one of `CANNOT_EVALUATE` if N cannot be evaluated on one of them.
    """
    b, k = boxes.low.shape
    centres = boxes.centres()
    c = MidRad.exact(centres)
    w = boxes.weights
    o, rows = others(boxes.face, k), np.arange(b)
    radii = boxes.radii(centres)[rows[:, None], o]
    at_centre, on_box = function(c, False), function(w, True)
    value, J = field(boxes, c, at_centre), jacobian(boxes, w, on_box)
    moves = MidRad(np.zeros_like(radii), radii)[:, :, None]
    plain = value + (J @ moves)[:, :, 0]
    empty = (plain.mignitude() > 0.0).any(axis=1)
    # The direction of F(c) often separates where no axis does.
    along = value.mid / np.maximum(np.linalg.norm(value.mid, axis=1, keepdims=True), 1e-300)
    row = MidRad.exact(along[:, None, :])
    separated = row @ value[:, :, None] + (row @ J) @ moves
    empty |= separated.mignitude()[:, 0, 0] > 0.0
    Y = MidRad.exact(approximate_inverses(J.mid))
    rest = MidRad.exact(np.broadcast_to(np.eye(k - 1), J.shape)) - Y @ J
    turned = (rest @ moves)[:, :, 0]
    image = _take(c, o) - (Y @ value[:, :, None])[:, :, 0] + turned
    low_box, high_box = boxes.low[rows[:, None], o], boxes.high[rows[:, None], o]
    included = ((image.lower() > low_box) & (image.upper() < high_box)).all(axis=1)
    smaller, outside = boxes.meet(image)
    empty |= outside
    factor = turned.magnitude().max(axis=1) / np.maximum(radii.max(axis=1), 1e-300)
    unknown = ~on_box.regular
    low, high = (
        np.where(unknown[:, None], old, new)
        for old, new in ((boxes.low, smaller.low), (boxes.high, smaller.high))
    )
    return Krawczyk(
        empty & ~unknown,
        Boxes(low, high, boxes.face),
        included & ~unknown & ~empty,
        np.where(unknown, np.inf, factor),
    )


def approximate_inverses(matrices: np.ndarray) -> np.ndarray:
    """About the inverses; the unit matrix where there is none of moderate size."""
    k = matrices.shape[-1]
    size = np.maximum(np.abs(matrices).max(axis=(1, 2), initial=0.0), 1e-300)[:, None, None]
    scaled = matrices / size
    with np.errstate(all="ignore"):
        try:
            inverse = np.linalg.inv(scaled)
        except np.linalg.LinAlgError:
            inverse = np.linalg.pinv(scaled)  # one singular matrix spoils the whole stack
        inverse = inverse / size
        good = np.isfinite(inverse).all(axis=(1, 2)) & (
            np.abs(inverse * size).max(axis=(1, 2), initial=0.0) < _LARGEST_INVERSE
        )
    return np.where(good[:, None, None], inverse, np.eye(k))


def largest_uniqueness(function: BoxFunction, zero: Boxes) -> Boxes:
    """A box, as large as easily found, around `zero` (one box with exactly one zero) in which that is the
    only one (L6.18)."""
    centre, tries = zero.centres(), []
    for radius in _RADII:
        box = around(centre, np.full(centre.shape, radius), zero.face)
        if ((box.low <= zero.low) & (box.high >= zero.high)).all():
            tries.append(box)
    while tries:  # ends: half as many remain
        tick()
        # Bisection: what holds on a box usually holds on smaller ones, and is proved for the one that is
        # returned.
        middle = len(tries) // 2
        if is_included(function, tries[middle]):
            zero, tries = tries[middle], tries[:middle]
        else:
            tries = tries[middle + 1 :]
    return zero


def is_included(function: BoxFunction, box: Boxes) -> bool:
    """Whether one box is proved to contain exactly one zero; False where N cannot be evaluated."""
    try:
        return bool(krawczyk(function, box).included[0])
    except CANNOT_EVALUATE:
        return False
