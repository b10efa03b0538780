"""Where commands write: never over an input, and what cannot be written is said before the work."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from problem_texts import file_text

from certflow.cli.commands import main

TO_FILES = (["certify", "--out"], ["kkt", "--certificate"], ["kkt", "--figure"])
TO_FOLDERS = (["verify"], ["reproduce", "fig1"])


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts to compute has not looked where to write."""

    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    for place in (
        "theorems.early_direction.prove.certify",
        "kkt.enumerate.kkt_set",
        "experiments.verify.verify",
    ):
        monkeypatch.setattr(f"certflow.{place}", work)
    monkeypatch.setattr("certflow.experiments.figure1.planar_descent", work)


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """A problem file, named so that it could be a figure, with its data in a file of its own."""
    path = tmp_path / "problem.svg"
    path.write_text(file_text(data='[data]\nfile = "kkt.csv"\n'), encoding="utf-8")
    (tmp_path / "kkt.csv").write_text("1,0,5\n3/5,4/5,9/5\n", encoding="utf-8")
    (tmp_path / "figure1.csv").hardlink_to(tmp_path / "kkt.csv")
    return path


def refused(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.startswith("certflow: ") and result.stderr.count("\n") == 1
    return result


@pytest.mark.parametrize("command", TO_FILES, ids=" ".join)
def test_no_input_is_overwritten(command: list[str], problem: Path) -> None:
    folder, text = problem.parent, problem.read_text(encoding="utf-8")
    (folder / "symbolic.svg").symlink_to(problem)
    (folder / "hard.svg").hardlink_to(problem)
    (folder / "data.svg").symlink_to(folder / "kkt.csv")
    for name in ("problem.svg", "symbolic.svg", "hard.svg", "data.svg", "../" + folder.name + "/problem.svg"):
        result = refused(command[0], str(problem), command[1], str(folder / name))
        assert "is an input of this command" in result.stderr
    assert problem.read_text(encoding="utf-8") == text
    assert (folder / "kkt.csv").read_text(encoding="utf-8").startswith("1,0,5")


@pytest.mark.parametrize("command", TO_FOLDERS, ids=" ".join)
def test_no_input_is_overwritten_by_a_file_in_the_folder(command: list[str], problem: Path) -> None:
    assert (
        "kkt.csv" in refused("verify", str(problem), "--out", str(problem.parent)).stderr
        or command[0] != "verify"
    )
    assert "is an input" in refused(*command, str(problem), "--out", str(problem.parent)).stderr
    (problem.parent / "elsewhere").mkdir()
    (problem.parent / "elsewhere" / "figure1.tex").symlink_to(problem)
    assert "is an input" in refused(*command, str(problem), "--out", str(problem.parent / "elsewhere")).stderr


@pytest.mark.parametrize("command", TO_FILES, ids=" ".join)
def test_a_file_that_cannot_be_written(command: list[str], problem: Path) -> None:
    folder = problem.parent
    (folder / "folder.svg").mkdir()
    for name in ("folder.svg", "nowhere/file.svg", "kkt.csv/file.svg", "n" * 300 + ".svg", "nul\0.svg"):
        assert command[1] in refused(command[0], str(problem), command[1], str(folder / name)).stderr
    refused(command[0], str(problem), command[1], "")
    assert not [name for name in os.listdir(folder) if name.endswith(".part")]


@pytest.mark.parametrize("command", TO_FOLDERS, ids=" ".join)
@pytest.mark.parametrize("name", ["", "problem.svg", "problem.svg/inside", "nul\0", "n" * 300])
def test_a_folder_that_cannot_be_used(command: list[str], name: str, problem: Path) -> None:
    where = str(problem.parent / name) if name else ""
    assert "--out" in refused(*command, str(problem), "--out", where).stderr


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_without_permission(problem: Path) -> None:
    folder = problem.parent / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    assert "Permission denied" in refused("certify", str(problem), "--out", str(folder / "cert.json")).stderr
    assert "Permission denied" in refused("verify", str(problem), "--out", str(folder)).stderr


def test_two_outputs_are_two_files(problem: Path) -> None:
    out = str(problem.parent / "out.svg")
    assert "same file" in refused("kkt", str(problem), "--figure", out, "--certificate", out).stderr


def test_init_takes_json() -> None:
    runner = CliRunner()
    names = json.loads(runner.invoke(main, ["init", "--json"]).stdout)["names"]
    assert names == runner.invoke(main, ["init"]).stdout.split()
    text = json.loads(runner.invoke(main, ["init", "figure1", "--json"]).stdout)["text"]
    assert text == runner.invoke(main, ["init", "figure1"]).stdout
