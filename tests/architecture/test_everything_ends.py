"""Everything ends: no alarm interrupts the work, no handler swallows that the time is over, every loop says
what ends it.
"""

import ast
import builtins
import importlib
import re
from typing import Any

import pytest
from source_tree import Source, source, sources

from certflow.running import OutOfTime

ALLOWED = {
    "certflow.atomic": "an interruption is raised again, or ends a cleaning up in a sentence",
    "certflow.certifying": "not proved in time is a result",
    "certflow.cli.certificates": "not proved in time is a result",
    "certflow.cli.kkt": "what was proved until then is printed",
    "certflow.cli.command_line": "the outermost place: the sentence is printed",
    "certflow.experiments.trajectory": "the rows that were read are kept",
    "certflow.experiments.verify": "what was found until then is tabulated",
    "certflow.experiments.workers": "the flows that are finished are kept; processes end",
    "certflow.flow.reference.flow": "the flow is kept as far as it was followed",
    "certflow.trade_offs": "the rows until then are the result",
    "certflow.theorems.early_direction.prove": "not proved in time is a result",
    "certflow.theorems.early_direction_power_1.prove": "not proved in time is a result",
}
"""Module -> why it may catch `OutOfTime` without raising it again."""

ALARM = re.compile(r"\b(SIGALRM|setitimer|interrupt_main|PyThreadState_SetAsyncExc)\b|signal\.alarm\b")

ENDS = re.compile(r"# ends: \w")


def alarms(file: Source) -> list[str]:
    """Ways to raise an exception in work from outside."""
    return [f"{file.path}:{i}" for i, line in enumerate(file.text.splitlines(), 1) if ALARM.search(line)]


def unexplained_loops(file: Source) -> list[str]:
    """The `while` loops without a comment `# ends: ...`, on their first line or above it, that says what
    makes them end.
    """
    lines = ["", *file.text.splitlines()]
    loops = [node.lineno for node in ast.walk(file.tree) if isinstance(node, ast.While)]
    return [
        f"{file.path}:{i} `# ends: ...`"
        for i in loops
        if not ENDS.search(lines[i]) and not ENDS.search(lines[i - 1])
    ]


def swallowing(file: Source) -> list[str]:
    """The places that catch `OutOfTime`, by whatever name, and do not raise it again."""
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler):
            again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if not again and any(_catches(file, each) for each in _alternatives(node.type)):
                found.append(f"{file.path}:{node.lineno}")
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
            found += [f"{file.path}:{node.lineno}" for each in node.args if _catches(file, each)]
    return found


def _alternatives(caught: ast.expr | None) -> list[ast.expr | None]:
    return list(caught.elts) if isinstance(caught, ast.Tuple) else [caught]


def _catches(file: Source, caught: ast.expr | None) -> bool:
    """Whether `except caught` catches `OutOfTime`; names that only a function imports are known by their last
    part.
    """
    if caught is None:
        return True
    name = ast.unparse(caught)
    try:
        value: Any = importlib.import_module(file.name)
        for part in name.split("."):
            value = (
                getattr(builtins, part) if value is None or not hasattr(value, part) else getattr(value, part)
            )
    except (ImportError, AttributeError):
        return name.split(".")[-1] in ("OutOfTime", "CertflowError", "Exception", "BaseException")
    return issubclass(OutOfTime, value)


def outside_the_checker() -> list[Source]:
    return [file for file in sources() if not file.name.startswith("certflow.checker")]


@pytest.mark.parametrize("rule", [alarms, unexplained_loops], ids=lambda rule: rule.__name__)
def test_no_source_file_breaks_the_rule_of_endings(rule):
    assert [line for file in outside_the_checker() for line in rule(file)] == []


def test_only_these_modules_keep_what_was_found_in_time_instead_of_raising():
    found = {file.name: swallowing(file) for file in outside_the_checker()}
    assert {name: places for name, places in found.items() if places and name not in ALLOWED} == {}


# -- the rules can fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (alarms, "import signal\nsignal.setitimer(signal.ITIMER_REAL, 1)"),
        (alarms, "import signal\nsignal.alarm(1)"),
        (unexplained_loops, "while x:\n    x -= 1"),
        (unexplained_loops, "while x:  # ends:\n    x -= 1"),
        (swallowing, "try:\n    f()\nexcept:\n    pass"),
        (swallowing, "try:\n    f()\nexcept Exception:\n    pass"),
        (
            swallowing,
            "try:\n    f()\nexcept (ValueError, BaseException) as error:\n    raise ValueError from error",
        ),
        (
            swallowing,
            "from certflow.outcome import CertflowError\ntry:\n    f()\nexcept CertflowError:\n    pass",
        ),
        (swallowing, "import contextlib\nwith contextlib.suppress(OSError, Exception):\n    f()"),
    ],
)
def test_broken_rules_of_endings_are_noticed(rule, text):
    assert rule(source(text))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (unexplained_loops, "while x:  # ends: x falls\n    x -= 1"),
        (unexplained_loops, "# ends: x falls\nwhile x:\n    x -= 1"),
        (swallowing, "try:\n    f()\nexcept BaseException:\n    g()\n    raise"),
        (
            swallowing,
            "from certflow.outcome import Inconclusive\ntry:\n    f()\nexcept (Inconclusive, "
            "ArithmeticError):\n    pass",
        ),
        (swallowing, "try:\n    f()\nexcept OSError:\n    pass"),
    ],
)
def test_what_ends_is_not_noticed(rule, text):
    assert rule(source(text)) == []


def test_names_of_kinds_of_errors_are_looked_up():
    text = "CANNOT = (ValueError,)\ntry:\n    f()\nexcept CANNOT_EVALUATE:\n    pass"
    assert swallowing(source(text, "certflow.kkt.cover.enclosures")) == []
