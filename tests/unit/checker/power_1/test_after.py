"""Q8 and R9 worked out: what becomes of a neuron after the horizon, at the edge of what is proved."""

from dataclasses import replace
from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE, down, up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import replay
from certflow.checker.polygon.tube import Table, Walk
from certflow.checker.power_1.after import (
    Cone,
    Fate,
    Size,
    Theorem,
    arc,
    converges,
    point_error,
    shrinks,
    stops,
    vanishes,
)
from certflow.checker.power_1.claim import ClaimCheck

NODE = Node(None, "here")
CLOCK = Clock(None)
SMALL = Size(F(1), F(1, 400), F(1, 100))


def neuron(x, z, alpha=0):
    features = [[F(v) for v in row] for row in x]
    return Neuron(SimpleNamespace(features=features, z=[F(v) for v in z], alpha=F(alpha)), CLOCK)


def walk(G, w, v, given, kappa="1/1000000", T=4, rows=40, **options):
    w, v, kappa = [F(a) for a in w], F(v), F(kappa)
    c = v * v - sum(a * a for a in w)
    nodes = [Node({"slides": slides, "on": on}, f"pieces[{i}]") for i, (slides, on) in enumerate(given)]
    pieces = replay(G, vector(w), 1 if v > 0 else -1, c, nodes)
    table = Table(kappa, [ONE] * rows, [up(kappa)] * rows, [down(F(T) * q / rows) for q in range(rows + 1)])
    each = Walk(G, table, pieces, (down(c), up(c)), 0, v == 0)
    each.run(**options)
    return each


def theorem(last=F(1, 100), T=4, **entries):
    problem = SimpleNamespace(omega=F(1), curvature=F(1), rate=F(1), mass=F(1))
    size = Size(F(1), last / 4, last)
    numbers = {"epsilon": F(1, 10), "delta": F(1, 100), "R": F(1, 10), "T": F(T), "size": size, "scale": F(1)}
    numbers |= {"square": F(1), "most": F(25), "largest": F(1)}
    return Theorem(problem, CLOCK, **(numbers | entries))


def refusal(action, *arguments):
    with pytest.raises(Refused) as found:
        action(*arguments)
    return found.value.rule, found.value.where, found.value.reason


# -- the arcsine, and points ---------------------------------------------------------------------------------


def test_an_arcsine_is_bounded_up_to_a_half():
    assert arc(F(0), NODE) == 0 and F(5235987, 10**7) <= arc(F(1, 2), NODE) < F(54, 100)
    assert refusal(arc, F(1, 2) + F(1, 10**30), NODE)[0] == "Q8"


def test_the_error_of_a_centre_is_its_angle():
    fate = Fate(F(1), point=[3 * ONE, 4 * ONE])
    assert point_error([F(3), F(4)], fate, NODE) < F(1, 10**34)
    assert point_error([F(30), F(40)], replace(fate, exact=True), NODE) == 0
    turned = point_error([F(3) - F(4, 100), F(4) + F(3, 100)], fate, NODE)
    assert F(9999, 10**6) < turned < F(10001, 10**6)
    assert refusal(point_error, [F(0), F(0)], fate, NODE) == ("R9", "here", "it is no direction")
    assert refusal(point_error, [F(-3), F(-4)], fate, NODE)[2] == "a direction is not close to its limit"


# -- the final cone ------------------------------------------------------------------------------------------

RAY = neuron([[2, 0]], [1], 1)


def test_the_cone_of_a_balanced_neuron_on_its_ray():
    found = converges(walk(RAY, [1, 0], 1, [([], [])]), SMALL, NODE, Node("1/10", "cone"))
    cone = found.cone
    assert found.rate == 2 and found.square == 4 and found.sign == 1
    assert 0 < cone.D < F(1, 10**5) and 0 <= cone.psi < F(1, 10**30) and cone.limit == F(1, 10)
    assert 2 * F(99, 100) < cone.gamma <= 2 and 4 * F(99, 100) - F(2, 100) < cone.nu < 4
    assert 1 < cone.K < F(102, 100)
    # |w| = |v| = e^(2t) at t = 4.
    assert cone.least > 2 * 2980**2 * F(95, 100)


@pytest.mark.parametrize(
    ("w", "v", "cone", "reason"),
    [
        ([1, F(1, 3)], 1, "1/100000", "it is not in this cone at the end of the table"),
        ([1, 0], 1, "51/100", "it is not in this cone at the end of the table"),
        ([1, 0], 1, "0", "it is not in this cone at the end of the table"),
    ],
)
def test_cones_that_are_not_proved(w, v, cone, reason):
    action = (
        converges,
        walk(RAY, w, v, [([], [])]),
        SMALL,
        NODE,
        Node(cone, "cone"),
    )
    assert refusal(*action) == ("Q8", "cone", reason)


def test_convex_kinks_stay_out_of_the_cone_and_concave_ones_may_meet_it():
    for z, inside in ((1, False), (-1, True)):
        # A kink at an angle of about 1/100 from the ray e_1, without a pull of its own on its other side.
        G = neuron([[1, 0], [-1, 0], [1, 100]], [1, -1, F(z, 10**6)])
        each = walk(G, [1, F(1, 10)], 2, [([], [])])
        action = (converges, each, SMALL, NODE, Node("1/5", "cone"))
        if inside:
            assert action[0](*action[1:]).cone is not None
        else:
            assert refusal(*action) == ("Q8", "cone", "a convex kink meets the cone")


def test_forcing_up_to_the_radius_is_less_than_the_limit_flow():
    large = Size(F(1), F(1), F(3))
    action = (converges, walk(RAY, [1, 0], 1, [([], [])]), large, NODE, Node("1/10", "cone"))
    assert refusal(*action)[2] == "the forcing may be too large up to the radius"


def test_a_vertex_is_kept_exactly():
    G = neuron([[3]], [1], -1)
    cone = converges(walk(G, [1], 2, [([], [])]), SMALL, NODE, Node(None, "cone")).cone
    assert (cone.D, cone.K, cone.limit) == (0, 0, 0) and cone.psi > 0
    assert refusal(converges, walk(G, [1], 2, []), SMALL, NODE, Node(None, "cone"))[0] == "Q8"


# -- neurons at rest -----------------------------------------------------------------------------------------

FALLS = neuron([[1, 0], [-1, -1]], [-1, 0])


def stopped(G=FALLS, w=(1, 1), v=2, last=F(1, 100), T=4, kappa="1/1000000"):
    each = walk(G, w, v, [([], [])], kappa=kappa, T=T, rests=True)
    return stops(each, vector([F(a) for a in w]), 1, 0, theorem(last, T), NODE)


def test_a_neuron_stops_on_a_concave_kink():
    found = stopped()
    assert found.rate == 0 and 0 < found.angle < F(1, 10**4) and found.cone is None and found.known
    # (0, 1) and v = sqrt 3, for c = 2.
    assert point_error([F(0), F(1), F(1732050807568877293527446341505, 10**30)], found, NODE) < F(1, 10**29)


@pytest.mark.parametrize(
    ("G", "reason"),
    [
        (neuron([[1, 0], [1, 1]], [-1, 0]), "a sample may be active where it stops"),
        (neuron([[1, 0], [0, -1], [-1, 0]], [-1, 0, 0]), "samples on both sides of a kink on which it stops"),
        (neuron([[1, 0], [-1, F(-1, 10**7)]], [-1, 0]), "a sample may be active where it stops"),
    ],
)
def test_every_sample_counts_where_a_neuron_stops(G, reason):
    assert refusal(stopped, G) == ("Q8", "here", reason)


def test_a_stop_is_held_against_the_forcing_and_in_time():
    assert refusal(stopped, FALLS, (1, 1), 2, F(3))[2] == "the forcing may be too large up to the radius"
    assert refusal(stopped, FALLS, (1, 1), 2, F(1, 100), F(1, 3))[2].startswith("it may not have stopped")
    leaky = neuron([[1, 0], [-1, -1]], [-1, 0], F(1, 10))
    assert refusal(stopped, leaky)[2].startswith("it is not proved to come to rest")


def test_a_neuron_vanishes_where_all_directions_fall():
    G = neuron([[1], [-1]], [-1, -1])
    falls = (G, vector([F(3)]), 1, (16 * ONE, 16 * ONE), 0)
    found = vanishes(*falls, theorem(), NODE)
    assert found.point == [0, ONE] and found.exact and found.rate == 0
    # |w| / ((m0 - eta) sqrt c) = 3 / (99/100 4).
    assert vanishes(*falls, theorem(T=F(75, 99)), NODE).exact
    assert refusal(vanishes, *falls, theorem(T=F(74, 99)), NODE)[2].startswith("it may not have vanished")
    for other in (
        (G, vector([F(3)]), -1, (16 * ONE, 16 * ONE), 0, theorem(), NODE),
        (G, vector([F(3)]), 1, (0, ONE), 0, theorem(), NODE),
        (*falls, theorem(last=F(1)), NODE),
    ):
        assert refusal(vanishes, *other)[2] == "it need not vanish"


def test_only_balanced_neurons_shrink():
    G = neuron([[1]], [-1])
    each = walk(G, [1], 1, [([], [])], shrinks=True)
    found = shrinks(each, SMALL, NODE)
    assert (found.sign, found.square, found.rate, found.angle) == (-1, 1, 0, 0) and 2 <= found.rest < F(
        21, 10
    )
    each.c = -1, 0
    assert refusal(shrinks, each, SMALL, NODE)[2] == "it need not shrink for ever"
    each.c = 0, 0
    assert refusal(shrinks, each, Size(F(1), F(1), F(1)), NODE)[2] == "it need not shrink for ever"
    plane = neuron([[1, 0]], [-1])
    open_side = walk(plane, [1, 0], 1, [([], [])], shrinks=True)
    assert refusal(shrinks, open_side, SMALL, NODE)[2] == "it need not shrink for ever"


# -- all neurons ---------------------------------------------------------------------------------------------

CONE = Cone(F(1, 100), F(1, 1000), F(1, 5), F(1), F(2), F(3), F(20), True)


def checks(*fates, **entries):
    return ClaimCheck(theorem(**entries), {}, list(fates))


def test_masses_that_grow_force_less_than_others():
    one = Fate(F(1), point=[ONE], cone=CONE)
    slow = Fate(F(1), point=[ONE], cone=replace(CONE, nu=F(1)))
    assert checks(one)._forced(CONE) == (0, F(1, 2))
    assert checks(one, slow)._forced(CONE) == (0, 1)
    assert checks(one, Fate(F(1), known=False))._forced(CONE) == (0, 2)
    resting = Fate(F(0), rest=F(1, 50), point=[ONE])
    first, second = checks(one, resting, scale=F(1, 10))._forced(CONE)
    assert 0 <= first - F(4, 1000) < F(1, 10**50) and second == F(1, 2)


def test_angles_at_both_ends():
    one = Fate(F(1), point=[ONE], cone=CONE)
    start, late = checks(one)._angles(one, NODE)
    # 1/100/sqrt 2 + 1/1000, forgotten like rho (growth 5, delta/R = 1/10), and 1/2 1/100 / sqrt 2 more.
    assert F(80710, 10**7) < start < F(80711, 10**7)
    assert F(1, 2) * start + F(3535, 10**6) < late < F(1, 2) * start + F(3536, 10**6)
    assert refusal(checks(one, epsilon=F(8, 1000))._angles, one, NODE)[2].startswith(
        "it is not proved to stay"
    )
    narrow = replace(one, cone=replace(CONE, limit=F(1, 90)))
    assert refusal(checks(narrow)._angles, narrow, NODE)[2].startswith("it may leave its cone")


def test_followed_neurons_leave_the_larger_of_two_bounds():
    one, other = Fate(F(1), point=[ONE], cone=CONE), Fate(F(2), known=False)
    start, late = checks(one, other)._angles(one, NODE)
    # F = 2 1/100: the angle is at most F/sqrt 2 + psi.
    assert F(80710, 10**7) < start < F(80711, 10**7) and F(1514, 10**5) < late < F(1515, 10**5)
    limit = replace(one, cone=replace(CONE, limit=F(2, 100)))
    assert refusal(checks(limit, other)._angles, limit, NODE)[2].startswith("it may leave its cone")
    assert refusal(checks(one, other, epsilon=F(15, 1000))._angles, one, NODE)[2].startswith(
        "it is not proved"
    )
    law = Node({"exponent": ["0", "0"], "coefficient": "1", "floor": "9"}, "law")
    assert refusal(checks(one, other)._law, law, one) == ("Q8", "law", "no such law is proved")
    checks(one)._law(law, one)


def test_a_vertex_asks_nothing_of_the_others():
    vertex = replace(CONE, D=F(0), limit=F(0), K=F(0))
    one, other = Fate(F(1), point=[ONE], cone=vertex), Fate(F(3), known=False)
    assert checks(one, other)._angles(one, NODE)[0] == F(1, 1000)
    law = Node({"exponent": ["0", "1"], "coefficient": "1/199", "floor": "0"}, "law")
    checks(one, other)._law(law, one)
    steep = Node({"exponent": ["0", "10001/10000"], "coefficient": "1", "floor": "0"}, "law")
    assert refusal(checks(one, other)._law, steep, one)[1] == "law.exponent"
