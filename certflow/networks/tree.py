"""Expression trees: exact, immutable, bounded in every size, and printed as text that the grammar reads back.

The functions here are the only way to build trees, and they keep them in one canonical form: sums and
products are flat, numbers are folded into one exact rational per sum or product, powers have constant
exponents. Nothing is expanded or reordered, so that messages about an expression show it as its author wrote
it. Nothing is evaluated that could fill the memory: every limit is checked before the work is done.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from certflow.exact import MAX_DIGITS, format_rational
from certflow.outcome import BadInput

MAX_DEPTH = 100
"""Levels of a tree; recursion over trees stays far from Python's limit."""

MAX_SIZE = 100_000
"""Nodes of a tree, written out."""

MAX_EXPONENT = 1_000
"""Largest exponent, in absolute value."""

MAX_DEGREE = 10_000
"""Largest degree a tree would have as a polynomial, nested powers multiplied."""

_MAX_BITS = 4 * MAX_DIGITS
_MAX_FORMAL_BITS = 64 * MAX_DIGITS
_MAX_ROOT_BITS = 256

KINKS = ("abs", "max", "min")
"""Operations that are not smooth where their kink argument (e, or a - b) is zero."""

TRANSCENDENTAL = ("exp", "log", "sin", "cos", "tanh")
"""Functions that are not homogeneous in their argument."""


class Node:
    """One operation of a tree: `op` on `args`, with `value` the number, the name, or the exponent.

    op is "number", "name", "add", "mul", "pow", one of `KINKS` or one of `TRANSCENDENTAL`. Equal trees are
    equal and hash alike; `names` are the names that occur. `degree` and `bits` bound the degree and the size
    of coefficients if everything were multiplied out.
    """

    __slots__ = ("op", "args", "value", "names", "depth", "size", "degree", "bits", "_hash")

    def __init__(self, op: str, args: tuple[Node, ...] = (), value: Any = None) -> None:
        self.op, self.args, self.value = op, args, value
        self.names: frozenset[str] = (
            frozenset((value,)) if op == "name" else frozenset().union(*(a.names for a in args))
        )
        self.depth: int = 1 + max((a.depth for a in args), default=0)
        self.size: int = 1 + sum(a.size for a in args)
        self.degree, self.bits = _formal_size(op, args, value)
        self._hash = hash((op, args, value))
        if self.depth > MAX_DEPTH:
            raise BadInput(
                f"the expression is nested more than {MAX_DEPTH} levels deep; name fewer operations inside "
                f"each other."
            )
        if self.size > MAX_SIZE:
            raise BadInput(f"the expression has more than {MAX_SIZE} operations; write a smaller one.")
        if self.degree > MAX_DEGREE or self.bits > _MAX_FORMAL_BITS:
            raise BadInput(
                f"the powers inside each other are too large; at most degree {MAX_DEGREE} is read."
            )

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Node) or self._hash != other._hash:
            return False
        return self.op == other.op and self.value == other.value and self.args == other.args

    def __reduce__(self) -> tuple[Any, ...]:
        # Built anew when unpickled: hashes of text differ from process to process.
        return Node, (self.op, self.args, self.value)

    def __repr__(self) -> str:
        return f"<{to_text(self)}>"

    @property
    def is_number(self) -> bool:
        """Whether this is an exact constant."""
        return self.op == "number"


def _formal_size(op: str, args: tuple[Node, ...], value: Any) -> tuple[Fraction, int]:
    """(degree, bits of the coefficients) if the tree were multiplied out: upper bounds, up to a few bits per
    sum.
    """
    if op == "number":
        return Fraction(0), value.numerator.bit_length() + value.denominator.bit_length()
    if op == "name":
        return Fraction(1), 0
    if op == "mul":
        return sum((a.degree for a in args), Fraction(0)), sum(a.bits for a in args)
    if op == "pow":
        return args[0].degree * abs(value), args[0].bits * math.ceil(abs(value))
    return max(a.degree for a in args), max(a.bits for a in args) + len(args).bit_length()


# -- building ------------------------------------------------------------------------------------------------


def number(value: Fraction | int) -> Node:
    """An exact constant; `BadInput` if it has too many digits."""
    exact = Fraction(value)
    if max(exact.numerator.bit_length(), exact.denominator.bit_length()) > _MAX_BITS:
        raise BadInput(f"a constant in the expression has more than {MAX_DIGITS} digits.")
    return Node("number", value=exact)


def name(text: str) -> Node:
    """A weight or an input."""
    return Node("name", value=text)


ZERO, ONE = number(0), number(1)


def add(terms: Iterable[Node]) -> Node:
    """The sum, flat, its constant last."""
    flat, constant = [], Fraction(0)
    for term in terms:
        for part in term.args if term.op == "add" else (term,):
            if part.is_number:
                constant = number(constant + part.value).value
            else:
                flat.append(part)
    if constant or not flat:
        flat.append(number(constant))
    return flat[0] if len(flat) == 1 else Node("add", tuple(flat))


def mul(factors: Iterable[Node]) -> Node:
    """The product, flat, its constant first."""
    flat, constant = [], Fraction(1)
    for factor in factors:
        for part in factor.args if factor.op == "mul" else (factor,):
            if part.is_number:
                constant = number(constant * part.value).value
            else:
                flat.append(part)
    if not constant:
        return ZERO
    if constant != 1 or not flat:
        flat.insert(0, number(constant))
    return flat[0] if len(flat) == 1 else Node("mul", tuple(flat))


def negative(node: Node) -> Node:
    """-node."""
    return mul((number(-1), node))


def split_coefficient(node: Node) -> tuple[Fraction, Node]:
    """(c, rest) with node = c * rest, c the constant in front."""
    if node.is_number:
        return node.value, ONE
    if node.op == "mul" and node.args[0].is_number:
        return node.args[0].value, mul(node.args[1:])
    return Fraction(1), node


def power(base: Node, exponent: Fraction | int) -> Node:
    """base ** exponent for a whole exponent, or a half (a root); `BadInput` for others, too large ones, and
    1/0.
    """
    e = Fraction(exponent)
    if e.denominator > 2:
        raise BadInput(
            f"the exponent {format_rational(e)} is not supported; exponents are whole numbers or halves such "
            f"as 1/2."
        )
    if abs(e) > MAX_EXPONENT:
        raise BadInput(f"the exponent {_shown(e)} is too large; exponents up to {MAX_EXPONENT} are read.")
    if e == 0:
        return ONE
    if e == 1:
        return base
    if base.is_number:
        folded = _number_power(base.value, e)
        return Node("pow", (base,), e) if folded is None else folded
    if base.op == "pow":
        inner = base.value
        if e.denominator == 1 or (inner.denominator == 1 and inner % 2 == 1):
            return power(base.args[0], _small(inner * e))
        if inner.denominator == 1:
            return power(absolute(base.args[0]), _small(inner * e))  # sqrt(b**2) is abs(b)
    if base.op == "abs" and e.denominator == 1 and e % 2 == 0:
        return power(base.args[0], e)
    return Node("pow", (base,), e)


def _small(exponent: Fraction) -> Fraction:
    if abs(exponent) > MAX_EXPONENT:
        raise BadInput(
            f"the powers inside each other are too large; exponents up to {MAX_EXPONENT} are read."
        )
    return exponent


def _number_power(value: Fraction, e: Fraction) -> Node | None:
    """value ** e as a constant, or None if it is irrational."""
    if value == 0 and e < 0:
        raise BadInput("the expression divides by zero.")
    if e.denominator == 2:
        if value < 0:
            raise BadInput(f"the square root of {_shown(value)} is not a real number.")
        root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
        if root * root != value:
            if value.numerator * value.denominator >> _MAX_ROOT_BITS:
                raise BadInput("the square root of such a long number is not supported; give a shorter one.")
            return None
        return _number_power(root, 2 * e)
    if (
        abs(e) * max(value.numerator.bit_length(), value.denominator.bit_length()) > 2 * _MAX_BITS
        and abs(value) != 1
    ):
        raise BadInput(f"a constant in the expression has more than {MAX_DIGITS} digits.")
    return number(value ** int(e))


def absolute(arg: Node) -> Node:
    """abs(arg), constants in front taken out."""
    if arg.is_number:
        return number(abs(arg.value))
    coefficient, rest = split_coefficient(arg)
    if coefficient != 1:
        return mul((number(abs(coefficient)), absolute(rest)))
    if arg.op == "abs" or (arg.op == "pow" and (arg.value.denominator == 2 or arg.value % 2 == 0)):
        return arg
    return Node("abs", (arg,))


def extreme(op: str, a: Node, b: Node) -> Node:
    """max(a, b) or min(a, b), as `op` says, a constant second; max(e, -e) is abs(e), and an argument that
    occurs twice, also in a max inside a max, counts once.
    """
    if a.is_number and b.is_number:
        return a if (a.value > b.value) == (op == "max") else b
    mine, others = arguments(op, a), arguments(op, b)
    if set(others) <= set(mine):
        return a
    if set(mine) <= set(others):
        return b
    if set(mine) & set(others):
        return extreme(op, a, extreme_of(op, [arg for arg in others if arg not in mine]))
    (c, first), (d, second) = split_coefficient(a), split_coefficient(b)
    if first == second and c == -d:
        return absolute(a) if op == "max" else negative(absolute(a))
    return Node(op, (b, a) if a.is_number else (a, b))


def arguments(op: str, node: Node) -> list[Node]:
    """The arguments of nested operations `op`, each once; the node itself if it is another operation."""
    found: dict[Node, None] = {}
    waiting = [node]
    while waiting:  # ends: every node of the tree is taken once for each place in it
        each = waiting.pop()
        if each.op == op:
            waiting += reversed(each.args)
        else:
            found[each] = None
    return list(found)


def extreme_of(op: str, args: Sequence[Node]) -> Node:
    """max or min of at least one argument, as a balanced tree of pairs."""
    if len(args) == 1:
        return args[0]
    half = (len(args) + 1) // 2
    return extreme(op, extreme_of(op, args[:half]), extreme_of(op, args[half:]))


def function(op: str, arg: Node) -> Node:
    """exp, log, sin, cos or tanh of `arg`; their one rational value at a rational is folded."""
    if arg.is_number:
        if op == "log" and arg.value <= 0:
            raise BadInput(f"the logarithm of {_shown(arg.value)} is not a real number.")
        if arg.value == (1 if op == "log" else 0):
            return ONE if op in ("exp", "cos") else ZERO
    return Node(op, (arg,))


def rebuilt(node: Node, args: Sequence[Node]) -> Node:
    """The operation of `node` on other arguments."""
    if node.op == "add":
        return add(args)
    if node.op == "mul":
        return mul(args)
    if node.op == "pow":
        return power(args[0], node.value)
    if node.op == "abs":
        return absolute(args[0])
    if node.op in KINKS:
        return extreme(node.op, args[0], args[1])
    return function(node.op, args[0]) if args else node


def substituted(node: Node, values: dict[str, Node]) -> Node:
    """The tree with the names in `values` replaced."""
    if node.names.isdisjoint(values):
        return node
    if node.op == "name":
        return values[node.value]
    return rebuilt(node, [substituted(arg, values) for arg in node.args])


def _shown(value: Fraction) -> str:
    text = format_rational(value)
    return text if len(text) <= 40 else text[:37] + "..."


# -- printing ------------------------------------------------------------------------------------------------

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


def to_text(node: Node) -> str:
    """Text that the grammar reads back to an equal tree."""
    return _print(node)[0]


def short_text(node: Node, length: int = 60) -> str:
    """`to_text`, shortened in the middle for messages."""
    if node.size > 50 * length:
        return f"an expression of {node.size} operations"
    text = to_text(node)
    if len(text) <= length:
        return text
    half = (length - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def _print(node: Node) -> tuple[str, int]:
    """(text, binding strength of its outermost operation)."""
    if node.op == "name":
        return node.value, _ATOM
    if node.op == "number":
        text = format_rational(node.value)
        return text, _SUM if text.startswith("-") else _PRODUCT if "/" in text else _ATOM
    if node.op == "add":
        first, *others = (_print(term)[0] for term in node.args)
        return first + "".join(f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in others), _SUM
    if node.op == "mul":
        return _print_product(node.args)
    if node.op == "pow":
        return _print_product((node,)) if node.value < 0 else _print_power(node.args[0], node.value)
    return f"{node.op}({', '.join(_print(a)[0] for a in node.args)})", _ATOM


def _print_product(factors: tuple[Node, ...]) -> tuple[str, int]:
    coefficient = factors[0].value if factors[0].is_number else Fraction(1)
    rest = factors[1:] if factors[0].is_number else factors
    sign = "-" if coefficient < 0 else ""
    text = format_rational(abs(coefficient)) if abs(coefficient) != 1 else ""
    for factor in rest:
        divided = factor.op == "pow" and factor.value < 0
        part, strength = _print_power(factor.args[0], -factor.value) if divided else _print(factor)
        if strength < _POWER:
            part = f"({part})"
        text = f"{text or '1'}/{part}" if divided else f"{text}*{part}" if text else part
    return sign + text, _SUM if sign else _PRODUCT


def _print_power(base: Node, exponent: Fraction) -> tuple[str, int]:
    if exponent == 1:
        return _print(base)
    text, strength = _print(base)
    if exponent == Fraction(1, 2):
        return f"sqrt({text})", _ATOM
    if strength < _ATOM:
        text = f"({text})"
    return f"{text}**{exponent}" if exponent.denominator == 1 else f"{text}**({exponent})", _POWER
