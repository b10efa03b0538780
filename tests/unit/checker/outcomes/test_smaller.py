"""Laws through smaller balls (R7), with numbers that can be computed by hand, and against the worst paths."""

import math
from dataclasses import replace
from fractions import Fraction as F
from random import Random

import pytest
from after_a_sweep import RATES, TRAP, refusal

from certflow.checker.kernel.numbers import ONE
from certflow.checker.outcomes.groups import InBall, _below_the_point
from certflow.checker.outcomes.smaller import Descent, Held
from certflow.checker.tube.region import Place

# gamma = 2 within 1/2, nu = 2 (1/4 - 2/32) = 3/8 for A <= 1 and K = 1/16: a floor of 1/38; then gamma = 3
# within 1/4 with K = 1/32, a floor of 1/108.
OWN = replace(RATES, K=ONE // 16, E=ONE // 32)
SMALLER = InBall(F(3), F(1, 4), replace(OWN, K=ONE // 32), F(2))
PLAIN = replace(TRAP, rates=OWN)
HELD = Held(replace(PLAIN, smaller=(SMALLER,)), F(1, 8))
LAST = replace(HELD.trap, smaller=(SMALLER, InBall(F(4), F(3, 32), SMALLER.rates, F(3))))


def descent(*held, **changed):
    given = {"order": 2, "fastest": F(1, 2), "end": F(1), "grows": True, "leak": F(0), "where": "here"}
    return Descent(dict(enumerate(held)), **(given | changed))


def near(found, expected):
    """Hardly above the exact value."""
    return expected <= float(found) * (1 + 1e-14) and float(found) <= expected * (1 + 1e-14)


def test_the_law_of_one_group_by_hand():
    # What is left of D after the time 2 is e^-4/8; it and A/38 are at most 1/4 - 1/16 up to A = 1.
    coefficient, floor = descent(HELD).law(0, [F(6)], F(5))
    assert floor == F(1, 38)
    assert near(coefficient, 5**6 / 8 * math.exp((6 / 2 - 2) * 2))


def test_a_power_that_the_trap_has_costs_nothing():
    assert near(descent(HELD).law(0, [F(4)], F(5))[0], 5**4 / 8)
    assert descent(HELD).law(0, [F(6) + F(1, 10**30)], F(5)) is None
    assert descent(Held(PLAIN, F(1, 8))).law(0, [F(5)], F(5)) is None


def test_a_range_of_powers_costs_what_its_worse_end_does():
    low, high = F(11, 2), F(6)
    for growth in (F(5), F(1, 50)):
        both = descent(HELD).law(0, (low, high), growth)[0]
        assert both == max(descent(HELD).law(0, [power], growth)[0] for power in (low, high))


def test_a_ball_is_left_again_where_masses_are_large():
    # Up to A = 38 (3/16 - e^-4/8) < 10; from there to 10 the trap alone holds, R / R_1 = sqrt(10 / that).
    wide = HELD.trap
    still = replace(wide.rates, E=0)
    wide = replace(wide, rates=still, smaller=(replace(SMALLER, rates=replace(SMALLER.rates, E=0)),))
    floor = F(1, 16) / (2 + F(1, 2))
    size = (3 / 16 - math.exp(-4) / 8) / float(floor)
    coefficient, found = descent(Held(wide, F(1, 8)), end=F(10)).law(0, [F(6)], F(5))
    assert found == floor
    assert near(coefficient, 5**6 / 8 * math.exp((6 / 2 - 2) * 2) * (10 / size) ** ((6 / 2 - 2) / (2 / 2)))
    assert descent(Held(wide, F(1, 8)), end=F(10), grows=False).law(0, [F(6)], F(5)) is None


def test_every_ball_is_waited_for_after_the_one_before():
    # 2 with the rate 2, then 1 with the rate 3; the last ball has the rate 4.
    coefficient, floor = descent(Held(LAST, F(1, 8)), end=F(1, 2)).law(0, [F(8)], F(5))
    assert floor == F(1, 16) / (2 + F(7, 16))
    assert near(coefficient, 5**8 / 8 * math.exp((4 - 2) * 2 + (4 - 3) * 1))


def test_a_ball_holds_up_to_no_larger_size_than_the_one_before():
    # The second ball is as wide as the first smaller one, but entered later: there is more room for masses.
    again = InBall(F(4), SMALLER.r0, SMALLER.rates, F(9))
    wide = Held(replace(PLAIN, smaller=(SMALLER, again)), F(1, 8))
    floor = descent(wide, end=F(7)).law(0, [F(8)], F(5))[1]
    size = (3 / 16 - math.exp(-4) / 8) / float(floor)
    coefficient = descent(wide, end=F(7)).law(0, [F(8)], F(5))[0]
    assert size < 7
    assert near(coefficient, 5**8 / 8 * math.exp(2 * 2 + 7) * (7 / size) ** 2)


def test_a_ball_has_to_be_reached():
    late = replace(SMALLER, r0=F(1, 16) + F(1, 100))
    near_by = Held(replace(PLAIN, smaller=(late,)), F(1, 8))
    # e^-4/8 = 0.0023 is less than 1/100, and A = 1 adds 1/38.
    assert descent(near_by).law(0, [F(6)], F(5)) is not None
    assert descent(near_by, grows=False).law(0, [F(6)], F(5)) is None
    early = replace(near_by.trap, smaller=(replace(late, after=F(1)),))
    assert descent(Held(early, F(1, 8))).law(0, [F(6)], F(5)) is None


def test_all_groups_have_to_be_in_their_balls_and_the_slowest_decides_the_floor():
    alone = descent(HELD).law(0, [F(6)], F(5))
    # Another group, with one ball and nothing to forget, shrinks at the rate 1: nu = 2 (-1/2 - 1/16).
    slow = replace(PLAIN, rates=replace(OWN, ell=(-ONE // 2, ONE // 4)))
    coefficient, floor = descent(HELD, Held(slow, F(0)), grows=False).law(0, [F(6)], F(5))
    assert (coefficient, floor) == (alone[0], F(1, 16) / (2 - F(9, 8)))
    far = Held(slow, F(1, 2) - F(1, 16))
    # After the time 2 it is within e^-4 of that, and its floor of 1/14 fits.
    assert descent(HELD, far, grows=False).law(0, [F(6)], F(5)) is not None
    too_far = Held(replace(slow, smaller=(replace(SMALLER, r0=F(1, 16)),)), F(1, 8))
    assert descent(HELD, too_far).law(0, [F(6)], F(5)) is None


def test_without_a_floor_there_is_no_law():
    falling = replace(PLAIN, rates=replace(OWN, ell=(-ONE, ONE // 4)))
    found = refusal(descent(HELD, Held(falling, F(0)), grows=False).law, 0, [F(6)], F(5))
    assert found == ("R7", "here", "no such law is proved")


def test_fading_groups_add_to_the_floors():
    # 1/16 (4/2) is more than 1/38.
    assert descent(HELD, leak=F(4), grows=False).law(0, [F(6)], F(5))[1] == F(1, 8)


def test_the_floor_of_the_last_ball_counts_in_the_first():
    # A smaller ball of which less is known: K = 1/2, a floor of 4/27, which A = 1 brings to 0.148 of 3/16.
    worse = replace(SMALLER, rates=replace(OWN, K=ONE // 2))
    held = Held(replace(PLAIN, smaller=(worse,)), F(1, 8))
    assert descent(held).law(0, [F(6)], F(5))[1] == F(1, 2) / (3 + F(3, 8))


@pytest.mark.parametrize("seed", range(20))
def test_the_law_holds_for_every_growth_of_the_masses(seed):
    # D' = -gamma(D) D + K(D) A with the worst rates of every ball, and masses that grow at any rate allowed.
    rng = Random(seed)
    held = Held(LAST, F(1, 8))
    k, start = float(LAST.kkt_radius), rng.uniform(0.001, 0.2)
    end, power = rng.choice([F(1), F(1, 2), F(2)]), F(rng.choice([5, 6, 7, 8]))
    found = descent(held, end=end).law(0, [power], F(5))
    assert found is not None
    coefficient, floor = (float(each) for each in found)
    D, rho, dt = 1 / 8, start, 1e-3
    delta = start / 5
    nu, rate = float(min(F(1, 4) - 2 * end / 32, F(1, 4))), 0.5
    slow = rng.choice([0.0, 1.0, 3.0])
    growth = nu
    for step in range(60_000):
        if rho**2 > end:
            break
        assert coefficient * (delta / rho) ** float(power) + floor * rho**2 + 1e-6 >= D, (step, D, rho)
        ball = next(ball for ball in reversed(LAST.balls) if float(ball.r0) - k >= D or ball is LAST.balls[0])
        if step % 500 == 0:
            growth = nu if step * dt < slow else rng.choice([nu, rate, rng.uniform(nu, rate)])
        K = ball.rates.K / ONE
        D += dt * (-float(ball.gamma) * D + K * rho**2)
        rho *= math.exp(growth * dt)


def test_the_growth_in_a_trap_is_at_most_that_at_its_point():
    place = Place([], [], (ONE, ONE), (ONE, 2 * ONE), ONE // 8)
    rates = replace(RATES, T=ONE, ell=(0, 4 * ONE))
    assert _below_the_point(place, rates, F(1, 4), 3).ell == (0, 2 * ONE + 3 * ONE // 4)
    assert _below_the_point(place, rates, F(1), 3).ell == (0, 4 * ONE)
