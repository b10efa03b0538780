"""N of an expression as an expression of its own in the weights alone, in its simplest form."""

from __future__ import annotations

from typing import Any

import numpy as np

from certflow.networks import tree
from certflow.networks.expression import Expression
from certflow.networks.kinks import simplest
from certflow.networks.tree import Node
from certflow.outcome import BadInput, Inconclusive
from certflow.running import tick


def own_network(network: Expression, X: Any, z: Any) -> tuple[Expression, np.ndarray, np.ndarray]:
    """A network, one sample and one label weight with the same N: kinks that cancel, and samples, are gone.

    Raises `BadInput` for a sample at which the output is not defined, `Inconclusive` if N is too long.
    """
    alone = Expression(network.weight_names, network.input_names[:1], correlation_tree(network, X, z))
    return alone, np.array([[tree.ONE.value]], dtype=object), np.array([tree.ONE.value], dtype=object)


def correlation_tree(network: Expression, X: Any, z: Any) -> Node:
    """N as one expression in the weights alone, multiplied out where that is short; raises as `own_network`."""
    terms = [tree.mul([tree.number(weight), sample]) for weight, sample in zip(z, sample_trees(network, X), strict=True)]
    try:
        whole = tree.add(terms)
    except BadInput as error:
        raise Inconclusive(f"N is too long to be written out: {error}") from None
    return simplest(whole)


def sample_trees(network: Expression, X: Any) -> list[Node]:
    """The outputs at the samples X (n × inputs, exact) in the weights alone; `BadInput` names a sample without one."""
    trees = []
    for i, row in enumerate(X):
        tick()
        values = {name: tree.number(value) for name, value in zip(network.input_names, row, strict=True)}
        try:
            trees.append(tree.substituted(network.tree, values))
        except BadInput as error:
            raise BadInput(f"data.X[{i}]: the output is not defined for this sample: {error}") from None
    return trees
