"""What a LaTeX theorem says of its problem, and that it compiles in articles of one and of two columns."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from problem_texts import POWER_1

import certflow as cf
from certflow.certificates import sha256
from certflow.tables import Column, Table
from certflow.theorems.setting import BIBLIOGRAPHY, PACKAGES, WARNING, background, from_direction, setting

X, Y = [[1, 0], ["3/5", "4/5"], [-1, "1/2"]], [5, "-9/5", 1]
GIVEN = {1: [[1, 0], [0, 1]]}


def said_of(problem: cf.Problem) -> str:
    return setting(problem, from_direction(problem))


@pytest.mark.parametrize(
    ("network", "loss", "said"),
    [
        (
            cf.OneLayer(2, 2, power=2, signs=[1, -1]),
            "square",
            [
                r"\[ H(x; w) = \sum_{j=1}^{2} c_j\,\sigma(u_j \cdot x) \]",
                r"$\sigma(t) = \max(0, t)^{2}$",
                r"$w = (u_1, \dots, u_{2}) \in \mathbb{R}^{4}$",
                r"$c = (1, -1)$",
                r"\ell(s, y) = \tfrac12 (s - y)^2",
                r"$z_i = \tfrac{1}{3}\,y_i$",
                r"homogeneous of order $2$",
            ],
        ),
        (
            cf.TwoLayer(2, 2, power=2, alpha="1/3"),
            "square",
            [r"v_j\,\sigma(w_j \cdot x)", r"\max(t,\,", r"\in \mathbb{R}^{6}$", r"order $3$"],
        ),
        (
            cf.FeedForward([2, 2, 3, 1], power=2, trained=[2, 3], given=GIVEN),
            "square",
            [r"$H(x; w) = W_{3} \sigma(W_{2} \sigma(W_{1} x))$", r"the layers $\ell = 2, 3$ trained"],
        ),
        (
            cf.Expression(["a", "b"], ["x1", "x2"], "a*a*x1 - b*b*x2"),
            "square",
            [r"Let $H(x; w) = ", r"\mathbb{R}^{2}$"],
        ),
    ],
)
def test_the_setting_defines_all_that_the_theorem_speaks_of(network, loss, said) -> None:
    text = said_of(cf.Problem(network, X, Y, loss=loss, seed=1))
    for piece in [*said, r"\tfrac{3}{5} & \tfrac{4}{5} & -\tfrac{9}{5}", r"\dot w = -\nabla \mathcal{L}(w)"]:
        assert piece in text, piece
    assert text.count("{") == text.count("}")


def test_long_data_and_directions_are_left_to_the_certificate() -> None:
    text = said_of(cf.Problem.figure1())
    assert "$i = 1, \\dots, 50$, be those of the certificate." in text
    assert "where $w_0$ is the unit vector in the direction of the certificate" in text
    short = cf.Problem(
        cf.OneLayer(2, 1, power=2), [[1, 2]], [1], loss="logistic", reduction="sum", direction=[1, "-1/2"]
    )
    text = said_of(short)
    assert r"is the unit vector in the direction $(1, -\tfrac{1}{2})$" in text
    assert r"2 \log(1 + e^{-y s})" in text and r"$z_i = y_i$" in text and r"(x_1, y_1)" in text


def test_what_is_cited_is_in_the_bibliography() -> None:
    keys = set(re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY, re.M))
    cited = {re.findall(r"cite.(\w+)", background(order))[0] for order in (2, 3, 7)}
    assert cited | {"certflow"} <= keys and len(cited) == 2
    assert all(
        f"arxiv.org/abs/{number}" in BIBLIOGRAPHY for number in ("2402.09226", "2403.08121", "2502.15952")
    )


@pytest.fixture(scope="module")
def theorems() -> list[tuple[cf.Theorem, str]]:
    problems = (
        cf.Problem(cf.OneLayer(2, 2, power=2, signs=[1, -1]), X, Y, direction=["1", "1/2", -1, 1]),
        cf.Problem(cf.TwoLayer(2, 2, power=2), X, [1, -1, 1], loss="logistic", seed=1),
        cf.Problem.from_toml_text(POWER_1),
    )
    found = [cf.certify(problem) for problem in problems]
    return [(theorem, theorem.latex()) for theorem in found]


def test_the_theorem_names_its_kkt_points_and_its_certificate(theorems) -> None:
    for theorem, text in theorems:
        plain = text.replace(r"\allowbreak ", "")
        assert sha256(theorem.certificate) in plain and theorem.problem.sha256 in plain
        assert text.startswith(PACKAGES) and r"\label{thm:early-direction}" in text
        assert background(theorem.problem.order) in text and r"\cite{certflow}" in text
    blocks = theorems[0][0].blocks
    assert r"\label{tab:blocks}" in theorems[0][1] and len(blocks) == 2
    assert (
        "coordinates (the 6 weights layer by layer and row by row), each right to one unit" in theorems[1][1]
    )


def test_what_was_not_checked_says_so_on_paper() -> None:
    unchecked = cf.certify(cf.Problem(cf.OneLayer(2, 1, power=2), X, Y, direction=[1, "1/2"]), check=False)
    assert unchecked.latex().startswith(WARNING) and r"\textbf{Not checked:}" in WARNING
    assert unchecked.check().accepted and "ot checked" not in unchecked.latex()


def test_a_dead_network_cites_no_paper_and_defines_no_kkt_point() -> None:
    dead = cf.Problem(cf.OneLayer(2, 1, power=2), [[1, 0], ["3/5", "4/5"]], [5, "9/5"], direction=[-1, -1])
    text = cf.certify(dead).latex()
    assert "dead from the horizon on" in text
    assert "Kumar" not in text and "KKT" not in text


def test_a_start_angle_defines_the_start_once() -> None:
    problem = cf.Problem(cf.OneLayer(2, 2, power=2), X, Y, direction=[1, "1/2", 1, 1])
    text = cf.certify(problem, start_angle="1/1000").latex()
    assert text.count("where $w_0$ is") == 1 and "is any unit vector within the angle $0.001$" in text
    assert r"and every such $w_0$." in text


def test_the_time_near_origin_stands_alone_and_is_read_back(tmp_path: Path) -> None:
    for order, network, time in (
        (2, cf.OneLayer(2, 2, power=2), r"\frac{\ln C}{4 M}"),
        (3, cf.TwoLayer(2, 2, power=2), r"\frac{1 - C^{-1/2}}{3\,M\,\delta}"),
        (7, cf.FeedForward([2, 2, 2, 1], power=2), r"\frac{1 - C^{-5/2}}{35\,M\,\delta^{5}}"),
    ):
        problem = cf.Problem(network, X, Y, seed=1)
        theorem = cf.certify(problem, statement="time-near-origin")
        text = theorem.latex()
        assert time in text and rf"homogeneous of order ${order}$" in text and "any $w(0)$ with" in text
        assert "where $w_0$ is" not in text and sha256(theorem.certificate)[:8] in text
        theorem.save(tmp_path / "time.json")
        again = cf.Theorem.load(tmp_path / "time.json")
        assert (again.claim, again.latex()) == (theorem.claim, text)
        assert complaints(text, 1, tmp_path) == complaints(text, 2, tmp_path) == []
    falling = cf.certify(
        cf.Problem(cf.OneLayer(2, 1, power=2), X, [-1, -1, -1], seed=1), statement="time-near-origin"
    )
    assert r"$N \le 0$. Then $\|w(t)\| \le \delta$" in falling.latex()
    for wrong in (
        {"order": 1},
        {"method": 3},
        {"n_max_upper": "-1"},
        {"statement": "basin"},
        {"assumptions": []},
    ):
        with pytest.raises(cf.BadInput, match=r"^claim"):
            type(falling.claim).from_json({**falling.claim.to_json(), **wrong})


def document(text: str, columns: int) -> str:
    """An article whose columns are 345 and 240 pt wide."""
    two = "[twocolumn]" if columns == 2 else ""
    size = r"\textwidth=490pt \columnsep=10pt" if columns == 2 else ""
    return (
        rf"\documentclass{two}{{article}}{size}\usepackage{{amsmath,amssymb,array,booktabs}}"
        "\n\\newtheorem{theorem}{Theorem}\n\\begin{document}\n" + text + "\n\\end{document}\n"
    )


def complaints(text: str, columns: int, folder: Path) -> list[str]:
    """The errors and overfull boxes of pdflatex."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    (folder / "paper.tex").write_text(document(text, columns), "utf-8")
    for _ in range(2):
        subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "paper"], cwd=folder, capture_output=True, check=False
        )
    log = (folder / "paper.log").read_text("utf-8", errors="replace")
    return re.findall(r"^Overfull \\hbox.*|^!.*|.*Float too large.*|.*[Rr]eference .* undefined.*", log, re.M)


@pytest.mark.parametrize("columns", [1, 2])
def test_theorems_compile(theorems, columns: int, tmp_path: Path) -> None:
    for _, text in theorems:
        assert complaints(text, columns, tmp_path) == []


@pytest.mark.parametrize("columns", [1, 2])
def test_wide_and_long_tables_compile(columns: int, tmp_path: Path) -> None:
    names = [Column("name", align="left"), *(Column(f"n{j}", "rad", latex="$N_j$") for j in range(9))]
    table = Table("Wide", names, label="tab:wide")
    for row in range(60):
        table.add(
            f"row {row} of many words, more than one line holds", *(f"{j}.2345e-{row}" for j in range(9))
        )
    table.notes.append("A note of many words, " * 8)
    text = table.to_latex(narrow=columns == 2)
    assert text.count("row 7 of") == len(re.findall(r"\\begin\{tabular\}", text)) // text.count(
        r"\begin{table}"
    )
    assert complaints(text, columns, tmp_path) == []


def test_an_overfull_box_is_noticed(tmp_path: Path) -> None:
    assert complaints(r"\noindent\mbox{" + "wide " * 90 + "}", 1, tmp_path) != []


NIGHTLY = os.environ.get("CERTFLOW_PROFILE") == "nightly"
EXPRESSION = cf.Problem(
    cf.Expression(["a_1", "b"], ["x1", "x2"], "a_1**2*x1 - b*abs(b)*x2"), [[1, 2], [3, 4]], [1, 2], seed=1
)
DEEP = cf.Problem(cf.FeedForward([2, 2, 2, 1], power=2), X, Y, seed=2)
RELU = cf.Problem(cf.TwoLayer(2, 3), X, Y, seed=8)


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes; the nightly target runs it")
@pytest.mark.parametrize("problem", ["figure1", "l3-k20-s1", EXPRESSION, DEEP, RELU], ids=str)
def test_every_tex_file_of_the_main_job_compiles(problem, tmp_path: Path) -> None:
    cf.verify(problem, tmp_path / "results")
    files = {path.stem: path.read_text("utf-8") for path in (tmp_path / "results").glob("*.tex")}
    assert len(files) >= 3
    for name, text in files.items():
        narrow = name.endswith("-narrow")
        if not narrow:
            assert complaints(text, 1, tmp_path) == [], name
        if narrow or f"{name}-narrow" not in files:
            assert complaints(text, 2, tmp_path) == [], name


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes; the nightly target runs it")
@pytest.mark.parametrize("problem", ["figure1", "l3-k20-s1", EXPRESSION, DEEP, RELU], ids=str)
def test_the_latex_of_the_commands_compiles(problem, tmp_path: Path) -> None:
    table = cf.kkt_points(problem, budget=cf.Budget(boxes=2_000, starts=8)).table()
    assert (
        complaints(table.to_latex(), 1, tmp_path)
        == complaints(table.to_latex(narrow=True), 2, tmp_path)
        == []
    )
    assert complaints(cf.correlation(problem).latex(), 1, tmp_path) == []
