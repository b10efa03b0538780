"""Certificates that rest on lists of KKT points, with the strongest proof that the independent checker accepts.

Whether a list is complete the checker finds out for itself, with a bounded number of boxes (R12). Where these do not decide,
for example about flat directions that are dead on both sides of a kink, less is certified, and that is proved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from certflow.certifying import Faulty, require_accepted
from certflow.kkt.points import KKTSet
from certflow.problem import Problem
from certflow.theorems.kkt_points.certificate import POINTS, kkt_certificate
from certflow.theorems.time_near_origin.certificate import time_certificate

COMPLETENESS = "R12"
_UNDECIDED = ("nothing is decided", "a cover is checked for at most")
"""How the checker says that it cannot tell. All else that it refuses, a wrong bound for example, is a fault."""

_Kind = TypeVar("_Kind")


def accepted_points(problem: Problem, kkt: KKTSet) -> str:
    """The certificate of the KKT points `kkt`, of single points if the checker cannot prove that there are no others.

    Raises as `kkt_certificate` and `require_accepted`.
    """
    return _accepted(lambda proof: kkt_certificate(problem, kkt, proof).decode("ascii"), None, POINTS)


def accepted_times(problem: Problem, kkt: KKTSet | None) -> str:
    """The certificate of the time near the origin, by norms if the checker cannot prove that `kkt` is complete.

    Raises as `time_certificate` and `require_accepted`.
    """
    return _accepted(lambda known: time_certificate(problem, known), kkt, None)


def _accepted(make: Callable[[_Kind], str], strong: _Kind, weak: _Kind) -> str:
    text = make(strong)
    try:
        require_accepted(text)
    except Faulty as error:
        if error.fault["rule"] != COMPLETENESS or not error.fault["reason"].startswith(_UNDECIDED):
            raise
        text = make(weak)
        require_accepted(text)
    return text
