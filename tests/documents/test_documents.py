"""What the documents show is what happens: Python blocks run, and print the text block that follows them."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from certflow.cli.commands import main
from certflow.problem import Problem

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str, str]]:
    """(document, code, expected output or "") of every block in the given language."""
    found = []
    for path in DOCUMENTS:
        for match in _BLOCK.finditer(path.read_text(encoding="utf-8")):
            if match[1] == language:
                found.append((path.name, match[2], match[3] or ""))
    return found


@pytest.mark.parametrize(("document", "code", "expected"), blocks("python"))
def test_python_blocks_run_and_print_what_they_say(
    document: str, code: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, document, "exec"), {"__name__": "__main__"})
    assert without_errors(out.getvalue()) == without_errors(expected)


@pytest.mark.parametrize(("document", "text", "_"), blocks("toml"))
def test_problem_files_are_problems(document: str, text: str, _: str) -> None:
    assert Problem.from_toml_text(text).order >= 2, document


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_run_and_open_with_their_theorem(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(path), run_name="__main__")
    assert "Theorem (L" in names["__doc__"]
    assert capsys.readouterr().out.count("\n") >= 3


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_example_problems_are_problems(path: Path) -> None:
    result = CliRunner().invoke(main, ["flow", str(path), "--rows", "2", "--time", "1/10"])
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(("document", "code", "expected"), [block for block in blocks("sh") if block[2]])
def test_commands_print_what_the_documents_say(document: str, code: str, expected: str) -> None:
    program, *words = shlex.split(code)
    assert program == "certflow"
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0
    assert without_errors(result.stdout) == without_errors(expected)


def without_errors(text: str) -> str:
    """The text without the sizes of errors, which may differ between versions of the arithmetic, and their
    padding.
    """
    return re.sub(r" +", " ", re.sub(r"(± |estimated error )\S+", r"\1", text)).strip()


def test_commands_in_the_documents_exist() -> None:
    seen = 0
    for document, code, _ in blocks("sh"):
        for line in re.findall(r"(?:^|&& )certflow (.*)$", code, re.MULTILINE):
            words = shlex.split(line, comments=True)
            words = words[: words.index(">")] if ">" in words else words
            usage = CliRunner().invoke(main, [words[0], "--help"])
            assert usage.exit_code == 0, f"{document}: certflow {line}"
            for option in (word for word in words if word.startswith("--")):
                assert option in usage.stdout, f"{document}: certflow {line}"
            seen += 1
    assert seen >= 6


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_in_the_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_the_documents_name_are_there(path: Path) -> None:
    named = re.findall(
        r"`((?:certflow|tests|benchmarks|docs|examples|proofs_notes|\.ci)/[\w./]*)`", path.read_text("utf-8")
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_picture_of_the_house_is_true_and_shows_every_room() -> None:
    # Its paths are those of the package, its rooms are all folders of modules.
    package, text = ROOT / "certflow", (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = [
        name
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", text)
        if name.split("/")[0] not in ("tests", "benchmarks")
    ]
    assert [
        name for name in named if not (package / name).exists() and not name.startswith(OF_A_THEOREM)
    ] == []
    rooms = {path.parent.relative_to(package) for path in package.rglob("__init__.py")} - {Path()}
    shown = {room for name in named for room in (Path(name), *Path(name).parents)}
    assert sorted(room.as_posix() for room in rooms - shown) == []


OF_A_THEOREM = ("prove.py", "claim.py", "certificate.py", "words.py")
"""Names of files in every folder of a theorem."""


def test_the_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\npython -m pip install . && certflow verify\n" in text
    assert '\npython -m pip install ".[test]" && python -m pytest\n' in text
