"""`certflow kkt`: exit codes, files, partial answers within a time limit, and bad input."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from endless import endless

import certflow.kkt.enumerate as enumeration
from certflow.arithmetic.ball import Ball
from certflow.checker import check_file
from certflow.cli.commands import main
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.outcome import Inconclusive, Status
from certflow.problem import Problem

BITS = 120
LAYER = '[network]\nkind = "one-layer"\nwidth = 2\nactivation = { alpha = "0", power = 2 }\n'
REST = '[loss]\nkind = "square"\nreduction = "mean"\n[initialization]\nseed = 1\n'
DATA = '[data]\nX = [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]]\ny = ["5", "9/5", "1"]\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(DATA)
    return tmp_path


def write(data: str, network: str = LAYER) -> None:
    Path("problem.toml").write_text(network + data + REST, encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["kkt", "problem.toml", *arguments])


def some(status: str = "complete", **fields: Any) -> KKTSet:
    point = KKTPoint("maximum", (Ball(1, BITS), Ball(0, BITS)), Ball(1, BITS))
    return KKTSet([point], 30, status, **fields)


def fake(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> list[Any]:
    """Replace the enumeration by these answers, one after the other; a function is called, an error
    raised.
    """
    budgets: list[Any] = []
    left = list(answers)

    def kkt_set(problem: Problem, digits: int, budget: Any, progress: Any) -> KKTSet:
        budgets.append(budget)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    monkeypatch.setattr(enumeration, "kkt_set", kkt_set)
    return budgets


# -- what is printed -----------------------------------------------------------------------------------------


def test_the_same_set_as_table_latex_csv_and_json(folder: Path) -> None:
    results = [run(*each) for each in ([], ["--latex"], ["--csv"], ["--json"])]
    assert [(result.exit_code, result.stderr) for result in results] == [(0, "")] * 4
    table, latex, rows, record = (result.stdout for result in results)
    content = json.loads(record)
    assert (content["kkt_status"], content["problem"]["inputs"]) == ("complete", 2)
    kinds = [entry["kind"] for entry in content["kkt"]]
    assert [row[0] for row in csv.reader(io.StringIO(rows))][1:] == kinds
    for text in (table, latex):
        assert [
            line.split()[0] for line in text.splitlines() if line.split()[:1] and line.split()[0] in kinds
        ] == kinds
    assert "basin" in table and "59.91" in table and "59.91" in latex
    shares = [entry["basins"][0] for entry in content["kkt"]]
    assert [share["attracts"] for share in shares] == [
        [False, False],
        [True, True],
        [False, False],
        [True, True],
    ]


def test_only_one_form_at_a_time(folder: Path) -> None:
    result = run("--json", "--csv")
    assert result.exit_code == 2
    assert "choose one" in result.stderr


def test_a_partial_list_is_printed_and_leaves_with_3(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, some(Status.PARTIAL, reason="three boxes are undecided"))
    result = run()
    assert result.exit_code == 3
    assert "maximum" in result.stdout
    assert "three boxes are undecided" in result.stdout
    assert result.stderr == ""


def test_nothing_found_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, *[Inconclusive("too many cells.")] * 2)
    result = run()
    assert (result.exit_code, result.stdout, result.stderr) == (
        3,
        "",
        "certflow: not enumerated: too many cells.\n",
    )
    record = json.loads(run("--json").stdout)
    assert (record["kkt_status"], record["kkt"], record["reason"]) == (
        "not enumerated",
        [],
        "too many cells.",
    )


@pytest.mark.parametrize(
    "data",
    [
        '[data]\nX = [["1", "0"], ["3/5", "4/5"]]\ny = ["0", "0"]\n',
        '[data]\nX = [["0", "0"]]\ny = ["1"]\n',
        '[data]\nX = [["1", "2"], ["1", "2"]]\ny = ["1", "-1"]\n',
    ],
)
def test_labels_and_samples_that_cancel_make_every_direction_a_kkt_point(folder: Path, data: str) -> None:
    write(data)
    result = run()
    assert result.exit_code == 0
    assert "every direction is a KKT point" in result.stdout
    assert json.loads(run("--json").stdout)["kkt_status"] == "complete"


@pytest.mark.parametrize(
    "rows",
    [
        '[["1", "0"], ["1", "0"]]',
        '[["1", "0"], ["-2", "0"]]',
        '[["1", "1"], ["0", "0"]]',
        '[["1", "2"], ["2", "4"]]',
    ],
)
def test_equal_opposite_parallel_and_zero_samples(folder: Path, rows: str) -> None:
    write(f'[data]\nX = {rows}\ny = ["1", "2"]\n')
    result = run()
    assert result.exit_code == 0
    assert "The list is complete" in result.stdout


def test_no_samples_are_refused(folder: Path) -> None:
    write("[data]\nX = []\ny = []\n")
    result = run()
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "no samples" in result.stderr


# -- time and budget -----------------------------------------------------------------------------------------


def test_what_was_proved_before_the_time_limit_is_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = some(Status.PARTIAL, reason="much is undecided", counts={"boxes": 10})
    budgets = fake(monkeypatch, early, endless)
    result = run("--time-limit", "0.5")
    assert result.exit_code == 3
    assert "much is undecided" in result.stdout
    assert "time limit" in " ".join(result.stdout.split())
    assert budgets[0].boxes < budgets[1].boxes
    assert budgets[0].starts < budgets[1].starts


def test_a_time_limit_before_anything_is_proved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, endless)
    result = run("--time-limit", "0.2")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "time limit" in result.stderr


def test_without_a_time_limit_there_is_one_search(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = fake(monkeypatch, some(Status.PARTIAL, reason="x", counts={"boxes": 10}))
    run()
    assert budgets == [enumeration.Budget()]


def test_effort_grows_to_the_whole_budget_and_no_further(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets = fake(monkeypatch, *[some(Status.PARTIAL, reason="x", counts={"starts": 1})] * 20)
    assert run("--time-limit", "60", "--starts", "5").exit_code == 3
    assert [budget.starts for budget in budgets][:3] == [4, 5, 5]
    assert budgets[-1] == enumeration.Budget(starts=5)
    assert all(a.boxes < b.boxes for a, b in zip(budgets, budgets[1:], strict=False))


def test_what_no_search_can_complete_is_not_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = fake(monkeypatch, some(Status.PARTIAL, reason="x", counts={"cells": 7}))
    assert run("--time-limit", "60").exit_code == 3
    assert len(budgets) == 1


# -- where directions flow -----------------------------------------------------------------------------------


def test_basins_are_estimated_next_to_the_exact_ones(folder: Path) -> None:
    record = json.loads(run("--sample", "300", "--json").stdout, parse_float=lambda text: pytest.fail(text))
    (estimate,) = (each["approx"] for each in record["basin_estimates"])
    assert (estimate["estimate"], estimate["starts"]) == (True, 300)
    for entry, guess in zip(record["kkt"], estimate["fractions"], strict=True):
        exact = entry["basins"][0]["fraction"]
        low, high = (F(v) for v in guess["interval"])
        assert low <= value(exact if isinstance(exact, str) else exact[0]) <= high
    table = run("--sample", "300").stdout
    assert "basin ≈ [%]" in table
    assert "an estimate from 300 random initial directions" in " ".join(table.split())
    assert "Every other number is proved" in table


def value(text: str) -> F:
    mantissa, _, exponent = text.partition("*2^")
    return F(mantissa) * F(2) ** int(exponent or 0)


def test_where_the_own_initial_direction_flows_is_proved(folder: Path) -> None:
    result = run("--own-start", "--json")
    limits = json.loads(result.stdout)["limits"]
    assert [limit["block"] for limit in limits] == [0, 1]
    kinds = [entry["kind"] for entry in json.loads(result.stdout)["kkt"]]
    assert all(limit["entry"] is None or kinds[limit["entry"]] in ("maximum", "arc") for limit in limits)
    assert any(limit["entry"] is not None for limit in limits)
    table = run("--own-start").stdout
    assert "blocks" in table


def test_a_proof_that_fails_leaves_the_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import certflow.theorems.early_direction.prove as convergence

    def refuse(*_: object, **__: object) -> None:
        raise Inconclusive("the flow branches.")

    monkeypatch.setattr(convergence, "certify", refuse)
    result = run("--own-start")
    assert result.exit_code == 3
    assert "The list is complete" in result.stdout
    assert result.stderr == "certflow: no proof of where the initial direction flows: the flow branches.\n"


# -- files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_figure(folder: Path, name: str, start: bytes) -> None:
    result = run("--figure", name, "--json")
    assert (result.exit_code, json.loads(result.stdout)["figure"]) == (0, name)
    assert (folder / name).read_bytes().startswith(start)


def test_a_figure_with_an_unknown_ending_is_refused_before_any_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets = fake(monkeypatch)
    result = run("--figure", "a.jpg")
    assert (result.exit_code, budgets) == (2, [])
    assert ".pdf" in result.stderr


def test_a_figure_that_cannot_be_drawn_is_a_sentence_next_to_the_table(folder: Path) -> None:
    write('[data]\nX = [["1"], ["2"]]\ny = ["1", "2"]\n')
    result = run("--figure", "a.png")
    assert result.exit_code == 3
    assert "The list is complete" in result.stdout
    assert result.stderr.startswith("certflow: no figure: ")
    assert not (folder / "a.png").exists()


def test_a_certificate_is_accepted_by_the_checker(folder: Path) -> None:
    result = run("--certificate", "cert.json", "--json")
    record = json.loads(result.stdout)
    assert (result.exit_code, record["certificate"]) == (0, "cert.json")
    assert CliRunner().invoke(main, ["check", "cert.json"]).exit_code == 0
    printed = run("--certificate", "cert.json")
    assert "certflow check cert.json" in printed.stdout


def test_a_certificate_that_does_not_exist_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import certflow.theorems.kkt_points.prove as prove

    def refuse(*_: object) -> None:
        raise Inconclusive("the checker does not know this proof.")

    monkeypatch.setattr(prove, "listed", refuse)
    result = run("--certificate", "cert.json", "--json")
    assert (result.exit_code, json.loads(result.stdout)["certificate"]) == (3, None)
    assert result.stderr == "certflow: no certificate: the checker does not know this proof.\n"
    assert not (folder / "cert.json").exists()


def test_a_file_that_cannot_be_written(folder: Path) -> None:
    result = run("--figure", "nowhere/a.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere/a.png" in result.stderr


def test_the_numbers_are_those_of_the_precision(folder: Path) -> None:
    low, high = (
        list(csv.reader(io.StringIO(run("--csv", "--precision", digits).stdout))) for digits in ("12", "40")
    )
    assert all(abs(F(a[2]) - F(b[2])) <= F(1, 10**11) for a, b in zip(low[1:], high[1:], strict=True))
    assert len(high[2][2]) > 40 > len(low[2][2])


def test_a_start_without_a_proof_is_exit_code_3_also_where_the_list_is_complete(folder: Path) -> None:
    write(DATA, LAYER.replace("one-layer", "two-layer").replace("power = 2", "power = 1"))
    result = run("--own-start")
    assert (
        result.exit_code == 3
        and "the theorem is early-direction-power-1" in result.stderr
        and "The list is complete" in result.stdout
    )
    certificate = run("--certificate", "k.json")
    assert certificate.exit_code == 3
    assert (
        "power 1 the checker has no rule" in certificate.stderr
        and "train more layers" not in certificate.stderr
    )


def test_a_basin_certificate_is_written_and_accepted(folder: Path) -> None:
    result = run("--basin-certificate", "b.json", "--json")
    record = json.loads(result.stdout)
    assert record["basin_certificate"] == "b.json" and record["limits"]
    assert check_file("b.json").verdict == "accepted"
    shown = CliRunner().invoke(main, ["show", "b.json"])
    assert shown.exit_code == 0 and "limit flow" in shown.stdout
    asked = CliRunner().invoke(main, ["query", "b.json", "--delta", "1/100"])
    assert asked.exit_code == 2
    both = run("--basin-certificate", "same.json", "--certificate", "same.json")
    assert both.exit_code == 2 and "same file" in both.stderr


def test_the_narrow_table_is_for_a_column_of_two() -> None:
    wide, narrow = (
        CliRunner().invoke(main, ["kkt", "l3-k20-s0", "--latex", *more]).stdout for more in ([], ["--narrow"])
    )
    assert narrow.count(r"\begin{tabular}") > wide.count(r"\begin{tabular}") >= 1
    alone = CliRunner().invoke(main, ["kkt", "l3-k20-s0", "--narrow"])
    assert (alone.exit_code, alone.stderr) == (2, "certflow: --narrow: is a form of --latex; give both.\n")
