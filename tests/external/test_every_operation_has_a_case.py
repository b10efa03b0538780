"""Every public operation of the arithmetics is called by a conformance test: a new one without cases fails
here.
"""

from __future__ import annotations

import ast
from inspect import getattr_static, isfunction
from pathlib import Path

import pytest

from certflow.arithmetic import directed, doubles, midpoint_radius
from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.midpoint_radius import MidRad, MidRadArithmetic
from certflow.checker.kernel import numbers

HERE = Path(__file__).parent

MACHINERY = {"__init__", "__repr__", "__hash__", "__copy__", "__deepcopy__", "__reduce_ex__"}
"""What has no numbers for a result; constructors are called by the name of their class."""

SPELLINGS = {
    "__abs__": {"abs"},
    "__array__": {"asarray"},
    "__array_function__": {"concatenate"},
    "__bool__": {"bool"},
    "__eq__": {"eq"},
    "__getitem__": {"[]"},
    "__iter__": {"for"},
    "__len__": {"len"},
    "__matmul__": {"@"},
    "__neg__": {"-x"},
    "__pow__": {"**"},
    "__reduce__": {"pickle"},
    "__setitem__": {"[]="},
    "__str__": {"str"},
}
"""How operations are called otherwise than by their name."""


def operations(owner: type) -> list[str]:
    """The public methods and properties of a class, its inherited and special ones included, in order."""
    names = {name for base in owner.__mro__ if base.__module__.startswith("certflow") for name in vars(base)}
    called = {
        name
        for name in names
        if callable(getattr(owner, name)) or isinstance(getattr_static(owner, name), property)
    }
    return sorted(name for name in called - MACHINERY if name.startswith("__") or not name.startswith("_"))


def functions(module: object) -> list[str]:
    """The public functions that a module defines, in order."""
    return sorted(
        name
        for name, value in vars(module).items()
        if isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    )


def spoken(tree: ast.Module) -> set[str]:
    """The operations that a file of tests names or writes: attributes, names, texts that are names, and
    operators.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                found.add(name)
            case ast.Constant(value=str(name)) if name.isidentifier():
                found.add(name)
            case ast.BinOp(op=ast.Pow()):
                found.add("**")
            case ast.BinOp(op=ast.MatMult()):
                found.add("@")
            case ast.UnaryOp(op=ast.USub(), operand=ast.Name()):
                found.add("-x")
            case ast.Subscript(ctx=ast.Store()):
                found.add("[]=")
            case ast.Subscript():
                found.add("[]")
            case ast.For() | ast.comprehension():
                found.add("for")
    return found


def without_cases(wanted: list[str], tree: ast.Module) -> list[str]:
    """The operations that a file of tests does not use."""
    there = spoken(tree)
    return [name for name in wanted if not ({name} | SPELLINGS.get(name, set())) & there]


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        ([*operations(Ball), "Ball"], "test_ball_conformance.py"),
        ([*operations(BallArithmetic), "BallArithmetic"], "test_ball_conformance.py"),
        ([*operations(MidRad), "MidRad"], "test_midpoint_radius_conformance.py"),
        ([*operations(MidRadArithmetic), *functions(midpoint_radius)], "test_midpoint_radius_conformance.py"),
        (functions(directed), "test_directed_conformance.py"),
        (functions(numbers), "test_checker_numbers_conformance.py"),
    ],
    ids=["Ball", "BallArithmetic", "MidRad", "MidRadArithmetic", "directed", "checker numbers"],
)
def test_every_operation_has_a_case(wanted, file):
    assert without_cases(wanted, ast.parse((HERE / file).read_text("utf-8"))) == []


def test_the_lists_are_not_empty_and_hold_inherited_operations():
    assert {"__add__", "sqrt", "interval", "less_equal", "__le__", "bits", "text"} <= set(operations(Ball))
    assert {"__matmul__", "T", "norm_upper", "exact"} <= set(operations(MidRad))
    assert {"array", "sign", "exp", "hull"} <= set(operations(MidRadArithmetic))
    assert {"log_bounds", "times"} <= set(functions(numbers)) and "power_down" in functions(directed)
    assert functions(doubles) == ["check_finite", "doubles", "logarithm", "nearest"]


def test_an_operation_without_cases_is_noticed():
    class Wider(Ball):
        __module__ = "certflow.example"

        def tangent(self) -> Ball:
            return self.sin() / self.cos()

    tree = ast.parse((HERE / "test_ball_conformance.py").read_text("utf-8"))
    assert without_cases(operations(Wider), tree) == ["tangent"]
