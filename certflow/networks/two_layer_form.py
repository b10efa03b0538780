"""Expressions that are two-layer networks of power 1 in other words: `v*abs(w1*x1 + w2*x2)` and sums of
these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from certflow.networks.expression import Expression
from certflow.networks.tree import Node

Row = tuple[Fraction, ...]


@dataclass(frozen=True)
class TwoLayerForm:
    """`H(x_i; w) = sum_j v_j max(e_i.w_j, alpha e_i.w_j)` on the samples: `inputs` are the e_i, and
    `hidden[j]` and `outgoing[j]` the places of w_j and v_j among the weights.
    """

    alpha: Fraction
    inputs: tuple[Row, ...]
    hidden: tuple[tuple[int, ...], ...]
    outgoing: tuple[int, ...]


class _Other(Exception):
    """The expression is not written as a two-layer network."""


def two_layer_form(network: Expression, samples: Sequence[Sequence[Fraction]]) -> TwoLayerForm | None:
    """The two-layer network that an expression is, term by term, on these samples; None if it is not written
    as one with the same inputs for every neuron, or if a sample has a factor below 0.
    """
    weights = {name: k for k, name in enumerate(network.weight_names)}
    terms = network.tree.args if network.tree.op == "add" else (network.tree,)
    try:
        neurons = [_neuron(term, weights) for term in terms]
        rows = {tuple(_inputs(neuron, network, row) for row in samples) for neuron in neurons}
    except _Other:
        return None
    hidden = tuple(tuple(sorted(neuron.form)) for neuron in neurons)
    outgoing = tuple(neuron.outgoing for neuron in neurons)
    places = [k for own in (*hidden, outgoing) for k in own]
    alphas = {neuron.alpha for neuron in neurons}
    if len(alphas) != 1 or len(rows) != 1 or sorted(places) != list(range(len(weights))):
        return None
    return TwoLayerForm(alphas.pop(), rows.pop(), hidden, outgoing)


@dataclass(frozen=True)
class _Term:
    """factor * v * max(e, alpha e), e = the sum of `form[k]` w_k."""

    alpha: Fraction
    outgoing: int
    form: Mapping[int, Node | None]
    factors: tuple[Node, ...]


def _neuron(term: Node, weights: Mapping[str, int]) -> _Term:
    outgoing: list[int] = []
    kinks: list[tuple[Fraction, Node]] = []
    rest: list[Node] = []
    for factor in term.args if term.op == "mul" else (term,):
        if not factor.names & weights.keys():
            rest.append(factor)
        elif factor.op == "name":
            outgoing.append(weights[factor.value])
        elif factor.op == "abs":
            kinks.append((Fraction(-1), factor.args[0]))
        elif factor.op == "max" and any(arg.op == "number" and arg.value == 0 for arg in factor.args):
            kinks.append((Fraction(0), next(arg for arg in factor.args if arg.names)))
        else:
            raise _Other
    if len(outgoing) != 1 or len(kinks) != 1:
        raise _Other
    alpha, argument = kinks[0]
    return _Term(alpha, outgoing[0], _linear(argument, weights), tuple(rest))


def _linear(node: Node, weights: Mapping[str, int]) -> dict[int, Node | None]:
    """The coefficient of every weight in a sum of weights times inputs; None for 1."""
    form: dict[int, Node | None] = {}
    for term in node.args if node.op == "add" else (node,):
        factors = term.args if term.op == "mul" else (term,)
        own = [factor for factor in factors if factor.names & weights.keys()]
        others = [factor for factor in factors if not factor.names & weights.keys()]
        if len(own) != 1 or own[0].op != "name" or weights[own[0].value] in form:
            raise _Other
        form[weights[own[0].value]] = Node("mul", tuple(others)) if others else None
    return form


def _inputs(neuron: _Term, network: Expression, sample: Sequence[Fraction]) -> Row:
    values = dict(zip(network.input_names, sample, strict=True))
    factor = Fraction(1)
    for node in neuron.factors:
        factor *= _value(node, values)
    if factor < 0:
        raise _Other
    coefficients = [neuron.form[k] for k in sorted(neuron.form)]
    return tuple(factor * (Fraction(1) if node is None else _value(node, values)) for node in coefficients)


def _value(node: Node, values: Mapping[str, Fraction]) -> Fraction:
    """A polynomial of the inputs at a sample."""
    if node.op == "number":
        return Fraction(node.value)
    if node.op == "name":
        return values[node.value]
    parts = [_value(arg, values) for arg in node.args]
    if node.op == "add":
        return sum(parts, Fraction(0))
    if node.op == "mul":
        result = Fraction(1)
        for part in parts:
            result *= part
        return result
    if node.op == "pow" and Fraction(node.value).denominator == 1 and 0 <= node.value <= 16:
        return parts[0] ** int(node.value)
    raise _Other
