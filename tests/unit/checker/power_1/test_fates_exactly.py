"""Q8 in exact numbers: cones, stops and vanishing worked out, every condition at its edge, and every sentence
with which one is refused.
"""

from dataclasses import replace
from fractions import Fraction as F
from math import isqrt
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE, down, up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import ANY, replay
from certflow.checker.polygon.tube import Span, Walk, _Line
from certflow.checker.power_1.after import (
    Cone,
    Fate,
    Size,
    _balanced,
    arc,
    converges,
    point_error,
    shrinks,
    stops,
    vanishes,
)

NODE, CONE = Node(None, "here"), Node("1/10", "cone")
TINY, T = F(1, 10**40), 10 * ONE
SIZE = Size(F(1, 3), F(1, 400), F(1, 100))
"""eta = 1/300."""


def root(x):
    """The square root up to 2^-200, rounded down."""
    return F(isqrt(int(x * 4**200)), 2**200)


def neuron(x, z, alpha=0):
    features = [[F(v) for v in row] for row in x]
    return Neuron(SimpleNamespace(features=features, z=[F(v) for v in z], alpha=F(alpha)), Clock(None))


def refusal(action, *arguments):
    with pytest.raises(Refused) as found:
        action(*arguments)
    return found.value.rule, found.value.where, found.value.reason


def span(early=T, late=T, mass=ONE, D=ONE // 100, begin=3 * ONE):
    return Span(early, late, mass, D, begin, 0)


def after(G, start, v, spans, c=("0", "0"), given=(([], []),), **entries):
    """A walk that ends like this."""
    nodes = [Node({"slides": slides, "on": on}, "pieces") for slides, on in given]
    w = [F(a) for a in start]
    pieces = replay(G, vector(w), 1, F(v) ** 2 - sum(a * a for a in w), nodes)
    values = {"G": G, "pieces": pieces, "piece": pieces[-1], "line": _Line(pieces[-1]), "spans": list(spans)}
    values |= {"c": (down(F(c[0])), up(F(c[1]))), "opened": 0, "entered": T, "covers": True, "certain": True}
    values |= {"table": SimpleNamespace(ends=[0, T]), "why": "it rains", "late": 2 * ONE}
    return SimpleNamespace(**(values | entries))


RAY = neuron([[2, 0]], [1], 1)
"""u = (2, 0); from (1, 1/10) the point (7, 1/10) is reached at the clock 3."""


def ray(*spans, G=RAY, c=("0", "0"), size=SIZE, cone=CONE, **entries):
    return converges(after(G, [1, F(1, 10)], 2, spans or [span()], c, **entries), size, NODE, cone)


def test_a_balanced_cone_worked_out():
    found = ray()
    D, D0 = F(ONE // 100, ONE), F(1, 10)
    tan = (F(1, 10) + D) / (7 - D)
    exact = tan - tan**3 / 3 + tan**5 / 5
    assert 0 <= found.cone.D - exact < F(1, 10**34)
    assert found.cone.psi < F(1, 10**35) and found.cone.limit == D0
    assert 0 < 2 * (1 - D0**2 / 6) * (1 - D0**2 / 2) - found.cone.gamma < F(1, 10**50)
    assert 0 < 2 * (2 * (1 - D0**2 / 2) - F(1, 300)) - found.cone.nu < F(1, 10**50)
    tangent = (D0 - D0**3 / 6 + D0**5 / 120) / (1 - D0**2 / 2)
    assert 0 < found.cone.K - root(1 + tangent**2) / 3 < F(1, 10**50)
    far = F(isqrt(down(F(4901, 100)) << 120) - ONE // 100, ONE)
    assert 0 < 2 * far**2 - found.cone.least < F(1, 10**50)
    assert (found.rate, found.square, found.sign, found.angle, found.rest) == (2, 4, 1, 0, 0)
    assert found.point == [ONE, 0, ONE] and found.known and not found.exact


def test_an_unbalanced_cone_worked_out():
    found, D, D0 = ray(c=("-1/2", "3/4")), F(1, 100), F(1, 10)
    mass = 2 * (root(F(4901, 100)) - D) ** 2 - F(1, 2)
    skew, slow = F(3, 4) / mass, 1 - F(1, 2) / (7 - D) ** 2
    tangent = (D0 - D0**3 / 6 + D0**5 / 120) / (1 - D0**2 / 2)
    fast = 1 + tangent**2 + F(3, 4) / (7 - D) ** 2

    def close(value, exact):
        return abs(value - exact) < F(1, 10**33)

    assert close(found.cone.least, mass) and close(found.cone.psi, (skew + skew**3 / 4) / 2)
    assert close(found.cone.gamma, root(slow) * 2 * (1 - D0**2 / 6) * (1 - D0**2 / 2))
    assert close(found.cone.nu, 2 * root(1 - skew**2) * (2 * (1 - D0**2 / 2) - F(1, 300)))
    assert close(found.cone.K, root(fast) / 3)
    # The larger |c| is that below, and nothing is gained above 1.
    found = ray(c=("-3/4", "-1/2"))
    assert close(found.cone.K, root(1 + tangent**2) / 3)
    mass = 2 * (root(F(4901, 100)) - D) ** 2 - F(3, 4)
    skew = F(3, 4) / mass
    assert close(found.cone.psi, (skew + skew**3 / 4) / 2)
    assert close(ray(c=("1/2", "3/4")).cone.gamma, 2 * (1 - D0**2 / 6) * (1 - D0**2 / 2))


def test_every_segment_that_may_contain_the_end_counts():
    plain, worse = ray().cone, {"D": ONE // 10}
    for other in (span(early=T + 1, **worse), span(late=T, **worse), span(begin=2 * ONE)):
        assert ray(span(), other).cone.D > plain.D and ray(other, span()).cone.least < plain.least
    for other in (span(early=T + 2, **worse), span(late=T - 1, **worse)):
        assert ray(span(), other).cone == plain
    assert ray(span(early=T + 1)).cone == plain
    # The segments of earlier pieces are others.
    assert ray(span(**worse), span(), opened=1).cone == plain


@pytest.mark.parametrize(
    ("spans", "entries", "reason"),
    [
        ([span()], {"covers": False}, "the last piece is not proved to be reached: it rains"),
        ([span()], {"entered": None}, "the last piece is not proved to be reached: it rains"),
        ([span()], {"entered": T + 1}, "the last piece is not proved to be reached: it rains"),
        ([span(D=7 * ONE)], {}, "it may not have turned to its ray"),
        ([span(D=3 * ONE)], {}, "cone"),
        ([span()], {"cone": Node("51/100", "cone")}, "cone"),
        ([span()], {"c": ("-50", "0")}, "v may be too small at the end of the table"),
        ([span()], {"size": Size(F(1), F(1), F(2))}, "the forcing may be too large up to the radius"),
        ([span()], {"c": ("0", "60")}, "a direction is not close to its limit"),
    ],
)
def test_cones_that_are_not_proved(spans, entries, reason):
    found = refusal(lambda: ray(*spans, **entries))
    if reason == "cone":
        assert found == ("Q8", "cone", "it is not in this cone at the end of the table")
    else:
        assert found == ("Q8", "here", reason)


def test_cones_at_their_edges():
    # y = 7 - D = 1 unit: far too wide a cone, but a ray.
    ray_at = [
        span(D=_Line(after(RAY, [1, F(1, 10)], 2, []).piece).slope(3 * ONE)[0] // 2 - v) for v in (1, 0)
    ]
    assert refusal(lambda: ray(ray_at[0]))[1] == "cone"
    assert refusal(lambda: ray(ray_at[1]))[2] == "it may not have turned to its ray"
    # |v|^2 > 0 and a positive mass: c = -y^2 leaves nothing of the first, and 2 far^2 = 2 of the other.
    straight = after(RAY, [1, 0], 2, [span(begin=0, D=0)], ("-1", "-1"))
    said = ("Q8", "here", "v may be too small at the end of the table")
    assert refusal(converges, straight, SIZE, NODE, CONE) == said
    straight.c = (down(F(-999, 1000)), down(F(-999, 1000)))
    assert refusal(converges, straight, SIZE, NODE, CONE)[2] == "a direction is not close to its limit"
    D = ray().cone.D
    assert refusal(lambda: ray(cone=Node(str(D), "cone")))[1] == "cone"
    assert ray(cone=Node(str(D + F(1, 2**200)), "cone")).cone.limit > D
    assert ray(cone=Node("1/2", "cone")).cone.limit == F(1, 2)
    # nu > 0: eta below g cos, 2 (1 - 1/200).
    assert ray(size=Size(F(1), F(1), F(198, 100))).cone.nu > 0
    assert refusal(lambda: ray(size=Size(F(1), F(1), F(199, 100))))[2].startswith("the forcing")


def test_a_cone_is_measured_at_the_worse_end_of_what_is_known():
    each = after(RAY, [1, F(1, 10)], 2, [span()])
    # p.u is at least 12, |p|^2 at least 16 and |u| at most 2.
    each.line = SimpleNamespace(slope=lambda _: (12 * ONE, 99 * ONE), at=lambda _: (16 * ONE, 25 * ONE))
    each.line.speed = 2 * ONE
    found, D = converges(each, SIZE, NODE, CONE).cone, F(ONE // 100, ONE)
    tan = (F(1, 10) + D) / (6 - D)
    assert 0 <= found.D - (tan - tan**3 / 3 + tan**5 / 5) < F(1, 10**34)
    assert 0 <= 2 * (4 - D) ** 2 - found.least < F(1, 10**50)


def test_a_kink_at_the_edge_of_the_cone_meets_it():
    # u = (2, 0) and x = (2, 1): |x.u| = 4 and |x| |u| sin D0 = 4 if |x| were 2 / sin D0.
    each, D0 = after(RAY, [1, F(1, 10)], 2, [span()]), F(1, 10)
    edge = 2 / (D0 - D0**3 / 6 + D0**5 / 120)
    for length, meets in ((edge, True), (edge - TINY, False)):
        line = SimpleNamespace(x=[2, 1], jump=1, length=length)
        each.G = SimpleNamespace(
            kinks=[0], lines=[line], unit=1, d=2, clock=Clock(None), free=lambda _: False
        )
        if meets:
            said = ("Q8", "cone", "a convex kink meets the cone")
            assert refusal(converges, each, SIZE, NODE, CONE) == said
        else:
            assert converges(each, SIZE, NODE, CONE).cone.limit == D0


FLAT = neuron([[1, 0], [-1, 0], [1, 100], [3, -1]], [1, -1, "-1/1000000", 0])
"""Concave across a line at an angle of a hundredth, with |j||x| = 10^-6 sqrt 10001; one without a kink."""


def test_concave_kinks_that_meet_the_cone_may_change_the_gradient():
    each = after(FLAT, [1, F(1, 10)], 2, [span()])
    u = [F(v, each.piece.velocity.unit) for v in each.piece.velocity.entries]
    found = converges(each, SIZE, NODE, Node("1/5", "cone")).cone
    D0, g = F(1, 5), root(sum(v * v for v in u))
    sin, cos = D0 - D0**3 / 6 + D0**5 / 120, 1 - D0**2 / 2
    exact = 2 * (g * cos - root(F(10001)) / 10**6 * sin - F(1, 300))
    assert abs(found.nu - exact) < F(1, 10**34)
    # Only where |x.u| <= |x| |u| sin D0.
    far = neuron([[1, 0], [-1, 0], [1, 1]], [1, -1, "-1/1000000"])
    other = converges(after(far, [1, F(1, 10)], 2, [span()]), SIZE, NODE, Node("1/5", "cone")).cone
    v = vector([1 - F(1, 10**6), -F(1, 10**6)])
    assert abs(other.nu - 2 * (root(v.inner(v)) * cos - F(1, 300))) < F(1, 10**34)
    # They add up; x.u / (|x||u|) of the last is 0.1414, between sin 1/8 and sin 3/20.
    three = neuron([[1, 0], [-1, 0], [1, 100], [1, -100], [1, 7]], [1, -1, *["-1/1000000"] * 3])
    each = after(three, [100, F(1, 10)], 2, [span()])
    w = each.piece.velocity
    for cone, count in (("1/8", 2), ("3/20", 3)):
        D0 = F(cone)
        sin, cos = D0 - D0**3 / 6 + D0**5 / 120, 1 - D0**2 / 2
        spread = (2 * root(F(10001)) + (root(F(50)) if count == 3 else 0)) / 10**6
        found = converges(each, SIZE, NODE, Node(cone, "cone")).cone
        assert abs(found.nu - 2 * (root(w.inner(w)) * cos - spread * sin - F(1, 300))) < F(1, 10**34)
    convex = neuron([[1, 0], [-1, 0], [1, 100]], [1, -1, "1/1000000"])
    convex_cone = (converges, after(convex, [1, F(1, 10)], 2, [span()]), SIZE, NODE)
    assert refusal(*convex_cone, Node("1/5", "cone")) == ("Q8", "cone", "a convex kink meets the cone")


def vertex(last, certain=True, cone=None):
    """Held on w_1 = 0 with m(S) = 1/4, from (0, 1) along (0, 1)."""
    G = neuron([[1, 0], [-1, 0], [0, 1]], ["-3/4", "-1/4", 1])
    each = after(G, [0, 1], 2, [span(begin=6 * ONE)], given=[([0], [])], certain=certain)
    return converges(each, Size(F(1), F(0), F(last)), NODE, Node(cone, "cone"))


def test_a_vertex_is_kept_below_its_lock():
    found = vertex("24/100").cone
    assert (found.D, found.limit, found.K) == (0, 0, 0) and found.gamma == 1
    # The kink that holds it has |j||x| = 1, but no angle.
    assert 0 <= F(152, 100) - found.nu < F(1, 10**34)
    assert vertex("1/4", cone="1/10").cone.K > 1 and vertex("1/5", False, "1/10").cone.K > 1
    narrow = vertex("1/5", False, "1/10").cone
    sin, cos = F(1, 10) - F(1, 6000) + F(1, 12 * 10**6), F(199, 200)
    assert abs(narrow.nu - 2 * (cos - sin - F(1, 5))) < F(1, 10**34)


# -- neurons at rest -----------------------------------------------------------------------------------------

LINE = neuron([["1"]], [-1])


def shrunk(last="1/100", G=LINE, start=(1,), **entries):
    spans = [span(mass=3 * ONE)]
    return shrinks(after(G, start, 1, spans, **entries), Size(F(1), F(0), F(last)), NODE)


def test_what_shrinks_is_worked_out():
    found = shrunk()
    assert found == Fate(F(0), F(3), [ONE, ONE], -1, F(1))
    assert (found.rate, found.rest, found.sign, found.square) == (0, 3, -1, 1)
    # |u| = 2 with the lock 1, and |u| = 1/4 in a line without a lock.
    slow = neuron([["1/4"]], [-1])
    assert shrunk(G=slow, last="24/100").square == F(1, 16)
    assert refusal(lambda: shrunk(G=slow, last="1/4"))[2] == "it need not shrink for ever"
    assert shrunk(table=SimpleNamespace(ends=[0, T - 1, T])).rest == 3
    assert shrunk(last="99/100").rest == 3 and shrunk(entered=T).rest == 3
    need = ("Q8", "here", "it need not shrink for ever")
    assert refusal(shrunk, "1") == need
    for c in (("-1", "0"), ("0", "1")):
        assert refusal(lambda c=c: shrunk(c=(down(F(c[0])), up(F(c[1]))))) == need
    assert refusal(lambda: shrunk(G=RAY, start=[1, 0])) == need
    late = ("Q8", "here", "the last piece is not proved to be reached: it rains")
    for entries in ({"covers": False}, {"entered": None}, {"entered": T + 1}):
        assert refusal(lambda entries=entries: shrunk(**entries)) == late


def theorem(last=F(1, 100), end=F(4)):
    problem = SimpleNamespace(omega=F(3), curvature=F(1, 2))
    return SimpleNamespace(problem=problem, size=Size(F(1), F(0), last), T=end)


FALLS = neuron([[1, 0], [-1, -1]], [-1, 0])
"""From (1, 1) to (0, 1), |w| = 1 there."""


def stopped(G=FALLS, start=(1, 1), v=2, c=("3", "3"), last=F(1, 100), end=F(4), D=ONE // 10, **entries):
    each = after(G, start, v, [span(D=D)], c, **entries)
    return stops(each, vector([F(a) for a in start]), 1, 0, theorem(last, end), NODE)


def test_a_stop_worked_out():
    found, D = stopped(), F(ONE // 10, ONE)
    slow, there = root((1 - D) ** 2 + 3), F(2)
    dV = D * (2 + D) / (slow + there)
    x = root((D**2 + dV**2) / 5)
    assert 0 <= found.angle - (x + x**3 / 4) < F(1, 10**30)
    assert (found.rate, found.point, found.sign, found.cone) == (0, [0, ONE, 2 * ONE], 0, None)
    # c known up to 1/10.
    wide = stopped(c=("29/10", "3"))
    slow, there = root(F(81, 100) + F(29, 10)), root(F(39, 10))
    dV = (D * (2 + D) + F(1, 10)) / (slow + there)
    x = root((D**2 + dV**2) / (1 + F(39, 10)))
    assert abs(wide.angle - (x + x**3 / 4)) < F(1, 10**30)
    # Two units of time, and D / ((1 - omega curvature/2 last) sqrt(3.81)) more.
    time = 2 + D / ((1 - F(3, 4) / 100) * root(F(381, 100)))
    assert stopped(end=time + F(1, 10**30)).angle == found.angle
    late = ("Q8", "here", "it may not have stopped by the end of the table")
    assert refusal(lambda: stopped(end=time - F(1, 10**30))) == late
    # D is measured in the ball of the start where there are no pieces.
    still = neuron([[1, 0], [-1, -1]], [-1, 0])
    walk = Walk(still, SimpleNamespace(ends=[0, T]), [], (3 * ONE, 3 * ONE), 0, False)
    rests = stops(walk, vector([F(0), F(1)]), 1, ONE // 10, theorem(), NODE)
    assert rests.point == found.point and rests.angle == found.angle


def test_a_stop_on_two_kinks_worked_out():
    # From (1, 1, 1) with kinks 2 w_1 and w_1 + w_2: |j| = 2 and 2, c^2 = 4 and 1, |x| = 1 and sqrt 2.
    G = neuron([[2, 0, 0], [1, 1, 0], [-1, -1, -1]], [-1, -2, 0])
    each = SimpleNamespace(
        G=G, pieces=[], c=(3 * ONE, 3 * ONE), late=ONE, why="", covers=True, spans=[], piece=None
    )
    start, D = vector([F(0), F(0), F(1)]), F(1, 10)
    slow = root(F(381, 100))
    mu = 2 - F(3, 4) * F(1, 10) * 4, 2 - F(3, 4) * F(1, 10) * root(F(2))
    # det / adjugate = 1/2 and 1 for [[1, 1], [1, 2]].
    speed = min(mu[0] / root(F(2)), mu[1])
    time = 1 + D / (speed * slow)
    held = (each, start, 1, ONE // 10)
    assert stops(*held, theorem(F(1, 10), time + F(1, 10**30)), NODE).rate == 0
    assert refusal(stops, *held, theorem(F(1, 10), time - F(1, 10**30)), NODE)[2].startswith(
        "it may not have"
    )
    # mu = 2 - 3/4 4 last vanishes at last = 2/3.
    strong = ("Q8", "here", "the forcing may be too large up to the radius")
    assert stops(*held, theorem(F(66, 100), F(10**3)), NODE).rate == 0
    assert refusal(stops, *held, theorem(F(2, 3), F(10**3)), NODE) == strong


def test_a_stop_on_a_kink_that_is_not_of_length_1():
    # x = (1, 1) and j = -2 at (1, -1): det / adjugate = 2, and omega curvature/2 last |x| is taken from |j|.
    each = SimpleNamespace(pieces=[], c=(3 * ONE, 3 * ONE), late=ONE, why="", spans=[], piece=None)
    each.G, D, last = neuron([[1, 1]], [-2]), F(1, 10), F(1, 2)
    slow, mu = root((root(F(2)) - D) ** 2 + 3), 2 - F(3, 4) * last * root(F(2))
    time = 1 + D / (mu * root(F(2)) * slow)
    held = (each, vector([F(1), F(-1)]), 1, ONE // 10)
    assert stops(*held, theorem(last, time + F(1, 10**30)), NODE).rate == 0
    assert refusal(stops, *held, theorem(last, time - F(1, 10**30)), NODE)[2].startswith("it may not have")


def test_a_stop_in_other_units():
    # From (1, 1) with the sample (2/3, 0): G = -(2/3) 5/7 (w_1)_+, |x| = 1 and j = -10/21; to (0, 2/3).
    G = neuron([["2/3", 0], [-1, -1]], ["-5/7", 0])
    found = stopped(G, (1, F(2, 3)), 2, ("1/3", "1/3"))
    D, far = F(ONE // 10, ONE), F(4, 9)
    slow, there = root((F(2, 3) - D) ** 2 + down(F(1, 3)) / F(ONE)), root(far + F(1, 3))
    dV = D * (F(4, 3) + D) / (slow + there)
    x = root((D**2 + dV**2) / (2 * far + F(1, 3)))
    assert abs(found.angle - (x + x**3 / 4)) < F(1, 10**30)
    place, v = found.point[:2], found.point[2]
    assert place == [0, 2 * ONE // 3] and v == isqrt(down(far + F(down(F(1, 3)), ONE)) << 120)
    time = 2 + D / ((F(10, 21) - F(3, 4) / 100 * F(4, 9)) * slow)
    assert stopped(G, (1, F(2, 3)), 2, ("1/3", "1/3"), end=time + F(1, 10**30)).rate == 0
    with pytest.raises(Refused):
        stopped(G, (1, F(2, 3)), 2, ("1/3", "1/3"), end=time - F(1, 10**30))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"covers": False}, "it is not proved to come to rest: it rains"),
        ({"G": neuron([[1, 0], [-1, -1]], [-1, 0], "1/10")}, "it is not proved to come to rest: it rains"),
        ({"G": neuron([[1, 0], [-1, -1]], [1, 0])}, "it is not proved to come to rest: it rains"),
        (
            {"G": neuron([[1, 0], [0, -1], [-1, 0]], [-1, 0, 0])},
            "samples on both sides of a kink on which it stops",
        ),
        ({"G": neuron([[1, 0], [1, 1]], [-1, 0])}, "a sample may be active where it stops"),
        ({"D": up(root(F(1, 2))) + 1}, "a sample may be active where it stops"),
        ({"c": ("-81/100", "3"), "D": ONE // 10 + 1}, "v may vanish where it stops"),
        ({"D": ONE * 7 // 10, "c": ("0", "3"), "end": F(100)}, "a direction is not close to its limit"),
    ],
)
def test_stops_that_are_not_proved(entries, reason):
    assert refusal(lambda: stopped(**entries)) == ("Q8", "here", reason)


def test_what_it_stops_on_holds_it():
    walk = Walk(FALLS, SimpleNamespace(ends=[0, T]), [], (3 * ONE, 3 * ONE), 0, False)

    def at(G, w, sign=1):
        walk.G = G
        return refusal(stops, walk, vector([F(v) for v in w]), sign, 0, theorem(), NODE)

    flat = neuron([[1, 0], [1, 0], [-1, -1]], [-1, 1, 0])
    assert at(flat, [0, 1]) == ("Q8", "here", "a sample on which it stops does not hold it")
    assert at(FALLS, [0, 1], -1) == ("Q8", "here", "a sample on which it stops does not hold it")
    nothing = ("Q8", "here", "it stops on no kink, or on dependent ones")
    assert at(FALLS, [-1, 2]) == nothing
    three = neuron([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, -1]], [-1, -1, -1, 0])
    assert at(three, [0, 0, 1]) == nothing


def test_what_vanishes_is_worked_out():
    G = neuron([[2], [-2]], [-1, -1])
    falls = (G, vector([F(3)]), 1, (16 * ONE, 16 * ONE))
    # m0 = 2; (3 + ball) / ((2 - 1/100) 4).
    assert vanishes(*falls, 0, theorem(end=F(300, 796)), NODE) == Fate(F(0), point=[0, ONE], exact=True)
    late = ("Q8", "here", "it may not have vanished by the end of the table")
    assert refusal(vanishes, *falls, 0, theorem(end=F(300, 796) - TINY), NODE) == late
    assert vanishes(*falls, ONE, theorem(end=F(400, 796)), NODE).exact
    assert refusal(vanishes, *falls, ONE, theorem(end=F(400, 796) - TINY), NODE) == late
    need = ("Q8", "here", "it need not vanish")
    assert refusal(vanishes, G, falls[1], 1, (0, ONE), 0, theorem(), NODE) == need
    assert refusal(vanishes, *falls, 0, theorem(F(2)), NODE) == need
    assert vanishes(G, falls[1], 1, (ONE, ONE), 0, theorem(F(199, 100), F(301)), NODE).exact
    # The smaller c is the slower one; one unit is enough.
    slowest = (G, falls[1], 1, (4 * ONE, 16 * ONE), 0)
    assert refusal(vanishes, *slowest, theorem(end=F(300, 398) - TINY), NODE) == late
    assert vanishes(*slowest, theorem(end=F(300, 398)), NODE).exact
    assert vanishes(G, falls[1], 1, (1, ONE), 0, theorem(end=F(10**40)), NODE).exact
    up_side = neuron([[2], [-2]], [1, 1])
    gone = vanishes(up_side, falls[1], -1, (ONE, ONE), 0, theorem(), NODE)
    assert gone.point == [0, -ONE] and refusal(vanishes, up_side, *falls[1:], 0, theorem(), NODE) == need


def test_points_and_their_errors():
    assert _balanced(vector([F(3), F(-4)]), -1) == [3 * ONE // 4, -ONE, -5 * ONE // 4]
    assert _balanced(vector([F(0), F(1, 7)]), 1) == [0, ONE, ONE]
    third = _balanced(vector([F(1), F(3)]), 1)
    assert third[:2] == [ONE // 3, ONE] and all(type(v) is int for v in third)
    assert point_error([F(1, 10**9), F(0)], Fate(F(1), point=[1, 0], exact=True), NODE) < F(1, 10**50)
    fate = Fate(F(1), point=[3 * ONE, 4 * ONE])
    # Each entry is off by up to a unit; four for both together with what the factor loses.
    error = point_error([F(3), F(4)], fate, NODE)
    assert 0 <= error - F(8, 5 * ONE) < F(1, 10**50)
    assert point_error([F(2), F(0)], Fate(F(1), point=[ONE, 0], exact=True), NODE) < F(1, 10**50)
    tilted = point_error([F(24), F(7)], Fate(F(1), point=[ONE, 0], exact=True), NODE)
    # |(24, 7) - 25 (1, 0)| / 25 = sqrt 50 / 25.
    sine = root(F(2, 25))
    assert 0 <= tilted - (sine + sine**3 / 4) < F(1, 10**50)
    none = ("R9", "here", "it is no direction")
    assert refusal(point_error, [F(0)] * 2, fate, NODE) == none
    assert refusal(point_error, [F(1)] * 2, replace(fate, point=[0, 0]), NODE) == none
    assert arc(F(1, 2), NODE) == F(1, 2) + F(1, 32)
    far = ("Q8", "here", "a direction is not close to its limit")
    assert refusal(arc, F(1, 2) + TINY, NODE) == far


def test_a_fate_in_other_units():
    cone = Cone(F(1), F(2), F(3), F(4), F(5), F(6), F(7), True)
    each = Fate(F(8), F(9), [ONE], 1, F(10), F(11), cone)
    assert each.scaled(F(2)) == replace(each, rest=F(9, 2), cone=replace(cone, least=F(7, 2)))
    assert Fate(F(1), F(4)).scaled(F(1, 2)) == Fate(F(1), F(8))
    assert SIZE.eta == F(1, 300) and ANY > 10 * T
