"""O4: a start that is exactly symmetric stays so, and only directions with its symmetry matter (L12.12).

F is a subspace of all weights in which the start lies and which the flow and the limit flow cannot leave. It
is given by integer normals; eigenvalue bounds are proved on an integer basis of it, without rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from math import lcm
from operator import mul

from ..kernel.definite import Matrix
from ..kernel.problem import MAX_PART, ExactMatrix, Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock, Refused
from ..tube.evidence import GroupEvidence, Row, Rows

MAX_SYMMETRIES, MAX_BITS = 64, 2_000

Sparse = dict[int, Fraction]
"""A vector by its entries that are not zero."""


@dataclass(frozen=True)
class Subspace:
    """The part of F that belongs to one group: its `normals`, and a `basis`, part by part: for every basis
    vector the entries (place in the part, integer) that are not zero.
    """

    normals: list[list[tuple[int, int, int]]]
    basis: list[list[list[tuple[int, int]]]]

    @property
    def dimension(self) -> int:
        """That of F."""
        return len(self.basis[0])

    def form(self, matrices: list[Matrix]) -> Matrix:
        """sum_j v_j^T M_j v_j for v in F as a form in the coordinates of v, exactly (L12.13)."""
        total = [[0] * self.dimension for _ in range(self.dimension)]
        for matrix, basis in zip(matrices, self.basis, strict=True):
            for k, own in enumerate(basis):
                row = [sum(b * matrix[i][m] for i, b in own) for m in range(len(matrix))] if own else []
                for l, other in enumerate(basis[: k + 1]):
                    entry = sum(b * row[m] for m, b in other) if own else 0
                    total[k][l] += entry
                    total[l][k] += entry if l < k else 0
        return total

    def inner(self, vectors: list[Row]) -> Row:
        """The inner products of the basis with a vector that is given part by part."""
        total = [0] * self.dimension
        for vector, basis in zip(vectors, self.basis, strict=True):
            for k, own in enumerate(basis):
                total[k] += sum(b * vector[i] for i, b in own)
        return total

    def holds(self, rows: Rows) -> bool:
        """Whether a point of the grid lies in F, exactly."""
        return not any(sum(n * rows[j][i] for j, i, n in normal) for normal in self.normals)

    def check(self, group: GroupEvidence, where: str, clock: Clock) -> None:
        """Refuse unless the curve, the centre and the direction of the gap lie in F: on all pieces of parts
        that a normal joins, which end together, every coefficient does (L12.13).
        """
        trap = group.trap
        fixed = [("start", group.start)]
        if trap is not None:
            fixed += [("trap.centre", trap.centre), ("trap.gap_direction", trap.direction or trap.centre)]
        for name, rows in fixed:
            if not self.holds(rows):
                raise Refused("O4", f"{where}.{name}", "it is not exactly symmetric")
        for w, window in enumerate(group.windows):
            for normal in self.normals:
                clock.tick()
                ends = {tuple(end for end, _ in window.parts[j]) for j, _, _ in normal}
                terms = [[(n, rows[i]) for _, rows in window.parts[j]] for j, i, n in normal]
                if len(ends) > 1 or not all(map(_vanishes, zip(*terms, strict=True))):
                    raise Refused("O4", f"{where}.windows[{w}]", "the curve is not exactly symmetric")


def _vanishes(terms: Iterable[tuple[int, Row]]) -> bool:
    """Whether a combination of polynomials is zero, coefficient by coefficient."""
    scaled = [[n * v for v in row] for n, row in terms]
    return not any(map(sum, zip_longest(*scaled, fillvalue=0)))


def subspace(group: GroupEvidence, g: int, problem: Problem, start_angle: Fraction, clock: Clock) -> Subspace:
    """O4: F of a group that is said to be symmetric, with its curve and centre in it (L12.12)."""
    where, node = f"groups[{g}]", group.symmetries
    clock.enter("O4", where)
    if problem.expression:
        raise Refused("O4", where, "no symmetries of an expression are read")
    if node is None or start_angle or group.outcome not in ("converges", "shrinks", "followed"):
        reason = "symmetries are of exact starts, start_angle 0, which converge, shrink or are followed"
        raise Refused("O4", where, reason)
    places = [(p, i, w) for p, j in enumerate(problem.groups[g]) for i, w in enumerate(problem.indices[j])]
    node.need(len(places) <= MAX_PART, f"at most {MAX_PART} weights of a symmetric group are checked", "O4")
    rows, basis = _solved(_own(node, [w for _, _, w in places], problem, clock), len(places), clock)
    found = Subspace(
        [[(*places[k][:2], n) for k, n in row.items()] for row in map(_whole, rows)],
        [
            [[(places[k][1], n) for k, n in vector.items() if places[k][0] == p] for vector in basis]
            for p in range(len(problem.groups[g]))
        ],
    )
    found.check(group, where, clock)
    return found


def _own(node: Node, weights: list[int], problem: Problem, clock: Clock) -> Iterator[Sparse]:
    """The normals of F, in all of which the start lies, that are about these weights of a group alone."""
    order = {w: k for k, w in enumerate(weights)}
    for entry in node.items(1, MAX_SYMMETRIES):
        for normal in _normals(entry, problem, clock):
            clock.tick()
            if sum(n * problem.direction[w] for w, n in normal.items()):
                raise Refused("O4", node.where, "the start is not exactly symmetric")
            # Another group moves by itself: what joins the two says nothing about this one.
            if all(w in order for w in normal):
                yield {order[w]: n for w, n in normal.items()}


def _normals(node: Node, problem: Problem, clock: Clock) -> Iterator[Sparse]:
    """The normals of one entry."""
    if isinstance(node.value, dict) and "orthogonal" in node.value:
        return _orthogonal(node.fields("orthogonal neurons"), problem, clock)
    return _generator(node.fields("inputs samples neurons"), problem, clock)


def _generator(table: dict[str, Node], problem: Problem, clock: Clock) -> Iterator[Sparse]:
    """The rows of g - I, where g turns the features by an orthogonal matrix Q, which permutes the samples,
    and permutes the neurons of hidden layers; every output, and every layer that is not trained, stays as it
    is.
    """
    X, depth, lowest = problem.features, problem.depth, min(problem.trained)
    given, size = table["inputs"], len(X[0])
    Q = [[Fraction(a == b) for b in range(size)] for a in range(size)]
    if given.value is not None:
        Q = _matrix(given, size, size)
        orthogonal = all(_inner(p, q, clock) == (a == b) for a, p in enumerate(Q) for b, q in enumerate(Q))
        given.need(orthogonal, "it is not orthogonal", "O4")
    order = _permutation(table["samples"], len(X))
    for x, z, k in zip(X, problem.z, order, strict=True):
        same = z == problem.z[k] and X[k] == [_inner(row, x, clock) for row in Q]
        table["samples"].need(same, "a sample is not mapped to one with the same label", "O4")
    layers = table["neurons"].fields("", " ".join(map(str, range(lowest, depth))))
    identity = Node(None, "")
    before = list(range(size))
    for l, matrix in enumerate(problem.matrices, lowest):
        now = _permutation(layers.get(str(l), identity), len(matrix))
        for a, row in enumerate(matrix):
            clock.tick()
            if l not in problem.trained:
                same = all(v == matrix[now[a]][before[b]] for b, v in enumerate(row))
                table["neurons"].need(same, f"layer {l}, which is not trained, is changed", "O4")
                continue
            for b, w in enumerate(row):
                other = matrix[now[a]]
                image = enumerate(Q[b]) if l == lowest else [(before[b], Fraction(1))]
                yield _sum([(int(w), Fraction(-1)), *((int(other[c]), q) for c, q in image)])
        before = now


def _orthogonal(table: dict[str, Node], problem: Problem, clock: Clock) -> Iterator[Sparse]:
    """Neurons of the first trained layer stay orthogonal to vectors if every feature is orthogonal to these,
    or is a combination of them: a feature that is orthogonal to a neuron does not push it, if the power is
    above 1.
    """
    X, node, which = problem.features, table["orthogonal"], table["neurons"]
    neurons = which.integers(1, len(problem.matrices[0]))
    which.need(set(neurons) <= set(range(len(problem.matrices[0]))), "there is no such neuron", "O4")
    rows = _matrix(node, 1, len(X[0]))
    sparse = [_sum(enumerate(row)) for row in rows]
    inside = [[Fraction(v.get(c, 0)) for c in range(len(X[0]))] for v in _solved(sparse, len(X[0]), clock)[1]]
    for x in X:
        # The one is in the subspace of the neurons, the other orthogonal to it.
        lies = not any(_inner(row, x, clock) for row in rows)
        beside = problem.p > 1 and not any(_inner(v, x, clock) for v in inside)
        node.need(lies or beside, "a sample pushes neurons out of the subspace", "O4")
    for j in neurons:
        for row in sparse:
            yield {int(problem.matrices[0][j][c]): n for c, n in row.items()}


def _permutation(node: Node, count: int) -> list[int]:
    """A permutation of 0, 1, ..., count - 1; null is the one that moves nothing."""
    if node.value is None:
        return list(range(count))
    found = node.integers(count, count)
    node.need(sorted(found) == list(range(count)), "it is not a permutation", "O4")
    return found


def _solved(rows: Iterable[Sparse], size: int, clock: Clock) -> tuple[list[Sparse], list[dict[int, int]]]:
    """Independent rows with the same span, and an integer basis of all vectors of this size that are
    orthogonal to them (Gauss and Jordan).
    """
    pivots: dict[int, Sparse] = {}
    for row in rows:
        clock.tick()
        for k in [k for k in row if k in pivots]:
            row = _sum([*row.items(), *((m, -row[k] * v) for m, v in pivots[k].items())])
        if not row:
            continue
        first = min(row)
        row = {k: v / row[first] for k, v in row.items()}
        for k, other in pivots.items():
            clock.tick()
            if first in other:
                pivots[k] = _sum([*other.items(), *((m, -other[first] * v) for m, v in row.items())])
                _whole(pivots[k])
        pivots[first] = row
        _whole(row)
    free = [k for k in range(size) if k not in pivots]
    basis = [_whole({k: Fraction(1)} | {p: -row[k] for p, row in pivots.items() if k in row}) for k in free]
    return list(pivots.values()), basis


def _sum(terms: Iterable[tuple[int, Fraction]]) -> Sparse:
    total: Sparse = {}
    for k, v in terms:
        total[k] = total.get(k, Fraction(0)) + v
    return {k: v for k, v in total.items() if v}


def _whole(vector: Sparse) -> dict[int, int]:
    """The vector times the least number that makes it whole; refuses numbers that are too long."""
    unit = 1
    for v in vector.values():
        unit = lcm(unit, v.denominator)
        if max(unit.bit_length(), v.numerator.bit_length()) > MAX_BITS:
            raise Refused("O4", "groups", "the numbers of the symmetries are too long")
    return {k: v.numerator * (unit // v.denominator) for k, v in vector.items()}


def _matrix(node: Node, least: int, columns: int) -> ExactMatrix:
    """`least` to `columns` rows of numbers of moderate length."""
    rows = [row.rationals(columns) for row in node.items(least, columns)]
    _whole(dict(enumerate(v for row in rows for v in row)))
    return rows


def _inner(u: list[Fraction], v: list[Fraction], clock: Clock) -> Fraction:
    clock.tick()
    return sum(map(mul, u, v), Fraction(0))
