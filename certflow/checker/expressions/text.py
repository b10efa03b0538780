"""R15: the text of an expression in named weights and inputs, read for the samples of a problem.

    sum      = ["-"] product (("+" | "-") product)*
    product  = power (("*" | "/") power)*
    power    = atom ["**" digits]
    atom     = digits | name | ("abs" | "max" | "min") "(" sum ("," sum)* ")" | "(" sum ")"

What holds no weight is a number for each sample. All else is a sum of steps, each times such numbers; a step
is a weight, a product of two sums, or a kink step b t^p of a sum t, p >= 2 (L12.17).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from ..kernel.reading import MAX_DIGITS, Node
from ..kernel.verdicts import Clock, Refused

MAX_LENGTH, MAX_NESTING, MAX_ORDER, MAX_BITS = 20_000, 60, 64, 20_000
MAX_NUMBERS = 400_000
"""Most numbers, one per sample, that the words of a text stand for."""
MAX_HELD = 400_000_000
"""Most bits of all numbers without weights."""

_TOKEN = re.compile(
    r" *+(?:(?P<number>0(?![0-9])|[1-9][0-9]*+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<operator>\*\*|[-+*/(),])|(?P<end>\Z))"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")

_KINKS: dict[str, tuple[int, Callable[[Fraction, Fraction], Fraction]]] = {"abs": (1, max), "max": (2, max)}
_KINKS["min"] = 2, min
"""Functions: how many arguments they take, and what they choose among numbers; abs(e) is max(e, -e)."""

Numbers = list[Fraction]
"""One per sample."""


@dataclass(frozen=True)
class Sum:
    """Homogeneous in the weights of this degree: the sum of numbers times steps."""

    degree: int
    terms: list[tuple[Numbers, int]]


@dataclass(frozen=True)
class Operation:
    """A weight, if there are no factors; the product of two; or left t^power for t <= 0 and right t^power
    for t >= 0, t the one factor. `weights` are those in it, as bits.
    """

    degree: int
    weights: int
    factors: tuple[Sum, ...] = ()
    power: int = 1
    left: int = 1
    right: int = 1


@dataclass(frozen=True)
class _Bare:
    """Numbers times abs, max or min of something with weights: its gradient jumps, so that only a power of
    it is read.
    """

    name: str
    numbers: Numbers
    of: Sum


_Value = Numbers | Sum | _Bare


def is_name(text: str) -> bool:
    """Whether a weight or an input may be called so."""
    return _NAME.match(text) is not None and text not in _KINKS


class Reader:
    """The steps of one text, the weights first, and the `output` (L12.17)."""

    def __init__(
        self, node: Node, weights: list[str], inputs: dict[str, Numbers], samples: int, clock: Clock
    ) -> None:
        self.node, self.text, self.clock, self.samples = node, node.text(most=MAX_LENGTH), clock, samples
        self.inputs, self.ones = inputs, [Fraction(1)] * samples
        self.weights = {name: k for k, name in enumerate(weights)}
        self.steps = [Operation(1, 1 << k) for k in range(len(weights))]
        self.end = self.column = self.depth = self.words = self.held = 0
        self._advance()
        whole = self._sum()
        if self.kind != "end":
            self._fail("an operator or the end")
        if not isinstance(whole, Sum):
            self._refuse("the output has no weights" if isinstance(whole, list) else _jumps(whole))
        self.output = whole

    # -- text ------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        match = _TOKEN.match(self.text, self.end)
        if match is None:
            self.node.fail(f"column {self.end + 1} of the text is not in the grammar")
        self.kind, self.end = match.lastgroup or "", match.end()
        self.word, self.column = match[self.kind], match.start(self.kind) + 1
        self.words += 1
        if self.words * self.samples > MAX_NUMBERS:
            self._refuse(f"the text stands for more than {MAX_NUMBERS} numbers")

    def _fail(self, expected: str) -> NoReturn:
        self.node.fail(f"expected {expected} at column {self.column} of the text")

    def _refuse(self, reason: str) -> NoReturn:
        raise Refused("R15", self.node.where, f"{reason} (before column {self.column} of the text)")

    def _accept(self, *operators: str) -> str:
        word = self.word if self.kind == "operator" and self.word in operators else ""
        if word:
            self._advance()
        return word

    def _sum(self) -> _Value:
        sign = self._accept("-")
        total = self._signed(sign, self._product())
        while sign := self._accept("+", "-"):  # ends: a word is read
            total = self._add(total, self._signed(sign, self._product()))
        return total

    def _product(self) -> _Value:
        result = self._power()
        while operator := self._accept("*", "/"):  # ends: a word is read
            factor = self._power()
            result = self._times(result, factor if operator == "*" else self._inverse(factor))
        return result

    def _power(self) -> _Value:
        base = self._atom()
        if not self._accept("**"):
            return base
        if self.kind != "number" or len(self.word) > 5:
            self._fail("a whole exponent")
        exponent = int(self.word)
        self._advance()
        return self._raised(base, exponent)

    def _atom(self) -> _Value:
        kind, word = self.kind, self.word
        if kind == "number":
            if len(word) > MAX_DIGITS:
                self._refuse("a number is too long")
            self._advance()
            return self._kept([Fraction(int(word))] * self.samples)
        if kind == "name" and word not in _KINKS:
            self._advance()
            if word in self.weights:
                return Sum(1, [(self.ones, self.weights[word])])
            if word not in self.inputs:
                self.node.fail(
                    f"{word[:40]} before column {self.column} of the text is no weight and no input"
                )
            return self.inputs[word]
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.node.fail(f"the text is nested more than {MAX_NESTING} levels deep")
        if kind == "name":
            self._advance()
        if not self._accept("("):
            self._fail("( after a function" if kind == "name" else "a number, a name or (")
        values = [self._sum()]
        while kind == "name" and self._accept(","):  # ends: a word is read
            values.append(self._sum())
        if not self._accept(")"):
            self._fail(")")
        self.depth -= 1
        return values[0] if kind != "name" else self._kink(word, values)

    # -- meaning ---------------------------------------------------------------------------------------------

    def _kept(self, numbers: Numbers) -> Numbers:
        """These numbers, if they are not too long to work with."""
        self.clock.tick()
        bits = list(map(_bits, numbers))
        self.held += sum(bits)
        if max(bits) > 2 * MAX_BITS or self.held > MAX_HELD:
            self._refuse("the numbers are too long")
        return numbers

    def _each(self, a: Numbers, b: Numbers, what: Callable[[Fraction, Fraction], Fraction]) -> Numbers:
        return self._kept([what(u, v) for u, v in zip(a, b, strict=True)])

    def _signed(self, sign: str, value: _Value) -> _Value:
        return self._times([Fraction(-1)] * self.samples, value) if sign == "-" else value

    def _inverse(self, value: _Value) -> Numbers:
        if not isinstance(value, list):
            self._refuse("weights in a divisor are not checked")
        if not all(value):
            self._refuse("a division by zero")
        return [1 / v for v in value]

    def _weighty(self, value: Sum | _Bare) -> Sum:
        """What is used as it is must have a locally Lipschitz gradient."""
        if isinstance(value, _Bare):
            self._refuse(_jumps(value))
        return value

    def _add(self, a: _Value, b: _Value) -> _Value:
        if isinstance(a, list) and isinstance(b, list):
            return self._each(a, b, lambda u, v: u + v)
        sums = [self._weighty(value) for value in (a, b) if not isinstance(value, list)]
        numbers = [value for value in (a, b) if isinstance(value, list)]
        if any(map(any, numbers)) or len({each.degree for each in sums}) > 1:
            self._refuse("the terms of a sum have different degrees in the weights")
        return Sum(sums[0].degree, [term for each in sums for term in each.terms])

    def _times(self, a: _Value, b: _Value) -> _Value:
        if isinstance(a, list):
            return self._each(a, b, lambda u, v: u * v) if isinstance(b, list) else self._scaled(a, b)
        if isinstance(b, list):
            return self._scaled(b, a)
        a, b = self._weighty(a), self._weighty(b)
        return self._step(a.degree + b.degree, (a, b))

    def _scaled(self, numbers: Numbers, value: Sum | _Bare) -> Sum | _Bare:
        if isinstance(value, _Bare):
            return _Bare(value.name, self._each(numbers, value.numbers, lambda u, v: u * v), value.of)
        scaled = [(self._each(numbers, own, lambda u, v: u * v), k) for own, k in value.terms]
        return Sum(value.degree, scaled)

    def _raised(self, base: _Value, p: int) -> _Value:
        if isinstance(base, list):
            if (max(map(_bits, base)) - 2) * p > 2 * MAX_BITS:
                self._refuse("the numbers are too long")
            return self._kept([v**p for v in base])
        if p < 1:
            self._refuse("a power of weights is not at least 1")
        if p == 1:
            return base
        if isinstance(base, Sum):
            return self._step(base.degree * p, (base,), p)
        left, right = {"abs": ((-1) ** p, 1), "max": (0, 1), "min": (1, 0)}[base.name]
        kink = self._step(base.of.degree * p, (base.of,), p, left, right)
        return self._times(self._raised(base.numbers, p), kink)

    def _step(self, degree: int, factors: tuple[Sum, ...], p: int = 1, left: int = 1, right: int = 1) -> Sum:
        if degree > MAX_ORDER:
            self._refuse(f"a degree in the weights is above {MAX_ORDER}")
        own = 0
        for factor in factors:
            for _, k in factor.terms:
                own |= self.steps[k].weights
        self.steps.append(Operation(degree, own, factors, p, left, right))
        return Sum(degree, [(self.ones, len(self.steps) - 1)])

    def _kink(self, name: str, values: list[_Value]) -> _Value:
        count, choice = _KINKS[name]
        if len(values) != count:
            self._fail(f"{count} arguments of {name}, not {len(values)},")
        numbers = [value for value in values if isinstance(value, list)]
        if len(numbers) == count:
            other = numbers[1] if count == 2 else [-v for v in numbers[0]]
            return self._each(numbers[0], other, choice)
        sums = [self._weighty(value) for value in values if not isinstance(value, list)]
        if len(sums) != 1 or any(map(any, numbers)):
            self._refuse(f"{name} is read of numbers, or of weights and 0")
        return _Bare(name, self.ones, sums[0])


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _jumps(value: _Bare) -> str:
    return f"the gradient is not Lipschitz: {value.name} of weights without a power of 2 or more"
