"""Complete KKT sets against a dense grid with Newton's method, the usual way to look for them: time, and
points missed.

100 random neurons in the plane and 20 in space (squared ReLU), half of each with small whole numbers, so that
kinks, ties and dead sets occur. Both methods see the same problem in the same run. A listed isolated point is
*missed* if the grid ends nowhere within 1e-6 of it; sets of KKT points, which a grid cannot list, are counted
by themselves. Run: python benchmarks/kkt_points.py [planar] [spatial] (default 100 20); the figures go to
kkt_points.json beside it.
"""

from __future__ import annotations

import json
import random
import sys
import time
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from certflow.kkt.enumerate import neuron_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.networks.activation import Activation

SAMPLES = (4, 10, 30)
GRID = {2: 10_000, 3: 40_000}
STEPS = 40
NEAR = 1e-6


def random_data(draw: random.Random, d: int, special: bool) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Samples and weights: normal with three decimals, or small whole numbers."""
    n = draw.choice(SAMPLES)
    if special:
        return [[Fraction(draw.randint(-3, 3)) for _ in range(d)] for _ in range(n)], [
            Fraction(draw.randint(-2, 2)) for _ in range(n)
        ]
    thousandth = [Fraction(round(1000 * draw.gauss(0, 1)), 1000) for _ in range(n * (d + 1))]
    return [thousandth[d * i : d * (i + 1)] for i in range(n)], thousandth[n * d :]


def grid_points(X: Any, z: Any, d: int) -> list[Any]:
    """The KKT points that Newton's method reaches from the local minima of |P∇n| on a grid, without
    repetitions.
    """
    U = grid(d)
    slope = np.linalg.norm(tangential(X, z, U), axis=1)
    around = (slope <= np.roll(slope, 1)) & (slope <= np.roll(slope, -1))
    # In space the neighbours on the grid are not known: start where |P∇n| is least.
    candidates = around if d == 2 else slope <= np.quantile(slope, 0.1)
    u = U[candidates]
    for _ in range(STEPS):
        u = newton(X, z, u)
    good = u[np.linalg.norm(tangential(X, z, u), axis=1) < 1e-10 * (1 + np.abs(z).sum())]
    found: list[Any] = []
    for v in good:
        if not found or np.linalg.norm(np.array(found) - v, axis=1).min() > NEAR:
            found.append(v)
    return found


def grid(d: int) -> Any:
    """Evenly spread unit vectors: equal angles, or a Fibonacci spiral."""
    k = np.arange(GRID[d])
    if d == 2:
        angle = 2 * np.pi * (k + 0.5) / GRID[d]
        return np.column_stack([np.cos(angle), np.sin(angle)])
    height = 1 - (2 * k + 1) / GRID[d]
    around = np.pi * (1 + 5**0.5) * k
    return np.column_stack(
        [np.sqrt(1 - height**2) * np.cos(around), np.sqrt(1 - height**2) * np.sin(around), height]
    )


def tangential(X: Any, z: Any, U: Any) -> Any:
    """P∇n at unit vectors."""
    g = 2 * (np.maximum(U @ X.T, 0) * z) @ X
    return g - U * (g * U).sum(axis=1, keepdims=True)


def newton(X: Any, z: Any, U: Any) -> Any:
    """One step of Newton's method on the sphere, from each row."""
    active = (U @ X.T > 0) * z
    H = 2 * np.einsum("bi,ij,ik->bjk", active, X, X)
    mu = np.einsum("bj,bjk,bk->b", U, H, U)
    A = H - mu[:, None, None] * np.eye(U.shape[1]) + 1e-14 * np.eye(U.shape[1])
    # The bordered system keeps the step tangential.
    size = U.shape[1] + 1
    M = np.zeros((len(U), size, size))
    M[:, :-1, :-1], M[:, :-1, -1], M[:, -1, :-1] = A, U, U
    M[:, range(size), range(size)] += 1e-13
    right = np.concatenate([-tangential(X, z, U), np.zeros((len(U), 1))], axis=1)
    step = np.linalg.solve(M, right[:, :, None])[:, :-1, 0]
    step *= np.minimum(1, 0.2 / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-300))
    moved = U + step
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def one(seed: int, d: int) -> dict[str, Any]:
    """Both methods on one problem."""
    X, z = random_data(random.Random(f"{d} {seed}"), d, special=seed % 2 == 1)
    start = time.perf_counter()
    kkt = neuron_kkt(Neuron.of(X, z, Activation(Fraction(0), 2)), digits=30)
    exact_s = time.perf_counter() - start
    X_float, z_float = np.array(X, dtype=float), np.array(z, dtype=float)
    start = time.perf_counter()
    found = grid_points(X_float, z_float, d)
    grid_s = time.perf_counter() - start
    isolated = [np.array([float(c.mid()) for c in p.point]) for p in kkt.points if p.continuum is None]
    missed = sum(bool(not found or min(np.linalg.norm(v - u) for v in found) > NEAR) for u in isolated)
    return {
        "complete": kkt.complete,
        "points": len(isolated),
        "sets": len(kkt.points) - len(isolated),
        "exact_s": exact_s,
        "grid_s": grid_s,
        "missed": missed,
    }


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the times, sums of the rest."""
    return {
        "problems": len(results),
        "complete": sum(r["complete"] for r in results),
        "points": sum(r["points"] for r in results),
        "sets": sum(r["sets"] for r in results),
        "certflow_median_s": round(median(r["exact_s"] for r in results), 4),
        "grid_median_s": round(median(r["grid_s"] for r in results), 4),
        "grid_missed_points": sum(r["missed"] for r in results),
        "problems_with_missed_points": sum(r["missed"] > 0 for r in results),
    }


def main(planar: int, spatial: int) -> None:
    """Print and store the figures."""
    figures = {}
    for name, d, count in (("planar", 2, planar), ("spatial", 3, spatial)):
        results = [one(seed, d) for seed in range(count)]
        for kind, part in (("general", results[::2]), ("special", results[1::2])):
            if part:
                figures[f"{name}, {kind} position"] = {
                    "samples": list(SAMPLES),
                    "grid": GRID[d],
                    **summary(part),
                }
                print(f"{name}, {kind}: {figures[f'{name}, {kind} position']}")
    Path(__file__).with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sizes = [int(text) for text in sys.argv[1:]]
    main(*(sizes if len(sizes) == 2 else (100, 20)))
