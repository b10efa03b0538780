"""Keeps `proofs_notes/` alive: every link resolves, every statement is carried by code and a test, every
cited lemma exists.
"""

import ast
import importlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from links_entered import Watch, false_links
from proof_links import (
    CODE,
    NOTES,
    ROOT,
    TEST,
    Statement,
    all_statements,
    docstring,
    entries,
    note_files,
    statements,
)

README = NOTES / "README.md"
GLOSSARY = NOTES / "GLOSSARY.md"
NAME_OF_CODE = re.compile(r"`(certflow(?:\.\w+)+)`")

ANY_LINK = re.compile(r"^\s*-? ?(?:code|test):.*$", re.MULTILINE)
RELATIVE = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
TO_COME = re.compile(r"^\| (L\d+) \|.*\| to come \|$", re.MULTILINE)
LABEL = re.compile(r"(?<![\w.])(L\d+)(\.\d+)?(?![\w^])")


def labels_known() -> set[str]:
    """The labels of all statements."""
    return {each.label for each in all_statements()}


def unresolved(dotted: str) -> str | None:
    """Why `dotted` names nothing in the package, or None if it does."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for i, name in enumerate(parts[cut:], start=cut):
            if not hasattr(found, name) and name not in getattr(found, "__annotations__", {}):
                return f"{'.'.join(parts[:i])} has no {name}"
            found = getattr(found, name, None)
        return None
    return f"no module {parts[0]}"


def tests_in(path: Path) -> set[str]:
    """Names of the test functions of a file, methods as Class::name."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}::{f.name}"
                for f in node.body
                if isinstance(f, ast.FunctionDef) and f.name.startswith("test")
            }
    return names


def broken_links(text: str) -> list[str]:
    """One line per link of a note that does not resolve."""
    problems = []
    for dotted in CODE.findall(text):
        reason = unresolved(dotted) if dotted.startswith("certflow.") else "not in certflow"
        if reason:
            problems.append(f"code {dotted}: {reason}")
    for file, name in TEST.findall(text):
        if not (ROOT / file).is_file():
            problems.append(f"test {file}: no such file")
        elif name not in tests_in(ROOT / file):
            problems.append(f"test {file}: no test {name}")
    malformed = len(ANY_LINK.findall(text)) - len(CODE.findall(text)) - len(TEST.findall(text))
    return problems + [f"{malformed} lines look like links but do not follow the syntax"] * (malformed > 0)


def unsaid(found: Iterable[Statement]) -> list[str]:
    """One line per linked name whose docstring does not say which statement it carries."""
    return [
        f"{name} carries {each.label}: add ({each.label}) to its docstring"
        for each in found
        for name in each.code
        if each.label not in {a + b for a, b in LABEL.findall(docstring(name))}
    ]


def docstrings() -> list[tuple[str, str]]:
    """(place, text) of every docstring of the package."""
    found = []
    for path in sorted((ROOT / "certflow").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    found.append((f"{path.relative_to(ROOT)}:{getattr(node, 'name', 'module')}", text))
    return found


@pytest.mark.parametrize("path", note_files(), ids=lambda p: p.stem)
def test_links_of_the_notes_resolve(path):
    assert broken_links(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", note_files(), ids=lambda p: p.stem)
def test_every_statement_is_carried_by_code_and_a_test(path):
    found = statements(path.read_text(encoding="utf-8"))
    assert found, "a note has numbered statements, headings of the form '### L1.1 ...'"
    assert [each.label for each in found if not each.label.startswith(path.stem.split("-")[0] + ".")] == []
    assert [each.label for each in found if not each.code or not each.tests] == []


@pytest.mark.parametrize("path", [README, GLOSSARY, *note_files()], ids=lambda p: p.stem)
def test_relative_links_and_cited_statements_exist(path):
    text = path.read_text(encoding="utf-8")
    assert [target for target in RELATIVE.findall(text) if not (path.parent / target).exists()] == []
    assert sorted({a + b for a, b in LABEL.findall(text) if b} - labels_known()) == []


def defined_words(text: str) -> list[str]:
    """The words that the tables of the glossary define, the second column of three or four from the end."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    words = [row[-3] for row in rows if not set("".join(row)) <= set("-: ") and row[-1] != "defined in"]
    return [word.strip() for each in words for word in each.split(",")]


def test_the_code_that_the_glossary_names_exists():
    names = NAME_OF_CODE.findall(GLOSSARY.read_text(encoding="utf-8"))
    assert len(names) > 60
    assert [reason for name in names if (reason := unresolved(name))] == []


def test_the_glossary_has_one_meaning_for_one_word():
    words = defined_words(GLOSSARY.read_text(encoding="utf-8"))
    assert len(words) > 60
    assert sorted(word for word in set(words) if words.count(word) > 1) == []


def test_a_word_of_the_glossary_without_code_or_with_two_meanings_is_noticed():
    head = "| symbol | word | meaning | defined in |\n|---|---|---|---|\n"
    text = head + "| $a$ | gap, width | x | `certflow.losses.Nothing` |\n| | gap | y | |\n"
    assert [unresolved(name) for name in NAME_OF_CODE.findall(text)] == ["certflow.losses has no Nothing"]
    assert defined_words(text) == ["gap", "width", "gap"]


def test_no_label_is_used_twice():
    labels = [each.label for each in all_statements()]
    assert sorted(label for label in set(labels) if labels.count(label) > 1) == []


def test_the_table_of_lemmas_is_complete_and_true():
    text = README.read_text(encoding="utf-8")
    written = {path.stem.split("-")[0] for path in note_files()}
    to_come = set(TO_COME.findall(text))
    assert written | to_come == {f"L{i}" for i in range(1, len(written | to_come) + 1)}
    assert not written & to_come, "a note that exists is still listed as to come"
    assert all(path.name in text for path in note_files())


def test_lemmas_cited_in_docstrings_exist_or_are_to_come():
    statements_known = labels_known()
    known = {path.stem.split("-")[0] for path in note_files()} | set(
        TO_COME.findall(README.read_text(encoding="utf-8"))
    )
    cited = [(place, lemma, part) for place, text in docstrings() for lemma, part in LABEL.findall(text)]
    assert cited, "no docstring cites a lemma: the search is broken"
    unknown = [
        (p, lemma)
        for p, lemma, part in cited
        if lemma not in known or (part and lemma + part not in statements_known)
    ]
    assert unknown == []


def test_code_says_which_statements_it_carries():
    assert unsaid(all_statements()) == []


class Carrier:
    """Carries (L1.12)."""

    @property
    def part(self):
        """Carries L1.1."""


def test_code_that_does_not_say_what_it_carries_is_noticed():
    text = f"- code: `{__name__}.Carrier`\n- code: `{__name__}.Carrier.part`\n"
    assert unsaid([Statement("L1.1", text)]) == [
        f"{__name__}.Carrier carries L1.1: add (L1.1) to its docstring"
    ]
    assert unsaid([Statement("L1.12", text)]) == [
        f"{__name__}.Carrier.part carries L1.12: add (L1.12) to its docstring"
    ]


def test_labels_of_two_digits_are_read():
    text = "### L12.10 Fading neurons\n- code: `a.f`\n- test: `tests/x.py::test_f`\n### L12.11 Slow ones\n"
    assert [(each.label, each.code) for each in statements(text)] == [("L12.10", ("a.f",)), ("L12.11", ())]
    assert LABEL.findall("as in L11, L12.10 and (L1.9); not L2^2") == [
        ("L11", ""),
        ("L12", ".10"),
        ("L1", ".9"),
    ]


def test_a_broken_link_is_noticed():
    text = (
        "- code: `certflow.losses.Loss.residuals`\n- code: `certflow.losses.Loss.nothing`\n- code: "
        "`os.path`\n"
        "- test: `tests/architecture/test_proof_notes.py::test_a_broken_link_is_noticed`\n"
        "- test: `tests/architecture/test_proof_notes.py::test_missing`\n- test: `tests/nowhere.py::test_x`\n"
        "code: certflow.losses\n"
    )
    assert broken_links(text) == [
        "code certflow.losses.Loss.nothing: certflow.losses.Loss has no nothing",
        "code os.path: not in certflow",
        "test tests/architecture/test_proof_notes.py: no test test_missing",
        "test tests/nowhere.py: no such file",
        "1 lines look like links but do not follow the syntax",
    ]


def test_every_linked_name_is_code_that_can_be_entered():
    assert sorted({name for each in all_statements() for name in each.code if not entries(name)}) == []


def test_a_link_that_a_test_does_not_enter_is_noticed():
    one = Statement(
        "L1.1",
        "- code: `a.f`\n- code: `a.g`\n- test: `tests/x.py::test_f`\n- test: `tests/x.py::test_none`\n",
    )
    assert false_links([one], {"tests/x.py::test_f": ["a.f", "b.h"], "tests/x.py::test_none": ["b.h"]}) == [
        "L1.1: tests/x.py::test_none enters none of its code",
        "L1.1: none of its tests enters a.g",
    ]
    assert false_links([one], {"tests/x.py::test_f": ["a.f"], "tests/x.py::test_none": ["a.g"]}) == []
    # Of a run of some tests only these are judged, and code only if all of its tests were run.
    assert false_links([one], {"tests/x.py::test_f": ["a.f"]}) == []
    assert false_links([one], {}) == []


def test_functions_methods_and_properties_are_seen_when_they_are_entered():
    names = [
        "proof_links.note_files",
        "proof_links.Statement",
        "proof_links.Statement.code",
        "proof_links.entries",
    ]
    text = "".join(f"- code: `{name}`\n" for name in names) + "- test: `tests/x.py::test_one`\n"
    watch = Watch([Statement("L1.1", text)])
    with watch.during("tests/x.py::test_one"):
        note_files()
        assert Statement("L1.2", "").tests == ()
    assert watch.entered == {"tests/x.py::test_one": {"proof_links.note_files", "proof_links.Statement"}}
    with watch.during("tests/x.py::test_one"):
        assert Statement("L1.2", "").code == ()
    assert watch.sought("tests/x.py::test_one") == {"proof_links.entries"}


def counted(last):
    yield from range(last)


def test_generators_are_seen_when_they_begin():
    watch = Watch([Statement("L1.1", f"- code: `{__name__}.counted`\n- test: `tests/x.py::test_one`\n")])
    with watch.during("tests/x.py::test_one"):
        counts = counted(3)
        assert watch.entered["tests/x.py::test_one"] == set()
        assert [*counts, *counted(2)] == [0, 1, 2, 0, 1]
    assert watch.entered["tests/x.py::test_one"] == {f"{__name__}.counted"}


def test_links_to_private_names_are_not_made():
    # A private name may move without notice; a note points at what a reader can call.
    private = [
        d for path in note_files() for d in CODE.findall(path.read_text(encoding="utf-8")) if "._" in d
    ]
    assert private == []
