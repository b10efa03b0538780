"""The command line: exit codes, one JSON object on stdout, one sentence on stderr, nothing written on bad
input.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from endless import endless
from problem_texts import PLANAR as TWO_NEURONS

from certflow.cli.commands import main
from certflow.outcome import CertflowError, ExitCode, Inconclusive
from certflow.tables import Column, Table

PLANAR = TWO_NEURONS + '[experiment]\ntime = "1"\n'


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(PLANAR, encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def one_object(result: Result) -> dict[str, Any]:
    """stdout as one JSON object whose numbers are text; floats and NaN are refused."""

    def refuse(text: str) -> None:
        raise AssertionError(f"the JSON contains the float {text}")

    record = json.loads(result.stdout, parse_float=refuse, parse_constant=refuse)
    assert isinstance(record, dict)
    return record


# -- init, help, usage ---------------------------------------------------------------------------------------


def test_init_lists_and_prints_the_built_in_problems(tmp_path: Path) -> None:
    names = run("init").stdout.split()
    assert "figure1" in names
    from certflow.problem import Problem, builtin_text

    assert run("init", "figure1").stdout == builtin_text("figure1")
    assert Problem.from_toml_text(run("init", "figure1").stdout) == Problem.figure1()


def test_help_is_printed_without_loading_anything_heavy() -> None:
    code = "import sys; from certflow.cli.commands import main; main(['--help'], prog_name='certflow')"
    heavy = (
        "{m.split('.')[0] for m in sys.modules} & {'numpy', 'sympy', 'flint', 'matplotlib', 'mpmath', 'rich'}"
    )
    script = f"import atexit, sys; atexit.register(lambda: print('heavy:', sorted({heavy}))); {code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage: certflow" in done.stdout
    assert done.stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["flow", "--nosuch"], "--nosuch"),
        (["init", "figure2"], "figure1"),
        (["flow", "no-such-file.toml"], "no-such-file.toml"),
        (["flow", "--precision", "1000000000"], "--precision"),
        (["flow", "--time-limit", "nan"], "--time-limit"),
        (["flow", "--delta", "nan"], "delta"),
        (["flow", "--delta", "0"], "delta"),
        (["flow", "--delta", "1e-999999999"], "delta"),
        (["flow", "--time", "-1"], "--time"),
        (["flow", "--radius", "inf"], "--radius"),
        (["flow", "--rows", "1"], "--rows"),
        (["flow", "--json", "--csv"], "--csv"),
        (["reproduce", "fig9"], "fig9"),
        (["reproduce", "fig4"], "not drawn yet"),
        (["reproduce", "fig2", "figure1"], "leave figure1 out"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], part: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("certflow: ")
    assert result.stderr.count("\n") == 1
    assert part in result.stderr
    if "--json" not in arguments:
        assert result.stdout == ""


def test_bad_input_leaves_earlier_output_alone(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(PLANAR.replace('"9/5"', '"nan"'), encoding="utf-8")
    out = tmp_path / "out"
    for command in (["verify"], ["reproduce", "fig1"], ["reproduce", "fig3"]):
        result = run(*command, str(bad), "--out", str(out))
        assert (result.exit_code, out.exists()) == (2, False)
        assert "data.y[1]" in result.stderr


def test_a_planar_figure_of_a_problem_that_is_not_planar(tmp_path: Path) -> None:
    path, out = tmp_path / "deep.toml", tmp_path / "out"
    path.write_text(run("init", "l3-k20-s0").stdout, encoding="utf-8")
    result = run("reproduce", "fig1", str(path), "--out", str(out))
    assert (result.exit_code, out.exists()) == (2, False)
    assert "angles in the plane" in result.stderr


def test_the_figure_of_a_field_is_of_no_problem_of_the_user(tmp_path: Path) -> None:
    record = one_object(run("reproduce", "fig2", "--out", str(tmp_path), "--json"))
    assert (
        record["files"] == sorted(path.name for path in tmp_path.iterdir()) == ["figure2.png", "figure2.svg"]
    )
    assert record["approx"]["shrinks to 0"][-1] == "shrinks"
    shown = run("reproduce", "fig2", "--out", str(tmp_path))
    assert (shown.exit_code, shown.stderr) == (0, "") and "figure2.{png,svg}" in shown.stdout


def test_with_json_even_an_error_is_one_object() -> None:
    result = run("flow", "no-such-file.toml", "--json")
    record = one_object(result)
    assert (result.exit_code, record["exit_code"]) == (2, 2)
    assert record["error"] in result.stderr


def test_an_output_folder_that_cannot_be_made(tmp_path: Path, problem: str) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("keep", encoding="utf-8")
    result = run("reproduce", "fig3", problem, "--out", str(blocker))
    assert result.exit_code == 2
    assert "--out" in result.stderr
    assert blocker.read_text(encoding="utf-8") == "keep"


@pytest.mark.parametrize(
    ("error", "code"),
    [(Inconclusive("undecided."), 3), (CertflowError("a bound failed."), 1), (KeyboardInterrupt(), 130)],
)
def test_every_outcome_has_its_exit_code(
    error: BaseException, code: int, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("certflow.experiments.trajectory.trajectory", fail)
    result = run("flow", problem)
    assert result.exit_code == code == ExitCode(code)
    assert "certflow: " in result.stderr
    assert "Traceback" not in result.output


# -- flow ----------------------------------------------------------------------------------------------------


def test_flow_prints_the_same_numbers_as_table_json_and_csv(problem: str) -> None:
    table = run("flow", problem, "--delta", "1e-500", "--rows", "3")
    assert table.exit_code == 0
    record = one_object(run("flow", problem, "--delta", "1e-500", "--rows", "3", "--json"))
    rows = list(
        csv.reader(io.StringIO(run("flow", problem, "--delta", "1e-500", "--rows", "3", "--csv").stdout))
    )
    assert record["delta"] == "1e-500"
    assert record["problem"]["direction"] == ["1", "1/2", "-1", "1"]
    assert len(record["approx"]["rows"]) == 3 == len(rows) - 1
    assert [Fraction(row["scaled_time"]) for row in record["approx"]["rows"]] == [0, Fraction(1, 2), 1]
    for row, line in zip(record["approx"]["rows"], rows[1:], strict=True):
        assert line[2:] == row["angles_deg"]
        assert f"{float(line[2]):.4f}" in table.stdout
    assert rows[0][:2] == ["t", "log10 ‖w‖"]
    assert float(rows[1][1]) == -500
    assert float(rows[1][2]) == pytest.approx(26.565051177, abs=1e-8)


def test_flow_to_a_radius_ends_there(problem: str) -> None:
    rows = one_object(run("flow", problem, "--delta", "1e-3", "--radius", "1/100", "--rows", "2", "--json"))[
        "approx"
    ]["rows"]
    assert float(rows[1]["log_norm"]) == pytest.approx(-4.605170185988, abs=1e-10)


def test_the_precision_is_that_of_the_numbers(problem: str) -> None:
    low, high = (
        one_object(run("flow", problem, "--rows", "2", "--json", "--precision", digits))["approx"]["rows"][1][
            "log_norm"
        ]
        for digits in ("20", "50")
    )
    assert len(high) > len(low) > 15
    assert abs(Fraction(low) - Fraction(high)) < Fraction(1, 10**16)


def test_the_time_limit_ends_long_work_with_exit_code_3(
    problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certflow.experiments.trajectory.trajectory", endless)
    start = time.monotonic()
    result = run("flow", problem, "--time-limit", "0.2")
    assert result.exit_code == 3
    assert "time limit" in result.stderr
    assert time.monotonic() - start < 10


# -- verify --------------------------------------------------------------------------------------------------


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for the main job, which takes most of a minute: what the command passes on and prints."""
    table = Table("Time near the origin", [Column("δ")], [("1e-1000",)])  # type: ignore[list-item]
    result = SimpleNamespace(results={"kkt_status": "complete"}, exit_code=0)
    module = ModuleType("certflow.experiments.verify")

    def verify(
        problem: object, out: Path, progress: Any, digits: int, tell: Callable[[str | Table], None] | None
    ) -> SimpleNamespace:
        result.out, result.digits = out, digits
        for part in ("Order 2.", table, "Proved:   nothing"):
            progress("measuring flows", 1, 2)
            if tell is not None:
                tell(part)
        return result

    vars(module).update(verify=verify, STEMS=frozenset({"results"}))
    monkeypatch.setitem(sys.modules, "certflow.experiments.verify", module)
    return result


@pytest.mark.parametrize("code", [0, 1, 3])
def test_verify_prints_its_tables_and_leaves_with_the_verdict(
    code: int, verified: SimpleNamespace, problem: str, tmp_path: Path
) -> None:
    verified.exit_code = ExitCode(code)
    result = run("verify", problem, "--out", str(tmp_path / "out"), "--precision", "25")
    assert result.exit_code == code
    assert (verified.out, verified.digits) == (tmp_path / "out", 25)
    parts = ["Order 2.", "Time near the origin", "1e-1000", "Proved:   nothing"]
    assert [line.strip() for line in result.stdout.splitlines() if line.strip() in parts] == parts
    assert result.stderr == ""


def test_verify_json_is_the_results_record(verified: SimpleNamespace, problem: str, tmp_path: Path) -> None:
    result = run("verify", problem, "--json", "--out", str(tmp_path / "out"))
    assert one_object(result) == verified.results


# -- kkt and ncf ---------------------------------------------------------------------------------------------


def test_kkt_prints_the_same_set_as_table_latex_and_json(problem: str) -> None:
    record = one_object(run("kkt", problem, "--json"))
    assert record["kkt_status"] == "complete"
    kinds = [point["kind"] for point in record["kkt"]]
    assert kinds.count("maximum") == 2
    table, latex = run("kkt", problem).stdout, run("kkt", problem, "--latex").stdout
    for kind in set(kinds):
        rows = [line for line in table.splitlines() if line.strip().startswith(kind)]
        assert len(rows) == kinds.count(kind) == sum(line.startswith(kind) for line in latex.splitlines())
    (highest,) = (
        point for point in record["kkt"] if point["kind"] == "maximum" and value(point["value"][0]) > 1
    )
    low, high = (value(end) for end in highest["angle_deg"])
    assert low < Fraction("10.5119231996") and high > Fraction("10.5119231994")
    assert 0 < high - low < Fraction(1, 10**28)


def value(text: str) -> Fraction:
    """The number of an exact text m*2^e or p/q."""
    mantissa, _, exponent = text.partition("*2^")
    return Fraction(mantissa) * Fraction(2) ** int(exponent or 0)


def test_ncf_prints_text_latex_and_exact_arcs(problem: str) -> None:
    assert "N(w)" in run("ncf", problem).stdout
    assert r"\begin{align*}" in run("ncf", problem, "--latex").stdout
    assert len(run("ncf", problem, "--exact").stdout) >= len(run("ncf", problem).stdout)
    arcs = one_object(run("ncf", problem, "--json"))["arcs"]
    # Only the sample (1, 0) with z = 5/3 is active just above -90°: N = 5/3 cos²t = 5/6 + 5/6 cos 2t.
    (arc,) = (arc for arc in arcs if arc["from"] == ["0", "-1"])
    assert (arc["active"], arc["cosines"], arc["sines"]) == ("1", {"0": "5/6", "2": "5/6"}, {"2": "0"})


# -- processes -----------------------------------------------------------------------------------------------


def test_a_reader_that_leaves_early_is_no_error(problem: str) -> None:
    command = [sys.executable, "-m", "certflow", "init", "l3-k220-s0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_interrupting_the_process_leaves_with_130_and_no_traceback(problem: str) -> None:
    script = (
        "import time, certflow.experiments.trajectory as t\n"
        "def wait(*a, **k):\n    print('ready', flush=True)\n    time.sleep(30)\n"
        "t.trajectory = wait\n"
        f"from certflow.cli.commands import main\nmain(['flow', {problem!r}])\n"
    )
    # A shell's background job ignores SIGINT and its children inherit that; this process must not.
    restore = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    with subprocess.Popen(
        [sys.executable, "-c", restore + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("certflow: interrupted")
    assert "Traceback" not in errors


# -- a file or a name ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["ncf"], ["kkt"], ["flow", "--time", "1", "--rows", "2"]], ids=" ".join)
def test_a_built_in_problem_is_asked_for_by_its_name(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from certflow.problem import builtin_text

    monkeypatch.chdir(tmp_path)
    named = run(*command, "figure1")
    assert (named.exit_code, named.stderr) == (0, "") and named.stdout == run(*command).stdout
    # As in Python, the name stands for what comes with certflow even where a file has it.
    Path("figure1").write_text(PLANAR, encoding="utf-8")
    both = run(*command, "figure1")
    assert both.stdout == named.stdout
    assert (
        both.stderr == "certflow: figure1: the built-in problem is meant; write ./figure1 for the file of "
        "this name.\n"
    )
    Path("mine").write_text(builtin_text("figure1"), encoding="utf-8")
    assert (run(*command, "mine").stdout, run(*command, "mine").stderr) == (named.stdout, "")
    assert run(*command, "./figure1").stdout != named.stdout


def test_outputs_do_not_spare_a_file_that_only_has_the_name_of_the_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("figure1").write_text("mine", encoding="utf-8")
    assert run("kkt", "figure1", "--certificate", "figure1").exit_code == 0
    assert run("check", "figure1").exit_code == 0
    Path("mine").write_text(PLANAR, encoding="utf-8")
    assert run("kkt", "mine", "--certificate", "mine").exit_code == 2


def test_a_name_that_is_none_is_one_sentence_that_has_the_names() -> None:
    result = run("kkt", "figur1")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "figure1, l3-k20-s0" in result.stderr and result.stderr.endswith("did you mean figure1?\n")
