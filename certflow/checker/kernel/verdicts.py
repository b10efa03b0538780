"""How a check ends: the reasons to stop, each with the rule and the place, and the clock."""

from __future__ import annotations

import time


class Refused(Exception):
    """Something the certificate states was not proved: `rule` (R1..R12), `where` in the file, and the
    reason.
    """

    def __init__(self, rule: str, where: str, reason: str) -> None:
        super().__init__(reason)
        self.rule, self.where, self.reason = rule, where, reason


class Malformed(Refused):
    """The file is not a certificate: its form breaks R1."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__("R1", where, reason)


class OutOfTime(Exception):
    """The time limit has passed."""


class Clock:
    """Raises `OutOfTime` from `tick` once `limit` seconds (None: never) have passed since it was made.

    It also knows what is being checked, `rule` and `where`, in case that the check ends there without a
    reason of its own.
    """

    def __init__(self, limit: float | None) -> None:
        # What is no number of seconds is no time at all.
        self.end = None if limit is None else time.monotonic() + (limit if limit >= 0 else 0)
        self.rule, self.where = "R1", "file"

    def enter(self, rule: str, where: str) -> None:
        """From now on this is checked."""
        self.rule, self.where = rule, where
        self.tick()

    def tick(self) -> None:
        """Call this in every loop whose length the file decides."""
        if self.end is not None and time.monotonic() > self.end:
            raise OutOfTime
