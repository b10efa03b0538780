"""The checker replays the exact polygons of random neurons of power 1 from the kinks on which they slide: the
same edges, and no other list of kinks is accepted.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import pytest
from lone_neurons import HABITS, LoneNeuron, random_neuron
from polygon_paths import branch_kind

from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import admissible, contacts, replay
from certflow.exact import format_rational
from certflow.flow.polygon.polygon import Edge, End, Polygon

EACH = 500 if os.environ.get("CERTFLOW_PROFILE") == "nightly" else 40


def checked(neuron: LoneNeuron) -> Neuron:
    """The checker's own canonical form."""
    return Neuron(SimpleNamespace(features=neuron.x, alpha=neuron.alpha, z=neuron.z), Clock(None))


def pieces(neuron: LoneNeuron, polygon: Polygon) -> list[dict[str, list[int]]]:
    """What a certificate says of the edges."""
    lines = neuron.reduced.lines
    return [
        {"slides": sorted(lines[k].first for k in e.slides), "on": sorted(lines[k].first for k in e.on)}
        for e in polygon.edges
    ]


def replayed(neuron: LoneNeuron, polygon: Polygon, given) -> list:
    nodes = [Node(table, f"pieces[{i}]") for i, table in enumerate(given)]
    return replay(checked(neuron), vector(neuron.w), polygon.edges[0].sign, polygon.c, nodes)


def flows(habit: str):
    """Neurons whose polygons have edges and that do not start on a convex kink and others, which the checker
    refuses.
    """
    for seed in range(EACH):
        rng = random.Random(f"replay {habit} {seed}")
        d, n = rng.choice((1, 2, 3, 5, 10)), rng.choice((3, 5, 10, 20, 50))
        neuron = random_neuron(rng, d, n, habit, balanced=seed % 2 == 0)
        polygon, own = neuron.polygon(), checked(neuron)
        if not polygon.edges:
            continue
        start = contacts(own, vector(neuron.w))
        if len(start) == 1 or all(polygon.edges[0].sign * own.lines[k].jump < 0 for k in start):
            yield rng, neuron, polygon


@pytest.mark.parametrize("habit", HABITS)
def test_the_checker_finds_the_same_edges(habit):
    for _, neuron, polygon in flows(habit):
        found = replayed(neuron, polygon, pieces(neuron, polygon))
        assert len(found) == len(polygon.edges)
        for own, edge in zip(found, polygon.edges, strict=True):
            assert (tuple(own.start.entries), own.start.unit) == (edge.start.entries, edge.start.unit)
            assert (tuple(own.velocity.entries), own.velocity.unit) == (
                edge.velocity.entries,
                edge.velocity.unit,
            )
            assert (own.sign, own.length, own.returns) == (edge.sign, edge.length, edge.returns)
            assert (own.end == "flip") == edge.flips
            assert {k: side for k, side in enumerate(edge.sides) if side} == own.sides
        assert (found[-1].end == "ray") == (polygon.ending is End.RAY)
        if polygon.ending is End.ORIGIN:
            assert found[-1].end == "origin"


def test_no_other_kinks_are_accepted():
    """One contact of one piece is said to slide, to be active, or neither, and does not."""
    refused: Counter[str] = Counter()
    for habit in HABITS:
        for rng, neuron, polygon in flows(habit):
            given = pieces(neuron, polygon)
            met = [[neuron.reduced.lines[k].first for k in edge.met] for edge in polygon.edges]
            i = rng.randrange(len(given))
            table = {key: list(value) for key, value in given[i].items()}
            around = sorted({*table["slides"], *table["on"], *(met[i - 1] if i else [])})
            if not around or polygon.edges[i].returns:
                continue
            name, attack = rng.choice(around), rng.choice(("slides", "on", "neither"))
            for key, value in table.items():
                table[key] = sorted({*value} - {name} | ({name} if key == attack else set()))
            if table == given[i]:
                continue
            with pytest.raises((Refused, Malformed)):
                replayed(neuron, polygon, [*given[:i], table, *given[i + 1 :]])
            refused[attack] += 1
    assert all(refused[attack] >= 10 for attack in ("slides", "on", "neither")), refused


def test_both_velocities_of_a_branching_are_accepted_and_no_others():
    seen: Counter[str] = Counter()
    for habit in HABITS:
        for seed in range(2 * EACH):
            rng = random.Random(f"branch {habit} {seed}")
            neuron = random_neuron(rng, rng.choice((1, 2, 3, 5)), rng.choice((3, 5, 10)), habit)
            polygon, own = neuron.polygon(), checked(neuron)
            if polygon.branching is None:
                continue
            seen[branch_kind(polygon, neuron.w)] += 1
            sign, (touched, on) = polygon.branching.sign, sides_at_the_end(neuron, polygon, own)
            for way in polygon.branching.velocities:
                chi = zip(way.slides, way.chi, strict=True)
                table = {
                    "slides": [[own.lines[k].first, format_rational(value)] for k, value in chi],
                    "on": sorted(own.lines[k].first for k in way.on if k in touched),
                }
                found = admissible(own, Node(table, "branch"), sign, on, touched)
                assert (tuple(found.entries), found.unit) == (way.vector.entries, way.vector.unit)
                for name, _ in table["slides"]:
                    other = Node({**table, "slides": [[name, "1/1000003"]]}, "branch")
                    with pytest.raises((Refused, Malformed)):
                        admissible(own, other, sign, on, touched)
    assert all(seen[kind] for kind in ("flip", "w = 0", "kink")), seen


def sides_at_the_end(neuron: LoneNeuron, polygon: Polygon, own: Neuron) -> tuple[list[int], list[int]]:
    """The kinks that meet where a polygon branches, and those that are active there."""
    last = polygon.edges[-1] if polygon.edges else None
    if last is not None and last.flips:
        return list(last.slides), [k for k in own.kinks if last.sides[k] > 0]
    point = vector(neuron.w if last is None else end(last))
    return contacts(own, point), [k for k in own.kinks if point.along(own.lines[k].x) > 0]


def end(edge: Edge) -> list[Fraction]:
    """The last point of an edge."""
    assert edge.length is not None
    return [a + edge.length * b for a, b in zip(edge.start.exact(), edge.velocity.exact(), strict=True)]


@pytest.mark.parametrize("slide", [True, False])
def test_no_piece_follows_a_flip_on_a_kink(slide):
    seen = 0
    for habit in HABITS:
        for _, neuron, polygon in flows(habit):
            if not (polygon.edges[-1].flips and polygon.edges[-1].slides):
                continue
            seen += 1
            given = pieces(neuron, polygon)
            after = {"slides": given[-1]["slides"] if slide else [], "on": []}
            with pytest.raises(Refused):
                replayed(neuron, polygon, [*given, after])
    assert seen
