"""How long work ends on time: a deadline that is asked, never an alarm.

The deadline belongs to the context that set it (threads and tasks start without one); a worker process or
thread is handed `remaining()` and sets it again. Every loop whose length is not known beforehand calls
`tick`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from certflow.outcome import CertflowError, ExitCode


class OutOfTime(CertflowError):
    """The time limit was reached; no kind of `Inconclusive`, so that no handler of a part takes it for
    one.
    """

    exit_code = ExitCode.INCONCLUSIVE


@dataclass(frozen=True)
class _Deadline:
    at: float
    seconds: float


_deadline: ContextVar[_Deadline | None] = ContextVar("deadline", default=None)


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Within the body, `tick` raises `OutOfTime` once `seconds` have passed (None: no limit of its own).

    Of nested deadlines the earliest counts.
    """
    outer = _deadline.get()
    if seconds is None or (outer is not None and outer.at <= time.monotonic() + seconds):
        yield
        return
    token = _deadline.set(_Deadline(time.monotonic() + seconds, seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


@contextlib.contextmanager
def no_deadline() -> Iterator[None]:
    """Within the body nothing is out of time: for printing what was found until then, which is short work."""
    token = _deadline.set(None)
    try:
        yield
    finally:
        _deadline.reset(token)


def tick() -> None:
    """Raise `OutOfTime` if the deadline has passed; costs well under a microsecond."""
    current = _deadline.get()
    if current is not None and time.monotonic() > current.at:
        raise OutOfTime(
            f"the time limit of {current.seconds:g} s was reached before the work was done; raise "
            f"--time-limit."
        )


def remaining() -> float | None:
    """Seconds until the deadline, at least 0; None without one."""
    current = _deadline.get()
    return None if current is None else max(0.0, current.at - time.monotonic())
