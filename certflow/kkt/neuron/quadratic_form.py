"""N that is a quadratic form, recognised exactly: its KKT points are the eigenvectors of one matrix, all of
them known.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.kkt.neuron.features import Hinge, Neuron
from certflow.kkt.neuron.quadratic import piecewise_quadratic_kkt
from certflow.kkt.points import KKTSet
from certflow.networks.base import Network
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.tree import Node

METHOD = "N is a quadratic form; all eigenvectors of its matrix, with exact multiplicities"
MOST_WEIGHTS = 40


def quadratic_form(N: Correlation) -> list[list[Fraction]] | None:
    """The exact matrix A with `N(w) = w·A w`, None if N is not known to be a quadratic form (L6.45).

    A polynomial that is homogeneous of order 2 is one, and A is half of its (constant) Hessian.
    """
    if N.order != 2 or not _is_polynomial(N.network):
        return None
    ones = np.array([Fraction(1)] * N.size, dtype=object)
    return [[Fraction(value) / 2 for value in row] for row in N.hessian(EXACT, ones)]


def _is_polynomial(network: Network) -> bool:
    if isinstance(network, Expression):
        return all(_is_power_of_names(node) for node in network.block_trees)
    return isinstance(network, FeedForward) and not network.has_kinks


def _is_power_of_names(node: Node) -> bool:
    """Whether a tree is a polynomial as it is written."""
    if node.op == "pow" and (node.value < 0 or node.value.denominator != 1):
        return False
    return node.op in ("number", "name", "add", "mul", "pow") and all(
        _is_power_of_names(arg) for arg in node.args
    )


def quadratic_form_kkt(matrix: list[list[Fraction]], digits: int) -> KKTSet:
    """The complete KKT set of `w·A w`, A not 0: a neuron of power 2 without kinks, `w_i w_j` written by
    three squares (L6.45)."""
    k = len(matrix)
    squares = {
        _axis(k, i): matrix[i][i] - sum(v for j, v in enumerate(matrix[i]) if j != i) for i in range(k)
    }
    squares |= {_axis(k, i, j): matrix[i][j] for i in range(k) for j in range(i + 1, k)}
    hinges = tuple(Hinge(normal, c, c) for normal, c in sorted(squares.items()) if c)
    return replace(
        piecewise_quadratic_kkt(Neuron(k, 2, hinges), digits), method=METHOD, of="all weights", counts={}
    )


def _axis(k: int, *places: int) -> tuple[int, ...]:
    return tuple(int(i in places) for i in range(k))
