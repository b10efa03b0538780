"""Stopping long work after a given time, from outside the work."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from certflow.running import OutOfTime, deadline

__all__ = ["OutOfTime", "time_limit"]


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Run the body for at most `seconds` (None: no limit); main thread only.

    Raises `OutOfTime` inside the body when the time is over, so that what it writes must be written atomically.
    """
    if seconds is None:
        yield
        return
    over = OutOfTime(f"the time limit of {seconds:g} s was reached before the work was done; raise --time-limit.")
    with deadline(seconds), _alarm(seconds, over) if hasattr(signal, "setitimer") else _interrupt(seconds, over):
        yield


@contextlib.contextmanager
def _alarm(seconds: float, over: OutOfTime) -> Iterator[None]:
    def stop(signum: int, frame: FrameType | None) -> None:
        raise over

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _interrupt(seconds: float, over: OutOfTime) -> Iterator[None]:
    # Without alarm signals (Windows) the only way into the main thread is the one that Ctrl-C takes.
    rung = threading.Event()

    def ring() -> None:
        rung.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if rung.is_set():
            raise over from None
        raise
    finally:
        timer.cancel()
