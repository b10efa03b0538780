"""Expressions that are piecewise polynomial and C^(1,1) in their weights: sums, products and whole powers of
weights, and `abs(e)**p`, `max(0, e)**p` and `min(0, e)**p` with whole p >= 2.

The last are *kink steps*, single operations `left t^p` for t <= 0 and `right t^p` for t >= 0: an enclosure
across the kink is that of a multiple of t^p, not the power of something that has a kink.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from certflow.arithmetic.base import EXACT, Arithmetic
from certflow.networks import tree
from certflow.networks.activation import KinkPower
from certflow.networks.base import Forward
from certflow.networks.expression import Expression
from certflow.networks.tape import FUSED, Tape
from certflow.networks.tree import Node
from certflow.outcome import Inconclusive
from certflow.running import tick

_SIDES = {"abs": (-1, 1), "max": (0, 1), "min": (1, 0)}
"""(left, right) of each kink at the power 1."""


class PiecewisePolynomial(Expression):
    """An expression of this kind as one block, evaluated with kink steps of the class `step`; its inputs are
    the numbers that the weights meet.
    """

    def __init__(
        self, weights: Sequence[str], inputs: Sequence[str], output: Node, step: type[KinkPower] = KinkPower
    ) -> None:
        super().__init__(weights, inputs, output)
        self.step = step

    @cached_property
    def _parts(self) -> list[tuple[tuple[int, ...], Node]]:
        return [(tuple(range(self.size)), self.tree)]

    @cached_property
    def tape(self) -> Tape:
        """The program with kink steps, made once."""
        fused = _fused(self.tree, frozenset(self.weight_names), self.step, {})
        return Tape([fused], self.weight_names, self.input_names)

    def kink(self, place: int) -> KinkPower:
        """The kink step of this number."""
        found: KinkPower = self.tape.steps[self.tape.kinks[place]].value
        return found

    def select_by_sign(self, ar: Arithmetic, layer: int, z: Any, at_kink: Fraction) -> Any:
        del at_kink  # a kink step and its derivative are continuous
        return self.kink(layer).coefficients(ar, ar.sign(z))

    def sample_hessians(self, run: Forward) -> Any:
        """The second derivative of every output on the cells of the pass ((many ×) n × size × size)."""
        saved, axis = run.saved, len(run.w.shape)
        rows = [saved.side_by_side(saved.trace.second(j)) for j in range(self.size)]
        return np.concatenate([row.reshape(*row.shape[:-1], 1, self.size) for row in rows], axis=axis)

    def with_steps(self, step: type[KinkPower]) -> PiecewisePolynomial:
        """The same with kink steps of another class."""
        return PiecewisePolynomial(self.weight_names, self.input_names, self.tree, step)


def piecewise_form(network: Expression, X: np.ndarray) -> tuple[PiecewisePolynomial, np.ndarray]:
    """The expression as a piecewise polynomial, and its inputs at the exact samples X: the values there of
    all that holds no weight (L12.17).

    Raises `Inconclusive` with the reason for an expression of another kind.
    """
    weights = frozenset(network.weight_names)
    _degree(network.tree, weights, {})
    names = (tree.name(f"_{k}") for k in count(1) if f"_{k}" not in weights)
    inputs: dict[Node, Node] = {}

    def replaced(node: Node) -> Node:
        if node.is_number or (node.op == "name" and node.value in weights):
            return node
        if node.names.isdisjoint(weights):
            return inputs.setdefault(node, next(names)) if node not in inputs else inputs[node]
        kink = _kink_in(node.args[0], weights) if node.op == "pow" else None
        if kink is not None and kink is not node.args[0]:
            # The power of what the kink is multiplied by is a number, too.
            others = [arg for arg in node.args[0].args if arg is not kink]
            powers = [tree.power(arg, node.value) for arg in (*others, kink)]
            return replaced(tree.mul(powers))
        if node.op != "mul":
            return tree.rebuilt(node, [replaced(arg) for arg in node.args])
        own = [arg for arg in node.args if arg.is_number or not arg.names.isdisjoint(weights)]
        others = [arg for arg in node.args if arg not in own]
        given = [replaced(tree.mul(others))] if others else []
        return tree.mul([*(replaced(arg) for arg in own), *given])

    output = replaced(network.tree)
    if not inputs:
        inputs[tree.ONE] = next(names)
    values = _values(list(inputs), network.input_names, X)
    return PiecewisePolynomial(network.weight_names, [name.value for name in inputs.values()], output), values


def _values(trees: list[Node], names: Sequence[str], X: np.ndarray) -> np.ndarray:
    """The exact values (n × trees) of trees in the inputs at the samples X."""
    tape = Tape(trees, [], names)
    try:
        if any(map(_irrational, trees)):
            raise TypeError
        trace = tape.weightless(EXACT, X)
    except TypeError:
        raise Inconclusive(
            "the expression takes roots, exponentials, logarithms or trigonometric functions of the inputs, "
            "which are not computed exactly; give their values as inputs of their own."
        ) from None
    return np.array(trace.results(), dtype=object).T


def _irrational(node: Node) -> bool:
    """Whether a tree takes anything but sums, products, whole powers, abs, max and min."""
    own = node.op in tree.TRANSCENDENTAL or (node.op == "pow" and node.value.denominator > 1)
    return own or any(map(_irrational, node.args))


def _kink_in(node: Node, weights: frozenset[str]) -> Node | None:
    """abs(e), max(e, 0) or min(e, 0) with an e that holds a weight, if that is all of `node` that does."""
    own = [arg for arg in (node.args if node.op == "mul" else (node,)) if not arg.names.isdisjoint(weights)]
    kink = own[0] if len(own) == 1 else node
    return kink if kink.op == "abs" or (kink.op in _SIDES and kink.args[1] == tree.ZERO) else None


def _fused(node: Node, weights: frozenset[str], step: type[KinkPower], done: dict[Node, Node]) -> Node:
    """The tree with its powers of kinks as kink steps."""
    if node.names.isdisjoint(weights) or node.op == "name":
        return node
    if node not in done:
        tick()
        kink = _kink_in(node.args[0], weights) if node.op == "pow" else None
        if kink is None:
            args = [_fused(arg, weights, step, done) for arg in node.args]
            done[node] = Node(node.op, tuple(args), node.value)
        else:
            left, right = _SIDES[kink.op]
            p = int(node.value)
            value = step(Fraction(left) ** p, Fraction(right) ** p, p)
            done[node] = Node(FUSED, (_fused(kink.args[0], weights, step, done),), value)
    return done[node]


def _degree(node: Node, weights: frozenset[str], done: dict[Node, int]) -> int:
    """The degree in the weights of a piecewise polynomial; raises `Inconclusive` for everything else."""
    if node.names.isdisjoint(weights):
        return 0
    if node not in done:
        tick()
        done[node] = _degree_of(node, weights, done)
    return done[node]


def _degree_of(node: Node, weights: frozenset[str], done: dict[Node, int]) -> int:
    if node.op == "name":
        return 1
    if node.op == "add":
        degrees = {_degree(arg, weights, done) for arg in node.args if arg != tree.ZERO}
        if len(degrees) > 1:
            raise Inconclusive(
                f"the terms of {tree.short_text(node)} have different degrees in the weights; certified "
                f"flows need an expression that is homogeneous as it is written."
            )
        return degrees.pop()
    if node.op == "mul":
        return sum(_degree(arg, weights, done) for arg in node.args)
    if node.op == "pow":
        return _degree_of_power(node, weights, done)
    if node.op in tree.KINKS:
        raise Inconclusive(
            f"the gradient may jump at the kink of {tree.short_text(node)}; of kinks, certified flows need "
            f"abs(e)**p, max(0, e)**p or min(0, e)**p with a power p of at least 2."
        )
    raise _other(node)


def _other(node: Node) -> Inconclusive:
    return Inconclusive(
        f"{tree.short_text(node)} is not piecewise polynomial in the weights; certified flows need sums, "
        f"products and whole powers of weights."
    )


def _degree_of_power(node: Node, weights: frozenset[str], done: dict[Node, int]) -> int:
    base, exponent = node.args[0], node.value
    if exponent.denominator != 1 or exponent < 0:
        raise _other(node)
    kink = _kink_in(base, weights)
    return int(exponent) * _degree(base if kink is None else kink.args[0], weights, done)
