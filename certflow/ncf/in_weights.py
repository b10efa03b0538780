"""N of an expression as an expression of its own in the weights alone, in its simplest form."""

from __future__ import annotations

from typing import Any

from certflow.networks import tree
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.kinks import simplest
from certflow.networks.tree import Node
from certflow.outcome import BadInput, Inconclusive
from certflow.running import tick


def in_weights_alone(N: Correlation) -> Correlation:
    """The same N of an expression as one on a single sample: kinks that cancel, and the samples, are gone.

    Raises `BadInput` for a sample at which the output is not defined, `Inconclusive` if N is too long.
    """
    network = _expression(N)
    alone = Expression(network.weight_names, network.input_names[:1], correlation_tree(N))
    return Correlation(alone, [[tree.ONE.value]], [tree.ONE.value])


def correlation_tree(N: Correlation) -> Node:
    """N of an expression as one in the weights alone, multiplied out where that is short; raises as
    `in_weights_alone`.
    """
    samples = sample_trees(_expression(N), N.X)
    terms = [tree.mul([tree.number(weight), sample]) for weight, sample in zip(N.z, samples, strict=True)]
    try:
        whole = tree.add(terms)
    except BadInput as error:
        raise Inconclusive(f"N is too long to be written out: {error}") from None
    return simplest(whole)


def _expression(N: Correlation) -> Expression:
    if not isinstance(N.network, Expression):
        raise TypeError("only expressions are written out in their weights")
    return N.network


def sample_trees(network: Expression, X: Any) -> list[Node]:
    """The outputs at the samples X (n × inputs, exact) in the weights alone; `BadInput` names a sample
    without one.
    """
    trees = []
    for i, row in enumerate(X):
        tick()
        values = {name: tree.number(value) for name, value in zip(network.input_names, row, strict=True)}
        try:
            trees.append(tree.substituted(network.tree, values))
        except BadInput as error:
            raise BadInput(f"data.X[{i}]: the output is not defined for this sample: {error}") from None
    return trees
