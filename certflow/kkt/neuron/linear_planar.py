"""The KKT points of a planar neuron of power 1, decided in integers with O(n log n) operations (L6).

Counterclockwise, the gradient of n is a constant on each arc between two kinks and jumps at each kink, so all gradients are
one cumulative sum. Conditions and kinds are those of `linear_faces.py`: an arc has the KKT directions ±g that lie inside, and
is KKT if g = 0; at a kink r, with q the directions across it, the condition is `n'(r; q) n'(r; -q) >= 0`.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from gmpy2 import mpq

from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.linear_findings import Finding, Findings, Vector, WholeTerms, reduced, signs_of


def planar_findings(neuron: Neuron) -> Findings:
    """The findings of a neuron of power 1 with two inputs and at least one kink, one for each direction and KKT arc."""
    terms = WholeTerms(neuron)
    # Normals have angles in (-90°, 90°]; the term of h changes from plus to minus where u passes h turned by 90°.
    order = sorted(range(terms.kinked), key=lambda i: _slope(*terms.H[i].tolist()))
    H, plus, minus = terms.H[order], terms.plus[order], terms.minus[order]
    starts = np.vstack([_turned(H), -_turned(H)])
    ends = np.roll(starts, -1, axis=0)
    jumps = (minus - plus)[:, None] * H
    # Gradients on the arcs from `starts` to `ends`, and on those before them. Before the first start all signs are 1.
    after = plus @ H + terms.smooth + np.cumsum(np.vstack([jumps, -jumps]), axis=0)
    before = np.roll(after, 1, axis=0)
    flat = ~after.astype(bool).any(axis=1)
    scale = terms.scale**2
    found = []
    for sign in (1, -1):
        inside = (_dot(_turned(starts), after) * sign > 0) & (_dot(_turned(after), ends) * sign > 0)
        for g in after[inside.astype(bool)]:
            found.append(Finding(reduced(g * sign), 2, frozenset(), sign, Fraction(int(g @ g), scale)))
    heights = _dot(after, starts)
    slopes = np.stack([_dot(after, _turned(starts)), -_dot(before, _turned(starts))], axis=1)
    for k in np.flatnonzero((slopes[:, 0] * slopes[:, 1] >= 0).astype(bool) & ~flat & ~np.roll(flat, 1)):
        u, height = reduced(starts[k]), int(heights[k])
        square = Fraction(height * height, sum(c * c for c in u) * scale)
        found.append(Finding(u, 1, signs_of(slopes[k]), (height > 0) - (height < 0), square, () if height else (u,)))
    active = _active(plus, minus) + (len(terms.H) - terms.kinked)
    for k in np.flatnonzero(flat):
        start, end = reduced(starts[k]), reduced(ends[k])
        if terms.kinked > 1:
            middle = reduced(starts[k] + ends[k])
            cone: tuple[tuple[Vector, ...], tuple[Vector, ...]] = ((start, end), ())
        else:  # half of the plane
            middle = (-start[1], start[0])
            cone = ((middle,), (start,))
        found.append(Finding(middle, 2, frozenset(), 0, Fraction(0), *cone, dead=not active[k]))
    return Findings(found, terms, after, {"cells": len(starts), "faces": 2 * len(starts)})


def _slope(x: int, y: int) -> tuple[bool, mpq]:
    """What orders the directions of angles in (-90°, 90°]."""
    return (x == 0, mpq(y, x) if x else mpq(0))


def _turned(vectors: np.ndarray) -> np.ndarray:
    """Each row turned by 90°, counterclockwise."""
    return np.stack([-vectors[:, 1], vectors[:, 0]], axis=1)


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1)


def _active(plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """How many kinked terms have a coefficient other than 0 on each arc."""
    change = minus.astype(bool).astype(int) - plus.astype(bool).astype(int)
    return np.count_nonzero(plus) + np.cumsum(np.concatenate([change, -change]))
