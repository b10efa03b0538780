"""The sweep of a tube against the statement of L3.8 in fifty digits: never below it, and above it by little
more than what it says it spares; and where exactly it fails.
"""

import itertools
from dataclasses import fields, replace
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest

from certflow.flow.enclose.tube import Failure, Rates, Step, Timeline, Track, _small_exp, _steps_at, up_any

MP = mpmath.mp.clone()
MP.dps = 50
SPARE = 1 + MP.mpf(2) ** -10
LOW, HIGH = -(MP.mpf(10) ** -9), MP.mpf(10) ** -9
WIDE = 1e9


def mp(value):
    """The exact value of a double or a fraction."""
    value = F(value)
    return MP.mpf(value.numerator) / value.denominator


def rates(mu=0.0, limit=WIDE, defect=0.0, K=0.0, E=0.0, T=0.0, ell=(0.0, 0.0)):
    return Rates(mu, limit, defect, K, E, T, *ell)


def track(ends=(), decays=None, steps=None, logs=None, after=None, entry=0.0, start=0.0, share=(0.0, 0.0)):
    count = len(ends)
    rows = zip(
        ends, decays or [0] * count, steps or (rates(),) * count, logs or [(0.0, 0.0)] * count, strict=True
    )
    own = tuple(Step(F(end), F(decay), rate, *log) for end, decay, rate, log in rows)
    return Track(own, after or rates(), entry, start, share)


def rates_of(own):
    """The rates of the steps, and those after the last."""
    return [*(step.rates for step in own.steps), own.after]


def close_exp(x):
    """What a sweep takes for exp(x), x >= 0."""
    return (1 - x / 64) ** -64


def stated(tracks, order, delta):
    """L3.8 word by word: everything that a sweep bounds, before it spares anything."""
    points = sorted({step.end for own in tracks for step in own.steps})
    several, a0 = len(tracks) > 1, mp(F(delta) ** order)
    D = [mp(own.start_distance) + (0 if own.steps else mp(own.entry)) for own in tracks]
    A = A_max = sum(MP.exp(order * mp(own.log_share[1])) for own in tracks)
    lost, apart = [[MP.zero, MP.zero] for _ in tracks], [MP.zero for _ in tracks]
    base = [list(map(mp, own.log_share)) for own in tracks]
    said = {"reached": [], "widest": [[MP.zero] * (len(own.steps) + 1) for own in tracks]}
    begin = F(0)
    for end in points:
        dt = mp(end - begin)
        place = [sum(step.end <= begin for step in own.steps) for own in tracks]
        now = [rates_of(own)[k] for own, k in zip(tracks, place, strict=True)]
        A_sup = A * MP.exp(order * max(0, *(mp(r.ell_hi) for r in now)) * dt)
        total = MP.zero
        for g, (own, k, r) in enumerate(zip(tracks, place, now, strict=True)):
            trapped = k == len(own.steps)
            if trapped and own.steps and own.steps[-1].end == begin:
                D[g] += mp(own.entry)
            X = MP.exp(mp(r.mu) * dt)
            phi = (mp(r.defect) + mp(r.K) * A_sup * a0) * dt
            widest = max(1, X) * (D[g] + phi)
            said["widest"][g][k] = max(said["widest"][g][k], widest)
            D[g] = X * D[g] + max(1, X) * phi
            forced = X * apart[g] + max(1, X) * mp(r.K) * A_sup * a0 * dt
            apart[g] = forced if widest * SPARE < 1.5 else MP.inf
            drift = 0 if trapped else mp(r.defect) + order * widest * mp(r.T)
            coupled = order * A_sup * a0 * mp(r.E)
            lost[g][0] += (drift + coupled) * dt
            lost[g][1] += (drift + (coupled if several else 0)) * dt
            if trapped:
                base[g] = [base[g][0] + mp(r.ell_lo) * dt, base[g][1] + mp(r.ell_hi) * dt]
            else:
                starts, step = [F(0), *(each.end for each in own.steps)], own.steps[k]
                passed = zip(own.steps[:k], itertools.pairwise(starts), strict=False)
                whole = sum((each.decay * (b - a) for each, (a, b) in passed), F(0))
                grown = mp(whole + step.decay * (end - starts[k]))
                ends = mp(step.log_lo), mp(step.log_hi)
                base[g] = [mp(s) + grown + e for s, e in zip(own.log_share, ends, strict=True)]
            total += MP.exp(order * base[g][1]) * close_exp(order * lost[g][1])
        A, A_max = min(A_sup, total), max(A_max, A_sup)
        said["reached"].append((*(SPARE * v for v in lost[0]), D[0], A))
        begin = end
    for g, own in enumerate(tracks):
        if own.steps and own.steps[-1].end == begin:
            D[g] += mp(own.entry)
    said["distance"], said["apart"] = [SPARE * v for v in D], [SPARE * v for v in apart]
    said["A_end"], said["A_max"] = [SPARE * A], [SPARE * A_max]
    said["log_lo"] = [low - SPARE * err for (low, _), (err, _) in zip(base, lost, strict=True)]
    said["log_hi"] = [high + SPARE * err for (_, high), (_, err) in zip(base, lost, strict=True)]
    return said


def flat(values):
    return [
        mp(float(v)) if not isinstance(v, MP.mpf) else v
        for v in np.ravel(np.array(values, dtype=object)).tolist()
    ]


def assert_bounds(values, true, sign=1):
    """Never on the wrong side of what is true, and hardly further than that."""
    values, true = flat(values), flat(true)
    assert len(values) == len(true)
    for value, exact in zip(values, true, strict=True):
        assert 0 <= sign * (value - exact) <= (1 + abs(exact)) * HIGH


FIRST = track(
    ends=("1/3", "5/6", "3/2"),
    decays=("3/7", "-5/11", "2/3"),
    steps=(
        rates(0.75, WIDE, 0.03, 0.25, 0.125, 0.5, (0.25, 0.3)),
        rates(-1.5, WIDE, 0.01, 0.5, 0.375, 0.25, (-1.0, -0.5)),
        rates(2.25, WIDE, 0.02, 0.75, 0.625, 0.75, (0.5, 0.625)),
    ),
    logs=((-0.07, 0.01), (0.13, 0.19), (-0.31, -0.23)),
    after=rates(-0.6, WIDE, 0.0, 0.35, 0.45, 0.9, (0.15, 0.65)),
    entry=0.037,
    start=0.011,
    share=(-0.61, -0.6),
)
SECOND = track(
    ends=("1/2", "7/6"),
    decays=("-1/5", "9/13"),
    steps=(
        rates(-0.4, WIDE, 0.04, 0.15, 0.85, 0.2, (0.1, 0.9)),
        rates(0.6, WIDE, 0.05, 0.45, 0.35, 0.1, (-0.2, 0.4)),
    ),
    logs=((0.02, 0.03), (-0.05, 0.09)),
    after=rates(-1.1, WIDE, 0.0, 0.65, 0.25, 0.7, (-0.35, -0.15)),
    entry=0.053,
    start=0.017,
    share=(-0.83, -0.8),
)
TRAPPED = track(
    after=rates(-0.9, WIDE, 0.0, 0.55, 0.15, 0.3, (-0.25, 0.2)), entry=0.029, start=0.007, share=(-1.4, -1.3)
)
# So much is left of the sizes by a decay that the sum of them bounds A, and not its growth.
SHRINKING = track(
    ends=("1/2", 1, "3/2"),
    decays=(-3, -2, "1/4"),
    steps=(
        rates(0.5, WIDE, 0.01, 0.3, 0.02, 0.1, (-3.1, 0.1)),
        rates(-0.5, WIDE, 0.02, 0.2, 0.03, 0.2, (-2.1, -2.0)),
        FIRST.steps[2].rates,
    ),
    after=FIRST.after,
    start=0.01,
)
CASES = {
    "three groups": ([FIRST, SECOND, TRAPPED], 2, "1/2"),
    "in the other order": ([TRAPPED, SECOND, FIRST], 2, "2/5"),
    "one group": ([FIRST], 3, "1/3"),
    "one group of order 2": ([SECOND], 2, "1/3"),
    "until the last": ([SECOND, FIRST], 2, "1/7"),
    "shrinking": ([SHRINKING], 2, "1/3"),
    "two that shrink": ([SHRINKING, SECOND], 2, "1/3"),
    "the limit flow": ([FIRST, SECOND], 2, "1e-200"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_sweep_says_what_is_stated_and_hardly_less(name):
    tracks, order, delta = CASES[name]
    found, true = Timeline(tracks, order).sweep(F(delta)), stated(tracks, order, F(delta))
    assert found.failure is None
    for each in ("distance", "log_hi", "A_end", "A_max", "reached"):
        assert_bounds(getattr(found, each), true[each])
    for mine, theirs in zip(found.widest, true["widest"], strict=True):
        assert_bounds(mine, theirs)
    assert_bounds(found.log_lo, true["log_lo"], -1)


def test_decays_that_cancel_are_enclosed_by_the_sizes_of_what_cancels():
    high = 10**12
    own = track(ends=("1/3", "2/3", 1), decays=(high, F(-high) + F(1, 7), "1/3"), steps=(rates(),) * 3)
    timeline = Timeline([own, track(ends=("1/5", "2/5", "3/5", "4/5"))], 2)
    for point, low, up in zip(timeline.points, timeline.base_lo[:, 0], timeline.base_hi[:, 0], strict=True):
        true = (
            high * min(point, F(1, 3))
            + (F(1, 7) - high) * min(max(point - F(1, 3), 0), F(1, 3))
            + F(1, 3) * max(point - F(2, 3), 0)
        )
        assert F(float(low)) <= true <= F(float(up))
        assert F(float(up)) - F(float(low)) < high * F(1, 2**44)


@pytest.mark.parametrize(("slow", "fast"), [(-0.7, 0.9), (0.0, 0.9), (-0.9, 0.0), (0.3, 0.3), (0.0, 0.0)])
@pytest.mark.parametrize("share", [(0.1, 0.2), (0.0, 0.0), (-9.0, 9.0)])
def test_many_stretches_in_a_trap_add_up(slow, fast, share):
    # The clock of another group cuts the stay in the trap into thirds of thirds.
    ends = [F(k, 300) for k in range(1, 301)]
    trapped = track(after=rates(ell=(slow, fast)), share=share)
    timeline = Timeline([track(ends=ends), trapped], 2)
    for k in (0, 7, 99, 299):
        low, high = F(share[0]) + F(slow) * ends[k], F(share[1]) + F(fast) * ends[k]
        assert low - F(1, 10**9) < F(float(timeline.base_lo[k, 1])) <= low
        assert high <= F(float(timeline.base_hi[k, 1])) < high + F(1, 10**9)


def test_the_clock_of_all_groups():
    tracks = [FIRST, SECOND, TRAPPED]
    timeline = Timeline(tracks, 2)
    assert timeline.points == [F(1, 3), F(1, 2), F(5, 6), F(7, 6), F(3, 2)]
    assert timeline.step.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [2, 1, 0], [2, 2, 0]]
    assert timeline.after.tolist() == [[False, False, True]] * 4 + [[False, True, True]]
    # A group that begins in its trap never enters it.
    assert timeline.enters.tolist() == [[False] * 3] * 4 + [[False, True, False]]
    for name in (f.name for f in fields(Rates)):
        rows = [
            [getattr(rates_of(own)[k], name) for own, k in zip(tracks, row, strict=True)]
            for row in timeline.step
        ]
        assert getattr(timeline, name).tolist() == rows
    assert _steps_at(SECOND, timeline.points) == [0, 0, 1, 1, 2]
    assert _steps_at(track(), timeline.points) == [0] * 5


def test_without_a_step_only_the_start_counts():
    found = Timeline([TRAPPED, track(start=0.25, share=(-3.0, -2.0))], 2).sweep(F(1, 2))
    assert found.failure is None and found.reached == []
    assert_bounds(found.distance, [SPARE * (mp(0.007) + mp(0.029)), SPARE * mp(0.25)])
    assert found.log_lo.tolist() == [-1.4, -3.0] and found.log_hi.tolist() == [-1.3, -2.0]
    size = SPARE * (MP.exp(2 * mp(-1.3)) + MP.exp(-4))
    assert_bounds([found.A_end, found.A_max], [size, size])
    assert [row.tolist() for row in found.widest] == [[0.0], [0.0]]


# -- where a sweep ends --------------------------------------------------------------------------------------


def limited(own, k, limit):
    """The track with another limit on step k, or after its last."""
    if k == len(own.steps):
        return replace(own, after=replace(own.after, limit=limit))
    return replace(
        own,
        steps=tuple(
            replace(s, rates=replace(s.rates, limit=limit)) if i == k else s for i, s in enumerate(own.steps)
        ),
    )


@pytest.mark.parametrize(
    ("g", "k", "time"),
    [(0, 0, "1/3"), (0, 1, "5/6"), (1, 0, "1/2"), (1, 1, "7/6"), (1, 2, "3/2"), (2, 0, "3/2")],
)
def test_a_region_is_left_exactly_where_its_limit_is_reached(g, k, time):
    tracks = [FIRST, SECOND, TRAPPED]
    widest = Timeline(tracks, 2).sweep(F(1, 2)).widest[g][k] * (1 + 2.0**-10)
    failed = Timeline([limited(own, k, widest) if i == g else own for i, own in enumerate(tracks)], 2).sweep(
        F(1, 2)
    )
    assert failed.failure == Failure(g, k, F(time))
    barely = np.nextafter(widest, np.inf)
    assert (
        Timeline([limited(own, k, barely) if i == g else own for i, own in enumerate(tracks)], 2)
        .sweep(F(1, 2))
        .failure
        is None
    )


@pytest.mark.parametrize("own", [FIRST, SECOND])
def test_the_region_after_the_tube_has_to_hold_at_the_horizon_itself(own):
    # It ends with the clock: no stretch lies in its trap.
    distance = Timeline([TRAPPED, own], 2).sweep(F(1, 2)).distance[1]
    end, count = own.steps[-1].end, len(own.steps)
    failed = Timeline([TRAPPED, limited(own, count, distance)], 2).sweep(F(1, 2))
    assert failed.failure == Failure(1, count, end)
    assert (
        Timeline([TRAPPED, limited(own, count, np.nextafter(distance, np.inf))], 2).sweep(F(1, 2)).failure
        is None
    )


def test_the_first_of_two_failures_is_named_and_nothing_after_it_is_said():
    tracks = [limited(FIRST, 1, 0.0), limited(SECOND, 0, 0.0), limited(TRAPPED, 0, 0.0)]
    assert Timeline(tracks, 2).sweep(F(1, 2)).failure == Failure(1, 0, F(1, 3))
    found = Timeline(tracks[:1], 2).sweep(F(1, 2))
    assert found.failure == Failure(0, 1, F(5, 6))
    assert len(found.reached) == 1 and found.widest[0][2:].tolist() == [0.0, 0.0]
    assert (found.log_lo.tolist(), found.log_hi.tolist()) == ([-0.61], [-0.6])


def test_a_trap_that_is_too_narrow_at_the_start():
    narrow = limited(TRAPPED, 0, 0.036)
    assert Timeline([replace(TRAPPED, entry=0.0), narrow], 2).sweep(F(1, 2)).failure == Failure(1, 0, F(0))


@pytest.mark.parametrize(("ell", "step"), [(400.0, 0), (200.0, 1)])
def test_a_size_beyond_the_doubles_fails_without_a_group(ell, step):
    fast = rates(ell=(0.0, ell))
    found = Timeline([track(ends=(1, 2, 3), decays=(ell,) * 3, steps=(fast,) * 3)], 2).sweep(F(1, 2))
    assert found.failure == Failure(None, 0, F(step + 1))
    assert len(found.reached) == step


def test_numbers_beyond_the_doubles_at_the_horizon_fail_without_a_group():
    found = Timeline([track(ends=(1,), after=rates(limit=np.inf), entry=np.inf)], 2).sweep(F(1, 2))
    assert found.failure == Failure(0, 1, F(1))
    grown = track(ends=("1/2", 1), logs=((0.0, 0.0), (-np.inf, 0.0)))
    assert Timeline([grown], 2).sweep(F(1, 2)).failure == Failure(None, 0, F(1))
    assert Timeline([track(share=(-np.inf, 0.0))], 2).sweep(F(1, 2)).failure == Failure(None, 0, F(0))


# -- numbers -------------------------------------------------------------------------------------------------


def test_small_exponentials():
    x = np.array([0.0, 2.0**-60, 1e-9, np.nextafter(32.0, 0.0), *np.linspace(0.01, 31.9, 200)])
    for value, at in zip(_small_exp(x), x, strict=True):
        close = close_exp(mp(at))
        assert MP.exp(mp(at)) <= close <= mp(value) <= close * (1 + MP.mpf(2) ** -40)
    assert _small_exp(np.array([32.0, 33.0, 1e300, np.inf, np.nan])).tolist() == [np.inf] * 5


def test_products_of_any_sign_are_rounded_up():
    values = np.array([3.0, -3.0, 0.0])
    assert up_any(values).tolist() == [3.0 + 3.0 * 2.0**-48, -3.0 + 3.0 * 2.0**-48, 2.0**-1000]
