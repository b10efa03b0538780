"""What was compared with the truth, and what was found to be false."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SLACK = 1e-9
"""Of a bound: what the truth itself may be wrong by, far below every bound that matters."""


@dataclass
class Report:
    """`compared` counts the statements that were compared, `false` are those that do not hold, `open` what
    stayed undecided.
    """

    compared: int = 0
    false: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def need(self, holds: Any, what: str) -> None:
        """A statement, which is false unless it holds."""
        self.compared += 1
        if not holds and len(self.false) < 20:
            self.false.append(what)

    def at_most(self, value: Any, bound: Any, what: str, slack: Any = 0) -> None:
        """The statement value <= bound, up to `SLACK` of both and the absolute `slack`."""
        room = SLACK * max(abs(value), abs(bound)) + slack
        self.need(value <= bound + room, f"{what}: {_shown(value)} > {_shown(bound)}")

    def within(self, value: Any, low: Any, high: Any, what: str, slack: Any = 0) -> None:
        """The statement low <= value <= high; `high` None is no bound."""
        self.at_most(low, value, f"{what}, from below", slack)
        if high is not None:
            self.at_most(value, high, f"{what}, from above", slack)

    def add(self, other: Report) -> None:
        """Everything of another report."""
        self.compared += other.compared
        self.false += other.false
        self.open += other.open


def _shown(value: Any) -> str:
    return np.format_float_scientific(value, 12)
