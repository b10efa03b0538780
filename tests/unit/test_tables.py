"""Tables: the same rows as LaTeX, Markdown, CSV and terminal text."""

from __future__ import annotations

import csv
import io
from fractions import Fraction

import pytest

from certflow.arithmetic.base import mp_arithmetic
from certflow.outcome import BadInput
from certflow.tables import Column, Table, TableCell, latex_text, number_cell, number_text, write_table


def example() -> Table:
    table = Table(
        "Time until ‖w‖ = √C·δ, 50% a_b", [Column("δ"), Column("time", "s"), Column("kind", align="left")]
    )
    table.add("1e-1000", number_cell(Fraction(1, 3)), "maximum")
    table.add("1e-05", TableCell("-14.463", "-14.4630000001"), "arc|x_1, {y}")
    table.notes.append("Holds for every δ > 0.")
    return table


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 5, "0"),
        (1, 5, "1.0000"),
        (-5, 3, "-5.00"),
        (Fraction(1, 3), 5, "0.33333"),
        (Fraction(1, 10**1000), 5, "1e-1000"),
        (Fraction(15, 10**9), 3, "1.50e-8"),
        (123456.789, 5, "1.2346e5"),
        (mp_arithmetic(50).context.mpf(2) ** -4000, 6, "7.58608e-1205"),
    ],
)
def test_numbers_of_any_size_are_short_text(value: object, digits: int, text: str) -> None:
    assert number_text(value, digits) == text


def test_a_cell_keeps_more_digits_for_programs_than_for_people() -> None:
    cell = number_cell(Fraction(1, 3))
    assert cell.text == "0.33333"
    assert abs(Fraction(cell.for_csv()) - Fraction(1, 3)) < Fraction(1, 10**16)
    assert number_cell(20) == TableCell("20")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("1e-05", "$10^{-5}$"),
        ("1.5e-8", r"$1.5 \times 10^{-8}$"),
        ("-3e+9", r"$-3 \times 10^{9}$"),
        ("resolution 1e-30.", "resolution $10^{-30}$."),
        ("1e-30.5", "1e-30.5"),
        ("-14.5", "$-$14.5"),
        ("x-1", "x-1"),
        ("50% of a_b & {c} #1 $", r"50\% of a\_b \& \{c\} \#1 \$"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("‖w‖", r"$\|w\|$"),
        ("√C", r"$\sqrt{C}$"),
        ("δ²", r"$\delta^2$"),
        ("[0.1, 1e-3]", "[0.1, $10^{-3}$]"),
    ],
)
def test_plain_text_becomes_latex(text: str, latex: str) -> None:
    assert latex_text(text) == latex


def test_latex_is_a_booktabs_table_with_one_line_per_row() -> None:
    lines = example().to_latex().splitlines()
    assert lines[:2] == [r"\begin{table}", r"\centering"]
    assert lines[3].startswith(r"\footnotesize")
    assert lines[4:8] == [
        r"\begin{tabular}{@{}rrl@{}}",
        r"\toprule",
        r"$\delta$ & time [s] & kind \\",
        r"\midrule",
    ]
    assert lines[8] == r"$10^{-1000}$ & 0.33333 & maximum \\"
    assert lines[9] == r"$10^{-5}$ & $-$14.463 & arc$|$x\_1, \{y\} \\"
    assert lines[10:12] == [r"\bottomrule", r"\end{tabular}"]


def test_markdown_escapes_what_would_break_a_row() -> None:
    lines = [line for line in example().to_markdown().splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert r"arc\|x\_1" in lines[3]
    assert all(line.replace(r"\|", "").count("|") == 4 for line in lines)


def test_csv_reads_back_to_the_raw_values() -> None:
    rows = list(csv.reader(io.StringIO(example().to_csv())))
    assert rows[0] == ["δ", "time [s]", "kind"]
    assert rows[2] == ["1e-05", "-14.4630000001", "arc|x_1, {y}"]


def test_an_empty_table_is_still_a_table() -> None:
    table = Table("Nothing", [Column("a"), Column("b")])
    assert r"\midrule" in table.to_latex()
    assert "a" in table.to_markdown()
    assert table.to_csv() == "a,b\n"


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(BadInput, match="2 cells for 3 columns"):
        example().add("1", "2")


def test_tables_are_written_in_three_formats(tmp_path: object) -> None:
    names = write_table(example(), tmp_path, "near_origin")
    assert names == ["near_origin.tex", "near_origin.md", "near_origin.csv"]


def test_the_terminal_shows_every_cell_without_reading_it_as_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from certflow.report.terminal import emit_table

    table = Table("[bold]title[/bold]", [Column("a", "rad")])
    table.add("[red]1e-5")
    table.notes.append("a [note]")
    emit_table(table)
    out = capsys.readouterr().out
    assert all(text in out for text in ("[bold]title[/bold]", "a [rad]", "[red]1e-5", "a [note]"))


def test_long_lines_are_broken_between_words_and_files_are_grouped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from certflow.report.terminal import PLAIN_WIDTH, emit_files, emit_prose

    emit_prose("short\n\n  " + "word " * 60)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["short", ""]
    assert max(map(len, lines)) <= PLAIN_WIDTH
    assert " ".join(lines[2:]).split() == ["word"] * 60
    assert lines[3].startswith("    word")
    emit_files("out", ["kkt.tex", "kkt.csv", "results.json"])
    assert capsys.readouterr().out == "Written to out: kkt.{tex,csv}, results.json\n"
