"""Boxes whose KKT points, if any, are *flat*: 0 is a Clarke gradient of N there, so N = 0 and the multiplier
is 0.

Flat points come in continua (dead neurons, products of layers of which two vanish) that no subdivision ends.
Two proofs say that nothing else is in a box; at a KKT point g = λ w, and λ = 0 means flat.

*Balance.* If N(exp(t A) w) = exp(c t) N(w) for a diagonal A and all t, then g·A w = c N(w) for every Clarke
gradient g (so it is where N is differentiable, and both sides pass to limits and convex combinations). With g
= λ w and `L N = g·w = λ |w|²`: `λ (w·A w - (c/L) |w|²) = 0`. So a box on which the quadratic form is not 0
has flat KKT points only. For a hidden neuron with trained inputs and outputs, A = 1 on its inputs and -p on
its outputs, c = 0; for expressions A solves the linear equations that all terms of every sum have one degree.

*Dead neurons* (α = 0, power p >= 2). Let u be the trained input weights of a hidden neuron, x_i its inputs at
sample i (outputs of the layer below), `t_i = max(u·x_i, 0)`, and δ_i the derivative of N in its output. Its
row of g = λ w says `p Σ δ_i t_i^(p-1) x_i = λ u`. The product with u is `p Σ δ_i t_i^p = λ |u|²`, so for any
q, `Σ δ_i t_i^(p-1) (x_i·q - t_i (u·q)/|u|²) = 0`. If each δ_i has weakly one sign σ_i on the box and `σ_i
(x_i·q - t_i (u·q)/|u|²) > 0` wherever t_i δ_i may differ from 0, all terms have one sign, so all `δ_i
t_i^(p-1)` are 0: that row of g is 0, and λ = 0 because u != 0. For one neuron with fixed outputs δ_i is a
constant: then t_i = 0 for all i, w is dead.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from certflow.algebra.cones import generators
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import bits_for
from certflow.arithmetic.doubles import TINY
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.kkt.cover.box import Boxes
from certflow.kkt.cover.enclosures import LayeredBoxFunction
from certflow.kkt.points import Continuum, KKTPoint
from certflow.networks.feed_forward import FeedForward
from certflow.networks.tree import KINKS, TRANSCENDENTAL, Node
from certflow.outcome import Kind
from certflow.running import tick

ExactRow = tuple[Fraction, ...]

_RIDGE = 1e-9
_LARGEST_Q = 1e6


class Balances:
    """Quadratic forms `Σ b_j w_j²` (one row of `rows` each) that vanish at every KKT point that is not
    flat (L6.20)."""

    def __init__(self, rows: list[ExactRow]) -> None:
        self.rows = _reduced(rows)

    def contract(self, boxes: Boxes) -> tuple[Boxes, np.ndarray]:
        """The boxes without parts that have flat KKT points only, and which of them have nothing else at all
        (b).

        From `w_j² = -Σ_(i != j) b_i w_i² / b_j`, for each row and each j in turn.
        """
        low, high = boxes.low.copy(), boxes.high.copy()
        gone = np.zeros(len(boxes), dtype=bool)
        for row in self.rows:
            for j in (j for j, value in enumerate(row) if value):
                ratios = MIDRAD.array(
                    [-value / row[j] if i != j else Fraction(0) for i, value in enumerate(row)]
                )
                square = (MidRad.interval(low, high) ** 2) @ ratios
                least, most = np.maximum(square.lower(), 0.0), square.upper()
                gone |= most < 0.0
                inner = np.maximum(np.nextafter(np.sqrt(least), 0.0) * (1.0 - 2.0**-50), 0.0)
                outer = np.nextafter(np.sqrt(np.maximum(most, TINY)), np.inf)
                new_low = np.maximum(low[:, j], np.where(low[:, j] >= 0.0, inner, -outer))
                new_high = np.minimum(high[:, j], np.where(high[:, j] <= 0.0, -inner, outer))
                gone |= new_low > new_high
                # The face's coordinate stays, and so does a positive width.
                use = (boxes.face != j) & (new_low < new_high)
                low[use, j], high[use, j] = new_low[use], new_high[use]
        return Boxes(low, high, boxes.face), gone


def _reduced(rows: list[ExactRow]) -> list[ExactRow]:
    """A basis of the span of the rows and the sums of two of them in which a weight cancels: they exclude
    more.
    """
    basis = list(dict.fromkeys(_scaled(row) for row in rows if any(row)))
    found = list(basis)
    for first, second in itertools.combinations(basis, 2):
        for j, value in enumerate(first):
            row = tuple(a * second[j] - b * value for a, b in zip(first, second, strict=True))
            if value and second[j] and any(row):
                found.append(_scaled(row))
    return list(dict.fromkeys(found))


def _scaled(row: ExactRow) -> ExactRow:
    """The row with its first entry that is not 0 made 1."""
    first = next(value for value in row if value)
    return tuple(value / first for value in row)


def layered_balances(network: FeedForward) -> list[ExactRow]:
    """One row per hidden neuron whose inputs and outputs are both trained."""
    positions = network._positions()
    p = network.activation.power
    return [
        tuple(
            Fraction(1)
            if at == layer and row == neuron
            else Fraction(-p)
            if at == layer + 1 and column == neuron
            else Fraction(0)
            for at, row, column in positions
        )
        for layer in network.trained
        if layer + 1 in network.trained
        for neuron in range(network.widths[layer])
    ]


def expression_balances(weights: tuple[str, ...], node: Node) -> list[ExactRow]:
    """The rows of the scalings of the weights that the rules of degrees allow; empty if N has no degree at
    all.
    """
    equations: list[ExactRow] = []
    degree = _degree(node, {name: j for j, name in enumerate(weights)}, equations)
    order = None if degree is None else sum(degree, Fraction(0))
    if degree is None or not order or any(sum(row, Fraction(0)) for row in equations):
        return []
    rows = []
    for scaling in _kernel(equations, len(weights)):
        share = sum((a * c for a, c in zip(scaling, degree, strict=True)), Fraction(0)) / order
        rows.append(tuple(a - share for a in scaling))
    return rows


def _degree(node: Node, index: dict[str, int], equations: list[ExactRow]) -> ExactRow | None:
    """The degree of the node as a linear function of those of the weights, None for the constant 0; equations
    go to the list.
    """
    nothing: ExactRow = (Fraction(0),) * len(index)
    if node.op == "number":
        return nothing if node.value else None
    if node.op == "name":
        return tuple(Fraction(int(j == index[node.value])) for j in range(len(index)))
    inside = [_degree(arg, index, equations) for arg in node.args]
    known = [degree for degree in inside if degree is not None]
    if node.op == "mul":
        return _sum(known, len(index)) if len(known) == len(inside) else None
    if node.op == "pow":
        return tuple(c * node.value for c in known[0]) if known else None
    if node.op in TRANSCENDENTAL:
        equations += known
        return nothing
    if node.op in KINKS or node.op == "add":
        equations += [tuple(a - b for a, b in zip(known[0], other, strict=True)) for other in known[1:]]
    return known[0] if known else None


def _sum(rows: list[ExactRow], size: int) -> ExactRow:
    return tuple(sum((row[j] for row in rows), Fraction(0)) for j in range(size))


def _kernel(equations: list[ExactRow], size: int) -> list[ExactRow]:
    """A basis of the vectors orthogonal to all equations."""
    pivots: dict[int, list[Fraction]] = {}
    for equation in equations:
        tick()
        row = list(equation)
        for j, other in pivots.items():
            row = [a - row[j] * b for a, b in zip(row, other, strict=True)]
        place = next((j for j, value in enumerate(row) if value), None)
        if place is not None:
            row = [value / row[place] for value in row]
            for j, other in pivots.items():
                pivots[j] = [a - other[place] * b for a, b in zip(other, row, strict=True)]
            pivots[place] = row
    free = [j for j in range(size) if j not in pivots]
    basis = []
    for j in free:
        tick()
        vector = [Fraction(int(i == j)) for i in range(size)]
        for place, row in pivots.items():
            vector[place] = -row[j]
        basis.append(tuple(vector))
    return basis


# -- dead neurons --------------------------------------------------------------------------------------------


def only_dead(function: LayeredBoxFunction, w: MidRad) -> np.ndarray:
    """Whether the KKT points of each box (b × size) are proved flat by a neuron that is dead or makes them
    so (b) (L6.20)."""
    network, result = function.network, np.zeros(len(w), dtype=bool)
    if (
        network.activation.off
        or network.activation.power < 2
        or len(function.layers) < 2
        or not len(function.X)
    ):
        return result
    W = function.matrices(w)
    inputs = [
        MidRad(
            *(np.broadcast_to(part.T, (len(w), *part.T.shape)) for part in (function.X.mid, function.X.rad))
        )
    ]
    z = [function.arguments(W[0])]
    active = [z[0].upper() > 0.0]
    for matrix in W[1:-1]:
        inputs.append(function.branch(z[-1], 0))
        z.append(matrix @ inputs[-1])
        # Outputs are never negative, which their enclosures forget.
        rises = ((matrix.upper() > 0.0)[..., None] & active[-1][:, None]).any(axis=2)
        active.append(rises & (z[-1].upper() > 0.0))
    signs = _signal_signs(function, W, active)
    for layer, weights in enumerate(W[:-1]):
        if function.layers[layer] in network.trained:
            for j in range(weights.shape[1]):
                result |= _is_dead(inputs[layer], weights[:, j], z[layer][:, j], signs[layer][:, j])
    return result


def _signal_signs(
    function: LayeredBoxFunction, W: list[MidRad], active: list[np.ndarray]
) -> list[np.ndarray]:
    """The weak signs of δ_i t_i for the neurons of each hidden layer (b × neurons × n), 2 where not known."""
    b = len(active[0])
    weights = np.array([(value > 0) - (value < 0) for value in function.z])
    positive, negative = (np.broadcast_to(side, (b, 1, len(weights))) for side in (weights > 0, weights < 0))
    signs = []
    for j in range(len(W) - 1, 0, -1):
        up, down = (W[j].upper() > 0.0)[..., None], (W[j].lower() < 0.0)[..., None]
        rises, falls = positive[:, :, None, :], negative[:, :, None, :]
        positive = ((up & rises) | (down & falls)).any(axis=1) & active[j - 1]
        negative = ((up & falls) | (down & rises)).any(axis=1) & active[j - 1]
        signs.append(np.where(positive & negative, 2, positive.astype(int) - negative.astype(int)))
    return signs[::-1]


def _is_dead(x: MidRad, u: MidRad, z: MidRad, signs: np.ndarray) -> np.ndarray:
    """The proof for one neuron with inputs x (b × d × n), their weights u (b × d), arguments z and weak signs
    (b × n).
    """
    result = np.zeros(len(u), dtype=bool)
    square = (u**2).sum(axis=1).lower()
    rows = np.flatnonzero((signs != 2).all(axis=1) & (square > 0.0))
    if not len(rows):
        return result
    x, u, signs, square = x[rows], u[rows], signs[rows], square[rows]
    t = np.maximum(z[rows].upper(), 0.0)
    # Any q is allowed; least squares with σ_i x_i·q = |x_i| finds one where there is one with room.
    unit = x.mid / np.maximum(np.linalg.norm(x.mid, axis=1, keepdims=True), TINY)
    chosen = unit * (signs != 0)[:, None, :]
    gram = chosen @ unit.transpose(0, 2, 1) + _RIDGE * np.eye(unit.shape[1])
    q = np.linalg.solve(gram, (chosen @ signs[:, :, None].astype(float)))[:, :, 0]
    direction = MidRad.exact(np.clip(np.nan_to_num(q), -_LARGEST_Q, _LARGEST_Q))
    products = (direction[:, None, :] @ x)[:, 0]
    signed = MidRad(products.mid * signs, products.rad).lower()
    lost = t * ((u * direction).sum(axis=1).magnitude() / square)[:, None] * (1.0 + 2.0**-50) + TINY
    result[rows] = ((signs == 0) | (signed > lost)).all(axis=1)
    return result


def dead_entries(rows: Sequence[Sequence[int]], d: int, digits: int) -> list[KKTPoint]:
    """The dead points of one neuron (α = 0) with these inputs (coprime integers): the cone {x_i·u <= 0 for
    all i}, if not {0} (L6.20)."""
    rays, lines = generators([[-c for c in row] for row in rows], [], d)
    if not rays and not lines:
        return []
    inside = [sum(ray[j] for ray in rays) for j in range(d)]
    if not any(inside):
        inside = list((rays + lines)[0])
    bits = bits_for(digits)
    norm = Ball(sum(c * c for c in inside), bits).sqrt()
    exact_rays, exact_lines = (
        tuple(tuple(Fraction(c) for c in vector) for vector in each) for each in (rays, lines)
    )
    single = len(rays) == 1 and not lines
    dimension = d - len(_kernel([*exact_rays, *exact_lines], d)) - 1
    return [
        KKTPoint(
            Kind.DEGENERATE,
            tuple(Ball(c, bits) / norm for c in inside),
            Ball(0, bits),
            direction=tuple(Fraction(c) for c in inside),
            continuum=None if single else Continuum(dimension, exact_rays, exact_lines),
            reason="dead cell: every activation is 0",
        )
    ]
