"""Both sweeps say less for a larger delta, and for larger distances and rates, of which a smaller epsilon
makes smaller ones.

L5.2 rests on it: one sweep proves what it says for every smaller delta.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from certflow.checker.kernel.numbers import ONE, up
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.tube.curve import Step as CheckedStep
from certflow.checker.tube.curve import Track as CheckedTrack
from certflow.checker.tube.region import Rates as CheckedRates
from certflow.checker.tube.sweep import Runner
from certflow.checker.tube.sweep import sweep as checked_sweep
from certflow.flow.enclose.tube import Rates, Step, Timeline, Track

sixteenths = st.integers(0, 16).map(lambda k: k / 16)
signed = st.integers(-16, 16).map(lambda k: k / 8)
factors = st.fractions(Fraction(1, 10**6), 1)
LARGER_IS_WEAKER = ("mu", "defect", "K", "E", "T", "ell_hi")


@st.composite
def rates(draw):
    low = draw(signed)
    small = {name: draw(sixteenths) / 4 for name in ("defect", "K", "E", "T")}
    return Rates(
        mu=draw(signed), limit=draw(sixteenths) + 1 / 2, ell_lo=low, ell_hi=low + draw(sixteenths), **small
    )


@st.composite
def tracks(draw):
    count = draw(st.integers(0, 3))
    lengths = [Fraction(draw(st.integers(1, 8)), 16) for _ in range(count)]
    share = -draw(sixteenths)
    steps = []
    for k in range(count):
        low = draw(signed) / 16
        decay, end = Fraction(draw(st.integers(-8, 8)), 4), sum(lengths[: k + 1], Fraction(0))
        steps.append(Step(end, decay, draw(rates()), low, low + draw(sixteenths) / 16))
    return Track(
        tuple(steps),
        draw(rates()),
        draw(sixteenths) / 16,
        draw(sixteenths) / 16,
        (share - draw(sixteenths) / 16, share),
    )


@st.composite
def weaker(draw, track):
    """The same track with some distances and rates larger."""

    def more(rate):
        larger = {name: getattr(rate, name) + draw(sixteenths) / 8 for name in LARGER_IS_WEAKER}
        return replace(rate, ell_lo=rate.ell_lo - draw(sixteenths) / 8, **larger)

    return replace(
        track,
        steps=tuple(replace(step, rates=more(step.rates)) for step in track.steps),
        after=more(track.after),
        entry=track.entry + draw(sixteenths) / 16,
        start_distance=track.start_distance + draw(sixteenths) / 16,
        log_share=(track.log_share[0] - draw(sixteenths) / 16, track.log_share[1] + draw(sixteenths) / 16),
    )


def assert_says_no_less(one, other):
    """Whatever the sweep `other` proves, the sweep `one` proves too, with bounds that are no weaker."""
    if other.failure is not None:
        return
    assert one.failure is None
    for name in ("distance", "log_hi", "A_end", "A_max"):
        assert np.all(np.asarray(getattr(one, name)) <= np.asarray(getattr(other, name))), name
    assert np.all(one.log_lo >= other.log_lo)
    for mine, yours in ((one.reached, other.reached), *zip(one.widest, other.widest, strict=True)):
        assert np.all(np.asarray(mine) <= np.asarray(yours))


@given(
    st.lists(tracks(), min_size=1, max_size=2),
    st.integers(2, 4),
    st.fractions(Fraction(1, 10**9), 1),
    factors,
)
def test_a_smaller_delta_never_says_less(found, order, delta, factor):
    timeline = Timeline(found, order)
    assert_says_no_less(timeline.sweep(factor * delta), timeline.sweep(delta))


@given(
    st.data(),
    st.lists(tracks(), min_size=1, max_size=2),
    st.integers(2, 4),
    st.fractions(Fraction(1, 10**9), 1),
)
def test_smaller_distances_and_rates_never_say_less(data, found, order, delta):
    larger = [data.draw(weaker(track)) for track in found]
    assert_says_no_less(Timeline(found, order).sweep(delta), Timeline(larger, order).sweep(delta))


def runner(track):
    """What the checker would advance, with the same numbers."""

    def read(rate):
        whole = {name: up(Fraction(getattr(rate, name))) for name in ("K", "E", "T")}
        ell = up(Fraction(rate.ell_lo)), up(Fraction(rate.ell_hi))
        return CheckedRates(
            Fraction(rate.mu), up(Fraction(rate.limit)), ell=ell, dd=up(Fraction(rate.defect)), **whole
        )

    steps, S, begin = [], Fraction(0), Fraction(0)
    for step in track.steps:
        S += step.decay * (step.end - begin)
        steps.append(CheckedStep(step.end, S, step.decay, read(step.rates), (ONE, ONE)))
        begin = step.end
    curve = CheckedTrack(steps, Fraction(1), [[1 << 48]])
    share = Fraction(1, 2), Fraction(1)
    after = read(track.after)
    return Runner(
        curve, after, after.r, up(Fraction(track.entry)), share, up(Fraction(track.start_distance)), "here"
    )


@given(
    st.lists(tracks(), min_size=1, max_size=2),
    st.integers(2, 4),
    st.fractions(Fraction(1, 10**9), 1),
    factors,
)
def test_the_sweep_of_the_checker_says_no_less_for_a_smaller_delta(found, order, delta, factor):
    pair = [[runner(track) for track in found] for _ in range(2)]
    try:
        larger = checked_sweep(pair[1], order, delta**order, Clock(None))
    except Refused:
        return
    smaller = checked_sweep(pair[0], order, (factor * delta) ** order, Clock(None))
    assert (smaller.horizon, smaller.end <= larger.end, smaller.most <= larger.most) == (
        larger.horizon,
        True,
        True,
    )
    assert all(one <= other for one, other in zip(smaller.D, larger.D, strict=True))
    for one, other in zip(*pair, strict=True):
        assert one.size_low(order) >= other.size_low(order)
        assert all(
            a <= b
            for low, high in zip(one.errors, other.errors, strict=True)
            for a, b in zip(low, high, strict=True)
        )
