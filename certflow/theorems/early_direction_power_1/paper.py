"""The claim for power 1 for a paper: the LaTeX theorem of the early direction with its own outcomes, and
with what KKT points and gaps are where the gradient jumps.
"""

from __future__ import annotations

from certflow.problem import Problem
from certflow.theorems.early_direction.paper import stated
from certflow.theorems.early_direction_power_1.claim import Claim
from certflow.theorems.early_direction_power_1.words import outcomes

SOLUTIONS = (
    r"(any solution of $\dot w \in -\partial\mathcal{L}(w)$, Clarke's subdifferential where $\mathcal{L}$ is "
    "not differentiable) "
)


def latex(s: Claim, problem: Problem, sha256: str) -> str:
    """The claim about `problem` as a LaTeX `theorem` that stands alone, with the certificate that has this
    hash and the tables of its blocks.
    """
    n = "N" if s.joint else "N_j"
    block = "All weights are one block, those of the one neuron."
    if not s.joint:
        block = (
            "Block $j$ is neuron $j$, its hidden weights and its output weight, and $N_j$ the part of $N$ "
            "that depends on them; its direction is that of these weights by themselves."
        )
    points = (
        rf"A KKT point of ${n}$ is a unit vector $\hat u$ with $\lambda\hat u \in \partial {n}(\hat u)$ for "
        r"some $\lambda \in \mathbb{R}$; the gap of one to which a block converges is "
        rf"$\gamma = 2{n}(\hat u)$, the rate at which, at least, directions near it return to it as "
        r"$\delta \to 0$."
    )
    return stated(s, problem, sha256, outcomes(s), f"{block} {points}", SOLUTIONS)
