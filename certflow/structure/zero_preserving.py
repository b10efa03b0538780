"""Zero-preserving sets Z of weights (L8): dH/dw_Z = 0 wherever w_Z = 0, so weights in Z that are zero stay
zero.

For feed-forward networks they are neurons; for expressions they are searched among the sets that its products
and kinks suggest and decided by orders of vanishing: `v(e)`, with |e| = O(|w_Z|^v) locally, and `g(e)`, the
same for every Clarke gradient of e in w_Z. If g(H) > 0 then Z is zero-preserving.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from certflow.networks import tree
from certflow.networks.base import Network
from certflow.networks.expansion import expand
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.tree import Node
from certflow.running import tick

MAX_CANDIDATES = 2_000
"""Sets of weights of an expression that are tried, fewer for long expressions."""

_MAX_VISITS = 500_000


@dataclass(frozen=True)
class ZeroPreserving:
    """Weights (indices, ascending) with dH/dw_Z = 0 on {w_Z = 0}; `minimal` if no smaller listed set lies in
    it.
    """

    weights: tuple[int, ...]
    name: str
    minimal: bool


def zero_preserving_sets(network: Network) -> list[ZeroPreserving]:
    """Zero-preserving sets of `network`; unions of them are zero-preserving too.

    Feed-forward: per hidden neuron with trained weights on both sides, its row of W_l with its column of
    W_(l+1); for powers from 2 on also the row alone, because then the slope of the activation vanishes at 0.
    Expressions: the minimal ones among at most `MAX_CANDIDATES` sets that occur together; others may exist.
    """
    if isinstance(network, FeedForward):
        return _of_neurons(network)
    if isinstance(network, Expression):
        return _of_expression(network)
    raise TypeError(f"the zero-preserving sets of {type(network).__name__} are not known")


def _of_neurons(network: FeedForward) -> list[ZeroPreserving]:
    first, start = {}, 0
    for layer in network.trained:
        first[layer] = start
        start += network.widths[layer] * network.widths[layer - 1]
    row_alone = network.activation.power >= 2
    found = []
    for layer in range(1, network.depth):
        if layer not in first:
            continue
        below, width = network.widths[layer - 1], network.widths[layer]
        for j in range(width):
            neuron = f"neuron {j + 1} of layer {layer}" if network.depth > 2 else f"neuron {j + 1}"
            row = tuple(range(first[layer] + j * below, first[layer] + (j + 1) * below))
            if row_alone:
                found.append(ZeroPreserving(row, f"the incoming weights of {neuron}", True))
            if layer + 1 in first:
                column = tuple(first[layer + 1] + i * width + j for i in range(network.widths[layer + 1]))
                found.append(ZeroPreserving((*row, *column), neuron, not row_alone))
    return found


# -- expressions ---------------------------------------------------------------------------------------------


def _of_expression(network: Expression) -> list[ZeroPreserving]:
    index = {name: i for i, name in enumerate(network.weight_names)}
    sets: list[tuple[int, ...]] = []
    # Minimal sets lie in one block each: dH/dw_B depends on no weight outside the block B.
    for part in network.block_trees:
        found = _minimal_sets(part, frozenset(index), _MAX_VISITS // len(network.blocks))
        sets += [tuple(sorted(index[name] for name in names)) for names in found]
    return [
        ZeroPreserving(s, "{" + ", ".join(network.weight_names[i] for i in s) + "}", True)
        for s in sorted(sets)
    ]


def _minimal_sets(node: Node, weights: frozenset[str], visits: int) -> list[frozenset[str]]:
    """The minimal ones among the candidates that are decided within about `visits` visits of nodes."""
    forms = [node]
    expanded = expand(node)
    if expanded is not None and expanded != node:
        forms.append(expanded)
    limit = min(MAX_CANDIDATES, visits // sum(form.size for form in forms))
    found: list[frozenset[str]] = []
    for candidate in _candidates(forms, weights)[:limit]:
        tick()
        if not any(smaller <= candidate for smaller in found) and any(
            is_zero_preserving(form, candidate) for form in forms
        ):
            found.append(candidate)
    return found


def _candidates(forms: Iterable[Node], weights: frozenset[str]) -> list[frozenset[str]]:
    """Single weights, pairs, the weights of each subexpression, and those of two factors of a product;
    smallest first.
    """
    sets: dict[frozenset[str], None] = {}
    seen: set[Node] = set()

    def visit(node: Node) -> None:
        if node in seen or node.names.isdisjoint(weights):
            return
        seen.add(node)
        sets.setdefault(node.names & weights)
        if node.op == "mul" and len(node.args) <= 30:
            for a, b in itertools.combinations(node.args, 2):
                sets.setdefault((a.names | b.names) & weights)
        for arg in node.args:
            visit(arg)

    for form in forms:
        visit(form)
    occurring = sorted(frozenset().union(*(form.names for form in forms)) & weights)
    for size in (1, 2):
        if math.comb(len(occurring), size) <= MAX_CANDIDATES // 2:
            for names in itertools.combinations(occurring, size):
                tick()
                sets.setdefault(frozenset(names))
    sets.pop(frozenset(), None)
    return sorted(sets, key=lambda names: (len(names), sorted(names)))


def is_zero_preserving(node: Node, weights: frozenset[str]) -> bool:
    """Whether dH/dw_Z = 0 on {w_Z = 0} follows by orders of vanishing, Z = `weights`; False means not
    shown.
    """
    return _vanishing(node, weights, {})[1] > 0


def _vanishing(node: Node, z: frozenset[str], known: dict[Node, tuple[float, float]]) -> tuple[float, float]:
    """(v, g): lower bounds of the orders of vanishing of `node` and of its gradient in the weights `z` as
    those go to 0.
    """
    if node.names.isdisjoint(z):
        return (math.inf if node == tree.ZERO else 0.0), math.inf
    if node not in known:
        known[node] = _orders(node, [_vanishing(arg, z, known) for arg in node.args])
    return known[node]


def _orders(node: Node, parts: list[tuple[float, float]]) -> tuple[float, float]:
    if node.op == "name":
        return 1.0, 0.0
    if any(v == -math.inf for v, _ in parts):
        return -math.inf, -math.inf
    if node.op == "mul":
        total = sum(v for v, _ in parts)
        return total, min(g + (total - v) if math.isfinite(g) else math.inf for v, g in parts)
    if node.op == "pow":
        (v, g), e = parts[0], float(node.value)
        if e.is_integer() and e >= 1:
            return e * v, (e - 1) * v + g
        return -math.inf, -math.inf  # roots and reciprocals: not bounded near zeros of their argument
    if node.op in tree.TRANSCENDENTAL:
        return (-math.inf, -math.inf) if node.op == "log" else (0.0, parts[0][1])
    # Sums, abs, max and min: the least of the parts, also for every Clarke selection.
    return min(v for v, _ in parts), min(g for _, g in parts)
