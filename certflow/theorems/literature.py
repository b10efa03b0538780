"""What the literature says about a problem: its structure, the theorem that applies, and if none does, why.

[KH24] Kumar & Haupt, Directional Convergence Near Small Initializations and Saddles in Two-Homogeneous Neural
Networks, arXiv 2402.09226: order 2, locally Lipschitz, square and logistic loss; Theorem 5.1 (near the
origin), Corollary 5.4.1 (separable). [KH25a] Kumar & Haupt, Early Directional Convergence in Deep Homogeneous
Neural Networks for Small Initializations, arXiv 2403.08121: order above 2, locally Lipschitz gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

from certflow.losses import Loss
from certflow.networks.base import Network
from certflow.networks.expansion import expand
from certflow.networks.expression import Expression
from certflow.problem import Problem, ProblemSource
from certflow.structure.homogeneity import Homogeneity, Order, homogeneity
from certflow.structure.smoothness import is_piecewise_algebraic, regularity, smoothness_of, smoothness_text
from certflow.structure.zero_preserving import ZeroPreserving, zero_preserving_sets

KH24_THEOREM = "[KH24] Theorem 5.1"
KH24_SEPARABLE = "[KH24] Corollary 5.4.1"
KH25A = "[KH25a]"


@dataclass(frozen=True, repr=False)
class Structure:
    """The structure of a problem and the theorem of the literature that applies to it.

    `smoothness` (of H in the weights) is "C^infinity", "C^{r,1}", "locally Lipschitz" or "not known";
    `definable` is True or None for not known. `theorem` is the label of a theorem, None if none is known to
    apply; `reason` is a sentence for the user that says why, or why not.
    """

    homogeneity: Homogeneity
    blocks: tuple[tuple[int, ...], ...]
    smoothness: str
    definable: bool | None
    zero_preserving: list[ZeroPreserving]
    theorem: str | None
    reason: str

    @property
    def order(self) -> Order:
        """The order of homogeneity."""
        return self.homogeneity.order

    @property
    def separable(self) -> bool:
        """Whether H is a sum of functions of at least two disjoint blocks of weights."""
        return len(self.blocks) > 1

    def __repr__(self) -> str:
        blocks = f"{len(self.blocks)} blocks" if self.separable else "one block"
        return f"<Structure: order {self.order}, {blocks}, {self.smoothness}; {self.theorem or 'no theorem'}>"

    def text(self) -> str:
        """All of it, for printing; the derivation of the order is `homogeneity.text()`."""
        sizes = sorted({len(block) for block in self.blocks})
        blocks = (
            f"{len(self.blocks)} blocks of {' or '.join(map(str, sizes))} weights"
            if self.separable
            else "one block"
        )
        names = [z.name for z in self.zero_preserving if z.minimal]
        zero = (
            f"{'; '.join(names[:5])}{f'; and {len(names) - 5} more' if len(names) > 5 else ''}"
            if names
            else "none found"
        )
        return "\n".join(
            [
                f"Order of homogeneity: {self.order}",
                f"Separable: {'yes' if self.separable else 'no'}, {blocks}",
                f"Smoothness in the weights: {self.smoothness}",
                f"Definable: {'yes (piecewise algebraic)' if self.definable else 'not known'}",
                f"Zero-preserving sets: {zero}",
                f"Theorem: {self.theorem or 'none'}",
                f"Reason: {self.reason}",
            ]
        )


def classify(problem: ProblemSource) -> Structure:
    """The structure of `problem` and the theorem that applies; raises `BadInput` if its output is not
    homogeneous.
    """
    problem = Problem.load(problem)
    return structure_of(problem.network, problem.loss)


def structure_of(network: Network, loss: Loss) -> Structure:
    """The same for a network of any order and a loss (L1.2)."""
    degrees = homogeneity(network)
    smoothness = smoothness_of(network)
    definable: bool | None = True
    if isinstance(network, Expression):
        weights = frozenset(network.weight_names)
        expanded = expand(network.tree)
        if expanded is not None:
            smoothness = max(smoothness, regularity(expanded, weights))
        definable = is_piecewise_algebraic(network.tree, weights) or None
    theorem, reason = _theorem(degrees.order, network.separable, smoothness, definable, loss.kind)
    zero_preserving = zero_preserving_sets(network)
    return Structure(
        degrees, network.blocks, smoothness_text(smoothness), definable, zero_preserving, theorem, reason
    )


def _theorem(
    order: Order, separable: bool, smoothness: float, definable: bool | None, loss: str
) -> tuple[str | None, str]:
    """(label, reason); the conditions are those of the module's docstring."""
    has = f"the output has order {order}, is {smoothness_text(smoothness)} in the weights"
    if loss not in ("square", "logistic"):
        return (
            None,
            "No theorem: [KH24] and [KH25a] are applied here to the square and the logistic loss only.",
        )
    if order < 2:
        return None, f"No theorem: the output has order {order}, and all of them need order at least 2."
    if definable is None:
        return None, (
            "No theorem: all of them need an output that is definable in an o-minimal structure, which is "
            "not known here because a function such as exp or sin takes a weight."
        )
    if smoothness < 0:
        return None, (
            "No theorem: all of them need an output that is locally Lipschitz in the weights, which is not "
            "known here because a weight is in a denominator or under a root."
        )
    if order == 2:
        start = (
            ""
            if smoothness >= 1
            else ", for initial directions from which the NCF's gradient flow does not branch"
        )
        if separable:
            return KH24_SEPARABLE, (
                f"{KH24_SEPARABLE} applies block by block: {has}, definable and a sum over disjoint weights, "
                f"under the {loss} loss{start}."
            )
        return KH24_THEOREM, f"{KH24_THEOREM} applies: {has} and definable, under the {loss} loss{start}."
    if smoothness >= 1:
        return (
            KH25A,
            f"{KH25A} applies: {has} (so its gradient is locally Lipschitz) and definable, under the {loss} "
            f"loss.",
        )
    return None, (
        f"No theorem: [KH24] needs order 2, and [KH25a], for orders above 2, needs a locally Lipschitz "
        f"gradient; {has} only: "
        "its gradient can jump at kinks."
    )
