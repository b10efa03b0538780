"""A small grammar for expressions in problem files. Nothing is evaluated as code; every size is bounded.

    sum      = product (("+" | "-") product)*
    product  = unary (("*" | "/") unary)*
    unary    = ("+" | "-") unary | power
    power    = atom ["**" unary]             right associative; the exponent is a constant
    atom     = number | name | function "(" sum ("," sum)* ")" | "(" sum ")"

Names are the declared weights and inputs; functions are `FUNCTIONS`. Precedence is Python's: `-x**2` is
`-(x**2)`.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, NoReturn

from certflow.exact import number
from certflow.networks import tree
from certflow.networks.tree import Node
from certflow.outcome import BadInput

MAX_LENGTH = 200_000
"""Longest accepted text, in characters."""

MAX_NESTING = 64
"""Parentheses, signs and exponents inside each other."""

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<operator>\*\*|[-+*/(),])|(?P<end>\Z))"
)

_UNARY: dict[str, Callable[[Node], Node]] = {
    "abs": tree.absolute,
    "relu": lambda arg: tree.extreme("max", arg, tree.ZERO),
    "sqrt": lambda arg: tree.power(arg, Fraction(1, 2)),
    **{op: functools.partial(tree.function, op) for op in tree.TRANSCENDENTAL},
}
_MANY = ("max", "min")

FUNCTIONS = (*_UNARY, *_MANY)
"""The functions an expression may use; `max` and `min` take one argument or more, the others one."""


def parse(text: str, names: Iterable[str], where: str = "network.output") -> Node:
    """The tree of `text`, in which only `names` may occur.

    Raises `BadInput` with the column for anything else: unknown names (with the nearest known one), unknown
    functions, missing operators, exponents that are not constant, and texts, nestings, numbers or powers too
    large.
    """
    if not isinstance(text, str):
        raise BadInput(f"{where}: expected the expression as text, got {type(text).__name__}.")
    if len(text) > MAX_LENGTH:
        raise BadInput(
            f"{where}: an expression of {len(text)} characters is too long; at most {MAX_LENGTH} are read."
        )
    return _Parser(text, frozenset(names), where).whole()


class _Parser:
    def __init__(self, text: str, names: frozenset[str], where: str) -> None:
        self.text, self.names, self.where = text, names, where
        self.depth = 0
        self.end = 0
        self.advance()

    # -- tokens ----------------------------------------------------------------------------------------------

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.end)
        if match is None:
            self.start = self.end + len(self.text[self.end :]) - len(self.text[self.end :].lstrip())
            self.fail(
                f"the character {self.text[self.start]!r} is not part of the grammar{self._character_hint()}"
            )
        self.kind = match.lastgroup or "end"
        self.start, self.end = match.span(self.kind)
        self.token = match[self.kind]

    def _character_hint(self) -> str:
        return (
            "; write ** for powers"
            if self.text[self.start] == "^"
            else "; use numbers, names, + - * / ** ( ) and ,"
        )

    def fail(self, problem: str) -> NoReturn:
        before, after = (
            self.text[max(0, self.start - 20) : self.start],
            self.text[self.start : self.start + 20],
        )
        dots = "..." if self.start > 20 else "", "..." if self.start + 20 < len(self.text) else ""
        marked = f"{dots[0]}{before}^{after}{dots[1]}".replace("\n", " ")
        raise BadInput(f"{self.where}, column {self.start + 1} (at ^ in '{marked}'): {problem}.")

    def build(self, at: int, make: Callable[..., Node], *args: Any) -> Node:
        """A tree, with the column of position `at` in the error if it is refused."""
        try:
            return make(*args)
        except BadInput as error:
            self.start = at
            self.fail(str(error).rstrip("."))

    def accept(self, *operators: str) -> str | None:
        if self.kind == "operator" and self.token in operators:
            token = self.token
            self.advance()
            return token
        return None

    def expect(self, operator: str, what: str) -> None:
        if self.accept(operator) is None:
            self.fail(f"expected {operator!r} {what}, found {self._found()}")

    def _found(self) -> str:
        return (
            "the end of the text"
            if self.kind == "end"
            else repr(self.token if len(self.token) <= 30 else self.token[:27] + "...")
        )

    # -- the grammar -----------------------------------------------------------------------------------------

    def whole(self) -> Node:
        if self.kind == "end":
            self.fail("the expression is empty; write the output in terms of the weights and inputs")
        result = self.sum()
        if self.kind != "end":
            self.fail(f"expected an operator or the end, found {self._found()}")
        return result

    def sum(self) -> Node:
        start = self.start
        terms = [self.product()]
        while operator := self.accept("+", "-"):  # ends: a token is read
            at = self.start
            term = self.product()
            terms.append(term if operator == "+" else self.build(at, tree.negative, term))
        return terms[0] if len(terms) == 1 else self.build(start, tree.add, terms)

    def product(self) -> Node:
        start = self.start
        factors = [self.unary()]
        while operator := self.accept("*", "/"):  # ends: a token is read
            at = self.start
            factor = self.unary()
            factors.append(factor if operator == "*" else self.build(at, tree.power, factor, -1))
        return factors[0] if len(factors) == 1 else self.build(start, tree.mul, factors)

    def unary(self) -> Node:
        start = self.start
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail(
                f"the expression is nested more than {MAX_NESTING} levels deep; use fewer parentheses or "
                f"signs in a row"
            )
        operator = self.accept("+", "-")
        result = self.power() if operator is None else self.unary()
        self.depth -= 1
        return self.build(start, tree.negative, result) if operator == "-" else result

    def power(self) -> Node:
        base = self.atom()
        if self.accept("**") is None:
            return base
        start = self.start
        exponent = self.unary()
        if not exponent.is_number:
            self.start = start
            self.fail(
                f"the exponent {tree.short_text(exponent)} is not a constant number; powers need constant "
                f"exponents"
            )
        return self.build(start, tree.power, base, exponent.value)

    def atom(self) -> Node:
        kind, token, start = self.kind, self.token, self.start
        if kind == "number":
            result = self.build(start, lambda: tree.number(number(token)))
            self.advance()
            return result
        if kind == "name":
            self.advance()
            if self.kind == "operator" and self.token == "(":
                return self.call(token, start)
            if token not in self.names:
                self.start = start
                self.fail(self._unknown_name(token))
            return tree.name(token)
        if self.accept("(") is None:
            self.fail(f"expected a number, a name or '(', found {self._found()}")
        inside = self.sum()
        self.expect(")", "to close the parenthesis")
        return inside

    def call(self, name: str, start: int) -> Node:
        if name not in FUNCTIONS:
            self.start = start
            if name in self.names:
                self.fail(f"{name} is a name, not a function; write * to multiply")
            near = difflib.get_close_matches(name[:64], FUNCTIONS, 1)
            self.fail(
                f"unknown function {_cut(name)}{f'; did you mean {near[0]}?' if near else ''} (known: "
                f"{', '.join(FUNCTIONS)})"
            )
        self.advance()
        args = [self.sum()]
        while self.accept(","):  # ends: a token is read
            args.append(self.sum())
        self.expect(")", f"to close {name}(")
        if name in _MANY:
            return self.build(start, tree.extreme_of, name, args)
        if len(args) != 1:
            self.start = start
            self.fail(f"{name} takes one argument, got {len(args)}")
        return self.build(start, _UNARY[name], args[0])

    def _unknown_name(self, token: str) -> str:
        if token in FUNCTIONS:
            return f"{token} is a function; write {token}(...)"
        near = difflib.get_close_matches(token[:64], sorted(self.names)[:2000], 1, 0.4)
        known = ", ".join(sorted(self.names)[:10]) + (", ..." if len(self.names) > 10 else "")
        hint = f"did you mean {near[0]}?" if near else "declare it under weights or inputs"
        return f"unknown name {_cut(token)}; {hint} (known: {known})"


def _cut(token: str) -> str:
    return token if len(token) <= 30 else token[:27] + "..."
