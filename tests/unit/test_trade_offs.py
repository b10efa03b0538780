"""The trade-off as users get it: checked rows, one table, one figure, files; what ends the work early."""

import json
import unicodedata
from fractions import Fraction
from functools import cache
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from problem_texts import POWER_1

import certflow
from certflow import certifying, trade_offs
from certflow.checker import Verdict, check_file
from certflow.cli.commands import main
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.running import OutOfTime
from certflow.theorems.early_direction import trade_off as compromised
from certflow.theorems.early_direction.trade_off import Compromise, compromises


def one_neuron():
    return Problem(
        certflow.OneLayer(2, 1, power=2), [["1", "0"], ["3/5", "4/5"]], ["5", "9/5"], direction=["1", "1/2"]
    )


@cache
def proved() -> tuple[Compromise, ...]:
    with pytest.MonkeyPatch.context() as few:
        few.setattr(compromised, "FACTORS", tuple(map(Fraction, ("1", "2"))))
        few.setattr(compromised, "SHARES", (Fraction(9, 10),))
        return tuple(compromises(one_neuron(), "1/50"))


def traded(rows=None, **options):
    """The trade-off of these rows, which are proved once."""

    def given(*_):
        yield from proved() if rows is None else rows()

    with patch.object(compromised, "compromises", given):
        return certflow.trade_off(one_neuron(), "1/50", **options)


def test_every_row_is_checked_and_told():
    told = []
    found = traded(tell=told.append)
    assert [row.name for row in found.rows] == ["asked", "radius-90", "epsilon-0.04"]
    assert all(row.theorem.checked for row in found.rows) and told == found.rows
    assert repr(found) == "<TradeOff: 3 rows>"
    assert repr(found.rows[0]).startswith("<TradeOffRow asked: <Theorem early-direction: proved for every δ")


def test_what_the_checker_refuses_is_no_row():
    refused = Verdict("refused", "R7", "claim", "too bold")
    with patch.object(certifying, "check_text", return_value=refused):
        found = traded()
    assert found.rows == []
    assert found.reason.startswith("the checker refuses the certificate that was just made (R7, claim")


def test_unchecked_rows_say_so():
    with patch.object(certifying, "check_text", side_effect=AssertionError):
        found = traded(check=False)
    assert not any(row.theorem.checked for row in found.rows)
    assert "NOT CHECKED" in str(found)
    with pytest.raises(BadInput, match="check: expected True or False"):
        certflow.trade_off(one_neuron(), check="no")


def test_the_table_has_the_exact_numbers_for_programs():
    found = traded()
    lines = found.table.to_csv().splitlines()
    assert lines[0] == "row,proved,epsilon,delta_bar,radius,not proved"
    claim = found.rows[0].claim
    cells = lines[1].split(",")
    assert cells[:3] == ["asked", "1", "1/50"]
    assert [Fraction(cells[3]), Fraction(cells[4])] == [claim.delta_bar, claim.radius]
    assert "1 of 1" in str(found) and "until ‖w‖ first exceeds R" in str(found)
    assert r"\bar\delta" in found.table.to_latex()


def test_files_are_the_certificates_the_table_and_the_figure(tmp_path):
    files = traded().save(tmp_path / "new")
    assert sorted(files) == sorted(path.name for path in (tmp_path / "new").iterdir())
    assert {"asked.json", "trade-off.csv", "trade-off.md", "trade-off.tex", "trade-off.png"} <= set(files)
    for name in ("asked", "radius-90", "epsilon-0.04"):
        assert check_file(str(tmp_path / "new" / f"{name}.json"), None).accepted


def test_when_the_time_is_over_the_rows_until_then_are_the_result():
    def rows():
        yield proved()[0]
        raise OutOfTime("the time limit of 1 s was reached.")

    found = traded(rows)
    assert [row.name for row in found.rows] == ["asked"]
    assert "Not complete: the time limit of 1 s was reached." in str(found)
    assert found.panels() == []


def test_without_a_theorem_the_reason_is_said():
    found = certflow.trade_off(one_neuron().replace(y=["0", "0"]))
    assert found.rows == [] and str(found).startswith("inconclusive: all labels are zero")


def test_power_1_is_refused_in_one_sentence():
    with pytest.raises(BadInput, match="none for the statement early-direction-power-1, only for early"):
        certflow.trade_off(Problem.from_toml_text(POWER_1))


def command(tmp_path, *options, rows=None):
    def given(*_):
        yield from proved() if rows is None else rows()

    file = tmp_path / "problem.toml"
    one_neuron().save(file)
    with patch.object(compromised, "compromises", given):
        return CliRunner().invoke(main, ["certify", str(file), "--epsilon", "1/50", "--trade-off", *options])


def test_the_command_prints_the_table_and_writes_where_it_is_told(tmp_path):
    result = command(tmp_path)
    assert result.exit_code == 0 and "epsilon-0.04" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["problem.toml"]
    result = command(tmp_path, "--out", str(tmp_path / "out"))
    assert "Written to" in result.stdout
    assert (tmp_path / "out" / "radius-90.json").exists() and (tmp_path / "out" / "trade-off.svg").exists()


def test_the_command_gives_one_json_object(tmp_path):
    found = json.loads(command(tmp_path, "--json").stdout)
    assert [row["row"] for row in found["rows"]] == ["asked", "radius-90", "epsilon-0.04"]
    assert found["rows"][0]["proved"] == [1] and found["files"] == [] and found["stopped"] is None


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OutOfTime("it was late."), 3)])
def test_what_ends_the_command_early_loses_no_row(tmp_path, error, code):
    def rows():
        yield proved()[0]
        raise error

    result = command(tmp_path, "--json", "--out", str(tmp_path / "out"), rows=rows)
    assert result.exit_code == code
    found = json.loads(result.stdout)
    assert [row["row"] for row in found["rows"]] == ["asked"] and found["stopped"]
    assert {"asked.json", "trade-off.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_who_ends_the_drawing_has_the_table(tmp_path):
    with patch.object(trade_offs, "trade_off_figure", side_effect=KeyboardInterrupt()):
        result = command(tmp_path, "--out", str(tmp_path / "out"))
    assert result.exit_code == 130 and "epsilon-0.04" in result.stdout
    assert {"epsilon-0.04.json", "trade-off.csv", "trade-off.tex"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_the_table_is_latex_without_marks_that_are_no_letters():
    tex = traded().table.to_latex()
    assert r"\bar\delta" in tex and not [c for c in tex if unicodedata.combining(c)]


def test_nothing_proved_is_exit_code_3(tmp_path):
    result = command(tmp_path, rows=lambda: iter(()))
    assert result.exit_code == 3 and result.stderr.startswith("certflow: inconclusive")


@pytest.mark.parametrize("option", [["--latex"], ["--statement", "basin"]])
def test_options_that_do_not_go_together(tmp_path, option):
    result = command(tmp_path, *option)
    assert result.exit_code == 2 and "--trade-off: goes with neither" in result.stderr


def test_the_name_of_the_table_is_spared_if_it_is_an_input(tmp_path):
    assert trade_offs.NAME == "trade-off"
    result = command(tmp_path, "--out", str(tmp_path / "problem.toml"))
    assert result.exit_code == 2
