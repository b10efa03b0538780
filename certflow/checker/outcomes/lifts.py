"""O1: lifts, with which an eigenvalue bound is one for fewer directions only (L12.1)."""

from __future__ import annotations

from fractions import Fraction
from operator import mul

from ..kernel.definite import Matrix
from ..kernel.numbers import BITS
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock, Refused
from ..tube.evidence import GroupEvidence


class Rotations:
    """O1: rotations of the neurons of hidden layers leave N as it is. What is read is a weight sigma per
    layer; what the bound then says is about directions that are orthogonal to all these rotations (L12.2).

    For a layer with the rows X_a, the weights that enter neuron a and those that leave it, `sum_(a<b) <v,
    E_ab X>^2` has the entries [a = b] (X^T X)_ij - X_bi X_aj, and is at most |v|^2 |X|^2.
    """

    def __init__(self, node: Node, problem: Problem, clock: Clock) -> None:
        lowest, layers, self.clock = min(problem.trained), problem.layers[0], clock
        linear = problem.alpha == 1 and problem.p == 1 and len(problem.layers) == 1
        node.need(linear, "only one group of linear layers has rotations", "O1")
        self.lifts: list[tuple[list[list[int]], Fraction]] = []
        for each in node.items(1, problem.depth):
            table = each.fields("rotations sigma")
            l, sigma = table["rotations"].integer(1, problem.depth - 1), table["sigma"].dyadic()
            hidden = l in problem.trained and l + 1 in problem.trained
            table["rotations"].need(hidden, "the layer is not between two trained ones", "O1")
            table["sigma"].need(0 <= sigma <= 2**64, "it is negative or too large", "O1")
            here, above = layers.matrices[l - lowest], layers.matrices[l - lowest + 1]
            neurons = [[int(k) for k in (*row, *(out[a] for out in above))] for a, row in enumerate(here)]
            self.lifts.append((neurons, sigma))
        self.cost = sum((sigma for _, sigma in self.lifts), Fraction(0))
        self.count = len(self.lifts)

    def add(self, matrix: Matrix, w: list[int]) -> None:
        """Add them at the point w; each changes every entry once, rounded down (less than one unit off)
        (L12.1, L12.11)."""
        for neurons, sigma in self.lifts:
            X, n, d = [[w[k] for k in own] for own in neurons], sigma.numerator, sigma.denominator << BITS
            columns = list(zip(*X, strict=True))
            gram = [[sum(map(mul, p, q)) for q in columns] for p in columns]
            for a, own in enumerate(neurons):
                self.clock.tick()
                for b, other in enumerate(neurons):
                    for i, k in enumerate(own):
                        for j, m in enumerate(other):
                            entry = (gram[i][j] if a == b else 0) - X[b][i] * X[a][j]
                            matrix[k][m] += entry * n // d


def rotations(group: GroupEvidence, problem: Problem, clock: Clock) -> Rotations:
    """The lifts of a group whose limit is one of a continuum."""
    if problem.expression:
        raise Refused("O1", clock.where, "no lifts of an expression are read")
    if group.ending is None:
        raise Refused("O1", clock.where, "no lifts are given")
    return Rotations(group.ending.fields("lifts")["lifts"], problem, clock)
