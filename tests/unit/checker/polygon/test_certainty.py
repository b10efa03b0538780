"""Q5 worked out: which side of a kink is certain, and where what is followed ends."""

import random
from copy import copy
from fractions import Fraction as F
from math import isqrt
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE, down, mul_up, up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import ANY, replay
from certflow.checker.polygon.tube import Span, Table, Walk

KEPT = ", or the neuron a kink on which it starts"


def neuron(x, z, alpha=0):
    features = [[F(v) for v in row] for row in x]
    return Neuron(SimpleNamespace(features=features, z=[F(v) for v in z], alpha=F(alpha)), Clock(None))


def walk(G, w, v, given, kappa=1, T=1, ball=0, sign=None, wide=0):
    w, v, kappa = [F(a) for a in w], F(v), F(kappa)
    c = v * v - sum(a * a for a in w)
    nodes = [Node({"slides": slides, "on": on}, f"pieces[{i}]") for i, (slides, on) in enumerate(given)]
    pieces = replay(G, vector(w), sign or (1 if v > 0 else -1), c, nodes)
    table = Table(kappa, [ONE], [up(kappa)], [0, down(F(T))])
    return Walk(G, table, pieces, (down(c - F(wide)), up(c + F(wide))), up(F(ball)), v == 0)


# x = (3, 4) and |x| = 5; from (1, 1) with u = (1, 0), x.p = 7 + 3 L.
SLOPE = neuron([[1, 0], [-1, 0], [3, 4], [-3, -4]], [1, -1, 1, "1"], 0)


def stand(s, p=(1, 1), u=(1, 0), side=1):
    """A walk with the source diag(0, 1) of the size s."""
    each = walk(SLOPE, [1, 1], 3, [([], [])])
    each._enter(0, 0, 0)
    each.piece = SimpleNamespace(start=vector([F(a) for a in p]), velocity=vector([F(a) for a in u]))
    each.k = next(k for k in SLOPE.kinks if SLOPE.lines[k].x == [3, 4])
    each.piece.sides = {each.k: side}
    each.sources, each.base = [([[0, 0], [0, ONE]], up(F(s)), ONE)], up(F(s))
    return each


def apart(each, L, phi, rough=False):
    return each._apart(down(F(L)), up(F(phi)), [each.k], rough)


def test_a_side_is_certain_where_the_distance_is_more():
    little = F(1, 10**20)
    # At the clock 1 the distance is 10, and |x.e| <= 4 s + 5 phi; roughly 5 (s + phi).
    assert apart(stand(1), 1, F(6, 5) - little) and not apart(stand(1), 1, F(6, 5))
    assert apart(stand(1), 1, 1 - little, True) and not apart(stand(1), 1, 1, True)
    assert apart(stand(1), -1, F(0)) is False and apart(stand(F(4, 5) - little), -1, F(0))
    # On the other side.
    other = {"p": (-1, -1), "u": (-1, 0), "side": -1}
    assert apart(stand(1, **other), 1, F(6, 5) - little) and not apart(stand(1, **other), 1, F(6, 5))
    assert not apart(stand(0, p=(-1, -1)), 1, F(0)) and stand(0)._apart(0, 0, [])


def test_a_side_is_not_certain_where_it_is_not():
    rng = random.Random(5)
    for _ in range(400):
        p, u = ([F(rng.randint(1, 9), rng.choice((3, 7, 11))) for _ in range(2)] for _ in range(2))
        each, L = stand(0, p, u), rng.randint(-ONE // 9, ONE)
        distance = sum(a * (b + c * F(L, ONE)) for a, b, c in zip((3, 4), p, u, strict=True)) * ONE
        phi = int(distance / 5)
        each.base, each.sources = 0, []
        while mul_up(each.norms[each.k], phi) < distance:
            phi += 1
        assert not each._apart(L, phi, [each.k])
        assert each._apart(L, phi - 3, [each.k])


def close(over, apart, end="ray", pieces=1, entered=7, left=(2,), opened=1):
    """What is left of three segments; `apart` says what is certain at a clock: the kinks asked for."""
    lines = [SimpleNamespace(jump=j) for j in (2, -1, -1)]
    spans = [Span(k, 0, 0, 0, 10 * k, 100 * k) for k in range(1, 4)]
    each = SimpleNamespace(i=0, pieces=[None] * pieces, entered=entered, opened=opened, first=(5, 50))
    each.piece = SimpleNamespace(sides={0: 1, 1: 1, 2: -1}, left=list(left), sign=1, end=end)
    each.G, each.spans, each.why, each.L, each.phi = SimpleNamespace(lines=lines), spans, "rain", 40, 400
    each.early, each.covers, each.certain = 4, None, None
    each._apart = lambda L, phi, kinks: (phi == 10 * L) and list(kinks) in apart.get(L, [])
    assert Walk._close(each, over) is False
    return len(spans), each.early, each.L, each.phi, each.covers, each.certain, each.why


OTHERS, CONVEX, ALL = [0, 1], [0], [0, 1, 2]
UNSURE = "a kink is not certain to lie on one side"


@pytest.mark.parametrize(
    ("over", "apart", "options", "expected"),
    [
        (True, {40: [OTHERS]}, {}, (3, 4, 40, 400, True, True, "rain")),
        (False, {40: [OTHERS]}, {}, (3, 4, 40, 400, False, False, "rain")),
        (True, {30: [OTHERS]}, {}, (2, 3, 30, 300, False, False, UNSURE)),
        (True, {20: [OTHERS]}, {}, (1, 2, 20, 200, False, False, UNSURE)),
        (False, {30: [OTHERS]}, {}, (2, 3, 30, 300, False, False, "rain")),
        (True, {}, {}, (1, 2, 20, 200, False, False, UNSURE)),
        (True, {}, {"opened": 0}, (0, 1, 10, 100, False, False, UNSURE)),
        # Concave kinks may be uncertain on the last ray, if at its first station all were certain.
        (True, {40: [CONVEX], 5: [ALL]}, {}, (3, 4, 40, 400, True, False, "rain")),
        (True, {30: [CONVEX], 5: [ALL]}, {}, (2, 3, 30, 300, False, False, UNSURE)),
        (True, {40: [CONVEX]}, {}, (1, 2, 20, 200, False, False, UNSURE)),
        (True, {40: [CONVEX], 5: [OTHERS]}, {}, (1, 2, 20, 200, False, False, UNSURE)),
        (True, {40: [CONVEX], 5: [ALL]}, {"end": "vertex"}, (1, 2, 20, 200, False, False, UNSURE)),
        (True, {40: [CONVEX], 5: [ALL]}, {"pieces": 2}, (1, 2, 20, 200, False, False, UNSURE)),
        (True, {40: [CONVEX], 5: [ALL]}, {"entered": None}, (1, 2, 20, 200, False, False, UNSURE)),
        (True, {40: [ALL]}, {"left": ()}, (3, 4, 40, 400, True, True, "rain")),
    ],
)
def test_what_is_followed_ends_at_the_last_certain_station(over, apart, options, expected):
    assert close(over, apart, **options) == expected


def rest(certain, rough, moves=True):
    calls = []
    each = SimpleNamespace(
        L=1, phi=2, end=9, covers=False, spans=[Span(1, 2, 3, 4, 5, 6), Span(2, 3, 4, 5, 6, 7)]
    )
    each.piece = SimpleNamespace(sides={0: 1, 3: 1, 4: -1}, met=[3])

    def _apart(L, phi, kinks, rough_only=False):
        assert (L, phi) == (1, 2)
        return {(0, 3, 4): certain, (0, 4): rough_only and rough}[tuple(kinks)]

    each._apart = _apart
    each._attempt = lambda action, to: (calls.append((action, to)), moves)[1]
    each._close = lambda over: (calls.append(over), False)[1]
    assert Walk._rest(each) is False
    return each.covers, [span.late for span in each.spans], calls


def test_the_last_segment_before_a_rest():
    move = (Walk._move, 9)
    assert rest(True, True) == (True, [2, ANY], [move])
    assert rest(False, True) == (False, [2, 3], [False]) == rest(True, False)
    assert rest(True, True, False) == (False, [2, 3], [move, False])


# -- what ends a walk ----------------------------------------------------------------------------------------

PAST = neuron([[1, 0]], [-1], 1)
HELD = neuron([[1, 0], [1, 1]], [-3, 1])
TWO = neuron([[1, 0], [0, 1]], [1, 1])


FIRST, LINE, ALONG = [([], [])], neuron([[1]], [-1]), neuron([[1, 0]], [1], 1)
WAITS = "it is not followed"


@pytest.mark.parametrize(
    ("arguments", "entries", "options", "covers", "why", "count"),
    [
        ((TWO, [1, 1], 2, []), {}, {}, False, WAITS, 0),
        (
            (TWO, [1, "1/200"], 2, FIRST),
            {"ball": "1/100"},
            {},
            False,
            "a kink is not certain at the start",
            0,
        ),
        (
            (PAST, [1, "1/10"], "201/200", FIRST, "1/100", 9),
            {"wide": "1/50"},
            {},
            False,
            "v may vanish",
            None,
        ),
        (
            (PAST, [2, "1/10"], 1, FIRST * 2, "1/100", 9),
            {"wide": 4},
            {},
            False,
            f"v may keep its sign{KEPT}",
            None,
        ),
        ((ALONG, ["1/1000", 1], 0, FIRST, "1/100"), {"sign": 1}, {}, False, "v may not leave 0", 0),
        ((HELD, [1, 1], 3, FIRST, "1/1000"), {}, {}, False, WAITS, None),
        ((HELD, [1, 1], 3, FIRST, "1/1000"), {}, {"rests": True}, True, WAITS, None),
        ((LINE, [1], 1, FIRST, "1/1000"), {}, {"shrinks": True}, True, WAITS, 1),
        ((LINE, [1], 1, FIRST, "1/1000", 50), {}, {"rests": True}, False, "v may vanish", None),
    ],
)
def test_why_a_walk_ends(arguments, entries, options, covers, why, count):
    each = walk(*arguments, **entries)
    each.run(**options)
    assert each.covers is covers and each.why == why
    assert count is None or len(each.spans) == count
    assert each.certain is False and ANY not in [span.late for span in each.spans[:-1]]
    assert not each.spans or (each.spans[-1].late == ANY) is covers


def test_a_new_walk_knows_nothing():
    each = walk(TWO, [1, 1], 2, [([], [])])
    assert (each.covers, each.certain, each.entered, each.first) == (False, False, None, (0, 0))
    assert (each.q, each.late, each.early, each.spans, each.fresh) == (0, 0, 0, [], [])
    each._enter(0, 3, 4)
    assert (each.i, each.L, each.phi, each.opened, each.begun, each.places) == (0, 3, 4, 0, False, {})


def test_what_shrinks_does_so_on_its_last_piece_only():
    # First to w_1 = 0, and there straight to 0.
    G = neuron([[1, 0], [-1, 1]], [-3, -1])
    each = walk(G, [1, 2], 3, [([], []), ([0], [])], "1/100000")
    each.run(shrinks=True)
    assert each.covers is True and each.i == 1 and each.piece.end == "origin"
    assert each.spans[-1].late == ANY and each.entered is not None and each.entered < ANY


# -- changes of sign and events at their edges ---------------------------------------------------------------


def root(x):
    """The square root up to 2^-200."""
    return F(isqrt(int(x * 4**200)), 2**200)


def turning(kappa, L, phi=0, ball=0):
    """From (2, 1/10) along (-1, 0), where |p| = sqrt(2/5) is where v vanishes; at the clock L."""
    each = walk(PAST, [2, "1/10"], "19/10", FIRST * 2, kappa, ball=ball)
    each._enter(0, 0, 0)
    each.L, each.phi = down(F(L)), up(F(phi))
    return each


def largest(accepts, low, high):
    """Up to 10^-12 the largest number that is accepted."""
    assert accepts(low) and not accepts(high)
    while high - low > F(1, 10**12):
        middle = (low + high) / 2
        low, high = (middle, high) if accepts(middle) else (low, middle)
    return low


def test_v_is_certain_to_change_its_sign_beyond_its_zero():
    L, phi, ball, zero = F(137, 100), F(1, 50), F(1, 200), root(F(2, 5))

    def exact(kappa):
        # Six times: where |p| + D is a little less than at the zero, and D there.
        D = ball + kappa * phi
        for _ in range(6):
            goal = zero - D - D / 2**10 - zero / 2**40
            far = 2 - root(goal**2 - F(1, 100))
            D = ball + kappa * (phi + 2 * (far - L))
        assert 2 - far - D - kappa * (root((2 - L) ** 2 + F(1, 100)) + D) > F(1, 10)
        return root((2 - far) ** 2 + F(1, 100)) + D < zero

    def turns(kappa):
        each = turning(kappa, L, phi, ball)
        assert each._turn() or each.why == "it is not certain that v changes its sign"
        return each.i == 1

    assert abs(largest(exact, F(1, 1000), F(1, 4)) - largest(turns, F(1, 1000), F(1, 4))) < F(1, 10**11)


def test_v_changes_its_sign_at_once_only_where_the_kinks_of_the_start_are_left():
    # Without a segment before it, nothing else has asked for this (L11.12(4), L11.13).
    each = turning(F(1, 10), F(14, 10))
    each.limit = each.table.etas[each.q] + 1
    assert each._turn()
    each = turning(F(1, 10), F(14, 10))
    each.limit = each.table.etas[each.q]
    assert not each._turn() and each.why == f"v may keep its sign{KEPT}"


def test_v_is_certain_to_change_its_sign_if_it_falls():
    # At 14/10 it has turned already: v' = -(6/10 - eta sqrt(37/100)).
    found = largest(lambda kappa: turning(kappa, F(14, 10))._turn(), F(1, 2), F(3, 2))
    assert abs(found - F(6, 10) / root(F(37, 100))) < F(1, 10**11)
    each, asked = turning(F(1, 10), F(14, 10), F(1, 50)), []
    each._apart = lambda *arguments: asked.append(arguments)
    assert not each._turn() and each.why == "it is not certain that v changes its sign"
    assert asked == [(each.L, each.phi, list(each.piece.sides))] and each.i == 0 and not each.fresh


@pytest.mark.parametrize(("inside", "turns"), [(-1, False), (0, False), (1, True)])
def test_v_changes_its_sign_before_the_foot_of_the_perpendicular(inside, turns):
    each = turning(F(1, 10**6), 1)
    zero = isqrt(-each.c[1] * ONE)
    goal = zero - (zero >> 40)
    a = 4 * ONE + (goal * goal // ONE) - inside
    each.line = SimpleNamespace(b=(-2 * ONE, 0), square=(ONE, 0), a=(a, 0), speed=ONE)
    each.line.at, each.line.slope = lambda _: (0, 0), lambda _: (-ONE, -ONE)
    each.table = Table(F(1), [0], [0], [0, ONE])
    each._apart = lambda *_: True
    assert each._turn() is turns


@pytest.mark.parametrize(("fall", "turns"), [(4, False), (5, False), (6, True)])
def test_v_falls_faster_than_what_is_forced(fall, turns):
    each = turning(F(1, 10**6), F(14, 10))
    each.line = SimpleNamespace(b=(-2 * ONE, 0), square=(ONE, 0), a=(4 * ONE, 0), speed=ONE)
    # |p| = 1/2, so that 10 units of eta force 5 units.
    each.line.at, each.line.slope = lambda _: (0, ONE // 4), lambda _: (-9 * ONE, -fall)
    each.table = Table(F(1), [0], [10], [0, ONE])
    each._apart = lambda *_: True
    assert each._turn() is turns


def test_kinks_that_depend_on_each_other_are_not_crossed():
    each, asked = walk(HELD, [1, 1], 3, [([], []), ([0], [])], "1/1000"), []
    each._enter(0, 0, 0)
    each.G = copy(HELD)
    each.G.gram = lambda kinks: (asked.append(kinks), ([], 0))[1]
    assert each._cross() is False and asked == [each.piece.met]
    assert each.why == "the kinks that are kept and met are not independent"
