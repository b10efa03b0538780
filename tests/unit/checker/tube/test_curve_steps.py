"""R3 and R4 along a curve, worked out: pieces, windows and steps, each with what is below it replaced by
known numbers.
"""

from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import BITS, ONE, div_up, down, norm_up, up
from certflow.checker.kernel.polynomials import Polynomial
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.tube import curve
from certflow.checker.tube.curve import (
    Step,
    Track,
    _Enclosures,
    _hull,
    _Piece,
    _pieces,
    _place,
    _span,
    _Window,
    follow,
    square,
)
from certflow.checker.tube.evidence import GroupEvidence, Window
from certflow.checker.tube.region import Place, Rates

CLOCK = Clock(None)
RATES = Rates(F(0), ONE, 0, 0, 0, (0, 0))


class Known:
    """A polynomial whose enclosure is (low, high), whatever the place; it notes where it was asked."""

    def __init__(self, low, high):
        self.ends, self.asked = (low, high), []

    def hull(self, middle, eta):
        self.asked.append((middle, eta))
        return self.ends


def test_the_square_of_a_grid_point():
    assert square([[3, -4], [12]], 2) == F(169, 16)


def test_a_span_has_its_middle_and_its_reach():
    assert _span(F(1, 4), F(3, 4)) == (ONE // 2, ONE // 4)
    # A third is no fixed-point number: the reach covers the exact ends.
    middle, reach = _span(F(0), F(1, 3))
    assert (middle, reach) == (down(F(1, 6)), up(F(1, 3)) - down(F(1, 6))) and reach > middle
    middle, reach = _span(F(2, 3), F(1))
    assert (middle, reach) == (down(F(5, 6)), down(F(5, 6)) - down(F(2, 3)))


def test_a_hull_is_the_smallest_box_around_both():
    assert _hull([(1, 4), (-3, 0)], [(2, 9), (-5, -1)]) == [(1, 9), (-5, 0)]


@pytest.mark.parametrize(
    ("x0", "x1", "span"),
    [
        (F(3, 8), F(1, 2), (3 * ONE // 8, ONE // 8)),
        (F(0), F(1, 2), (ONE // 4, ONE // 4)),
        (F(1, 2), F(2), (3 * ONE // 4, ONE // 4)),
    ],
)
def test_a_piece_is_enclosed_where_it_meets_the_stretch(x0, x1, span):
    """The piece is [1/4, 3/4] of its window, 3/4 long: at 3/8 and 1/2 it is at 1/4 and 1/2 of itself."""
    u, du, G, kink = Known(1, 2), Known(-5, 7), Known(5, 6), Known(7, 8)
    asked = []
    own = SimpleNamespace(kinks_along=lambda *given: asked.append(given) or [[kink], [kink, kink]])
    piece = _Piece(F(1, 4), F(3, 4), F(3, 4), own, [u], [du], [G], [9], 66)
    found = piece.on(x0, x1)
    assert (found.W, found.G, found.Z, found.defects) == (
        [(1, 2)],
        [(5, 6)],
        [[(7, 8)], [(7, 8), (7, 8)]],
        [9],
    )
    # -5 * 4/3 and 7 * 4/3, outwards.
    assert found.slopes == [(-7, 10)]
    assert asked == [([u], 66)]
    assert u.asked == du.asked == G.asked == [span] and kink.asked == [span] * 3


def test_enclosures_are_joined():
    one = _Enclosures([(1, 2)], [(3, 4)], [(5, 6)], [[(7, 8)], [(1, 1)]], [1, 9])
    one.join(_Enclosures([(0, 1)], [(3, 9)], [(4, 7)], [[(9, 9)], [(-1, 0)]], [3, 2]))
    assert one == _Enclosures([(0, 2)], [(3, 9)], [(4, 7)], [[(7, 9)], [(-1, 1)]], [3, 9])


def test_a_window_passes_its_pieces_once_each():
    asked = []

    def piece(begin, end):
        def on(x0, x1):
            asked.append((begin, x0, x1))
            return _Enclosures([(begin, end)], [], [], [], [])

        return SimpleNamespace(end=F(end, 8), on=on)

    ends = [(0, 2), (2, 3), (3, 8)]
    window = _Window(piece(*each) for each in ends)
    assert window.on(F(0), F(1, 4)).W == [(0, 2)]
    assert window.on(F(1, 4), F(1, 2)).W == [(2, 8)]
    assert window.on(F(1, 2), F(1)).W == [(3, 8)]
    assert asked == [(0, 0, F(1, 4)), (2, F(1, 4), F(1, 2)), (3, F(3, 8), F(1, 2)), (3, F(1, 2), F(1))]


def test_pieces_are_the_polynomials_of_the_certificate(monkeypatch):
    asked = []
    monkeypatch.setattr(curve, "defect", lambda *given: given)
    own = SimpleNamespace(samples=SimpleNamespace(clock=CLOCK))
    own.gradient_along = lambda *given: asked.append(given) or [f"G{len(asked)}"] * 2
    window = Window(F(1, 2), F(3), [], [])
    records = [(4, [[1, 2], [3]]), (16, [[5], []])]
    one, two = _pieces(own, window, records, [10, 20], 4)
    unit = BITS - 4
    for piece, rows in ((one, [[10, 1, 2], [20, 3]]), (two, [[13, 5], [23]])):
        assert [p.coefficients for p in piece.u] == [[v << unit for v in row] for row in rows]
        assert [p.coefficients for p in piece.du] == [p.derivative().coefficients for p in piece.u]
        assert all(isinstance(p, Polynomial) for p in piece.u) and piece.part is own
    assert (one.begin, one.end, one.length) == (0, F(1, 4), F(1, 8))
    assert (two.begin, two.end, two.length) == (F(1, 4), 1, F(3, 8))
    assert (one.keep, two.keep) == (6, 4)
    assert asked == [(one.u, 6), (two.u, 4)]
    assert (one.G, two.G) == (["G1"] * 2, ["G2"] * 2)
    assert one.defects == [(p, "G1", F(3), F(1, 8)) for p in one.u]
    assert two.defects == [(p, "G2", F(3), F(3, 8)) for p in two.u]


def part(W, slopes, G, defects, Z="Z"):
    own = SimpleNamespace(asked=[])
    own.on = lambda *given: own.asked.append(given) or _Enclosures(W, slopes, G, Z, defects)
    return own


def test_a_step_joins_its_parts():
    """Two parts of one weight: p about (1, 2), p' about (1/2, -1/4), four steps on a window of length 1/2."""
    one = part([(ONE, ONE)], [(ONE // 2, ONE)], [(ONE, 2 * ONE)], [3 * ONE // 64], "Z1")
    two = part([(2 * ONE, 2 * ONE)], [(-ONE // 4, ONE // 8)], [(ONE // 2, ONE)], [4 * ONE // 64], "Z2")
    window = Window(F(1, 2), F(0), [[], [], [], []], [])
    at, after = _place([one, two], window, 1, (4 * ONE, 5 * ONE), "here")
    assert one.asked == two.asked == [(F(1, 4), F(1, 2))]
    # <p, p'> is between 0 and 5/4; |p|^2 changes by twice as much times 1/8.
    assert after == (4 * ONE, 5 * ONE + 5 * ONE // 16)
    assert (at.W, at.Z, at.P) == (
        [[(ONE, ONE)], [(2 * ONE, 2 * ONE)]],
        ["Z1", "Z2"],
        (4 * ONE, 85 * ONE // 16),
    )
    # <p, G> is between 2 and 4, over P.
    assert at.ell == (32 * ONE // 85, ONE)
    # |d| = 5/64 over the root of 4; |p'| is at most the norm of (1, 1/4).
    assert at.dd == 5 * ONE // 128
    assert at.tangential == div_up(norm_up([ONE, ONE // 4]) + 5 * ONE // 64, 2 * ONE)
    _, falling = _place(
        [part([(ONE, ONE)], [(-ONE, -ONE // 2)], [(0, 0)], [0])], window, 0, (4 * ONE, 5 * ONE), "here"
    )
    assert falling == (4 * ONE - ONE // 4, 5 * ONE - ONE // 8)


def test_sizes_on_a_step_are_those_of_its_two_ends():
    window = Window(F(1), F(0), [[]], [])
    for slope, P in ((F(-1, 2), (3 * ONE, 5 * ONE)), (F(1, 2), (4 * ONE, 6 * ONE))):
        own = part([(ONE, ONE)], [(int(slope * ONE),) * 2], [(ONE, ONE)], [0])
        at, after = _place([own], window, 0, (4 * ONE, 5 * ONE), "here")
        assert at.P == P and after == tuple(v + int(2 * slope * ONE) for v in (4 * ONE, 5 * ONE))


def test_a_curve_does_not_pass_through_zero():
    # |p|^2 from 2 falls by 2, or by a unit less.
    def step(P):
        return _place(
            [part([(ONE, ONE)], [(-ONE, -ONE)], [(ONE, ONE)], [0])],
            Window(F(1), F(0), [[]], []),
            0,
            P,
            "here",
        )

    for low in (2 * ONE, 2 * ONE - 1):
        with pytest.raises(Refused) as error:
            step((low, 3 * ONE))
        assert (error.value.rule, error.value.where, error.value.reason) == (
            "R4",
            "here",
            "the curve may pass through zero",
        )
    assert step((2 * ONE + 1, 3 * ONE))[0].P == (1, 3 * ONE)


def test_the_part_that_is_refused_is_named():
    broken = SimpleNamespace()

    def on(x0, x1):
        raise Refused("R3", "elsewhere", "it is broken")

    broken.on = on
    with pytest.raises(Refused) as error:
        _place(
            [part([(ONE, ONE)], [(0, 0)], [(0, 0)], [0]), broken],
            Window(F(1), F(0), [[]], []),
            0,
            (ONE, ONE),
            "here",
        )
    assert (error.value.rule, error.value.where, error.value.reason) == ("R3", "here, part 1", "it is broken")


def test_a_curve_is_followed_step_by_step(monkeypatch):
    made, placed, rated = [], [], []
    monkeypatch.setattr(curve, "_pieces", lambda *given: made.append(given) or len(made))
    monkeypatch.setattr(curve, "_Window", lambda pieces: ("part", pieces))

    def place(own, window, k, before, where):
        placed.append((own, window, k, before, where))
        count = len(placed)
        return Place([], [], (count, count), (0, 0), 0, 100 + count), (before[0] + 1, before[1] + 2)

    def rates(at, mu, r, s, where):
        rated.append((at.P, mu, r, s, at.dd, where))
        return f"rates {len(rated)}", ["runs"]

    monkeypatch.setattr(curve, "_place", place)
    steps = [[[F(1), F(2), F(3)], [F(4), F(5), F(6)]], [[F(7), F(8), F(9)]], [[F(10), F(11), F(12)]]]
    parts = [[[(8, [[1, 2], [3]]), (16, [[4], []])], [(16, [[5]])]], [[(16, [[1], [1]])], [(16, [[1]])]]]
    parts.append([[(16, [[], []])], [(16, [[]])]])
    lengths = ((F(1, 2), F(2)), (F(1, 4), F(-1)), (F(2), F(3)))
    windows = [Window(*each) for each in zip(*zip(*lengths, strict=True), steps, parts, strict=True)]
    group = GroupEvidence("converges", "", [[16, 0], [32]], windows, None)
    clock = Clock(None)
    entered = []
    clock.enter = lambda rule, where: entered.append((rule, where))
    track = follow(SimpleNamespace(rates=rates, parts=["part 0", "part 2"], where="g", clock=clock), group, 4)
    places = [
        "g.windows[0].steps[0]",
        "g.windows[0].steps[1]",
        "g.windows[1].steps[0]",
        "g.windows[2].steps[0]",
    ]
    assert entered == [("R4", each) for each in places]
    assert made == [
        ("part 0", windows[0], parts[0][0], [16, 0], 4),
        ("part 2", windows[0], parts[0][1], [32], 4),
        ("part 0", windows[1], parts[1][0], [23, 3], 4),
        ("part 2", windows[1], parts[1][1], [37], 4),
        ("part 0", windows[2], parts[2][0], [24, 4], 4),
        ("part 2", windows[2], parts[2][1], [38], 4),
    ]
    # |p|^2 is exact where a window begins: (16^2 + 32^2)/16^2, (23^2 + 3^2 + 37^2)/16^2.
    first, second = 5 * ONE, (23**2 + 9 + 37**2) * ONE // 256
    third = (24**2 + 16 + 38**2) * ONE // 256
    own = [[("part", k), ("part", k + 1)] for k in (1, 3, 5)]
    assert placed == [
        (own[0], windows[0], 0, (first, first), places[0]),
        (own[0], windows[0], 1, (first + 1, first + 2), places[1]),
        (own[1], windows[1], 0, (second, second), places[2]),
        (own[2], windows[2], 0, (third, third), places[3]),
    ]
    assert rated == [
        ((k, k), *each, 100 + k, places[k - 1]) for k, each in enumerate((*steps[0], *steps[1], *steps[2]), 1)
    ]
    expected = [
        Step(F(1, 4), F(1, 2), F(2), "rates 1", (1, 1)),
        Step(F(1, 2), F(1), F(2), "rates 2", (2, 2)),
        Step(F(3, 4), F(3, 4), F(-1), "rates 3", (3, 3)),
        Step(F(11, 4), F(27, 4), F(3), "rates 4", (4, 4)),
    ]
    assert track == Track(expected, F(5), [[24, 4], [38]])
