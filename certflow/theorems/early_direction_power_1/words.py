"""The claim for power 1 in words: the paragraph of the early direction with the outcomes that only power 1
has, and its tables.
"""

from __future__ import annotations

from certflow.outcome import Fate
from certflow.theorems.early_direction.claim import Block
from certflow.theorems.early_direction.words import (
    answer_tables,
    names,
    points,
    sentences,
    signs,
    table,
    until,
    zeros,
)
from certflow.theorems.early_direction_power_1.claim import Claim

__all__ = ["answer_tables", "outcomes", "paragraph", "points", "table"]

FLOW = "every solution of the gradient flow w′ ∈ −∂Loss(w) (Clarke's subdifferential)"


def paragraph(claim: Claim) -> str:
    """The claim as one English paragraph."""
    return " ".join(sentences(claim, FLOW, outcomes(claim)))


def outcomes(s: Claim) -> list[str]:
    """What becomes of the blocks, a sentence for each kind (L11)."""
    said = {
        Fate.SHRINKS: (
            "is exactly balanced, its hidden weights as long as its output weight: from T on it has exactly "
            f"the direction of its KKT point, and shrinks, {until(s)}."
        ),
        Fate.STOPS: (
            "stops: at T at the latest its hidden weights come to rest on the boundary of the cone in which "
            "no sample activates it, where N is zero, and from then on none of its weights changes "
            f"{until(s)}."
        ),
        Fate.VANISHES: (
            "vanishes: from T on at the latest its hidden weights are exactly zero, where N is zero, and its "
            f"output weight does not change, {until(s)}."
        ),
        Fate.DEAD: "is dead from the start: no sample activates it, and its weights never change.",
        Fate.FOLLOWED: (
            "is followed up to T only, where its size is part of the bound of ‖w‖²; nothing is claimed about "
            "its direction."
        ),
        Fate.BRANCHES: (
            "branches: from its direction the limit flow, as δ tends to 0, has more than one solution; "
            "nothing is claimed about where it goes."
        ),
    }
    found = [f"{_each(s, s.of(fate))} {sentence}" for fate, sentence in said.items() if s.of(fate)]
    return signs(s) + found + zeros(s)


def _each(s: Claim, blocks: list[Block]) -> str:
    """One of these blocks, whichever, at the start of a sentence."""
    if s.joint:
        return "The neuron"
    return f"Each of {names(blocks)}" if len(blocks) > 1 else names(blocks).capitalize()
