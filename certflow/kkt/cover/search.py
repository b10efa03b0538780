"""All KKT points of a network with few weights, by a branch and bound that proves that none is missing (L6).

The surface of the cube is cut into boxes until each is decided; the union of all boxes ever removed or kept
is the part of it that the symmetries leave to search (`sign_symmetry.py`), so nothing is overlooked. A box
goes away when

- F has no zero in it (by the gradient's enclosure, or by Krawczyk's operator: `krawczyk.py`),
- all its KKT points are *flat*, N = 0 with a Clarke gradient 0 (`flat_points.py`), or its gradient is 0
  identically: the set of all flat points is one entry, an equation, once one flat point is known,
- all its zeros are in a box that is proved to contain exactly one, which is kept.

What is left when the boxes are as small as `FINEST`, or the budget is spent, is undecided, with a bound of
its share of the sphere (`undecided.py`). Found points are sharpened and classified in balls (`refine.py`) and
mirrored (`orbits.py`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import bits_for
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.cover import krawczyk as proofs
from certflow.kkt.cover.box import Boxes, around, joined
from certflow.kkt.cover.clarke import zero_is_gradient
from certflow.kkt.cover.enclosures import (
    CANNOT_EVALUATE,
    Enclosures,
    ExpressionBoxFunction,
    LayeredBoxFunction,
    box_function,
)
from certflow.kkt.cover.flat_points import (
    Balances,
    dead_entries,
    expression_balances,
    layered_balances,
    only_dead,
)
from certflow.kkt.cover.orbits import Orbits
from certflow.kkt.cover.refine import Polisher
from certflow.kkt.cover.sign_symmetry import SignGroup, expression_flips, layered_flips
from certflow.kkt.cover.slopes import NeuronSlopes, is_one_neuron
from certflow.kkt.cover.undecided import share_of_sphere, where
from certflow.kkt.points import Continuum, KKTPoint, KKTSet
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Kind, Status
from certflow.progress import Progress
from certflow.running import tick

BATCH = 2048
FINEST = 2.0**-20
BOXES = 2_000_000
METHOD = (
    "branch and bound on the surface of the cube, Krawczyk's operator in midpoint-radius doubles and balls"
)

_MOST_CORNERS, _FLAT_BOXES = 250, 20_000
_CONTRACTING = 0.25
_WORTH_IT = 0.5
_LAST_RADII = (2.0**-8, 2.0**-14, 2.0**-19)


def search(N: Correlation, digits: int = 30, budget: int = BOXES, progress: Progress | None = None) -> KKTSet:
    """The KKT points of N, all of whose numbers are exact, on the unit sphere of k >= 2 weights (L6.23).

    "complete" if every box was decided, otherwise "partial" with what is undecided; at most about `budget`
    boxes are looked at, so it always ends. Raises `Inconclusive` for networks that cannot be enclosed on
    boxes, `ValueError` for k < 2.
    """
    if N.size < 2:
        raise ValueError("the sphere of one weight has two points; nothing is to be searched")
    return _Search(N, digits, budget, progress).run()


@dataclass
class _Found:
    """One box with exactly one zero (`zero`), and a larger one in which it is the only one (`alone`)."""

    zero: Boxes
    alone: Boxes


@dataclass
class _Flat:
    """What was met of flat points: boxes that may have some, and exact ones."""

    boxes: list[Boxes] = field(default_factory=list)
    known: list[tuple[float, ...]] = field(default_factory=list)


class _Search:
    def __init__(self, N: Correlation, digits: int, budget: int, progress: Progress | None) -> None:
        self.N, self.digits, self.budget, self.progress = N, digits, budget, progress
        self.k, network = N.size, N.network
        self.function = box_function(N)
        if isinstance(self.function, ExpressionBoxFunction):
            names, tree = self.function.weights, self.function.tree
            flips, rows = expression_flips(names, tree), expression_balances(names, tree)
        elif isinstance(network, FeedForward):
            flips, rows = layered_flips(network), layered_balances(network)
        else:
            flips, rows = [], []
        self.group, self.balances = SignGroup(self.k, flips), Balances(rows)
        self.slopes = None
        if isinstance(self.function, LayeredBoxFunction) and is_one_neuron(network):
            self.slopes = NeuronSlopes(self.function)
        self.found: list[_Found] = []
        self.flat = _Flat()
        self.undecided: list[Boxes] = []
        self.looked_at = 0
        self.reasons: list[str] = []

    def run(self) -> KKTSet:
        queue = [self._start()]
        while queue and self.looked_at < self.budget:  # ends: more boxes were looked at, up to the budget
            level = joined(queue)
            queue = []
            for start in range(0, len(level), BATCH):
                tick()
                if self.looked_at >= self.budget:
                    queue.append(level[start:])
                    break
                queue += [part for part in self._step(level[start : start + BATCH]) if len(part)]
                if self.progress is not None:
                    self.progress("KKT points: boxes", min(self.looked_at, self.budget - 1), self.budget)
        self.undecided += queue
        if self.progress is not None:
            self.progress("KKT points: boxes", self.budget, self.budget)
        return self._result()

    def _start(self) -> Boxes:
        """The faces of the cube, cut to one part of each orbit."""
        low, high, face = [], [], []
        for j in range(self.k):
            for side in (1.0,) if j in self.group.pivots else (1.0, -1.0):
                low.append(
                    [side if i == j else 0.0 if i in self.group.pivots else -1.0 for i in range(self.k)]
                )
                high.append([side if i == j else 1.0 for i in range(self.k)])
                face.append(j)
        return Boxes(np.array(low), np.array(high), np.array(face))

    # -- boxes -----------------------------------------------------------------------------------------------

    def _step(self, boxes: Boxes) -> list[Boxes]:
        """What is left of some boxes, in smaller ones."""
        tick()
        try:
            return self._decide(boxes)
        except CANNOT_EVALUATE:
            # N cannot be evaluated on one of them: the others go on without it.
            if len(boxes) == 1:
                self.looked_at += 1
                return self._cut(boxes)
            half = len(boxes) // 2
            return self._step(boxes[:half]) + self._step(boxes[half:])

    def _decide(self, boxes: Boxes) -> list[Boxes]:
        count = len(boxes)
        boxes = boxes[~self._known(boxes)]
        if not len(boxes):
            self.looked_at += count
            return []
        w = boxes.weights
        at = self.function(w, False)
        kept = np.flatnonzero(~(proofs.field(boxes, w, at).mignitude() > 0.0).any(axis=1))
        boxes, at = boxes[kept], Enclosures(at.value[kept], at.gradient[kept], None, at.regular[kept])
        may_be_flat = (at.gradient.mignitude() == 0.0).all(axis=1)
        dead = ~(at.gradient.mid.any(axis=1) | at.gradient.rad.any(axis=1))
        dead_centres = boxes[np.flatnonzero(dead)].centres()
        smaller, flat = self.balances.contract(boxes)
        shrunk = (smaller.low != boxes.low).any(axis=1) | (smaller.high != boxes.high).any(axis=1)
        if isinstance(self.function, LayeredBoxFunction):
            rows = np.flatnonzero(~flat & ~dead)
            flat[rows] = only_dead(self.function, smaller[rows].weights)
        left = self._krawczyk(smaller[np.flatnonzero(~flat & ~dead)])
        # From here on nothing raises, so that a part that is repeated has left nothing behind.
        if dead.any() and not self.flat.known:
            self.flat.known.append(tuple(dead_centres[0].tolist()))
        self.flat.boxes.append(boxes[np.flatnonzero(dead | ((flat | shrunk) & may_be_flat))])
        self.looked_at += count
        return left

    def _known(self, boxes: Boxes) -> np.ndarray:
        """Which boxes lie where a zero that was found is the only one."""
        result = np.zeros(len(boxes), dtype=bool)
        for each in self.found:
            alone = each.alone
            result |= (boxes.face == alone.face[0]) & (
                (alone.low <= boxes.low) & (boxes.high <= alone.high)
            ).all(axis=1)
        return result

    def _krawczyk(self, boxes: Boxes) -> list[Boxes]:
        if not len(boxes):
            return []
        if self.slopes is not None:
            empty, inner, factor = self.slopes.contract(boxes)
            boxes, inner, factor = boxes[~empty], inner[~empty], factor[~empty]
        else:
            result = proofs.krawczyk(self.function, boxes)
            for i in np.flatnonzero(result.included):
                self._add(result.smaller[i : i + 1], boxes[i : i + 1])
            left = ~(result.empty | result.included)
            boxes, inner, factor = boxes[left], result.smaller[left], result.factor[left]
        left = np.full(len(boxes), True)
        for i in np.flatnonzero(factor < _CONTRACTING):
            tick()
            left[i] = not self._settled(inner[i : i + 1])
        boxes, inner = boxes[left], inner[left]
        before, after = ((each.high - each.low).max(axis=1) for each in (boxes, inner))
        done = (after < _WORTH_IT * before) & (after >= FINEST)
        return [inner[done], *self._cut(inner[~done])]

    def _settled(self, inner: Boxes) -> bool:
        """Whether all zeros of this box are in a box with exactly one, as the contracted box of a near zero
        often shows.
        """
        if self._known(inner)[0]:
            return True
        radius = 2.0 * inner.radii(inner.centres()).max(axis=1, keepdims=True)
        wider = around(inner.centres(), np.tile(radius, (1, self.k)), inner.face)
        if not proofs.is_included(self.function, wider):
            return False
        self._add(wider, wider)
        return True

    def _add(self, zero: Boxes, alone: Boxes) -> None:
        """A box `zero` with a zero that is the only one of the larger box `alone`, unless it is known."""
        if self._known(zero)[0]:
            return
        grown = proofs.largest_uniqueness(self.function, alone)
        self.found.append(_Found(zero, grown))

    def _cut(self, boxes: Boxes) -> list[Boxes]:
        width = boxes.high - boxes.low
        small = width.max(axis=1) < FINEST
        self.undecided.append(self._hopeless(boxes[small]))
        return [boxes[~small].halves(np.argmax(width[~small], axis=1))] if not small.all() else []

    def _hopeless(self, boxes: Boxes) -> Boxes:
        """Those of these smallest boxes that are not in a wider one with exactly one zero.

        Balances may shrink a box to what rounding errors are; a wider one then shows what is in it.
        """
        for radius in _LAST_RADII:
            tick()
            boxes = boxes[~self._known(boxes)]
            if not len(boxes):
                break
            wider = around(boxes.centres(), np.full(boxes.low.shape, radius), boxes.face)
            try:
                included = proofs.krawczyk(self.function, wider).included
            except CANNOT_EVALUATE:
                continue
            for i in np.flatnonzero(included):
                self._add(wider[i : i + 1], wider[i : i + 1])
        return boxes[~self._known(boxes)]

    # -- the list --------------------------------------------------------------------------------------------

    def _result(self) -> KKTSet:
        entries = self._entries()
        entries += self._flat_entries()
        left = joined(self.undecided) if self.undecided else None
        share = Fraction(0)
        if left is not None and len(left):
            share = share_of_sphere(left, len(self.group))
            why = (
                "the budget of boxes is spent"
                if self.looked_at >= self.budget
                else "degenerate points, continua or kinks"
            )
            place = f"around {where(left)}" + (" and their mirror images" if len(self.group) > 1 else "")
            self.reasons.insert(
                0,
                f"a share of at most {float(share) * 1.001:.1e} of the sphere is undecided, {place} ({why})",
            )
        status = Status.PARTIAL if self.reasons else Status.COMPLETE
        n_max = n_min = None
        if entries and status == Status.COMPLETE:
            values = [entry.value for entry in entries]
            n_max, n_min = values[0], values[0]
            for value in values[1:]:
                n_max, n_min = n_max.maximum(value), n_min.minimum(value)
        return KKTSet(
            points=sorted(entries, key=lambda entry: -entry.value.mid()),
            digits=self.digits,
            status=status,
            reason="; ".join(self.reasons),
            method=METHOD,
            of="one neuron" if self._one_neuron else "all weights",
            n_max=n_max,
            n_min=n_min,
            undecided=share,
            counts={"boxes": self.looked_at, "symmetries": len(self.group)},
        )

    def _entries(self) -> list[KKTPoint]:
        """All points that were found with their images, each once."""
        polish = Polisher(self.N, self.digits)
        orbits = Orbits(self.group)
        for i, each in enumerate(self.found):
            if self.progress is not None:
                self.progress("KKT points: digits", i, len(self.found))
            try:
                orbits.add(polish(each.zero, each.alone))
            except CANNOT_EVALUATE as error:
                self.undecided.append(each.zero)
                self.reasons.append(str(error).rstrip("."))
        if self.found and self.progress is not None:
            self.progress("KKT points: digits", len(self.found), len(self.found))
        if orbits.ambiguous:
            self.reasons.append("two entries could not be told apart; ask for more digits")
        return [each.entry for each in orbits.points]

    @property
    def _one_neuron(self) -> bool:
        network = self.N.network
        return (
            isinstance(network, FeedForward)
            and network.trained == (network.depth - 1,)
            and network.widths[-2] == 1
        )

    def _flat_entries(self) -> list[KKTPoint]:
        """The set of flat points, if there may be any."""
        if not any(len(each) for each in self.flat.boxes):
            return []
        if self._one_neuron and isinstance(self.function, LayeredBoxFunction):
            return dead_entries(self.function.rows, self.k, self.digits)
        known = self.flat.known or self._flat_corners()
        if not known:
            if self._may_be_flat():
                self.reasons.append("whether there are points with N = 0 and gradient 0 is not decided")
            return []
        bits = bits_for(self.digits)
        exact = tuple(Fraction(c) for c in known[0])
        norm = Ball(sum((c * c for c in exact), Fraction(0)), bits).sqrt()
        return [
            KKTPoint(
                Kind.DEGENERATE,
                tuple(Ball(c, bits) / norm for c in exact),
                Ball(0, bits),
                direction=exact,
                continuum=Continuum(None, equation="0 is a (Clarke) gradient of N"),
                reason="N = 0",
            )
        ]

    def _flat_corners(self) -> list[tuple[float, ...]]:
        """A vector of numbers 1, -1 and 0 at which 0 is proved to be a Clarke gradient, axes first, if one is
        found.
        """
        corners = sorted(
            itertools.product((0, 1, -1), repeat=self.k), key=lambda corner: sum(map(abs, corner))
        )
        for corner in corners[1:_MOST_CORNERS]:
            tick()
            w = np.array(corner, dtype=float)
            try:
                gradient = self.function(MidRad.exact(w[None, :]), False).gradient
            except CANNOT_EVALUATE:
                continue
            if (gradient.mignitude() > 0.0).any():
                continue
            alone = not gradient.mid.any() and not gradient.rad.any()
            if alone or zero_is_gradient(self.N, tuple(Fraction(c) for c in corner)):
                return [tuple(w.tolist())]
        return []

    def _may_be_flat(self) -> bool:
        """Whether some of the boxes that may have flat points keep a gradient 0 when they are cut."""
        left, looked_at = joined(self.flat.boxes), 0
        while len(left) and looked_at < _FLAT_BOXES:  # ends: more boxes were looked at
            tick()
            looked_at += len(left)
            try:
                gradient = self.function(left.weights, False).gradient
            except CANNOT_EVALUATE:
                return True
            left = left[np.flatnonzero((gradient.mignitude() == 0.0).all(axis=1))]
            left = left.halves(np.argmax(left.high - left.low, axis=1)) if len(left) else left
        return len(left) > 0
