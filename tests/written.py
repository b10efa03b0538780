"""Certificates as text, of what was found by other means than `certify`."""

from __future__ import annotations

from typing import Any

from certflow.certifying import accepted
from certflow.kkt.points import KKTSet
from certflow.problem import Problem
from certflow.theorems.basin.prove import limit_flow
from certflow.theorems.certified import Certified
from certflow.theorems.kkt_points import certificate as kkt_points
from certflow.theorems.kkt_points.prove import listed
from certflow.theorems.time_near_origin import certificate as time_near_origin
from certflow.theorems.time_near_origin.prove import bounded


def kkt_certificate(problem: Problem, kkt: KKTSet, proof: str | None = None) -> str:
    return kkt_points.certificate(listed(problem, kkt, proof))


def time_certificate(problem: Problem, kkt: KKTSet | None) -> str:
    return time_near_origin.certificate(bounded(problem, kkt))


def accepted_points(problem: Problem, kkt: KKTSet) -> str:
    return accepted(listed(problem, kkt))[1]


def accepted_times(problem: Problem, kkt: KKTSet | None) -> str:
    return accepted(bounded(problem, kkt))[1]


def basin_certificate(theorem: Certified[Any]) -> str:
    return accepted(limit_flow(theorem))[1]
