"""Weights of a rank-one KKT point from a direction of the inputs and the shapes of its hidden layers (L6.31).

With `W_l = a_l b_l^T`, |b_l| = 1, at a KKT point with N != 0: `|a_l|² = p^(D-l)/L` and `|b_(l+1),j| = |a_l,j|
/ |a_l|`. So a point is b_1, the entries of the a_l up to a factor, the signs of the b_(l+1), and the sign of
the output layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from gmpy2 import iroot, mpz

from certflow.algebra.directions import dot
from certflow.arithmetic.ball import Ball
from certflow.kkt.points import Exact
from certflow.networks.feed_forward import FeedForward


@dataclass(frozen=True, eq=False)
class Size:
    """A positive number: enclosed, and exactly if it is rational."""

    ball: Ball
    exact: Fraction | None


@dataclass(frozen=True, eq=False)
class Shape:
    """Hidden layer l: `codes` are the signs of the entries of a_l, of which the negative ones are `ratio`
    times as long as the positive ones; b_(l+1) has the sign `lead` where a_l is positive and `lead * flip`
    where it is negative (L6.31).
    """

    codes: tuple[int, ...]
    ratio: Size
    flip: int = 1
    lead: int = 1


@dataclass(frozen=True, eq=False)
class InputDirection:
    """A unit vector b_1: enclosed, and an exact positive multiple of it if one is known."""

    point: tuple[Ball, ...]
    exact: Exact | None

    @classmethod
    def of(cls, point: tuple[Ball, ...], exact: Exact | None, bits: int) -> InputDirection:
        """The direction, enclosed anew at `bits` if it is exact."""
        if exact is None:
            return cls(point, None)
        length = Ball(dot(exact, exact), bits).sqrt()
        return cls(tuple(Ball(c, bits) / length for c in exact), exact)

    def opposite(self) -> InputDirection:
        """-b_1."""
        exact = None if self.exact is None else tuple(-c for c in self.exact)
        return InputDirection(tuple(-c for c in self.point), exact)


def root(value: Fraction, degree: int, bits: int) -> Size:
    """The positive root of this degree of `value` > 0."""
    parts = [iroot(mpz(part), degree) for part in (value.numerator, value.denominator)]
    if all(is_exact for _, is_exact in parts):
        exact = Fraction(int(parts[0][0]), int(parts[1][0]))
        return Size(Ball(exact, bits), exact)
    return Size((Ball(value, bits).log() / degree).exp(), None)


def assemble(
    network: FeedForward, start: InputDirection, shapes: Sequence[Shape], output: int, bits: int
) -> tuple[tuple[Ball, ...], Exact | None]:
    """The unit vector of all weights, and an exact positive multiple of it if that is found (L6.31, L6.34).

    `shapes` holds one shape per hidden layer, each with an entry that is not zero; `output` is the sign of
    W_D relative to b_D.
    """
    p, D = network.activation.power, network.depth
    order = sum(p**k for k in range(D))
    point: list[Ball] = []
    for layer, (a, b) in enumerate(_factors(start.point, shapes, output, bits), start=1):
        square = Fraction(p ** (D - layer), order)
        scale = (square / (_squares(a, bits) * _squares(b, bits))).sqrt()
        point += [row * column * scale for row in a for column in b]
    return tuple(point), _exact(p, D, start, shapes, output)


def _factors(
    b: Sequence[Ball], shapes: Sequence[Shape], output: int, bits: int
) -> list[tuple[list[Ball], list[Ball]]]:
    """(a_l, b_l) of every layer up to positive factors."""
    found, row = [], list(b)
    for shape in shapes:
        size = {1: Ball(1, bits), -1: shape.ratio.ball, 0: Ball(0, bits)}
        found.append(([size[c] * c for c in shape.codes], row))
        row = [size[c] * (shape.lead if c > 0 else shape.lead * shape.flip) for c in shape.codes]
    return [*found, ([Ball(output, bits)], row)]


def _exact(p: int, D: int, start: InputDirection, shapes: Sequence[Shape], output: int) -> Exact | None:
    """The matrices `c_l â_l b̂_l^T` with rational â_l and b̂_l, if the quotients of the c_l are rational."""
    if start.exact is None:
        return None
    row = list(start.exact)
    first: Fraction | None = None
    found: list[Fraction] = []
    for layer, shape in enumerate([*shapes, None], start=1):
        if shape is None:
            a, following = [Fraction(output)], []
        else:
            ratio = shape.ratio.exact if -1 in shape.codes else Fraction(1)
            if ratio is None:
                return None
            size = {1: Fraction(1), -1: ratio, 0: Fraction(0)}
            a = [size[c] * c for c in shape.codes]
            following = [size[c] * (shape.lead if c > 0 else shape.lead * shape.flip) for c in shape.codes]
        square = Fraction(p ** (D - layer)) / (dot(a, a) * dot(row, row))
        first = first or square
        scale = _rational_root(square / first)
        if scale is None:
            return None
        found += [entry * column * scale for entry in a for column in row]
        row = following
    return tuple(found)


def _rational_root(value: Fraction) -> Fraction | None:
    found = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return found if found * found == value else None


def _squares(values: Sequence[Ball], bits: int) -> Ball:
    return sum((v.square() for v in values), Ball(0, bits))
