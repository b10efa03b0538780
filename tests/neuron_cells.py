"""A piecewise linear neuron on the cells of its kinks, by the definition."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from certflow.kkt.neuron.features import Neuron


def cell_gradient(neuron: Neuron, signs: Sequence[int]) -> list[Fraction]:
    """g_A with `n(u) = g_A·u` on the closed cell A with these signs."""
    kinked = [h.plus if sign > 0 else h.minus for h, sign in zip(neuron.kinked, signs, strict=True)]
    pairs = list(zip(kinked + [h.plus for h in neuron.hinges[len(kinked) :]], neuron.hinges, strict=True))
    return [sum((c * hinge.normal[r] for c, hinge in pairs), Fraction(0)) for r in range(neuron.inputs)]
