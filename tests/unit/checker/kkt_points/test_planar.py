"""R10 in exact numbers: the list of a planar neuron, entry by entry, and what a claim may state about it."""

import random
from fractions import Fraction

import pytest
from refusals import ending

from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed
from certflow.checker.kkt_points.planar import (
    Found,
    Surd,
    _check_place,
    _counterclockwise,
    check_planar,
    kkt_points,
)

CLOCK = Clock(None)
ZERO = Surd(Fraction(0))


# -- numbers and angles --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "s", "q", "below"),
    [
        # Numbers that are rational: each is the largest that it reaches.
        (1, 1, 4, 3),
        (1, -1, 4, -1),
        (-1, 1, "1/4", "-1/2"),
        ("1/2", -1, "9/4", -1),
        (5, 1, 0, 5),
        (5, -1, 0, 5),
    ],
)
def test_a_surd_that_is_rational_is_exactly_that(a, s, q, below):
    surd, value, small = Surd(Fraction(a), s, Fraction(q)), Fraction(below), Fraction(1, 10**9)
    assert surd.reaches(value) and surd.reaches(value - small) and surd.reaches(value - 10)
    assert not surd.reaches(value + small) and not surd.reaches(value + 10)
    assert surd.within(value, value) and surd.within(value - 10, value) and surd.within(value, value + 10)
    assert not surd.within(value + small, value + 1) and not surd.within(value - 1, value - small)
    assert not surd.within(value + small, value - small)


def test_all_directions_are_in_the_order_of_their_angles():
    # From -180 degrees, excluded, to 180.
    order = [(-2, -1), (-1, -1), (-1, -2), (0, -1), (1, -2), (1, -1), (2, -1), (1, 0)]
    order += [(2, 1), (1, 1), (1, 2), (0, 1), (-1, 2), (-1, 1), (-2, 1), (-1, 0)]
    for seed in range(3):
        mixed = order[:]
        random.Random(seed).shuffle(mixed)
        assert _counterclockwise(mixed, CLOCK) == order


# -- the enumeration -----------------------------------------------------------------------------------------


def enumerated(X, z, off="0"):
    return kkt_points([[Fraction(v) for v in x] for x in X], [Fraction(v) for v in z], Fraction(off), CLOCK)


def value_at(X, z, off, u):
    """n(u / |u|), exactly."""
    total = Fraction(0)
    for x, weight in zip(X, z, strict=True):
        t = sum(Fraction(a) * b for a, b in zip(x, u, strict=True))
        total += Fraction(weight) * (1 if t > 0 else Fraction(off)) * t * t
    return total / sum(b * b for b in u)


DIAGONAL = ([["1", "0"], ["0", "1"]], ["1", "-1/2"], "1")


def test_the_gap_on_a_kink_is_that_of_the_arc_just_before_where_it_is_the_smaller_one():
    # About (s, -1): 2 + 8 s^2, and of the samples on their kink -129/4 s^2 for s > 0, -9 s^2 for s < 0, over
    # 1 + s^2.
    found = enumerated([(1, 0), (-1, 0), (2, -1), (-2, -1)], [-32, -1, 1, 1], "1/4")
    (point,) = [each for each in found if each.begin == (0, -1)]
    assert (point.where, point.kind, point.value, point.gap) == (
        "at",
        "maximum",
        Surd(Fraction(2)),
        Surd(Fraction(6)),
    )


def test_a_quadratic_form_is_listed_at_its_axes():
    # n = cos^2 - sin^2 / 2, times 2 in whole numbers: S, D, E = 1, 3, 0.
    sums = (1, 3, 0)
    assert enumerated(*DIAGONAL) == [
        Found("at", kind, u, u, sums, Surd(Fraction(value)), Surd(Fraction(gap)))
        for u, kind, value, gap in (
            ((0, -1), "minimum", "-1/2", -3),
            ((1, 0), "maximum", 1, 3),
            ((0, 1), "minimum", "-1/2", -3),
            ((-1, 0), "maximum", 1, 3),
        )
    ]


def test_a_point_between_critical_lines_is_known_by_its_sums():
    # The only sample (2, 1) / 3 is on where 2 cos + sin > 0: n = (5 + 3 cos 2t + 4 sin 2t) / 18, times 9 in
    # whole numbers.
    on, off = (5, 3, 4), (0, 0, 0)
    half = Surd(Fraction(5, 18), 1, Fraction(25, 324)), Surd(Fraction(0), 1, Fraction(100, 81))
    assert enumerated([["2/3", "1/3"]], ["1"]) == [
        Found("inside", "maximum", (1, 0), (1, 1), on, *half),
        Found("arc", "arc", (-1, 2), (1, -2), off, ZERO, ZERO),
    ]
    # A quarter of it where it is off: with 36 in whole numbers, maxima on both sides and minima at the kinks.
    on, off = (20, 12, 16), (5, 3, 4)
    quarter = Surd(Fraction(5, 72), 1, Fraction(25, 5184)), Surd(Fraction(0), 1, Fraction(25, 324))
    assert enumerated([["2/3", "1/3"]], ["1"], "1/4") == [
        Found("inside", "maximum", (-1, 0), (-1, -1), off, *quarter),
        Found("at", "minimum", (1, -2), (1, -2), on, ZERO, Surd(Fraction(-10, 9))),
        Found("inside", "maximum", (1, 0), (1, 1), on, *half),
        Found("at", "minimum", (-1, 2), (-1, 2), off, ZERO, Surd(Fraction(-10, 9))),
    ]


def test_a_circle_of_points_is_one_entry():
    one = [Found("circle", "arc", (-1, -1), (-1, -1), (2, 0, 0), Surd(Fraction(1)), ZERO)]
    assert enumerated([["1", "0"], ["0", "1"]], ["1", "1"], "1") == one
    assert enumerated([["0", "0"], ["3", "4"]], ["1", "0"]) == [
        Found("circle", "arc", (-1, -1), (-1, -1), (0, 0, 0), ZERO, ZERO)
    ]


RANDOM = [(seed, off) for seed in range(8) for off in ("0", "1/4", "1")]


@pytest.mark.parametrize(("seed", "off"), RANDOM)
def test_every_entry_is_true_to_the_function(seed, off):
    rng = random.Random(seed)
    count = rng.randint(1, 4)
    X = [[Fraction(rng.randint(-3, 3), rng.randint(1, 3)) for _ in range(2)] for _ in range(count)]
    z = [Fraction(rng.choice([-2, -1, 0, 1, 2]), rng.randint(1, 3)) for _ in range(count)]
    for each in enumerated(X, z, off):
        if each.where == "at":
            assert each.value == Surd(value_at(X, z, off, each.begin))
            continue
        # An inner direction of an arc, which is at most 45 degrees: n |u|^2 there, in the unit of the sums.
        S, D, E = each.sums
        u, v = (each.begin, each.end) if each.where == "inside" else (each.begin, each.begin)
        x, y = u[0] + v[0], u[1] + v[1]
        form = S * (x * x + y * y) + D * (x * x - y * y) + E * 2 * x * y
        n = value_at(X, z, off, (x, y)) * (x * x + y * y)
        assert (form == 0) == (n == 0)
        if each.where == "inside":
            unit = form / (2 * n) if n else None
            assert each.value.s == each.gap.s == (1 if each.kind == "maximum" else -1)
            if unit:
                assert each.value == Surd(S / (2 * unit), each.value.s, (D * D + E * E) / (2 * unit) ** 2)
                assert each.gap == Surd(Fraction(0), each.gap.s, 4 * (D * D + E * E) / unit**2)
        else:
            assert each.value == Surd(value_at(X, z, off, each.begin)) and each.gap == ZERO


def places(X, z, off="0"):
    return [(each.where, each.kind, each.begin, each.end, each.value.a) for each in enumerated(X, z, off)]


LEFT, RIGHT, UP, DOWN = (-1, 0), (1, 0), (0, 1), (0, -1)


@pytest.mark.parametrize(
    ("x", "top", "begin", "end"),
    [(RIGHT, RIGHT, UP, DOWN), (LEFT, LEFT, DOWN, UP), (UP, UP, LEFT, RIGHT), (DOWN, DOWN, RIGHT, LEFT)],
)
def test_arcs_are_listed_where_they_begin(x, top, begin, end):
    # One sample is silent on a half of the circle.
    entries = [("at", "maximum", top, top, 1), ("arc", "arc", begin, end, 0)]
    order = _counterclockwise([top, begin], CLOCK)
    assert places([x], [1]) == sorted(entries, key=lambda entry: order.index(entry[2]))
    # The sum of two samples is constant on a quarter of it.
    y = (-x[1], x[0])
    entries = [("arc", "arc", x, y, 2), ("arc", "arc", (-x[0], -x[1]), (-y[0], -y[1]), 0)]
    order = _counterclockwise([entry[2] for entry in entries], CLOCK)
    assert places([x, y], [2, 2]) == sorted(entries, key=lambda entry: order.index(entry[2]))


def test_kinks_at_which_the_function_rises_through_a_zero_of_its_slope_are_saddles():
    # (u.x)^2 where u.x > 0, and minus that where u.x < 0.
    assert places([(1, 0), (-1, 0)], [1, -1]) == [
        ("at", "saddle", DOWN, DOWN, 0),
        ("at", "maximum", RIGHT, RIGHT, 1),
        ("at", "saddle", UP, UP, 0),
        ("at", "minimum", LEFT, LEFT, -1),
    ]


# -- what a claim states -------------------------------------------------------------------------------------


def problem(X=(("2/3", "1/3"),), y=("1",), units=None, weights=None, **network):
    content = {
        "network": {
            "inputs": len(X[0]),
            "kind": "one-layer",
            "width": 1,
            "activation": {"alpha": "0", "power": 2},
        }
        | network,
        "data": {"X": [list(x) for x in X], "y": list(y)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * (weights or len(X[0])),
    }
    if weights:
        del content["network"]["width"]
    return Problem(content, CLOCK, units and Node(units, "units"))


def entry(kind, directions, value, gap):
    return {"kind": kind, "directions": directions, "value": list(value), "gap": list(gap)}


# n = (5 + 3 cos 2t + 4 sin 2t) / 18 has its maximum 5/9 at (2, 1), where n'' = -10/9.
BETWEEN = [["2", "1/2"], ["2", "3/2"]]
MAXIMUM = entry("maximum", BETWEEN, ["5/9", "5/9"], ["10/9", "10/9"])
ARC = entry("arc", [["-1/2", "1"], ["3", "-6"]], ["0", "0"], ["0", "0"])


def stated(points, n_max="5/9", one=None, clock=CLOCK):
    return ending(
        lambda: check_planar(
            one or problem(), Node(points, "claim.points"), Node(n_max, "claim.n_max_upper"), clock
        )
    )


def test_the_exact_list_is_proved():
    clock = Clock(None)
    assert stated([MAXIMUM, ARC], clock=clock) is None
    assert (clock.rule, clock.where) == ("R10", "claim.points")
    assert stated([MAXIMUM | {"value": ["1/2", "1"], "gap": ["1", "2"]}, ARC], "1") is None


@pytest.mark.parametrize(
    ("points", "n_max", "end"),
    [
        ([MAXIMUM], "1", ("R10", "claim.points", "the KKT points and arcs are 2 in number")),
        ([MAXIMUM, ARC, ARC], "1", ("R10", "claim.points", "the KKT points and arcs are 2 in number")),
        (None, "1", ("R10", "claim.points", "the KKT points and arcs are 2 in number")),
        (
            [MAXIMUM | {"kind": "minimum"}, ARC],
            "1",
            ("R10", "claim.points[0].kind", "it is a KKT point of kind maximum"),
        ),
        (
            [MAXIMUM, ARC | {"kind": "saddle"}],
            "1",
            ("R10", "claim.points[1].kind", "it is a KKT point of kind arc"),
        ),
        (
            [MAXIMUM | {"value": ["0", "1/2"]}, ARC],
            "1",
            ("R10", "claim.points[0].value", "it does not contain the exact number"),
        ),
        (
            [MAXIMUM | {"value": ["4/7", "1"]}, ARC],
            "1",
            ("R10", "claim.points[0].value", "it does not contain the exact number"),
        ),
        (
            [MAXIMUM, ARC | {"gap": ["1", "2"]}],
            "1",
            ("R10", "claim.points[1].gap", "it does not contain the exact number"),
        ),
        ([MAXIMUM, ARC], "5/10", ("R1", "claim.n_max_upper", "the rational number is not in lowest terms")),
        ([MAXIMUM, ARC], "1/2", ("R10", "claim.n_max_upper", "N is larger at a KKT point")),
        (
            [MAXIMUM, ARC | {"directions": []}],
            "1",
            ("R1", "claim.points[1].directions", "expected a list of length 2"),
        ),
        (
            [MAXIMUM, ARC | {"directions": BETWEEN}],
            "1",
            ("R10", "claim.points[1].directions", "the arc is elsewhere"),
        ),
    ],
)
def test_another_list_is_refused(points, n_max, end):
    assert stated(points, n_max) == end


@pytest.mark.parametrize("by", [1, -3])
def test_values_are_those_of_the_problem_of_the_file(by):
    # In units of 2^by for labels and 2^2 for the output weight, which is 1.
    one = problem(units={"inputs": 0, "labels": by, "given": {"2": 2}})
    assert stated([MAXIMUM, ARC], one=one) is None
    assert stated([MAXIMUM, ARC], "1/2", one) == ("R10", "claim.n_max_upper", "N is larger at a KKT point")


def test_the_largest_value_bounds_all_others():
    leaky = problem(X=(("1", "0"), ("0", "1")), y=("1", "-1/2"), activation={"alpha": "1", "power": 2})
    low, high = (["-1/2"] * 2, ["-3"] * 2), (["1"] * 2, ["3"] * 2)
    points = [
        entry(kind, [[str(v) for v in u]], *pairs)
        for kind, u, pairs in (
            ("minimum", DOWN, low),
            ("maximum", RIGHT, high),
            ("minimum", UP, low),
            ("maximum", LEFT, high),
        )
    ]
    assert stated(points, "1", leaky) is None
    assert stated(points, "999/1000", leaky) == ("R10", "claim.n_max_upper", "N is larger at a KKT point")


@pytest.mark.parametrize(
    "other",
    [
        problem(X=(("1", "0", "0"),)),
        problem(activation={"alpha": "0", "power": 3}),
        problem(X=(("1",),)),
        problem(
            X=(("1", "0"),),
            weights=6,
            kind="feed-forward",
            widths=[2, 2, 1, 1],
            trained=[1, 2],
            given={"3": [["1"]]},
        ),
    ],
)
def test_only_planar_neurons_are_enumerated(other):
    assert stated([], "0", other) == ("R10", "claim.points", "it is not a planar neuron")


# n = (5 + 3 cos 2t + 4 sin 2t) / 18 rises from (1, 0) to (2, 1) and falls to (1, 1).
INSIDE = Found("inside", "maximum", (1, 0), (1, 1), (5, 3, 4), ZERO, ZERO)
AT = Found("at", "saddle", (-1, 2), (-1, 2), (5, 3, 4), ZERO, ZERO)
BETWEEN_ARC = Found("arc", "arc", (1, 0), (0, -1), (0, 0, 0), ZERO, ZERO)
CIRCLE = Found("circle", "arc", (1, 0), (1, 0), (0, 0, 0), ZERO, ZERO)
NOT_AT, NOT_ALONG = ("R10", "p", "the saddle is elsewhere"), ("R10", "p", "the arc is elsewhere")
NOT_BETWEEN = ("R10", "p", "the point is not proved to be between them")


@pytest.mark.parametrize(
    ("found", "given", "end"),
    [
        (AT, ["-1 2"], None),
        (AT, ["-1/6 1/3"], None),
        (AT, ["1 -2"], NOT_AT),
        (AT, ["-2 1"], NOT_AT),
        (AT, ["-1 1"], NOT_AT),
        (AT, ["0 0"], NOT_AT),
        (BETWEEN_ARC, ["2 0", "0 -1/2"], None),
        (BETWEEN_ARC, ["-2 0", "0 -1/2"], NOT_ALONG),
        (BETWEEN_ARC, ["2 0", "0 1/2"], NOT_ALONG),
        (BETWEEN_ARC, ["0 -1", "1 0"], NOT_ALONG),
        (CIRCLE, [], None),
        # Its ends are counted, the point itself is not.
        (INSIDE, ["1 0", "1 1"], None),
        (INSIDE, ["3 1", "1 1"], None),
        (INSIDE, ["1 0", "3 2"], None),
        (INSIDE, ["4 2", "1 1"], NOT_BETWEEN),
        (INSIDE, ["1 0", "2 1"], NOT_BETWEEN),
        (INSIDE, ["1 0", "3 1"], NOT_BETWEEN),
        (INSIDE, ["3 2", "1 1"], NOT_BETWEEN),
        (INSIDE, ["3 2", "3 1"], NOT_BETWEEN),
        (INSIDE, ["1 1", "1 0"], NOT_BETWEEN),
        (INSIDE, ["3 1", "3 1"], NOT_BETWEEN),
        (INSIDE, ["5 -1", "1 1"], NOT_BETWEEN),
        (INSIDE, ["1 0", "5 6"], NOT_BETWEEN),
        (INSIDE, ["-1 0", "-1 -1"], NOT_BETWEEN),
        (INSIDE, ["0 0", "1 1"], NOT_BETWEEN),
        (INSIDE, ["1 0", "0 0"], NOT_BETWEEN),
    ],
)
def test_a_place_is_that_of_the_point(found, given, end):
    assert ending(lambda: _check_place(Node([v.split() for v in given], "p"), found)) == end


@pytest.mark.parametrize(("found", "count"), [(AT, 1), (BETWEEN_ARC, 2), (CIRCLE, 0), (INSIDE, 2)])
def test_a_place_is_of_so_many_directions(found, count):
    for other in range(4):
        if other != count:
            with pytest.raises(Malformed):
                _check_place(Node([["1", "0"]] * other, "p"), found)
    for count_of_numbers in (1, 3):
        if count:
            with pytest.raises(Malformed):
                _check_place(Node([["1"] * count_of_numbers] * count, "p"), found)
