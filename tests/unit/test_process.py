"""The process around the command line: interrupts from the first import on, and streams that are full, closed
or left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from problem_texts import file_text

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and streams of POSIX")

INTERRUPTED = "certflow: interrupted; nothing was left half written."

AT_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from certflow.__main__ import main
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["certflow", *{arguments!r}]
main()
"""

LATER = """
import atexit, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from certflow.__main__ import main
import certflow.report.terminal as terminal
emit = terminal.emit
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass
def interrupted(text, end="\\n"):
    {when}
    emit(text, end)
terminal.emit = interrupted
sys.argv = ["certflow", "init"]
main()
"""


def python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )


def certflow(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a redirection of the shell."""
    words = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "certflow", *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(file_text(), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("module", ["certflow.cli.commands", "click", "certflow.problem", "numpy", "sympy"])
def test_an_interrupt_during_any_import_is_one_sentence(module: str) -> None:
    done = python(AT_IMPORT.format(module=module, arguments=["ncf"]))
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", INTERRUPTED)


@pytest.mark.parametrize("module", ["click", "numpy"])
def test_an_interrupt_during_an_import_is_one_json_object(module: str) -> None:
    done = python(AT_IMPORT.format(module=module, arguments=["ncf", "--json"]))
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 130
    assert done.stderr.strip() == INTERRUPTED


@pytest.mark.parametrize(
    ("when", "code", "errors"),
    [
        ("Dying()", 130, INTERRUPTED),
        ("atexit.register(os.kill, os.getpid(), signal.SIGINT)", 0, ""),
        ("signal.raise_signal(signal.SIGINT)", 130, INTERRUPTED),
    ],
    ids=["where Python cannot pass it on", "when all is done", "while printing"],
)
def test_an_interrupt_later_is_never_a_traceback(when: str, code: int, errors: str) -> None:
    done = python(LATER.format(when=when))
    assert (done.returncode, done.stderr.strip()) == (code, errors)


def test_a_job_that_ignores_interrupts_goes_on() -> None:
    script = AT_IMPORT.format(module="click", arguments=["init"]).replace(
        "signal.default_int_handler", "signal.SIG_IGN"
    )
    done = python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "figure1" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 1),
        (["init"], 1),
        (["kkt", "{}"], 1),
        (["ncf", "{}", "--json"], 1),
        (["flow", "nothing.toml", "--json"], 2),
    ],
)
def test_a_full_stdout_is_one_sentence(arguments: list[str], code: int, problem: str) -> None:
    done = certflow("> /dev/full", *(each.format(problem) for each in arguments))
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert "No space left on device" in done.stderr or "nothing.toml" in done.stderr


def test_whoever_cannot_read_it_a_verdict_stays_a_verdict(problem: str, tmp_path: Path) -> None:
    out = str(tmp_path / "cert.json")
    made = certflow(">&- 2>&-", "certify", problem, "--out", out)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert json.loads(Path(out).read_text(encoding="ascii"))["format"] == "certflow-certificate"
    closed = certflow(">&-", "check", out)
    assert (closed.returncode, closed.stderr) == (0, "")
    if os.path.exists("/dev/full"):
        full = certflow("> /dev/full", "check", out)
        assert (full.returncode, full.stderr.count("\n")) == (0, 1)
        assert certflow("2> /dev/full", "flow", "nothing.toml").returncode == 2
    with subprocess.Popen(
        [sys.executable, "-m", "certflow", "check", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as left:
        assert left.stdout is not None and left.stderr is not None
        left.stdout.close()
        assert left.stderr.read() == b""
    assert left.returncode == 0


def test_a_child_that_measures_ends_quietly_with_its_parent() -> None:
    command = [sys.executable, "-m", "certflow.experiments.workers"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


def test_signals_are_those_of_python_for_whoever_only_imports() -> None:
    script = (
        "import signal, certflow, certflow.__main__, "
        "certflow.cli.commands\nprint(signal.getsignal(signal.SIGINT).__name__)"
    )
    done = python("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + script)
    assert done.stdout == f"{signal.default_int_handler.__name__}\n"


def test_the_linear_algebra_of_the_command_has_one_thread_unless_it_is_told_otherwise():
    script = "import os, sys, certflow.__main__ as m; sys.argv = ['certflow', '--help']\n"
    script += (
        "try:\n    m.main()\nexcept SystemExit:\n    print(os.environ['OPENBLAS_NUM_THREADS'], "
        "os.environ['OMP_NUM_THREADS'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**environment, "OMP_NUM_THREADS": "2"},
        timeout=120,
    )
    assert run.stdout.split()[-2:] == ["1", "2"]
