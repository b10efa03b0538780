"""Cells and faces of a central arrangement of hyperplanes, exact and complete (L6).

The hyperplanes are `h^⊥` for integer normals h, no two on one line. All is decided in integers.

*Cells.* Let A be an arrangement, H = h^⊥ a further hyperplane, and A|H the arrangement in H of the
hyperplanes `H ∩ g^⊥`, g in A. An open cell C of A is convex, so either it misses H and lies on one side of
it, or `C ∩ H` is convex, open in H and a cell of A|H, and C falls into two cells. Two cells of A|H are never
in one C, because the signs of A differ on them or are those of C; and each cell of A|H is in some C. So the
cells of `A + H` are those of A, with exactly those cut in two that hold the interior point p of a cell of
A|H; `s p + h` and `s p - h` are interior points of the parts if s is so large that no sign of A changes on
the way from s p. The cells of A|H come from the same construction one dimension lower, and those in the plane
from the order of the lines by angle, so by induction no cell is missing and none is listed twice.

*Faces.* Every face is a cell of A|V for exactly one flat V, the intersection of the hyperplanes on which it
lies. Every flat but the whole space is the intersection of one of the next larger dimension with a
hyperplane, so the flats are found dimension by dimension; one is known by the set of all hyperplanes that
contain it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from certflow.algebra.directions import Normal, counterclockwise
from certflow.outcome import Inconclusive
from certflow.running import tick


@dataclass(frozen=True, eq=False)
class Flat:
    """An intersection V of hyperplanes with all faces of which it is the span, one per row of `signs` and
    `interiors`.

    `basis` (d × dim V) has a basis of V in its columns, `signs` (faces × normals) is int8 and 0 exactly for
    the normals orthogonal to V, `interiors` (faces × d) has an integer point of each face.
    """

    basis: np.ndarray
    signs: np.ndarray
    interiors: np.ndarray

    @property
    def dimension(self) -> int:
        """dim V."""
        return int(self.basis.shape[1])


def cells(normals: Sequence[Normal], d: int, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """All open cells of the arrangement of `normals` (distinct, as of `primitive`) in R^d, d >= 1, each once
    (L6.5).

    The signs (1 or -1, int8) of every normal on them (cells × normals) and an integer point of each (cells ×
    d). Raises `Inconclusive` as soon as there are more than `most` cells.
    """
    return _cells(_rows(normals, d), most)


def flats(normals: Sequence[Normal], d: int, most: int | None = None) -> Iterator[Flat]:
    """All flats but the origin with their faces, the whole space first, then by falling dimension (L6.6).

    Raises `Inconclusive` if there are more than `most` cells.
    """
    A = _rows(normals, d)
    level = {frozenset[int](): np.array([[int(i == j) for j in range(d)] for i in range(d)], dtype=object)}
    while level:  # ends: the dimension of the flats falls
        below: dict[frozenset[int], np.ndarray] = {}
        for inside, basis in level.items():
            tick()
            restricted, index, orientation = _merged(A @ basis)
            signs, points = _cells(restricted, most)
            yield Flat(basis, _spread(signs, index, orientation), _reduced(points @ basis.T))
            if basis.shape[1] > 1:
                for k, normal in enumerate(restricted):
                    tick()
                    zeros = inside | frozenset(np.flatnonzero(index == k).tolist())
                    if zeros not in below:
                        below[zeros] = _reduced((basis @ _orthogonal(normal)).T).T
        level = below


def _rows(normals: Sequence[Normal], d: int) -> np.ndarray:
    return np.array(normals, dtype=object).reshape(len(normals), d)


def _cells(A: np.ndarray, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Signs (cells × normals, int8) and interior points (cells × d) of the arrangement with the rows of A as
    normals.
    """
    n, d = A.shape
    if n == 0:
        signs, points = np.zeros((1, 0), dtype=np.int8), np.array([[1] * d], dtype=object)
    elif d == 1:
        signs, points = np.array([[1], [-1]], dtype=np.int8), np.array([[1], [-1]], dtype=object)
    elif d == 2:
        signs, points = _in_the_plane(A)
    else:
        signs, points = _cells(A[:0], most)
        for i in range(n):
            tick()
            signs, points = _cut(A[:i], A[i], signs, points, most)
            _refuse_more_than(most, len(signs))
    _refuse_more_than(most, len(signs))
    return signs, points


def _refuse_more_than(most: int | None, count: int) -> None:
    if most is not None and count > most:
        raise Inconclusive(
            f"the hyperplanes of the data cut the space into more than {most:,} cells, too many to enumerate."
        )


def _cut(
    A: np.ndarray, h: np.ndarray, signs: np.ndarray, points: np.ndarray, most: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The cells of A cut by the hyperplane of h."""
    basis = _orthogonal(h)
    restricted, index, orientation = _merged(A @ basis)
    below, inner = _cells(restricted, most)
    tick()
    inner = _reduced(inner @ basis.T)
    row = {known.tobytes(): k for k, known in enumerate(signs)}
    tick()
    parents = [row[known.tobytes()] for known in _spread(below, index, orientation)]
    if len(A):
        # |g·h| < s |g·p| for every g in A, so g·(s p ± h) has the sign of g·p.
        scales = (np.abs(A @ h) // np.abs(inner @ A.T)).max(axis=1) + 1
        inner = inner * scales[:, None]
    tick()
    sides = np.where(points @ h > 0, 1, -1).astype(np.int8)
    sides[parents] = 1
    points[parents] = _reduced(inner + h)
    tick()
    signs = np.hstack([signs, sides[:, None]])
    others = signs[parents]
    others[:, -1] = -1
    return np.vstack([signs, others]), np.vstack([points, _reduced(inner - h)])


def _in_the_plane(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cells of n >= 1 lines of the plane, counterclockwise."""
    # Primitive normals have angles in (-90°, 90°], and h turned by 90° is where its sign changes from 1 to
    # -1.
    order = counterclockwise(A.tolist())
    rank = np.empty(len(A), dtype=int)
    rank[order] = np.arange(len(A))
    signs = np.where(rank[None, :] <= np.arange(len(A))[:, None], -1, 1).astype(np.int8)
    rays = np.stack([-A[order, 1], A[order, 0]], axis=1)
    points = rays + np.vstack([rays[1:], -rays[:1]]) if len(A) > 1 else -A
    return np.vstack([signs, -signs]), np.vstack([points, -points])


def _merged(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct normals of the rows, and for every row the index of its own (-1 if it is zero) and its
    orientation.
    """
    index, orientation = np.full(len(rows), -1), np.zeros(len(rows), dtype=np.int8)
    known: dict[Normal, int] = {}
    for i, row in enumerate(rows.tolist()):
        divisor = gcd(*row)
        if divisor:  # as `primitive`, for whole numbers
            orientation[i] = 1 if next(v for v in row if v) > 0 else -1
            divisor *= int(orientation[i])
            index[i] = known.setdefault(tuple([v // divisor for v in row]), len(known))
    return np.array(list(known), dtype=object).reshape(len(known), rows.shape[1]), index, orientation


def _spread(signs: np.ndarray, index: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """The signs of the rows given to `_merged` from those of the merged normals; 0 for zero rows."""
    result = np.zeros((len(signs), len(index)), dtype=np.int8)
    nonzero = index >= 0
    result[:, nonzero] = signs[:, index[nonzero]] * orientation[nonzero]
    return result


def _orthogonal(h: np.ndarray) -> np.ndarray:
    """Integer vectors, the columns of d × (d - 1), that are a basis of the orthogonal complement of h."""
    values = h.tolist()
    pivot = next(k for k, v in enumerate(values) if v)
    others = [k for k in range(len(values)) if k != pivot]
    columns = np.zeros((len(others), len(values)), dtype=object)
    for row, k in zip(columns, others, strict=True):
        row[k], row[pivot] = values[pivot], -values[k]
    return _reduced(columns).T


def _reduced(rows: np.ndarray) -> np.ndarray:
    """Each row divided by the greatest common divisor of its entries; no row is zero."""
    return rows // np.gcd.reduce(np.abs(rows), axis=1, keepdims=True)
