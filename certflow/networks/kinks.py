"""Kinks that cancel: `relu(a) - relu(-a)` is a, and a function that is written with kinks may be smooth.

`max(a, b) = (a + b + |a - b|)/2` and `min(a, b) = (a + b - |a - b|)/2` leave absolute values only, and `|c m
s| = |c| |m| |s|` for a number c, a monomial m and a sum s whose first coefficient is 1 makes equal kinks
equal; multiplied out, what cancels is gone.
"""

from __future__ import annotations

from fractions import Fraction

from certflow.networks import tree
from certflow.networks.expansion import expand
from certflow.networks.tree import Node
from certflow.outcome import BadInput

_HALF = tree.number(Fraction(1, 2))


def simplest(node: Node) -> Node:
    """An equal tree with as few kinks as are found: multiplied out if that is short, without kinks that
    cancel (L6.44)."""
    expanded = expand(node) or node
    if not kinks_of(expanded):
        return expanded
    try:
        absolute = expand(_in_absolute_values(expanded, {}))
    except BadInput:  # too large when written in absolute values
        return expanded
    return (
        absolute if absolute is not None and len(kinks_of(absolute)) < len(kinks_of(expanded)) else expanded
    )


def kinks_of(node: Node) -> set[Node]:
    """The different kinks of a tree."""
    found: set[Node] = set()
    seen: set[Node] = set()
    waiting = [node]
    while waiting:  # ends: every node puts its arguments there once
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += each.args
            if each.op in tree.KINKS:
                found.add(each)
    return found


def _in_absolute_values(node: Node, done: dict[Node, Node]) -> Node:
    """The tree with max and min written as absolute values, and these in one form."""
    if node not in done:
        args = [_in_absolute_values(arg, done) for arg in node.args]
        if node.op in ("max", "min"):
            first, second = args
            apart = _absolute(tree.add([first, tree.negative(second)]))
            done[node] = tree.mul(
                [_HALF, tree.add([first, second, apart if node.op == "max" else tree.negative(apart)])]
            )
        else:
            done[node] = _absolute(args[0]) if node.op == "abs" else tree.rebuilt(node, args)
    return done[node]


def _absolute(node: Node) -> Node:
    """|node|, what is common to all terms taken out as factors of their own."""
    whole = expand(node) or node
    terms = [tree.split_coefficient(term) for term in (whole.args if whole.op == "add" else (whole,))]
    powers = [
        dict(_power(factor) for factor in (rest.args if rest.op == "mul" else (rest,))) for _, rest in terms
    ]
    common = {base: min(each.get(base, Fraction(0)) for each in powers) for base in powers[0]}
    common = {base: e for base, e in common.items() if e > 0 and e.denominator == 1 and not base.is_number}
    first = terms[0][0]
    if not first:
        return tree.ZERO
    rest = tree.add(
        tree.mul(
            [
                tree.number(c / first),
                *(tree.power(base, e - common.get(base, Fraction(0))) for base, e in each.items()),
            ]
        )
        for (c, _), each in zip(terms, powers, strict=True)
    )
    outside = [tree.power(tree.absolute(base), e) for base, e in common.items()]
    return tree.mul([tree.number(abs(first)), *outside, tree.absolute(rest)])


def _power(factor: Node) -> tuple[Node, Fraction]:
    return (factor.args[0], factor.value) if factor.op == "pow" else (factor, Fraction(1))
