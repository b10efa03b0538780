"""Certificates of the statement "branches": from the given direction the limit flow has two solutions (Q9).

Each listed neuron is replayed along its polygon, exactly, to a point that two different velocities leave.
"""

from __future__ import annotations

from typing import Any

from ..early_direction.claim import runs
from ..kernel.container import opened
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from ..polygon.neuron import Neuron, sign_of, vector
from ..polygon.replay import MAX_PIECES, part, replay

STATEMENT = "branches"

BRANCHES_ASSUMPTIONS: tuple[str, ...] = (
    "The limit flow is any solution in continuous time of u' in (Clarke) dN(u) from u(0) = w0, where w0 is "
    "the unit vector of the given direction.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What the statement takes for granted; a certificate has to state exactly these sentences."""

_FIELDS = "statement order problem_sha256 assumptions blocks"


def check_branches(content: Any, clock: Clock) -> Any:
    """The claim, after two solutions are found for every neuron of it; or `Refused` (or `Malformed`) with the
    rule and the place (L11.6).
    """
    top, problem = opened(content, "evidence", BRANCHES_ASSUMPTIONS, clock, lipschitz=False)
    claim = top["claim"].fields(_FIELDS)
    clock.enter("R9", "claim")
    claim["order"].same(problem.order)
    claim["problem_sha256"].same(content["problem_sha256"])
    claim["assumptions"].same(list(BRANCHES_ASSUMPTIONS))
    (evidence,) = top["evidence"].items(1)
    G, count = Neuron(problem, clock), len(problem.indices)
    listed = evidence.fields("neurons")["neurons"].items(1, count)
    found = []
    for node in listed:
        table = node.fields("index pieces branch")
        found.append(table["index"].integer(0, count - 1))
        _check_neuron(problem, G, found[-1], table, clock)
    claim["blocks"].need(found == sorted(set(found)), "the neurons are not in increasing order")
    for j, block in zip(found, claim["blocks"].items(len(found)), strict=True):
        entry = block.fields("index weights outcome reason")
        entry["index"].same(j)
        entry["weights"].same(runs(problem.indices[j]))
        entry["outcome"].same("branches")
        entry["reason"].text()
    return content["claim"]


def _check_neuron(problem: Problem, G: Neuron, j: int, table: dict[str, Node], clock: Clock) -> None:
    """Q2 and Q9: the polygon, and two velocities at its end."""
    *w, v = (problem.direction[i] for i in problem.indices[j])
    start = vector(w)
    c, sign = v * v - start.inner(start), sign_of(v) or sign_of(G.value(start.entries))
    clock.enter("Q2", table["pieces"].where)
    table["pieces"].need(sign != 0, "v = 0 and G = 0 at the start: not covered", "Q2")
    pieces = replay(G, start, sign, c, table["pieces"].items(0, MAX_PIECES))
    clock.enter("Q9", table["branch"].where)
    part(G, start, sign, c, pieces, table["branch"])
