"""Exact rotations: (I - S)(I + S)^-1 for a skew-symmetric rational S is orthogonal (Cayley)."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np

from certflow.exact import number


def rotation(d: int, seed: int, size: int = 3) -> np.ndarray:
    """A rational orthogonal matrix (d × d, `Fraction`)."""
    rng = random.Random(seed)
    S = np.array([[Fraction(0)] * d for _ in range(d)], dtype=object)
    for i in range(d):
        for k in range(i):
            S[i, k] = Fraction(rng.randint(-size, size), rng.randint(1, size))
            S[k, i] = -S[i, k]
    unit = np.array([[Fraction(int(i == k)) for k in range(d)] for i in range(d)], dtype=object)
    return (unit - S) @ _inverse(unit + S)


def _inverse(A: np.ndarray) -> np.ndarray:
    d = len(A)
    rows = [[number(v) for v in row] + [Fraction(int(i == k)) for k in range(d)] for i, row in enumerate(A)]
    for k in range(d):
        pivot = next(i for i in range(k, d) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(d):
            if i != k:
                rows[i] = [v - rows[i][k] * w for v, w in zip(rows[i], rows[k], strict=True)]
    return np.array([row[d:] for row in rows], dtype=object)
