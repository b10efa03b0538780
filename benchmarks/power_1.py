"""The limit flows of random neurons of power 1 as exact polygons: how they end, the time for one, and the
time for many.

Normal inputs, labels and starts with three decimals, ReLU; d inputs in 2, 3, 5, 10, n samples in 5, 20, 50,
half of the neurons exactly balanced (their w is not normal, but the data prefer no direction). Run: python
benchmarks/power_1.py [--neurons N] (default 1000, spread evenly over the 24 kinds); the figures go to
power_1.json beside it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

from certflow.algebra.directions import dot
from certflow.flow.polygon.polygon import Polygon, polygon
from certflow.flow.polygon.reduced import Reduced, canonical

INPUTS = (2, 3, 5, 10)
SAMPLES = (5, 20, 50)
MANY = (50, 500, 5000)
"""Numbers of neurons on one data set, d = 10 and n = 50; those up to five times `--neurons` are measured."""


def normal(draw: random.Random, size: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(round(1000 * draw.gauss(0, 1)), 1000) for _ in range(size))


def data(draw: random.Random, d: int, n: int) -> Reduced:
    """One neuron's problem on random data."""
    return canonical(Fraction(0), [normal(draw, d) for _ in range(n)], list(normal(draw, n)))


def start(draw: random.Random, d: int, balanced: bool) -> tuple[tuple[Fraction, ...], Fraction]:
    """A random (w, v); balanced ones have |w| = |v| exactly, from a rational point of the sphere."""
    w, v = normal(draw, d), normal(draw, 1)[0]
    if balanced:
        square = dot(w[1:], w[1:])
        turned = [(1 - square) / (1 + square), *(2 * value / (1 + square) for value in w[1:])]
        w = tuple(v * value for value in turned)
    return w, v


def kind_of_ending(found: Polygon) -> str:
    return f"{found.ending}: {found.reason}" if found.reason else str(found.ending)


def endings(draw: random.Random, d: int, n: int, balanced: bool, count: int) -> dict[str, Any]:
    """How `count` neurons end, each on data of its own, and how long that takes."""
    ends: Counter[str] = Counter()
    seconds, edges = [], []
    for _ in range(count):
        G, (w, v) = data(draw, d, n), start(draw, d, balanced)
        begun = time.process_time()
        found = polygon(G, w, v)
        seconds.append(time.process_time() - begun)
        edges.append(len(found.edges))
        ends[kind_of_ending(found)] += 1
    return {
        "inputs": d,
        "samples": n,
        "balanced": balanced,
        "neurons": count,
        "endings": dict(ends.most_common()),
        "edges": {"median": median(edges), "largest": max(edges)},
        "seconds": {"median": round(median(seconds), 4), "largest": round(max(seconds), 4)},
    }


def cost(draw: random.Random, neurons: int) -> dict[str, Any]:
    """The time of all polygons of one network, d = 10 and n = 50."""
    G = data(draw, 10, 50)
    starts = [start(draw, 10, False) for _ in range(neurons)]
    begun = time.process_time()
    for w, v in starts:
        polygon(G, w, v)
    seconds = time.process_time() - begun
    return {"neurons": neurons, "seconds": round(seconds, 2), "per_neuron": round(seconds / neurons, 4)}


def main(neurons: int) -> dict[str, Any]:
    kinds = [(d, n, balanced) for d in INPUTS for n in SAMPLES for balanced in (False, True)]
    counts = [neurons // len(kinds) + (i < neurons % len(kinds)) for i in range(len(kinds))]
    draw = random.Random(1)
    rows = [endings(draw, *kind, count) for kind, count in zip(kinds, counts, strict=True) if count]
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row["endings"])
    shares = {ending: round(100 * count / neurons, 2) for ending, count in total.most_common()}
    many = [cost(draw, number) for number in MANY if number <= 5 * neurons]
    return {"neurons": neurons, "percent": shares, "cost": many, "kinds": rows}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--neurons", type=int, default=1000)
    report = main(parser.parse_args().neurons)
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report["percent"], indent=1))
    print(json.dumps(report["cost"], indent=1))
