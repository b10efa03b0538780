"""Sympy expressions of networks and their derivatives in the grammar of problem files, so that they can be
pasted back.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from certflow.networks import tree
from certflow.networks.expression import from_sympy
from certflow.outcome import BadInput

_TOO_LARGE = "an expression too large for a problem file"


def problem_file_text(expression: Any) -> str:
    """The expression as text that the grammar reads back; a step is written `(1 + t/abs(t))/2`, a sign
    `t/abs(t)`.

    Where it is beyond the limits of problem files, a few words that say so.
    """
    steps = {e: sympy.Symbol(f"step{k}", real=True) for k, e in enumerate(_steps(expression))}
    names = [symbol.name for symbol in expression.free_symbols] + [mark.name for mark in steps.values()]
    try:
        terms = [from_sympy(term, names) for term in expression.xreplace(steps).as_ordered_terms()]
        written = {mark.name: _step(e, names) for e, mark in steps.items()}
        return tree.to_text(tree.substituted(tree.add(terms), written))
    except BadInput:
        return _TOO_LARGE


def _steps(expression: Any) -> list[Any]:
    found = expression.atoms(sympy.Heaviside, sympy.sign)
    return sorted(found, key=str)


def _step(expression: Any, names: list[str]) -> tree.Node:
    inner = from_sympy(expression.args[0], names)
    sign = tree.mul([inner, tree.power(tree.absolute(inner), -1)])
    if isinstance(expression, sympy.sign):
        return sign
    return tree.mul([tree.number(Fraction(1, 2)), tree.add([tree.ONE, sign])])
