"""R1: what every certificate has, whatever it states: its two hashes, its assumptions and its problem."""

from __future__ import annotations

from typing import Any

from .problem import Problem
from .reading import Node, digest
from .verdicts import Clock

Assumptions = tuple[str, ...]


def opened(
    content: Any,
    own: str,
    assumptions: Assumptions,
    clock: Clock,
    lipschitz: bool = True,
    expressions: bool = False,
) -> tuple[dict[str, Node], Problem]:
    """The entries of a parsed file with the keys `own` besides those of every certificate (and perhaps
    units), and its problem in these units, whose gradient is `lipschitz` or jumps; the hashes match. Only
    with `expressions` the network may be one.
    """
    names = f"format version problem problem_sha256 assumptions claim sha256 {own}"
    top = Node(content, "").fields(names, "units")
    top["format"].text("certflow-certificate")
    top["version"].integer(1, 1)
    clock.enter("R1", "file")
    if digest({key: value for key, value in content.items() if key != "sha256"}) != content["sha256"]:
        top["sha256"].fail("the hash of the file does not match; it was changed after it was written")
    if digest(content["problem"]) != content["problem_sha256"]:
        top["problem_sha256"].fail("the hash of the problem does not match")
    if content["assumptions"] != list(assumptions):
        top["assumptions"].fail("these are not the assumptions of this checker")
    clock.enter("R1", "problem")
    return top, Problem(content["problem"], clock, top.get("units"), lipschitz, expressions)
