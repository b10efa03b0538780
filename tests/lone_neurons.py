"""Random neurons of power 1 on their data, exact: in general position, and in every special one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from certflow.algebra.directions import dot
from certflow.flow.polygon.polygon import Polygon, polygon
from certflow.flow.polygon.reduced import Reduced, canonical

Exact = tuple[Fraction, ...]

SLOPES = (Fraction(0), Fraction(0), Fraction(1, 10), Fraction(-1, 2), Fraction(-1))
HABITS = ("general", "whole", "lines", "orthogonal", "labels 0", "v = 0", "on kinks", "w = 0")
"""What is special about a neuron: small whole numbers, samples on few lines or on axes or 0, and so on."""


@dataclass(frozen=True)
class LoneNeuron:
    """`v sum_i z_i max(x_i.w, alpha x_i.w)` and the start (w, v) of its flow."""

    alpha: Fraction
    x: tuple[Exact, ...]
    z: Exact
    w: Exact
    v: Fraction

    @property
    def reduced(self) -> Reduced:
        return canonical(self.alpha, list(self.x), list(self.z))

    def polygon(self) -> Polygon:
        return polygon(self.reduced, self.w, self.v)


def random_neuron(rng: random.Random, d: int, n: int, habit: str = "general", balanced: bool = False):
    """A neuron of `n` samples in `d` dimensions with one of the `HABITS`; balanced means v^2 = |w|^2."""

    def value() -> Fraction:
        if habit == "general" or rng.random() < 0.3:
            return Fraction(round(1000 * rng.gauss(0, 1)), 1000)
        return Fraction(rng.randint(-3, 3))

    x = [tuple(value() for _ in range(d)) for _ in range(n)]
    z = [value() for _ in range(n)]
    if habit == "whole":
        x = [tuple(Fraction(rng.randint(-2, 2)) for _ in range(d)) for _ in range(n)]
        z = [Fraction(rng.randint(-2, 2)) for _ in range(n)]
    if habit == "lines":
        few = [tuple(Fraction(rng.randint(-3, 3)) for _ in range(d)) for _ in range(max(1, n // 3))]
        factors = [Fraction(rng.choice((-2, -1, 0, 1, 1, 3)), rng.choice((1, 2))) for _ in range(n)]
        x = [tuple(factor * value for value in rng.choice(few)) for factor in factors]
    if habit == "orthogonal":
        x = [tuple(Fraction(rng.choice((-1, 1, 2)) * (k == i % d)) for k in range(d)) for i in range(n)]
    if habit == "labels 0":
        z = [value if rng.random() < 0.5 else Fraction(0) for value in z]
    w = tuple(value() for _ in range(d))
    if habit == "on kinks":
        w = onto_kinks(w, rng.sample(x, min(n, rng.randint(1, max(1, d - 1)))))
    if habit == "w = 0":
        w = tuple([Fraction(0)] * d)
    size = abs(value())
    if balanced and habit not in ("on kinks", "w = 0"):
        size += 1
        w = tuple(size * value for value in unit_vector(w))
    if habit == "v = 0":
        size = Fraction(0)
    return LoneNeuron(rng.choice(SLOPES), tuple(x), tuple(z), w, rng.choice((1, -1)) * size)


def onto_kinks(w: Exact, rows: Sequence[Exact]) -> Exact:
    """The point on the kinks of these samples next to w."""
    basis: list[Exact] = []
    for row in rows:
        for other in basis:
            row = _away(row, other)
        if any(row):
            basis.append(row)
            w = _away(w, row)
    return w


def _away(w: Exact, row: Exact) -> Exact:
    factor = dot(w, row) / dot(row, row)
    return tuple(a - factor * b for a, b in zip(w, row, strict=True))


def unit_vector(w: Exact) -> Exact:
    """A vector of norm 1, exactly, in rational numbers (from one pole of the sphere)."""
    t = [Fraction(round(8 * value), 8) for value in w[:-1]]
    square = dot(t, t)
    last = (1 - square) / (1 + square) if t else Fraction(1)
    return *(2 * value / (1 + square) for value in t), (-1 if w[-1] < 0 else 1) * last


def small() -> st.SearchStrategy[Fraction]:
    """Small numbers, most of them whole, so that ties occur."""
    return st.one_of(
        st.integers(-2, 2).map(Fraction), st.builds(Fraction, st.integers(-9, 9), st.sampled_from((2, 3, 7)))
    )


@st.composite
def lone_neurons(draw, most_inputs: int = 4, most_samples: int = 7, slopes: Sequence[Fraction] = SLOPES):
    """Neurons with small numbers; some start on kinks, balanced, or with w = 0 or v = 0."""
    d = draw(st.integers(1, most_inputs))
    n = draw(st.integers(1, most_samples))
    row = st.tuples(*[small()] * d)
    x = draw(st.lists(row, min_size=n, max_size=n))
    z = draw(st.lists(small(), min_size=n, max_size=n))
    w = draw(row)
    w = onto_kinks(w, [x[i] for i in draw(st.lists(st.integers(0, n - 1), max_size=2))])
    v = draw(small())
    if draw(st.booleans()):
        w = unit_vector(w)
        v = draw(st.sampled_from((Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(0))))
    return LoneNeuron(draw(st.sampled_from(slopes)), tuple(x), tuple(z), w, v)
