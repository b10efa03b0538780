"""N, its gradient and its generalised Hessian on many boxes of weights at a time, in midpoint-radius doubles.

The contract, for all w in box b: N(w) lies in `value[b]`, every Clarke gradient of N at w in `gradient[b]`
and, where `regular[b]`, every element of the generalised Jacobian of the gradient at w in `hessian[b]`.
(`regular` holds on all boxes if N is C^(1,1), else on those on which no kink is undecided.)

*Why.* Away from a null set every kink argument z is not zero near w, or is zero in a whole neighbourhood. In
both cases the formulas of the chain rule with the branch of sign z (with any branch where z vanishes
identically, because its derivatives vanish too) are the derivatives of N. The arrays enclose these formulas
for all branches that the box leaves open, both of them where z is exactly 0. Clarke gradients and Jacobians
are convex hulls of limits of derivatives, and entrywise boxes are closed and convex.

Layers below the lowest trained one are fixed features. The Hessian of a layered network needs one pass per
neuron of its lowest layer and per weight above it: moves of the lowest layer enter as `z = W x`, whose x is
multiplied in at the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.algebra.directions import primitive
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad, MidRadArithmetic
from certflow.ncf.in_weights import correlation_tree
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Columns, Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.tape import BRANCHES, Tape
from certflow.networks.tree import Node
from certflow.outcome import Inconclusive
from certflow.running import tick
from certflow.structure.smoothness import regularity


@dataclass(frozen=True, eq=False)
class Enclosures:
    """What is known of N on each of b boxes: value (b), gradient (b × k), hessian (b × k × k) if asked for,
    regular (b).
    """

    value: MidRad
    gradient: MidRad
    hessian: MidRad | None
    regular: np.ndarray


CANNOT_EVALUATE = (Inconclusive, OutsideDomain)
"""What evaluations raise on boxes that are too wide, or where N is not defined."""


class BoxFunction(ABC):
    """N as a function of boxes of its `size` weights."""

    size: int

    @abstractmethod
    def __call__(self, w: MidRad, second: bool) -> Enclosures:
        """The enclosures on the boxes `w` (b × size), with Hessians if `second`.

        Raises one of `CANNOT_EVALUATE` if N cannot be evaluated on one of them.
        """


def box_function(N: Correlation) -> BoxFunction:
    """N, all of whose numbers are exact, on boxes (L6.17).

    Raises `Inconclusive` for networks and functions that have no enclosures in doubles.
    """
    network = N.network
    if isinstance(network, FeedForward):
        return LayeredBoxFunction(N)
    if isinstance(network, Expression):
        return ExpressionBoxFunction(network.weight_names, correlation_tree(N))
    raise Inconclusive(
        f"{type(network).__name__} networks are not searched by boxes; enclose single KKT points instead."
    )


# -- layers --------------------------------------------------------------------------------------------------


class LayeredBoxFunction(BoxFunction):
    """N of a feed-forward network."""

    def __init__(self, N: Correlation) -> None:
        network = N.network
        if not isinstance(network, FeedForward):
            raise TypeError("only layers are enclosed layer by layer")
        self.network, self.activation, self.size = network, network.activation, network.size
        self.layers = list(range(min(network.trained), network.depth + 1))
        degree = network.activation.power ** (len(self.layers) - 1)
        self.rows, self.z = merged(network.features(N.X), N.z, degree)
        """The samples that matter as the lowest trained layer sees them, no two of one direction, and their
        weights.
        """
        n, d = len(self.rows), network.widths[self.layers[0] - 1]
        self.X = MIDRAD.array(np.array(self.rows, dtype=object).reshape(n, d))
        products = [[row[a] * row[b] for a in range(d) for b in range(d)] for row in self.rows]
        self._products = MIDRAD.array(np.array(products, dtype=object).reshape(n, d * d))
        self._ends = MIDRAD.array(np.array(self.z, dtype=object).reshape(n))
        self._smooth = network.activation.power > 1 or not network.has_kinks

    def matrices(self, w: MidRad) -> list[MidRad]:
        """The matrices from the lowest trained layer up (b × rows × columns)."""
        result, start = [], 0
        for layer in self.layers:
            rows, columns = self.network.widths[layer], self.network.widths[layer - 1]
            if layer in self.network.trained:
                result.append(w[:, start : start + rows * columns].reshape(len(w), rows, columns))
                start += rows * columns
            else:
                given = MIDRAD.array(self.network.given[layer])
                result.append(given.reshape(1, rows, columns))
        return result

    def arguments(self, W: MidRad) -> MidRad:
        """The arguments W x_i of the lowest trained layer (b × rows × n)."""
        b, rows, d = W.shape
        return (W.reshape(b * rows, d) @ self.X.T).reshape(b, rows, len(self.X))

    def __call__(self, w: MidRad, second: bool) -> Enclosures:
        b, n = len(w), len(self.X)
        W = self.matrices(w)
        z = [self.arguments(W[0])]
        a: list[MidRad] = []
        for matrix in W[1:]:
            a.append(self.branch(z[-1], 0))
            z.append(matrix @ a[-1])
        value = z[-1].reshape(b, n) @ self._ends
        slopes = [self.branch(each, 1) for each in z[:-1]]
        signals, back = self._signals(W, slopes, b)
        parts = (
            [(signals[0].reshape(b * W[0].shape[1], n) @ self.X).reshape(b, -1)] if self._trained(0) else []
        )
        for j in range(1, len(W)):
            if self._trained(j):
                parts.append((signals[j] @ a[j - 1].transpose(0, 2, 1)).reshape(b, -1))
        regular = np.full(b, True)
        if not self._smooth:
            for each in z[:-1]:
                regular &= (_open(MIDRAD.sign(each)) != UNKNOWN).reshape(b, -1).all(axis=1)
        hessian = self._hessian(W, z, a, slopes, signals, back) if second else None
        return Enclosures(value, _joined(parts, 1), hessian, regular)

    def _trained(self, j: int) -> bool:
        return self.layers[j] in self.network.trained

    def branch(self, z: MidRad, times: int) -> MidRad:
        """The activation's derivative of order `times` on all numbers of `z`."""
        return power_branch(self.activation, z, times)

    def _signals(self, W: list[MidRad], slopes: list[MidRad], b: int) -> tuple[list[MidRad], list[MidRad]]:
        """d N/d z of each layer (b × width × n), and W^T times that of the layer above, from below."""
        ends = MidRad(
            *(np.broadcast_to(part, (b, 1, len(part))) for part in (self._ends.mid, self._ends.rad))
        )
        signals, back = [ends], []
        for j in range(len(W) - 1, 0, -1):
            back.append(W[j].transpose(0, 2, 1) @ signals[-1])
            signals.append(back[-1] * slopes[j - 1])
        return signals[::-1], back[::-1]

    def _hessian(self, W: Any, z: Any, a: Any, slopes: Any, signals: Any, back: Any) -> MidRad:
        b, n = len(z[0]), len(self.X)
        m = W[0].shape[1]
        d = self.X.shape[1]
        places = [
            (j, row, column)
            for j in range(1, len(W))
            if self._trained(j)
            for row in range(W[j].shape[1])
            for column in range(W[j].shape[2])
        ]
        moves = m + len(places)
        # Forward: the change of every argument along every move.
        start = np.zeros((b, moves, m, n))
        for j in range(m):
            start[:, j, j] = 1.0
        dz = [MidRad.exact(start)]
        da: list[MidRad] = []
        for j in range(1, len(W)):
            da.append(_over_moves(slopes[j - 1]) * dz[-1])
            moved = _over_moves(W[j]) @ da[-1]
            for place, (layer, row, column) in enumerate(places, m):
                if layer == j:
                    moved[:, place, row] = moved[:, place, row] + a[j - 1][:, column]
            dz.append(moved)
        # Backward: the change of every signal.
        parts: dict[int, MidRad] = {}
        turned = MidRad.exact(np.zeros((b, moves, 1, n)))
        for j in range(len(W) - 1, 0, -1):
            if self._trained(j):
                above = turned[:, m:] @ _over_moves(a[j - 1]).transpose(0, 1, 3, 2)
                above = above + _over_moves(signals[j]) @ da[j - 1][:, m:].transpose(0, 1, 3, 2)
                parts[j] = above.reshape(b, moves - m, -1)
            incoming = _over_moves(W[j].transpose(0, 2, 1)) @ turned
            for place, (layer, row, column) in enumerate(places, m):
                if layer == j:
                    incoming[:, place, column] = incoming[:, place, column] + signals[j][:, row]
            bend = back[j - 1] * self.branch(z[j - 1], 2)
            turned = incoming * _over_moves(slopes[j - 1]) + _over_moves(bend) * dz[j - 1]
        lowest = (turned[:, :m].reshape(b * m * m, n) @ self._products).reshape(b, m, m, d, d)
        square = lowest.transpose(0, 1, 3, 2, 4).reshape(b, m * d, m * d)
        if moves == m:
            return square
        side = (turned[:, m:].reshape(b * (moves - m) * m, n) @ self.X).reshape(b, moves - m, m * d)
        upper = _joined([side, *(parts[j] for j in sorted(parts))], 2)
        return _joined([_joined([square, side.transpose(0, 2, 1)], 2), upper], 1)


def merged(rows: Any, z: Any, degree: int) -> tuple[list[tuple[int, ...]], list[Fraction]]:
    """The samples as directions (coprime integers) with weights: `H(c x) = c^degree H(x)` for c > 0, so
    parallel ones add up.
    """
    sums: dict[tuple[int, ...], Fraction] = {}
    for row, weight in zip(rows, z, strict=True):
        tick()
        if weight and any(row):
            normal, scale = primitive([Fraction(c) for c in row])
            direction = normal if scale > 0 else tuple(-c for c in normal)
            sums[direction] = sums.get(direction, Fraction(0)) + weight * abs(scale) ** degree
    kept = [(direction, weight) for direction, weight in sums.items() if weight]
    return [direction for direction, _ in kept], [weight for _, weight in kept]


def power_branch(activation: Activation, z: MidRad, times: int) -> MidRad:
    """The derivative of order `times` of the activation at all numbers of `z`, elementwise; both branches at
    undecided kinks.
    """
    p, off = activation.power, activation.off
    exponent = p - times
    if exponent < 0:
        return MidRad.exact(np.zeros(z.shape))
    factor = 1
    for i in range(times):
        factor *= p - i
    if not activation.has_kink:
        return z**exponent * factor
    if exponent == 0:
        return activation.coefficients(MIDRAD, _open(MIDRAD.sign(z))) * factor
    # c_+ max(z, 0)^e + c_- min(z, 0)^e: one of the two is zero.
    low, high = z.lower(), z.upper()
    result = MidRad.interval(np.maximum(low, 0.0), np.maximum(high, 0.0)) ** exponent
    if off:
        result = result + MidRad.interval(np.minimum(low, 0.0), np.minimum(high, 0.0)) ** exponent * off
    return result * factor if factor != 1 else result


def _open(signs: np.ndarray) -> np.ndarray:
    """The signs of kink arguments where an exact 0, which decides for neither branch, is not known either."""
    return np.where(signs == 0, np.int8(UNKNOWN), signs)


def _over_moves(array: MidRad) -> MidRad:
    """The same for every move: one more axis after the boxes."""
    return array[:, None]


def _joined(parts: Sequence[MidRad], axis: int) -> MidRad:
    mids, radii = ([getattr(part, name) for part in parts] for name in ("mid", "rad"))
    return MidRad(np.concatenate(mids, axis=axis), np.concatenate(radii, axis=axis))


# -- expressions ---------------------------------------------------------------------------------------------


class _RealRoots(MidRadArithmetic):
    """Knows that numbers under a root are not negative (N is real wherever it is defined), and that a kink
    argument that is exactly 0 leaves both branches open.
    """

    def sign(self, z: MidRad) -> np.ndarray:
        return _open(super().sign(z))

    def sqrt(self, z: MidRad) -> MidRad:
        low, high = np.maximum(z.lower(), 0.0), np.maximum(z.upper(), 0.0)
        below = np.maximum(np.nextafter(np.sqrt(low), -np.inf), 0.0)
        return MidRad.interval(below, np.where(high == 0.0, 0.0, np.nextafter(np.sqrt(high), np.inf)))


class ExpressionBoxFunction(BoxFunction):
    """N given as a tree in the weights: every box is a "sample" of its tape."""

    def __init__(self, weights: Sequence[str], node: Node) -> None:
        self.weights, self.tree, self.size = tuple(weights), node, len(weights)
        self._tape = Tape([node], self.weights, ())
        self._smooth = regularity(node, frozenset(self.weights)) >= 1
        self._ar = _RealRoots()

    def __call__(self, w: MidRad, second: bool) -> Enclosures:
        b, ar = len(w), self._ar
        regular = np.full(b, True)

        def choose(kink: int, z: MidRad) -> Any:
            sign = ar.sign(z)
            if not self._smooth:
                np.logical_and(regular, (sign != UNKNOWN).reshape(b), out=regular)
            return BRANCHES[self._tape.steps[self._tape.kinks[kink]].op].coefficients(ar, sign)

        try:
            trace = self._tape.run(ar, Columns(w), MidRad.exact(np.zeros((b, 0))), choose)
            gradient = self._columns(trace.columns(), b)
            hessian = None
            if second:
                rows = [self._columns(trace.second(j), b) for j in range(self.size)]
                hessian = _joined([row.reshape(b, 1, self.size) for row in rows], 1)
        except TypeError as error:
            raise Inconclusive(f"N is not searched by boxes: {error}.") from None
        return Enclosures(trace.results()[0], gradient, hessian, regular)

    def _columns(self, columns: Sequence[Any], b: int) -> MidRad:
        zero = MidRad.exact(np.zeros(b))
        full = [zero if c is None else c if c.shape[0] == b else c + zero for c in columns]
        return _joined([c.reshape(b, 1) for c in full], 1)
