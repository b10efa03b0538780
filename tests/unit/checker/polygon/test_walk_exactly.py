"""Q3 to Q5 recomputed in exact numbers: what a walk says of every segment, event and change of sign is
never less than it has to be, and more only by what is rounded; a condition fails where it is untrue.
"""

from fractions import Fraction as F
from math import isqrt
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE, down, up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import replay
from certflow.checker.polygon.tube import Table, Walk, _Line, identity

NEAR = F(1, 2**50)
"""What rounding may add, relatively: the root of a difference loses half of the digits."""


def root(x):
    """The square root up to 2^-200."""
    return F(isqrt(int(x * 4**200)), 2**200)


def dot(a, b):
    return sum(F(x) * y for x, y in zip(a, b, strict=True))


def norm(a):
    return root(dot(a, a))


def above(value, exact):
    """A fixed-point number that is no less than the exact one, and little more."""
    return -F(1, 2**190) <= F(value, ONE) - exact <= NEAR * (1 + abs(exact))


def below(value, exact):
    return above(-value, -exact)


def neuron(x, z, alpha=0):
    features = [[F(v) for v in row] for row in x]
    return Neuron(SimpleNamespace(features=features, z=[F(v) for v in z], alpha=F(alpha)), Clock(None))


def walk(G, w, v, given, kappa="1/1000", T=1, rows=4, ball=0, mass=1, sign=None, wide=0, sizes=(), **options):
    """A walk with the masses `mass` (or `sizes`) in the rows of a table up to T, and c known up to `wide`."""
    w, v, kappa = [F(a) for a in w], F(v), F(kappa)
    c = v * v - dot(w, w)
    nodes = [Node({"slides": slides, "on": on}, f"pieces[{i}]") for i, (slides, on) in enumerate(given)]
    pieces = replay(G, vector(w), sign or (1 if v > 0 else -1), c, nodes)
    sizes = [F(B) for B in sizes or [mass] * rows]
    ends = [down(F(T) * q / len(sizes)) for q in range(len(sizes) + 1)]
    table = Table(kappa, [up(B) for B in sizes], [up(kappa * B) for B in sizes], ends)
    each = Walk(G, table, pieces, (down(c - F(wide)), up(c + F(wide))), up(F(ball)), v == 0)
    each.run(**options)
    return each


def by_piece(each):
    """The segments of each piece, as (span, its end), and which is the first of the next piece."""
    groups, previous = [], None
    for span in each.spans:
        if previous is None or span.begin < previous.begin:
            groups.append([])
        groups[-1].append(span)
        previous = span
    found = []
    for i, group in enumerate(groups):
        piece = each.pieces[i]
        end = F(each.L, ONE) if i + 1 == len(groups) else piece.length
        ends = [F(span.begin, ONE) for span in group[1:]] + [end]
        found.append(list(zip(group, ends, strict=True)))
    return found


def sizes_on(piece, begin, end):
    """The least and the largest |p| on a segment."""
    p, u = piece.start, piece.velocity
    a, b, square = p.inner(p), p.inner(u), u.inner(u)
    values = [a + 2 * L * b + L * L * square for L in (begin, end)]
    foot = -b / square
    least = min([*values, *([a - b * b / square] if begin < foot < end else [])])
    return root(least), root(max(values))


def audit(each, bases, floors=None, skip=()):
    """Every segment of a walk against its definition; `bases` are sum |P_k| phi_k of each piece, and |e| is
    at most `floors` at the first and the last segment next to an event.
    """
    kappa = each.table.kappa
    c = [F(v, ONE) for v in each.c]
    late = early = F(0)
    groups = by_piece(each)
    for i, group in enumerate(groups):
        piece = each.pieces[i]
        for k, (span, end) in enumerate(group):
            begin = F(span.begin, ONE)
            D = F(span.D, ONE)
            if (i, k) in skip:
                late = F(span.late, ONE)
                continue
            after = group[k + 1][0].phi if k + 1 < len(group) else None
            if after is not None:
                bound = kappa * (bases[i] + F(after, ONE))
                if k == 0 and i > 0 and floors:
                    bound = max(bound, floors[i - 1])
                assert above(span.D, bound)
            elif floors and i < len(floors):
                assert above(span.D, floors[i])
            low, high = sizes_on(piece, begin, end)
            fast = (high + D) ** 2 + c[1]
            assert above(span.mass, fast + (high + D) ** 2)
            slow = max(F(0), low - D) ** 2 + c[0]
            if not (each.pieces[0] is piece and k == 0 and slow <= 0):
                assert above(span.late, late + (end - begin) / root(slow))
            assert below(span.early, early)
            late, early = F(span.late, ONE), F(span.early, ONE) + (end - begin) / root(fast)
    return groups


RAY = neuron([[3, 4]], [1], 1)
PAST = neuron([[1, 0]], [-1], 1)
HELD = neuron([[1, 0], [1, 1]], [-3, 1])
"""w_1 falls to 0 with u = (-2, 1), and is held there; u = (0, 1) then."""
TURN = [([], []), ([0], [])]


@pytest.mark.parametrize("ball", [0, "1/1000"])
def test_segments_of_a_ray(ball):
    each = walk(RAY, [3, 4], 6, [([], [])], T=F(1, 4), ball=ball, wide="1/50")
    assert each.covers and each.certain and each.piece.end == "ray" and len(each.spans) > 50
    audit(each, [F(ball) * 1000])
    assert each.entered == each.spans[0].late and each.spans[-1].early <= each.table.ends[-1] < each.early
    assert above(each.base, F(ball) * 1000) and each.first == (each.spans[1].begin, each.spans[1].phi)
    # phi grows by the mass times the clock.
    assert [above(span.phi, F(span.begin, ONE)) for span in each.spans] == [True] * len(each.spans)


def test_segments_that_pass_the_foot_of_the_perpendicular():
    each = walk(PAST, [1, F(1, 2)], 2, [([], [])], T=1)
    groups = audit(each, [F(0)])
    piece = each.pieces[0]
    ((span, end),) = [(s, e) for s, e in groups[0] if F(s.begin, ONE) < 1 < e]
    assert sizes_on(piece, F(span.begin, ONE), end)[0] == F(1, 2)


@pytest.mark.parametrize("p", [[3, 4], [-3, 1], [F(-1, 3), F(2, 7)]])
def test_lengths_on_a_line(p):
    line = SimpleNamespace(start=vector([F(v) for v in p]), velocity=vector([F(2, 3), F(1, 7)]))
    each, u = _Line(line), [F(2, 3), F(1, 7)]
    assert above(each.speed, norm(u))
    for L in (down(F(-1, 3)), 0, down(F(9, 7)), down(F(50))):
        at = [a + F(L, ONE) * b for a, b in zip(p, u, strict=True)]
        for (low, high), exact in ((each.slope(L), dot(at, u)), (each.at(L), dot(at, at))):
            assert below(low, exact) and above(high, exact) and low <= exact * ONE <= high
        if L >= 0:
            low, high = each.sizes(0, L)
            least, most = sizes_on(line, F(0), F(L, ONE))
            assert below(low, least) and above(high, most)


def test_a_segment_at_the_origin_is_no_shorter_than_nothing():
    line = _Line(SimpleNamespace(start=vector([F(-1), F(0)]), velocity=vector([F(1), F(0)])))
    assert line.sizes(0, 2 * ONE) == (0, ONE) and line.foot == 0
    assert identity(2) == [[ONE, 0], [0, ONE]]


def test_rows_of_a_table():
    table = Table(F(2, 3), [1, 2, 3], [1, 2, 3], [0, 10, 20, 30])
    assert [table.row(t) for t in (0, 1, 10, 11, 20, 21, 30, 31, 99)] == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert [table.reach(phi) for phi in (0, 1, 2, 3)] == [0, 1, 2, 2]


def test_the_mass_is_that_of_the_first_row_whose_end_is_not_overrun():
    each = walk(RAY, [3, 4], 6, [([], [])], T=F(1, 4), sizes=[1, 2, 3, 4, 5])
    q = 0
    for (span, end), after in zip(by_piece(each)[0], each.spans[1:], strict=False):
        size = F(after.phi - span.phi, ONE) / (end - F(span.begin, ONE))
        row = next(k for k, B in enumerate([1, 2, 3, 4, 5]) if abs(size - B) < F(1, 10**20))
        assert row >= q and (span.late <= each.table.ends[row + 1] or row == 4)
        assert row == q or span.late > each.table.ends[row]
        q = row
    assert q == 4


def next_of(rest=None, first=False, still=False, ends="vertex", square=16, L=7):
    """How far the next segment reaches where |v|^2 = `square`, |u| = 2 and p.u = 12."""
    line = SimpleNamespace(at=lambda _: (square * ONE - ONE, 99 * ONE), speed=2 * ONE)
    line.b, line.square = (12 * ONE, 13 * ONE), (3 * ONE, 4 * ONE)
    piece, end = SimpleNamespace(end=ends), None if rest is None else L + rest
    each = SimpleNamespace(
        line=line, c=(ONE, 9 * ONE), still=still, end=end, piece=piece, L=L, begun=not first
    )
    length = Walk._next(each) - L
    assert each.begun
    return length


def test_the_first_and_the_last_segment_of_a_piece_are_wide():
    step = ONE // 128 + 1
    assert next_of() == step and next_of(first=True) == 5 * step
    assert next_of(square=0) == 1 and next_of(square=-3) == 1
    assert next_of(rest=10 * step + 3, first=True) == 5 * step == next_of(rest=99 * step, first=True)
    assert next_of(rest=10 * step - 1, first=True) == 5 * step - 1
    assert next_of(rest=6 * step + 1) == step and next_of(rest=6 * step) == step
    assert next_of(rest=6 * step - 1) == step - 1 and next_of(rest=5 * step + 1) == 1
    assert next_of(rest=5 * step) == 5 * step and next_of(rest=3) == 3
    # Before a change of sign there is no last segment.
    assert next_of(rest=3, ends="flip") == step and next_of(rest=3, first=True, ends="flip") == 5 * step
    # v = 0: 12 / (800 5 4).
    assert next_of(still=True) == 3 * ONE // 4000 + 1


@pytest.mark.parametrize(
    ("square", "foot", "near"), [(F(1), F(-400), True), (F(1), F(-399), False), (F(1), F(-401), True)]
)
def test_when_the_next_thing_is_the_change_of_sign(square, foot, near):
    c = (-ONE, ONE)
    line = SimpleNamespace(at=lambda _: (down(square + 1), 9 * ONE), foot=down(foot + 1))
    assert Walk._near(SimpleNamespace(line=line, c=c, L=0)) is near


# -- what fails ----------------------------------------------------------------------------------------------


def edge(accepts, low, high):
    """The largest number that is accepted, up to 10^-12, between an accepted and a refused one."""
    assert accepts(low) and not accepts(high)
    while high - low > F(1, 10**12):
        middle = (low + high) / 2
        low, high = (middle, high) if accepts(middle) else (low, middle)
    return low


def test_the_forcing_is_less_than_what_locks_and_leaves():
    # m(S) = 1/4.
    held = neuron([[1, 0], [-1, 0], [0, 1]], [F(-3, 4), F(-1, 4), 1])

    def stays(kappa):
        each = walk(held, [0, 1], 2, [([0], [])], kappa=kappa, T=F(1, 200))
        assert each.covers or each.why == "it may not be held on its kinks, or not leave one"
        return each.covers

    assert abs(edge(stays, F(1, 5), F(1, 3)) - F(1, 4)) < F(1, 10**11)
    # A concave kink is crossed from (1, 3/4), and left at the speed |x.u| / |x| = 4 / sqrt 5 of G's units.
    over = walk(neuron([[2, -1], [-1, 2]], [-1, 1]), [1, F(3, 4)], 3, [([], []), ([], [])], T=F(1, 3))
    assert over.i == 1 and below(over.limit, over.piece.velocity.times([-2, 1]) / root(F(5)))


BESIDE = neuron([[1, 0], [1, 2], [20, 1]], [-3, 1, "-1/1000"])
"""w_1 falls to 0 near (0, p_2), and 20 w_1 + w_2 is not far from 0 there."""


def test_another_kink_is_not_met_at_the_same_time():
    start, v, given = [F(1, 2), F(1, 4)], 3, [([], []), ([0], [])]
    pieces = walk(BESIDE, start, v, given, T=F(1, 1000)).pieces
    k = next(k for k in BESIDE.kinks if BESIDE.lines[k].x == [20, 1])
    x, point = [F(20), F(1)], abs(pieces[1].start.times(BESIDE.lines[k].x))

    def apart(kappa):
        own = (projection([], 2), pieces[0].length, F(1))
        found = Event(BESIDE, *pieces[:2], pieces[0].met[0], [own], 1, kappa)
        before, after = dot(x, found.u), dot(x, found.w)
        swept = max(abs(before), abs(after)) + abs(after - before) + norm(x) * kappa
        return point - found.tau * swept > norm(x) * kappa * pieces[0].length

    def accepted(kappa):
        each = walk(BESIDE, start, v, given, kappa=kappa, T=F(1, 3))
        assert each.i == 1 or each.why == "another kink may be met at the same time", each.why
        return each.i == 1

    exact, found = edge(apart, F(1, 10**6), F(1)), edge(accepted, F(1, 10**6), F(1, 10))
    assert abs(exact - found) < F(1, 10**11)


def test_a_kink_is_met_within_a_segment():
    def tau(kappa):
        own = (projection([], 2), F(1, 2), F(1))
        pieces = walk(HELD, [1, 1], 3, TURN, T=F(1, 1000)).pieces
        return Event(HELD, *pieces, 0, [own], 1, kappa).tau

    def accepted(kappa):
        each = walk(HELD, [1, 1], 3, TURN, kappa=kappa, T=F(1, 3))
        assert each.i == 1 or each.why == "the window of a kink is longer than a segment", each.why
        return each.i == 1

    found = edge(accepted, F(1, 1000), F(1, 2))
    # The last segment before, and the first after, are 5 times |v| / (256 |u|) long, |v| about 3.
    each = walk(HELD, [1, 1], 3, TURN, kappa=F(1, 1000), T=F(1, 3))
    (last, end), (first, then) = by_piece(each)[0][-1], by_piece(each)[1][0]
    lengths = end - F(last.begin, ONE), then - F(first.begin, ONE)
    assert abs(tau(found) - min(lengths)) < F(1, 10**9)


# -- events --------------------------------------------------------------------------------------------------


class Event:
    """An event from the edge `before` to `after`, where n is met; sources are (P, phi, norm), exactly."""

    def __init__(self, G, before, after, n, sources, B, kappa):
        x = G.lines[n].x
        self.u, self.w = (
            [F(v, each.velocity.unit) for v in each.velocity.entries] for each in (before, after)
        )
        change = [b - a for a, b in zip(self.u, self.w, strict=True)]
        self.approach, self.room = dot(x, self.u), abs(dot(x, self.u)) - norm(x) * kappa * B
        self.near = kappa * sum(
            norm([dot(x, column) for column in zip(*P, strict=True)]) * phi for P, phi, _ in sources
        )
        self.tau = self.near / self.room
        a = [v / self.approach for v in change]
        d = range(len(x))
        self.M = [[F(i == k) + a[i] * x[k] for k in d] for i in d]
        carry = lambda P: [[sum(self.M[i][m] * P[m][k] for m in d) for k in d] for i in d]  # noqa: E731
        ratio = dot(x, self.w) / self.approach
        trace = 2 * ratio + dot(a, a) * dot(x, x)
        self.largest = max(F(1), root((trace + root(max(F(0), trace**2 - 4 * ratio**2))) / 2))
        frobenius = lambda P: norm([v for row in P for v in row])  # noqa: E731
        self.carried = [
            (carry(P), phi, min(frobenius(carry(P)), self.largest * size)) for P, phi, size in sources
        ]
        self.forced = norm(change) * self.near * norm(x) * B / (self.room * abs(self.approach)) + B * self.tau
        self.floor = kappa * (
            sum(max(a[2], b[2]) * a[1] for a, b in zip(sources, self.carried, strict=True)) + self.forced
        )


def projection(rows, d):
    """The projection on what is orthogonal to some rows."""
    basis = []
    for row in rows:
        for other in basis:
            row = [a - dot(row, other) / dot(other, other) * b for a, b in zip(row, other, strict=True)]
        basis.append(row)
    return [[F(i == k) - sum(r[i] * r[k] / dot(r, r) for r in basis) for k in range(d)] for i in range(d)]


@pytest.mark.parametrize(
    ("G", "w", "v", "given", "options"),
    [
        (HELD, [1, 1], 3, TURN, {}),
        (HELD, [1, 1], 3, TURN, {"mass": 3, "ball": 0}),
        # Over a convex kink, n.u = 1 and 2: M = diag(2, 1).
        (neuron([[1, 0], [1, 2]], [1, 1]), [F(-1, 2), 2], 3, [([], []), ([], [0])], {}),
        # Over a concave one, n.u = -9 and -4.
        (neuron([[2, -1], [-1, 2]], [-1, 1]), [1, F(3, 4)], 3, [([], []), ([], [])], {"mass": 2}),
        # One after the other, on normals that are orthogonal, and on some that are not.
        (
            neuron([[1, 0, 0], [0, 1, 0], [1, 1, 1]], [-3, -3, 1]),
            [1, F(3, 4), 1],
            5,
            [([], []), ([1], []), ([0, 1], [])],
            {},
        ),
        (
            neuron([[1, 1, 3], [0, 2, -1], [1, 3, -2]], [-1, 1, -2]),
            [-1, F(7, 4), 1],
            5,
            [([], []), ([2], []), ([0, 2], [])],
            {},
        ),
        (
            neuron([[3, -2, 2], [2, 3, -2], [3, 3, -2]], [-3, 1, -3]),
            [F(5, 4), F(3, 4), F(7, 4)],
            5,
            [([], []), ([], []), ([2], []), ([2], [1]), ([2], [])],
            {"ball": 0},
        ),
    ],
)
def test_events_worked_out(G, w, v, given, options):
    kappa, mass, ball = F(1, 10**5), options.get("mass", 1), F(options.get("ball", "1/100000"))
    each = walk(G, w, v, given, T=F(1, 3), kappa=kappa, ball=ball, mass=mass)
    assert each.covers and each.i == len(given) - 1, each.why
    eye = projection([], G.d)
    sources = [(eye, ball / kappa, F(1))] if ball else []
    bases, floors = [ball / kappa], []
    for before, after in zip(each.pieces, each.pieces[1:], strict=False):
        own = (projection([G.lines[k].x for k in before.slides], G.d), before.length * mass, F(1))
        found = Event(G, before, after, before.met[0], [*sources, own], mass, kappa)
        sources = [*found.carried, (eye, found.forced, F(1))]
        bases.append(sum(bound * phi for _, phi, bound in sources))
        floors.append(found.floor)
    assert len(each.sources) == len(sources)
    for (P, phi, size), (exact, own, bound) in zip(each.sources, sources, strict=True):
        # The norm is that of the rounded matrix; what that leaves out is in the last source.
        assert above(phi, own) and abs(F(size, ONE) - bound) <= NEAR
        rows = zip(P, exact, strict=True)
        assert all(abs(F(a, ONE) - b) <= F(1, 2**100) for row, r in rows for a, b in zip(row, r, strict=True))
    assert above(each.base, bases[-1])
    groups = audit(each, bases, floors)
    assert groups[-1][0][0].phi == 0 and each.entered == groups[-1][0][0].late


def test_the_projection_is_that_on_what_is_orthogonal_to_the_kinks():
    G = neuron([[1, 1, 0], [1, 0, 2], [0, 0, 5]], [-1, -1, 1])
    each = SimpleNamespace(G=G, piece=SimpleNamespace(slides=[0, 1], gram=G.gram([0, 1])))
    P = Walk._projection(each)
    # Orthogonal to (1, 1, 0) and (1, 0, 2): along (2, -2, -1).
    axis = [F(2, 3), F(-2, 3), F(-1, 3)]
    for i in range(3):
        for k in range(3):
            exact = axis[i] * axis[k]
            assert 0 <= exact - F(P[i][k], ONE) < F(1, ONE)
    free = SimpleNamespace(G=G, piece=SimpleNamespace(slides=[], gram=([], 1)))
    assert Walk._projection(free) == identity(3)


# -- changes of sign -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ball", [0, "1/100000"])
def test_a_change_of_sign_worked_out(ball):
    each = walk(
        PAST, [2, F(1, 10)], 1, [([], []), ([], [])], T=F(5, 2), ball=ball, wide="1/10000", kappa="1/10000"
    )
    assert each.covers and each.piece.returns and each.i == 1
    groups = by_piece(each)
    base, c = F(ball) * 10000, [F(v, ONE) for v in each.c]
    turn, first = groups[0][-1][0], groups[1][0][0]
    L = F(turn.begin, ONE)
    assert first.begin == -turn.begin
    far = L + F(first.phi - turn.phi, ONE) / 2
    assert L < far < 2
    D = F(1, 10000) * (base + F(first.phi, ONE))
    size = norm([2 - L, F(1, 10)])
    height = (2 - far) - D - F(1, 10000) * (size + D)
    fast = (size + D) ** 2 + c[1]
    assert above(turn.D, D) and above(turn.mass, fast + (size + D) ** 2)
    assert above(turn.late - groups[0][-2][0].late, 2 * root(fast) / height)
    # It is turned back at the first place that is surely beyond the change of sign.
    spare = root(-c[1]) - norm([2 - far, F(1, 10)]) - D
    assert 0 < spare < D / 1000 + F(1, 10**11)
    # The next thing is the change of sign as soon as v^2 is a 400th of what it is at the foot.
    v2 = lambda at: (2 - at) ** 2 + F(1, 100) + c[0]  # noqa: E731
    assert v2(L) * 400 <= -(F(1, 100) + c[0]) < v2(F(groups[0][-2][0].begin, ONE)) * 400
    each.spans.remove(turn)
    assert each.spans[len(groups[0]) - 1].early == turn.early


def test_v_leaves_0_in_a_time_worked_out():
    each = walk(PAST, [-2, F(1, 10)], 0, [([], [])], T=1, sign=1, kappa="1/10000")
    span, end = by_piece(each)[0][0]
    D = F(span.D, ONE)
    low, high = sizes_on(each.pieces[0], F(0), end)
    outer = high + D
    height = 2 - D - F(1, 10000) * outer
    fast = outer**2 + F(each.c[1], ONE)
    assert above(span.D, F(1, 10000) * end) and above(span.late, root(fast) / height)
    assert above(span.mass, fast + outer**2) and (each.spans[1].early > 0) and span.early == 0
    audit(each, [F(0)])
