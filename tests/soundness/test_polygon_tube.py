"""Neurons of power 1 under adversarial forcing against the tubes of the checker: where, when, how large."""

from __future__ import annotations

import random
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from forced_flow import ForcedNeuron, Torn

from certflow.checker.kernel.numbers import ONE, down, up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import replay
from certflow.checker.polygon.tube import Table, Walk
from certflow.flow.polygon.polygon import End, polygon
from certflow.flow.polygon.reduced import canonical

ROOM = 1 + 1e-7
"""For the doubles of the forced flow: the bounds are sharp."""


def _neuron(rng: random.Random, most: int = 7):
    """Random data and a start, exact; most kinks hold the flow."""
    d, n = rng.choice((1, 2, 2, 3, 3, 4)), rng.randint(2, most)

    def value() -> Fraction:
        return Fraction(rng.randint(-40, 40), rng.choice((8, 16)))

    x = [tuple(value() for _ in range(d)) for _ in range(n)]
    z = [Fraction(rng.randint(-20, 20), 8) * (1 if rng.random() < 0.3 else -1) for _ in range(n)]
    w, v = tuple(value() / 4 for _ in range(d)), Fraction(rng.choice((0, rng.randint(-40, 40))), 16)
    return rng.choice((Fraction(0), Fraction(1, 10), Fraction(-1, 2))), x, z, w, v


def walk_of(alpha, x, z, w, v, kappa: Fraction, T: Fraction, rows: int, ball: Fraction = Fraction(0)):
    """The polygon and the tube of the checker while all masses are at most 1; None without edges."""
    found = polygon(G := canonical(alpha, x, z), w, v)
    if not found.edges or found.c == 0:
        return None
    names = [
        {"slides": sorted(G.lines[k].first for k in e.slides), "on": sorted(G.lines[k].first for k in e.on)}
        for e in found.edges
    ]
    checked = Neuron(SimpleNamespace(features=x, alpha=alpha, z=z), Clock(None))
    c, size = found.c, sum(a * a for a in w) + v * v
    pieces = replay(
        checked,
        vector(w),
        found.edges[0].sign,
        c,
        [Node(table, f"pieces[{i}]") for i, table in enumerate(names)],
    )
    sizes, ends = [ONE] * rows, [down(T * q / rows) for q in range(rows + 1)]
    wide = 2 * ball * (size + 1) + ball * ball
    table = Table(kappa, sizes, [up(kappa)] * rows, ends)
    walk = Walk(checked, table, pieces, (down(c - wide), up(c + wide)), up(ball), v == 0)
    walk.run(rests=found.ending is End.STOPS)
    return G, found, walk


def _legs(walk):
    """The spans of every piece: a new one begins at a smaller clock, or at 0."""
    legs = [[]]
    for span in walk.spans:
        if legs[-1] and (span.begin < legs[-1][-1].begin or (span.begin == 0 != legs[-1][-1].begin)):
            legs.append([])
        legs[-1].append(span)
    return legs


def _place(found, way: float, flipped: bool):
    """The edge and the clock of its own at a signed clock of the whole polygon, and p there."""
    at, origin, back = 0.0, 0.0, False
    for i, edge in enumerate(found.edges):
        if edge.returns:
            at, back = origin, True
        origin = at
        own = at - way if back else way - at
        over = edge.length is not None and own > float(edge.length)
        if back == flipped and not over:
            p = np.array([float(a) for a in edge.start.exact()])
            return i, own, p + own * np.array([float(a) for a in edge.velocity.exact()])
        if not edge.flips:
            at += -float(edge.length or 0) if back else float(edge.length or 0)
    return None


def _forcing(rng: np.random.Generator, G, size: float):
    q = rng.normal(size=G.inputs)
    if G.kinks and rng.random() < 0.4:
        q = rng.choice((-1, 1)) * np.array(G.lines[rng.choice(G.kinks)].x, dtype=float)
    return q * size / np.sqrt(q @ q)


def _forced(G, w, v, start, sign):
    sides = [int(np.sign(float(sum(a * b for a, b in zip(G.lines[k].x, w, strict=True))))) for k in G.kinks]
    return ForcedNeuron(
        [float(a) for a in G.b],
        np.array([[float(a) for a in G.lines[k].x] for k in G.kinks]).reshape(-1, G.inputs),
        [float(G.lines[k].jump) for k in G.kinks],
        start,
        float(v),
        sides,
        sign,
    )


@pytest.mark.parametrize("seed", range(5))
def test_forced_neurons_stay_in_their_tubes_and_masses(seed):
    rng, draw = random.Random(seed), np.random.default_rng(seed)
    seen = tried = 0
    while tried < 6:
        alpha, x, z, w, v = _neuron(rng)
        eta = 10 ** draw.uniform(-5, -2)
        r = Fraction(0) if rng.random() < 0.5 else Fraction(1, 10 ** rng.randint(3, 6))
        ways = walk_of(alpha, x, z, w, v, Fraction(eta), Fraction(2), 40, r)
        if ways is None or not ways[2].spans:
            continue
        G, found, walk = ways
        if any(sum(a * b for a, b in zip(G.lines[k].x, w, strict=True)) == 0 for k in G.kinks) or (
            r and abs(v) <= r
        ):
            continue
        tried += 1
        legs = _legs(walk)
        early, late, mass = (
            np.array([float(min(getattr(s, name), ONE << 500) / ONE) for s in walk.spans])
            for name in ("early", "late", "mass")
        )
        end = 2.0 if walk.covers else walk.early / ONE
        stops = found.ending is End.STOPS
        way = sum(float(edge.length or 0) for edge in found.edges) if stops else np.inf
        for _ in range(3):
            off = draw.normal(size=len(w) + 1)
            off *= float(r) / np.sqrt(off @ off) * 0.999
            flow = _forced(
                G, w, float(v) + off[-1], np.array([float(a) for a in w]) + off[:-1], found.edges[0].sign
            )
            flow.force(_forcing(draw, G, eta))
            for _ in range(200):
                if flow.time >= end or flow.u @ flow.u < 1e-20:
                    break
                length, why = flow.ahead()
                if (step := draw.exponential(0.3)) < length:
                    length, why = step, None
                flow.move(length)
                # At rest only what comes from active samples forces it (L11.23): not any q.
                if flow.time >= end or flow.clock > way:
                    break
                at_once = (early <= flow.time * ROOM) & (late * ROOM >= flow.time)
                assert flow.mass <= mass[at_once].max(initial=0.0) * ROOM
                place = _place(found, flow.way, flow.flipped)
                if place is not None and place[0] < len(legs):
                    spans = [s for s in legs[place[0]] if s.begin / ONE <= place[1] + 1e-12]
                    if spans and (
                        place[0] + 1 < len(legs) or not walk.covers or spans[-1] is not legs[-1][-1]
                    ):
                        seen += 1
                        e = flow.w - place[2]
                        assert np.sqrt(e @ e) <= spans[-1].D / ONE * ROOM + 1e-12
                try:
                    if why is not None:
                        flow.turn(why)
                    if draw.random() < 0.6:
                        flow.force(_forcing(draw, G, eta))
                except Torn:
                    pytest.fail("a kink was to be crossed at once")
    assert seen > 50
