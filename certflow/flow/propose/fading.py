"""The direction to which a neuron fades, from where its limit flow has come: orthogonal to the samples that
are or may become active, which all push it away. Floats choose, and the direction is exact.
"""

from __future__ import annotations

import numpy as np

from certflow.algebra.directions import coprime, dot
from certflow.algebra.whole_systems import solved
from certflow.flow.enclose.fading import Fading, FadingNeuron, prove_fading
from certflow.running import tick

_LONGEST = 8_000
"""Bits of the longest number of a direction; the checker reads 4,000 digits."""
_NEAR = 3 / 4
"""How near a direction is to where it fades, in terms of what is allowed."""
_ORTHOGONAL = 1e-12
_CLEAR = 1e-3
"""By what part of the wanted angle an inactive sample has to be clear of the neuron."""


class FadingSearch:
    """Where one neuron may fade, asked again and again along its limit flow."""

    def __init__(self, neuron: FadingNeuron) -> None:
        self.neuron = neuron
        tops = [max(map(abs, ray.direction)) for ray in neuron.rays]
        rows = [[v / top for v in ray.direction] for ray, top in zip(neuron.rays, tops, strict=True)]
        self.rays = np.array([np.array(row) / np.linalg.norm(row) for row in rows])
        self.away = np.array([ray.push < 0 for ray in neuron.rays])

    def near(self, end: tuple[int, ...], angle: float) -> Fading | None:
        """Where the neuron fades if it is there, up to about 3/4 of `angle`, at the point `end` of a
        grid.
        """
        if not self.neuron.rays:
            return None
        u = np.array(end, dtype=float)
        u /= np.linalg.norm(u)
        on = (self.rays @ u >= -_CLEAR * angle) | (self.neuron.off != 0)
        while on.any() and self.away[on].all():  # ends: samples are added
            tick()
            span = self.rays[on]
            rest = u - span.T @ np.linalg.lstsq(span.T, u, rcond=None)[0]
            length = float(np.linalg.norm(rest))
            turned = float(np.arctan2(np.linalg.norm(u - rest), length))
            if not turned <= _NEAR * angle:
                return None
            clear = -(self.rays @ rest) / length
            # What is orthogonal to where it fades, and inactive now, may push as it likes.
            beside = ~self.away & (np.abs(clear) <= _ORTHOGONAL)
            close = ~on & ~beside & (clear <= max(turned / _NEAR, _CLEAR * angle))
            if not close.any():
                return self._exactly(end, np.flatnonzero(on).tolist())
            on |= close
        return None

    def _exactly(self, end: tuple[int, ...], on: list[int]) -> Fading | None:
        """The projection of `end` on what is orthogonal to these samples, if the neuron fades there."""
        basis: list[tuple[int, ...]] = []
        factors, scale = list[int](), 1
        for ray in (self.neuron.rays[i].direction for i in on):
            more = [*basis, ray]
            found = solved([[dot(a, b) for b in more] for a in more], [dot(a, end) for a in more])
            if found[1]:
                basis, (factors, scale) = more, found
        whole = [
            scale * v - sum(f * row[k] for f, row in zip(factors, basis, strict=True))
            for k, v in enumerate(end)
        ]
        if not any(whole):
            return None
        direction = coprime(whole)
        if max(v.bit_length() for v in direction) > _LONGEST:
            return None
        return prove_fading(self.neuron, direction, end)
