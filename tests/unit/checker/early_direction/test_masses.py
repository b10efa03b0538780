"""How long masses push after the horizon (O2), and exact starts beside groups that move (O5)."""

from dataclasses import replace
from fractions import Fraction as F

import pytest
from after_a_sweep import FALLING, RATES, STANDING, TRAP, group, refusal, state

from certflow.checker.early_direction.claim import STATEMENT
from certflow.checker.kernel.numbers import ONE
from certflow.checker.outcomes.orbit import Orbit


def test_what_grows_and_what_shrinks_each_have_their_part():
    # nu = 2 (1/4 - 2 A/16) = 1/2 - A/4 of TRAP; FALLING falls at 2 (1/4 - 2 A/16).
    grows, both = state(proved=[group()]), state(proved=[group(), group(trap=FALLING)])
    assert grows.masses(F(1)) == 1 / F(1, 4)
    assert both.masses(F(1)) == 1 / F(1, 4) + both.A1 / F(1, 4)
    assert both.masses(F(1, 2)) == F(1, 2) / F(3, 8) + both.A1 / F(3, 8)
    assert state(proved=[group(trap=FALLING)]).masses(F(1)) == both.A1 * 4
    slower = replace(TRAP, rates=replace(RATES, ell=(ONE // 8 + ONE // 16, ONE // 2)))
    assert state(proved=[group(), group(trap=slower)]).masses(F(1)) == 1 / F(1, 8)


@pytest.mark.parametrize("outcome", ["dead", "zero"])
def test_what_does_nothing_does_not_count(outcome):
    assert state(proved=[group(), group(outcome, None)]).masses(F(1)) == 4


@pytest.mark.parametrize("outcome", ["fades", "followed", "inconclusive"])
def test_what_has_no_rate_forbids_it(outcome):
    after = state(proved=[group()])
    after.proved.append(group(outcome, None))
    assert after.masses(F(1)) is None
    assert STATEMENT == "early-direction"
    orbit = Orbit(TRAP, F(0), F(0), F(0))
    assert refusal(after.to_limit, orbit, F(1))[0] == "O2"


def test_what_neither_grows_nor_shrinks_forbids_it():
    assert state(proved=[group(), group(trap=STANDING)]).masses(F(1)) is None
    # At A = 2 even the growth is not sure.
    assert state(proved=[group()]).masses(F(2)) is None
    assert state(proved=[group(trap=FALLING)]).masses(F(2)) is None


def test_an_exact_start_keeps_the_quotient_of_its_distance_and_the_size():
    steep = replace(TRAP, gamma=F(3))
    after = state(proved=[group("exact-start", steep), group()])
    after.epsilon = F(10)
    # Both start at least with half of delta: A >= 2 (1/4) delta^2/mass = 1/2 1/64.
    assert sum(each.runner.size_low(2) for each in after.proved) == F(1, 2)
    assert after.floor(steep, after.end) is not None
    assert after.late_floor(0, steep) == max(after.floor(steep, after.end), F(1, 64) / (F(1, 2) / 64))
    assert after.late_floor(0, steep) == 2 > after.floor(steep, after.end)
    assert after.ways(0, steep)[1] == (2 * after.end, 2 * after.end) and after.forgotten(0) == 0
    assert after.ways(0, replace(steep, gamma=F(0)))[0][1] == after.at_radius(0, replace(steep, gamma=F(0)))
    # Another group is not held to it, and nothing is if nothing has moved.
    assert after.late_floor(1, steep) == after.floor(steep, after.end)
    still = state(proved=[group("exact-start", steep), group()], D=(F(0), F(0)))
    assert still.late_floor(0, steep) == still.floor(steep, still.end)
    # Dead groups are not part of the size.
    fewer = state(proved=[group("exact-start", steep), group("dead", None)])
    assert fewer.late_floor(0, steep) == 4
