"""KKT points as zeros of a field on the faces of the cube, and what Krawczyk's operator proves about boxes of them.

Every direction meets the surface of the cube [-1, 1]^k. On the half-space `w_j = s`, s = ±1, with the other coordinates y,

    F(y) = g_o - s g_j y,   g a Clarke gradient of N at w, o the places other than j.

F(y) = 0 says `g_o = (s g_j) w_o`, and `g_j = (s g_j) w_j` always holds; so 0 is in F(y), for some g, iff w/|w| is a KKT point.
If N is C^(1,1), F is locally Lipschitz; its generalised Jacobian lies in `J = H_oo - s g_j I - s y H_jo` (rows y, columns
H_jo), H that of the gradient. For y, c in a box B: F(y) - F(c) = M (y - c) for some M in the (closed, convex) entrywise
enclosure J of the Jacobian on B. Hence, r the radii of B, Y any matrix:

- *Exclusion.* If a component of F(c) + J [-r, r] is never 0, B has no zero.
- *Contraction.* Zeros of F in B lie in `K = c - Y F(c) + (I - Y J) [-r, r]`, since `y = c - Y F(c) + (I - Y M)(y - c)` at a zero.
- *Inclusion.* If K lies in the interior of B, B has exactly one zero, and it is in K: y - Y F(y) maps B into K, so it has a
  fixed point (Brouwer). The radii of K are at least |I - Y M| r, so |I - Y M| r < r in every component for all M in J, and
  all Y M are nonsingular: YF = 0 means F = 0, and two zeros would have M (y - y') = 0 with y - y' != 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.cover.boxes import CANNOT_EVALUATE, BoxFunction, Enclosures
from certflow.running import tick

_LARGEST_INVERSE = 1e12
_RADII = 2.0 ** -np.arange(1, 34)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of weights, ends `low` and `high` (b × k, doubles); coordinate `face` (b) of each is constant, 1 or -1.

    In all other coordinates low < high.
    """

    low: np.ndarray
    high: np.ndarray
    face: np.ndarray

    def __len__(self) -> int:
        return len(self.face)

    def __getitem__(self, key: np.ndarray | slice) -> Boxes:
        return Boxes(self.low[key], self.high[key], self.face[key])

    @property
    def weights(self) -> MidRad:
        """The boxes as enclosures (b × k)."""
        return MidRad.interval(self.low, self.high)

    @property
    def sign(self) -> np.ndarray:
        """The constant coordinates (b)."""
        return self.low[np.arange(len(self)), self.face]

    def centres(self) -> np.ndarray:
        """Doubles inside the boxes (b × k)."""
        return np.clip(0.5 * (self.low + self.high), self.low, self.high)

    def radii(self, centres: np.ndarray) -> np.ndarray:
        """Upper bounds of the distances from `centres` to the ends (b × k)."""
        far = np.maximum(self.high - centres, centres - self.low)
        return np.where(self.high == self.low, 0.0, np.nextafter(far, np.inf))

    def meet(self, image: MidRad) -> tuple[Boxes, np.ndarray]:
        """The parts of the boxes whose coordinates other than the face's are in `image` (b × k - 1), and where there is none.

        A coordinate in which the part would have no width is left as it is.
        """
        places = np.arange(len(self))[:, None], others(self.face, self.low.shape[1])
        low, high = self.low.copy(), self.high.copy()
        inner_low, inner_high = np.maximum(image.lower(), low[places]), np.minimum(image.upper(), high[places])
        wide = inner_low < inner_high
        low[places] = np.where(wide, inner_low, low[places])
        high[places] = np.where(wide, inner_high, high[places])
        return Boxes(low, high, self.face), (inner_low > inner_high).any(axis=1)

    def halves(self, coordinate: np.ndarray) -> Boxes:
        """Each box cut in two in its `coordinate` (b); together they cover it."""
        rows = np.arange(len(self))
        middle = 0.5 * (self.low[rows, coordinate] + self.high[rows, coordinate])
        high, low = self.high.copy(), self.low.copy()
        high[rows, coordinate], low[rows, coordinate] = middle, middle
        return joined([Boxes(self.low, high, self.face), Boxes(low, self.high, self.face)])


def joined(parts: list[Boxes]) -> Boxes:
    """All boxes of the parts (at least one)."""
    return Boxes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("low", "high", "face")))


def around(centre: np.ndarray, radius: np.ndarray, face: np.ndarray) -> Boxes:
    """Boxes with about these centres and radii (b × k) on the half-spaces of the faces' coordinates, which stay constant."""
    rows = np.arange(len(face))
    low, high = np.nextafter(centre - radius, -np.inf), np.nextafter(centre + radius, np.inf)
    low[rows, face] = high[rows, face] = centre[rows, face]
    return Boxes(low, high, face)


def others(face: np.ndarray, k: int) -> np.ndarray:
    """The places other than the face's (b × k - 1)."""
    places = np.arange(k - 1)[None, :]
    shifted: np.ndarray = places + (places >= face[:, None])
    return shifted


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

    `empty`: no zero is in the box. `smaller`: all zeros of the box are in this part of it. `included`: exactly one zero is in
    the box. `factor`: about max |I - Y J| r / max r.
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
    low, high = (np.where(unknown[:, None], old, new) for old, new in ((boxes.low, smaller.low), (boxes.high, smaller.high)))
    return Krawczyk(
        empty & ~unknown, Boxes(low, high, boxes.face), included & ~unknown & ~empty, np.where(unknown, np.inf, factor)
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
        good = np.isfinite(inverse).all(axis=(1, 2)) & (np.abs(inverse * size).max(axis=(1, 2), initial=0.0) < _LARGEST_INVERSE)
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
        # Bisection: what holds on a box usually holds on smaller ones, and is proved for the one that is returned.
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
