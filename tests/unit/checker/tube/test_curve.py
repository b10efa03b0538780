"""The curve of a certificate as the checker follows it, against its exact polynomials."""

import json
import random
from fractions import Fraction
from pathlib import Path

import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.tube.curve import follow
from certflow.checker.tube.evidence import read
from certflow.checker.tube.region import Bounds
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer

ONE_NEURON = Path(__file__).parents[3] / "certificates" / "accept" / "one-neuron.json"


def places(group, grid, rng):
    """(index of the step, clock, weights) at random exact places of the steps of a group of one part."""
    start, begin, first = [Fraction(v, 1 << grid) for v in group.start[0]], Fraction(0), 0
    for window in group.windows:
        count = len(window.steps)
        for k in range(count):
            for x in (
                Fraction(k, count),
                Fraction(k + rng.randint(0, 16) * Fraction(1, 16)) / count,
                Fraction(k + 1, count),
            ):
                low, p = Fraction(0), start
                for end, rows in window.parts[0]:
                    high = Fraction(end, 1 << grid)
                    y = (min(x, high) - low) / (high - low)
                    p = [
                        v + sum(Fraction(c, 1 << grid) * y ** (i + 1) for i, c in enumerate(row))
                        for v, row in zip(p, rows, strict=True)
                    ]
                    if x <= high:
                        break
                    low = high
                yield first + k, begin + x * window.h, p
        first, begin = first + count, begin + window.h
        for _, rows in window.parts[0]:
            start = [v + sum(Fraction(c, 1 << grid) for c in row) for v, row in zip(start, rows, strict=True)]


def test_sizes_and_growth_rates_on_the_steps_of_a_curve_are_enclosed():
    content, clock, rng = json.loads(ONE_NEURON.read_text(encoding="ascii")), Clock(None), random.Random(0)
    certificate = read(content, clock, ASSUMPTIONS)
    problem, (group,) = certificate.problem, certificate.groups
    track = follow(Bounds(problem, [0], "here"), group, certificate.grid)
    assert [step.end for step in track.steps] == sorted({step.end for step in track.steps})
    network = OneLayer(2, 1, Activation(Fraction(0), 2))
    seen = set()
    for k, s, p in places(group, certificate.grid, rng):
        step, norm2 = track.steps[k], sum(v * v for v in p)
        assert (track.steps[k - 1].end if k else 0) <= s <= step.end
        assert step.P[0] <= norm2 * ONE <= step.P[1]
        h = network.outputs(EXACT, np.array(p, dtype=object), np.array(problem.features, dtype=object))
        growth = problem.order * sum(z * v for z, v in zip(problem.z, h, strict=True)) / norm2
        assert step.rates.ell[0] <= growth * ONE <= step.rates.ell[1]
        seen.add(k)
    assert seen == set(range(len(track.steps)))
    assert track.start2 == sum(Fraction(v, 1 << certificate.grid) ** 2 for v in group.start[0])
