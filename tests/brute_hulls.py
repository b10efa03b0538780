"""Convex combinations, cones and counts of cells by exact brute force, for small examples."""

from __future__ import annotations

import itertools
from fractions import Fraction


def dot(x, y):
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def solve(columns, target):
    """The coefficients with which independent columns sum to the target; None if there are none, or they are
    dependent.
    """
    rows = [[Fraction(column[r]) for column in columns] + [Fraction(target[r])] for r in range(len(target))]
    done = 0
    for c in range(len(columns)):
        pivot = next((r for r in range(done, len(rows)) if rows[r][c]), None)
        if pivot is None:
            return None
        rows[done], rows[pivot] = rows[pivot], rows[done]
        rows[done] = [v / rows[done][c] for v in rows[done]]
        for r in range(len(rows)):
            if r != done and rows[r][c]:
                rows[r] = [v - rows[r][c] * w for v, w in zip(rows[r], rows[done], strict=True)]
        done += 1
    return None if any(row[-1] for row in rows[done:]) else [row[-1] for row in rows[:done]]


def rank(vectors):
    """The dimension of the span."""
    basis = []
    for vector in vectors:
        if any(vector) and (not basis or solve(basis, vector) is None):
            basis.append(vector)
    return len(basis)


def in_cone(target, generators):
    """Whether the target is a combination with coefficients >= 0 (by Carathéodory, of independent
    generators).
    """
    if not any(target):
        return True
    for size in range(1, min(len(target), len(generators)) + 1):
        for columns in itertools.combinations(generators, size):
            coefficients = solve(columns, target)
            if coefficients is not None and min(coefficients) >= 0:
                return True
    return False


def zero_in_hull_by_force(points):
    """Whether 0 is in the convex hull of the points."""
    return in_cone([0] * len(points[0]) + [1], [[*point, 1] for point in sorted({tuple(p) for p in points})])


def regions(normals):
    """The number of cells of a central arrangement: Zaslavsky's sum of (-1)^(|S| - rank S) over all subsets
    S.
    """
    subsets = (s for size in range(len(normals) + 1) for s in itertools.combinations(normals, size))
    return sum((-1) ** (len(s) - rank(s)) for s in subsets)


def signs_at(normals, u):
    return tuple((t > 0) - (t < 0) for t in (dot(h, u) for h in normals))


def project(vector, normals):
    """The projection to the intersection of the hyperplanes, by Gram and Schmidt."""
    orthogonal = []
    for h in normals:
        rest = [Fraction(c) for c in h]
        for b in orthogonal:
            rest = [c - dot(rest, b) / dot(b, b) * e for c, e in zip(rest, b, strict=True)]
        if any(rest):
            orthogonal.append(rest)
    result = [Fraction(c) for c in vector]
    for b in orthogonal:
        result = [c - dot(result, b) / dot(b, b) * e for c, e in zip(result, b, strict=True)]
    return result
