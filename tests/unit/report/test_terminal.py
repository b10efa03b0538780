"""What a person sees: nothing is wider than the terminal, nothing is cut off, and nothing that is printed
acts on it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from problem_texts import file_text

from certflow.cli.commands import main
from certflow.outcome import CertflowError
from certflow.printable import json_text, printable
from certflow.report.terminal import TimeLeft, emit, emit_command, emit_files, emit_prose, emit_table
from certflow.tables import Column, Table, TableCell

ACTING = "a\x1b[31mb\x07\x9b2Jc\u202ed\x7fe\u2028f\udcffg\r"
SHOWN = "a\\x1b[31mb\\x07\\x9b2Jc\\u202ed\\x7fe\\u2028f\\udcffg\\r"


def test_what_acts_on_a_terminal_is_shown_instead() -> None:
    assert printable(ACTING) == SHOWN
    assert printable("δ ≤ 1\n\tx") == "δ ≤ 1\n\\tx"
    assert printable("one\ntwo", keep="") == "one\\ntwo"


def test_json_is_for_printing_and_loses_nothing() -> None:
    record = {"δ": [ACTING, "line\nline", "𝒩\U000e0041", None], ACTING: "ε"}
    text = json_text(record)
    assert json.loads(text) == record
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "δ" in text and "ε" in text and "𝒩" in text


def test_all_that_prints_and_all_that_writes_tables_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(ACTING, [Column(ACTING, ACTING)], [(TableCell(ACTING),)], notes=[ACTING])
    emit(ACTING)
    emit_prose(ACTING)
    emit_files(ACTING + "\nx", ["a.png"])
    emit_command("to check it", "certflow check", f"my {ACTING}\nfile")
    emit_table(table)
    printed = capsys.readouterr().out
    assert printed.count("x1b") == 9
    assert "certflow check 'my " in printed
    for text in (printed, table.to_csv(), table.to_latex(), table.to_markdown()):
        assert all(c.isprintable() or c == "\n" for c in text)
    assert table.to_latex().count("textbackslash") == SHOWN.count("\\") * 5
    assert "\\\\x1b\\[31m" in table.to_markdown()


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-1+cmd|' /C calc'!A0", "@x", "\t=1", "-x", "+", "-"])
def test_no_cell_of_a_csv_file_is_a_formula(text: str) -> None:
    assert Table("", [Column("x")], [(TableCell(text),)]).to_csv().splitlines()[1].strip('"').startswith("'")


@pytest.mark.parametrize(
    "text", ["-1.5e-8", "+3", "-3/4", "-5*2^-3", "-.5", "1e-1000", "-inf", "x", "", "[-1, 2]"]
)
def test_numbers_in_csv_files_stay_numbers(text: str) -> None:
    assert Table("", [Column("x")], [(TableCell(text),)]).to_csv().splitlines()[1].strip('"') == text


# -- width ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("narrow") / "p.toml"
    path.write_text(file_text(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def certificate(problem: Path) -> Path:
    out = problem.with_name("c.json")
    assert (
        CliRunner()
        .invoke(main, ["certify", str(problem), "--out", str(out), "--no-check", "--json"])
        .exit_code
        == 0
    )
    return out


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_command_prints_beyond_the_width(
    width: int, problem: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(problem.parent)
    commands = (
        ["kkt", "p.toml"],
        ["flow", "p.toml", "--rows", "2"],
        ["show", "c.json"],
        ["query", "c.json", "--delta", "1e-12", "--radius", "1/1000"],
        ["--help"],
        *([name, "--help"] for name in main.commands),
    )
    for command in commands:
        result = CliRunner().invoke(main, command, env={"COLUMNS": str(width)})
        assert result.exit_code == 0, result.output
        assert "…" not in result.stdout
        wide = [line for line in result.stdout.splitlines() if len(line) > width]
        assert not wide, (command, wide)


@pytest.mark.parametrize("width", [20, 33, 50, 120])
def test_a_table_loses_nothing_in_a_narrow_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    columns = [
        Column("name", align="left"),
        *(Column(f"angle of {k}", "°") for k in range(5)),
        Column("why", align="left"),
    ]
    rows = [[f"n{i}", *(f"{i}.{k}2345678" for k in range(5)), f"because of the reason {i}"] for i in range(2)]
    emit_table(
        Table(
            "What is known",
            columns,
            [tuple(map(TableCell, row)) for row in rows],
            notes=["A note that is rather long."],
        )
    )
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    assert all(cell in printed for row in rows for cell in row[:-1])
    assert all(printed.count(word) >= 2 for word in ("because", "reason"))
    parts = [line for line in printed.splitlines() if line.split()[:1] == ["n0"]]
    assert len(parts) == printed.count("──\n")


def test_a_stdout_that_is_full_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(CertflowError, match="No space left"):
        emit("x")
    emit("silent")
    sys.stdout.close()


def in_a_terminal(command: list[str], columns: int) -> str:
    """What the command writes to a terminal of so many columns, control sequences included."""
    import fcntl
    import pty
    import struct
    import subprocess
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")} | {
        "TERM": "xterm"
    }
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment):
        os.close(follower)
        printed = b""
        while True:
            try:
                data = os.read(leader, 4096)
            except OSError:
                break
            if not data:
                break
            printed += data
    os.close(leader)
    return printed.decode()


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_tells_its_own_width(problem: Path) -> None:
    command = [sys.executable, "-m", "certflow", "flow", str(problem), "--rows", "2", "--quiet"]
    text = in_a_terminal(command, 44)
    for style in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        assert style in text
        text = text.replace(style, "")
    assert all(c.isprintable() or c in "\r\n" for c in text)
    assert 30 < max(len(line.rstrip()) for line in text.splitlines()) <= 44


WORK = """
import sys, time
from certflow.report.terminal import emit, progress_bar
with progress_bar({quiet}, "measuring flows") as progress:
    progress("proving the theorem: tubes", 1, 4)
    time.sleep(0.2)
    with progress.aside():
        emit("Theorem")
    progress("measuring flows", 2, 4)
    time.sleep(0.2)
emit("end")
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_progress_is_one_line_that_is_gone_while_something_is_printed(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    text = in_a_terminal([sys.executable, "-c", WORK.format(quiet=False)], 80)
    assert "proving the theorem: tubes" in text and "measuring flows" in text
    before, _, after = text.partition("Theorem\r\n")
    # The line is erased before the text, and drawn again below it; at the end nothing is left of it.
    assert before.endswith("\x1b[2K") and "measuring flows" in after
    assert after.endswith("\x1b[2Kend\r\n")
    assert in_a_terminal([sys.executable, "-c", WORK.format(quiet=True)], 80) == "Theorem\r\nend\r\n"
    # What is printed goes to stdout also while the line is drawn on a terminal.
    shell = ["sh", "-c", 'exec "$@" > "$0"', str(out), sys.executable, "-c", WORK.format(quiet=False)]
    assert "Theorem" not in in_a_terminal(shell, 80)
    assert out.read_text("utf-8") == "Theorem\nend\n"


def test_the_time_that_is_left_is_not_told_as_long_as_it_is_a_guess() -> None:
    now = [0.0]
    left = TimeLeft(lambda: now[0])

    def after(seconds: float, share: float) -> str:
        now[0] = seconds
        return left.after(share)

    assert [after(0, 0), after(7, 0)] == ["", ""]
    # The clock runs from the last moment at which nothing was done.
    assert after(9, 0.5) == "" and after(100, 0.04) == ""
    assert after(17, 0.25) == "about 30 s left"
    assert after(27, 0.97) == "about 5 s left"
    assert after(27, 0.1) == "about 3 min left"
    assert after(2007, 0.1) == "about 5.0 h left"
