"""Q2 to Q5 where something is not as it should be: events that are not clean, changes of sign that are not
certain, starts that are not covered.
"""

from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE, down, up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.polygon.neuron import Neuron, vector
from certflow.checker.polygon.replay import replay
from certflow.checker.polygon.tube import Table, Walk


def neuron(x, z, alpha=0):
    return Neuron(
        SimpleNamespace(features=[[F(v) for v in row] for row in x], z=[F(v) for v in z], alpha=F(alpha)),
        Clock(None),
    )


def edges(G, w, v, given, sign=None):
    w, v = [F(a) for a in w], F(v)
    nodes = [Node({"slides": slides, "on": on}, f"pieces[{i}]") for i, (slides, on) in enumerate(given)]
    c = v * v - sum(a * a for a in w)
    return replay(G, vector(w), sign or (1 if v > 0 else -1), c, nodes), c


def walk(G, w, v, given, kappa="1/1000000", T=4, rows=40, ball=0, mass=1, **options):
    found, c = edges(G, w, v, given, options.pop("sign", None))
    kappa = F(kappa)
    wide = 2 * F(ball) * 10
    table = Table(
        kappa,
        [up(F(mass))] * rows,
        [up(kappa * mass)] * rows,
        [down(F(T) * q / rows) for q in range(rows + 1)],
    )
    each = Walk(G, table, found, (down(c - wide), up(c + wide)), up(F(ball)), F(v) == 0)
    each.run(**options)
    return each


def refusal(G, w, v, given, sign=None):
    with pytest.raises(Refused) as found:
        edges(G, w, v, given, sign)
    return found.value.rule, found.value.where, found.value.reason


TWO = [[1, 0], [0, 1]]


def test_one_neuron_without_kinks_runs_along_its_gradient():
    G = neuron([[3, 4]], [1], F(1))
    each = walk(G, [3, 4], 6, [([], [])])
    assert each.covers and each.piece.end == "ray" and each.entered is not None
    # |w|' = 5 v and v' = 5 |w|, so that v doubles in about ln(2)/5 at first; the mass at T is known.
    assert all(a.late >= a.early for a in each.spans)
    assert each.spans[0].begin == 0 and each.spans[-1].late > 4 * ONE >= each.spans[-1].early


HELD = neuron([[1, 0], [1, 1]], [-3, 1])
"""w_1 falls to 0 and is held there with the multiplier 1/3."""


def test_two_concave_kinks_that_are_met_at_once_are_not_clean():
    # Both hold the flow from then on; either normal alone would miss an error of first order.
    G = neuron([[1, 0, 0], [0, 1, 0], [1, 1, 1]], [-3, -3, 1])
    given = [([], []), ([0, 1], [])]
    found, _ = edges(G, [1, 1, 1], 5, given)
    assert found[0].met == [0, 1] and found[1].end == "ray" and found[1].slides == [0, 1]
    each = walk(G, [1, 1, 1], 5, given)
    assert not each.covers and each.why == "several kinks are met or entered at once" and each.i == 0
    # Met one after the other, both events are clean.
    each = walk(G, [1, F(3, 4), 1], 5, [([], []), ([1], []), ([0, 1], [])])
    assert each.covers and each.i == 2 and len(each.sources) == 4


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (([], []), "a kink is not left to the side that is given"),
        (([], [0]), "a kink is not left to the side that is given"),
        (([2], []), "not all of these kinks meet here"),
        (([], [2]), "not all of these kinks meet here"),
        (([0], [0]), "not all of these kinks meet here"),
    ],
)
def test_a_kink_that_holds_the_flow_is_kept(given, reason):
    G = neuron([[1, 0], [1, 1], [1, 3]], [-3, 1, 0])
    named = neuron([[1, 0], [1, 1], [1, 3]], [-3, 1, F(1, 100)])
    found, _ = edges(G, [1, 1], 2, [([], []), ([0], [])])
    assert [each.end for each in found] == ["vertex", "ray"] and found[0].length == F(1, 2)
    assert (found[1].start, found[1].velocity) == (vector([F(0), F(3, 2)]), vector([F(0), F(1)]))
    assert refusal(named, [1, 1], 2, [([], []), given]) == ("Q2", "pieces[1]", reason)
    other = ([([], []), ([2], [])], "a number is not that of the first sample on a kink")
    assert refusal(G, [1, 1], 2, other[0]) == ("Q2", "pieces[1].slides", other[1])


def test_starts_that_are_not_covered():
    G = neuron(TWO, [1, 1])
    convex = "a convex kink is met with others: not covered"
    assert refusal(neuron([*TWO, [1, 1]], [1, -1, 3]), [0, 0], 2, [([], [0])]) == ("Q2", "pieces[0]", convex)
    assert refusal(G, [1, 1], 2, [([], []), ([], [])]) == (
        "Q2",
        "pieces[1]",
        "the limit flow has ended before",
    )
    assert edges(HELD, [0, 1], 2, [([0], [])])[0][0].end == "ray"
    assert refusal(HELD, [0, 1], 2, [([], [])])[2] == "a kink is not left to the side that is given"
    assert refusal(neuron([[1, 0]], [-1]), [-1, 1], 1, [([], [])])[2] == "it comes to rest here"


def test_convex_kinks_are_crossed_alone():
    # Up through w_1 = 0, or through both axes at once.
    G = neuron([[1, 0], [0, 1], [1, 1]], [1, 1, 1])
    assert edges(G, [F(-1, 2), 2], 3, [([], []), ([], [0])])[0][1].end == "ray"
    slid = refusal(G, [F(-1, 2), 2], 3, [([], []), ([0], [])])
    assert slid == ("Q2", "pieces[1]", "a convex kink is not slid on")
    H = neuron([[1, 0, 0], [0, 1, 0], [1, 1, 1]], [1, 1, 1])
    both = refusal(H, [F(-1, 2), F(-1, 2), 2], 3, [([], []), ([], [0, 1])])
    assert both[2] == "a convex kink is met with others: not covered"


def test_a_convex_kink_alone_at_the_start_is_left_to_one_side():
    # x_1.u is 3/2 without the kink and 5/2 with it; with v < 0 the kink is concave, and just left.
    G = neuron([[1, 0], [3, 1]], [1, F(1, 2)])
    (first,), _ = edges(G, [0, 1], 2, [([], [0])])
    assert first.velocity == vector([F(5, 2), F(1, 2)]) and first.lock == down(F(3, 2))
    assert refusal(G, [0, 1], 2, [([], [])])[2] == "a kink is not left to the side that is given"
    assert refusal(G, [0, 1], 2, [([0], [])])[2] == "a convex kink is not slid on"
    assert edges(G, [0, 1], -2, [([], [])])[0][0].velocity == vector([F(-3, 2), F(-1, 2)])
    assert walk(G, [0, 1], 2, [([], [0])]).covers
    fast = walk(G, [0, 1], 2, [([], [0])], kappa="8/5")
    assert not fast.covers and fast.why == "it may not be held on its kinks, or not leave one"
    # Both ways are open, or the way off is only touched.
    both = "it may stay on the kink on which it starts, or leave it to both sides"
    for pull in (F(-1, 10), F(0)):
        H = neuron([[1, 0], [3, 1], [3, -1]], [1, pull, 0])
        assert refusal(H, [0, 1], 2, [([], [0])]) == ("Q2", "pieces[0]", both)


def test_a_free_kink_is_kept_with_the_multiplier_0():
    # x_1.w falls to 0 and stays there; x_2.w grows.
    G = neuron([[2, 0], [0, 1], [0, 3]], [-1, 1, 0])
    kept = [([], []), ([0], [])]
    assert [G.free(k) for k in range(2)] == [True, True]
    found, _ = edges(G, [1, 1], 2, kept)
    assert found[1].velocity == vector([F(0), F(1)]) and found[1].lock == down(F(2))
    assert walk(G, [1, 1], 2, kept).covers
    strong = walk(G, [1, 1], 2, kept, kappa="201/100")
    assert not strong.covers
    # A start on it; nothing else goes on from there.
    assert edges(G, [0, 1], 2, [([0], [])])[0][0].lock == down(F(2))
    left = "a kink is not left to the side that is given"
    assert refusal(G, [1, 1], 2, [([], []), ([], [])])[2] == left
    assert refusal(G, [1, 1], 2, [([], []), ([], [0])])[2] == left
    # The same limit flow, but another sample, an opposite one or the slope below 0 pushes.
    inner = "a multiplier is not strictly between 0 and 1, nor 0 on a free kink"
    for x, z in (
        ([[2, 0], [0, 1], [1, 1]], [-1, 1, 0]),
        ([[2, 0], [0, 1], [-1, 0]], [-1, 1, 0]),
        ([[2, 0], [-1, 0], [0, 1]], [-1, 0, 1]),
    ):
        H = neuron(x, z)
        assert not H.free(0) and refusal(H, [1, 1], 2, kept) == ("Q2", "pieces[1]", inner)
    leaky = neuron([[2, 0], [0, 1]], [-1, 1], F(1, 10))
    assert not leaky.free(0) and refusal(leaky, [1, 1], 2, kept)[2] == inner


def test_v_that_only_touches_0_is_not_covered():
    # Straight to (0, 1), nearest to 0 there; c = -1 touches, a little less crosses, a little more does not.
    G = neuron([[1, 0]], [-1], 1)
    assert refusal(G, [2, 1], 2, [([], [])])[2].startswith("v vanishes without changing its sign")
    assert edges(G, [2, 1], F(199, 100), [([], [])])[0][0].end == "flip"
    assert edges(G, [2, 1], F(201, 100), [([], [])])[0][0].end == "ray"


def test_kinks_of_the_start_are_met_on_the_way_back():
    G = neuron([[1, 0], [0, 1], [0, -1]], [-1, F(1, 10), F(1, 10)])
    # G = -(w_1)_+ + |w_2|/10: from (1, 1/100) with v = 1/2 it turns; nothing lies on the start.
    found, _ = edges(G, [1, F(1, 100)], F(1, 2), [([], []), ([], [])])
    assert [each.end for each in found] == ["flip", "vertex"] and found[1].returns
    assert found[1].length > 0 and found[1].sign == -1


def test_a_change_of_sign_takes_its_time_and_its_forcing_both_ways():
    G = neuron([[1, 0]], [-1], 1)
    each = walk(G, [2, F(1, 10)], 1, [([], []), ([], [])], T=3)
    assert each.covers and each.piece.returns and each.piece.end == "ray"
    turn = next(
        i for i, (a, b) in enumerate(zip(each.spans, each.spans[1:], strict=False)) if b.begin < a.begin
    )
    assert (
        each.spans[turn].early == each.spans[turn + 1].early
        and each.spans[turn + 1].phi > each.spans[turn].phi
    )
    # A forcing of the size of G there: v may never vanish.
    far = walk(G, [2, F(1, 10)], 1, [([], []), ([], [])], kappa="1/2", T=3)
    assert not far.covers and far.why in (
        "it is not certain that v changes its sign",
        "v may vanish",
    )


def test_v_grows_from_0():
    G = neuron([[1, 0]], [1], 1)
    each = walk(G, [1, F(1, 3)], 0, [([], [])], sign=1)
    assert each.covers and each.spans[0].late > 0
    weak = walk(G, [F(1, 1000), 1], 0, [([], [])], kappa="1/100", sign=1)
    assert not weak.covers and weak.why == "v may not leave 0" and weak.spans == []


def test_a_ball_of_starts_has_to_clear_all_kinks():
    G = neuron(TWO, [1, 1])
    assert walk(G, [1, 1], 2, [([], [])], ball="1/100").covers
    each = walk(G, [1, F(1, 200)], 2, [([], [])], ball="1/100")
    assert not each.covers and each.why == "a kink is not certain at the start" and each.early == 0


def test_forcing_above_the_lock_ends_the_tube():
    # m(S) = |j| chi / |x| with j = -1: b_1 = 1/4 holds with chi = 1/4.
    G = neuron([[1, 0], [-1, 0], [0, 1]], [F(-3, 4), F(-1, 4), 1])
    held = [([0], [])]
    found, _ = edges(G, [0, 1], 2, held)
    assert found[0].lock == ONE // 4
    assert walk(G, [0, 1], 2, held, kappa="1/5", T=F(1, 100)).covers
    each = walk(G, [0, 1], 2, held, kappa="1/4", T=F(1, 100))
    assert not each.covers and each.why == "it may not be held on its kinks, or not leave one"


@pytest.mark.parametrize(
    ("kappa", "why"),
    [
        ("1/2", "the window of a kink is longer than a segment"),
        ("9/10", "another kink may be met at the same time"),
        ("2", "a kink is not met at a certain speed"),
    ],
)
def test_events_that_are_not_clean_end_the_tube_before_them(kappa, why):
    given = [([], []), ([0], [])]
    assert walk(HELD, [1, 1], 3, given, kappa="1/100").covers
    each = walk(HELD, [1, 1], 3, given, kappa=kappa)
    assert not each.covers and each.i == 0 and each.why == why
    assert all(span.late < each.table.ends[-1] for span in each.spans)


@pytest.mark.parametrize(("kappa", "slow"), [("26/100", True), ("25/100", False)])
def test_kinks_that_push_away_are_crossed_fast_enough_where_others_are_left(kappa, slow):
    # Held on w_1 = 0 until n = (-2, 1, -1), met at the speed 1, pushes it off: 1/(8/5 sqrt 6) = 0.2551...
    G = neuron([[1, 0, 0], [1, 1, 0], [-2, 1, -1]], [-3, 1, 1])
    given, start = [([0], []), ([], [2])], [0, F(999, 1000), 1]
    found, _ = edges(G, start, 5, given)
    assert (found[0].met, found[0].slides, found[1].velocity) == ([2], [0], vector([F(-1), F(2), F(-1)]))
    each = walk(G, start, 5, given, kappa=kappa)
    assert not each.covers and (each.why == "a kink that pushes away is crossed too slowly") is slow
