"""A trap about a continuum (O2), with numbers that can be computed by hand."""

from dataclasses import replace
from fractions import Fraction as F

import pytest
from after_a_sweep import RATES, TRAP

from certflow.checker.kernel.numbers import ONE
from certflow.checker.outcomes.orbit import Orbit

# gamma = 2, r0 = 1/2, k = 1/16, so the gradient at the centre is 1/8; T = 1/8 + 1/2 Lambda', Lambda' = 4.
WIDE = replace(TRAP, rates=replace(RATES, T=ONE * 17 // 8, K=ONE // 16))
FAR = Orbit(WIDE, F(1, 64), F(1, 64), F(1))
NEAR = Orbit(WIDE, F(1, 64), F(1, 128), F(1, 64))


def test_the_way_that_is_left():
    assert FAR.trap.turning == NEAR.trap.turning == 4
    assert FAR.path == F(1, 16) + 4 * F(1, 64) / 2
    # (1/64 + 4/128)/2 is less.
    assert NEAR.path == F(3, 128)
    assert (FAR.reach, NEAR.reach) == (F(1, 64) + F(3, 32), F(5, 128))


def test_masses_add_a_drift():
    # K = 1/16, 1 + Lambda'/gamma = 3.
    assert NEAR.trap.pushed == F(3, 16)
    assert NEAR.drift(F(2, 4)) == F(3, 16) * 2 / 4
    # 2 (1/128 + 3/128) and the drift.
    assert NEAR.angle(F(2, 4)) == F(1, 16) + F(3, 32)
    assert NEAR.left == NEAR.path
    assert NEAR.floor(F(1, 16) / 6) == F(4 * 1, 16) / (2 * 6)


def test_what_was_added_before_the_horizon_stays():
    drifted = replace(NEAR, drifted=F(1, 32))
    assert (drifted.path, drifted.reach) == (NEAR.path, NEAR.reach)
    assert drifted.left == NEAR.path + F(1, 32)
    assert drifted.drift(F(1, 2)) == NEAR.drift(F(1, 2)) + F(1, 32)
    assert drifted.angle(F(1, 2)) == NEAR.angle(F(1, 2)) + F(1, 32)
    # 5/128 + 12/128 + 4/128 < 1/2.
    assert drifted.stays(F(1, 2), F(24, 128)) and not drifted.stays(F(1, 2), F(23, 128))


@pytest.mark.parametrize(
    ("r0", "epsilon", "stays"),
    [
        (F(1, 2), F(10, 64), True),
        (F(1, 2), F(10, 64) - F(1, 10**9), False),
    ],
)
def test_the_direction_stays_up_to_epsilon(r0, epsilon, stays):
    assert replace(NEAR, trap=replace(WIDE, r0=r0)).stays(F(2, 4), epsilon) is stays


def test_the_direction_stays_inside_of_the_trap():
    # Lambda' = 4 for each r0: reach + drift = 5/128 + 12/128.
    for room, stays in ((F(0), False), (F(1, 10**9), True)):
        r0 = F(17, 128) + room
        rates = replace(WIDE.rates, T=(F(1, 8) + 4 * r0) * ONE)
        orbit = replace(NEAR, trap=replace(WIDE, r0=r0, rates=rates))
        assert orbit.trap.turning == 4
        assert orbit.stays(F(2, 4), F(1)) is stays


def test_what_is_known_of_the_point_is_what_is_known_within_its_reach():
    settled = NEAR.settled
    assert settled.kkt_radius == NEAR.reach
    # T = 17/8, the lower end of the scale is 2; reach is less than k here, which is not used.
    more = (NEAR.reach - F(1, 16)) * F(17, 8) / 2
    assert settled.value == (TRAP.value[0] - more, TRAP.value[1] + more)
    assert (settled.gap, settled.gamma, settled.r0) == (TRAP.gap, TRAP.gamma, TRAP.r0)
