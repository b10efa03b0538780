"""One neuron `n(u) = Σ z_i σ(u·x_i)` as a sum of hinges, exact: what is left of the data once parallel inputs
are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.algebra.directions import Normal, dot, primitive
from certflow.exact import exact_matrix, exact_vector
from certflow.networks.activation import Activation
from certflow.outcome import BadInput
from certflow.running import tick


@dataclass(frozen=True)
class Hinge:
    """The term `c t^p` of t = normal·u, with c = `plus` where t > 0 and c = `minus` where t < 0; not both are
    zero.
    """

    normal: Normal
    plus: Fraction
    minus: Fraction

    @property
    def has_kink(self) -> bool:
        """Whether the two sides differ; a hinge without a kink is a polynomial and has no hyperplane."""
        return self.plus != self.minus


@dataclass(frozen=True)
class Neuron:
    """`n(u) = Σ c_h (normal_h·u)^power` over the hinges h: all kinked ones first, each part in the order of
    its normals (L6.2).

    Samples with x_i = 0 or z_i = 0 are gone; parallel and opposite ones are one hinge. A *cell* is a tuple of
    signs, 1 or -1, one per kinked hinge; on a closed cell n is the polynomial with the coefficients that the
    signs choose.
    """

    inputs: int
    power: int
    hinges: tuple[Hinge, ...]

    @classmethod
    def of(cls, X: Any, z: Any, activation: Activation) -> Neuron:
        """The neuron of samples X (n × inputs, n >= 1 or an array of shape (0, inputs)) and weights z (n),
        exact.

        Raises `BadInput` for ragged rows and a wrong number of weights.
        """
        rows, weights = exact_matrix(X, "X"), exact_vector(z, "z")
        inputs = len(rows[0]) if rows else int(np.shape(X)[1]) if np.ndim(X) == 2 else 0
        if inputs < 1:
            raise BadInput("X: give rows of one and the same length, at least 1.")
        if len(rows) != len(weights):
            raise BadInput(f"z: {len(weights)} weights for {len(rows)} samples; give one per sample.")
        p, off = activation.power, activation.off
        sums: dict[Normal, tuple[Fraction, Fraction]] = {}
        for row, weight in zip(rows, weights, strict=True):
            tick()
            if weight and any(row):
                normal, scale = primitive(row)
                size = weight * scale**p
                plus, minus = (size, off * size) if scale > 0 else (off * size, size)
                before = sums.get(normal, (Fraction(0), Fraction(0)))
                sums[normal] = (before[0] + plus, before[1] + minus)
        hinges = [Hinge(normal, *sides) for normal, sides in sorted(sums.items()) if any(sides)]
        return cls(inputs, p, tuple(sorted(hinges, key=lambda hinge: not hinge.has_kink)))

    @property
    def kinked(self) -> tuple[Hinge, ...]:
        """The hinges with a kink; their normals are the hyperplanes of the arrangement."""
        return tuple(hinge for hinge in self.hinges if hinge.has_kink)

    def negated(self) -> Neuron:
        """-n."""
        return Neuron(self.inputs, self.power, tuple(Hinge(h.normal, -h.plus, -h.minus) for h in self.hinges))

    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Exact X (m × inputs) and z (m) of which this is the neuron with the activation `max(t,
        0)^power`.
        """
        sides = [(h.normal, h.plus) for h in self.hinges if h.plus]
        sides += [(tuple(-c for c in h.normal), h.minus * (-1) ** self.power) for h in self.hinges if h.minus]
        X, z = np.empty((len(sides), self.inputs), dtype=object), np.empty(len(sides), dtype=object)
        for i, (row, weight) in enumerate(sides):
            tick()
            X[i], z[i] = [Fraction(c) for c in row], weight
        return X, z

    def value(self, u: Sequence[Fraction]) -> Fraction:
        """n(u) for an exact u."""
        total = Fraction(0)
        for hinge in self.hinges:
            t = dot(hinge.normal, u)
            total += (hinge.plus if t > 0 else hinge.minus) * t**self.power
        return total
