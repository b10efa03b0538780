"""Why nothing could be proved about a direction, in kinds, and what can help against each kind.

This table is the only place that gives advice: nothing is advised that cannot help.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from certflow.exact import short_number, shown
from certflow.flow.endings import Ending
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem
from certflow.theorems.certified import Stopped

LARGEST_EPSILON = Fraction(1, 5)
"""The widest angle that can be asked for, in radians."""


class Cause(enum.Enum):
    """A kind of reason; `REMEDIES` says what helps."""

    NETWORK = "there are no certified flows for this network"
    LABELS = "the labels are all zero"
    START = "the initial direction does not move, or is none"
    LIMIT = "the limit flow is not known to end in a strict KKT point"
    TUBE = "the flow is not proved to stay near enough"
    PRECISION = "the angle is too small for the precision of the proof"
    RANGE = "the numbers of the problem are too far apart for double precision"


class Remedy(enum.Enum):
    """What can help; the value is what people read."""

    DIRECTION = "another initial direction"
    EPSILON = "a larger epsilon"
    ANGLE = "a smaller start angle"


REMEDIES: dict[Cause, tuple[Remedy, ...]] = {
    Cause.NETWORK: (),
    Cause.LABELS: (),
    Cause.START: (Remedy.ANGLE, Remedy.DIRECTION),
    Cause.LIMIT: (Remedy.DIRECTION,),
    Cause.TUBE: (Remedy.ANGLE, Remedy.EPSILON, Remedy.DIRECTION),
    Cause.PRECISION: (Remedy.EPSILON,),
    Cause.RANGE: (),
}


CAUSES: dict[Ending, Cause] = {
    **dict.fromkeys(Ending, Cause.LIMIT),
    Ending.ZERO: Cause.START,
    Ending.NO_GRADIENT_AT_START: Cause.START,
    Ending.KKT_START: Cause.START,
    Ending.SYMMETRIC: Cause.START,
    Ending.NO_BOUND: Cause.TUBE,
    Ending.TOO_FINE: Cause.PRECISION,
    Ending.OUT_OF_RANGE: Cause.RANGE,
}
"""Of what kind the reasons are for which a limit flow is given up."""


class Unproved(Inconclusive):
    """Nothing could be proved about the direction of a group, for one kind of reason: `piece` windows of its
    curve were followed, up to the clock `time`, and `proved` says up to when something was proved about it,
    if anything was. If it is about several groups, `others` are the kinds of all their reasons.
    """

    def __init__(
        self,
        reason: str,
        cause: Cause,
        group: int = 0,
        piece: int = 0,
        time: Fraction | None = None,
        proved: str = "",
        others: Iterable[Cause] = (),
    ) -> None:
        super().__init__(reason)
        self.causes = {cause, *others}
        self.cause, self.group, self.piece, self.time, self.proved = cause, group, piece, time, proved

    @property
    def stopped_at(self) -> Stopped | None:
        """Where that was; None if no flow was followed."""
        return None if self.time is None else Stopped(self.group, self.piece, self.time)


def advice(causes: Iterable[Cause], epsilon: Fraction, start_angle: Fraction) -> str:
    """What can help against any of these causes, in words; empty if nothing can."""
    wanted = {remedy for cause in causes for remedy in REMEDIES[cause]}
    if epsilon >= LARGEST_EPSILON:
        wanted.discard(Remedy.EPSILON)
    if start_angle == 0:
        wanted.discard(Remedy.ANGLE)
    return " or ".join(remedy.value for remedy in Remedy if remedy in wanted)


def asked_angles(problem: Problem, epsilon: Any, start_angle: Any) -> tuple[Fraction, Fraction]:
    """The angle to be reached and kept (None: the problem's), and that within which the start may be. Raises
    `BadInput` for angles that make no sense.
    """
    goal = problem.experiment.epsilon if epsilon is None else short_number(epsilon, "epsilon")
    angle = short_number(start_angle, "start_angle")
    if not 0 < goal <= LARGEST_EPSILON:
        raise BadInput(
            f"epsilon: {shown(goal)} is outside (0, {LARGEST_EPSILON}]; give an angle in radians such as "
            f"1/100."
        )
    if not 0 <= angle <= goal:
        raise BadInput(f"start_angle: {shown(angle)} is outside [0, epsilon]; give a small angle in radians.")
    return goal, angle


def asked_delta(delta_bar: Any) -> Fraction | None:
    """The delta_bar that is asked for, if it is; raises `BadInput` for one that makes no sense."""
    asked = None if delta_bar is None else short_number(delta_bar, "delta_bar")
    if asked is not None and asked <= 0:
        raise BadInput(f"delta_bar: {shown(asked)} is not positive; give a number such as 1e-6.")
    return asked
