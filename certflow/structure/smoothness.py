"""How smooth a network is in its weights: C^infinity, C^(r,1), or locally Lipschitz, by sound rules.

`math.inf` stands for C^infinity, r >= 0 for C^(r,1) (r = 0: locally Lipschitz), `UNKNOWN_SMOOTHNESS` for
neither shown. All rules are sufficient: a network may be smoother than what they show, never less.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction

from certflow.networks import tree
from certflow.networks.base import Network
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.tree import Node

UNKNOWN_SMOOTHNESS = -1.0


def smoothness_of(network: Network) -> float:
    """The class of H in the weights, for every input: inf, r >= 0 for C^(r,1), or `UNKNOWN_SMOOTHNESS`."""
    if isinstance(network, Expression):
        return regularity(network.tree, frozenset(network.weight_names))
    if isinstance(network, FeedForward):
        # Only activations above a trained layer see the weights; compositions of C^(r,1) functions are
        # C^(r,1).
        moving = min(network.trained) < network.depth
        r = network.activation.smoothness
        return math.inf if r is None or not moving else float(r)
    raise TypeError(f"the smoothness of {type(network).__name__} is not known")


def smoothness_text(r: float) -> str:
    """The class in words: "C^infinity", "C^{r,1}" for r >= 1, "locally Lipschitz", or "not known"."""
    if r == math.inf:
        return "C^infinity"
    return "not known" if r == UNKNOWN_SMOOTHNESS else "locally Lipschitz" if r == 0 else f"C^{{{int(r)},1}}"


def is_piecewise_algebraic(node: Node, weights: Collection[str]) -> bool:
    """Whether no exp, log, sin, cos or tanh takes a weight: then H is semialgebraic in the weights, hence
    definable.
    """
    if node.names.isdisjoint(weights):
        return True
    return node.op not in tree.TRANSCENDENTAL and all(
        is_piecewise_algebraic(arg, weights) for arg in node.args
    )


def regularity(node: Node, weights: frozenset[str], known: dict[Node, float] | None = None) -> float:
    """The class of `node` in `weights`, all other names fixed (L1.2)."""
    known = {} if known is None else known
    if node not in known:
        known[node] = math.inf if node.names.isdisjoint(weights) else _regularity(node, weights, known)
    return known[node]


def _regularity(node: Node, weights: frozenset[str], known: dict[Node, float]) -> float:
    if node.op == "name":
        return math.inf
    if node.op in ("mul", "pow"):
        return _product(node.args if node.op == "mul" else (node,), weights, known)
    inside = min(regularity(arg, weights, known) for arg in node.args)
    if node.op in tree.KINKS:
        return min(0.0, inside)
    # A reciprocal or logarithm is smooth only where its argument stays away from 0; sums and entire functions
    # are as smooth as their parts.
    return UNKNOWN_SMOOTHNESS if node.op == "log" else inside


def _product(factors: tuple[Node, ...], weights: frozenset[str], known: dict[Node, float]) -> float:
    """Of a product: powers of e, abs(e), max(e, a e), min(e, a e) with one e and total power m are `c(sign e)
    e^m`, which is C^(m-1,1) in e; products of such groups are as smooth as the least smooth group.
    """
    totals: dict[Node, Fraction] = {}
    kinked: set[Node] = set()
    worst = math.inf
    for factor in factors:
        base, exponent = (factor.args[0], factor.value) if factor.op == "pow" else (factor, Fraction(1))
        if base.names.isdisjoint(weights):
            continue
        if exponent.denominator == 2 and _is_sum_of_squares(base) and exponent > 0:
            # (sum c_i f_i^2)^(k/2) = |f|^k for a norm | |, which is C^(k-1,1) in f.
            worst = min(
                worst, float(2 * exponent) - 1, *(regularity(term, weights, known) for term in _roots(base))
            )
            continue
        if exponent.denominator != 1 or exponent < 0:
            return UNKNOWN_SMOOTHNESS
        argument = kink_argument(base)
        e = tree.split_coefficient(base if argument is None else argument)[1]
        totals[e] = totals.get(e, Fraction(0)) + exponent
        if argument is not None:
            kinked.add(e)
    for e, total in totals.items():
        r = regularity(e, weights, known)
        worst = min(worst, r, float(total) - 1) if e in kinked else min(worst, r)
    return worst


def kink_argument(node: Node) -> Node | None:
    """e if `node` is c abs(e), max(e, a e) or min(e, a e) with constants a, c, a function c(sign e) e; else
    None.
    """
    if node.op == "abs":
        return node.args[0]
    if node.op not in ("max", "min"):
        return None
    first, second = (tree.split_coefficient(arg) for arg in node.args)
    if node.args[1] == tree.ZERO:
        return node.args[0]
    return node.args[0] if first[1] == second[1] and not node.args[0].is_number else None


def _is_sum_of_squares(node: Node) -> bool:
    """Whether `node` is a sum of positive constants times even powers."""
    return all(
        coefficient > 0 and all(_is_even(f) for f in factors) for coefficient, factors in _summands(node)
    )


def _roots(node: Node) -> list[Node]:
    """The f_i of a sum of squares c_i f_i^2."""
    return [tree.mul([tree.power(f.args[0], f.value / 2) for f in factors]) for _, factors in _summands(node)]


def _summands(node: Node) -> list[tuple[Fraction, tuple[Node, ...]]]:
    """(constant, other factors) of each term."""
    parts = (tree.split_coefficient(term) for term in (node.args if node.op == "add" else (node,)))
    return [(c, () if rest == tree.ONE else rest.args if rest.op == "mul" else (rest,)) for c, rest in parts]


def _is_even(node: Node) -> bool:
    return node.op == "pow" and node.value > 0 and node.value.denominator == 1 and node.value % 2 == 0
