"""Limit flows of neurons of power 1 that can be followed by hand, by the prover and by the checker."""

from __future__ import annotations

import random
from fractions import Fraction as F
from itertools import product
from types import SimpleNamespace

import pytest

import certflow as cf
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import admissible as checked_velocity
from certflow.checker.polygon.replay import replay
from certflow.flow.polygon.contacts import admissible, farthest, gradient, least_norm
from certflow.flow.polygon.polygon import End, polygon
from certflow.flow.polygon.reduced import canonical, reduced
from certflow.flow.polygon.sphere import falling, largest_square
from certflow.outcome import Inconclusive


def exact(rows):
    return [tuple(map(F, row)) for row in rows]


def dot(a, b):
    return sum((u * v for u, v in zip(a, b, strict=True)), F(0))


def checked(alpha, x, z):
    return Neuron(SimpleNamespace(features=exact(x), alpha=F(alpha), z=[F(v) for v in z]), Clock(None))


def by_kinks(b, kinks):
    """Samples with alpha = 0 whose canonical form has this b and these kinks (normal, jump)."""
    x, z = [normal for normal, _ in kinks], [F(jump) for _, jump in kinks]
    # A sample and its opposite with opposite signs are linear together.
    for k, value in enumerate(map(F, b)):
        axis = [int(i == k) for i in range(len(b))]
        x, z = [*x, axis, [-v for v in axis]], [*z, value, -value]
    return exact(x), z


def test_samples_on_one_line_have_one_kink_and_z_0_has_none():
    x, z = exact([(1, 2), (-2, -4), (3, 0), (0, 0), (0, 5)]), [F(1), F(-2), F(4), F(7), F(0)]
    for alpha in (F(0), F(1, 10), F(-1, 2), F(-1)):
        G, own = canonical(alpha, x, z), checked(alpha, x, z)
        # |c| counts: 1 - 2 * 2 on the first line.
        assert [line.jump for line in G.lines] == [(1 - alpha) * v for v in (-3, 12, 0)]
        assert [G.lines[k].x for k in G.kinks] == [(1, 2), (1, 0)]
        assert [F(line.jump, own.unit) for line in own.lines] == [line.jump for line in G.lines]
        for w in exact([(1, 1), (-1, 1), (3, -2), (-2, 1)]):
            direct = sum(
                (a * max(dot(row, w), alpha * dot(row, w)) for a, row in zip(z, x, strict=True)), F(0)
            )
            whole = dot(G.b, w) + sum((C.jump * max(F(0), dot(C.x, w)) for C in G.lines), F(0))
            assert direct == whole == F(own.value([int(v) for v in w]), own.unit)


@pytest.mark.parametrize("seed", range(5))
def test_the_inclusion_contracts_where_kinks_are_concave(seed):
    rng = random.Random(seed)
    x = exact([[rng.randint(-3, 3) for _ in range(3)] for _ in range(6)])
    G = canonical(F(0), x, [-F(rng.randint(1, 5)) for _ in x])
    for _ in range(40):
        points = exact([[rng.randint(-3, 3) for _ in range(3)] for _ in range(2)])
        slopes = []
        for w in points:
            sides = {k: dot(G.lines[k].x, w) for k in G.kinks}
            on = [k for k, side in sides.items() if side > 0 or (side == 0 and rng.random() < 0.5)]
            slopes.append([F(v, G.unit) for v in gradient(G, on)])
        off = [a - b for a, b in zip(*points, strict=True)]
        assert dot(off, [a - b for a, b in zip(*slopes, strict=True)]) <= 0


@pytest.mark.parametrize("seed", range(20))
def test_concave_contacts_have_one_velocity_and_it_is_the_shortest(seed):
    rng = random.Random(seed)
    x, z = by_kinks(
        [rng.randint(-9, 9) for _ in range(3)],
        [([rng.randint(-3, 3) for _ in range(3)] or [1, 0, 0], -rng.randint(1, 9)) for _ in range(3)],
    )
    G = canonical(F(0), x, z)
    contacts = list(G.kinks)
    ways = admissible(G, 1, [], contacts)
    assert len(ways) <= 1
    for way in ways:
        assert least_norm(G, 1, [], contacts, contacts).vector == way.vector
        for states in product((F(0), F(1, 3), F(1)), repeat=len(contacts)):
            g = [F(v, G.unit) for v in gradient(G, [])]
            for k, share in zip(contacts, states, strict=True):
                g = [a + share * G.lines[k].jump * b for a, b in zip(g, G.lines[k].x, strict=True)]
            assert way.vector.square <= dot(g, g)


def test_a_flip_goes_back_on_its_line_and_meets_the_kink_on_which_it_started():
    # On the kink of e1, which holds it from the other side only: it leaves, turns, and comes back.
    x, z = by_kinks([4, 1], [((1, 0), 1)])
    G = canonical(F(0), x, z)
    w, v = (F(0), F(9)), F(-1)
    found = polygon(G, w, v)
    out, back = found.edges[:2]
    assert (out.flips, back.returns, back.length) == (True, True, 0)
    assert back.velocity == -out.velocity and back.sign == -out.sign
    # v^2 - |w|^2 is what it was, and |w| has no more minimum after the flip.
    assert found.c == 1 - 81
    last = found.edges[-1]
    assert last.start.along(last.velocity.entries) > 0


def test_free_kinks_that_are_touched_are_kept():
    # Orthogonal inputs: x_1.w falls to 0 and stays there, x_2.w grows.
    given = exact([(2, 0), (0, 1), (0, 3)])
    found = polygon(canonical(F(0), given, [F(-1), F(1), F(0)]), (F(1), F(1)), F(2))
    assert (found.ending, [edge.slides for edge in found.edges]) == (End.RAY, [(), (0,)])
    assert found.edges[1].chi == (0,)
    # Not so if another sample pushes, or the sample itself below 0.
    for alpha, x in ((0, (1, 1)), (0, (-1, 0)), (F(1, 10), (0, 3))):
        G = canonical(F(alpha), [*given[:2], tuple(map(F, x))], [F(-1), F(1), F(0)])
        assert 0 not in G.free
        assert alpha or polygon(G, (F(1), F(1)), F(2)).ending is End.OPEN
    # With -s it is convex: two solutions part where v changes its sign on it, or where it starts there.
    G = canonical(F(0), exact([(1, 0), (0, 1)]), [F(-1), F(-2)])
    turned = polygon(G, (F(1), F(3)), F(31, 10))
    assert turned.ending is End.BRANCHES and turned.edges[-1].slides == (0,)
    assert polygon(G, (F(0), F(1)), F(-1)).ending is End.BRANCHES


def test_w_that_reaches_0_rests_there_or_may_leave():
    inputs = exact([(1, 0), (0, 1)])
    # No sample is ever active again: it stops at w = 0.
    G = canonical(F(0), inputs, [F(-1), F(-1)])
    for w in ((F(1), F(2)), (F(0), F(0))):
        found = polygon(G, w, F(4))
        assert found.ending is End.STOPS and found.rest is not None and not any(found.rest.entries)
    # The first sample would lead away; it need not.
    G = canonical(F(0), inputs, [F(1), F(-1)])
    found = polygon(G, (F(0), F(0)), F(4))
    assert found.ending is End.BRANCHES and found.branching is not None
    own = checked(0, inputs, [1, -1])
    for way in found.branching.velocities:
        slides = [[k, str(chi)] for k, chi in zip(way.slides, way.chi, strict=True)]
        moved = checked_velocity(own, Node({"slides": slides, "on": list(way.on)}, "branch"), 1, [], [0, 1])
        assert tuple(moved.entries) == way.vector.entries
    assert {way.vector.exact() for way in found.branching.velocities} == {(0, 0), (1, 0)}


def test_flips_need_a_way_off_all_kinks_and_v_that_changes_its_sign():
    x, z = by_kinks([-1, 0], [])
    G = canonical(F(0), x, z)
    # |w| >= 3 on the line, and v = 0 where |w| = 3: nothing is decided.
    assert polygon(G, (F(5), F(3)), F(5)).ending is End.OPEN
    assert [e.flips for e in polygon(G, (F(5), F(3)), F(4)).edges] == [True, False]
    assert [e.flips for e in polygon(G, (F(5), F(3)), F(6)).edges] == [False]
    own = checked(0, x, z)
    with pytest.raises(Refused):
        replay(own, vector([F(5), F(3)]), 1, F(25 - 34), [Node({"slides": [], "on": []}, "pieces[0]")])


def test_a_flip_while_sliding_branches_into_the_held_way_and_the_farthest():
    # It slides on e1 (its gradients push to it from both sides) and v vanishes on the way down.
    x, z = by_kinks([2, -1], [((1, 0), -5)])
    G = canonical(F(0), x, z)
    found = polygon(G, (F(0), F(5)), F(4))
    assert found.ending is End.BRANCHES and found.branching is not None
    held, left = found.branching.velocities
    assert held.vector.exact() == (0, 1) and held.chi == (F(2, 5),)
    assert left.vector == farthest(G, -1, [], list(G.kinks)).vector
    # Both are admissible: what is not on the kink has its side.
    ways = [way.vector for way in admissible(G, -1, [], list(G.kinks))]
    assert held.vector in ways and left.vector in ways
    own = checked(0, x, z)
    name = own.lines[own.kinks[0]].first
    table = {"slides": [[name, "2/5"]], "on": []}
    assert checked_velocity(own, Node(table, "branch[0]"), -1, [], own.kinks).entries == [0, 1]
    with pytest.raises(Refused):
        checked_velocity(own, Node({"slides": [[name, "1/5"]], "on": []}, "branch[0]"), -1, [], own.kinks)


def test_multipliers_of_dependent_contacts_start_no_solution():
    # One or two of the three kinks are on in every cell: no gradient has a tenth of each.
    kinks = [((1, 0), 30), ((0, 1), 20), ((-1, -1), 10)]
    x, z = by_kinks([-2, -1], kinks)
    own = checked(0, x, z)
    names = [own.lines[k].first for k in own.kinks]
    table = {"slides": [[name, "1/10"] for name in names], "on": []}
    with pytest.raises((Refused, Malformed)):
        checked_velocity(own, Node(table, "branch[0]"), 1, [], own.kinks)


@pytest.mark.parametrize("seed", range(6))
def test_the_largest_slope_is_found_and_bounds_all(seed):
    rng = random.Random(seed)
    d = rng.choice((1, 2, 3))
    x = [[rng.randint(-3, 3) or 1 for _ in range(d)] for _ in range(4)]
    z = [F(rng.randint(-5, 5)) for _ in x]
    G, own = canonical(F(0), exact(x), z), checked(0, x, z)
    square = largest_square(G)
    assert square is not None
    assert square <= own.largest(F(10**6)) ** 2 <= square * (1 + F(1, 10**9)) + F(1, 10**20)
    for _ in range(300):
        w = [rng.randint(-9, 9) for _ in range(d)]
        assert F(own.value(w), own.unit) ** 2 <= square * dot(w, w)


def test_the_largest_slope_may_lie_where_dependent_kinks_meet():
    kinks = [((1, 0, 0, 0), F(-6, 100)), ((0, 1, 0, 0), F(-6, 100)), ((1, 1, 0, 0), F(-6, 100))]
    kinks += [((0, 0, 1, 0), F(1)), ((0, 0, 0, 1), F(1))]
    x, z = by_kinks([F(5, 100), F(5, 100), 0, 0], kinks)
    assert largest_square(canonical(F(0), x, z)) == 2
    assert F(2) <= checked(0, x, z).largest(F(10**6)) ** 2 <= F(2) + F(1, 10**9)


def test_a_neuron_vanishes_only_if_g_is_negative_on_all_rays():
    x, z = by_kinks([1, 1], [((1, 0), -3), ((0, 1), -3)])
    G, own = canonical(F(0), x, z), checked(0, x, z)
    # Along the axes G is -2 and -1.
    assert falling(G, 1) == own.fall(1) == 1
    assert falling(G, -1) is None and own.fall(-1) is None
    x, z = by_kinks([1, 0], [((1, 0), -3)])
    # One line of kinks in the plane: G = 0 along it.
    assert falling(canonical(F(0), x, z), 1) is None and checked(0, x, z).fall(1) is None


def test_only_the_last_two_layers_make_a_sum_of_neurons():
    def problem(trained, given):
        network = cf.FeedForward([2, 3, 2, 1], trained=trained, given=given, power=1)
        return cf.Problem(network, [["1", "2"], ["-3", "1"]], ["1", "-1"], seed=1)

    G = reduced(problem((2, 3), {1: [["1", "-1"], ["2", "1"], ["-1", "3"]]}))
    # max(0, (1, -1).x), ... of the first layer, which is given.
    assert G.x == ((0, 4, 5), (0, 0, 6))
    with pytest.raises(Inconclusive, match="last two"):
        reduced(problem((1, 2), {3: [["1", "1"]]}))
