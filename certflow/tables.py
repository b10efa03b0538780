"""One table, four ways to read it: LaTeX (booktabs), Markdown, CSV, and the terminal.

A cell has the text that people read and the raw value that programs read (CSV). Text is plain: `1.5e-8`, `δ`,
`‖w‖`; the LaTeX writer turns it into mathematics and escapes everything else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from certflow.arithmetic.base import mp_arithmetic
from certflow.exact import format_rational
from certflow.outcome import BadInput
from certflow.printable import printable

if TYPE_CHECKING:
    import rich.table


WIDE_ROOM, NARROW_ROOM, LATEX_GAP = 345, 240, 6
"""The text width of an article and of a column of two, and the space after a column of a table, in pt."""

MOST_LINES = 40
"""More lines of a table, its notes among them, do not fit a page."""


@dataclass(frozen=True)
class Column:
    """A column: `name` in plain text, `unit` shown in brackets, `latex` instead of the translated name if
    given, `align` left or right, `key` for the CSV header (default: the name and unit), and in LaTeX the
    `width` in pt at which its text is broken (0: never).
    """

    name: str
    unit: str = ""
    latex: str = ""
    align: str = "right"
    key: str = ""
    width: int = 0

    def heading(self) -> str:
        """The plain heading, with the unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True)
class TableCell:
    """What people read (`text`) and what programs read (`raw`, default the same)."""

    text: str
    raw: str = ""

    def for_csv(self) -> str:
        """The raw value, or the text if there is none."""
        return self.raw or self.text


@dataclass
class Table:
    """A titled table; rows are sequences of `TableCell` or plain text, one per column.

    `notes` are sentences printed below the table. Raises `BadInput` when a row has the wrong length.
    """

    title: str
    columns: Sequence[Column]
    rows: list[tuple[TableCell, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    label: str = ""

    def __post_init__(self) -> None:
        given, self.rows = self.rows, []
        for row in given:
            self.add(*row)

    def add(self, *cells: TableCell | str) -> None:
        """Append one row."""
        if len(cells) != len(self.columns):
            raise BadInput(
                f"table {self.title!r}: a row of {len(cells)} cells for {len(self.columns)} columns."
            )
        self.rows.append(tuple(cell if isinstance(cell, TableCell) else TableCell(cell) for cell in cells))

    def width(self) -> int:
        """How many characters the body needs in a terminal so that no cell is broken."""
        cells = (
            zip(*([cell.text for cell in row] for row in self.rows), strict=True)
            if self.rows
            else [()] * len(self.columns)
        )
        widths = [
            max(map(len, (column.heading(), *texts)))
            for column, texts in zip(self.columns, cells, strict=True)
        ]
        return _needed(widths)

    def to_csv(self) -> str:
        """Comma-separated raw values under one header line (RFC 4180, line ends \\n); no cell is a
        spreadsheet's formula.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([_csv(column.key or column.heading()) for column in self.columns])
        writer.writerows([_csv(cell.for_csv()) for cell in row] for row in self.rows)
        return out.getvalue()

    def to_text(self) -> str:
        """Title, body and notes as plain text with aligned columns."""
        parts = [printable(self.title), self._body(printable, "simple"), *map(printable, self.notes)]
        return "\n".join(parts)

    __str__ = to_text

    def to_markdown(self) -> str:
        """A GitHub-flavoured Markdown table with title and notes."""
        parts = [f"**{_markdown(self.title)}**", self._body(_markdown, "pipe"), *map(_markdown, self.notes)]
        return "\n\n".join(parts) + "\n"

    def _body(self, said: Callable[[str], str], form: str) -> str:
        """Headings and rows in one of tabulate's forms, each text as it is `said` there."""
        from tabulate import tabulate

        return tabulate(
            [[said(cell.text) for cell in row] for row in self.rows],
            headers=[said(column.heading()) for column in self.columns],
            tablefmt=form,
            colalign=[column.align for column in self.columns] if self.rows else None,
            disable_numparse=True,
        )

    def to_latex(self, narrow: bool = False) -> str:
        """`table` environments with booktabs rules, no wider than the text of a one-column article, or, if
        `narrow`, than a column of a two-column one; needs the packages booktabs and array.

        What does not fit becomes several tables one below the other, each with the first column; many rows
        become several environments.
        """
        label = f"\\label{{{self.label}}}" if self.label else ""
        notes = "".join(f"\n\n\\smallskip {latex_text(note)}" for note in self.notes)
        room = NARROW_ROOM if narrow else WIDE_ROOM
        groups = self._latex_groups(room)
        below = sum(-(-_points(latex_text(note)) // room) for note in self.notes)
        pages = self._pages(groups, max(MOST_LINES - below, MOST_LINES // 4))
        found = []
        for page, rows in enumerate(pages):
            bodies = "\n\n\\medskip\n".join(self._tabular(rows, group) for group in groups)
            title = latex_text(self.title) + (" (continued)" if page else "")
            caption = f"\\caption{{{title}}}{'' if page else label}"
            found.append(
                f"\\begin{{table}}\n\\centering\n{caption}\n"
                f"\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}\n{bodies}"
                f"{notes if page == len(pages) - 1 else ''}\n\\end{{table}}\n"
            )
        return "\n".join(found)

    def _pages(self, groups: list[dict[int, int]], most: int) -> list[list[tuple[TableCell, ...]]]:
        """The rows of each environment, whose parts have at most about so many lines together."""
        pages: list[list[tuple[TableCell, ...]]] = [[]]
        lines = 0
        for row in self.rows:
            sizes = [
                [(_points(latex_text(row[j].text)), size) for j, size in each.items()] for each in groups
            ]
            lines += sum(max(-(-own // size) if size else 1 for own, size in each) for each in sizes)
            if lines > most and pages[-1]:
                pages.append([])
                lines = len(groups)
            pages[-1].append(row)
        return pages

    def _tabular(self, rows: Sequence[tuple[TableCell, ...]], group: dict[int, int]) -> str:
        """The columns of `group`, each with its width in pt if its text is to be broken and 0 if not."""
        from tabulate import DataRow, Line, TableFormat, tabulate

        form = TableFormat(
            lineabove=Line("\\toprule", "", "", ""),
            linebelowheader=Line("\\midrule", "", "", ""),
            linebetweenrows=None,
            linebelow=Line("\\bottomrule", "", "", ""),
            headerrow=DataRow("", " & ", " \\\\"),
            datarow=DataRow("", " & ", " \\\\"),
            padding=0,
            with_header_hide=None,
        )
        body = tabulate(
            [[latex_text(row[j].text) for j in group] for row in rows],
            headers=[self._latex_heading(self.columns[j]) for j in group],
            tablefmt=form,
            stralign=None,
            disable_numparse=True,
        )
        broken = r">{\raggedright\arraybackslash}p{%dpt}"
        columns = "".join(broken % size if size else self.columns[j].align[0] for j, size in group.items())
        return f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n{body}\n\\end{{tabular}}"

    def _latex_groups(self, room: int) -> list[dict[int, int]]:
        """The columns of each part of the LaTeX table, with the width of those whose text is to be broken."""
        texts = [
            [self._latex_heading(column), *(latex_text(row[j].text) for row in self.rows)]
            for j, column in enumerate(self.columns)
        ]
        whole = [max(map(_points, each)) for each in texts]
        least = [
            max((_points(word) for text in each for word in text.split()), default=0)
            if column.align == "left"
            else size
            for column, each, size in zip(self.columns, texts, whole, strict=True)
        ]
        wanted = [c.width or size for c, size in zip(self.columns, whole, strict=True)]
        return [
            {j: size if size < whole[j] else 0 for j, size in group.items()}
            for group in _grouped(wanted, least, room, LATEX_GAP, 0)
        ]

    def _latex_heading(self, column: Column) -> str:
        name = column.latex or latex_text(column.name)
        return f"{name} [{latex_text(column.unit)}]" if column.unit else name

    def to_rich(self, width: int) -> list[rich.table.Table]:
        """The body for a rich console of this width; title and notes are printed around it.

        What does not fit becomes several tables one below the other, each with the first column.
        """
        import rich.box
        from rich.markup import escape
        from rich.table import Table as RichTable

        tables = []
        for group in self._groups(width):
            table = RichTable(box=rich.box.SIMPLE_HEAD, pad_edge=False)
            for j, size in group.items():
                column = self.columns[j]
                heading = escape(printable(column.heading()))
                table.add_column(
                    heading,
                    justify="left" if column.align == "left" else "right",
                    width=size,
                    overflow="fold",
                )
            for row in self.rows:
                table.add_row(*(escape(printable(row[j].text)) for j in group))
            tables.append(table)
        return tables

    def _groups(self, width: int) -> list[dict[int, int]]:
        """The columns of each part of the table, with the width of each: only text is broken, and only
        between words.
        """
        texts = [
            [column.heading(), *(row[j].text for row in self.rows)] for j, column in enumerate(self.columns)
        ]
        words = [[word for text in column for word in printable(text).split()] for column in texts]
        whole = [max(len(printable(text)) for text in column) for column in texts]
        least = [max(map(len, each), default=0) for each in words]
        for j, column in enumerate(self.columns):
            if column.align != "left":
                least[j] = max([least[j], *(len(printable(text)) for text in texts[j][1:])])
        return _grouped(whole, least, width, 3, -1)


def _grouped(whole: list[int], least: list[int], room: int, gap: int, less: int) -> list[dict[int, int]]:
    """Columns side by side as long as they fit into `room` when they are as narrow as may be, each part with
    the first; then widened as far as there is room. A line takes its columns and a `gap` after each, and
    `less`.
    """

    def needed(widths: Iterable[int]) -> int:
        each = list(widths)
        return sum(each) + gap * len(each) + less

    groups: list[dict[int, int]] = [{}]
    for j, size in enumerate(least):
        if len(groups[-1]) > 1 and needed([*groups[-1].values(), size]) > room:
            groups.append({0: least[0]})
        groups[-1][j] = size
    for group in groups:
        for j in group:
            group[j] += max(0, min(whole[j] - group[j], room - needed(group.values())))
    return groups


def _points(text: str) -> int:
    """About how wide LaTeX text is in a table, in pt, rather too wide than too narrow."""
    plain = re.sub(r"\^\{?([^{}]*)\}?", lambda match: match[1][: -(-2 * len(match[1]) // 3)], text)
    plain = re.sub(r"\\(times|le|ge|pm|approx) ?", "mm", plain)
    plain = re.sub(r"\\[a-zA-Z]+ ?", "m", plain).translate(str.maketrans("", "", "${}\\"))
    return -(-len(plain) * 43 // 10) + 1


def _needed(widths: Iterable[int]) -> int:
    """How many characters a line of columns with these widths takes."""
    each = list(widths)
    return sum(each) + 3 * len(each) - 1


# -- numbers -------------------------------------------------------------------------------------------------


def number_text(value: Any, digits: int = 5) -> str:
    """`value` (int, Fraction, float or mpmath number, of any size) to `digits` significant digits: 0.03466,
    1.5e-8.
    """
    context = mp_arithmetic(max(digits, 15) + 5).context
    if isinstance(value, Fraction):
        value = context.mpf(value.numerator) / value.denominator
    if value == 0:
        return "0"
    text = context.nstr(context.mpf(value), digits, strip_zeros=False, min_fixed=-4, max_fixed=digits)
    mantissa, e, exponent = str(text).partition("e")
    if not e:
        return mantissa.removesuffix(".")
    # A mantissa of zeros after the point is an exact power as far as the digits go: 1e-5, not 1.0000e-5.
    whole, _, part = mantissa.partition(".")
    mantissa = whole if not part.strip("0") else mantissa
    return f"{mantissa}e{int(exponent)}"


def number_cell(value: Any, digits: int = 5, raw_digits: int = 17) -> TableCell:
    """A cell with `digits` digits for people; `raw_digits` digits for programs (whole numbers stay exact)."""
    if isinstance(value, int):
        return TableCell(str(value))
    if isinstance(value, Fraction) and value.denominator == 1 and abs(value) < 10**15:
        return TableCell(number_text(value, digits), format_rational(value))
    return TableCell(number_text(value, digits), number_text(value, raw_digits))


def fixed_cell(value: Any, decimals: int = 4, raw_digits: int = 17) -> TableCell:
    """A cell with `decimals` digits after the point, for columns of numbers of one scale (angles,
    logarithms).
    """
    return TableCell(f"{float(value):.{decimals}f}", number_text(value, raw_digits))


# -- text for LaTeX and Markdown -----------------------------------------------------------------------------

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$",
}  # fmt: skip
_SYMBOLS = {
    "δ": r"\delta", "θ": r"\theta", "κ": r"\kappa", "γ": r"\gamma", "β": r"\beta", "λ": r"\lambda",
    "ρ": r"\rho", "σ": r"\sigma",
    "τ": r"\tau", "ω": r"\omega", "α": r"\alpha", "ε": r"\varepsilon", "‖": r"\|", "·": r"\cdot ",
    "≤": r"\le ", "≥": r"\ge ",
    "±": r"\pm ", "∞": r"\infty", "−": "-", "°": r"^\circ", "⁺": "^+", "⁻": "^-", "×": r"\times ",
    "→": r"\to ", "≈": r"\approx ",
    "∈": r"\in ", "∇": r"\nabla ", "∂": r"\partial ", "Σ": r"\sum ", "𝑐": "c", "𝑓": "f", "𝑅": "R",
    **{digit: f"^{value}" for value, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{digit: f"_{value}" for value, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?(\d[\d.]*|\.\d+|inf|nan)([eE][-+]?\d+|/\d+|\*2\^-?\d+)?\Z")
_SCIENTIFIC = re.compile(
    r"(?<![\w.])([-−]?)(\d+(?:\.\d+)?)[eE]([-+]?\d+)(?!\w|\.\d)|(?<![\w.)])[-−](?=\d)|‖(\w+)‖|√(\w+)"
)


def latex_text(text: str) -> str:
    """Plain text as LaTeX: `1e-05` becomes $10^{-5}$, Greek letters and signs mathematics, specials are
    escaped.
    """
    pieces, end = [], 0
    for match in _SCIENTIFIC.finditer(text):
        pieces.append(_escape(text[end : match.start()]))
        end = match.end()
        if match[4] or match[5]:
            pieces.append(rf"$\|{_escape(match[4])}\|$" if match[4] else rf"$\sqrt{{{_escape(match[5])}}}$")
            continue
        if match[2] is None:
            pieces.append("$-$")
            continue
        sign, mantissa, exponent = "-" if match[1] else "", match[2], int(match[3])
        factor = "" if Fraction(mantissa) == 1 else mantissa + r" \times "
        pieces.append(f"${sign}{factor}10^{{{exponent}}}$")
    pieces.append(_escape(text[end:]))
    return "".join(pieces).replace("$$", "")


def _escape(text: str) -> str:
    return "".join(f"${_SYMBOLS[c]}$" if c in _SYMBOLS else _SPECIAL.get(c, c) for c in printable(text))


def _markdown(text: str) -> str:
    return re.sub(r"([\\|*_`<\[])", r"\\\1", printable(text)).replace("\n", " ")


def _csv(text: str) -> str:
    """A cell for programs; text that a spreadsheet would take for a formula gets an apostrophe, a number
    never.
    """
    formula = text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.match(text)
    return printable("'" + text if formula else text)


def write_table(table: Table, folder: Any, name: str) -> list[str]:
    """Write `name`.tex, .md and .csv into the existing `folder`, each atomically, and `name`-narrow.tex if a
    column of two needs another table; returns the file names.
    """
    from pathlib import Path

    from certflow.atomic import write_atomically

    texts = {".tex": table.to_latex(), ".md": table.to_markdown(), ".csv": table.to_csv()}
    narrow = table.to_latex(narrow=True)
    if narrow != texts[".tex"]:
        texts["-narrow.tex"] = narrow
    for ending, text in texts.items():
        write_atomically(Path(folder) / f"{name}{ending}", text)
    return [f"{name}{ending}" for ending in texts]
