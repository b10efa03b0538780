"""Deadlines: who asks, how often, in threads and in copies of a context, and what is left when one has
passed.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

import certflow
from certflow import Activation, Experiment, FeedForward, OneLayer, Problem, TwoLayer
from certflow.arithmetic.base import mp_arithmetic
from certflow.experiments.trajectory import trajectory
from certflow.flow.reference.integration import Precision
from certflow.flow.reference.limit_flow import limit_of
from certflow.kkt.enumerate import Budget
from certflow.outcome import CertflowError, Inconclusive
from certflow.running import OutOfTime, deadline, no_deadline, remaining, tick
from certflow.theorems.early_direction.prove import certify

SQUARED_RELU = Activation(Fraction(0), 2)
X = [["1", "1/3"], ["3/5", "-4/5"], ["-1", "1/2"]]


class Clock:
    """A clock that moves by one whenever it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def monotonic(self) -> float:
        self.asked += 1
        return float(self.asked)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr("certflow.running.time", clock)
    yield clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still until a test changes it."""
    time = [0.0]
    monkeypatch.setattr("certflow.running.time", SimpleNamespace(monotonic=lambda: time[0]))
    return time


def test_the_time_is_over_after_the_deadline_and_not_before(now):
    tick()
    with deadline(2):
        now[0] = 2.0
        tick()
        assert remaining() == 0
        now[0] = 2.5
        with pytest.raises(OutOfTime, match="the time limit of 2 s was reached"):
            tick()
        assert remaining() == 0
    tick()
    assert remaining() is None


def test_of_nested_deadlines_the_earliest_counts(now):
    with deadline(2):
        with deadline(5), deadline(None):
            assert remaining() == 2
        with deadline(1):
            assert remaining() == 1
            now[0] = 1.5
            with pytest.raises(OutOfTime, match="of 1 s"):
                tick()
        tick()
        with no_deadline():
            now[0] = 3.0
            tick()
            assert remaining() is None
        with pytest.raises(OutOfTime, match="of 2 s"):
            tick()


def test_running_out_of_time_is_not_inconclusive():
    assert issubclass(OutOfTime, CertflowError)
    assert not issubclass(OutOfTime, Inconclusive | ArithmeticError | ValueError)
    assert OutOfTime.exit_code == 3


def test_a_handler_of_what_is_inconclusive_does_not_swallow_it(now):
    def careful() -> None:
        try:
            tick()
        except Inconclusive:
            pytest.fail("swallowed")

    with pytest.raises(OutOfTime), deadline(1):
        now[0] = 2.0
        careful()


def in_thread(work: Callable[[], Any]) -> Any:
    """What `work` returns or raises in a thread of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except CertflowError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert found
    return found[0]


def test_a_thread_has_its_own_deadline_and_takes_on_another_one_when_told(now):
    def own() -> Any:
        with deadline(1):
            now[0] += 2.0
            return tick()

    assert isinstance(in_thread(own), OutOfTime)
    with deadline(1):
        now[0] += 2.0
        assert in_thread(tick) is None
        assert isinstance(in_thread(lambda: contextvars.copy_context().run(tick)), type(None))
        context = contextvars.copy_context()
        assert isinstance(in_thread(lambda: context.run(tick)), OutOfTime)


def test_work_in_a_thread_ends_with_its_deadline():
    def work() -> Any:
        with deadline(1e-6):
            return certflow.certify(planar())

    assert "time limit" in in_thread(work).reason


def test_threads_share_nothing_that_changes():
    def shared() -> tuple[Any, Any]:
        return mp_arithmetic(20), limit_of(planar(), Precision(20), False)

    assert all(
        mine is again and mine is not theirs
        for mine, again, theirs in zip(shared(), shared(), in_thread(shared), strict=True)
    )


# -- every public function asks ------------------------------------------------------------------------------


def planar(direction: str = "1/2") -> Problem:
    experiment = Experiment(("1e-3", "1e-5"), Fraction(4), Fraction(1, 100), Fraction(1))
    return Problem(
        OneLayer(2, 2, SQUARED_RELU),
        X,
        ["1"] * 3,
        direction=["1", direction, "-1", "1"],
        experiment=experiment,
    )


def deep() -> Problem:
    return Problem(TwoLayer(2, 1, SQUARED_RELU), X, ["1", "2/3", "1/2"], direction=["1", "0", "1"])


def deeper() -> Problem:
    network = FeedForward([2, 2, 2, 1], SQUARED_RELU)
    return Problem(
        network, X, ["1", "2/3", "1/2"], direction=["1", "2", "3", "1", "1", "-1", "1", "2", "1", "1"]
    )


def written() -> Problem:
    network = certflow.Expression(["u", "v"], ["x", "y"], "(u*x + v*y)**3 + u**2*v*x*y")
    return Problem(network, X, ["1", "2/3", "1/2"], direction=["1", "2"])


LONG: dict[str, Callable[[], Any]] = {
    "certify": lambda: certify(planar()),
    "certify deep": lambda: certify(deep()),
    "kkt_points planar": lambda: certflow.kkt_points(planar()),
    "kkt_points deep": lambda: certflow.kkt_points(deep(), budget=Budget(boxes=2_000)),
    "kkt_points deeper": lambda: certflow.kkt_points(deeper(), budget=Budget(boxes=500, starts=2)),
    "kkt_points written": lambda: certflow.kkt_points(written()),
    "correlation": lambda: certflow.correlation(written()).text(),
    "near_origin": lambda: certflow.near_origin(deeper()),
    "reference_flow": lambda: certflow.reference_flow(planar(), Fraction(1, 100), time=Fraction(1)),
    "limit_flow": lambda: certflow.limit_flow(planar(), time=Fraction(1)),
    "gradient_descent": lambda: certflow.gradient_descent(planar(), Fraction(1, 100), 1e-3, 5_000, 100),
    "verify": lambda: certflow.verify(planar(), workers=1, digits=15),
}
"""Public functions that may take long, on small problems."""


@pytest.mark.parametrize("name", LONG)
def test_a_deadline_that_has_passed_ends_every_public_function_at_once(name, clock):
    with deadline(0.5):
        try:
            found = LONG[name]()
        except OutOfTime as error:
            found = error
    assert "time limit" in str(getattr(found, "reason", found))
    assert clock.asked < 50


@pytest.mark.parametrize("asked", [3, 30, 300, 3_000])
@pytest.mark.parametrize("name", LONG)
def test_wherever_the_deadline_passes_the_work_ends_soon(name, asked, clock):
    with deadline(asked + 0.5), contextlib.suppress(OutOfTime):
        LONG[name]()
    assert clock.asked < asked + 50


def test_a_flow_keeps_the_rows_up_to_where_the_time_was_over(clock):
    with deadline(1e9):
        trajectory(planar(), "1/100", time=Fraction(10))
    # The flow is computed twice, the second time to more digits.
    with deadline(clock.asked / 4):
        found = trajectory(planar(), "1/100", time=Fraction(10), rows=5)
    assert "time limit" in found.flow.stopped
    assert any("time limit" in remark for remark in found.remarks)
    assert (found.exit_code, found.flow.error_estimate) == (3, None)
    assert 0 < found.flow.end_time < 10
    assert (
        len(found.times) == len(found.log_norms) == len(found.angles) == 1
    )  # this clock leaves no time to read more
    with deadline(100), pytest.raises(OutOfTime):
        certflow.reference_flow(planar(), Fraction(1, 100), time=Fraction(10))


def test_a_proof_that_is_stopped_says_how_far_it_came(clock):
    with deadline(1e9):
        certify(planar())
    with deadline(clock.asked / 2):
        found = certify(planar())
    assert (found.outcome, found.claim) == ("inconclusive", None)
    assert "time limit" in found.reason
    assert "of 2 blocks" in found.reason


MOST_CALLS = 100_000
"""Calls of functions between two looks at the clock; at a microsecond or two each, and slower ones inside."""


@pytest.mark.parametrize("name", [name for name in LONG if name != "verify"])
def test_every_public_function_looks_at_the_clock_often(name, monkeypatch):
    calls, longest = 0, 0

    def monotonic() -> float:
        nonlocal calls, longest
        calls, longest = 0, max(calls, longest)
        return 0.0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event.endswith("call")

    with no_deadline():
        LONG[name]()  # what is imported or computed once is not what is measured
    monkeypatch.setattr("certflow.running.time", SimpleNamespace(monotonic=monotonic))
    with deadline(1):
        sys.setprofile(count)
        try:
            LONG[name]()
        finally:
            sys.setprofile(None)
    assert max(calls, longest) < MOST_CALLS
