"""Networks given by one expression in named weights and inputs, from text or from sympy."""

from __future__ import annotations

import functools
import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import Arithmetic
from certflow.exact import number
from certflow.networks import tree
from certflow.networks.base import Enclose, Forward, Network, Select, directions_in
from certflow.networks.expansion import separate
from certflow.networks.grammar import FUNCTIONS, MAX_LENGTH, parse
from certflow.networks.tape import BRANCHES, Tape, Trace
from certflow.networks.tree import Node
from certflow.outcome import BadInput

MAX_NAMES = 10_000
"""Most weights, and most inputs, of an expression."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


class Expression(Network):
    """`H(x; w)` written as one expression in named weights and inputs.

    `output` is text of the grammar (`networks/grammar.py`) or a sympy expression of the same operations,
    whose symbols are known by name and whose floats are their dyadic value. Every `abs`, `max` and `min` that
    depends on a weight is a kink, numbered as in `Forward.kinks` (n × 1 each): `abs(e) = c e` with c in {1,
    -1}, `max(a, b) = b + c (a - b)` and `min(a, b) = a - c (a - b)` with c in {1, 0}; `at_kink` weighs the
    first of the two. Raises `BadInput`.
    """

    kind = "expression"

    def __init__(self, weights: Sequence[str], inputs: Sequence[str], output: Any) -> None:
        self._weights, self._inputs = _checked_names(weights, "weights"), _checked_names(inputs, "inputs")
        shared = set(self._weights) & set(self._inputs)
        if shared:
            raise BadInput(
                f"network.weights: {min(shared)} is also an input; give every weight and input its own name."
            )
        self.size, self.inputs = len(self._weights), len(self._inputs)
        self.tree = _tree_of(output, (*self._weights, *self._inputs))
        self.output = tree.to_text(self.tree)
        if len(self.output) > MAX_LENGTH:
            raise BadInput(
                f"network.output: the expression takes {len(self.output)} characters; at most {MAX_LENGTH} "
                f"are read."
            )

    # -- structure -------------------------------------------------------------------------------------------

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        return self._inputs

    @property
    def weight_names(self) -> tuple[str, ...]:
        return self._weights

    @functools.cached_property
    def _parts(self) -> list[tuple[tuple[int, ...], Node]]:
        return separate(self.tree, self._weights)

    @functools.cached_property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        return tuple(indices for indices, _ in self._parts)

    @property
    def block_trees(self) -> tuple[Node, ...]:
        """The trees of the blocks; they sum to the output."""
        return tuple(part for _, part in self._parts)

    @property
    def has_kinks(self) -> bool:
        return bool(self.tape.kinks)

    def check_samples(self, X: np.ndarray) -> None:
        self.tape.check_samples(X)

    def part(self, places: Sequence[int]) -> Network:
        indices = sorted(i for j in places for i in self.blocks[j])
        whole = tree.add([self.block_trees[j] for j in places])
        return Expression([self._weights[i] for i in indices], self._inputs, whole)

    @functools.cached_property
    def tape(self) -> Tape:
        """The program of the blocks, made once."""
        return Tape(self.block_trees, self._weights, self._inputs)

    def sympy(self) -> Any:
        """The output as a sympy expression in real symbols."""
        return to_sympy(self.tree)

    # -- evaluation ------------------------------------------------------------------------------------------

    def select_by_sign(self, ar: Arithmetic, layer: int, z: Any, at_kink: Fraction) -> Any:
        kink = self.tape.steps[self.tape.kinks[layer]]
        return BRANCHES[kink.op].coefficients(ar, ar.sign(z), at_kink)

    def forward(
        self,
        ar: Arithmetic,
        w: Any,
        X: Any,
        select: Select | None = None,
        at_kink: Fraction = Fraction(0),
        enclose: Enclose | None = None,
    ) -> Forward:
        lead, n = w.shape[:-1], X.shape[0]

        def choose(layer: int, z: Any) -> Any:
            # Tighter arguments decide more cells; the values are computed from the weights all the same.
            z = enclose(layer, z) if enclose else z
            return select(layer, z) if select else self.select_by_sign(ar, layer, z, at_kink)

        def choose_for_all(layer: int, z: Any) -> Any:
            return choose(layer, z.reshape(*lead, n, 1)).reshape(z.shape)

        if lead:
            every = Columns(w[np.repeat(np.arange(len(w)), n)])
            trace = self.tape.run(ar, every, X[np.tile(np.arange(n), len(w))], choose_for_all)
        else:
            trace = self.tape.run(ar, w, X, choose)
        results = [result.reshape(*lead, n) for result in trace.results()]
        outputs = results[0]
        for result in results[1:]:
            outputs = outputs + result
        block_outputs = np.concatenate(
            [result.reshape(*lead, n, 1) for result in results], axis=len(lead) + 1
        )
        kinks, cells = trace.kinks, trace.cells
        if lead:
            kinks, cells = ([each.reshape(*lead, n, 1) for each in many] for many in (kinks, cells))
        return Forward(ar, w, X, kinks, cells, _Traced(trace, (*lead, n, 1), outputs, block_outputs))

    def pullback(self, run: Forward, r: Any) -> Any:
        return (_row(r) @ self.jacobian(run)).reshape(run.w.shape)

    def jacobian(self, run: Forward) -> Any:
        return run.saved.jacobian

    def hessian(self, run: Forward, r: Any, directions: np.ndarray | None = None) -> Any:
        rows = [_row(r) @ run.saved.side_by_side(run.saved.trace.second(j)) for j in range(self.size)]
        whole = np.concatenate(rows, axis=len(run.w.shape) - 1)
        return whole if directions is None else directions_in(run.ar, directions, self.size) @ whole

    # -- files -----------------------------------------------------------------------------------------------

    def to_table(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "weights": list(self._weights),
            "inputs": list(self._inputs),
            "output": self.output,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.to_table() == other.to_table()

    def __hash__(self) -> int:
        return hash((self.kind, self._weights, self._inputs, self.output))

    def __repr__(self) -> str:
        names = f"weights={list(self._weights)}, inputs={list(self._inputs)}"
        return f"Expression({names}, output={tree.short_text(self.tree)!r})"


class Columns:
    """Many weight vectors (many × size) for a tape that takes every one as a sample: its slice of one weight
    is a column.
    """

    def __init__(self, w: Any) -> None:
        self._w = w

    def __getitem__(self, place: slice) -> Any:
        return self._w[:, place.start]


def _row(r: Any) -> Any:
    return r.reshape(*r.shape[:-1], 1, r.shape[-1])


@dataclass(frozen=True)
class _Traced:
    """What a pass leaves behind: the tape's trace, and the `shape` of one column for all weight vectors."""

    trace: Trace
    shape: tuple[int, ...]
    outputs: Any
    block_outputs: Any

    @functools.cached_property
    def jacobian(self) -> Any:
        return self.side_by_side(self.trace.columns())

    def side_by_side(self, columns: Sequence[Any]) -> Any:
        """Columns (None for zero) as one n × size matrix, or as one for each of many weight vectors."""
        zeros, axis = self.trace.zeros, len(self.shape) - 1
        return np.concatenate([(zeros if c is None else c).reshape(self.shape) for c in columns], axis=axis)


def _checked_names(names: Sequence[str], key: str) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Sequence) or not names or len(names) > MAX_NAMES:
        raise BadInput(f'network.{key}: give a list of 1 to {MAX_NAMES} names, such as ["u1", "u2"].')
    seen = set()
    for i, name in enumerate(names):
        if not isinstance(name, str) or not _NAME.match(name):
            raise BadInput(
                f"network.{key}[{i}]: {str(name)[:40]!r} is not a name; use letters, digits and _, a letter "
                f"first."
            )
        if name in FUNCTIONS:
            raise BadInput(f"network.{key}[{i}]: {name} is the name of a function; choose another.")
        if name in seen:
            raise BadInput(f"network.{key}[{i}]: {name} is listed twice; give every name once.")
        seen.add(name)
    return tuple(names)


def _tree_of(output: Any, names: tuple[str, ...]) -> Node:
    if isinstance(output, str):
        return parse(output, names)
    try:
        if isinstance(output, Node):
            unknown = output.names - set(names)
            if unknown:
                raise BadInput(f"unknown name {min(unknown)}; declare it under weights or inputs.")
            return output
        if isinstance(output, numbers.Real):
            return tree.number(number(output))
        return from_sympy(output, names)
    except BadInput as error:
        raise BadInput(f"network.output: {error}") from None


# -- sympy ---------------------------------------------------------------------------------------------------


def to_sympy(node: Node) -> Any:
    """The sympy expression of a tree, in `Symbol(name, real=True)`; max, min and abs are left as they are
    written.
    """
    import sympy

    done: dict[Node, Any] = {}

    def convert(node: Node) -> Any:
        if node not in done:
            done[node] = build(node, [convert(arg) for arg in node.args])
        return done[node]

    def build(node: Node, args: list[Any]) -> Any:
        if node.op == "number":
            return sympy.Rational(node.value.numerator, node.value.denominator)
        if node.op == "name":
            return sympy.Symbol(node.value, real=True)
        if node.op == "pow":
            # Roots of numbers stay as they are: sympy would try to factor them.
            exponent = sympy.Rational(node.value.numerator, node.value.denominator)
            return sympy.Pow(args[0], exponent, evaluate=not node.args[0].is_number)
        if node.op in tree.KINKS:
            # Unevaluated: sympy's comparison of the arguments is slow, and undecided anyway.
            return {"abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min}[node.op](*args, evaluate=False)
        return getattr(sympy, {"add": "Add", "mul": "Mul"}.get(node.op, node.op))(*args)

    return convert(node)


def from_sympy(expression: Any, names: Sequence[str]) -> Node:
    """The tree of a sympy expression in `names`; `BadInput` naming the first operation that is not
    supported.
    """
    import sympy

    if not isinstance(expression, sympy.Expr):
        raise BadInput(f"expected text or a sympy expression, got {type(expression).__name__}.")
    known, done = frozenset(names), {}
    functions: dict[Any, Any] = {sympy.Abs: tree.absolute}
    functions |= {getattr(sympy, op): functools.partial(tree.function, op) for op in tree.TRANSCENDENTAL}

    def convert(e: Any, depth: int) -> Node:
        if depth > tree.MAX_DEPTH:
            raise BadInput(f"the expression is nested more than {tree.MAX_DEPTH} levels deep.")
        if e not in done:
            done[e] = build(e, depth + 1)
        return done[e]

    def build(e: Any, depth: int) -> Node:
        if e.is_Symbol:
            return _symbol(e, known)
        if e.is_Rational or e.is_Float:
            return tree.number(number(e))
        if e.is_Add or e.is_Mul:
            return (tree.add if e.is_Add else tree.mul)([convert(arg, depth) for arg in e.args])
        if e.is_Pow:
            exponent = convert(e.exp, depth)
            if not exponent.is_number:
                raise BadInput(
                    f"the exponent in {_shown(e)} is not a constant number; powers need constant exponents."
                )
            return tree.power(convert(e.base, depth), exponent.value)
        if isinstance(e, sympy.Max | sympy.Min):
            return tree.extreme_of(
                "max" if isinstance(e, sympy.Max) else "min", [convert(arg, depth) for arg in e.args]
            )
        if e.func in functions:
            return functions[e.func](convert(e.args[0], depth))
        raise BadInput(
            f"{_shown(e)} ({type(e).__name__}) is not supported; use numbers, + - * / **, "
            f"{', '.join(FUNCTIONS)}."
        )

    return convert(expression, 0)


def _symbol(symbol: Any, known: frozenset[str]) -> Node:
    if symbol.name not in known:
        raise BadInput(f"unknown name {symbol.name}; declare it under weights or inputs.")
    if symbol.is_nonnegative or symbol.is_nonpositive or symbol.is_integer:
        # sympy has already used the assumption, for example abs(u) became u.
        raise BadInput(
            f"the symbol {symbol.name} carries assumptions; make it with Symbol({symbol.name!r}, real=True)."
        )
    return tree.name(symbol.name)


def _shown(e: Any) -> str:
    try:
        text = str(e)
    except RecursionError:
        return type(e).__name__
    return text if len(text) <= 60 else text[:57] + "..."
