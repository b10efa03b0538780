"""Skew matrices along which an N that is a polynomial stays the same: the rational null space of linear
equations between its monomials. What is found is proved by `flow/enclose/symmetries.py`.
"""

from __future__ import annotations

import functools
import itertools
from fractions import Fraction

import numpy as np

from certflow.flow.enclose.symmetries import monomials, turned
from certflow.problem import Problem
from certflow.running import tick

_MOST_WEIGHTS, _MOST_MONOMIALS = 24, 5_000

Equation = dict[int, Fraction]


@functools.lru_cache(maxsize=8)
def skew_symmetries(problem: Problem) -> tuple[np.ndarray, ...]:
    """A basis of the skew matrices xi with <grad N(w), xi w> = 0 for all w, of an expression without kinks;
    none are looked for if it has many weights or monomials (L12.19).
    """
    size = problem.network.size
    N = monomials(problem) if size <= _MOST_WEIGHTS else None
    if N is None or len(N) > _MOST_MONOMIALS:
        return ()
    pairs = list(itertools.combinations(range(size), 2))
    equations: dict[tuple[int, ...], Equation] = {}
    for unknown, (a, b) in enumerate(pairs):
        tick()
        for sign, derivative in ((1, turned(N, a, b)), (-1, turned(N, b, a))):
            for key, number in derivative.items():
                row = equations.setdefault(key, {})
                row[unknown] = row.get(unknown, Fraction(0)) + sign * number
    found = []
    for vector in _null_space(list(equations.values()), len(pairs)):
        xi = np.full((size, size), Fraction(0), dtype=object)
        for unknown, value in vector.items():
            a, b = pairs[unknown]
            xi[a, b], xi[b, a] = value, -value
        found.append(xi)
    return tuple(found)


def _null_space(rows: list[Equation], size: int) -> list[Equation]:
    """A basis of what all rows are orthogonal to."""
    pivots: dict[int, Equation] = {}
    for given in rows:
        tick()
        row = {k: v for k, v in given.items() if v}
        for column, other in pivots.items():
            if column in row:
                row = _less(row, other, row[column])
        if not row:
            continue
        column = min(row)
        row = {k: v / row[column] for k, v in row.items()}
        for each, other in pivots.items():
            if column in other:
                pivots[each] = _less(other, row, other[column])
        pivots[column] = row
    return [
        {free: Fraction(1)} | {column: -row[free] for column, row in pivots.items() if free in row}
        for free in range(size)
        if free not in pivots
    ]


def _less(row: Equation, other: Equation, factor: Fraction) -> Equation:
    """row - factor other."""
    result = dict(row)
    for k, v in other.items():
        result[k] = result.get(k, Fraction(0)) - factor * v
    return {k: v for k, v in result.items() if v}
