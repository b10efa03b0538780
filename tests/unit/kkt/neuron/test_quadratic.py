"""Squared neurons cell by cell: the count of cells, and in the plane the list that the sweep of the circle
gives.
"""

from __future__ import annotations

import random
from fractions import Fraction as F
from math import comb

import pytest

from certflow.kkt.neuron.circle import planar_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.quadratic import piecewise_quadratic_kkt
from certflow.networks.activation import Activation
from certflow.outcome import BadInput, Inconclusive


def data(seed: int, n: int, d: int, size: int) -> tuple[list[list[F]], list[F]]:
    draw = random.Random(seed)
    return [[F(draw.randint(-size, size)) for _ in range(d)] for _ in range(n)], [
        F(draw.randint(-3, 3)) for _ in range(n)
    ]


@pytest.mark.parametrize(("d", "n"), [(3, 8), (3, 20), (4, 10)])
def test_cells_in_general_position_are_counted(d, n):
    X, _ = data(d * n, n, d, 10**6)
    found = piecewise_quadratic_kkt(Neuron.of(X, [F(1)] * n, Activation(F(0), 2)))
    assert found.complete and found.counts["cells"] == 2 * sum(comb(n - 1, k) for k in range(d))


@pytest.mark.parametrize("alpha", [F(0), F(1, 2), F(-1, 3)])
@pytest.mark.parametrize("size", [2, 1000])
def test_isolated_points_in_the_plane_are_those_of_the_sweep(alpha, size):
    for seed in range(12):
        X, z = data(seed, 1 + seed % 7, 2, size)
        neuron = Neuron.of(X, z, Activation(alpha, 2))
        if not neuron.hinges:
            continue
        cells = [p for p in piecewise_quadratic_kkt(neuron).points if p.kind != "arc"]
        sweep = [p for p in planar_kkt(X, z, alpha).points if p.kind != "arc"]
        assert len(cells) == len(sweep)
        for p in sweep:
            same = [q for q in cells if all(a.overlaps(b) for a, b in zip(p.point, q.point, strict=True))]
            assert [q.kind for q in same] == [p.kind] and same[0].value.overlaps(p.value)


def test_too_many_cells_and_other_powers_are_refused():
    X, _ = data(1, 10, 3, 1000)
    with pytest.raises(Inconclusive):
        piecewise_quadratic_kkt(Neuron.of(X, [F(1)] * 10, Activation(F(0), 2)), most_cells=10)
    with pytest.raises(BadInput):
        piecewise_quadratic_kkt(Neuron.of(X, [F(1)] * 10, Activation(F(0), 3)))
