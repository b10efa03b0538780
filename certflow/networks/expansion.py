"""Multiplying out expression trees, and splitting them into sums over disjoint weights."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from fractions import Fraction

from certflow.networks import tree
from certflow.networks.tree import Node
from certflow.running import tick

MAX_TERMS = 2_000
"""A tree with more monomials than this is not multiplied out."""

_MAX_PRODUCTS = 50_000

Monomial = tuple[tuple[int, Fraction], ...]
SparsePolynomial = dict[Monomial, Fraction]


class _TooLarge(Exception):
    """The tree has too many monomials."""


@functools.lru_cache(maxsize=128)
def expand(node: Node) -> Node | None:
    """`node` multiplied out with like terms collected, or None if that has more than `MAX_TERMS` terms.

    A polynomial in its names and in the kinks, roots, functions and reciprocals of sums that occur in it;
    those are expanded inside. Equal polynomials give equal trees. Powers of one thing are added: u**3/u is
    u**2.
    """
    try:
        for _ in range(3):
            expander = _Expander()
            result = expander.rebuild(expander.polynomial(node))
            if result == node:
                break
            node = result  # abs(u)*abs(u) became u**2, which may now cancel against another term
    except _TooLarge:
        return None
    return node


class _Expander:
    def __init__(self) -> None:
        self.atoms: dict[Node, int] = {}
        self.done: dict[Node, SparsePolynomial] = {}
        self.products = 0

    def polynomial(self, node: Node) -> SparsePolynomial:
        tick()
        if node not in self.done:
            self.done[node] = self._polynomial(node)
        return self.done[node]

    def _polynomial(self, node: Node) -> SparsePolynomial:
        if node.op == "number":
            return {(): node.value} if node.value else {}
        if node.op == "name":
            return self._atom(node)
        if node.op == "add":
            total: SparsePolynomial = {}
            for term in node.args:
                for monomial, coefficient in self.polynomial(term).items():
                    total[monomial] = total.get(monomial, Fraction(0)) + coefficient
            return self._checked(total)
        if node.op == "mul":
            result: SparsePolynomial = {(): Fraction(1)}
            for factor in node.args:
                result = self._times(result, self.polynomial(factor))
            return result
        if node.op == "pow":
            return self._power(self.polynomial(node.args[0]), node.value)
        inside = [self.rebuild(self.polynomial(arg)) for arg in node.args]
        if node.op == "abs":
            outside, kink = tree.split_coefficient(tree.absolute(inside[0]))
            return self._scaled(self._atom(kink), outside)
        rebuilt = tree.extreme(node.op, *inside) if node.op in tree.KINKS else tree.function(node.op, *inside)
        return self._atom(rebuilt)

    def _atom(self, node: Node, exponent: Fraction = Fraction(1)) -> SparsePolynomial:
        coefficient = Fraction(1)
        if node.is_number:
            # Of a power of a number only an irrational root is an atom: sqrt(8) is the atom 8 with the
            # exponent 1/2.
            coefficient, exponent = node.value ** math.floor(exponent), exponent - math.floor(exponent)
            if not exponent:
                return {(): coefficient} if coefficient else {}
        return {((self.atoms.setdefault(node, len(self.atoms)), exponent),): coefficient}

    def _scaled(self, polynomial: SparsePolynomial, factor: Fraction) -> SparsePolynomial:
        return {monomial: factor * coefficient for monomial, coefficient in polynomial.items()}

    def _checked(self, polynomial: SparsePolynomial) -> SparsePolynomial:
        if len(polynomial) > MAX_TERMS:
            raise _TooLarge
        return {monomial: coefficient for monomial, coefficient in polynomial.items() if coefficient}

    def _times(self, a: SparsePolynomial, b: SparsePolynomial) -> SparsePolynomial:
        self.products += len(a) * len(b)
        if self.products > _MAX_PRODUCTS:
            raise _TooLarge
        total: SparsePolynomial = {}
        for left, c in a.items():
            tick()
            for right, d in b.items():
                exponents = dict(left)
                for atom, exponent in right:
                    exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
                monomial = tuple(sorted((atom, e) for atom, e in exponents.items() if e))
                total[monomial] = total.get(monomial, Fraction(0)) + c * d
        return self._checked(total)

    def _power(self, base: SparsePolynomial, exponent: Fraction) -> SparsePolynomial:
        if exponent.denominator == 1 and exponent > 0:
            if math.comb(len(base) + int(exponent) - 1, int(exponent)) > _MAX_PRODUCTS:
                raise _TooLarge
            result: SparsePolynomial = {(): Fraction(1)}
            for bit in bin(int(exponent))[2:]:
                result = self._times(result, result)
                if bit == "1":
                    result = self._times(result, base)
            return result
        if exponent.denominator == 1 and len(base) == 1:
            ((monomial, coefficient),) = base.items()
            return {tuple((atom, e * exponent) for atom, e in monomial): coefficient ** int(exponent)}
        whole = self.rebuild(base)
        if exponent.denominator == 1 and not whole.is_number:
            return self._atom(
                whole, exponent
            )  # 1/(a + b): the sum is an atom here, so that its powers add up
        rebuilt = tree.power(whole, exponent)
        return self._atom(rebuilt.args[0], rebuilt.value) if rebuilt.op == "pow" else self._atom(rebuilt)

    def rebuild(self, polynomial: SparsePolynomial) -> Node:
        """The tree of a polynomial, highest powers of the first atoms first."""
        tick()
        nodes = list(self.atoms)
        order = sorted(polynomial, key=lambda monomial: _sort_key(monomial, nodes))
        return tree.add(
            tree.mul(
                [
                    tree.number(polynomial[monomial]),
                    *(tree.power(nodes[atom], e) for atom, e in _by_text(monomial, nodes)),
                ]
            )
            for monomial in order
        )


def _by_text(monomial: Monomial, nodes: list[Node]) -> list[tuple[int, Fraction]]:
    return sorted(monomial, key=lambda factor: _node_key(nodes[factor[0]]))


def _node_key(node: Node) -> tuple[bool, int, str]:
    return node.op != "name", node.size, tree.short_text(node, 400)


def _sort_key(monomial: Monomial, nodes: list[Node]) -> list[tuple[tuple[bool, int, str], Fraction]]:
    return [(_node_key(nodes[atom]), -e) for atom, e in _by_text(monomial, nodes)]


# -- separating ----------------------------------------------------------------------------------------------


def terms_of(node: Node, weights: Collection[str]) -> list[Node]:
    """Terms whose sum is `node`: sums are opened, also behind factors that hold none of `weights`."""
    tick()
    if node.op == "add":
        return [term for part in node.args for term in terms_of(part, weights)]
    if node.op == "mul":
        owners = [factor for factor in node.args if not factor.names.isdisjoint(weights)]
        if len(owners) == 1 and owners[0].op == "add":
            others = [factor for factor in node.args if factor is not owners[0]]
            return [term for part in owners[0].args for term in terms_of(tree.mul([*others, part]), weights)]
    return [node]


def separate(node: Node, weights: Sequence[str]) -> list[tuple[tuple[int, ...], Node]]:
    """Pairs (indices of weights, tree) of disjoint weights, in order, whose trees sum to `node`.

    Two weights are together if a term holds both. The tree is split as it is written, or multiplied out if
    that splits it further, or if constants cancel only between the parts: those of `(u + 1)**2 - 2*u + v**2 -
    1` are u**2 and v**2. Weights that do not occur are pairs of their own, with the tree 0.
    """
    parts = _separate(node, weights)
    if len(parts) == len(weights) == 1:
        return parts
    expanded = expand(node)
    if expanded is None:
        return parts
    finer = _separate(expanded, weights)
    hidden = len(finer) == len(parts) > 1 and any(_holds_constant(part, weights) for _, part in parts)
    return finer if len(finer) > len(parts) or hidden else parts


def written_blocks(node: Node, weights: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The indices of the weights of each part of the sum that `node` is as it is written."""
    return tuple(indices for indices, _ in _separate(node, weights))


def _holds_constant(node: Node, weights: Sequence[str]) -> bool:
    """Whether `node`, multiplied out, has a term without weights."""
    expanded = expand(node)
    return expanded not in (None, tree.ZERO) and any(
        term.names.isdisjoint(weights) for term in terms_of(expanded or node, weights)
    )


def _separate(node: Node, weights: Sequence[str]) -> list[tuple[tuple[int, ...], Node]]:
    index = {weight: i for i, weight in enumerate(weights)}
    parent = list(range(len(weights)))

    def root(i: int) -> int:
        while parent[i] != i:  # ends: roots are smaller
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    terms = terms_of(node, index.keys())
    owned = [sorted(index[name] for name in term.names if name in index) for term in terms]
    for indices in owned:
        for i in indices[1:]:
            a, b = root(indices[0]), root(i)
            parent[max(a, b)] = min(a, b)
    members: dict[int, list[int]] = {}
    for i in range(len(weights)):
        members.setdefault(root(i), []).append(i)
    trees: dict[int, list[Node]] = {r: [] for r in members}
    for term, indices in zip(terms, owned, strict=True):
        trees[root(indices[0]) if indices else 0].append(
            term
        )  # a term without weights goes to the first block
    if len(members) == 1:
        return [(tuple(members[0]), node)]
    return [(tuple(indices), tree.add(trees[r])) for r, indices in members.items()]
