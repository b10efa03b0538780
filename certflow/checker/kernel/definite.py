"""Positive semidefinite matrices: a float factorisation is only a hint, the residual is exact (R4)."""

from __future__ import annotations

import math
from operator import mul

from .numbers import BITS
from .verdicts import Clock

Matrix = list[list[int]]
"""Rows of fixed-point numbers; symmetric."""

_HINT_BITS = 60

_HALVINGS = 24

_MARGIN_BITS = 30


def factor(matrix: Matrix, slack: int, clock: Clock) -> list[list[float]] | None:
    """Rows of a lower triangular float R with R R^T near matrix - slack I; None if a pivot is not
    positive.
    """
    rows: list[list[float]] = []
    scale = 2.0**-BITS
    try:
        for i, source in enumerate(matrix):
            clock.tick()
            row: list[float] = []
            for j in range(i):
                rest = source[j] * scale - sum(map(mul, row, rows[j]))
                row.append(rest / rows[j][j])
            pivot = (source[i] - slack) * scale - sum(map(mul, row, row))
            # An entry of the row that is not finite makes the pivot negative or no number.
            if not pivot > 0.0:
                return None
            row.append(math.sqrt(pivot))
            rows.append(row)
    except OverflowError:
        # Beyond the range of floats: not even a hint.
        return None
    return rows


def is_psd(matrix: Matrix, clock: Clock, off: int = 0) -> bool:
    """True only if every symmetric matrix within `off` units of this one, entry by entry, is positive
    semidefinite (L3.6).

    M = slack I + R R^T + E with integer R; then E + slack I is diagonally dominant, hence semidefinite, if
    every row of |E| sums to at most slack.
    """
    n = len(matrix)
    size = max((abs(v) for row in matrix for v in row), default=0)
    if size == 0:
        return off == 0
    slack = (size >> 40) + 1
    hint = factor(matrix, slack, clock)
    if hint is None:
        return False
    # R in units of 2^-half, chosen so that its largest entry has about _HINT_BITS bits and R R^T is finer
    # than M.
    half = max(_HINT_BITS - math.frexp(max(max(map(abs, row)) for row in hint))[1], BITS // 2)
    R = [[int(math.ldexp(v, half)) for v in row] for row in hint]
    shift = 2 * half - BITS
    for i in range(n):
        clock.tick()
        total = (n * off) << shift
        for j in range(n):
            entry = (matrix[i][j] - (slack if i == j else 0)) << shift
            total += abs(entry - sum(map(mul, R[i], R[j])))
        if total > slack << shift:
            return False
    return True


def largest_eigenvalue(matrix: Matrix, high: int, clock: Clock) -> int:
    """An upper bound, at least 0, of the eigenvalues of a symmetric matrix of which `high` is a rough one:
    bisection by floats proposes a finer bound, which is taken only if it is proved (L5.11).
    """
    rough, low = high, 0
    for _ in range(_HALVINGS):
        middle = (low + high) >> 1
        low, high = (middle, high) if factor(below(matrix, middle), 0, clock) is None else (low, middle)
    high += high >> _MARGIN_BITS
    return high if high < rough and is_psd(below(matrix, high), clock) else rough


def below(matrix: Matrix, value: int) -> Matrix:
    """value I - matrix."""
    return [[(value if i == j else 0) - v for j, v in enumerate(row)] for i, row in enumerate(matrix)]


def solve_length(matrix: Matrix, vector: list[int], clock: Clock) -> float | None:
    """About vector^T matrix^-1 vector (fixed-point input, float result, a hint only); None if matrix is not
    definite.
    """
    rows = factor(matrix, 0, clock)
    if rows is None:
        return None
    x: list[float] = []
    for row, value in zip(rows, vector, strict=True):
        x.append((value * 2.0**-BITS - sum(map(mul, row, x))) / row[-1])
    return math.fsum(v * v for v in x)
