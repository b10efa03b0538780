"""What the certificate of a theorem of power 1 holds besides the claim: from it the checker computes the
limit flows again (L11.27).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from certflow.exact import format_rational
from certflow.flow.polygon.contacts import Velocity
from certflow.flow.polygon.polygon import Edge
from certflow.flow.polygon.reduced import Reduced
from certflow.outcome import Fate
from certflow.theorems.early_direction.conclude import rounded
from certflow.theorems.early_direction_power_1.bounds import AtHorizon, Caution
from certflow.theorems.early_direction_power_1.claim import Claim
from certflow.theorems.early_direction_power_1.neurons import HiddenNeuron

if TYPE_CHECKING:
    from certflow.theorems.early_direction_power_1.prove import UniformProposal


@dataclass(frozen=True)
class ProposedEvidence:
    """The JSON object of a certificate, and how it was proposed: how carefully, and for which delta_bar if
    that was asked for.
    """

    record: dict[str, Any]
    caution: Caution
    asked: Fraction | None


ROOM = Fraction(1_000_001, 1_000_000)


def evidence_record(search: UniformProposal, state: AtHorizon, claim: Claim) -> dict[str, Any]:
    """The JSON object of the evidence in the units of the proof; only the masses are in those of the
    direction as it was given (L11.27)."""
    G, scale = search.of.G, search.scale
    masses, most = [], Fraction(0)
    for value in state.masses:
        most = max(most, rounded(Fraction(float(value)) * ROOM, True, 9))
        masses.append(format_rational(most * scale))
    return {
        "norm_squared": format_rational(search.largest),
        "step": format_rational(search.step_of(state)),
        "masses": masses,
        "neurons": [
            _neuron_record(G, neuron, state, state.fates[neuron.index][0]) for neuron in search.of.neurons
        ],
    }


def _neuron_record(G: Reduced, neuron: HiddenNeuron, state: AtHorizon, fate: Fate) -> dict[str, Any]:
    block = state.arrived.get(neuron.index)
    if fate is Fate.BRANCHES:
        return {"outcome": str(fate), "cone": None, **branch_record(G, neuron)}
    edges = () if fate is Fate.VANISHES else neuron.polygon.edges
    return {
        "outcome": str(fate),
        "pieces": [_piece_record(G, edge) for edge in edges],
        "cone": None
        if block is None or block.vertex
        else format_rational(rounded(Fraction(block.cone), False, 6)),
        "branch": None,
    }


def branch_record(G: Reduced, neuron: HiddenNeuron) -> dict[str, Any]:
    """The polygon of a neuron up to where two solutions part, and their velocities."""
    branching = neuron.polygon.branching
    if branching is None:
        raise ValueError("the limit flow of this neuron is not known to branch")
    return {
        "pieces": [_piece_record(G, edge) for edge in neuron.polygon.edges],
        "branch": [_velocity_record(G, each) for each in branching.velocities],
    }


def _piece_record(G: Reduced, edge: Edge) -> dict[str, Any]:
    return {"slides": _names(G, edge.slides), "on": _names(G, edge.on)}


def _velocity_record(G: Reduced, velocity: Velocity) -> dict[str, Any]:
    chi = zip(velocity.slides, velocity.chi, strict=True)
    return {
        "slides": sorted([G.lines[k].first, format_rational(value)] for k, value in chi),
        "on": _names(G, velocity.on),
    }


def _names(G: Reduced, lines: tuple[int, ...]) -> list[int]:
    return sorted(G.lines[k].first for k in lines)
