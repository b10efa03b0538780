"""Degree inference: a type system for expression trees in which the type of a term is its degree in the
weights.

    c : 0 for a constant c != 0        x : 0 for an input        w : 1 for a weight        0 : every degree
    e : p, f : q  =>  e*f : p + q      e : p  =>  e**r : r p, abs(e) : p
    e : p, f : p  =>  e + f, max(e, f), min(e, f) : p
    e : 0  =>  exp(e), log(e), sin(e), cos(e), tanh(e) : 0

A term of degree p satisfies e(c w) = c^p e(w) for all c > 0 (induction over the rules), so inference proves
it; degrees are exact rationals. Terms that have no degree by these rules may still be homogeneous, see
`homogeneity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from certflow.networks import tree
from certflow.networks.tree import Node

Degree = Fraction | None
"""A degree, or None for the constant 0, which has every degree."""

_SHOWN_TERMS = 3


class NoDegree(Exception):
    """A term has no degree by the rules; the message, the end of a sentence, names the subterms that disagree
    and the fix.
    """


@dataclass(frozen=True)
class Judgement:
    """`node` has `degree`, by the judgements about its parts."""

    node: Node
    degree: Degree
    premises: tuple[Judgement, ...] = ()

    def lines(self, indent: int = 0) -> Iterator[str]:
        """The derivation as an indented tree, premises below conclusions; alike terms of long sums are
        counted.
        """
        yield f"{'  ' * indent}{tree.short_text(self.node)} : {degree_text(self.degree)}"
        shown = self.premises
        if len(shown) > _SHOWN_TERMS + 1 and self.node.op in ("add", "mul"):
            shown = shown[:_SHOWN_TERMS]
        for premise in shown:
            yield from premise.lines(indent + 1)
        rest = self.premises[len(shown) :]
        if rest:
            kinds = sorted({p.degree for p in rest if p.degree is not None})
            degrees = ", ".join(map(str, kinds)) or "any"
            yield f"{'  ' * (indent + 1)}... and {len(rest)} more : degree {degrees}"


def infer(
    node: Node, degrees: Mapping[str, Fraction], known: dict[Node, Judgement] | None = None
) -> Judgement:
    """The degree of `node`, given those of the names, with its derivation; raises `NoDegree`."""
    known = {} if known is None else known
    if node not in known:
        known[node] = _judge(node, tuple(infer(arg, degrees, known) for arg in node.args), degrees)
    return known[node]


def _judge(node: Node, premises: tuple[Judgement, ...], degrees: Mapping[str, Fraction]) -> Judgement:
    if node.op == "number":
        return Judgement(node, Fraction(0) if node.value else None)
    if node.op == "name":
        return Judgement(node, degrees[node.value])
    if node.op == "mul":
        if any(p.degree is None for p in premises):
            return Judgement(node, None, premises)
        return Judgement(
            node, sum((p.degree for p in premises if p.degree is not None), Fraction(0)), premises
        )
    if node.op == "pow":
        base = premises[0].degree
        return Judgement(node, None if base is None else base * node.value, premises)
    if node.op in tree.TRANSCENDENTAL:
        if premises[0].degree not in (None, 0):
            inside = tree.short_text(node.args[0])
            raise NoDegree(
                f"{tree.short_text(node)} is not homogeneous: {inside} has "
                f"{degree_text(premises[0].degree)}, but {node.op} needs an argument of degree 0; replace it "
                f"by a homogeneous function"
            )
        return Judgement(node, Fraction(0), premises)
    return Judgement(node, _common(node, premises), premises)


def _common(node: Node, premises: tuple[Judgement, ...]) -> Degree:
    """The one degree of all parts of a sum, maximum or absolute value."""
    first: Judgement | None = None
    for premise in premises:
        if premise.degree is None:
            continue
        if first is None:
            first = premise
        elif premise.degree != first.degree:
            raise NoDegree(
                f"in {tree.short_text(node)}, {tree.short_text(first.node)} has {degree_text(first.degree)} "
                f"but {tree.short_text(premise.node)} has {degree_text(premise.degree)}; "
                "remove one, or multiply by weights until the degrees agree"
            )
    return None if first is None else first.degree


def degree_text(degree: Degree) -> str:
    """The degree in words."""
    return "every degree" if degree is None else f"degree {degree}"
