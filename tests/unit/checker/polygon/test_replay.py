"""Q2 and Q9 worked out: pieces, their ends, and every sentence with which they are refused."""

from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import ANY, admissible, contacts, names, part, replay, velocity


def neuron(x, z, alpha=0):
    return Neuron(
        SimpleNamespace(features=[[F(v) for v in row] for row in x], z=[F(v) for v in z], alpha=F(alpha)),
        Clock(None),
    )


def edges(G, w, v, given, sign=None):
    w, v = [F(a) for a in w], F(v)
    nodes = [Node({"slides": slides, "on": on}, f"pieces[{i}]") for i, (slides, on) in enumerate(given)]
    return replay(G, vector(w), sign or (1 if v > 0 else -1), v * v - sum(a * a for a in w), nodes)


def refusal(action, *arguments):
    with pytest.raises(Refused) as found:
        action(*arguments)
    return found.value.rule, found.value.where, found.value.reason


CONVEX = "a convex kink is met with others: not covered"
BOTH = "it may stay on the kink on which it starts, or leave it to both sides"
SIDE = "a kink is not left to the side that is given"
MEET = "not all of these kinks meet here"
BETWEEN = "a multiplier is not strictly between 0 and 1, nor 0 on a free kink"
AXES = neuron([[1, 0], [0, 1]], [-1, -1])
HELD = neuron([[1, 0], [1, 1]], [-3, 1])
"""w_1 falls to 0 and is held there with the multiplier 1/3."""
SPAN = neuron([[1, 0], [0, 1], [1, 1]], [-3, -3, 1])
PAIR = neuron([[1, 0], [-1, 0], [0, 1]], ["-3/4", "-1/4", 1])
"""w_1 = 0 is held with the multiplier 1/4, since b_1 = 1/4 and j = -1."""


@pytest.mark.parametrize(
    ("G", "w", "v", "given", "where", "reason"),
    [
        (
            AXES,
            [1, 2],
            3,
            [([1, 0], [])],
            "pieces[0].slides",
            "expected numbers of kinks in increasing order",
        ),
        (
            AXES,
            [1, 2],
            3,
            [([0, 0], [])],
            "pieces[0].slides",
            "expected numbers of kinks in increasing order",
        ),
        (AXES, [1, 2], 3, [([], [2])], "pieces[0].on", "a number is not that of the first sample on a kink"),
        (AXES, [1, 2], 3, [([0], [])], "pieces[0]", MEET),
        (AXES, [1, 2], 3, [([], [1])], "pieces[0]", MEET),
        (HELD, [0, 1], 2, [([0], [0])], "pieces[0]", MEET),
        (HELD, [0, 1], 2, [([0], []), ([], [])], "pieces[1]", "the limit flow has ended before"),
        (neuron([[1]], [-1]), [1], 1, [([], []), ([], [])], "pieces[1]", "the limit flow has ended before"),
        (SPAN, [0, 0], 2, [([0, 1, 2], [])], "pieces[0]", "a convex kink is not slid on"),
        (neuron([[1, 0], [1, 1]], [1, 1]), [0, 0], 2, [([], [0, 1])], "pieces[0]", CONVEX),
        (neuron([[1, 0]], [1]), [0, 1], 2, [([], [0])], "pieces[0]", BOTH),
        (neuron([[1], [-1]], [-1, -1]), [0], 1, [([], [0])], "pieces[0]", SIDE),
        (
            neuron([[1, 0], [0, 1], [1, 1]], [-1, -1, -1]),
            [0, 0],
            2,
            [([0, 1, 2], [])],
            "pieces[0]",
            "the kinks that are kept are not independent",
        ),
        (neuron([[1, 0], [0, 1], [-1, 0]], [-1, 1, 0]), [0, 1], 2, [([0], [])], "pieces[0]", BETWEEN),
        (neuron([[1, 0], [1, 1]], [-1, 1]), [0, 1], 2, [([0], [])], "pieces[0]", BETWEEN),
        (neuron([[1, 0], [1, 1]], [-1, 1]), [0, 1], 2, [([], [])], "pieces[0]", SIDE),
        (HELD, [0, 1], 2, [([], [])], "pieces[0]", SIDE),
        (HELD, [0, 1], 2, [([], [0])], "pieces[0]", SIDE),
        (neuron([[1]], [-1]), [-1], 1, [([], [])], "pieces[0]", "it comes to rest here"),
        (
            neuron([[1, 0]], [-1], 1),
            [2, 1],
            2,
            [([], [])],
            "pieces[0]",
            "v vanishes without changing its sign, or on a kink: not covered",
        ),
    ],
)
def test_pieces_that_are_refused(G, w, v, given, where, reason):
    found = refusal(edges, G, w, v, given)
    assert found == (("R1" if reason.startswith("expected") else "Q2"), where, reason)


def test_v_changes_its_sign_off_all_kinks():
    flips = neuron([[1, 0]], [-1], 1)
    found = edges(flips, [2, "1/10"], 1, [([], []), ([], [])])
    assert [each.end for each in found] == ["flip", "ray"] and found[1].velocity == vector([F(1), F(0)])
    assert (found[1].sign, found[1].returns, found[1].start, found[1].left) == (-1, True, found[0].start, [])
    assert found[0].length is None and found[0].met is None
    for other in (([0], []), ([], [0])):
        said = refusal(edges, neuron([[1, 0]], [-1], 0), [2, "1/10"], 1, [([], []), other])
        assert said == ("Q2", "pieces[1]", "v changes its sign here, off all kinks")
    # c = |p|^2 at the foot, and on the other side of it: the flow is faster there than before.
    assert edges(flips, ["-1", "1/10"], "1/2", [([], [])])[0].end == "ray"
    # On a kink no sign is changed: 0 = w_1 is held, and w_2 falls through |w_2|^2 = -c.
    slid = neuron([[1, 0], [-1, 0], [0, 1], [0, -1]], [-1, -1, -1, 1])
    assert edges(slid, [0, 2], 1, [([0], [])])[0].end == "flip"
    said = refusal(edges, slid, [0, 2], 1, [([0], []), ([], [])])
    assert said == ("Q2", "pieces[1]", "v changes its sign here, off all kinks")


def test_a_polygon_worked_out():
    first, second = edges(HELD, [1, 1], 2, [([], []), ([0], [])])
    assert (first.start, first.velocity, first.length) == (vector([F(1)] * 2), vector([F(-2), F(1)]), F(1, 2))
    assert (first.met, first.end, first.sides, first.lock) == ([0], "vertex", {0: 1, 1: 1}, ANY)
    assert (first.slides, first.left, first.gram, first.returns) == ([], [], ([], 1), False)
    assert first.finish() == second.start == vector([F(0), F(3, 2)])
    assert (second.slides, second.sides, second.left, second.end) == ([0], {1: 1}, [], "ray")
    # m(S) = 3 min(1/3, 2/3).
    assert (second.lock, second.gram, second.length, second.met) == (ONE, ([[1]], 1), None, None)
    assert second.finish() == second.start


def test_the_lock_is_that_of_the_weakest_kink_rounded_down():
    (held,) = edges(PAIR, [0, 1], 2, [([0], [])])
    assert held.lock == ONE // 4
    # x = (1, 0, 0) and (1, 1, 0): chi = (1/2, 1/4), Gram = [[1, 1], [1, 2]], inverse [[2, -1], [-1, 1]].
    turned = neuron([[1, 0, 0], [1, 1, 0], [3, 1, 4]], [-1, -1, "1/4"])
    (held,) = edges(turned, [0, 0, 1], 2, [([0, 1], [])])
    assert held.gram == ([[2, -1], [-1, 1]], 1) and held.velocity == vector([F(0), F(0), F(1)])
    # min(1/2 / sqrt 2, 1/4) = 1/4.
    assert held.lock == ONE // 4
    heavy = neuron([[1, 0, 0], [1, 1, 0], [3, 2, 4]], [-1, -1, "1/4"])
    (held,) = edges(heavy, [0, 0, 1], 2, [([0, 1], [])])
    # chi = (1/4, 1/2): 1/4 / sqrt 2 rounded down.
    assert held.lock**2 * 32 < ONE**2 < (held.lock + 1) ** 2 * 32


def test_a_piece_ends_at_the_first_kinks_that_it_runs_to():
    G = neuron([[1, 0], [0, 1], [1, 1]], [-1, -1, "-1/10"])
    (each,) = edges(G, [3, 2], 9, [([], [])])
    assert (each.velocity, each.length, each.met) == (vector([F(-11, 10)] * 2), F(20, 11), [1])
    (each,) = edges(G, [2, 3], 9, [([], [])])
    assert (each.length, each.met, each.end) == (F(20, 11), [0], "vertex")
    (each,) = edges(G, [2, 2], 9, [([], [])])
    # All three at once, where w = 0.
    assert (each.length, each.met, each.end) == (F(20, 11), [0, 1, 2], "origin")
    # Not straight through 0, and away from it.
    assert edges(neuron([[1, 0]], [-1], 1), [1, "1/100"], 9, [([], [])])[0].end == "ray"
    assert edges(neuron([[1, 0]], [1], 1), [1, 0], 9, [([], [])])[0].end == "ray"
    assert edges(neuron([[1, 0]], [1], 1), [0, 0], 9, [([], [])])[0].end == "ray"
    (slow,) = edges(neuron([[1]], [-1], 1), ["3"], 9, [([], [])])
    assert (slow.end, slow.length, slow.met) == ("origin", 3, [])


def test_velocities_are_exact():
    assert velocity(AXES, 1, [0], {1: F(1, 2)}) == vector([F(-1), F(-1, 2)])
    assert velocity(AXES, -1, [1], {0: F(1, 3)}) == vector([F(1, 3), F(1)])
    assert velocity(AXES, 1, [], {}) == vector([F(0), F(0)])
    assert contacts(AXES, vector([F(0), F(1)])) == [0] and contacts(AXES, vector([F(0), F(0)])) == [0, 1]
    apart = neuron([[0, 0], [1, 0], [0, 0], [0, 1]], [1, -1, 1, -1])
    assert names(apart, Node([1, 3], "here")) == [0, 1]
    assert refusal(names, apart, Node([0], "here"))[0] == "Q2"
    with pytest.raises(Malformed):
        names(apart, Node([1, 3, 3], "here"))


# -- two solutions -------------------------------------------------------------------------------------------

MULTIPLIERS = "these are no multipliers of kinks that meet here"
LEAVES = "no solution leaves with this velocity"
PART = neuron([[1, 0], [0, 1]], [1, 1])
"""From (0, 1) w_1 may stay 0 (multiplier 0) or grow (1)."""


def way(slides, on):
    return {"slides": slides, "on": on}


def test_two_solutions_leave_a_convex_kink():
    touched = [0]
    stay = admissible(PART, Node(way([], []), "way"), 1, [1], touched)
    leave = admissible(PART, Node(way([], [0]), "way"), 1, [1], touched)
    kept = admissible(PART, Node(way([[0, "0"]], []), "way"), 1, [1], touched)
    assert stay == kept == vector([F(0), F(1)]) and leave == vector([F(1), F(1)])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (way([[1, "0"]], []), MULTIPLIERS),
        (way([], [1]), MULTIPLIERS),
        (way([[0, "1"]], [0]), MULTIPLIERS),
        (way([[0, "-1/5"]], []), MULTIPLIERS),
        (way([[0, "6/5"]], []), MULTIPLIERS),
        (way([[0, "1/2"]], []), LEAVES),
    ],
)
def test_velocities_that_are_not_those_of_a_solution(given, reason):
    assert refusal(admissible, PART, Node(given, "way"), 1, [1], [0]) == ("Q9", "way", reason)


def test_a_solution_is_not_held_by_kinks_that_are_not_independent():
    # G = (w_1)_+ + (-w_1)_+ pulls both ways from 0, and so does each of three normals in the plane.
    G = neuron([[1, 0], [0, 1], [1, 1]], [1, 1, 1])
    still = way([], [])
    said = refusal(admissible, G, Node(still, "way"), 1, [], [0, 1, 2])
    assert said == ("Q9", "way", "it is held on kinks that are not independent")
    assert admissible(G, Node(still, "way"), 1, [], [0, 1]) == vector([F(0), F(0)])
    # Pushed away to both sides: -2 where w_1 < 0 and 1 where w_1 > 0.
    apart = neuron([[1, 0], [-1, 0], [0, 1]], [-1, -2, 1])
    left, right = (admissible(apart, Node(way([], on), "way"), -1, [1], [0]).entries for on in ([], [0]))
    assert (left, right) == ([-2, -1], [1, -1])
    assert refusal(admissible, apart, Node(way([], []), "way"), 1, [1], [0])[2] == LEAVES


def parted(G, w, v, given, ways, sign=1):
    start = vector([F(a) for a in w])
    found = edges(G, w, v, given, sign)
    c = F(v) ** 2 - sum(F(a) ** 2 for a in w)
    part(G, start, sign, c, found, Node(ways, "branch"))


def test_where_two_solutions_part():
    two = [way([], []), way([], [0])]
    parted(PART, [0, 1], 2, [], two)
    assert refusal(parted, PART, [0, 1], 2, [], [two[0]] * 2) == ("Q9", "branch", "the two solutions are one")
    assert refusal(parted, PART, [1, 1], 2, [([], [])], two) == ("Q9", "branch", "nothing is met here")
    # At w = 0, where v > 0 does not vanish: each kink may stay or be left.
    for v in (2, F(1, 2)):
        parted(PART, [0, 0], v, [], [way([], [0]), way([], [1])])
    said = refusal(parted, PART, [0, 0], 0, [], [way([], [0]), way([], [1])])
    assert said == ("Q9", "branch", "w = 0 is never reached")


def test_two_solutions_part_where_v_changes_its_sign_on_a_kink():
    # w_1 = 0 is held (v > 0) while w_2 falls; where v = 0 the concave kink becomes a convex one.
    slid = neuron([[1, 0], [-1, 0], [0, 1], [0, -1]], [-1, -1, -1, 1])
    left, right = way([], []), way([], [0])
    parted(slid, [0, 2], 1, [([0], [])], [left, right])
    parted(slid, [0, 2], 1, [([0], [])], [way([[0, "1/2"]], []), right])
    assert refusal(parted, slid, [0, 2], 3, [([0], [])], [left, right])[0] == "Q9"
