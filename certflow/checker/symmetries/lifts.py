"""O1, O8 and O10: lifts, with which an eigenvalue bound is one for fewer directions only (L12.1)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm
from operator import mul

from ..expressions.expansion import Monomials, monomials
from ..kernel.definite import Matrix
from ..kernel.numbers import BITS
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock, Refused
from ..tube.evidence import GroupEvidence, TrapEvidence
from ..tube.region import Lifted

Entry = tuple[int, int, Fraction]


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
        self.count, self.turned = len(self.lifts), 0

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


class Turns:
    """Skew matrices xi, by their entries above the diagonal, that act on the weights `own` and leave N as it
    is, each with a weight sigma. <v, xi w>^2 is at most |v|^2 |w|^2 times the square of the largest row sum,
    and times the sum of the squares of these entries.
    """

    def __init__(self, own: list[int], clock: Clock) -> None:
        self.own, self.clock, self.cost, self.count, self.turned = own, clock, Fraction(0), 0, 0
        self.lifts: list[tuple[list[Entry], Fraction]] = []

    def _read(self, node: Node, key: str, rule: str, why: str, kept: Callable[[list[Entry]], bool]) -> None:
        """Read the lifts of a trap, each under this key and with sigma; they have to be `kept`."""
        for each in node.items(1, len(self.own)):
            table = each.fields(f"{key} sigma")
            xi, sigma = _entries(table[key], len(self.own), rule), table["sigma"].dyadic()
            table["sigma"].need(0 <= sigma <= 2**64, "it is negative or too large", rule)
            table[key].need(kept(xi), why, rule)
            self.lifts.append((xi, sigma))
            self.cost += sigma * _square(xi, len(self.own))
        self.count = self.turned = len(self.lifts)

    def add(self, matrix: Matrix, w: list[int]) -> None:
        """Add them at the point w; each changes every entry once, rounded down (less than one unit off)
        (L12.1, L12.11)."""
        for xi, sigma in self.lifts:
            unit = lcm(*(value.denominator for _, _, value in xi))
            turned = [0] * len(w)
            for a, b, value in xi:
                k, m, whole = self.own[a], self.own[b], int(value * unit)
                turned[k] += whole * w[m]
                turned[m] -= whole * w[k]
            n, d = sigma.numerator, sigma.denominator * unit**2 << BITS
            for k, p in enumerate(turned):
                self.clock.tick()
                for m, q in enumerate(turned):
                    matrix[k][m] += p * q * n // d


class Commuting(Turns):
    """O8: skew matrices xi that commute with M = sum_i z_i b_i x_i x_i^T leave N = v w^T M w as it is, where
    every sample keeps its branch b_i: N of one neuron of power 2 in the region of a trap (L12.14).
    """

    def __init__(
        self, node: Node, problem: Problem, parts: list[int], trap: TrapEvidence, clock: Clock
    ) -> None:
        neuron = problem.shallow and problem.p == 2 and len(parts) == 1
        node.need(neuron, "only one neuron of power 2 has such lifts", "O8")
        super().__init__(list(map(int, problem.layers[parts[0]].matrices[0][0])), clock)
        M = _quadratic(node, problem, trap, clock)
        why = "it does not commute with the form of N"
        self._read(node, "commuting", "O8", why, lambda xi: _commutes(M, xi, clock))


class Polynomials(Turns):
    """O10: skew matrices xi with <grad N(w), xi w> = 0 for all w, where N of an expression without kinks is a
    polynomial, which is multiplied out (L12.19).
    """

    def __init__(self, node: Node, problem: Problem, part: int, clock: Clock) -> None:
        tape = problem.tapes[part]
        node.need(all(step.left == step.right == 1 for step in tape.steps), "N has kinks", "O10")
        super().__init__(list(range(tape.size)), clock)
        N = monomials(tape, node.where)
        why = "N is not the same along it"
        self._read(node, "turning", "O10", why, lambda xi: _unchanged(N, xi, clock))


def _quadratic(node: Node, problem: Problem, trap: TrapEvidence, clock: Clock) -> list[list[Fraction]]:
    """M, where every sample that counts keeps its sign for all q with |q| = |c| within r0 of the centre c:
    (x . c)^2 >= r0^2 |x|^2 |c|^2, because |q - c| < r0 |c|.
    """
    (centre,), off, d = trap.centre, problem.alpha**2, len(problem.features[0])
    reach2 = trap.r0**2 * sum(v * v for v in centre)
    M = [[Fraction(0)] * d for _ in range(d)]
    for x, z in zip(problem.features, problem.z, strict=True):
        clock.tick()
        if z == 0 or not any(x):
            continue
        inner = sum((v * w for v, w in zip(x, centre[:d], strict=True)), Fraction(0))
        far = inner * inner >= reach2 * sum((v * v for v in x), Fraction(0))
        node.need(off == 1 or far, "a sample may change its branch near the centre", "O8")
        weight = z if inner > 0 else z * off
        for row, a in zip(M, x, strict=True):
            for b, v in enumerate(x):
                row[b] += weight * a * v
    return M


def _entries(node: Node, d: int, rule: str) -> list[Entry]:
    """The entries (a, b, value), a < b, of a skew matrix, in order."""
    found: list[Entry] = []
    for entry in node.items(1, d * d):
        row, column, value = entry.items(3)
        a = row.integer(0, d - 2)
        b = column.integer(a + 1, d - 1)
        entry.need(not found or found[-1][:2] < (a, b), "the entries are not in order", rule)
        found.append((a, b, value.rational()))
    return found


def _commutes(M: list[list[Fraction]], xi: list[Entry], clock: Clock) -> bool:
    """Whether M xi = xi M, exactly."""
    rest = [[Fraction(0)] * len(M) for _ in M]
    for a, b, value in xi:
        clock.tick()
        for k, row in enumerate(M):
            # Column b of M xi holds M_ka xi_ab, column a -M_kb xi_ab; rows of xi M likewise.
            rest[k][b] += row[a] * value
            rest[k][a] -= row[b] * value
            rest[a][k] -= value * M[b][k]
            rest[b][k] += value * M[a][k]
    return not any(any(row) for row in rest)


def _unchanged(N: Monomials, xi: list[Entry], clock: Clock) -> bool:
    """Whether <grad N(w), xi w> is the polynomial 0."""
    rows: dict[int, list[tuple[int, Fraction]]] = {}
    for a, b, value in xi:
        rows.setdefault(a, []).append((b, value))
        rows.setdefault(b, []).append((a, -value))
    rest: Monomials = {}
    for powers, number in N.items():
        clock.tick()
        # Of w_k^m, m times the derivative by w_k: once for each place.
        for place, k in enumerate(powers):
            for other, value in rows.get(k, ()):
                key = tuple(sorted((*powers[:place], other, *powers[place + 1 :])))
                rest[key] = rest.get(key, Fraction(0)) + number * value
    return not any(rest.values())


def _square(xi: list[Entry], d: int) -> Fraction:
    """An upper bound of |xi|^2: singular values come in pairs, so 2 |xi|^2 is at most the sum of all squares,
    and |xi| is at most the largest sum of a row (L12.14)."""
    rows = [Fraction(0)] * d
    for a, b, value in xi:
        rows[a] += abs(value)
        rows[b] += abs(value)
    return min(max(rows) ** 2, sum((value * value for _, _, value in xi), Fraction(0)))


def lifts(group: GroupEvidence, problem: Problem, parts: list[int], clock: Clock) -> Lifted:
    """The lifts of a group whose limit is one of a continuum."""
    if group.ending is None or group.trap is None:
        raise Refused("O1", clock.where, "no lifts are given")
    node = group.ending.fields("lifts")["lifts"]
    if problem.expression:
        return Polynomials(node, problem, parts[0], clock)
    if problem.shallow:
        return Commuting(node, problem, parts, group.trap, clock)
    return Rotations(node, problem, clock)
