"""What follows at the horizon and after it, against flows whose distance and size are known in closed form
(L4.2 to L4.4).

D' = -gamma D + K A with A' = r A has D = D0 e^(-gamma s) + K A0 (e^(r s) - e^(-gamma s)) / (gamma + r).
"""

from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from certflow.arithmetic.ball import Ball
from certflow.flow.enclose.trap import Trap
from certflow.flow.enclose.tube import Rates, Step, Sweep, Timeline, Track
from certflow.theorems.early_direction.horizon import Horizon, Settled

MP = mpmath.mp.clone()
MP.dps = 30
EPSILON = Fraction(1, 20)
RATES = Rates(mu=-1.5, limit=0.25, defect=0.0, K=0.5, E=0.25, T=0.0, ell_lo=0.75, ell_hi=1.25)


def distance(s, gamma, start, K, size, rate):
    """D at the time s."""
    faded = MP.exp(-gamma * s)
    return start * faded + K * size * (MP.exp(rate * s) - faded) / (gamma + rate)


def settled(rates=RATES):
    """A group in a trap of which only the rates matter."""
    trap = Trap(
        [[1 << 48]],
        48,
        -Fraction(rates.mu),
        Fraction(1, 4),
        Fraction(0),
        0.0,
        rates,
        *[Ball(1, 100)] * 3,
        [[0]],
    )
    return Settled(trap, rates, False)


def arrived(D, A):
    """A sweep that ended at the distance D with the size A, relative to delta."""
    return Sweep(distance=np.array([D]), A_end=A, A_max=A)


@pytest.mark.parametrize("K", [0.0, 0.5])
@pytest.mark.parametrize("growth", [0.0, 0.25])
def test_a_direction_contracts_in_its_trap_while_the_clock_of_another_runs(K, growth):
    still = Rates(mu=0.0, limit=4.0, defect=0.0, K=0.0, E=0.0, T=0.0, ell_lo=growth, ell_hi=growth)
    # The centre stands still in the first group and its decay is its growth, so both sizes are known.
    start = np.log(0.5), np.log(0.5)
    steps = tuple(Step(Fraction(k, 64), Fraction(growth), still, 0.0, 0.0) for k in range(1, 129))
    first = Track(steps, still, 0.0, 0.0, start)
    trapped = Rates(mu=-1.5, limit=0.25, defect=0.0, K=K, E=0.0, T=0.0, ell_lo=growth, ell_hi=growth)
    own = Track((), trapped, entry=0.0625, start_distance=0.03125, log_share=start)
    delta = Fraction(1, 8)
    swept = Timeline([first, own], 2).sweep(delta)
    assert swept.failure is None
    # A is twice a quarter of delta^2 at the beginning; what is added to D at the entry counts from the
    # beginning, too.
    true = distance(MP.mpf(2), MP.mpf(1.5), MP.mpf(0.0625 + 0.03125), K, MP.mpf(1) / 128, 2 * growth)
    assert true <= swept.distance[1] <= true * MP.mpf("1.05")


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("ell_lo", [0.75, -0.25])
def test_the_floor_holds_for_a_size_that_grows_as_slowly_as_it_may(order, ell_lo):
    group, size = settled(replace(RATES, ell_lo=ell_lo)), Fraction(1, 64)
    horizon = Horizon([group], order, EPSILON)
    nu = order * (ell_lo - order * MP.mpf(1) / 64 * MP.mpf(RATES.E))
    floor = (
        MP.mpf(Fraction(horizon.floor(group, size)).numerator)
        / Fraction(horizon.floor(group, size)).denominator
    )
    assert MP.almosteq(
        horizon.rate(group, size).numerator / MP.mpf(horizon.rate(group, size).denominator), nu
    )
    D0, A0 = MP.mpf("0.01"), MP.mpf("1e-6")
    for s in (MP.mpf(1) / 4, MP.mpf(1), MP.mpf(4)):
        law = D0 * MP.exp(-1.5 * s) + floor * A0 * MP.exp(nu * s)
        assert distance(s, 1.5, D0, RATES.K, A0, nu) <= law
    # Long after the start nothing but the floor is left.
    assert abs(distance(40, 1.5, D0, RATES.K, A0, nu) / (floor * A0 * MP.exp(nu * 40)) - 1) < 1e-6


def test_the_slowest_of_all_groups_decides_the_floor_and_one_that_shrinks_too_fast_forbids_it():
    one, slower = settled(), settled(replace(RATES, ell_lo=-0.5))
    alone, both = (Horizon(groups, 2, EPSILON) for groups in ([one], [one, slower]))
    assert (
        both.floor(one, Fraction(0)) == Fraction(1, 2) / (Fraction(3, 2) - 1) > alone.floor(one, Fraction(0))
    )
    assert Horizon([one, settled(replace(RATES, ell_lo=-0.75))], 2, EPSILON).floor(one, Fraction(0)) is None
    assert Horizon([one, Settled(None, RATES, False)], 2, EPSILON).floor(one, Fraction(0)) is None
    still = Settled(None, replace(RATES, ell_lo=-9.0), True)
    assert Horizon([one, still], 2, EPSILON).floor(one, Fraction(0)) == alone.floor(one, Fraction(0))


def test_the_law_is_above_the_angle_of_the_fastest_growth_until_the_radius():
    group, delta, radius = settled(replace(RATES, E=0.0, ell_lo=1.25)), Fraction(1, 1000), Fraction(1, 16)
    horizon, swept = Horizon([group], 2, EPSILON), arrived(0.015625, 4.0)
    exponent, floor = horizon.law(swept, delta, 0, radius**2)
    assert exponent == Fraction(6, 5)
    start, D0 = 2 * MP.mpf(1) / 1000, MP.mpf(0.015625)
    for k in range(1, 31):
        rho = 2 * MP.mpf(k) / 1000
        true = distance(MP.log(rho / start) / 1.25, 1.5, D0, RATES.K, start**2, 2.5)
        law = D0 * (start / rho) ** MP.mpf("1.2") + MP.mpf(floor.numerator) / floor.denominator * rho**2
        bound = horizon.angle_at(swept, delta, 0, Fraction(2 * k, 1000) ** 2)
        # The bound is the law, rounded up.
        assert true <= law <= MP.mpf(bound.numerator) / bound.denominator <= law * (1 + MP.mpf("1e-15"))
    assert horizon.holds(swept, delta, radius)


@pytest.mark.parametrize(
    ("D", "A", "radius"), [(0.0625, 4.0, "1/16"), (0.015625, 4.0, "3/4"), (0.015625, 4.0, "1/500")]
)
def test_nothing_holds_beyond_epsilon_or_below_the_size_at_the_horizon(D, A, radius):
    assert not Horizon([settled()], 2, EPSILON).holds(arrived(D, A), Fraction(1, 1000), Fraction(radius))


def test_what_does_not_grow_stays_for_ever_if_its_force_is_small():
    group = settled(replace(RATES, ell_lo=-0.5, ell_hi=0.0))
    horizon = Horizon([group], 2, EPSILON)
    assert horizon.holds(arrived(0.015625, 4.0), Fraction(1, 1000), None)
    assert not horizon.holds(arrived(0.015625, 4.0), Fraction(1, 4), None)
    assert not Horizon([settled()], 2, EPSILON).holds(arrived(0.015625, 4.0), Fraction(1, 1000), None)


# -- groups that fade ----------------------------------------------------------------------------------------


def fading(angle, largest=1):
    """A group that fades within this angle while A is at most `largest`."""
    rates = Rates(mu=0.0, limit=angle, defect=0.0, K=0.0, E=0.0, T=0.0, ell_lo=0.0, ell_hi=0.0)
    return Settled(None, rates, True, Fraction(largest))


def test_a_fading_group_forces_the_others_by_its_tangent():
    one = settled()
    # gamma = 3/2, nu = 3/2 at A = 0.
    assert Horizon([one], 2, EPSILON).floor(one, Fraction(0)) == Fraction(1, 2) / 3
    assert Horizon([one, fading(0.5)], 2, EPSILON).floor(one, Fraction(0)) == Fraction(1, 2) / 3
    assert Horizon([one, fading(0.25), fading(1.0)], 2, EPSILON).floor(one, Fraction(0)) == Fraction(4, 3)
    loose = settled(replace(RATES, mu=0.25))
    assert Horizon([loose], 2, EPSILON).floor(loose, Fraction(0)) == Fraction(1, 2) / Fraction(5, 4)
    assert Horizon([loose, fading(0.5)], 2, EPSILON).floor(loose, Fraction(0)) is None


def test_nothing_holds_beyond_the_size_up_to_which_groups_fade():
    swept = Sweep(distance=np.array([0.0, 0.0]), A_end=1.0, A_max=4.0)
    tight = Horizon([settled(replace(RATES, K=0.0)), fading(0.5, Fraction(1, 4))], 2, EPSILON)
    assert tight.holds(swept, Fraction(1, 100), Fraction(499, 1000))
    assert not tight.holds(swept, Fraction(1, 100), Fraction(501, 1000))
    assert tight.target_radius(Fraction(1, 2), swept) <= Fraction(1, 2)
    alone = Horizon([fading(0.5, Fraction(1, 4))], 2, EPSILON)
    only = Sweep(distance=np.array([0.0]), A_end=1.0, A_max=4.0)
    assert alone.holds(only, Fraction(1, 4), None)
    assert not alone.holds(only, Fraction(1001, 4000), None)
