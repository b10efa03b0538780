"""Clarke gradients of N at an exact point, kinks and all: elements found along rays, and whether 0 is in
their hull.

Let d be a direction in which every kink argument that vanishes at w has a slope other than 0, all computed on
the branches that w + t d, t > 0 small, is on. Then these arguments keep their signs on an open set that has w
+ t d, t small, inside; N is smooth there, and its gradients tend to that of the branches at w. So this is a
Clarke gradient at w, and so is every point of the convex hull of several. Directions that are missed can only
leave the question open.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.algebra.cones import zero_in_hull
from certflow.arithmetic.base import EXACT, ExactArithmetic
from certflow.networks.correlation import Correlation

_DIRECTIONS_PER_WEIGHT = 8
_LONGEST = 1_000


def zero_is_gradient(N: Correlation, w: tuple[Fraction, ...]) -> bool:
    """Whether 0 is proved to be a Clarke gradient of N, all of whose numbers are exact, at the exact w
    (L6.44)."""
    draw = random.Random(len(w))
    gradients: list[list[Fraction]] = []
    for _ in range(_DIRECTIONS_PER_WEIGHT * len(w)):
        along = [Fraction(draw.randint(-_LONGEST, _LONGEST)) for _ in w]
        gradient = _gradient_along(N, w, along)
        if gradient is not None and gradient not in gradients:
            gradients.append(gradient)
    return bool(gradients) and zero_in_hull(gradients)


def _gradient_along(N: Correlation, w: tuple[Fraction, ...], along: list[Fraction]) -> list[Fraction] | None:
    """The limit at w of the gradients on the ray w + t d; None where its branches are not decided."""
    try:
        ray = np.array([_Ray(c, d) for c, d in zip(w, along, strict=True)], dtype=object)
        kinks = N.at(_RAYS, ray).run.kinks
        signs = [_RAYS.sign(each) for each in kinks]
        if not all(sign.all() for sign in signs):
            return None
        branches = [EXACT.array(sign.astype(object)) for sign in signs]
        on_branches = N.at(
            EXACT,
            np.array(w, dtype=object),
            select=lambda layer, _: N.network.select_by_sign(EXACT, layer, branches[layer], Fraction(0)),
        )
        return [Fraction(value) for value in on_branches.gradient]
    except (TypeError, ZeroDivisionError):  # roots, functions and poles have no exact values here
        return None


@dataclass(frozen=True)
class _Ray:
    """A number on the ray: its value at t = 0 and its slope there; ordered as for small t > 0."""

    value: Fraction
    slope: Fraction

    def __add__(self, other: Any) -> _Ray:
        other = _ray(other)
        return _Ray(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __neg__(self) -> _Ray:
        return _Ray(-self.value, -self.slope)

    def __sub__(self, other: Any) -> _Ray:
        return self + -_ray(other)

    def __rsub__(self, other: Any) -> _Ray:
        return _ray(other) - self

    def __mul__(self, other: Any) -> _Ray:
        other = _ray(other)
        return _Ray(self.value * other.value, self.value * other.slope + self.slope * other.value)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> _Ray:
        other = _ray(other)
        return self * _Ray(1 / other.value, -other.slope / other.value**2)

    def __rtruediv__(self, other: Any) -> _Ray:
        return _ray(other) / self

    def __pow__(self, exponent: int) -> _Ray:
        return _Ray(
            self.value**exponent,
            exponent * self.value ** (exponent - 1) * self.slope if exponent else Fraction(0),
        )

    def __gt__(self, other: Any) -> bool:
        other = _ray(other)
        return (self.value, self.slope) > (other.value, other.slope)

    def __lt__(self, other: Any) -> bool:
        return _ray(other) > self


def _ray(value: Any) -> _Ray:
    return value if isinstance(value, _Ray) else _Ray(Fraction(value), Fraction(0))


class _RayArithmetic(ExactArithmetic):
    name = "rays"

    def number(self, value: Fraction) -> Any:
        return _Ray(Fraction(value), Fraction(0))

    def sqrt(self, z: Any) -> Any:
        raise TypeError("roots are not followed along rays")


_RAYS = _RayArithmetic()
