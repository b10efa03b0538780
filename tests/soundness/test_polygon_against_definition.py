"""Exact polygons of neurons of power 1 against two other ways to their limit flow: steps along elements of
least norm, and smoothed kinks.

Both are approximations, compared with exact data: here a tolerance is no loss. Neurons are in general
position and in every special one; CERTFLOW_PROFILE=nightly takes more of them.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import numpy as np
import pytest
from least_norm_flow import NEAR, LeastNormFlow
from lone_neurons import HABITS, LoneNeuron, random_neuron
from polygon_paths import branch_kind, branch_point, floats, stations
from smoothed_flow import SmoothedFlow

from certflow.flow.polygon.polygon import End

NIGHTLY = os.environ.get("CERTFLOW_PROFILE") == "nightly"
EACH = 2_000 if NIGHTLY else 60
"""Neurons of each habit."""
SMOOTHED = 100 if NIGHTLY else 4

INPUTS = (1, 2, 3, 5, 10)
SAMPLES = (3, 5, 10, 20, 50)
CLOSE = 1e-6
"""Of the size of a point; kinks are met within `NEAR` of them."""


def neurons(habit: str, count: int, inputs=INPUTS, samples=SAMPLES):
    """Neurons of one habit, every second one balanced; the same ones every time."""
    for seed in range(count):
        rng = random.Random(f"{habit} {seed}")
        yield random_neuron(rng, rng.choice(inputs), rng.choice(samples), habit, balanced=seed % 2 == 0)


def start_of(neuron: LoneNeuron) -> np.ndarray:
    return np.array([float(value) for value in neuron.w])


def distance(point: np.ndarray, other: np.ndarray) -> float:
    """Relative to the size of `other`, or to 1."""
    return float(np.linalg.norm(point - other) / (1 + np.linalg.norm(other)))


@pytest.mark.parametrize("habit", HABITS)
def test_vertices_and_far_points_are_those_of_least_norm_steps(habit):
    followed: Counter[End] = Counter()
    for neuron in neurons(habit, EACH):
        polygon = neuron.polygon()
        expected = stations(polygon)
        if not expected:
            continue
        followed[polygon.ending] += 1
        flow = LeastNormFlow(neuron.alpha, neuron.x, neuron.z)
        sign = polygon.edges[0].sign
        found = flow.follow(start_of(neuron), sign, float(polygon.c), [each.clock for each in expected])
        for station, (point, _) in zip(expected, found, strict=True):
            assert distance(point, station.point) < CLOSE, neuron
        if polygon.ending is End.RAY:
            point, sign = found[-1]
            last = floats(polygon.edges[-1].velocity)
            assert sign == polygon.edges[-1].sign, neuron
            assert distance(sign * flow.gradient(point), last) < CLOSE, neuron
    assert followed[End.RAY] or habit == "w = 0", "no neuron of this habit gets away"


def test_all_endings_and_turns_are_among_these_neurons():
    found: Counter[str] = Counter()
    for habit in HABITS:
        for neuron in neurons(habit, EACH):
            polygon = neuron.polygon()
            found[polygon.ending] += 1
            found["slides"] += any(edge.slides for edge in polygon.edges)
            found["flips"] += any(edge.returns for edge in polygon.edges)
            found["flips sliding"] += any(edge.flips and edge.slides for edge in polygon.edges)
    assert all(found[kind] >= 3 for kind in (*End, "slides", "flips", "flips sliding")), found


@pytest.mark.parametrize("habit", HABITS)
def test_neurons_at_rest_from_the_start_stay_there(habit):
    for neuron in neurons(habit, EACH):
        polygon = neuron.polygon()
        if polygon.edges or polygon.ending not in (End.STOPS, End.DEAD, End.ZERO):
            continue
        flow = LeastNormFlow(neuron.alpha, neuron.x, neuron.z)
        signs = [1, -1] if neuron.v == 0 else [1 if neuron.v > 0 else -1]
        if polygon.ending is End.ZERO:
            assert flow.value(start_of(neuron)) == 0
            continue
        for sign in signs:
            ((point, _),) = flow.follow(start_of(neuron), sign, 1.0, [1.0])
            assert distance(point, start_of(neuron)) < CLOSE, neuron


WIDTHS = (1e-2, 2.5e-3, 6.25e-4)


@pytest.mark.parametrize("habit", HABITS)
def test_vertices_are_limits_of_smoothed_flows(habit):
    compared = 0
    for neuron in neurons(habit, 5 * SMOOTHED, inputs=(1, 2, 3, 5), samples=(3, 5)):
        polygon = neuron.polygon()
        expected = stations(polygon)
        if polygon.ending is End.ORIGIN and polygon.c == 0:
            expected = expected[:-1]  # a smoothed neuron does not stay balanced
        expected = [each for each in expected if each.clock <= 2]
        if not expected or compared == SMOOTHED:
            continue
        compared += 1
        assert smoothed_distance(neuron, expected) < 1e-2, neuron
    assert compared or habit == "w = 0"


def smoothed_distance(neuron: LoneNeuron, expected) -> float:
    """The largest distance to the limit that two smoothed flows promise, narrower ones if it is large: their
    errors are in proportion to the width.
    """
    worst, before = np.inf, None
    for width in WIDTHS:
        flow = SmoothedFlow(neuron.alpha, neuron.x, neuron.z, width)
        found = np.array(flow.follow(start_of(neuron), float(neuron.v), [each.clock for each in expected]))
        if before is not None:
            limits = (4 * found - before) / 3
            worst = max(distance(p, each.point) for p, each in zip(limits, expected, strict=True))
            if worst < 1e-2:
                return worst
        before = found
    return worst


@pytest.mark.parametrize("habit", HABITS)
def test_perturbed_starts_of_decided_flows_stay_near(habit):
    for i, neuron in enumerate(neurons(habit, EACH)):
        polygon = neuron.polygon()
        expected = stations(polygon)
        if polygon.ending is End.ORIGIN and polygon.c == 0:
            expected = expected[:-1]  # v of a neuron that is not quite balanced vanishes next to 0
        if not expected or polygon.ending in (End.OPEN, End.BRANCHES):
            continue
        draw = np.random.default_rng(i)
        push = draw.normal(size=len(neuron.w) + 1)
        push *= 1e-9 / np.linalg.norm(push)
        w, v = start_of(neuron) + push[:-1], float(neuron.v) + push[-1]
        flow = LeastNormFlow(neuron.alpha, neuron.x, neuron.z, near=NEAR / 10)
        found = flow.follow(w, 1 if v > 0 else -1, v * v - w @ w, [each.clock for each in expected])
        for station, (point, _) in zip(expected, found, strict=True):
            assert distance(point, station.point) < 1e-5, neuron


def test_both_ways_of_a_branching_are_taken_from_next_to_it():
    seen: Counter[str] = Counter()
    for neuron in (each for habit in HABITS for each in neurons(habit, EACH)):
        polygon = neuron.polygon()
        if polygon.branching is None:
            continue
        seen[branch_kind(polygon, neuron.w)] += 1
        flow, here, ways = (
            LeastNormFlow(neuron.alpha, neuron.x, neuron.z),
            branch_point(polygon, neuron.w),
            [],
        )
        for velocity in polygon.branching.velocities:
            u = floats(velocity.vector)
            # c only matters where v vanishes, which is not near: v^2 grows from where it is 0.
            ((point, _),) = flow.follow(here + 1e-6 * u, polygon.branching.sign, 1.0, [1e-6])
            ways.append((point - here) / 2e-6)
            assert distance(ways[-1], u) < 1e-3, neuron
        assert np.linalg.norm(ways[0] - ways[1]) > 1e-3, neuron
    assert all(seen[kind] >= 3 for kind in ("flip", "w = 0", "kink")), seen
