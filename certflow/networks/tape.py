"""Straight-line programs of expression trees: values, first and second derivatives, in every arithmetic.

Equal subtrees become one step. Every step is an array over the samples (n), or (1,) where it does not depend
on the inputs, made with `+ - * / **` alone. Kinks are linear once their cell is chosen: `abs(e) = c e` with c
in {1, -1}, `max(a, b) = b + c (a - b)` and `min(a, b) = a - c (a - b)` with c in {1, 0}, so derivatives are
those of the smooth function on the cell: first ones by reverse accumulation, second ones forward over
reverse, weight by weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import EXACT, Arithmetic, FloatArithmetic, MPArithmetic, mp_arithmetic
from certflow.arithmetic.jets import Constant
from certflow.exact import exact_mpf
from certflow.networks.activation import Activation
from certflow.networks.tree import KINKS, Node
from certflow.outcome import BadInput
from certflow.running import tick

ChooseCell = Callable[[int, Any], Any]
"""Given a kink number and its argument (n × 1), its coefficients (n × 1)."""

BRANCHES = {"abs": Activation(Fraction(-1)), "max": Activation(Fraction(0)), "min": Activation(Fraction(0))}
"""The activation whose cells are the coefficients c of each kink."""

FUSED = "kink"
"""The operation of a kink step: a `KinkPower` of its argument, of which only the coefficient is a cell."""

PARTIAL = ("inverse", "sqrt", "log")
"""Operations that are not defined for all numbers."""

_DECIDING_DIGITS = 200


@dataclass(frozen=True)
class Instruction:
    """One operation on earlier steps; `moving` says whether it depends on a weight, `kink` numbers those that
    do.
    """

    op: str
    args: tuple[int, ...]
    value: Any
    moving: bool
    kink: int | None


class Tape:
    """The program of several trees in the given weights and inputs, one result per tree."""

    def __init__(self, trees: Sequence[Node], weights: Sequence[str], inputs: Sequence[str]) -> None:
        self._weight_index = {name: i for i, name in enumerate(weights)}
        self._input_index = {name: i for i, name in enumerate(inputs)}
        self.size = len(weights)
        self.steps: list[Instruction] = []
        self._known: dict[Any, int] = {}
        self.kinks: list[int] = []
        self.results = [self._add(tree) for tree in trees]
        self.weight_steps = {step.value: i for i, step in enumerate(self.steps) if step.op == "weight"}
        self.reach = self._reach()

    # -- recording -------------------------------------------------------------------------------------------

    def _add(self, node: Node) -> int:
        if node in self._known:
            return self._known[node]
        if node.op == "name":
            weight = self._weight_index.get(node.value)
            step = (
                self._step("input", (), self._input_index[node.value])
                if weight is None
                else self._step("weight", (), weight)
            )
        elif node.op == "mul":
            args = [self._add(arg) for arg in node.args]
            step = args[0]
            for arg in args[1:]:
                step = self._step("mul", (step, arg))
        elif node.op == "pow":
            step = self._power(self._add(node.args[0]), node.value)
        else:
            step = self._step(node.op, tuple(self._add(arg) for arg in node.args), node.value)
        self._known[node] = step
        return step

    def _power(self, base: int, exponent: Fraction) -> int:
        """Powers from roots, whole powers and reciprocals."""
        if exponent.denominator == 2:
            base, exponent = self._step("sqrt", (base,)), 2 * exponent
        if abs(exponent) != 1:
            base = self._step("pow", (base,), int(abs(exponent)))
        return self._step("inverse", (base,)) if exponent < 0 else base

    def _step(self, op: str, args: tuple[int, ...], value: Any = None) -> int:
        key = (op, args, value)
        if key in self._known:
            return self._known[key]
        moving = op == "weight" or any(self.steps[a].moving for a in args)
        kink = None
        if op in (*KINKS, FUSED) and moving:
            kink = len(self.kinks)
            self.kinks.append(len(self.steps))
        self.steps.append(Instruction(op, args, value, moving, kink))
        self._known[key] = len(self.steps) - 1
        return len(self.steps) - 1

    def is_zero(self, i: int) -> bool:
        """Whether step i is the constant 0."""
        return self.steps[i].op == "number" and not self.steps[i].value

    def _reach(self) -> list[frozenset[int]]:
        """The weights that each step depends on."""
        reach: list[frozenset[int]] = []
        for step in self.steps:
            reach.append(
                frozenset((step.value,))
                if step.op == "weight"
                else frozenset().union(*(reach[a] for a in step.args))
            )
        return reach

    # -- values ----------------------------------------------------------------------------------------------

    def run(self, ar: Arithmetic, w: Any, X: Any, choose: ChooseCell) -> Trace:
        """All steps at weights `w` (size) and samples `X` (n × inputs); `choose` gives the cells of the
        kinks.
        """
        tick()
        constants = self._constants(ar, X) if isinstance(X, Constant) else {}
        trace = Trace(self, ar, X.shape[0])
        for i, step in enumerate(self.steps):
            if constants and not step.moving:
                trace.values.append(constants.get(i))
            else:
                trace.values.append(trace.evaluate(step, w, X, choose))
        return trace

    def _constants(self, ar: Arithmetic, X: Constant) -> dict[int, Any]:
        """The steps without weights that the others use, at the samples `X` of series arithmetic, as
        constants of it.

        They are computed in mpmath, which has every function, so that no series are recorded for them.
        """
        bits = X.ar.bits
        values = np.array([Fraction(int(v), 1 << bits) for v in X.values.ravel()], dtype=object).reshape(
            X.shape
        )
        trace = self.weightless(mp_arithmetic(bits * 3 // 10 + 20), values)
        used = {a for step in self.steps if step.moving for a in step.args} | set(self.results)
        return {
            i: ar.array([exact_mpf(v) for v in trace.values[i]]) for i in used if not self.steps[i].moving
        }

    def weightless(self, ar: Arithmetic, X: np.ndarray) -> Trace:
        """The steps without weights at exact samples; None for the others."""
        trace, samples = Trace(self, ar, X.shape[0]), ar.array(X)
        for step in self.steps:
            trace.values.append(None if step.moving else trace.evaluate(step, None, samples, _no_cell))
        return trace

    def check_samples(self, X: np.ndarray) -> None:
        """Raise `BadInput` for the first of the exact samples at which the steps without weights are not
        defined.
        """
        if all(step.moving or step.op not in PARTIAL for step in self.steps):
            return
        for i in range(len(X)):
            tick()
            try:
                try:
                    self.weightless(EXACT, X[i : i + 1])
                except TypeError:  # irrational
                    self.weightless(mp_arithmetic(_DECIDING_DIGITS), X[i : i + 1])
            except ZeroDivisionError:
                why = "the expression divides by zero"
            except BadInput as error:
                why = str(error).partition(": ")[2].partition(" at this point")[0]
            else:
                continue
            raise BadInput(
                f"data.X[{i}]: the output is not defined for this sample: {why}; change the sample or the "
                f"expression."
            )


def _no_cell(kink: int, z: Any) -> Any:
    raise TypeError("a step without weights has no kinks to choose")


class Trace:
    """The values of one run of a tape, and the derivatives computed from them."""

    def __init__(self, tape: Tape, ar: Arithmetic, n: int) -> None:
        self.tape, self.ar, self.n = tape, ar, n
        self.zeros = ar.array(np.full(n, Fraction(0), dtype=object))
        self.one = ar.array(np.full(1, Fraction(1), dtype=object))
        self.values: list[Any] = []
        self.kinks: list[Any] = []
        self.cells: list[Any] = []
        self._slopes: dict[int, tuple[Any, ...]] = {}
        self._flat_cells: dict[int, Any] = {}
        self._first: dict[int, Any] | None = None

    def evaluate(self, step: Instruction, w: Any, X: Any, choose: ChooseCell) -> Any:
        """The value of `step` from those of earlier ones."""
        if step.op == "number":
            return self.ar.array(np.full(1, step.value, dtype=object))
        if step.op == "weight":
            return w[step.value : step.value + 1]
        if step.op == "input":
            return X[:, step.value]
        args = [self.values[a] for a in step.args]
        if step.op in KINKS:
            return self._kink(step, args, choose)
        if step.op == FUSED:
            return self._fused(step, args[0], choose)
        if step.op == "add":
            total = args[0]
            for arg in args[1:]:
                total = total + arg
            return total
        if step.op == "mul":
            return args[0] * args[1]
        if step.op == "pow":
            return args[0] ** step.value
        if step.op == "inverse":
            return self.one / args[0]
        return elementary(self.ar, step.op, args[0])

    def _kink(self, step: Instruction, args: list[Any], choose: ChooseCell) -> Any:
        against_zero = step.op == "abs" or self.tape.is_zero(step.args[1])
        e = args[0] if against_zero else args[0] - args[1]
        z = self._full(e).reshape(self.n, 1)
        if step.kink is None:
            cell = BRANCHES[step.op].coefficients(self.ar, self.ar.sign(z))
        else:
            cell = choose(step.kink, z)
            self.kinks.append(z)
            self.cells.append(cell)
        c = cell.reshape(self.n)
        self._flat_cells[len(self.values)] = c
        if against_zero:
            return e - c * e if step.op == "min" else c * e
        if not self.ar.is_rigorous:
            # Rounded, a - c (a - b) would lose the digits of the smaller argument.
            larger, smaller = (args[0], args[1]) if step.op == "max" else (args[1], args[0])
            return c * larger + (self.one - c) * smaller
        return args[0] - c * e if step.op == "min" else args[1] + c * e

    def _fused(self, step: Instruction, e: Any, choose: ChooseCell) -> Any:
        if step.kink is None:
            raise TypeError("a kink step without weights is a number")
        z = self._full(e).reshape(self.n, 1)
        cell = choose(step.kink, z)
        self.kinks.append(z)
        self.cells.append(cell)
        self._flat_cells[len(self.values)] = c = cell.reshape(self.n)
        return step.value.derivative(c, self._full(e))

    def _full(self, value: Any) -> Any:
        """`value` with one entry per sample."""
        return value if value.shape[0] == self.n else value + self.zeros

    def results(self) -> list[Any]:
        """The value of each tree (n)."""
        return [self._full(self.values[i]) for i in self.tape.results]

    # -- derivatives -----------------------------------------------------------------------------------------

    def slopes(self, i: int) -> tuple[Any, ...]:
        """The derivative of step i in each of its arguments; None stands for 1."""
        if i not in self._slopes:
            self._slopes[i] = self._slope(i)
        return self._slopes[i]

    def _slope(self, i: int) -> tuple[Any, ...]:
        step, values = self.tape.steps[i], self.values
        if step.op == "add":
            return (None,) * len(step.args)
        a = values[step.args[0]]
        if step.op == "mul":
            return values[step.args[1]], a
        if step.op in KINKS:
            c = self._flat_cells[i]
            return (c,) if step.op == "abs" else (c, self.one - c) if step.op == "max" else (self.one - c, c)
        if step.op == FUSED:
            return (step.value.derivative(self._flat_cells[i], self._full(a), 1),)
        if step.op == "pow":
            return (a ** (step.value - 1) * step.value,)
        if step.op == "inverse":
            return (-(values[i] ** 2),)
        if step.op == "sqrt":
            return (self.one / (values[i] * 2),)
        if step.op == "exp":
            return (values[i],)
        if step.op == "log":
            return (self.one / a,)
        if step.op == "sin":
            return (elementary(self.ar, "cos", a),)
        if step.op == "cos":
            return (-elementary(self.ar, "sin", a),)
        return (self.one - values[i] ** 2,)  # tanh

    def _turn(self, i: int, tangents: dict[int, Any]) -> tuple[Any, ...]:
        """The change of `slopes(i)` along `tangents`; None stands for 0."""
        step, values = self.tape.steps[i], self.values
        if step.op == "mul":
            return tangents.get(step.args[1]), tangents.get(step.args[0])
        if step.op == "add" or step.op in KINKS:
            return (None,) * len(step.args)
        a, moved = values[step.args[0]], tangents.get(step.args[0])
        if moved is None:
            return (None,)
        if step.op == FUSED:
            return (step.value.derivative(self._flat_cells[i], self._full(a), 2) * moved,)
        if step.op == "pow":
            factor = step.value * (step.value - 1)
            return (moved * factor if step.value == 2 else a ** (step.value - 2) * moved * factor,)
        if step.op == "inverse":
            return (values[i] ** 3 * moved * 2,)
        if step.op == "sqrt":
            return (-(moved / (values[i] ** 3 * 4)),)
        if step.op == "exp":
            return (values[i] * moved,)
        if step.op == "log":
            return (-(moved / a**2),)
        if step.op in ("sin", "cos"):
            return (-(values[i] * moved),)
        return (values[i] * (values[i] ** 2 - self.one) * moved * 2,)  # tanh

    def columns(self) -> list[Any]:
        """The derivative of the sum of all results in each weight (n each); None where it is identically
        0.
        """
        adjoints = self._adjoints()
        return [self._at_weight(adjoints, j) for j in range(self.tape.size)]

    def _at_weight(self, adjoints: dict[int, Any], weight: int) -> Any:
        step = self.tape.weight_steps.get(weight)
        return None if step is None else adjoints.get(step)

    def _adjoints(self) -> dict[int, Any]:
        """The derivative of the sum of all results in each moving step (n); computed once."""
        tick()
        if self._first is not None:
            return self._first
        ones = self.zeros + self.one
        adjoints: dict[int, Any] = {}
        for result in self.tape.results:
            _accumulate(adjoints, result, ones)
        for i in range(len(self.tape.steps) - 1, -1, -1):
            step = self.tape.steps[i]
            if i not in adjoints or not step.moving or not step.args:
                continue
            for a, slope in zip(step.args, self.slopes(i), strict=True):
                if self.tape.steps[a].moving:
                    _accumulate(adjoints, a, adjoints[i] if slope is None else adjoints[i] * slope)
        self._first = adjoints
        return adjoints

    def second(self, weight: int) -> list[Any]:
        """The second derivatives of the sum of all results in `weight` and each weight (n each); None where
        0.
        """
        tick()
        start = self.tape.weight_steps.get(weight)
        if start is None:
            return [None] * self.tape.size
        tangents: dict[int, Any] = {start: self.one}
        for i, step in enumerate(self.tape.steps):
            if step.args and weight in self.tape.reach[i]:
                for a, slope in zip(step.args, self.slopes(i), strict=True):
                    if a in tangents:
                        _accumulate(tangents, i, tangents[a] if slope is None else slope * tangents[a])
        turned = self._turned_adjoints(tangents)
        return [self._at_weight(turned, j) for j in range(self.tape.size)]

    def _turned_adjoints(self, tangents: dict[int, Any]) -> dict[int, Any]:
        tick()
        adjoints = self._adjoints()
        turned: dict[int, Any] = {}
        for i in range(len(self.tape.steps) - 1, -1, -1):
            step = self.tape.steps[i]
            if i not in adjoints or not step.moving or not step.args:
                continue
            parts = zip(step.args, self.slopes(i), self._turn(i, tangents), strict=True)
            for a, slope, turn in parts:
                if not self.tape.steps[a].moving:
                    continue
                if turn is not None:
                    _accumulate(turned, a, adjoints[i] * turn)
                if i in turned:
                    _accumulate(turned, a, turned[i] if slope is None else turned[i] * slope)
        return turned


def _accumulate(sums: dict[int, Any], key: int, value: Any) -> None:
    sums[key] = sums[key] + value if key in sums else value


# Beyond these arguments the values of a rounded system overflow, or take for ever to compute.
_LARGEST = {"exp": 700, "sin": 10**9, "cos": 10**9, "tanh": 10**9}


def elementary(ar: Arithmetic, op: str, z: Any) -> Any:
    """sqrt, exp, log, sin, cos or tanh of `z`, elementwise.

    Raises `BadInput` for roots and logarithms of negative numbers and for huge arguments in rounded systems
    (enclosing ones have errors of their own), `TypeError` where the arithmetic lacks the function.
    """
    if isinstance(ar, FloatArithmetic | MPArithmetic):
        _check_domain(ar, op, z)
    if hasattr(ar, op):
        return getattr(ar, op)(z)
    if isinstance(ar, FloatArithmetic):
        return getattr(np, op)(z)
    if isinstance(ar, MPArithmetic):
        return ar._map(getattr(ar.context, op), z)
    if isinstance(z, np.ndarray) and all(hasattr(v, op) for v in z):
        return ar._map(lambda v: getattr(v, op)(), z)
    if op == "tanh":
        squared = ar.exp(z * 2)
        return (squared - 1) / (squared + 1)
    raise TypeError(f"{op} is not available in {ar.name} numbers; evaluate in balls or mpmath instead")


def _check_domain(ar: Arithmetic, op: str, z: Any) -> None:
    if op in ("sqrt", "log") and (ar.sign(z) < (0 if op == "sqrt" else 1)).any():
        raise BadInput(
            f"network.output: {op} of a number that is not positive at this point; change the expression or "
            f"the data."
        )
    largest = _LARGEST.get(op)
    if largest is not None and not all(abs(v) <= largest for v in z):
        raise BadInput(
            f"network.output: {op} of a number beyond {largest} at this point; change the expression or the "
            f"data."
        )
