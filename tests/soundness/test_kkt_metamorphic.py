"""Problems that are the same in other words have the same KKT points: permuted, scaled, rotated, padded and
split samples.
"""

import os
import random
from dataclasses import dataclass
from fractions import Fraction

import pytest
from soundness.kkt_oracles import LEAKS, small_data

from certflow.arithmetic.ball import Ball
from certflow.kkt.enumerate import kkt_set, neuron_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

MANY = 20 if os.environ.get("CERTFLOW_PROFILE") == "nightly" else 1

Matrix = list[list[Fraction]]


@dataclass
class Other:
    """The same data in other words; KKT points turn by `turn`, N is multiplied by `factor`."""

    X: Matrix
    z: list[Fraction]
    turn: Matrix
    factor: Fraction = Fraction(1)


def identity(d: int) -> Matrix:
    return [[Fraction(int(i == j)) for j in range(d)] for i in range(d)]


def times(matrix: Matrix, v) -> list:
    return [sum((a * b for a, b in zip(row, v, strict=True)), 0 * v[0]) for row in matrix]


def rational_turn(draw: random.Random, d: int) -> Matrix:
    """A rational orthogonal matrix: reflections at rational vectors, one after another."""
    result = identity(d)
    for _ in range(2):
        v = [Fraction(draw.randint(-3, 3)) for _ in range(d)]
        size = sum(c * c for c in v)
        if size:
            result = [
                [row[j] - 2 * v[j] * sum(a * b for a, b in zip(row, v, strict=True)) / size for j in range(d)]
                for row in result
            ]
    return result


def permuted(draw, X, z, power):
    order = draw.sample(range(len(X)), len(X))
    return Other([X[i] for i in order], [z[i] for i in order], identity(len(X[0])))


def scaled_labels(draw, X, z, power):
    factor = Fraction(draw.randint(1, 9), 7)
    return Other(X, [factor * v for v in z], identity(len(X[0])), factor)


def scaled_samples(draw, X, z, power):
    factors = [Fraction(draw.randint(1, 5), 3) for _ in X]
    rows = [[f * v for v in row] for f, row in zip(factors, X, strict=True)]
    return Other(rows, [v / f**power for f, v in zip(factors, z, strict=True)], identity(len(X[0])))


def rotated(draw, X, z, power):
    turn = rational_turn(draw, len(X[0]))
    return Other([times(turn, row) for row in X], z, turn)


def padded(draw, X, z, power):
    zeros = [[Fraction(0)] * len(X[0]), [Fraction(draw.randint(-3, 3)) for _ in X[0]]]
    return Other([zeros[0], *X, zeros[1]], [Fraction(5), *z, Fraction(0)], identity(len(X[0])))


def split(draw, X, z, power):
    i = draw.randrange(len(X))
    return Other(
        [*X, X[i]], [v / 2 if k == i else v for k, v in enumerate(z)] + [z[i] / 2], identity(len(X[0]))
    )


def cancelled(draw, X, z, power):
    row = [Fraction(draw.randint(-3, 3)) for _ in X[0]]
    return Other([*X, row, row], [*z, Fraction(3), Fraction(-3)], identity(len(X[0])))


WORDS = (permuted, scaled_labels, scaled_samples, rotated, padded, split, cancelled)


def overlap(a: Ball | None, b: Ball | None, factor: Fraction) -> bool:
    return (a is None) == (b is None) and (a is None or b is None or (a * factor).overlaps(b))


def same_point(first: KKTPoint, second: KKTPoint, other: Other, trained: bool) -> bool:
    d = len(other.turn)
    moved = (
        [*times(other.turn, first.point[:d]), *first.point[d:]] if trained else times(other.turn, first.point)
    )
    return (
        first.kind == second.kind
        and (None in (first.inertia, second.inertia) or first.inertia == second.inertia)
        and overlap(first.value, second.value, other.factor)
        and overlap(first.gap, second.gap, other.factor)
        and all(a.overlaps(b) for a, b in zip(moved, second.point, strict=True))
    )


def assert_same(first: KKTSet, second: KKTSet, other: Other, trained: bool = False) -> None:
    """The isolated points correspond one to one, and the sets in number, kind, dimension and value."""
    assert (first.status, first.of) == (second.status, second.of)
    points, images = ([p for p in kkt.points if p.continuum is None] for kkt in (first, second))
    assert len(points) == len(images)
    for point in points:
        assert sum(same_point(point, image, other, trained) for image in images) == 1, point
    ours, theirs = (
        sorted(
            (p.kind, p.continuum.dimension is None, p.continuum.dimension or 0, float(p.value.mid() * factor))
            for p in kkt.points
            if p.continuum
        )
        for kkt, factor in ((first, other.factor), (second, 1))
    )
    assert [entry[:3] for entry in ours] == [entry[:3] for entry in theirs]
    assert all(abs(a[3] - b[3]) < 1e-9 for a, b in zip(ours, theirs, strict=True))
    assert overlap(first.n_max, second.n_max, other.factor)
    assert overlap(first.n_min, second.n_min, other.factor)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.__name__)
@pytest.mark.parametrize("power", [1, 2])
def test_one_neuron_in_other_words(power, word):
    for seed in range(4 * MANY):
        draw = random.Random(f"{power} {word.__name__} {seed}")
        d = draw.choice((2, 3, 3, 4))
        activation = Activation(draw.choice(LEAKS), power)
        X, z = small_data(draw, d, 5)
        other = word(draw, X, z, power)
        first, second = (
            neuron_kkt(Neuron.of(*data, activation), digits=12) for data in ((X, z), (other.X, other.z))
        )
        assert first.complete
        assert_same(first, second, other)


@pytest.mark.parametrize("word", [permuted, scaled_labels, rotated, split], ids=lambda word: word.__name__)
def test_two_layers_in_other_words(word):
    for seed in range(2 * MANY):
        draw = random.Random(f"two {word.__name__} {seed}")
        power, d = draw.choice((1, 2)), draw.choice((2, 3))
        network = TwoLayer(d, 1, Activation(draw.choice(LEAKS), power))
        X, z = small_data(draw, d, 4)
        other = word(draw, X, z, power)
        first, second = (
            kkt_set(Problem(network, *data, reduction="sum", direction=[1] * network.size), digits=12)
            for data in ((X, z), (other.X, other.z))
        )
        assert_same(first, second, other, trained=True)


@pytest.mark.parametrize(
    "word", [permuted, scaled_labels, rotated, padded, cancelled], ids=lambda word: word.__name__
)
def test_cubic_neurons_in_other_words(word):
    # Branch and bound: a rotation moves everything to other boxes.
    draw = random.Random(f"cubic {word.__name__}")
    X = [[Fraction(draw.randint(-9, 9), 4) for _ in range(2)] for _ in range(4)]
    z = [Fraction(draw.randint(1, 9), 4) for _ in range(4)]
    other = word(draw, X, z, 3)
    network = OneLayer(2, 1, Activation(Fraction(1, 4), 3))
    first, second = (
        kkt_set(Problem(network, *data, reduction="sum", direction=[1, 1]), digits=12)
        for data in ((X, z), (other.X, other.z))
    )
    assert first.complete
    assert_same(first, second, other)
