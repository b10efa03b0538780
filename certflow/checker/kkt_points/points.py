"""R11: exactly one KKT direction within a box about each listed centre; its value, its gap and its kind.

Directions are points of the surface of the cube: a box lies on the face w_j = s, s = 1 or -1. There the zeros
of F(w) = (∇N(w) - s ∂_j N(w) w)_others are the KKT directions, and F' = (H - s ∂_j N I - s w H_j)_others.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ldexp
from operator import mul

from ..kernel.definite import Matrix, below, is_psd
from ..kernel.network import Box, Part, bounded, norm_bound
from ..kernel.numbers import (
    BITS,
    ONE,
    Interval,
    around,
    dot,
    enclosed,
    fraction,
    largest,
    mul_up,
    norm_up,
    power,
    quotient,
    signed,
    sqrt_down,
    sqrt_up,
    times,
)
from ..kernel.polynomials import Layers
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock, Refused

MAX_POINTS = 1_000
LARGEST = 1 << 60
"""Entries of test vectors, of which only the direction counts, are whole numbers of at most this size."""

HINT = 60
"""Entries of an approximate inverse are whole numbers times 2^-HINT."""

_SCALE = BITS + HINT


@dataclass(frozen=True)
class Local:
    """On a box W: the gradient of N, and middles and radii of its generalised Hessians."""

    W: Box
    gradient: Box
    middle: Matrix
    radius: Matrix


class ListedFunction:
    """The function whose KKT points are listed: one neuron with output weight 1, or N of all weights (one
    part) (L6.42).

    Values of the one of the file are `rate` times those of the one in the units of the certificate, which is
    what it is.
    """

    def __init__(self, problem: Problem, where: Node) -> None:
        layers, self.order, self.rate = problem.layers[0], problem.order, problem.rate
        if problem.shallow:
            row: list[int | Fraction] = list(range(len(problem.features[0])))
            layers = Layers([[row], [[Fraction(1)]]], layers.samples, problem.alpha, problem.p)
            self.order, self.rate = problem.p, problem.rate / problem.last
        self.part = Part(layers, problem.shallow)
        bounded([self.part], where.where)
        self.size, self.clock = self.part.size, layers.samples.clock
        where.need(self.order >= 2 and self.size >= 2, "the function has one weight, or is linear", "R11")

    def on(self, W: Box) -> Local:
        """Enclosures on the box W of weights."""
        part = self.part
        run = part.evaluate(W, part.first_kinks(W))
        return Local(W, part.forcing(run, part.z), run.middle, run.radius)


@dataclass(frozen=True)
class Point:
    """A listed point on the face w_face = sign: the only KKT direction within `unique` of the centre lies
    within `radius` (L6.42)."""

    face: int
    sign: int
    centre: list[int]
    radius: int
    unique: int

    def box(self, reach: int) -> Box:
        """All points of the face within `reach` of the centre, coordinate by coordinate."""
        return [(c, c) if i == self.face else (c - reach, c + reach) for i, c in enumerate(self.centre)]


def check_points(
    problem: Problem, points: Node, evidence: Node, clock: Clock
) -> tuple[ListedFunction, list[Point], list[int]]:
    """R11 for the whole list; also upper bounds of the values (L6.27, L6.42)."""
    field = ListedFunction(problem, points)
    listed: list[Point] = []
    values: list[int] = []
    nodes = points.items(0, MAX_POINTS)
    for node, vectors in zip(nodes, evidence.items(len(nodes)), strict=True):
        clock.enter("R11", node.where)
        table = node.fields("kind centre radius unique_radius value gap")
        point = _point(table, field.size)
        later = not listed or listed[-1].centre < point.centre
        node.need(later, "the centres are not in increasing order", "R11")
        _unique(field, point, node)
        values.append(_properties(field, point, table, vectors))
        for other in listed:
            clock.tick()
            node.need(_distinct(point, other), "it may be the same point as another one in the list", "R11")
        listed.append(point)
    return field, listed, values


def _point(table: dict[str, Node], size: int) -> Point:
    centre = []
    for node in table["centre"].items(size):
        value = node.dyadic() * ONE
        node.need(
            value.denominator == 1 and abs(value) <= ONE,
            "the coordinates of a centre must be multiples of 2^-120 from -1 to 1",
            "R11",
        )
        centre.append(int(value))
    sizes = [abs(c) for c in centre]
    table["centre"].need(max(sizes) == ONE, "the largest coordinate of a centre must be 1 or -1", "R11")
    face = sizes.index(ONE)
    radius, unique = (table[name].dyadic() * ONE for name in ("radius", "unique_radius"))
    lawful = 0 < radius <= unique <= ONE and radius.denominator == unique.denominator == 1
    table["radius"].need(lawful, "0 < radius <= unique_radius <= 1 is needed, in multiples of 2^-120", "R11")
    return Point(face, centre[face] // ONE, centre, int(radius), int(unique))


def chart(local: Local, face: int, sign: int) -> tuple[Box, Matrix, Matrix]:
    """F, and middles and radii of its generalised Jacobians, on a box of the face w_face = sign (L6.42)."""
    slope = signed(sign, local.gradient[face])
    others = [i for i in range(len(local.W)) if i != face]
    across = [_entry(local, face, k, sign) for k in others]
    F, middle, radius = [], [], []
    for i in others:
        product = times(slope, local.W[i])
        F.append((local.gradient[i][0] - product[1], local.gradient[i][1] - product[0]))
        row = [_entry(local, i, k, 1) for k in others]
        moved = [times(local.W[i], value) for value in across]
        low = [a[0] - b[1] - (slope[1] if i == k else 0) for a, b, k in zip(row, moved, others, strict=True)]
        high = [a[1] - b[0] - (slope[0] if i == k else 0) for a, b, k in zip(row, moved, others, strict=True)]
        entries = [around(entry) for entry in zip(low, high, strict=True)]
        middle.append([m for m, _ in entries])
        radius.append([r for _, r in entries])
    return F, middle, radius


def _entry(local: Local, i: int, k: int, sign: int) -> Interval:
    m, r = sign * local.middle[i][k], local.radius[i][k]
    return m - r, m + r


def square(W: Box) -> Interval:
    """|w|^2 on a box; at least 1 on the surface of the cube."""
    squares = [power(w, 2) for w in W]
    return sum(low for low, _ in squares), sum(high for _, high in squares)


def inverse(matrix: Matrix, clock: Clock) -> Matrix | None:
    """About 2^HINT times the inverse of fixed-point numbers: whole numbers, only a hint; None if there is
    none.
    """
    n = len(matrix)
    try:
        units = [[float(i == k) for k in range(n)] for i in range(n)]
        rows = [[ldexp(v, -BITS) for v in row] + unit for row, unit in zip(matrix, units, strict=True)]
        for c in range(n):
            clock.tick()
            pivot = max(range(c, n), key=lambda i: abs(rows[i][c]))
            rows[c], rows[pivot] = rows[pivot], rows[c]
            if rows[c][c] == 0:
                return None
            rows[c] = first = [v / rows[c][c] for v in rows[c]]
            for i, row in enumerate(rows):
                if i != c:
                    rows[i] = [v - row[c] * f for v, f in zip(row, first, strict=True)]
        return [[int(ldexp(v, HINT)) for v in row[n:]] for row in rows]
    except (OverflowError, ValueError):
        # Beyond the range of floats: not even a hint.
        return None


def applied(A: Matrix, middle: Matrix, radius: Matrix, clock: Clock) -> tuple[Matrix, Matrix]:
    """Middles and radii of A times an interval matrix, exactly, in units 2^-_SCALE; the matrix is given by
    its columns.
    """
    middles, radii = [], []
    for row in A:
        clock.tick()
        sizes = list(map(abs, row))
        middles.append([sum(map(mul, row, column)) for column in middle])
        radii.append([sum(map(mul, sizes, column)) for column in radius])
    return middles, radii


def _columns(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def split(box: Box) -> tuple[Matrix, Matrix]:
    """Middles and radii of a vector of intervals, as a matrix of one column (its list of columns)."""
    balls = list(map(around, box))
    return [[m for m, _ in balls]], [[r for _, r in balls]]


def preconditioned(middle: Matrix, radius: Matrix, clock: Clock) -> tuple[Matrix, Matrix, Matrix] | None:
    """A, and middles and radii of A J for all J of an interval matrix, where A is about the inverse of its
    middle.
    """
    A = inverse(middle, clock)
    return None if A is None else (A, *applied(A, _columns(middle), _columns(radius), clock))


def _unique(field: ListedFunction, point: Point, node: Node) -> None:
    """w -> w - A F(w) contracts the box of radius `unique` with a factor q < 1, and maps that of `radius`
    into itself.
    """
    _, middle, radius = chart(field.on(point.box(point.unique)), point.face, point.sign)
    found = preconditioned(middle, radius, field.clock)
    if found is None:
        raise Refused("R11", node.where, "the derivative has no inverse at the centre")
    A, middle, radius = found
    unit = 1 << _SCALE
    sums = [sum(abs((unit if i == k else 0) - v) for k, v in enumerate(row)) for i, row in enumerate(middle)]
    q = max(a + sum(row) for a, row in zip(sums, radius, strict=True))
    node.need(q < unit, "no uniqueness is proved within unique_radius", "R11")
    step, error = applied(A, *split(chart(field.on(point.box(0)), point.face, point.sign)[0]), field.clock)
    d = max(abs(a[0]) + b[0] for a, b in zip(step, error, strict=True))
    # Strictly, because on the boundary of a box the enclosed Hessians are those of one side of a kink only.
    node.need(d << BITS < (unit - q) * point.radius, "no KKT point is proved within the radius", "R11")


def _properties(field: ListedFunction, point: Point, table: dict[str, Node], vectors: Node) -> int:
    """Value, gap and kind on the box that contains the point; returns the upper bound of the value."""
    local, L = field.on(point.box(point.radius)), field.order
    slope = signed(point.sign, local.gradient[point.face])
    P = square(local.W)
    # H and the multiplier at w are those at w/|w| times |w|^(L-2).
    scale = power(P, (L - 2) // 2)
    if L % 2:
        scale = times(scale, (sqrt_down(P[0]), sqrt_up(P[1])))
    low, high = quotient(slope, scale)
    value = low // L, -(-high // L)
    table["value"].encloses(field.rate * fraction(value[0]), field.rate * fraction(value[1]))
    tangential = _Tangential(local, point, slope, L, field.clock)
    kind, test = table["kind"].text("maximum", "minimum", "saddle"), vectors.fields("top bottom")
    gap_low, gap_high = (end / field.rate for end in table["gap"].pair())
    mu = -times(enclosed(gap_low), scale)[1]
    table["gap"].need(tangential.at_most(1, mu), "the lower end of the gap is not proved", "R11")
    rayleigh = tangential.quotient(test["top"])[0]
    reached = fraction(quotient((-rayleigh, -rayleigh), scale)[1]) <= gap_high
    table["gap"].need(reached, "the upper end of the gap is not proved", "R11")
    if kind == "maximum":
        proved = gap_low > 0
    elif kind == "minimum":
        proved = tangential.at_most(-1, -1)
    else:
        proved = gap_high < 0 and test["bottom"].value is not None
        proved = proved and tangential.quotient(test["bottom"])[1] < 0
    table["kind"].need(proved, f"it is not proved to be a {kind}", "R11")
    if kind != "saddle":
        test["bottom"].same(None)
    return value[1]


class _Tangential:
    """The form v -> v^T (H - slope I) v on the vectors orthogonal to w, for all H and w of a box about a
    point.
    """

    def __init__(self, local: Local, point: Point, slope: Interval, order: int, clock: Clock) -> None:
        self.local, self.centre, self.slope, self.clock = local, point.centre, slope, clock
        self.loss = norm_bound(local.radius)
        size = norm_bound([[abs(v) for v in row] for row in local.middle])
        # Large enough to hide the radial direction, on which the form is (order - 2) slope.
        self.radial = 2 * (size + self.loss + order * largest(slope))
        self.reach = norm_up([point.radius] * (len(point.centre) - 1))

    def at_most(self, sign: int, mu: int) -> bool:
        """Whether sign times the form is proved to be at most mu |v|^2."""
        radial = self.radial + 2 * abs(mu)
        # <v, centre>^2 <= reach^2 |v|^2 where v is orthogonal to w.
        lifted = mul_up(mul_up(radial, self.reach), self.reach)
        smallest = signed(sign, self.slope)[0]
        shift = mu + smallest - self.loss - lifted
        c, rows = self.centre, zip(self.local.middle, self.centre, strict=True)
        form = [
            [sign * v - (radial * a * b >> 2 * BITS) for v, b in zip(row, c, strict=True)] for row, a in rows
        ]
        return is_psd(below(form, shift), self.clock, off=1)

    def quotient(self, node: Node) -> Interval:
        """The form over |v|^2 at the part v of a test vector that is orthogonal to w."""
        W = self.local.W
        given = [each.integer(-LARGEST, LARGEST) * ONE for each in node.items(len(W))]
        radial = quotient(dot([(v, v) for v in given], W), square(W))
        v = [(a - t[1], a - t[0]) for a, t in zip(given, (times(radial, w) for w in W), strict=True)]
        norm = dot(v, v)
        node.need(norm[0] > 0, "the test vector has no part across the point", "R11")
        rows = zip(self.local.middle, self.local.radius, strict=True)
        moved = [dot([(m - r, m + r) for m, r in zip(*row, strict=True)], v) for row in rows]
        form = quotient(dot(v, moved), norm)
        return form[0] - self.slope[1], form[1] - self.slope[0]


def _distinct(one: Point, two: Point) -> bool:
    """Whether no direction lies in the boxes of both points."""
    V, W = one.box(one.radius), two.box(two.radius)
    face = W[one.face]
    moved = [(times(v, face), signed(one.sign, w)) for v, w in zip(V, W, strict=True)]
    # On the face of the first one both are the same.
    return signed(one.sign, face)[1] <= 0 or any(a[0] > b[1] or a[1] < b[0] for a, b in moved)
