"""Which folder proves which statement and puts it into words: the one place where another statement is
entered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .basin import rules as basin
from .basin import words as basin_words
from .branches import rules as branches
from .branches import words as branches_words
from .early_direction import claim as early_direction
from .early_direction import words as early_direction_words
from .kernel.verdicts import Clock
from .kkt_points import rules as kkt_points
from .kkt_points import words as kkt_points_words
from .power_1 import rules as power_1
from .power_1 import words as power_1_words
from .time_near_origin import rules as time_near_origin
from .time_near_origin import words as time_near_origin_words
from .words import DECIMALS, Say


@dataclass(frozen=True)
class Statement:
    """`check` returns the claim of a parsed file once everything it states is proved, and raises `Refused`
    (or `Malformed`) otherwise; `assumptions` are what it takes for granted; `sentences` say in words a claim
    that was checked, about a problem.
    """

    check: Callable[[Any, Clock], Any]
    assumptions: tuple[str, ...]
    sentences: Callable[[dict[str, Any], dict[str, Any], Say], list[str]]


STATEMENTS = {
    early_direction.STATEMENT: Statement(
        early_direction.check_early, early_direction.ASSUMPTIONS, early_direction_words.sentences
    ),
    kkt_points.STATEMENT: Statement(
        kkt_points.check_kkt, kkt_points.KKT_ASSUMPTIONS, kkt_points_words.sentences
    ),
    basin.STATEMENT: Statement(basin.check_basin, basin.BASIN_ASSUMPTIONS, basin_words.sentences),
    time_near_origin.STATEMENT: Statement(
        time_near_origin.check_time, time_near_origin.TIME_ASSUMPTIONS, time_near_origin_words.sentences
    ),
    power_1.STATEMENT: Statement(power_1.check_power_1, power_1.ASSUMPTIONS, power_1_words.sentences),
    branches.STATEMENT: Statement(
        branches.check_branches, branches.BRANCHES_ASSUMPTIONS, branches_words.sentences
    ),
}


def named(statement: Any) -> Statement:
    """The statement of this name; the first one, which refuses the claim, for what names none."""
    first = next(iter(STATEMENTS.values()))
    return STATEMENTS.get(statement, first) if isinstance(statement, str) else first


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say = DECIMALS) -> list[str]:
    """The claim about a problem in words. Of what was not checked: an exception, also `Refused`, where it
    cannot be read.
    """
    return named(claim["statement"]).sentences(claim, problem, say)
