"""Expressions in weights and inputs, evaluated with their gradients by forward differentiation in extended
doubles.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .extended import LD, array


class Dual:
    """Values on all samples (n) with their derivatives in all weights (n x k). The arguments of kinks are
    noted in `kinks`.
    """

    kinks: list[Dual] = []

    __array_ufunc__ = None

    def __init__(self, value: Any, slope: Any) -> None:
        self.value, self.slope = value, slope

    def __add__(self, other: Any) -> Dual:
        other = _dual(other, self)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other: Any) -> Dual:
        other = _dual(other, self)
        return Dual(
            self.value * other.value, self.slope * other.value[:, None] + other.slope * self.value[:, None]
        )

    def __pow__(self, n: int) -> Dual:
        return Dual(self.value**n, (n * self.value ** (n - 1))[:, None] * self.slope)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __sub__(self, other: Any) -> Dual:
        return self + -other

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self) -> Dual:
        self.kinks.append(self)
        return self * np.where(self.value > 0, LD(1), LD(-1))


def _dual(value: Any, like: Dual) -> Dual:
    if isinstance(value, Dual):
        return value
    return Dual(like.value * 0 + value, like.slope * 0)


def _extreme(sign: int) -> Callable[[Any, Any], Dual]:
    def extreme(a: Any, b: Any) -> Dual:
        a, b = (a, _dual(b, a)) if isinstance(a, Dual) else (_dual(a, b), b)
        a.kinks.append(a - b)
        first = sign * (a.value - b.value) > 0
        return Dual(np.where(first, a.value, b.value), np.where(first[:, None], a.slope, b.slope))

    return extreme


_OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "max": _extreme(1), "min": _extreme(-1)}


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of a parsed expression, node by node: no text is executed."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(each, names) for each in arguments))
        case ast.Name(id=name):
            return names[name]
        case ast.Constant(value=int(value)):
            return value
    raise ValueError(f"an expression of the campaign has no {ast.unparse(node)}")


class Expression:
    """A network that is an expression of whole numbers, `+ - * **`, `abs`, `max` and `min` (of two), of a
    known order.
    """

    def __init__(self, table: dict[str, Any], X: Sequence[Sequence[Any]]) -> None:
        self.X = array(X)
        self.weights, self.inputs = table["weights"], table["inputs"]
        self.size = len(self.weights)
        self.tree = ast.parse(table["output"], mode="eval").body
        # At other samples and several weights, as the outputs may be zero for all weights at these, or
        # on a whole cone, such as those of max(u, 0).
        draw, samples = np.random.default_rng(0), self.X
        probes = draw.standard_normal((32, self.size)).astype(LD)
        self.X = draw.standard_normal((4, len(self.inputs))).astype(LD)
        once, twice = (max(np.abs(self.run(c * u)[0]).max() for u in probes) for c in (1, 2))
        self.X, self.order = samples, int(np.rint(np.log2(twice / once))) if once else 0

    @property
    def parts(self) -> list[list[int]]:
        """The weights of each part of the sum that the expression is as it is written."""
        parts: list[set[int]] = []
        for names in _terms(self.tree, set(self.weights)):
            own = {self.weights.index(name) for name in names}
            parts = [part for part in parts if not part & own] + [own.union(*(p for p in parts if p & own))]
        parts += [{i} for i in range(self.size) if not any(i in part for part in parts)]
        return sorted(sorted(part) for part in parts if part)

    def run(
        self, u: np.ndarray, branches: Any = None
    ) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray], list[Any], list[Any]]:
        """As `Layers.run`; branches and kinks are not known."""
        n = len(self.X)
        one, zero = np.ones(n, dtype=LD), np.zeros((n, self.size), dtype=LD)
        names: dict[str, Any] = {name: Dual(self.X[:, i], zero) for i, name in enumerate(self.inputs)}
        for i, name in enumerate(self.weights):
            slope = zero.copy()
            slope[:, i] = 1
            names[name] = Dual(u[i] * one, slope)
        value = _value(self.tree, names)
        return value.value, lambda r: r @ value.slope, [], []

    def kinks(self, u: np.ndarray) -> list[Any]:
        """As `Layers.kinks`, one list for every abs, max and min."""
        Dual.kinks = []
        self.run(u)
        return [(z.value[:, None], np.abs(z.slope).sum(axis=1)[:, None]) for z in Dual.kinks]


def _terms(node: ast.expr, weights: set[str]) -> list[set[str]]:
    """The weights of each term of a sum, also of one times factors without weights."""
    own = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in weights}
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return [*_terms(left, weights), *_terms(right, weights)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _terms(operand, weights)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            held = [side for side in (left, right) if any(_terms(side, weights))]
            if len(held) == 1:
                return _terms(held[0], weights)
    return [own]
