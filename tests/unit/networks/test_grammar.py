"""The grammar of expressions: Python's own parser is the oracle for precedence; refusals are quick and name
the place.
"""

import ast
import operator
import time
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.networks import tree
from certflow.networks.grammar import FUNCTIONS, MAX_LENGTH, MAX_NESTING, parse
from certflow.networks.tree import to_text
from certflow.outcome import BadInput

NAMES = ("u1", "u2", "x1", "alpha_2")
POINT = {"u1": Fraction(2, 3), "u2": Fraction(-5, 7), "x1": Fraction(3), "alpha_2": Fraction(-1, 2)}

BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
CALLS = {"abs": abs, "max": max, "min": min, "relu": lambda v: max(v, Fraction(0))}


def python_value(text):
    """The exact value of `text` at POINT, read by Python's parser."""

    def value(node):
        if isinstance(node, ast.Expression):
            return value(node.body)
        if isinstance(node, ast.Constant):
            return Fraction(ast.get_source_segment(text, node))
        if isinstance(node, ast.Name):
            return POINT[node.id]
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand) if isinstance(node.op, ast.USub) else value(node.operand)
        if isinstance(node, ast.BinOp):
            right = value(node.right)
            return BINARY[type(node.op)](
                value(node.left), int(right) if isinstance(node.op, ast.Pow) else right
            )
        return CALLS[node.func.id](*map(value, node.args))

    text = f"({text})"  # so that it may hold line breaks
    return value(ast.parse(text, mode="eval"))


def tree_value(node):
    """The exact value of a tree at POINT."""
    args = [tree_value(arg) for arg in node.args]
    if node.op in ("number", "name"):
        return node.value if node.op == "number" else POINT[node.value]
    if node.op == "add":
        return sum(args, Fraction(0))
    if node.op == "mul":
        product = Fraction(1)
        for arg in args:
            product *= arg
        return product
    return args[0] ** int(node.value) if node.op == "pow" else CALLS[node.op](*args)


numerals = st.sampled_from(["0", "1", "2", "7", "0.5", "1e-2", ".25", "3.", "12.5e1"])
atoms = st.one_of(numerals, st.sampled_from(NAMES))


def grow(inner):
    spaces = st.sampled_from(["", " ", "\n"])
    return st.one_of(
        st.tuples(inner, spaces, st.sampled_from(["+", "-", "*", "/"]), spaces, inner).map("".join),
        st.tuples(st.sampled_from(["-", "+", "- -"]), inner).map("".join),
        inner.map(lambda e: f"({e})"),
        st.tuples(inner, st.sampled_from(["2", "3", "-1", "(1+1)", "2**1"])).map(
            lambda p: f"({p[0]})**{p[1]}"
        ),
        st.tuples(atoms, st.sampled_from(["2", "-2"])).map("**".join),
        st.tuples(st.sampled_from(["abs", "relu"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(st.sampled_from(["max", "min"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
    )


texts = st.recursive(atoms, grow, max_leaves=12)


@given(texts)
@example("-x1**2")
@example("2**-1*u1/u2/x1")
@example("u1 - -u2 - (x1 - 1)")
@example("--u1**3**1")
@example("2**1**3*u1")
def test_reads_what_python_reads(text):
    try:
        node = parse(text, NAMES)
    except BadInput as error:
        assert "divides by zero" in str(error)
        return
    try:
        expected = python_value(text)
    except ZeroDivisionError:
        return  # 1/(u1 - u1) has no value, and 0*(1/(u1 - u1)) is folded to 0
    assert tree_value(node) == expected


@given(texts)
def test_text_round_trip(text):
    try:
        node = parse(text, NAMES)
    except BadInput:
        return
    again = parse(to_text(node), NAMES)
    assert again == node
    assert hash(again) == hash(node)
    assert to_text(again) == to_text(node)


names = st.sampled_from(NAMES).map(tree.name)
numbers = st.fractions(min_value=-5, max_value=5, max_denominator=7).map(tree.number)


def grow_tree(inner):
    halves = st.integers(-6, 6).filter(bool).map(lambda k: Fraction(k, 2))
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(tree.add),
        st.lists(inner, min_size=2, max_size=3).map(tree.mul),
        st.tuples(inner.filter(lambda n: not n.is_number), halves).map(lambda p: tree.power(*p)),
        inner.map(tree.absolute),
        st.tuples(st.sampled_from(["max", "min"]), inner, inner).map(lambda p: tree.extreme(*p)),
        st.tuples(st.sampled_from(["exp", "sin", "cos", "tanh"]), inner).map(lambda p: tree.function(*p)),
    )


@given(st.recursive(st.one_of(names, numbers), grow_tree, max_leaves=15))
def test_every_tree_is_printed_so_that_it_is_read_back(node):
    assert parse(to_text(node), NAMES) == node


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("u1*abs(u2)*x1", "u1*abs(u2)*x1"),
        ("relu(u1)", "max(u1, 0)"),
        ("max(0, u1)", "max(u1, 0)"),
        ("max(u1, u2, x1)", "max(max(u1, u2), x1)"),
        ("sqrt(u1**2)", "abs(u1)"),
        ("abs(u1)**2", "u1**2"),
        ("abs(-2*u1)", "2*abs(u1)"),
        ("sqrt(4/9)*u1", "2/3*u1"),
        ("sqrt(2)*u1", "sqrt(2)*u1"),
        ("u1**0.5", "sqrt(u1)"),
        ("u1**(3/2)/u2", "u1**(3/2)/u2"),
        ("0.1*u1", "1/10*u1"),
        ("1/u2**2", "1/u2**2"),
        ("0*tanh(u1) + exp(0) - cos(0)", "0"),
        ("-(u1 - u2)", "-(u1 - u2)"),
        ("u1/(u2*x1)", "u1/(u2*x1)"),
        ("u1/u2*x1", "u1/u2*x1"),
        ("(u1/u2)**2 - (u1 + u2)*2", "(u1/u2)**2 - 2*(u1 + u2)"),
        ("max(-u1, u1)", "abs(u1)"),
        ("min(2*u1, -2*u1)", "-2*abs(u1)"),
        ("1 + u1", "u1 + 1"),
    ],
)
def test_canonical_form(text, printed):
    assert to_text(parse(text, NAMES)) == printed


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("u1*w3 + x1", 4, "unknown name w3"),
        ("alpha*u1", 1, "did you mean alpha_2?"),
        ("2*alpha_", 3, "did you mean alpha_2?"),
        ("u1*softplus(x1)", 4, "unknown function softplus"),
        ("relux(u1)", 1, "did you mean relu?"),
        ("u1^2", 3, "write \\*\\* for powers"),
        ("u1 u2", 4, "expected an operator"),
        ("2u1", 2, "expected an operator"),
        ("u1 +", 5, "the end of the text"),
        ("", 1, "empty"),
        ("(u1", 4, "to close the parenthesis"),
        ("u1)", 3, "expected an operator"),
        ("max(u1", 7, "to close max"),
        ("abs(u1, u2)", 1, "takes one argument, got 2"),
        ("max()", 5, "expected a number"),
        ("abs", 1, "abs is a function"),
        ("u1(x1)", 1, "is a name, not a function"),
        ("u1**u2", 5, "not a constant number"),
        ("u1**(1/3)", 5, "whole numbers or halves"),
        ("u1/0", 4, "divides by zero"),
        ("u1/(2-2)", 4, "divides by zero"),
        ("sqrt(-1)*u1", 1, "square root of -1"),
        ("log(0)", 1, "logarithm of 0"),
        ("u1 + 1e9999", 6, "out of range"),
        ("u1; import os", 3, "not part of the grammar"),
        ("__import__('os')", 1, "unknown function __import__"),
        ("u1.real", 3, "not part of the grammar"),
        ("lambda: u1", 7, "not part of the grammar"),
        ("u1 if u2 else x1", 4, "expected an operator"),
        ("ü*u1", 1, "not part of the grammar"),
        ("u1 = u2", 4, "not part of the grammar"),
    ],
)
def test_refusals_name_the_place_and_the_fix(text, column, message):
    with pytest.raises(BadInput, match=message) as error:
        parse(text, NAMES)
    assert str(error.value).startswith(f"network.output, column {column} (at ^ in ")
    assert "\n" not in str(error.value)


HOSTILE = {
    "power tower": "2**10**10",
    "nested powers": "((((u1**1000)**1000)**1000)**1000)",
    "nested powers of a sum": "(((u1 + 1)**999)**999)**999",
    "a power of a sum": "(x1+1)**100000",
    "a huge constant": "9**999*" * 50 + "u1",
    "a huge constant in powers": "((((7*u1)**999 + 1)**9 + 1)**9 + 1)**9",
    "a huge root": f"sqrt({'1' * 4999})*u1",
    "parentheses": "(" * 100_000 + "u1" + ")" * 100_000,
    "parentheses below the length limit": "(" * 90_000 + "u1" + ")" * 90_000,
    "signs": "-" * 100_000 + "u1",
    "calls": "abs(" * 40_000 + "u1" + ")" * 40_000,
    "exponents": "**".join(["u1"] * 50_000),
    "a megabyte": "u1+" * 350_000 + "u1",
    "a megabyte of name": "a" * 1_000_000,
    "a long name": "a" * (MAX_LENGTH - 1),
    "a long number": "1" * (MAX_LENGTH - 1),
    "a long function": "f" * (MAX_LENGTH - 10) + "(u1)",
    "spaces": " " * (MAX_LENGTH - 2) + "$",
    "a huge decimal exponent": "1e999999999999*u1",
    "not text": 7,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_quickly(text):
    start = time.process_time()
    with pytest.raises(BadInput) as error:
        parse(text, NAMES)
    assert time.process_time() - start < 2
    assert len(str(error.value)) < 400


@given(st.text(alphabet="u12x+-*/(),. eabsmxqrt\n^_\x00é", max_size=60))
def test_any_text_is_read_or_refused_in_one_sentence(text):
    try:
        assert parse(to_text(parse(text, NAMES)), NAMES) == parse(text, NAMES)
    except BadInput as error:
        assert "\n" not in str(error)


def test_long_but_honest_text_is_read():
    text = " + ".join(f"{i}*u1*x1" for i in range(10_000))
    assert len(parse(text, NAMES).args) == 9_999  # the term with 0 is gone
    assert parse("(" * (MAX_NESTING - 2) + "u1" + ")" * (MAX_NESTING - 2), NAMES) == tree.name("u1")
    with pytest.raises(BadInput, match="nested"):
        parse("(" * MAX_NESTING + "u1" + ")" * MAX_NESTING, NAMES)


def test_the_functions_are_those_of_the_documents():
    assert {"abs", "max", "min", "relu", "sqrt", "exp", "log", "sin", "cos", "tanh"} == set(FUNCTIONS)
