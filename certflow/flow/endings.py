"""Why a group is given up, as kinds: the value of each is the sentence that the user reads."""

from __future__ import annotations

import enum

from certflow.outcome import Inconclusive

MAX_WINDOWS = 1_000
"""A limit flow is followed through so many windows."""


class Ending(enum.Enum):
    """What keeps the limit flow of a group from a strict KKT point that is proved; only DEAD is no
    failure.
    """

    DEAD = "all samples are inactive, so that the weights never change."
    ZERO = "the initial weights of this group are zero, so that it has no direction."
    NO_GRADIENT_AT_START = "the gradient of the NCF is zero at the start, or too small to be followed."
    KKT_START = (
        "the start lies exactly at a KKT point of the NCF that is not found to be a strict maximum on the "
        "sphere: the limit flow stays there, but flows nearby may not."
    )
    SADDLE = (
        "the limit flow seems to come to rest at a saddle of the NCF: the start lies on the stable set of "
        "the saddle, or too close to it for double precision to tell on which side."
    )
    FLAT = (
        "the limit of the flow does not seem to be a strict KKT point: in some direction the NCF is flat to "
        "second order as far as double precision tells, as in a continuum of KKT points."
    )
    FADES = (
        "the NCF seems to tend to 0 along the limit flow, to a degenerate limit, for example on the boundary "
        "of a dead cell."
    )
    NO_GRADIENT = "the NCF and its gradient seem to tend to 0 along the limit flow."
    NOT_ISOLATED = "the limit flow comes to rest where no isolated KKT point is found."
    TOO_SLOW = f"the limit flow did not come near a KKT point within {MAX_WINDOWS} windows."
    TOO_LONG = "the curve along the limit flow would have too many coefficients."
    KINKS = "the limit flow crosses too many kinks at once, or turns too fast for double precision."
    OUT_OF_RANGE = "the numbers of the limit flow are too large to be bounded in double precision."
    NO_BOUND = "the largest tangential eigenvalue of a region could not be bounded."
    NO_GAP = (
        "the KKT point at which the limit flow ends could not be proved to be a strict maximum of the NCF on "
        "the sphere: its gap is too small for the rounding errors around it, or the NCF grows on the other "
        "side of a kink there."
    )
    SIZE_UNKNOWN = (
        "the NCF is too close to zero at the KKT point to tell whether the weights grow or shrink there."
    )
    TOO_FINE = "the KKT point is not known well enough for the angle that is asked for."


class NotSettled(Inconclusive):
    """Nothing can be proved about the end or the centre of a group's limit flow; `ending` is the kind of the
    reason.
    """

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.value)
        self.ending = ending
