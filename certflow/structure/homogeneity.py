"""The order of homogeneity of a network: jointly, per block and per layer, with a printable derivation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from certflow.networks import tree
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.expansion import expand
from certflow.networks.expression import Expression, from_sympy, to_sympy
from certflow.networks.feed_forward import FeedForward
from certflow.networks.tree import Node
from certflow.outcome import BadInput
from certflow.running import tick
from certflow.structure.degrees import Degree, Judgement, NoDegree, degree_text, infer

Order = int | Fraction

_ONE, _ZERO = Fraction(1), Fraction(0)
_MAX_LINES = 200
_CANCEL_SIZE, _CANCEL_DEGREE, _CANCEL_TERMS = 400, 40, 200


@dataclass(frozen=True)
class Homogeneity:
    """`H(x; c w) = c^order H(x; w)` for all c > 0, proved by `derivation` (lines of an indented tree of
    judgements).

    `block_orders` holds, per separable block, the degree of its part of H in the block's weights;
    `layer_orders` maps trained layers of a feed-forward network to the degree in that layer's weights, the
    others fixed. `rewritten` is the form of the expression whose degree was inferred, if not the one that was
    given.
    """

    order: Order
    block_orders: tuple[Order, ...]
    layer_orders: Mapping[int, Order]
    derivation: tuple[str, ...]
    rewritten: str | None = None

    def text(self) -> str:
        """The orders and the derivation, for printing."""
        lines = [f"The output is homogeneous of order {self.order} in the weights."]
        if len(self.block_orders) > 1:
            orders = sorted(set(self.block_orders))
            lines.append(
                f"Each of its {len(self.block_orders)} separable blocks has order "
                f"{', '.join(map(str, orders))}."
            )
        lines += [
            f"In the weights of layer {layer} alone the order is {order}."
            for layer, order in self.layer_orders.items()
        ]
        if self.rewritten is not None:
            lines.append(f"The degree was inferred after rewriting the output as {self.rewritten}.")
        return "\n".join(
            [*lines, "Derivation (degrees in the weights):", *(f"  {line}" for line in self.derivation)]
        )


def homogeneity(network: Network) -> Homogeneity:
    """The order of homogeneity of `network`, by degree inference (`degrees.py`) (L1.1).

    Raises `BadInput` naming the two subexpressions whose degrees disagree, or the function of a weight that
    has no degree. Orders below 2 are returned, not refused.
    """
    if isinstance(network, Expression):
        return _of_expression(network)
    if isinstance(network, FeedForward):
        return _of_layers(network)
    raise TypeError(f"no degree inference is known for {type(network).__name__}")


# -- expressions ---------------------------------------------------------------------------------------------


def _of_expression(network: Expression) -> Homogeneity:
    degrees = dict.fromkeys(network.input_names, _ZERO) | dict.fromkeys(network.weight_names, _ONE)
    judgement, rewritten = _infer_rewriting(network.tree, degrees)
    if judgement.degree is None:
        raise BadInput(
            "network.output: the expression is 0 for all weights; write an output that depends on them."
        )
    order = _order(judgement.degree)
    blocks = []
    for part in network.block_trees:
        degree = _infer_rewriting(part, degrees)[0].degree
        blocks.append(order if degree is None else _order(degree))  # 0 has every degree
    return Homogeneity(order, tuple(blocks), {}, _capped(list(judgement.lines())), rewritten)


def _infer_rewriting(node: Node, degrees: Mapping[str, Fraction]) -> tuple[Judgement, str | None]:
    """The judgement about `node`, or about an equal expression (which is then shown)."""
    try:
        return infer(node, degrees), None
    except NoDegree as first:
        for rewrite in _REWRITES:
            tick()
            other = rewrite(node)
            if other is None or other == node:
                continue
            try:
                return infer(other, degrees), tree.short_text(other)
            except NoDegree:
                continue
        raise BadInput(f"network.output: no order of homogeneity: {first}.") from None


def _cancelled(node: Node) -> Node | None:
    """`node` with common factors of numerator and denominator cancelled, if it is small enough to try."""
    if (
        node.size > _CANCEL_SIZE
        or node.degree > _CANCEL_DEGREE
        or max(_fraction_terms(node)) > _CANCEL_TERMS
        or not _divides(node)
    ):
        return None
    import sympy

    try:
        return from_sympy(sympy.cancel(to_sympy(node)), sorted(node.names))
    except (BadInput, sympy.PolynomialError):
        return None


def _fraction_terms(node: Node) -> tuple[int, int]:
    """Upper bounds of the numbers of terms above and below when `node` is written as one fraction."""
    parts = [_fraction_terms(arg) for arg in node.args]
    if node.op == "add":
        below = math.prod(d for _, d in parts)
        return sum(n * (below // d) for n, d in parts), below
    if node.op == "mul":
        return math.prod(n for n, _ in parts), math.prod(d for _, d in parts)
    if node.op == "pow":
        e = math.ceil(abs(node.value))
        above, below = (math.comb(count + e - 1, e) for count in parts[0])
        return (above, below) if node.value > 0 else (below, above)
    return 1, 1


def _divides(node: Node) -> bool:
    """Whether a sum occurs in a denominator."""
    if node.op == "pow" and node.value < 0 and node.args[0].op == "add":
        return True
    return any(_divides(arg) for arg in node.args)


_REWRITES: tuple[Callable[[Node], Node | None], ...] = (expand, _cancelled)


# -- layers --------------------------------------------------------------------------------------------------


def _of_layers(network: FeedForward) -> Homogeneity:
    degree, lines = _infer_layers(network, set(network.trained))
    if degree is None:
        raise BadInput("network: the output is 0 for all weights; change the given layers.")
    layer_orders = {}
    if len(network.trained) > 1:
        layer_orders = {
            layer: _order(_infer_layers(network, {layer})[0] or _ZERO) for layer in network.trained
        }
    order = _order(degree)
    # Every block is one neuron of the last hidden layer; its term has the degree of the sum.
    return Homogeneity(order, (order,) * len(network.blocks), layer_orders, _capped(lines))


def _infer_layers(network: FeedForward, of: set[int]) -> tuple[Degree, list[str]]:
    """The degree of the output in the weights of the layers `of`, and the derivation.

    Neuron by neuron: its degree is all that the next layer needs to know of a neuron. Neurons that differ
    only in the names of their weights have the same derivation, which is made once.
    """
    weights = iter(network.weight_names)
    below: list[tuple[str, Degree]] = [(name, _ZERO) for name in network.input_names]
    lines = [f"{_span([name for name, _ in below])} : degree 0 (inputs)"]
    for layer in range(1, network.depth + 1):
        own = _ONE if layer in of else _ZERO
        given = network.given.get(layer)
        sums, made = [], dict[tuple[int, ...], Judgement]()
        for row in range(network.widths[layer]):
            if given is None:
                coefficients = list(itertools.islice(weights, len(below)))
            else:
                coefficients = [f"given{layer}_{row + 1}_{column + 1}" for column in range(len(below))]
            used = tuple(
                column
                for column, (_, degree) in enumerate(below)
                if degree is not None and (given is None or given[row, column])
            )
            if used not in made:
                degrees: dict[str, Fraction] = {}
                for column in used:
                    degrees[coefficients[column]], degrees[below[column][0]] = own, below[column][1] or _ZERO
                products = (
                    tree.mul([tree.name(coefficients[column]), tree.name(below[column][0])])
                    for column in used
                )
                made[used] = infer(tree.add(products), degrees)
            sums.append(made[used])
        if layer == network.depth:
            return sums[0].degree, [*lines, "output:", *sums[0].lines(1)]
        neurons = [
            _activated(network.activation, f"z{layer}_{row + 1}", z.degree) for row, z in enumerate(sums)
        ]
        below = [(f"a{layer}_{row + 1}", a.degree) for row, a in enumerate(neurons)]
        lines += _layer_lines(layer, sums, neurons)
    return None, lines


def _activated(activation: Activation, name: str, degree: Degree) -> Judgement:
    """The judgement about sigma(z) for a sum called `name`."""
    if degree is None:
        return infer(tree.ZERO, {})
    return infer(activation_tree(activation, tree.name(name)), {name: degree})


def activation_tree(activation: Activation, z: Node) -> Node:
    """sigma(z) = max(z, alpha z)^power in its shortest form."""
    if activation.alpha == 1:
        return tree.power(z, activation.power)
    if activation.alpha == -1:
        return tree.power(tree.absolute(z), activation.power)
    return tree.power(tree.extreme("max", z, tree.mul([tree.number(activation.alpha), z])), activation.power)


def _layer_lines(layer: int, sums: list[Judgement], neurons: list[Judgement]) -> list[str]:
    """The derivation of the first neuron of a layer that is not 0, and how many others are judged
    likewise.
    """
    shown = next((i for i, neuron in enumerate(neurons) if neuron.degree is not None), 0)
    lines = [f"layer {layer}, neuron {shown + 1}: a{layer}_{shown + 1} = {tree.to_text(neurons[shown].node)}"]
    lines += [
        f"  z{layer}_{shown + 1} = {line.strip()}" if i == 0 else f"  {line}"
        for i, line in enumerate(sums[shown].lines())
    ]
    lines.append(f"  a{layer}_{shown + 1} : {degree_text(neurons[shown].degree)}")
    alike = sum(neuron.degree == neurons[shown].degree for neuron in neurons) - 1
    if alike:
        lines.append(f"  ... and {_neurons(alike)} more : {degree_text(neurons[shown].degree)}")
    if alike + 1 < len(neurons):
        lines.append(f"  ... and {_neurons(len(neurons) - alike - 1)} that are 0 : {degree_text(None)}")
    return lines


def _neurons(count: int) -> str:
    return "1 neuron" if count == 1 else f"{count} neurons"


def _span(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]}, ..., {names[-1]}"


def _order(degree: Fraction) -> Order:
    return int(degree) if degree.denominator == 1 else degree


def _capped(lines: list[str]) -> tuple[str, ...]:
    if len(lines) > _MAX_LINES:
        lines = [*lines[:_MAX_LINES], f"... and {len(lines) - _MAX_LINES} more lines"]
    return tuple(lines)
