"""The tables of the mutation tests speak of code that is there: nothing is left out of them, nothing excused
that has gone.
"""

import ast
import re
import tomllib
from typing import Any

import pytest
from source_tree import ROOT, Source, source, sources

TARGETS = tomllib.loads((ROOT / "benchmarks" / "mutants.toml").read_text())
EQUIVALENT = tomllib.loads((ROOT / "benchmarks" / "mutants_equivalent.toml").read_text())


def functions(files: tuple[Source, ...]) -> dict[str, list[str]]:
    """The texts of all functions, methods as Class.method; lines stripped and joined, as the tables write
    them.
    """
    found: dict[str, list[str]] = {}
    for file in files:
        lines = file.text.splitlines()
        for node in ast.walk(file.tree):
            members = (
                [(f"{node.name}.", entry) for entry in node.body] if isinstance(node, ast.ClassDef) else []
            )
            members += [("", entry) for entry in node.body] if isinstance(node, ast.Module) else []
            for prefix, entry in members:
                if isinstance(entry, ast.FunctionDef):
                    text = " ".join(line.strip() for line in lines[entry.lineno - 1 : entry.end_lineno])
                    found.setdefault(prefix + entry.name, []).append(text)
    return found


def stale(entries: list[dict[str, Any]], files: tuple[Source, ...]) -> list[str]:
    """The excused mutants whose function is gone or no longer holds the text."""
    known = functions(files)
    return [
        f"{e['function']}: {e['old']}"
        for e in entries
        if not any(e["old"] in text for text in known.get(e["function"], []))
    ]


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_file_and_every_test_of_a_target_is_there(target):
    groups = TARGETS[target]["groups"]
    names = [file for group in groups for file in group["files"]]
    assert len(set(names)) == len(names)
    assert [name for name in names if not (ROOT / name).is_file()] == []
    tests = [pattern for table in (TARGETS[target], *groups) for pattern in table.get("tests", [])]
    assert [pattern for pattern in tests if not list(ROOT.glob(pattern))] == []


def test_the_whole_checker_is_mutated():
    names = {file for group in TARGETS["checker"]["groups"] for file in group["files"]}
    checker = [file for file in sources() if file.name.startswith("certflow.checker")]
    assert {file.path for file in checker if len(file.tree.body) > 1} <= names


def test_excused_mutants_are_changes_of_code_that_is_there_with_a_reason():
    entries = EQUIVALENT.get("survivor", [])
    assert stale(entries, sources()) == []
    assert [
        e for e in entries if len(e["reason"]) < 20 or not e["reason"].endswith(".") or e["old"] == e["new"]
    ] == []
    for rule in EQUIVALENT["rule"]:
        re.compile(rule["without"])


def test_a_stale_excuse_is_seen():
    file = source("class A:\n    def f(self, x):\n        return (x\n            + 1)\n")
    assert stale([{"function": "A.f", "old": "return (x + 1)"}], (file,)) == []
    assert stale([{"function": "A.f", "old": "return x"}, {"function": "f", "old": "+ 1"}], (file,)) == [
        "A.f: return x",
        "f: + 1",
    ]
