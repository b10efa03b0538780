"""Every command on every kind of wrong file: exit code 2, one sentence, one JSON object, no traceback,
nothing written.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from problem_texts import file_text

from certflow.cli.commands import main
from certflow.problem_file import MAX_FILE_BYTES

ON_PROBLEMS = (["ncf"], ["kkt"], ["flow"], ["certify"], ["verify"], ["reproduce", "fig1"])
ON_CERTIFICATES = (["check"], ["show"], ["problem"], ["query", "--delta", "1e-3"])
KINDS = (
    "missing", "folder", "binary", "empty", "neither TOML nor JSON", "huge", "with a NUL", "unreadable",
    "a pipe",
    "a name with a NUL", "no name", "an escape in its name", "an escape inside",
)  # fmt: skip


@pytest.fixture
def wrong(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A file of the kind asked for."""
    path, kind = tmp_path / "wrong", request.param
    if kind == "folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "huge":
        with open(path, "wb") as stream:
            stream.truncate(MAX_FILE_BYTES + 2**22)
    elif kind == "unreadable":
        path.write_text(file_text(), encoding="utf-8")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
    elif kind == "a name with a NUL":
        return f"{path}\0"
    elif kind == "no name":
        return ""
    elif kind == "an escape in its name":
        return f"{path}\x1b[2J\n\u202e\x9b1m"
    elif kind != "missing":
        contents = {
            "binary": bytes(range(256)),
            "empty": b"",
            "neither TOML nor JSON": b"= {",
            "with a NUL": file_text().encode() + b"\0",
            "an escape inside": b'"\x1b[2J" = "\x9b"\n',
        }
        path.write_bytes(contents[kind])
    return str(path)


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    result = CliRunner().invoke(main, list(arguments))
    assert sorted(os.listdir(tmp_path)) == before
    assert "Traceback" not in result.output
    assert all(character.isprintable() or character == "\n" for character in result.output)
    return result


@pytest.mark.parametrize("wrong", KINDS, indirect=True)
@pytest.mark.parametrize("command", [*ON_PROBLEMS, *ON_CERTIFICATES], ids=" ".join)
def test_a_wrong_file_is_one_sentence(
    command: list[str], wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(tmp_path, monkeypatch, *command, wrong)
    said = result.stdout if command == ["check"] else result.stderr
    assert (result.exit_code, said.count("\n")) == (2, 1), said
    assert "wrong" in said or not wrong
    if command != ["check"]:
        assert said.startswith("certflow: ") and said.rstrip().endswith((".", "?")) and result.stdout == ""
    record = json.loads(run(tmp_path, monkeypatch, *command, wrong, "--json").stdout)
    assert record["verdict"] == "malformed" if command == ["check"] else record["exit_code"] == 2


@pytest.mark.parametrize("name", sorted(main.commands))
@pytest.mark.parametrize("option", [["--nosuch"], ["--time-limit", "soon"], ["--nosuch\x1b[2J"]])
def test_a_bad_option_is_one_object_and_one_sentence(
    name: str, option: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(tmp_path, monkeypatch, name, "--json", *option)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    record = json.loads(result.stdout)
    assert record["exit_code"] == 2 and record["error"]


@pytest.mark.parametrize("command", ON_PROBLEMS, ids=" ".join)
def test_an_interrupt_and_a_fault_are_one_object_too(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, code in ((KeyboardInterrupt(), 130), (ZeroDivisionError("division by zero"), 1)):

        def fail(error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr("certflow.problem.Problem.figure1", fail)
        result = CliRunner().invoke(
            main,
            [*command, "--json", "--out", str(tmp_path)] if "verify" in command else [*command, "--json"],
        )
        assert (result.exit_code, json.loads(result.stdout)["exit_code"]) == (code, code)
    # A fault is for a report: its lines are on stderr, and the last one says so.
    assert "please report it" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", [*ON_PROBLEMS, ["kkt", "--own-start"]], ids=" ".join)
def test_out_of_time_is_one_object(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [*command, "--json", "--time-limit", "1e-6"])
    assert isinstance(json.loads(result.stdout), dict)
    # What needs no long loop may be done in no time.
    assert result.exit_code == 3 or command[0] in ("ncf", "reproduce")


def test_alone_it_says_how_it_is_used_and_a_typing_error_gets_a_hint() -> None:
    alone = CliRunner().invoke(main, [])
    assert (alone.exit_code, alone.stdout) == (0, CliRunner().invoke(main, ["--help"]).stdout)
    assert "?." not in CliRunner().invoke(main, ["kkt", "--jsno"]).stderr
