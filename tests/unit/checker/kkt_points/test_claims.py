"""R11: what a list may state about a point, at the edge of what is proved, and the whole sentence of every
refusal.
"""

from fractions import Fraction
from types import SimpleNamespace

import pytest
from refusals import Trace, box, ending

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed
from certflow.checker.kkt_points import points as kkt_points
from certflow.checker.kkt_points.points import Local, Point, _distinct, _point, _properties, check_points

CLOCK = Clock(None)
HALF, UNIT = ONE // 2, Fraction(1, ONE)


def dyadic(value):
    """ "m*2^e" for a dyadic rational."""
    m, e = Fraction(value).numerator, 1 - Fraction(value).denominator.bit_length()
    while m and m % 2 == 0:
        m, e = m // 2, e + 1
    return f"{m}*2^{e}" if m else "0*2^0"


def table(where, **entries):
    return Node(entries, where).fields(" ".join(entries))


# -- the place of a point ------------------------------------------------------------------------------------

EIGHTH = Fraction(1, 8)
MULTIPLES = ("R11", "p.centre[1]", "the coordinates of a centre must be multiples of 2^-120 from -1 to 1")
LARGEST = ("R11", "p.centre", "the largest coordinate of a centre must be 1 or -1")
RADII = ("R11", "p.radius", "0 < radius <= unique_radius <= 1 is needed, in multiples of 2^-120")


@pytest.mark.parametrize(
    ("centre", "radius", "unique", "found"),
    [
        ((1, EIGHTH), EIGHTH, EIGHTH, Point(0, 1, [ONE, ONE // 8], ONE // 8, ONE // 8)),
        ((EIGHTH, -1), UNIT, 1, Point(1, -1, [ONE // 8, -ONE], 1, ONE)),
        ((-1, 1), 1, 1, Point(0, -1, [-ONE, ONE], ONE, ONE)),
        ((1, UNIT), 3 * UNIT, 5 * UNIT, Point(0, 1, [ONE, 1], 3, 5)),
        ((1, UNIT / 2), EIGHTH, 1, MULTIPLES),
        ((EIGHTH, 1 + UNIT), EIGHTH, 1, MULTIPLES),
        ((EIGHTH, -1 - UNIT), EIGHTH, 1, MULTIPLES),
        ((EIGHTH, 1 - UNIT), EIGHTH, 1, LARGEST),
        ((0, 0), EIGHTH, 1, LARGEST),
        ((1, 0), 0, 1, RADII),
        ((1, 0), -EIGHTH, 1, RADII),
        ((1, 0), EIGHTH, EIGHTH - UNIT, RADII),
        ((1, 0), EIGHTH, 1 + UNIT, RADII),
        ((1, 0), UNIT / 2, EIGHTH, RADII),
        ((1, 0), UNIT, 3 * UNIT / 2, RADII),
    ],
)
def test_a_listed_point_is_read_exactly(centre, radius, unique, found):
    entries = table(
        "p", centre=[dyadic(v) for v in centre], radius=dyadic(radius), unique_radius=dyadic(unique)
    )
    assert ending(lambda: _point(entries, 2)) == found
    with pytest.raises(Malformed):
        _point(entries, 3)


# -- different points ----------------------------------------------------------------------------------------

ONE_POINT = Point(0, 1, [ONE, HALF, 0], HALF // 2, ONE)


@pytest.mark.parametrize(
    ("other", "distinct"),
    [
        # On the same face the boxes [1/4, 3/4] and [3/4, 1] touch; a unit beside they do not.
        (Point(0, 1, [ONE, 7 * ONE // 8, 0], ONE // 8, ONE), False),
        (Point(0, 1, [ONE, 7 * ONE // 8 + 1, 0], ONE // 8, ONE), True),
        (Point(0, 1, [ONE, ONE // 8, 0], ONE // 8, ONE), False),
        (Point(0, 1, [ONE, ONE // 8 - 1, 0], ONE // 8, ONE), True),
        (Point(0, 1, [ONE, HALF, HALF], HALF // 2, ONE), False),
        (Point(0, 1, [ONE, HALF, HALF + 1], HALF // 2, ONE), True),
        (Point(0, 1, [ONE, HALF, -HALF - 1], HALF // 2, ONE), True),
        # On another face: (1, t) and (s, 1) are one direction if s t = 1, which needs t = 1 = s here.
        (Point(1, 1, [HALF, ONE, 0], HALF, ONE), True),
        (Point(1, 1, [ONE, ONE, 0], HALF, ONE), False),
        # A box of another face that reaches beyond the plane w_1 = 0 only from the other side is opposite.
        (Point(1, 1, [-HALF, ONE, 0], HALF, ONE), True),
        (Point(1, -1, [HALF, -ONE, 0], HALF // 2, ONE), True),
        (Point(2, 1, [ONE, HALF, ONE], ONE // 4, ONE), True),
        (Point(0, -1, [-ONE, HALF, 0], HALF, ONE), True),
    ],
)
def test_points_are_distinct_beyond_the_edge_of_their_boxes(other, distinct):
    assert _distinct(ONE_POINT, other) is distinct


@pytest.mark.parametrize(("a", "b"), [(EIGHTH, False), (EIGHTH - UNIT, True)])
def test_points_of_a_negative_face_are_distinct_like_their_mirror_images(a, b):
    # -(1, [1/4, 3/4], [-1/4, 1/4]) and -(1, a +- 1/8, 0 +- 1/8).
    other = Point(0, -1, [-ONE, -int(a * ONE), 0], ONE // 8, ONE)
    assert _distinct(Point(0, -1, [-ONE, -HALF, 0], HALF // 2, ONE), other) is b
    # A box that only touches the plane w_1 = 0 from the other side is opposite.
    assert _distinct(Point(0, -1, [-ONE, 0, 0], ONE, ONE), Point(1, 1, [HALF, ONE, 0], HALF, ONE))
    assert not _distinct(Point(0, -1, [-ONE, 0, 0], ONE, ONE), Point(1, 1, [HALF, ONE, 0], HALF + 1, ONE))


# -- value, gap and kind -------------------------------------------------------------------------------------


class Spy:
    """Takes the place of the tangential form: answers as it is told, and keeps what it is asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def __call__(self, *made_of):
        self.asked.append(made_of)
        return self

    def at_most(self, sign, mu):
        self.asked.append((sign, mu))
        return self.answers.get(sign, True)

    def quotient(self, node):
        self.asked.append(node.value)
        return self.answers[node.value]


def stated(
    monkeypatch,
    slope,
    L,
    kind="maximum",
    value=(-100, 100),
    gap=(1, 2),
    rate=1,
    sign=1,
    bottom=None,
    answers=None,
):
    """The end of the check of a point whose box has 1 <= |w| <= 2, and what was asked about the form."""
    low, high = slope if sign > 0 else (-slope[1], -slope[0])
    local = Local(box((1, 2), (0, 0)), [(7, 7), (low, high)], [[0, 0], [0, 0]], [[0, 0], [0, 0]])
    boxes = []
    field = SimpleNamespace(on=lambda W: boxes.append(W) or local, order=L, rate=Fraction(rate), clock=CLOCK)
    spy = Spy({"top": (-2 * ONE, 5 * ONE), "bottom": (-5 * ONE, -1), 1: True, -1: True} | (answers or {}))
    monkeypatch.setattr(kkt_points, "_Tangential", spy)
    pairs = {"value": [str(Fraction(v)) for v in value], "gap": [str(Fraction(v)) for v in gap]}
    point = Point(1, sign, [3, sign * ONE], 2, 4)
    entries = table("p", kind=kind, **pairs)
    found = ending(lambda: _properties(field, point, entries, Node({"top": "top", "bottom": bottom}, "e")))
    assert boxes == [[(1, 5), (sign * ONE, sign * ONE)]]
    made = [(local, point, slope, L, CLOCK)]
    assert spy.asked[: len(made)] in (made, [])
    return found, spy.asked[1:]


NARROW = ("R9", "p.value", "it is narrower than what is proved")


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("slope", "L", "low", "high"),
    [
        # value = slope / (L |w|^(L - 2)) with 1 <= |w| <= 2, rounded outwards.
        ((7, 9), 2, 3, 5),
        ((-9, -7), 2, -5, -3),
        ((60, 120), 3, 10, 40),
        ((-121, -60), 3, -41, -10),
        ((-60, 61), 4, -15, 16),
        ((160, 160), 4, 10, 40),
        ((400, 400), 5, 10, 80),
        ((961, 961), 6, 10, 161),
        ((2240, 2240), 7, 10, 320),
    ],
)
def test_a_value_is_that_at_the_unit_vector(monkeypatch, slope, L, low, high, sign):
    def state(a, b, rate=1):
        return stated(monkeypatch, slope, L, value=(a, b), gap=(1, 99), rate=rate, sign=sign)[0]

    assert state(low * UNIT, high * UNIT) == high
    assert state((low + 1) * UNIT, high * UNIT) == NARROW
    assert state(low * UNIT, (high - 1) * UNIT) == NARROW
    # Values of the file are 8 times those in units.
    assert state(8 * low * UNIT, 8 * high * UNIT, 8) == high
    assert state(8 * low * UNIT + UNIT, 8 * high * UNIT, 8) == NARROW
    assert state(8 * low * UNIT, 8 * high * UNIT - UNIT, 8) == NARROW


LOWER = ("R11", "p.gap", "the lower end of the gap is not proved")
UPPER = ("R11", "p.gap", "the upper end of the gap is not proved")


@pytest.mark.parametrize(("L", "scale"), [(2, 1), (3, 2), (4, 4), (5, 8), (6, 16)])
def test_a_gap_is_that_at_the_unit_vector(monkeypatch, L, scale):
    state = lambda gap, rate=1, kind="saddle", **more: stated(  # noqa: E731
        monkeypatch, (0, 0), L, kind, gap=gap, rate=rate, bottom="bottom", answers=more
    )
    # The gap is that of the form over |w|^(L - 2), between 1 and `scale`: the form is at most -gap |w|^(L -
    # 2).
    found, asked = state((1, 2), kind="maximum")
    assert found == ("R9", "e.bottom", "it does not agree with the rest of the certificate")
    assert asked == [(1, -scale * ONE), "top"]
    assert state((-1, 2))[1][0] == (1, ONE)
    assert state((Fraction(1, 3), 2))[1][0] == (1, -scale * (ONE // 3 + 1))
    assert state((8, 16), 8)[1][0] == (1, -scale * ONE)
    # The form reaches -2 |w|^(2 - L) >= -2: the gap is at most 2. It reaches 3 |w|^(2 - L) >= 3 / scale: at
    # most -3 / scale.
    for high, top in ((2, -2), (Fraction(-3, scale), 3)):
        reached = {"top": (top * ONE, 100 * ONE)}
        assert state((-9, high), **reached)[0] != UPPER
        assert state((-9, high - UNIT), **reached)[0] == UPPER
        assert state((-72, 8 * high), 8, **reached)[0] != UPPER
        assert state((-72, 8 * high - UNIT), 8, **reached)[0] == UPPER


def test_a_gap_whose_lower_end_is_not_proved_is_refused(monkeypatch):
    assert stated(monkeypatch, (0, 0), 2, answers={1: False})[0] == LOWER


@pytest.mark.parametrize(
    ("kind", "gap", "bottom", "minimum", "proved"),
    [
        ("maximum", (UNIT, 9), None, False, True),
        ("maximum", (0, 9), None, True, False),
        ("maximum", (-UNIT, 9), None, True, False),
        ("minimum", (-9, 9), None, True, True),
        ("minimum", (1, 9), None, False, False),
        ("saddle", (-9, -UNIT), (-5, -1), False, True),
        ("saddle", (-9, 0), (-5, -1), True, False),
        ("saddle", (-9, -UNIT), (-5, 0), True, False),
        ("saddle", (-9, -UNIT), None, True, False),
    ],
)
def test_a_kind_needs_its_proof(monkeypatch, kind, gap, bottom, minimum, proved):
    answers = {"top": (9 * ONE if kind == "saddle" else 0, 9 * ONE), "bottom": bottom, -1: minimum}
    end, asked = stated(monkeypatch, (0, 2), 2, kind, gap=gap, bottom=bottom and "bottom", answers=answers)
    assert end == (1 if proved else ("R11", "p.kind", f"it is not proved to be a {kind}"))
    # The smallest negative number bounds the form of a minimum.
    assert [each for each in asked if each[0] == -1] == ([(-1, -1)] if kind == "minimum" else [])


def test_only_saddles_have_a_second_vector(monkeypatch):
    for kind, gap in (("maximum", (1, 9)), ("minimum", (-9, 9))):
        end, _ = stated(monkeypatch, (0, 2), 2, kind, gap=gap, bottom="bottom")
        assert end == ("R9", "e.bottom", "it does not agree with the rest of the certificate")
    for kind in ("degenerate", "Maximum"):
        end, _ = stated(monkeypatch, (0, 2), 2, kind)
        assert end == ("R1", "p.kind", "expected maximum or minimum or saddle")


# -- the list ------------------------------------------------------------------------------------------------

# N = w1^2 - w2^2: the first and the second axis are its KKT points.
SADDLES = {
    "network": {"inputs": 2, "kind": "one-layer", "width": 1, "activation": {"alpha": "1", "power": 2}},
    "data": {"X": [["1", "0"], ["0", "1"]], "y": ["1", "-1"]},
    "loss": {"kind": "square", "reduction": "sum"},
    "direction": ["1", "0"],
}


def entry(kind, x, y, value, gap, radius="1*2^-20"):
    small = Fraction(1, 10**9)
    pairs = {"value": [str(value - small), str(value + small)], "gap": [str(gap - small), str(gap + small)]}
    return {
        "kind": kind,
        "centre": [f"{x}*2^0", f"{y}*2^0"],
        "radius": radius,
        "unique_radius": "1*2^-2",
        **pairs,
    }


ENTRIES = [
    entry("maximum", -1, 0, 1, 4),
    entry("minimum", 0, -1, -1, -4),
    entry("minimum", 0, 1, -1, -4),
    entry("maximum", 1, 0, 1, 4),
]
EVIDENCE = [{"top": top, "bottom": None} for top in ([0, 1], [1, 0], [1, 0], [0, 1])]


def listed(entries, evidence):
    clock = Trace()
    end = ending(
        lambda: check_points(
            Problem(SADDLES, CLOCK), Node(entries, "claim.points"), Node(evidence, "evidence"), clock
        )
    )
    return end, clock.entered


def test_a_list_is_checked_entry_by_entry():
    (field, points, values), entered = listed(ENTRIES, EVIDENCE)
    assert entered == [("R11", f"claim.points[{k}]") for k in range(4)]
    assert (field.order, field.size) == (2, 2)
    sizes = {"radius": ONE >> 20, "unique": ONE >> 2}
    places = [(0, -1, [-ONE, 0]), (1, -1, [0, -ONE]), (1, 1, [0, ONE]), (0, 1, [ONE, 0])]
    assert points == [Point(face, sign, centre, **sizes) for face, sign, centre in places]
    for value, true in zip(values, (1, -1, -1, 1), strict=True):
        assert true * ONE <= value <= true * ONE + (ONE >> 30)


def test_an_empty_list_is_proved():
    (_, points, values), entered = listed([], [])
    assert (points, values, entered) == ([], [], [])


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ([1, 0], "the centres are not in increasing order"),
        ([0, 2, 1], "the centres are not in increasing order"),
        ([0, 0], "the centres are not in increasing order"),
    ],
)
def test_a_list_is_in_increasing_order(order, reason):
    end, _ = listed([ENTRIES[k] for k in order], [EVIDENCE[k] for k in order])
    assert end == ("R11", f"claim.points[{len(order) - 1}]", reason)


def test_one_point_is_not_listed_twice():
    twice = [entry("minimum", 0, -1, -1, -4), entry("minimum", 0, -1, -1, -4)]
    twice[0]["centre"][0] = "-1*2^-40"
    end, _ = listed(twice, EVIDENCE[1:3])
    assert end == ("R11", "claim.points[1]", "it may be the same point as another one in the list")


def test_a_list_has_at_most_a_thousand_points():
    end, _ = listed([ENTRIES[0]] * 1001, [])
    assert end == ("R1", "claim.points", "expected a list of length 0 to 1000")
    end, _ = listed([ENTRIES[0]] * 1000, [])
    assert end == ("R1", "evidence", "expected a list of length 1000")


def test_what_a_point_needs_is_asked_at_its_place():
    nowhere = [entry("maximum", -1, 0, 1, 4, "1*2^-3")]
    nowhere[0]["centre"] = ["-1*2^0", "1*2^-1"]
    end, _ = listed(nowhere, EVIDENCE[:1])
    assert end == ("R11", "claim.points[0]", "no KKT point is proved within the radius")
