"""R5 worked out: every number of the sweep is the one of the rule, in the rule's own rounding."""

from dataclasses import replace
from fractions import Fraction as F

import pytest

from certflow.checker.kernel.numbers import ONE, down, exp_bounds, exp_up_fixed, fraction, rounded, up
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.tube.curve import Step, Track
from certflow.checker.tube.region import Rates
from certflow.checker.tube.sweep import (
    Runner,
    Sweep,
    _advance,
    _enter,
    _power_up,
    _signed_up,
    _size_up,
    sweep,
)

STEP = Rates(F(0), ONE, ONE // 2, ONE // 4, ONE // 8, (-ONE // 16, ONE // 16), ONE // 32)
TRAP = Rates(F(-2), ONE, ONE // 2, ONE // 4, ONE // 8, (ONE // 4, ONE // 2))
SHARE = (F(3, 5), F(4, 5))


def track(*ends, decay=F(2), rates=STEP):
    """Steps that end there, with |p|^2 from 9/8 to 9/4 on them and 9/16 at the start."""
    steps = [Step(F(end), decay * F(end), decay, rates, (9 * ONE // 8, 9 * ONE // 4)) for end in ends]
    return Track(steps, F(9, 16), [[1, 2]])


def runner(path, after=TRAP, limit=None, entry=0, D=ONE // 64, share=SHARE):
    return Runner(path, after, limit, entry, share, D, "here")


@pytest.mark.parametrize(
    ("mu", "exponent"), [(F(2), F(1, 2)), (F(-2), F(-1, 4)), (F(0), F(0)), (F(1, 3), up(F(1, 12)))]
)
def test_a_distance_advances_by_the_rule(mu, exponent):
    """dt is 1/4 at most and 1/8 at least: growth is taken for the longer, decay for the shorter one."""
    run, A = runner(track(1)), ONE // 16
    X = fraction(exp_up_fixed(exponent if isinstance(exponent, int) else up(exponent)))
    pushed = (F(1, 32) + F(1, 2) * F(1, 16)) / 4
    _advance(run, replace(STEP, mu=mu), ONE // 4, ONE // 8, 3, A, 7)
    assert up(X / 64) + up(max(F(1), X) * pushed) == run.D
    D_sup = up(max(F(1), X) * (F(1, 64) + pushed))
    drift = ONE // 32 + 3 * up(fraction(D_sup) / 8)
    assert run.err_up == up(fraction(drift + 7 * ONE // 64) / 4)
    assert run.err_lo == up(fraction(drift + 3 * ONE // 64) / 4)
    # The limit flow is a curve without a defect from the same start.
    forced = up(max(F(1), X) * F(1, 2) * F(1, 16) / 4)
    assert run.apart == forced
    again = runner(track(1))
    again.apart = ONE // 64
    _advance(again, replace(STEP, mu=mu), ONE // 4, ONE // 8, 3, A, 7)
    assert again.apart == up(X / 64) + forced
    # The errors of the stretches add up.
    before = run.err_up, run.err_lo
    _advance(run, replace(STEP, mu=F(0), dd=0, K=0, T=0), ONE // 4, ONE // 4, 3, A, 7)
    assert (run.err_up, run.err_lo) == (before[0] + 7 * ONE // 256, before[1] + 3 * ONE // 256)


@pytest.mark.parametrize(("wide", "known"), [(3 * ONE // 2, True), (3 * ONE // 2 + 2, False)])
def test_nothing_is_said_of_the_limit_flow_beyond_a_right_angle(wide, known):
    still = replace(STEP, mu=F(0), dd=0, K=0, r=4 * ONE)
    run = runner(track(1), D=wide)
    _advance(run, still, ONE // 4, ONE // 4, 2, ONE // 16, 0)
    assert (run.apart is not None) is known
    # It is not known again where D is small.
    run.D = 0
    _advance(run, still, ONE // 4, ONE // 4, 2, ONE // 16, 0)
    assert (run.apart is not None) is known


@pytest.mark.parametrize("inside", [True, False])
def test_a_direction_stays_strictly_inside_the_region(inside):
    rate = replace(STEP, mu=F(0))
    # 1/64 + (1/32 + 1/2 * 1/16)/4
    D_sup = ONE // 32
    for limit, refused in ((D_sup, True), (D_sup + 1, False)):
        run = runner(track(1), limit=ONE if inside else limit)
        run.step = 0 if inside else 1
        own = replace(rate, r=limit if inside else 0)
        if not refused:
            _advance(run, own, ONE // 4, ONE // 4, 3, ONE // 16, 7)
            assert D_sup == run.D and bool(run.err_up) == bool(run.err_lo) == inside
            continue
        with pytest.raises(Refused) as refusal:
            _advance(run, own, ONE // 4, ONE // 4, 3, ONE // 16, 7)
        found = refusal.value
        reason = "the direction may leave the region for which mu was proved"
        assert (found.rule, found.where, found.reason) == ("R5", f"here, step {run.step}", reason)
    if not inside:
        run = runner(track(1))
        run.step = 1
        _advance(run, replace(rate, r=0), ONE // 4, ONE // 4, 3, ONE // 16, 7)
        assert D_sup == run.D


def test_a_distance_is_measured_to_the_kkt_point_from_the_end_of_the_curve():
    run = runner(track(1), entry=5)
    run.D = 7
    _enter(run)
    assert (run.entry_D, run.D) == (7, 12)


@pytest.mark.parametrize("order", [2, 3])
def test_sizes_on_a_curve_are_those_of_the_closed_form(order):
    run = runner(track(1, 2))
    run.step, run.err_up, run.err_lo = 1, ONE // 8, ONE // 4
    # At s = 7/4 of the step that ends at 2, S = 2 * 7/4.
    size = _size_up(run, STEP, F(7, 4), ONE // 4, order, ONE // 16, 5)
    assert run.log_up == order * (7 * ONE // 2 + ONE // 8)
    assert run.log_lo == order * (7 * ONE // 2 - ONE // 4)
    # (9/4 / 9/16)^(L/2) = 2^L
    assert run.base_up == up(fraction(up(F(4, 5) ** order)) * 2**order)
    assert size == up(fraction(run.base_up) * fraction(exp_up_fixed(run.log_up)))
    assert run.errors == []
    _size_up(run, STEP, F(2), ONE // 4, order, ONE // 16, 5)
    assert run.errors == ([] if order == 2 else [(ONE // 8, ONE // 4)])


def test_sums_of_decay_are_rounded_outwards():
    run = runner(track(1, decay=F(1, 3)))
    _size_up(run, STEP, F(1, 2), ONE // 2, 2, 0, 0)
    assert (run.log_up, run.log_lo) == (2 * up(F(1, 6)), 2 * down(F(1, 6)))
    assert run.log_up > run.log_lo


@pytest.mark.parametrize("path", [track(1), None])
def test_sizes_beyond_the_curve_grow_with_the_rates(path):
    run = runner(path)
    run.step, run.log_up, run.log_lo, run.base_up = 1, ONE, ONE // 2, 3 * ONE
    size = _size_up(run, TRAP, F(9), ONE // 4, 3, ONE // 16, 5)
    # Up: L (ell + 5 A E) dt, one unit more for dt; down: L (ell - L A E) dt, one more for dt and one for its
    # part below a unit.
    assert run.log_up == ONE + 3 * (up((F(1, 2) + F(5, 64)) / 4) + 1)
    assert run.log_lo == ONE // 2 - 3 * (up((F(3, 64) - F(1, 4)) / 4) + 2)
    assert size == up(3 * fraction(exp_up_fixed(run.log_up)))


@pytest.mark.parametrize(
    ("a", "dt", "expected"),
    [
        (ONE, ONE // 2, ONE // 2 + 1),
        (0, ONE, 1),
        (-ONE, ONE // 2, -ONE // 2 + 2),
        (-5 * ONE // 2, ONE, -5 * ONE // 2 + 4),
        (3, 1, 2),
    ],
)
def test_a_product_with_a_time_known_up_to_one_unit(a, dt, expected):
    assert _signed_up(a, dt) == expected
    assert all(fraction(a) * fraction(dt + k) <= fraction(expected) for k in (-1, 0, 1))


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_powers_of_a_ratio_of_squares(order):
    assert _power_up(9 * ONE, F(4), order) == ONE * 3**order // 2**order
    # 1/9 is no fixed-point number: its ceiling is raised to the power, rounded upwards at each
    # multiplication.
    assert _power_up(ONE, F(9), 2) == up(F(1, 9)) == ONE // 9 + 1
    assert _power_up(ONE, F(9), 4) == up(F(up(F(1, 9)), ONE) ** 2)


def test_a_lower_bound_of_the_size_at_the_end_of_a_curve():
    # (P / 9/16)^(4/2) = 4 for the last step.
    steps = [
        replace(step, P=(P, 9 * ONE))
        for step, P in zip(track(1, 2, 3).steps, (ONE, 2 * ONE, 9 * ONE // 8), strict=True)
    ]
    run = runner(Track(steps, F(9, 16), [[1]]))
    run.log_lo = -ONE
    assert run.size_low(4) == rounded(F(3, 5) ** 4 * 4 * exp_bounds(F(-1))[0], False)
    run = runner(Track([], F(9, 16), [[1]]))
    assert run.size_low(2) == rounded(F(9, 25), False)
    assert runner(None, share=(F(1, 4), F(1))).size_low(2) == F(1, 16)


def test_rates_are_those_of_the_step_and_then_those_of_the_trap():
    steps = track(1, 2).steps
    run = runner(Track([replace(steps[0], rates=replace(STEP, K=k)) for k in (1, 2)], F(1), [[1]]))
    assert [replace_step(run, k).rates.K for k in (0, 1)] == [1, 2]
    assert replace_step(run, 2).rates == replace_step(run, 3).rates == TRAP
    assert runner(None).rates == TRAP and runner(None).ends == runner(None).steps == []
    assert run.ends == [F(1), F(1)]


def replace_step(run, step):
    run.step = step
    return run


def test_a_sweep_of_one_group_without_a_curve_is_its_start():
    run = runner(None, entry=3, D=4)
    assert sweep([run], 2, F(1, 7), Clock(None)) == Sweep(
        F(0), [F(7, ONE)], fraction(up(F(16, 25))), fraction(up(F(16, 25)))
    )
    assert run.entry_D == 4


@pytest.mark.parametrize("decay", [F(2), F(-4)])
@pytest.mark.parametrize("several", [False, True])
def test_a_sweep_takes_the_stretches_between_all_ends_in_turn(several, decay):
    """Two groups whose curves end at 1/4, 1/2 and at 1/4: two stretches, the second one partly in a trap."""
    size, order = F(1, 7), 2 if several else 3
    rising = replace(STEP, ell=(ONE // 16, ONE // 2))

    def runners():
        one = runner(track("1/4", "1/2", decay=decay), entry=ONE // 128, limit=ONE)
        two = runner(
            track("1/4", decay=decay, rates=rising), entry=ONE // 256, limit=ONE, share=(F(0), F(1, 2))
        )
        return [one, two] if several else [one]

    # The same by hand, stretch after stretch.
    byhand, a0 = runners(), rounded(size, True)
    coupled = order if several else 0
    for run in byhand:
        run.base_up = up(run.share[1] ** order)
    A = sum(run.base_up for run in byhand)
    sizes = [A]
    for stretch, end in enumerate((F(1, 4), F(1, 2))):
        fastest = [F(1, 2), F(1, 2)][stretch] if several else F(1, 16)
        A_sup = up(fraction(A) * fraction(exp_up_fixed(up(order * fastest / 4))))
        A_abs = up(fraction(A_sup) * a0)
        total = 0
        for k, run in enumerate(byhand):
            rate = run.rates
            _advance(run, rate, ONE // 4, ONE // 4, order, A_abs, coupled)
            total += _size_up(run, rate, end, ONE // 4, order, A_abs, coupled)
            if (k, stretch) in ((0, 1), (1, 0)):
                run.step += 1
                run.entry_D = run.D
                run.D += ONE // 128 if k == 0 else ONE // 256
            elif k == 0:
                run.step += 1
        # The decay decides which bound of A is the smaller one.
        assert (total > A_sup) == (decay > 0)
        A = min(A_sup, total)
        sizes.append(A_sup)
    found = runners()
    expected = Sweep(F(1, 2), [fraction(run.D) for run in byhand], fraction(A), fraction(max(sizes)))
    assert sweep(found, order, size, Clock(None)) == expected
    assert found == byhand


def test_the_clock_does_not_wait_for_the_end_of_what_is_followed():
    """Its curve may end on the way, at the horizon, or after it, also within a step."""

    def swept(*ends, followed=True):
        runs = [runner(track("1/4", "1/2"), limit=ONE), runner(track(*ends))]
        runs[1].followed = followed
        return sweep(runs, 2, F(1, 10**9), Clock(None)), runs[1]

    whole, entered = swept("1/4", "1/2", followed=False)
    at, own = swept("1/4", "1/2")
    assert at == whole and own.step == entered.step == 2
    for more in (("1/4", "1/2", "3/4"), ("1/4", "1/2", "5/8", "7")):
        beyond, own = swept(*more)
        assert beyond == whole and own.step == 2
    within, own = swept("1/4", "3/4")
    assert within.horizon == F(1, 2) and own.step == 1 and within.D == whole.D
    assert swept("1/4", "3/4", followed=False)[0].horizon == F(3, 4)
    assert swept("1/4")[0].horizon == F(1, 2)
    alone = runner(track("1/4"))
    alone.followed = True
    assert sweep([alone, runner(None)], 2, F(1, 7), Clock(None)).horizon == 0


def test_the_size_is_bounded_by_the_curves_where_they_are_tighter_and_by_the_growth_where_it_is():
    # The growth rate allows e^1, the curve stands still; or the rate is negative, and the curve proves
    # nothing.
    still = replace(STEP, dd=0, T=0, E=0, K=0, ell=(0, ONE // 2))
    loose = track("1", decay=F(0), rates=still)
    steps = [replace(loose.steps[0], P=(9 * ONE // 16, 9 * ONE // 16))]
    run = runner(Track(steps, F(9, 16), [[1]]), share=(F(1), F(1)), limit=ONE)
    swept = sweep([run], 2, F(1), Clock(None))
    assert (swept.end, swept.most) == (1, fraction(exp_up_fixed(ONE)))
    falling = track("1", decay=F(0), rates=replace(still, ell=(-ONE, -ONE)))
    swept = sweep([runner(falling, share=(F(1), F(1)), limit=ONE)], 2, F(1), Clock(None))
    assert (swept.end, swept.most) == (1, 1)


def test_a_falling_size_counts_at_its_largest():
    still = replace(STEP, dd=0, T=0, E=0, K=0, ell=(-ONE, 0))
    steps = [Step(F(k), F(-k), F(-1), still, (ONE, ONE)) for k in (1, 2)]
    swept = sweep([runner(Track(steps, F(1), [[1]]), share=(F(1), F(1)), limit=ONE)], 2, F(1), Clock(None))
    assert (swept.end, swept.most) == (fraction(exp_up_fixed(-4 * ONE)), 1)


def test_a_group_that_starts_tiny_is_not_taken_for_one_of_a_fixed_point_unit():
    # e^80 times 10^-80 is far below a unit, and e^80 units are not.
    calm = replace(STEP, dd=0, T=0, E=0, K=0, ell=(0, 0))
    large = runner(track("1", decay=F(0), rates=calm), limit=ONE)
    share = (F(1, 10**40), F(1, 10**40))
    tiny = runner(track("1", decay=F(40), rates=replace(calm, ell=(0, 40 * ONE))), limit=ONE, share=share)
    # (4/5)^2 of the large one, times 4 for its curve.
    assert F(64, 25) < sweep([large, tiny], 2, F(1, 10**6), Clock(None)).end <= F(64, 25) + fraction(8)
    assert large.small == 0 < tiny.small
    assert fraction(tiny.base_up) / 2**tiny.small >= 4 * share[1] ** 2
