"""L2 on random problems: the reference flow never outruns the proved bound, for delta down to 1e-300 and both
losses.
"""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import planar_problems, problems

from certflow.experiments.measurement import Job, measure
from certflow.experiments.time_near_origin import time_rows
from certflow.flow.reference.flow import reference_flow
from certflow.networks.activation import Activation
from certflow.theorems.time_near_origin.times import near_origin

DIGITS = 12
ROUNDING = 1e-9

# With power 2 or more the flow is unique and never slides along a kink.
SMOOTH = st.builds(
    Activation,
    st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 3), Fraction(1), Fraction(-1)]),
    st.sampled_from([2, 3]),
)
FAMILIES = ("one-layer", "two-layer", "feed-forward")


@given(
    problems(FAMILIES, activation=SMOOTH, max_samples=3).filter(lambda p: p.order <= 9),
    st.integers(1, 300),
    st.sampled_from([Fraction(5, 4), Fraction(4), Fraction(100)]),
)
def test_the_norm_stays_below_the_factor_up_to_the_proved_time(problem, exponent, factor_squared):
    bound = near_origin(problem, DIGITS).factor_time(factor_squared).bound_nmax
    delta = Fraction(1, 10**exponent)
    assume(bound is None or bound < 10**6)
    time = Fraction(1) if bound is None else bound
    flow = reference_flow(problem, delta, time=time, digits=DIGITS, check=False)
    end = float(flow.log_norm(flow.end_time) - flow.log_delta)
    log_factor = (
        0.0
        if bound is None
        else float(flow.context.log(flow.context.mpf(factor_squared.numerator) / factor_squared.denominator))
        / 2
    )
    assert end <= log_factor + ROUNDING


@given(planar_problems(), st.integers(1, 300))
def test_measured_events_do_not_come_before_the_bounds(problem, exponent):
    bounds = near_origin(problem, DIGITS)
    assume(bounds.n_max_upper > Fraction(1, 100))
    delta = Fraction(1, 10**exponent)
    until = 3 * (bounds.radius_time(delta, 10 * delta).bound_nmax or Fraction(1))
    until = Fraction(int(until * 1024) + 1, 1024)
    job = Job(f"1e-{exponent}", until, 10 * delta, Fraction(4), 10 * delta, until, True, DIGITS, check=False)
    found = measure(problem, job)
    assert found.failure is None
    experiment = type(problem.experiment)(radius=10 * delta)
    rows = time_rows(_with(problem, experiment), bounds, [job], [found])
    assert [row.holds for row in rows] == [True, True]
    for row in rows:
        if row.time is not None:
            # The weaker bound is never the larger one by more than the rounding of its proof.
            assert row.bound.bound_beta is None or row.bound.bound_beta <= row.bound.bound_nmax * (
                1 + Fraction(1, 10**6)
            )


def _with(problem, experiment):
    return type(problem)(
        problem.network, problem.X, problem.y, problem.loss, problem.direction, experiment=experiment
    )
