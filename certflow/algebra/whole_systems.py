"""Linear systems of whole numbers, solved without rounding: elimination that divides exactly (Bareiss)."""

from __future__ import annotations

from collections.abc import Sequence

from certflow.algebra.directions import coprime


def solved(matrix: Sequence[Sequence[int]], right: Sequence[int]) -> tuple[list[int], int]:
    """Whole numbers y and D > 0 with `matrix` y = D `right`, for a positive definite matrix; D = 0 if it is
    only semidefinite (then y means nothing).

    D is the determinant of the matrix, and the entries of y are determinants too, so that all of them stay
    as short as exact answers can be.
    """
    k = len(matrix)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    previous = 1
    for i in range(k):
        pivot = rows[i][i]
        if pivot == 0:
            return [0] * k, 0
        for j in range(k):
            if j == i:
                continue
            factor = rows[j][i]
            rows[j] = [(pivot * a - factor * b) // previous for a, b in zip(rows[j], rows[i], strict=True)]
        previous = pivot
    return [row[k] for row in rows], previous


def orthogonal(rows: Sequence[Sequence[int]], d: int) -> tuple[int, ...] | None:
    """The primitive direction in `d` dimensions that is orthogonal to d - 1 independent rows of whole
    numbers, with either sign; None if they are dependent.
    """
    left, pivots = [list(row) for row in rows], list[int]()
    previous = 1
    for column in range(d):
        i = len(pivots)
        found = next((r for r in range(i, len(left)) if left[r][column]), None)
        if found is None:
            if column - i >= 1:
                return None
            continue
        left[i], left[found] = left[found], left[i]
        pivot = left[i][column]
        for r in range(len(left)):
            if r != i:
                factor = left[r][column]
                left[r] = [
                    (pivot * a - factor * b) // previous for a, b in zip(left[r], left[i], strict=True)
                ]
        previous = pivot
        pivots.append(column)
    if len(pivots) != d - 1:
        return None
    free = next(c for c in range(d) if c not in pivots)
    vector = [0] * d
    vector[free] = -previous
    for i, column in enumerate(pivots):
        vector[column] = left[i][free]
    return coprime(vector)
