"""Whether a run of the reference integrator gets on: every run ends, and where it ends early it says why."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from certflow.outcome import Inconclusive
from certflow.running import tick

MAX_STEPS = 20_000
CLOSE, FAR = 64, 300
"""How many steps are looked back on for an end of the flow, and for a pace that is too slow."""

GROWTH = 2.0**-10
"""A change of log ‖w‖ that counts as getting on, ..."""

SPURT = 0.25
"""... and one within `FAR` steps that is likely to go on."""


class Run(Protocol):
    """What is asked of an integration."""

    time: Any  # scaled
    clock: Any  # the field's own time, in which a flow that is not singular takes steps of like size

    @property
    def taken(self) -> tuple[int, int]:
        """Steps, and kinks met, so far."""

    @property
    def resolution(self) -> Any:
        """The smallest relative step of the clock that is told from none."""

    def speed(self) -> int:
        """How far the fastest weight moves in one natural step, in units of the last place."""

    def log_norms(self) -> list[float]:
        """log(rho_j / delta) of each block."""


@dataclass(frozen=True)
class _Mark:
    time: Any
    clock: Any
    size: float
    speed: int
    kinks: int


class Pace:
    """Watches one run; `check` after every step."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque(maxlen=FAR + 1)

    def check(self, run: Run, until: Any | None, log_target: float = math.inf) -> None:
        """Raise `Inconclusive` if the run, on its way to the time `until` (None: for ever) or until the log norm is `log_target`,
        stands before a singularity, or will need more than `MAX_STEPS` steps."""
        tick()
        steps, kinks = run.taken
        if steps > MAX_STEPS:
            raise Inconclusive(f"the flow needed more than {MAX_STEPS} steps; {_SHORTER}.")
        now = _Mark(run.time, run.clock, max(run.log_norms()), run.speed(), kinks)
        self._marks.append(now)
        if len(self._marks) <= CLOSE:
            return
        before = self._marks[-1 - CLOSE]
        if abs(now.size - before.size) <= GROWTH and now.clock - before.clock <= run.resolution * now.clock:
            raise Inconclusive(_PILE if now.kinks - before.kinks >= CLOSE // 2 else _SINGULAR)
        if len(self._marks) > FAR and self._is_slow(until, log_target):
            raise Inconclusive(f"the flow moves so slowly that it needs more than {MAX_STEPS} steps to the end; {_SHORTER}.")

    def _is_slow(self, until: Any | None, log_target: float) -> bool:
        """Whether the pace of the last `FAR` steps, which neither grew nor slackened, takes too many steps."""
        before, now, share = self._marks[0], self._marks[-1], MAX_STEPS // FAR
        if not before.speed <= 3 * now.speed <= 9 * before.speed or abs(now.size - before.size) > SPURT:
            return False
        by_time = until is not None and (now.time - before.time) * share >= until - now.time
        by_size = math.isfinite(log_target) and (now.size - before.size) * share >= log_target - now.size
        return not (by_time or by_size)


_SHORTER = "ask for a shorter time or a smaller radius"
_SINGULAR = (
    "the flow ends in a singularity: its steps became shorter than the precision resolves, as where a denominator or a root "
    "tends to zero; ask for a shorter time."
)
_PILE = "the flow meets one kink after the other without getting on; ask for a shorter time, or use power >= 2."
