"""Traps of quadratic and cubic forms, of which all numbers are known."""

from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
from known_forms import GRID, UNIT, at, form, regions_of, turned

import certflow.flow.enclose.trap as trap_module
import certflow.flow.propose.traps as proposing
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.region import enclose_regions, point
from certflow.flow.enclose.trap import (
    BITS,
    TangentialBound,
    _gap_upper,
    _holds,
    dyadic_up,
    enclose_balls,
    prove_trap,
    tangential_bound,
    with_smaller,
)
from certflow.flow.enclose.tube import Rates
from certflow.flow.endings import Ending, NotSettled
from certflow.flow.propose.centres import groups_of
from certflow.flow.propose.traps import find_traps, proposed_bound
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem


def exact(value):
    return F(float(value))


# -- numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "bits", "expected"),
    [
        (0.75, 24, F(3, 4)),
        (1.0, 1, F(1)),
        (1.0 + 2.0**-30, 24, 1 + F(1, 2**23)),
        (0.6875, 2, F(3, 4)),
        (0.6875, 3, F(3, 4)),
        (0.6875, 4, F(11, 16)),
        (-0.6875, 2, F(-1, 2)),
        (5e-300, 8, F(215) * F(2) ** -1002),
        (3.0e200, 53, F(3.0e200)),
        (0.0, 16, F(0)),
    ],
)
def test_dyadic_numbers_of_few_bits(value, bits, expected):
    assert dyadic_up(value, bits) == expected >= F(value)
    assert dyadic_up(0.1) == F(13421773, 2**27)


def test_the_condition_for_a_bound_of_the_eigenvalues_at_its_edge():
    # The shift of a matrix is mu + ell - loss - s offset², here with s offset² = 1/8.
    small, large = np.array([[2.0]]), np.array([[3.0, 0.5], [0.5, 3.0]])
    zero = [np.zeros(1), np.zeros(2)]
    for mu, expected in ((1.625 + 2.0**-30, True), (1.625, False), (1.625 - 2.0**-30, False)):
        assert _holds([small], zero[:1], [0.0], 0.5, 0.5, mu, 0.5) is expected
    # The largest eigenvalue of the second is 7/2; it has a loss of its own.
    for mu, expected in ((3.375 + 2.0**-30, True), (3.375 - 2.0**-30, False)):
        assert _holds([small, large], zero, [0.25, 0.25], 0.5, 0.5, mu, 0.5) is expected
    for mu, expected in ((4.625 + 2.0**-30, True), (4.625 - 2.0**-30, False)):
        assert _holds([small, large], zero, [3.0, 0.25], 0.5, 0.5, mu, 0.5) is expected
    assert small.tolist() == [[2.0]]


def test_the_direction_is_lifted_by_s():
    # diag(3, 1) off the direction (1, 0): (mu - 1/4) - 1 >= 0 and (mu - 1/4) - 3 + 2 s >= 0 with s offset² =
    # 1/4.
    A, W = [np.diag([3.0, 1.0])], [np.array([2.0**0.5, 0.0])]
    assert _holds(A, W, [0.0], 0.5, 0.0, 1.25 + 2.0**-30, 1.0)
    assert not _holds(A, W, [0.0], 0.5, 0.0, 1.25 - 2.0**-30, 1.0)
    assert not _holds(A, W, [0.0], 0.5, 0.0, 1.25 + 2.0**-30, 0.875)


def test_a_shift_that_was_rounded_up_proves_nothing():
    # mu + ell is rounded from 2^53 + 3 to 2^53 + 4: the shift is 3 and not 4.
    assert not _holds([np.array([[3.5]])], [np.zeros(1)], [2.0**53], 0.0, 1.0, 2.0**53 + 2.0, 0.0)


# -- the eigenvalue bound of a region ------------------------------------------------------------------------


def test_bounds_of_eigenvalues_are_close_and_of_few_bits():
    directions = np.array([[1.0, 0.0]])
    regions = regions_of([np.diag([5.0, 1.0])], 0.25, 0.125, 2.0)
    proposed = proposed_bound(regions, directions, 0)
    mu, s = tangential_bound(regions, directions, 0, proposed)
    # Off the first axis there is 1; the lift of 5 to the same height costs s offset², s >= 4 about.
    assert 1 - 2 + F(1, 4) + s / 64 < mu < 1 - 2 + F(1, 4) + s / 64 + F(1, 10**6)
    assert 4 - F(1, 1000) < s < F(17, 4) and s.numerator < 2**12
    assert mu.numerator.bit_length() <= 40
    assert abs(proposed[0] - mu) < F(1, 10**6) and proposed[1] == s


def test_a_bound_without_a_direction_has_no_lift():
    regions, directions = regions_of([np.diag([3.0, 3.0])]), np.zeros((1, 2))
    assert tangential_bound(regions, directions, 0, proposed_bound(regions, directions, 0))[1] == 0


def test_a_proposal_that_is_too_low_is_not_proved():
    regions, directions = regions_of([np.diag([5.0, 3.0])]), np.array([[1.0, 0.0]])
    mu, s = proposed_bound(regions, directions, 0)
    assert tangential_bound(regions, directions, 0, (mu, s))[0] > 3
    with pytest.raises(NotSettled) as refused:
        tangential_bound(regions, directions, 0, (mu - 100.0, s))
    assert refused.value.ending is Ending.NO_BOUND


@pytest.mark.parametrize("success", [0, 1, 5, 6])
def test_bounds_are_tried_larger_and_larger(success, monkeypatch):
    tried = []
    proposed = (-0.7, 0.30001)
    monkeypatch.setattr(trap_module, "_holds", lambda *of: tried.append(of) or len(tried) > success)
    regions = regions_of([np.diag([5.0, 1.0]), np.diag([2.0, 1.0])], [[0.25, 0.5]], 0.125, -2.0)
    directions = np.array([[1.0, 3.0], [0.0, 1.0]])
    s = F(1229, 4096)
    size = 0.7 + 2.0 + float(s) * 11.0
    shifts = [dyadic_up(-0.7 + 2.0 ** (8 * k - 40) * size, 40) for k in range(6)]
    if success < 6:
        assert tangential_bound(regions, directions, 0, proposed) == (shifts[success], s)
    else:
        with pytest.raises(NotSettled) as refused:
            tangential_bound(regions, directions, 0, proposed)
        assert refused.value.ending is Ending.NO_BOUND
    assert [of[5] for of in tried] == [float(shift) for shift in shifts[: success + 1]]
    for matrices, given, losses, offset, ell, _, radial in tried:
        assert [m.tolist() for m in matrices] == regions.A.mid[0].tolist() and given is directions
        assert (losses, offset, ell, radial) == ([0.25, 0.5], 0.125, -2.0, float(s))


@pytest.mark.parametrize("name", ["offset", "ell_lo"])
def test_regions_that_are_not_bounded_have_no_eigenvalue_bound(name):
    regions = replace(regions_of([np.diag([5.0, 1.0])]), **{name: np.array([np.inf])})
    directions = np.array([[1.0, 0.0]])
    assert proposed_bound(regions, directions, 0) == (np.inf, 0.0)
    for proposed in ((np.inf, 0.0), (5.0, 0.0)):
        with pytest.raises(NotSettled) as refused:
            tangential_bound(regions, directions, 0, proposed)
        assert refused.value.ending is Ending.OUT_OF_RANGE


# -- the gap from above --------------------------------------------------------------------------------------


BLOCKS = [np.array([[3.0, 0.5], [0.5, -1.0]]), np.array([[0.25, -0.75], [-0.75, 2.0]])]
CENTRE = [[1.0, 0.5], [-0.25, 2.0]]
DIRECTION = ((3, -5), (7, 2))


def quotient():
    """v'ᵀ A v'/|v'|² for the part v' of the direction across the centre."""
    c = [F(x) for row in CENTRE for x in row]
    v = [F(x) for row in DIRECTION for x in row]
    share = sum(a * b for a, b in zip(v, c, strict=True)) / sum(a * a for a in c)
    w = [a - share * b for a, b in zip(v, c, strict=True)]
    form = sum(
        F(B[i, j]) * w[2 * b + i] * w[2 * b + j]
        for b, B in enumerate(BLOCKS)
        for i in range(2)
        for j in range(2)
    )
    return form / sum(a * a for a in w)


@pytest.mark.parametrize("order", [2, 3, 5])
@pytest.mark.parametrize("ell", [1.75, -0.5])
def test_the_gap_from_above_is_that_of_one_direction(order, ell):
    k = 0.375
    true = (F(ell) + (order - 2) * max(F(0), F(ell)) * F(k) ** 2 - quotient()) / (1 - F(k) ** 2)
    found = _gap_upper(at(CENTRE), regions_of(BLOCKS), 0, DIRECTION, k, order, ell)
    assert true <= found < true + F(1, 10**12)


def test_the_quotients_of_the_gap_are_rounded_up():
    # Where all Hessians are 0 nothing else is rounded.
    found = _gap_upper(at(CENTRE), regions_of(np.zeros((2, 2, 2))), 0, DIRECTION, 0.375, 3, 1.75)
    true = F(7, 4) * (1 + F(9, 64)) / (1 - F(9, 64))
    assert true <= found < true + F(1, 10**30)


def test_hessians_that_are_not_known_make_the_gap_larger():
    regions = regions_of(BLOCKS)
    wide = replace(regions, A=MidRad(regions.A.mid, np.full((1, 2, 2, 2), 0.125)))
    assert _gap_upper(at(CENTRE), wide, 0, DIRECTION, 0.0, 2, 1.0) > 1 - quotient() + F(1, 100)


def test_without_a_tangent_the_gap_is_that_of_nothing():
    found = _gap_upper(at([[2.0]]), regions_of([np.array([[3.0]])]), 0, ((5,),), 0.25, 3, 1.75)
    assert F(7, 4) <= found < F(7, 4) + F(1, 10**12)


# -- traps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.parametrize("length", [1, 3])
def test_the_numbers_of_a_trap(power, length):
    parts, centre = turned(power, length)
    traps = find_traps(parts, centre, GRID, F(1, 100), False)
    here, eta = point(parts, centre, GRID)
    c = [F(v, UNIT) for v in centre[0]]
    size2 = sum(v * v for v in c)
    for trap in [ball for each in traps for ball in each.smaller or [each]]:
        assert (trap.centre, trap.grid) == (centre, GRID)
        regions = enclose_regions(parts, here, np.array([float(trap.r0)]), False, eta)
        radius = exact(trap.kkt_radius)
        assert exact(eta[0]) / trap.gamma <= radius < exact(eta[0]) / trap.gamma * (1 + F(1, 2**40))
        assert trap.r0 - radius - F(1, 2**50) < exact(trap.rates.limit) < trap.r0 - radius
        low = float(regions.ell_lo[0])
        # N is largest at the KKT point.
        high = trap.rates.ell_hi
        top = exact(here.ell.upper()[0]) + power * radius * exact(regions.T[0])
        assert top <= exact(high) < top + F(1, 2**40) and high <= float(regions.ell_hi[0])
        expected = Rates(
            -float(trap.gamma),
            trap.rates.limit,
            0.0,
            *(float(v[0]) for v in (regions.K, regions.E, regions.T)),
            low,
            high,
        )
        assert trap.rates == expected
        assert trap.norm.square().contains(size2) and trap.norm.radius() < F(1, 2**100)
        # The maximum 3 at e1; the gap is power N less the other second derivatives.
        assert trap.value.contains(3) and trap.gap.contains({2: 4, 3: 9}[power])
        scale = trap.norm ** (power - 2)
        lower = Ball(trap.gamma, BITS) / scale
        assert trap.gap.overlaps(lower) and abs(trap.gap.lower() - lower.lower()) < F(1, 2**20)
        upper = (
            Ball(_gap_upper(here, regions, 0, trap.gap_direction, trap.kkt_radius, power, high), BITS) / scale
        )
        assert abs(trap.gap.upper() - upper.upper()) < F(1, 2**20)
        reach = radius * exact(trap.rates.T)
        middle, rad = exact(here.ell.mid[0]) / power, exact(here.ell.rad[0]) / power
        around = Ball.interval(middle - rad - reach, middle + rad + reach, BITS) / scale
        assert abs(trap.value.lower() - around.lower()) < F(1, 2**20) and abs(
            trap.value.upper() - around.upper()
        ) < F(1, 2**20)
        assert (trap.unit_rate(0.75, power) * scale).contains(F(3, 4)) and trap.unit_rate(
            0.75, power
        ).radius() < F(1, 2**100)


def test_smaller_balls_say_what_is_known_of_the_kkt_point():
    parts, centre = turned(3, 1)
    (trap, *_) = find_traps(parts, centre, GRID, F(1, 100), False)
    plain = replace(trap, smaller=())
    *between, last = trap.smaller
    assert (trap.value, trap.gap, trap.gap_direction) == (last.value, last.gap, last.gap_direction)
    assert trap.kkt_radius == last.kkt_radius < trap.r0 and last.gamma > trap.gamma
    assert trap.r0 - exact(last.kkt_radius) - F(1, 2**50) < exact(trap.rates.limit)
    assert exact(trap.rates.limit) < trap.r0 - exact(last.kkt_radius)
    # A ball is left out that is not smaller, or has no larger gamma.
    assert with_smaller(plain, [*between, last]).smaller == trap.smaller
    assert with_smaller(
        plain, [plain, *between, between[0], replace(last, gamma=trap.gamma)]
    ).smaller == tuple(between)


def test_a_ball_that_may_be_without_a_kkt_point_is_no_trap():
    parts, centre = form([3, 1]), ((UNIT, UNIT >> 14),)
    tried = enclose_balls(parts, centre, GRID, [F(1, 128), F(1, 4096)], False)
    radius = tried.kkt_radius(F(-1))
    assert F(tried.eta) <= F(radius) < F(1, 256) and radius > 2.0**-13
    assert prove_trap(tried, 0, TangentialBound(F(-1), F(0)), ((1, 0),)).kkt_radius == radius
    for place, mu in ((1, F(-1)), (0, F(0)), (0, F(1))):
        assert not tried.holds_kkt_point(place, mu)
        with pytest.raises(ValueError, match="not known to hold a KKT point"):
            prove_trap(tried, place, TangentialBound(mu, F(0)), ((1, 0),))
    unsigned = enclose_balls(form([1, -1]), ((UNIT, UNIT),), GRID, [F(1, 128)], False)
    assert not unsigned.signed[0] and not unsigned.holds_kkt_point(0, F(-1))


def test_hessians_that_jump_keep_an_eighth_of_what_grows_with_the_ball(monkeypatch):
    # Both neurons of the cubic network move their Hessians in proportion to the ball.
    parts, centre = turned(3, 1)
    seen = []
    monkeypatch.setattr(
        proposing,
        "tangential_bound",
        lambda regions, *of: seen.append((regions, *of)) or TangentialBound(F(-1), F(0)),
    )
    find_traps(parts, centre, GRID, F(1, 100), False)
    here, eta = point(parts, centre, GRID)
    radii = np.array([float(dyadic_up(float(F(17, 1600) * F(4, 5) ** i), 16)) for i in range(16)])
    plain = enclose_regions(parts, here.repeated(16), radii, False, np.repeat(eta, 16))
    assert [place for _, _, place, _ in seen][:16] == list(range(16))
    assert all(directions.tolist() == here.W.mid[0].tolist() for _, directions, _, _ in seen)
    spared = plain.A_rad + (plain.A_rad - plain.A_rad[-1]) / 8
    assert spared[0] > 1.1 * plain.A_rad[0]
    assert (spared <= seen[0][0].A_rad).all() and seen[0][0].A_rad == pytest.approx(spared, rel=1e-12)


def test_several_groups_force_each_other_in_their_traps():
    problem = Problem(
        OneLayer(2, 2, Activation(1, 2)), [["1", "0"], ["0", "1"]], ["3", "1"], direction=["1", "0", "1", "1"]
    )
    parts = parts_of(problem, groups_of(problem)[0])
    alone, among = (find_traps(parts, ((UNIT, 0),), GRID, F(1, 100), several)[0] for several in (False, True))
    assert alone.rates.K != among.rates.K
