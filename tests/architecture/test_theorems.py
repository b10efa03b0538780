"""A theorem is two folders and two lines in registries: commands, records and pages know none by name."""

import ast
import json
from importlib import import_module

import pytest
from click.testing import CliRunner
from source_tree import Source, source, sources
from theorem_files import asked_of

import certflow
from certflow.checker import registry as checkers
from certflow.cli.commands import main
from certflow.theorems import registry
from certflow.theorems.setting import WARNING

KNOW_THEOREMS = ("certflow.theorems.", "certflow.checker.")
"""Where statements are named: in the folders of the theorems, and in the two registries."""

PROVER = {
    "__init__": "",
    "claim": """
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Claim:
    statement: ClassVar[str] = "labels"
    assumptions: ClassVar[tuple[str, ...]] = ("The labels are those in the file.",)
    problem_sha256: str
    count: int

    @classmethod
    def from_json(cls, table):
        return cls(table["problem_sha256"], table["count"])

    def to_json(self):
        return {
            "statement": self.statement,
            "assumptions": list(self.assumptions),
            "problem_sha256": self.problem_sha256,
            "count": self.count,
        }
""",
    "prove": """
from certflow.outcome import Outcome
from certflow.theorems.certified import Certified
from labels_proved.claim import Claim

def certify(problem, progress=None):
    return Certified(problem, Outcome.PROVED, claim=Claim(problem.sha256, problem.n))
""",
    "certificate": """
from certflow.certificates import sealed

def certificate(found):
    return sealed(found.problem, found.claim, {"evidence": []}, None)
""",
    "words": """
from certflow.tables import Column, Table

def paragraph(claim):
    return f"There are {claim.count} labels."

def table(claim):
    found = Table("Labels", [Column("count")])
    found.add(str(claim.count))
    return found

def points(claim):
    return Table("No points", [Column("point")])

def answer_tables(answer):
    return [table(answer.claim)]
""",
    "paper": """
def latex(claim, problem, sha256):
    return f"There are ${claim.count}$ labels."
""",
    "query": """
from dataclasses import dataclass
from labels_proved.claim import Claim

@dataclass(frozen=True)
class Answer:
    claim: Claim
    delta: str

    def to_json(self):
        return {"delta": self.delta, "count": self.claim.count}

def query(claim, delta, radii):
    return Answer(claim, delta)
""",
}
CHECKER = {
    "__init__": "",
    "rules": """
from certflow.checker.kernel.container import opened

ASSUMPTIONS = ("The labels are those in the file.",)

def check(content, clock):
    top, problem = opened(content, "evidence", ASSUMPTIONS, clock)
    top["claim"].fields("statement problem_sha256 assumptions count")["count"].same(len(problem.samples))
    return content["claim"]
""",
    "words": """
def sentences(claim, problem, say):
    return [f"{claim['count']} labels."]
""",
}


@pytest.fixture
def entered(tmp_path, monkeypatch):
    """A theorem about labels: two folders, and a line in each registry."""
    for name, files in (("labels_proved", PROVER), ("labels_checked", CHECKER)):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / f"{file}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry.FOLDERS, "labels", "labels_proved")
    rules, words = import_module("labels_checked.rules"), import_module("labels_checked.words")
    statement = checkers.Statement(rules.check, rules.ASSUMPTIONS, words.sentences)
    monkeypatch.setitem(checkers.STATEMENTS, "labels", statement)
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_a_theorem_that_is_entered_is_served_by_every_command(entered):
    (samples,) = {certflow.Problem.figure1().n}
    words = run("certify", "--statement", "labels")
    assert f"There are {samples} labels." in words and "Accepted by the independent checker" in words
    assert "count" in words
    record = json.loads(run("certify", "--statement", "labels", "--json"))
    assert (record["outcome"], record["checked"], record["claim"]["count"]) == ("proved", True, samples)
    assert f"There are {samples} labels." in run("show", "certificate.json")
    shown = run("show", "certificate.json", "--latex")
    assert shown == f"{WARNING}There are ${samples}$ labels."  # it is read, not checked
    made = run("certify", "--statement", "labels", "--latex")
    assert made == f"There are ${samples}$ labels."
    assert json.loads(run("show", "certificate.json", "--json"))["limits"] == []
    assert json.loads(run("query", "certificate.json", "--delta", "1", "--json")) == {
        "delta": "1",
        "count": samples,
    }
    assert "Labels" in run("query", "certificate.json", "--delta", "1")
    checked = run("check", "certificate.json")
    assert f"{samples} labels." in checked and "The labels are those in the file." in checked


@pytest.mark.parametrize("without", sorted(set(registry.FOLDERS) - set(registry.having("paper"))))
def test_latex_of_a_theorem_without_words_is_refused_with_the_statements_that_have_it(entered, without):
    result = CliRunner().invoke(main, ["certify", "--statement", without, "--latex"])
    assert result.exit_code == 2
    able = ", ".join(registry.having("paper"))
    assert f"--latex: there is no LaTeX theorem of {without}, only of {able}; leave it out." in result.stderr


@pytest.mark.parametrize("option", ["epsilon", "delta_bar"])
def test_a_number_that_a_theorem_does_not_have_is_refused(entered, option):
    given = f"--{option.replace('_', '-')}"
    result = CliRunner().invoke(main, ["certify", "--statement", "labels", given, "1/20"])
    assert result.exit_code == 2
    assert f"{option}: the statement labels has no such number" in result.stderr


def test_an_unknown_statement_is_refused_with_those_that_are_known():
    result = CliRunner().invoke(main, ["certify", "--statement", "fermat"])
    assert result.exit_code == 2
    assert (
        f"--statement: 'fermat' is unknown; this certflow reads {', '.join(registry.FOLDERS)}."
        in result.stderr
    )


@pytest.mark.parametrize("statement", registry.FOLDERS)
def test_a_folder_has_the_files_that_commands_ask_for(statement):
    assert all(callable(getattr(import_module(module), name)) for module, name in asked_of(statement))
    claim = import_module(f"{registry.FOLDERS[statement]}.claim").Claim
    assert claim.statement == statement and callable(claim.to_json)


def test_prover_and_checker_have_the_same_statements_with_the_same_assumptions():
    assert list(registry.FOLDERS) and set(registry.FOLDERS) == set(checkers.STATEMENTS)
    for statement, folder in registry.FOLDERS.items():
        assert checkers.STATEMENTS[statement].assumptions == import_module(f"{folder}.claim").ASSUMPTIONS


WORDS = {
    "certflow.kkt.table": "basin",
    "certflow.report.kkt_columns": "basin",
    "certflow.report.kkt_figures": "basin",
    "certflow.outcome": "branches",
    "certflow.flow.polygon.polygon": "branches",
}
"""Where the name of a statement is also a word that is shown, the head of a column or of a row, or what
becomes of a flow, as long as nothing is asked.
"""


def named(file: Source) -> list[str]:
    """Where `file` has the name of a statement."""
    if file.name.startswith(KNOW_THEOREMS):
        return []
    asked = [
        each
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Compare | ast.match_case | ast.Dict | ast.Set | ast.Subscript)
        for each in ast.walk(node)
    ]
    return [
        f"{file.path}:{node.lineno}: {node.value}"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Constant)
        and node.value in registry.FOLDERS
        and (node in asked or WORDS.get(file.name) != node.value)
    ]


def test_no_other_file_names_a_statement():
    assert [line for each in sources() for line in named(each)] == []


@pytest.mark.parametrize(
    "text",
    [
        'if claim["statement"] == "kkt-points":\n    pass\n',
        'if statement == "basin":\n    pass\n',
        'match statement:\n    case "basin":\n        pass\n',
        'NAMES = {"kkt-points": 1}',
        'TITLES = {"basin": "Where it flows"}',
        'title = titles["basin"]',
        'SHORT = ("basin", "short")',
        'found = theorem("basin")',
        'def f(statement="basin"): ...',
    ],
)
def test_names_of_statements_are_noticed(text):
    (name,) = {each for each in registry.FOLDERS if each in text}
    for module in ("cli.certificates", "report.records", "experiments.verify"):
        assert [line.split()[-1] for line in named(source(text, f"certflow.{module}"))] == [name]
    assert named(source(text, "certflow.checker.registry")) == []


def test_a_word_that_is_shown_is_no_name_of_a_statement_unless_it_is_asked():
    assert named(source('Column("basin")', "certflow.kkt.table")) == []
    assert named(source('Column("kkt-points")', "certflow.kkt.table"))
    assert named(source('if statement == "basin": ...', "certflow.kkt.table"))
    for name in WORDS:
        (file,) = [each for each in sources() if each.name == name]
        assert WORDS[name] in {node.value for node in ast.walk(file.tree) if isinstance(node, ast.Constant)}
