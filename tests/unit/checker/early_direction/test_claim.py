"""R7 and R8 worked out: every bound is accepted exactly at the proved number and refused just beyond it."""

from dataclasses import replace
from fractions import Fraction as F

import pytest
from after_a_sweep import CLOCK, FALLING, RATES, STANDING, TINY, TRAP, group, refusal, state

from certflow.checker.early_direction import claim
from certflow.checker.kernel.numbers import ONE, power_up, root_up, rounded


def test_the_state_at_the_horizon():
    after = state(
        proved=[
            group(),
            group(rates=replace(RATES, ell=(ONE // 4, ONE)), trap=None),
            group("dead", None),
            group("zero", None),
        ]
    )
    # delta^2 / mass = 1/64
    assert (after.A1, after.growth, after.end, after.at_horizon) == (F(1, 4), 4, 1, F(1, 4))
    assert (after.fastest, after.forever, after.R, after.L) == (1, False, 2, 2)
    assert (after.time_low, after.time_high, after.horizon) == (F(5, 8), F(5, 8), None)
    assert len(after.moving) == 2 and (after.epsilon, after.delta_bar, after.rate, after.mass) == (
        F(1, 4),
        F(1, 4),
        8,
        4,
    )
    ever = state(radius=None, proved=[group("dead", None)])
    assert (ever.forever, ever.R, ever.end, ever.fastest) == (True, 0, ever.A1, 0)
    third = state(end=F(1, 3))
    assert F(1, 192) <= third.A1 < F(1, 192) + TINY and third.growth**2 >= F(1, 3)


@pytest.mark.parametrize("L", [3, 4])
def test_times_of_a_higher_order_are_those_of_the_first_group(monkeypatch, L):
    asked = []
    monkeypatch.setattr(claim, "scaled_time", lambda *given: asked.append(given) or (F(2), F(3)))
    after = state(L)
    assert asked == [(after.proved[0], L, CLOCK)]
    assert (after.time_low, after.time_high) == (F(1, 4), F(3, 8))
    assert after.size(F(1, 2)) == F(1, 2) ** L / 4


def test_lower_rates_and_floors():
    after = state(L=3, proved=[group(), group(trap=FALLING)])
    # L (ell_lo - L A E)
    assert after.nu(after.proved[0], F(1)) == 3 * (F(1, 4) - F(3, 16))
    assert after.nu(after.proved[1], F(2)) == 3 * (-F(1, 2) - F(6, 16))
    # gamma + min nu = 2 - 33/16 at A = 1; at A = 0 it is 1/2.
    assert after.floor(TRAP, F(1)) is None
    assert after.floor(TRAP, F(0)) == F(1, 4)
    assert after.floor(replace(TRAP, gamma=F(33, 16)), F(1)) is None
    assert after.floor(replace(TRAP, gamma=F(33, 16) + 1), F(1)) == F(1, 8)
    assert after.slowest == {F(1): -F(33, 16), F(0): -F(3, 2)}
    assert after.late_floor(0, replace(TRAP, gamma=F(3))) == after.floor(replace(TRAP, gamma=F(3)), after.end)
    assert state(proved=[group(), group("inconclusive", None)]).floor(TRAP, F(0)) is None
    assert state(proved=[group(), group("dead", None)]).floor(TRAP, F(0)) == F(1, 8) / F(5, 2)
    assert state(radius=None, proved=[group(trap=FALLING)]).late_floor(0, TRAP) is None


def test_the_power_with_which_a_distance_is_forgotten():
    after = state()
    assert after.kappa(TRAP) == 4
    assert after.kappa(replace(TRAP, gamma=F(1, 6))) == rounded(F(1, 3), False) < F(1, 3)


def test_distances_at_the_radius():
    after = state(D=(F(1, 64), F(0)), proved=[group(), group()])
    # nu = 2 (1/4 - 2/16) = 1/4 at A = 1, so the floor is (1/8)/(9/4); 4 * 1/4 / 2 to the power 4.
    forgotten = power_up(F(1, 2), F(4))
    assert F(1, 16) <= forgotten < F(1, 16) + F(1, 2**110)
    assert after.at_radius(0, TRAP) == F(1, 64) * forgotten + F(1, 18)
    assert after.at_radius(1, TRAP) == F(1, 18)
    # At R = 3, where A = 9/4, nu = 2 (1/4 - 9/32) is negative, and K R^L / gamma is less.
    wide = state(radius="3", proved=[group(), group()])
    assert [last for _, last in wide.ways(1, TRAP)] == [F(9, 64), F(1, 8) / (2 - F(1, 16)) * F(9, 4)]
    assert wide.at_radius(1, TRAP) == F(9, 64)
    # No distance is not forgotten, with whatever power: 2 to the power 2^61 would be beyond all range.
    assert state(radius="1/2", D=(F(0),)).at_radius(0, replace(TRAP, gamma=F(2**60))) < F(1, 2**60)
    # Without a floor, and where nothing grows: D + K R^L / gamma.
    unknown = state(D=(F(1, 64),), proved=[group(), group("inconclusive", None)])
    assert unknown.at_radius(0, TRAP) == F(1, 64) + F(1, 16)
    assert state(proved=[group(trap=STANDING)]).at_radius(0, STANDING) == F(1, 64) + F(1, 16)
    assert state(proved=[group(trap=FALLING)], radius="3").at_radius(0, FALLING) == F(1, 64) + F(9, 64)
    assert state(proved=[group(trap=FALLING)], radius=None).at_radius(0, FALLING) == F(1, 64) + F(1, 64)


STAYS = "is not proved to stay within epsilon and inside its trap"


@pytest.mark.parametrize(
    ("D", "traps", "worst"),
    [
        # At the radius the floor decides, at the horizon the distance.
        (F(0), [TRAP], F(1, 18)),
        (F(1, 8), [replace(TRAP, rates=replace(RATES, K=0))], F(1, 8)),
        # nu = 3/8 at A = 1: floor * A1 at the horizon.
        (F(1, 8), [TRAP], F(1, 8) + F(1, 18) / 4),
        (F(1, 8), [TRAP, None], F(1, 8) + F(1, 16)),
    ],
)
def test_directions_stay_within_epsilon_and_inside_their_traps(D, traps, worst):
    def check(epsilon, room):
        own = [trap and replace(trap, r0=room + trap.kkt_radius) for trap in traps]
        proved = [group("converges" if trap else "inconclusive", trap) for trap in own]
        return refusal(state(D=(D, F(0)), proved=proved, epsilon=epsilon).check_radius)

    refused = ("R7", "claim.blocks", f"blocks[0] {STAYS}")
    assert check(worst, F(1)) is None
    assert check(worst - TINY, F(1)) == refused
    assert check(F(1), worst + TINY) is None
    assert check(F(1), worst) == refused


def test_a_radius_may_be_small():
    assert refusal(state(radius="1/2", delta=F(1, 16), D=(F(0),)).check_radius) is None


def test_the_block_that_does_not_stay_is_named():
    proved = [group("dead", None), group(trap=replace(TRAP, r0=F(1)))]
    assert refusal(state(D=(F(0), F(1, 2)), proved=proved).check_radius) == (
        "R7",
        "claim.blocks",
        f"blocks[1] {STAYS}",
    )
    assert refusal(state(D=(F(0), F(1, 8)), proved=proved).check_radius) is None


@pytest.mark.parametrize(
    ("radius", "trap", "lawful"),
    [
        ("1", TRAP, False),
        (str(1 + TINY), TRAP, True),
        ("-2", TRAP, False),
        (None, TRAP, False),
        (None, STANDING, True),
        (None, FALLING, True),
        ("2", FALLING, True),
    ],
)
def test_a_radius_is_above_the_size_at_the_horizon(radius, trap, lawful):
    reason = "it is not above the size at the horizon, or is left out where N may grow"
    found = refusal(state(radius=radius, proved=[group(trap=trap)]).check_radius)
    assert found == (None if lawful else ("R7", "claim.radius", reason))


GROW = ("R8", "claim.growth.factor_squared", "the weights may grow more until the horizon")


def horizon(time=None, event=None):
    return {"scaled_time": time, "norm_over_delta": event}


def at(L=2, time=None, event=None, C=F(32), **options):
    """The state with this horizon, and the refusal of R8."""
    found = state(L, horizon=horizon(time, event), growth={"factor_squared": str(C)}, **options)
    return found, refusal(found.check_horizon)


def test_growth_until_a_horizon_of_order_two():
    after, refused = at(time="5/8")
    assert refused is None and after.horizon == F(5, 8) and after.at_horizon == after.A1
    assert (
        at(time="5/8", C=F(32) - TINY)[1]
        == at(time="5/8", C=-F(64))[1]
        == at(time="5/8", most=F(33))[1]
        == GROW
    )
    assert at(time="5/8", C=F(0), most=F(0))[1] == GROW and at(time="5/8", C=F(1, 2), most=F(1, 2))[1] is None
    for other in (str(F(5, 8) - TINY), str(F(5, 8) + TINY)):
        assert at(time=other)[1] == ("R8", "claim.horizon.scaled_time", "it is not where the curves end")


@pytest.fixture
def late(monkeypatch):
    """The scaled time at which the curves end is between 2 and 3: 1/4 and 3/8 in the units of the problem."""
    monkeypatch.setattr(claim, "scaled_time", lambda *_: (F(2), F(3)))


@pytest.mark.usefixtures("late")
def test_growth_until_a_scaled_time_of_order_four():
    # |w| <= 2 delta at the horizon of the sweep. At time 1/2: Q = 1/4 - 2 (1/2)/2 (1/2 - 1/4) = 1/8, so C^2
    # Q^2 >= 1 for C >= 8.
    after, refused = at(4, "1/2", C=F(8), most=F(64))
    # (C delta^2)^2 / mass
    assert refused is None and (after.horizon, after.at_horizon) == (F(1, 2), F(1, 16))
    assert at(4, "1/2", C=F(8) - TINY, most=F(1))[1] == at(4, "1/2", C=F(8), most=F(64) + TINY)[1] == GROW
    assert at(4, "3/8", C=F(16, 3), most=F(1))[1] is None
    assert at(4, "3/8", C=F(16, 3) - TINY, most=F(1))[1] == GROW
    early = ("R8", "claim.horizon.scaled_time", "the trap may be entered later")
    assert at(4, str(F(3, 8) - TINY), C=F(100))[1] == early
    # Beyond the time at which |w| may be infinite: Q = 1/4 - 1/2 (time - 1/4) is 0 at 3/4 and -1 at 11/4.
    assert at(4, "3/4", C=F(100))[1] == at(4, "11/4", C=F(100))[1] == GROW
    # Where nothing grows |w| is at most 2 delta for ever.
    assert at(4, "11/4", C=F(4), most=F(1), proved=[group(trap=FALLING)])[1] is None
    assert at(4, "11/4", C=F(4) - TINY, most=F(1), proved=[group(trap=FALLING)])[1] == GROW


@pytest.mark.usefixtures("late")
def test_growth_until_a_scaled_time_of_order_three():
    # Q = 1/2 - (1/2)/2 (1/2 - 1/4) = 7/16
    assert at(3, "1/2", C=F(16, 7) ** 2, end=F(8), most=F(1))[1] is None
    assert at(3, "1/2", C=F(16, 7) ** 2 - TINY, end=F(8), most=F(1))[1] == GROW


@pytest.mark.usefixtures("late")
def test_the_size_at_a_scaled_time_is_within_the_radius():
    # sqrt(9) delta = 3/4
    after, refused = at(4, "3/8", C=F(9), most=F(1), radius="3/4")
    assert refused is None and after.at_horizon == F(81, 1024)
    below = ("R8", "claim.radius", "it is below the size at the horizon")
    assert at(4, "3/8", C=F(9) + TINY, most=F(1), radius="3/4")[1] == below
    after, refused = at(4, "3/8", C=F(9), most=F(1), radius=None, proved=[group(trap=FALLING)])
    assert refused is None and after.at_horizon == after.A1 == F(1, 64)
    # A block without a trap does not grow.
    assert at(4, "3/8", C=F(4), most=F(1), proved=[group("dead", None)])[1] is None
    # A size just below A1, because of a root rounded upwards, counts as A1.
    after, refused = at(3, "3/8", C=root_up(F(3), 3) ** 2, end=F(3), most=F(1), proved=[group(trap=FALLING)])
    assert after.at_horizon == max(after.A1, root_up((root_up(F(3), 3) ** 2 / 16) ** 3, 2) / 4)


@pytest.mark.usefixtures("late")
def test_a_horizon_at_a_size():
    place = "claim.horizon.norm_over_delta"
    steady = replace(TRAP, rates=replace(RATES, E=0))
    own = {"proved": [group(trap=steady)], "most": F(1)}
    after, refused = at(4, event="3", C=F(9), radius="3/4", **own)
    assert refused is None and after.at_horizon == F(81, 1024) and after.horizon is None
    assert at(4, event="3", C=F(9) - TINY, **own)[1] == (
        "R8",
        "claim.growth",
        "it is below the size at the horizon",
    )
    assert at(4, event="2", C=F(9), **own)[1] is at(3, event="2", C=F(9), end=F(8), **own)[1] is None
    small = ("R8", place, "the weights may have been larger before the trap was entered")
    assert at(4, event=str(2 - TINY), C=F(9), **own)[1] == small
    assert at(2, event="4", C=F(40), most=F(1))[1] == small
    above = ("R8", place, "it is above the radius")
    assert at(4, event=str(3 + TINY), C=F(10), radius="3/4", **own)[1] == above
    assert at(4, event="3", C=F(9), radius=None, **own)[1] == above
    never = ("R8", place, "it may never be reached")
    assert at(4, event="3", C=F(9), proved=[group("inconclusive", None)], most=F(1))[1] == never
    # nu = 4 (1/4 - 4 A E) at A = 81/1024
    edge = replace(RATES, ell=(ONE // 4, ONE // 2), E=1024 * ONE // (16 * 81))
    for more, expected in ((0, None), (1, never)):
        traps = [group(trap=replace(TRAP, rates=replace(edge, E=edge.E + more)))]
        assert at(4, event="3", C=F(9), proved=traps, most=F(1))[1] == expected
    assert at(4, event="3", C=F(9), proved=[group(trap=STANDING)], most=F(1))[1] == never
    level = [group(trap=replace(TRAP, rates=replace(RATES, E=0, ell=(0, ONE))))]
    assert at(4, event="3", C=F(9), proved=level, most=F(1))[1] == never
    both = state(4, horizon=horizon("1", "3"), growth={"factor_squared": "9"}, **own)
    assert refusal(both.check_horizon)[:2] == ("R9", "claim.horizon.scaled_time")


# -- groups that fade ----------------------------------------------------------------------------------------


def with_fading(monkeypatch, phi, trap=TRAP, **changes):
    asked = []
    monkeypatch.setattr(claim, "check_fades", lambda *given: asked.append(given) or phi)
    after = state(proved=[group(trap=trap), group("fades", None)], **changes)
    return after, asked


@pytest.mark.parametrize(("radius", "size"), [("2", F(1)), ("1/2", F(1, 2)), (None, F(1, 2))])
def test_fading_is_asked_up_to_the_largest_size_before_and_after_the_horizon(monkeypatch, radius, size):
    # most delta^2 / mass = 1/2, R^2 / mass = 1 or 1/16, A1 = 1/4.
    after, asked = with_fading(monkeypatch, F(1, 8), radius=radius, D=(F(1, 64), F(1, 32)))
    problem = after.certificate.problem
    assert asked == [(problem, 1, after.proved[1], F(1, 32), size, F(1, 4), CLOCK)]
    assert after.turned == {1: F(1, 8)} and after.moving == after.proved[:1]


def test_a_fading_group_forces_the_others_by_its_tangent(monkeypatch):
    # K = 1/8, gamma = 2 and nu = 1/2 at A = 0: without it the floor is 1/20.
    assert with_fading(monkeypatch, F(0))[0].floor(TRAP, F(0)) == F(1, 20)
    assert with_fading(monkeypatch, F(1, 8))[0].floor(TRAP, F(0)) == F(1, 20)
    # tan^2 <= 4, over gamma.
    assert with_fading(monkeypatch, F(1))[0].floor(TRAP, F(0)) == F(1, 4)


@pytest.mark.parametrize("gamma", [F(0), -F(1, 4)])
def test_where_nothing_contracts_a_fading_group_may_force_for_ever(monkeypatch, gamma):
    loose = replace(TRAP, gamma=gamma)
    assert with_fading(monkeypatch, F(1, 8))[0].floor(loose, F(0)) is None
    assert with_fading(monkeypatch, F(0))[0].floor(loose, F(0)) == F(1, 8) / (gamma + F(1, 2))
