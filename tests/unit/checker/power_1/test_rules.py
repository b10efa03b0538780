"""Q1, Q7 and the fates that need no polygon, worked out on a small problem: each edge, and each sentence."""

from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE, down, up
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.polygon.tube import Span, Walk
from certflow.checker.power_1.after import Fate
from certflow.checker.power_1.rules import MAX_ROWS, _Check, _near_one

NONE = dict.fromkeys(["cone", "branch"])
RESTS = {"outcome": "inconclusive", "pieces": [], **NONE}


def check(problem=None, evidence=None, **claim):
    """Samples (3, 0) and (0, 4) with labels 1 and -2; neurons 2 (w, v) = ((3, 4), 12) and ((0, 0), 0)."""
    content = {
        "network": {"kind": "two-layer", "inputs": 2, "width": 2, "activation": {"alpha": "0", "power": 1}},
        "data": {"X": [["3", "0"], ["0", "4"]], "y": ["1", "-2"]},
        "direction": ["6", "8", "0", "0", "24", "0"],
        "loss": {"kind": "square", "reduction": "sum"},
    }
    claim = {"epsilon": "1/10", "delta_bar": "1/100", "start_angle": "0", "radius": "1/2"} | claim
    evidence = {
        "norm_squared": "18",
        "step": "1/7",
        "masses": ["700", "700", "800"],
        "neurons": [RESTS, RESTS],
    } | (evidence or {})
    clock = Clock(None)
    read = Problem(content | (problem or {}), clock, None, False)
    top = Node(claim, "claim")
    return _Check(read, top, top.fields(" ".join(claim)), Node(evidence, "evidence[0]"), clock)


def refusal(action, *arguments, **entries):
    with pytest.raises(Refused) as found:
        action(*arguments, **entries)
    return found.value.rule, found.value.where, found.value.reason


def test_numbers_are_brought_near_1():
    # 13/3 has as many bits over 3 as 4 over 1, and so on.
    assert [_near_one([F(v), F(0)]) for v in (1, -1, 3, 4, F(1, 3), F(-13, 3), 24)] == [
        1,
        1,
        F(1, 2),
        F(1, 4),
        2,
        F(1, 4),
        F(1, 16),
    ]
    assert _near_one([F(0), F(0)]) == 1 and _near_one([F(1, 8), F(-8)]) == F(1, 8)


def test_the_table_worked_out():
    each, unit = check(), F(1, 256)
    assert each.unit == unit and each.square == 676 * unit
    assert each.masses == [700 * unit, 700 * unit, 800 * unit]
    # K = 18 omega curvature / 2, delta'^2 = (1/100)^2 / 676.
    K, scale = 9 * each.problem.omega * each.problem.curvature, F(1, 10**4) / (676 * unit)
    assert 0 < each.table.kappa - K * scale < F(1, 10**50)
    kappa = each.table.kappa
    assert each.table.sizes == [up(B) for B in each.masses]
    assert each.table.etas == [up(kappa * B) for B in each.masses]
    assert each.table.ends == [down(F(q, 7)) for q in range(4)]
    largest = each.theorem.largest
    assert each.growths == [up((2 * largest + 2 * kappa * B) / 7) for B in each.masses]
    assert (each.size.K, each.size.first, each.size.last) == (K, scale * 800 * unit, F(1, 4))
    theorem = each.theorem
    assert (theorem.epsilon, theorem.delta, theorem.R, theorem.T) == (F(1, 10), F(1, 100), F(1, 2), F(3, 7))
    assert (theorem.scale, theorem.square, theorem.most) == (scale, 676 * unit, 800 * unit)
    # G = z_1 3 (w_1)_+ + z_2 4 (w_2)_+ is largest in absolute value at one of the axes.
    z = [abs(v) for v in each.problem.z]
    assert 0 <= largest - max(3 * z[0], 4 * z[1]) < F(1, 10**30)
    forever = check(radius=None)
    assert forever.size.last == forever.size.first and forever.theorem.R is None


def test_a_bound_of_n_is_no_more_than_the_rough_ones(monkeypatch):
    monkeypatch.setattr("certflow.checker.polygon.neuron.MAX_WORK", 0)
    each = check()
    assert each.problem.z == [1, -2]
    # Only the second sample counts for -G, with 2 |x_2|, the first for G; with a slope below 0 both do.
    both = check(LEAKY)
    for norm2, apart, together in ((F(10**6), 64, F(25, 3) ** 2), (F(1, 100), F(4, 100), F(325, 8100))):
        assert 0 <= each._largest(norm2) ** 2 - apart < F(1, 10**50)
        assert 0 <= both._largest(norm2) ** 2 - together < F(1, 10**50)


@pytest.mark.parametrize(
    ("evidence", "claim", "said"),
    [
        ({}, {"epsilon": "0"}, "lawful"),
        ({}, {"delta_bar": "0"}, "lawful"),
        ({}, {"start_angle": "-1/9"}, "lawful"),
        ({}, {"epsilon": "-1"}, "lawful"),
        ({}, {"delta_bar": "-1"}, "lawful"),
        ({"norm_squared": "15"}, {}, ("Q1", "norm_squared", "it is not proved to bound the inputs")),
        ({"norm_squared": "0"}, {}, ("Q1", "norm_squared", "it is not proved to bound the inputs")),
        ({"step": "0"}, {}, "masses"),
        ({"step": "-1"}, {}, "masses"),
        ({"masses": ["676", "700"]}, {}, "masses"),
        ({"masses": ["700", "699"]}, {}, "masses"),
        ({"masses": ["700", "701", "700"]}, {}, "masses"),
        ({}, {"radius": "0"}, "radius"),
        ({}, {"radius": "-1/2"}, "radius"),
        # R^2 = delta^2 900/676 at the end of the table.
        ({"masses": ["900"]}, {"radius": "3/260"}, "radius"),
        ({"masses": ["900"]}, {"radius": "1/90"}, "radius"),
    ],
)
def test_what_is_not_lawful(evidence, claim, said):
    sentences = {
        "lawful": ("R9", "claim", "epsilon > 0, delta_bar > 0 and start_angle >= 0 are needed"),
        "masses": ("Q7", "evidence[0].masses", "they do not rise from the start"),
        "radius": ("Q8", "claim.radius", "it is not above the size at the horizon"),
    }
    expected = sentences[said] if isinstance(said, str) else (said[0], f"evidence[0].{said[1]}", said[2])
    assert refusal(check, None, evidence, **claim) == expected


def test_what_is_just_lawful():
    check(None, {"masses": ["6760001/10000"]}, start_angle="1/9")
    assert check(None, {"masses": ["900"]}, radius="577/50000").size.last > 0
    assert MAX_ROWS == 10_000
    small = {"X": [["1/3", "0"], ["0", "1/4"]], "y": ["1", "-2"]}
    assert check({"data": small}, {"norm_squared": "1/8"}).size.K > 0


@pytest.mark.parametrize("x", [[["3", "4"]], [["3", "0"], ["0", "1"], ["4", "0"]], [["3", "0"], ["4", "0"]]])
def test_inputs_are_bounded_exactly(x):
    each = check({"data": {"X": x, "y": ["1"] * len(x)}}, {"norm_squared": "26"})
    assert each._bounds(25 + F(1, 10**9))
    assert not each._bounds(25 - F(1, 10**30)) and not each._bounds(F(0)) and not each._bounds(F(-9))


# -- masses --------------------------------------------------------------------------------------------------


def masses(spans, ends, covers=True, early=0, growths=(), start=5, known=False, pieces=(1,)):
    each = SimpleNamespace(start=start, pieces=pieces)
    each.walk = SimpleNamespace(
        spans=[Span(a, b, m, 0, 0, 0) for a, b, m in spans], covers=covers, early=early
    )
    own = SimpleNamespace(masses=[F(1)] * (len(ends) - 1), clock=Clock(None), growths=growths)
    own.table = SimpleNamespace(ends=ends)
    return _Check._masses(own, each, Fate(F(0), known=known))


def test_masses_are_the_largest_of_each_row():
    ends = [0, 10, 20, 30]
    assert masses([(0, 5, 7), (3, 12, 8), (11, 19, 4), (18, 99, 9)], ends) == [8, 9, 9]
    # A segment that ends with a row may lie in the next one; an `early` is rounded down.
    assert masses([(0, 10, 7), (10, 30, 8)], ends) == [8, 8, 8]
    assert masses([(0, 9, 7), (12, 30, 8)], ends) == [7, 8, 8]
    assert masses([(0, 9, 7), (11, 30, 8)], ends) == [8, 8, 8]
    assert masses([(0, 9, 7), (22, 22, 8)], ends) == [7, 0, 8]
    assert masses([(0, 9, 7), (30, 99, 8)], ends) == [7, 0, 8]
    assert masses([(0, 9, 7), (31, 99, 8)], ends) == [7, 0, 8] and masses([(32, 99, 8)], ends) == [0, 0, 0]


def test_masses_grow_at_most_so_fast_where_nothing_is_followed():
    ends, growths = [0, 10, 20, 30], [ONE // 2, ONE // 4, ONE // 8]
    unknown = masses([(0, 9, 7 * ONE), (8, 12, 4 * ONE)], ends, False, 12, growths)
    # From the last mass, 4, on: exp(1/4) and exp(1/4 + 1/8); 7 in the row before.
    assert unknown[0] == 7 * ONE
    for found, low in zip(unknown[1:], (F(5136101, 10**6), F(5819965, 10**6)), strict=True):
        assert low < F(found, ONE) < low + F(1, 10**6)
    begin = masses([], ends, False, 0, growths, start=ONE)
    assert [round(F(m, ONE), 6) for m in begin] == [F(1648721, 10**6), F(2117, 1000), F(2398875, 10**6)]
    for early, row in ((10, 0), (11, 1), (20, 1), (21, 2)):
        found = masses([(0, 3, ONE)], ends, False, early, growths)
        assert [m > ONE for m in found].index(True) == row
    assert masses([], ends, known=True, pieces=()) == [5, 5, 5]
    assert masses([(0, 99, 8)], ends, known=True) == [8, 8, 8]


# -- neurons -------------------------------------------------------------------------------------------------


def fate(j, outcome, problem=None, given=(), branch=None, **claim):
    each = check(problem, None, **claim)
    pieces = [{"slides": [], "on": on} for on in given]
    table = Node(RESTS | {"outcome": outcome, "pieces": pieces, "branch": branch}, "here")
    nodes = table.fields("outcome pieces cone branch")
    return each._fate(each._followed(j, nodes, outcome), outcome, nodes, table)


def test_a_neuron_in_its_own_units():
    each = check(start_angle="1/1000")
    nodes = Node(RESTS, "here").fields("outcome pieces cone branch")
    found = each._followed(0, nodes, "inconclusive")
    # 24 is brought to 3/2, so w = (3/8, 1/2) and |w|^2 = 25/64; sigma = 26 and the ball 26/1000/16.
    assert (found.w.entries, found.w.unit, found.v, found.sign) == ([3, 4], 8, F(3, 2), 1)
    assert found.unit == 1
    ball = F(26, 16000)
    assert ball * ONE <= found.ball < ball * ONE + 2
    size, c, wide = F(13, 8), F(9, 4) - F(25, 64), 2 * F(13, 8) * ball + ball**2
    assert size**2 == F(25, 64) + F(9, 4)
    for value, exact in ((found.c[1], c + wide), (-found.c[0], wide - c)):
        assert exact * ONE <= value < exact * ONE + 3
    most = 2 * (F(5, 8) + ball) ** 2 + c + wide
    assert most * ONE <= found.start < most * ONE + 3


@pytest.mark.parametrize("outcome", ["converges", "stops", "shrinks", "followed"])
def test_only_what_stops_or_shrinks_is_followed_to_its_rest(monkeypatch, outcome):
    asked = []
    monkeypatch.setattr(
        Walk, "run", lambda _, rests=False, shrinks=False: asked.append((bool(rests), bool(shrinks)))
    )
    check()._followed(0, Node(RESTS, "here").fields("outcome pieces cone branch"), outcome)
    assert asked == [(outcome == "stops", outcome == "shrinks")]


DOWN = {"direction": ["-6", "-8", "0", "0", "24", "0"]}
LEAKY = {
    "network": {"kind": "two-layer", "inputs": 2, "width": 2, "activation": {"alpha": "1/9", "power": 1}}
}


@pytest.mark.parametrize(
    ("arguments", "entries", "said"),
    [
        ((0, "zero"), {}, ("Q8", "here", "it is not zero at the start")),
        ((1, "zero"), {"start_angle": "1/9"}, ("Q8", "here", "it is not zero at the start")),
        ((1, "zero", {"direction": ["6", "8", "0", "0", "24", "1"]}), {}, "zero"),
        ((0, "dead"), {}, ("Q8", "here", "a sample may be active")),
        ((0, "dead", {"direction": ["-6", "0", "0", "0", "24", "0"]}), {}, "dead"),
        ((0, "dead", DOWN | LEAKY), {}, ("Q8", "here", "only neurons with alpha = 0 can be dead")),
        ((0, "dead", None, [[]]), {}, ("Q8", "here", "a neuron that rests all the time has no pieces")),
        ((0, "followed"), {}, ("Q8", "here", "it is not followed up to the horizon: it is not followed")),
        ((1, "branches"), {}, ("Q9", "here", "the limit flow depends on the start")),
        ((0, "branches"), {"start_angle": "1/9"}, ("Q9", "here", "the limit flow depends on the start")),
        (
            (1, "inconclusive", None, [[]]),
            {},
            ("Q2", "here.pieces", "v = 0 and G = 0 at the start: not covered"),
        ),
        (
            (0, "inconclusive", {"direction": ["6", "8", "0", "0", "1", "0"]}, [[]]),
            {"start_angle": "1/9"},
            ("Q2", "here.pieces", "v may have either sign"),
        ),
        (
            (0, "inconclusive", {"direction": ["0", "8", "0", "0", "24", "0"]}, [[0]]),
            {"start_angle": "1/1000"},
            ("Q2", "here.pieces", "it may start on either side of a kink: not covered"),
        ),
    ],
)
def test_fates_that_are_not_proved(arguments, entries, said):
    short = {"zero": "it is not zero at the start", "dead": "a sample may be active"}
    expected = ("Q8", "here", short[said]) if isinstance(said, str) else said
    assert refusal(fate, *arguments, **entries) == expected


def test_fates_at_their_edges():
    assert fate(1, "zero") == fate(0, "dead", DOWN) == Fate(F(0))
    # x.w = -18 and -32, |x| sigma angle = 78 and 104 times the angle: -18/78 is the first to reach 0.
    assert fate(0, "dead", DOWN, start_angle="17/78") == Fate(F(0))
    assert refusal(fate, 0, "dead", DOWN, start_angle="19/78")[2] == "a sample may be active"
    assert fate(0, "inconclusive").known is False and fate(0, "inconclusive").rate > 0
    # v = 1 is more than the ball, 10.05 angle; and v = 0 needs no sign.
    thin = {"direction": ["6", "8", "0", "0", "1", "0"]}
    assert fate(0, "inconclusive", thin, [[]], start_angle="9/100").known is False
    still = {"direction": ["6", "8", "0", "0", "0", "0"]}
    assert fate(0, "inconclusive", still, [[]]).known is False
