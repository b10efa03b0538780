"""Taylor series of the raw limit flow of an expression, in double precision on fixed cells: power series
through its program, order by order. Nothing here is proved.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.flow.enclose.parts import ExpressionParts
from certflow.flow.propose.polynomial_symmetries import skew_symmetries
from certflow.flow.propose.series import PartSeries
from certflow.networks.tape import FUSED, Instruction, Tape
from certflow.running import tick

Array = Any


class ExpressionSeries(PartSeries):
    """The gradient of the NCF of an expression, its only part, at many weight vectors. A cell is 1 right of a
    kink and `off` left of it, sample by sample for each kink step.
    """

    off = 0.0

    def __init__(self, parts: ExpressionParts) -> None:
        self.tape: Tape = parts.own.tape
        self.X, self.z = parts.N.numbers(FLOAT)
        self.order = parts.problem.order
        if parts.size == parts.problem.network.size:
            self.turns = tuple(xi.astype(float) for xi in skew_symmetries(parts.problem))
        self.kink_count = len(self.X) * len(self.tape.kinks)
        even = np.full(parts.size, 1 / math.sqrt(parts.size))
        sizes = _sizes(self.tape, even, self.X)
        self.scale = max(float(np.abs(self.z) @ sizes[self.tape.results[0]]), 1e-300)
        arguments = [sizes[self.tape.steps[i].args[0]].max(initial=0.0) for i in self.tape.kinks]
        self.reach = float(max(arguments, default=0.0)) or 1.0

    def select(self, parts: Array) -> ExpressionSeries:
        """The same: there is one part."""
        del parts
        return self

    def kinks(self, u: Array) -> Array:
        """The arguments of the kink steps (weight vectors × kink arguments)."""
        signals = _Signals(self, None, 1, len(u))
        signals.forward(0, u)
        return signals.arguments(0)

    def gradient(self, u: Array, cell: Array) -> Array:
        """grad N on the cell (weight vectors × weights)."""
        signals = _Signals(self, cell, 1, len(u))
        signals.forward(0, u)
        return signals.backward(0)

    def series(self, u: Array, cell: Array, decay: float, lengths: Array, terms: int) -> tuple[Array, Array]:
        """The coefficients of the solution and of its kink arguments."""
        U = np.zeros((terms + 1, *u.shape))
        U[0] = u
        signals = _Signals(self, cell, terms + 1, len(u))
        for k in range(terms):
            tick()
            signals.forward(k, U[k])
            U[k + 1] = lengths[:, None] * (signals.backward(k) - decay * U[k]) / (k + 1)
        signals.forward(terms, U[terms])
        return U, np.stack([signals.arguments(k) for k in range(terms + 1)])


class _Signals:
    """The series of all steps at `m` weight vectors (terms × m × n), extended one order at a time; without
    a cell it is that of the signs.
    """

    def __init__(self, field: ExpressionSeries, cell: Array | None, terms: int, m: int) -> None:
        self.field, self.tape, self.m, self.n = field, field.tape, m, len(field.X)
        self.sides = None if cell is None else cell.reshape(m, len(self.tape.kinks), self.n)
        steps = self.tape.steps
        shape = (terms, m, self.n)
        self.values = [np.zeros(shape) if step.moving else _constant(step, field.X) for step in steps]
        self.adjoints = {i: np.zeros(shape) for i, step in enumerate(steps) if step.moving}
        self.slopes: dict[int, Array] = {}
        self.chains: dict[int, list[Array]] = {}
        self.coefficients: dict[int, Array] = {}
        for i, step in enumerate(steps):
            if step.op in ("pow", FUSED):
                # The powers 2, ..., p - 1 of the argument, and p times the last is the slope.
                power = step.value if step.op == "pow" else step.value.power
                self.chains[i] = [self.values[step.args[0]], *(np.zeros(shape) for _ in range(power - 1))]
                self.slopes[i] = np.zeros(shape)

    def arguments(self, k: int) -> Array:
        """Order k of the kink arguments (m × kink arguments)."""
        found = [self.values[self.tape.steps[i].args[0]][k] for i in self.tape.kinks]
        return np.concatenate(found, axis=1) if found else np.zeros((self.m, 0))

    def forward(self, k: int, u: Array) -> None:
        """Order k of all steps, from that of the weights."""
        for i, step in enumerate(self.tape.steps):
            if step.moving:
                self.values[i][k] = self._value(i, step, k, u)

    def _value(self, i: int, step: Instruction, k: int, u: Array) -> Array:
        if step.op == "weight":
            return u[:, step.value, None]
        args = [self.values[a] for a in step.args]
        if step.op == "add":
            return sum(arg[k] if len(arg) > 1 or k == 0 else 0.0 for arg in args)
        if step.op == "mul":
            return self._product(step.args[0], step.args[1], k)
        chain = self.chains[i]
        for low, high in zip(chain, chain[1:], strict=False):
            high[k] = (low[: k + 1] * chain[0][k::-1]).sum(0)
        slope = chain[-2][k] * len(chain)
        if step.op == "pow":
            self.slopes[i][k] = slope
            return chain[-1][k]
        if i not in self.coefficients:
            self.coefficients[i] = self._coefficients(step, chain[0][0])
        self.slopes[i][k] = self.coefficients[i] * slope
        return self.coefficients[i] * chain[-1][k]

    def _coefficients(self, step: Instruction, argument: Array) -> Array:
        right = argument > 0 if self.sides is None else self.sides[:, step.kink] == 1.0
        return np.where(right, float(step.value.right), float(step.value.left))

    def _product(self, a: int, b: int, k: int) -> Array:
        steps, first, second = self.tape.steps, self.values[a], self.values[b]
        if not steps[a].moving:
            return first[0] * second[k]
        if not steps[b].moving:
            return first[k] * second[0]
        return (first[: k + 1] * second[k::-1]).sum(0)

    def backward(self, k: int) -> Array:
        """Order k of the gradient in the weights (m × weights)."""
        steps, adjoints = self.tape.steps, self.adjoints
        for i, own in reversed(adjoints.items()):
            if i == self.tape.results[0] and k == 0:
                own[0] += self.field.z
            for place, a in enumerate(steps[i].args):
                if a in adjoints:
                    adjoints[a][k] += self._handed_on(i, place, own, k)
        result = np.zeros((self.m, self.tape.size))
        for weight, i in self.tape.weight_steps.items():
            result[:, weight] = adjoints[i][k].sum(1)
        return result

    def _handed_on(self, i: int, place: int, own: Array, k: int) -> Array:
        """Order k of what step i with the adjoint `own` adds to that of one of its arguments."""
        step = self.tape.steps[i]
        if step.op == "add":
            return own[k]
        if step.op != "mul":
            return (own[: k + 1] * self.slopes[i][k::-1]).sum(0)
        other = step.args[1 - place]
        if not self.tape.steps[other].moving:
            return own[k] * self.values[other][0]
        return (own[: k + 1] * self.values[other][k::-1]).sum(0)


def _constant(step: Instruction, X: Array) -> Array:
    """The series of a step without weights: its value, of length 1."""
    value = np.array([[float(step.value)]]) if step.op == "number" else X[:, step.value][None]
    return value[None]


def _sizes(tape: Tape, w: Array, X: Array) -> list[Array]:
    """What the steps are at most in absolute value for weights of the sizes `w`, sample by sample."""
    values: list[Array] = []
    for step in tape.steps:
        args = [values[a] for a in step.args]
        if step.op == "number":
            value = np.full(len(X), abs(float(step.value)))
        elif step.op == "weight":
            value = np.full(len(X), w[step.value])
        elif step.op == "input":
            value = np.abs(X[:, step.value])
        elif step.op == "add":
            value = np.sum(args, axis=0)
        elif step.op == "mul":
            value = args[0] * args[1]
        elif step.op == "pow":
            value = args[0] ** step.value
        else:
            kink = step.value
            value = float(max(abs(kink.left), abs(kink.right))) * args[0] ** kink.power
        values.append(value)
    return values
