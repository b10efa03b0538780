"""Which balls become traps, with which directions, and why there may be none: quadratic and cubic forms."""

from fractions import Fraction as F

import numpy as np
import pytest
from known_forms import GRID, UNIT, at, form, regions_of

import certflow.flow.propose.traps as proposing
from certflow.flow.enclose.region import point
from certflow.flow.enclose.trap import Balls, TangentialBound, dyadic_up
from certflow.flow.endings import Ending, NotSettled
from certflow.flow.propose.traps import find_traps, steepest


def balls(rows, blocks):
    return Balls(form([1] * len(rows[0])), ((UNIT,),), GRID, [F(1, 100)], at(rows), 0.0, regions_of(blocks))


def test_the_direction_of_least_contraction():
    # Off the centre (1, 0, 0, 0) the largest eigenvalue is the 2 of the second block; along it there is a
    # larger one.
    blocks = [np.diag([9.0, -1.0]), np.array([[1.0, 1.0], [1.0, 1.0]])]
    (first, second) = steepest(balls([[2.0, 0.0], [0.0, 0.0]], blocks), 0)
    assert first == (0, 0) and second in (((741455,) * 2), ((-741455,) * 2))
    # All eigenvalues are negative: the direction of the centre, with 0, must still not be taken.
    (row,) = steepest(balls([[0.0, 3.0]], [np.diag([-5.0, -7.0])]), 0)
    assert row in ((2**20, 0), (-(2**20), 0))
    assert len(steepest(balls([[0.0, 3.0]], [np.zeros((2, 2))]), 0)[0]) == 2


def scripted(monkeypatch, bounds):
    """The bounds of `tangential_bound` in the order of the balls; the last one for all others."""
    row = [*bounds, *[bounds[-1]] * 64]
    monkeypatch.setattr(
        proposing,
        "tangential_bound",
        lambda regions, directions, place, _: TangentialBound(row[place], F(place)),
    )


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        # From a 16th of the best gap on, until one that has 15/16 of it.
        ([F(1), F(-1, 17), F(-1, 16), F(-1, 2), F(-14, 16), F(-15, 16), F(-1)], [2, 3, 4, 5]),
        ([F(-1)], [0]),
        ([F(1), F(0), F(-1), F(-1)], [2]),
    ],
)
def test_which_balls_become_traps(bounds, kept, monkeypatch):
    parts, centre = form([3, 1]), ((UNIT, 0),)
    scripted(monkeypatch, bounds)
    traps = find_traps(parts, centre, GRID, F(1, 100), False)
    assert [int(trap.radial) for trap in traps] == kept
    assert [trap.r0 for trap in traps] == [dyadic_up(float(F(17, 1600) * F(4, 5) ** i), 16) for i in kept]
    assert [trap.gamma for trap in traps] == [-bounds[i] for i in kept]


def test_a_trap_is_more_than_twice_as_wide_as_its_kkt_point_is_unknown(monkeypatch):
    # eta is 2^-12: over 1/8 it is less than half of the first balls, and over 1 more than half of the last.
    parts, centre = form([3, 1]), ((UNIT, UNIT >> 14),)
    eta = float(point(parts, centre, GRID)[1][0])
    radii = [float(F(17, 16) / 100 * F(4, 5) ** i) for i in range(16)]
    scripted(monkeypatch, [F(-1, 8)] * 15 + [F(-1)])
    traps = find_traps(parts, centre, GRID, F(1, 100), False)
    assert [int(trap.radial) for trap in traps] == [i for i in range(15) if 8 * eta < radii[i] / 2]
    assert all(8 * eta <= trap.kkt_radius < 8 * eta * (1 + 2.0**-40) for trap in traps)


def test_balls_are_a_quarter_wide_at_most():
    parts, centre = form([3, 1]), ((UNIT, 0),)
    assert find_traps(parts, centre, GRID, F(1), False)[0].r0 <= F(1, 4)
    widths = [find_traps(parts, centre, GRID, eps, False)[0].r0 for eps in (F(1, 10**4), F(1, 10**8))]
    assert widths == [dyadic_up(float(eps * F(17, 16)), 16) for eps in (F(1, 10**4), F(1, 10**8))]


@pytest.mark.parametrize("first", [Ending.NO_GAP, Ending.SIZE_UNKNOWN, Ending.TOO_FINE])
def test_smaller_balls_are_tried_where_the_gap_or_the_size_may_need_them(first, monkeypatch):
    tried = []

    def refuse(parts, centre, grid, wanted, several, symmetry):
        assert symmetry is None
        tried.append((wanted, several))
        if len(tried) == 1:
            raise NotSettled(first)
        return ["found"]

    monkeypatch.setattr(proposing, "_traps", refuse)
    monkeypatch.setattr(proposing, "_with_smaller", lambda traps, *_: traps)
    parts, centre = form([3, 1]), ((UNIT, 0),)
    large = [F(17, 1600) * F(4, 5) ** i for i in range(16)]
    if first is Ending.TOO_FINE:
        with pytest.raises(NotSettled):
            find_traps(parts, centre, GRID, F(1, 100), True)
        assert tried == [(large, True)]
    else:
        assert find_traps(parts, centre, GRID, F(1, 100), True) == ["found"]
        assert tried == [(large, True), ([large[-1] / 3**i for i in range(1, 13)], True)]


def ending(monkeypatch, parts, centre, bounds):
    scripted(monkeypatch, bounds)
    with pytest.raises(NotSettled) as refused:
        find_traps(parts, centre, GRID, F(1, 100), False)
    return refused.value.ending


def test_why_there_is_no_trap(monkeypatch):
    one, centre = form([3, 1]), ((UNIT, 0),)
    assert ending(monkeypatch, one, centre, [F(1)]) is Ending.NO_GAP
    assert ending(monkeypatch, one, centre, [F(0)]) is Ending.NO_GAP
    # N is 0 at (1, 1) for the form a² - b².
    assert ending(monkeypatch, form([1, -1]), ((UNIT, UNIT),), [F(-1)]) is Ending.SIZE_UNKNOWN
    # The gradient is so large that the KKT point could be anywhere.
    assert ending(monkeypatch, one, ((UNIT, UNIT >> 2),), [F(-1)]) is Ending.TOO_FINE


def test_a_negative_form_has_a_trap_that_shrinks():
    (trap,) = find_traps(form([-1, -3]), ((UNIT, 0),), GRID, F(1, 100), False)[:1]
    assert trap.value.contains(-1) and trap.gap.contains(4) and trap.rates.ell_hi < 0
