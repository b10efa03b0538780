"""What users import: names are typed, returned types are exported, reprs are short, results pickle."""

import ast
import inspect
import json
import os
import pickle
import subprocess
import sys
import typing
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rich.table
from source_tree import ROOT

import certflow as cf
from certflow.certificates import canonical_text, sha256

EXAMPLE = """
import certflow as cf

problem = cf.Problem(cf.TwoLayer(inputs=3, width=4, power=2), [[1, 2, 3]], ["1/2"], seed=1)
label: str | None = cf.classify(problem).theorem
kkt = cf.kkt_points(problem)
value: cf.Ball = kkt[0].value
largest: cf.Ball | None = kkt.n_max
maxima: list[cf.KKTPoint] = kkt.maxima
theorem = cf.certify(problem, epsilon="1/100")
proved: bool = theorem.outcome is cf.Outcome.PROVED
point: cf.KKTBall | None = theorem.blocks[0].kkt_point
times = theorem.at("1e-1000").time_to("1/10")
lower = None if times is None else times[0] + 1
theorem.save("theorem.json")
assert cf.check("theorem.json").accepted
flow: cf.ReferenceFlow = cf.reference_flow(problem, "1e-1000", time=6)
N = cf.correlation(problem)
exact = N(problem.direction) + 1
"""


def names() -> list[str]:
    return sorted(set(cf.__all__) - {"__version__"})


def test_type_checkers_and_the_interpreter_find_the_same_names() -> None:
    tree = ast.parse((ROOT / "certflow/__init__.py").read_text("utf-8"))
    imported = {
        (each.asname, node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("certflow.")
        for each in node.names
    }
    assert imported == {(name, getattr(cf, name).__module__) for name in names()}


def test_no_public_function_has_the_name_of_a_folder_or_module() -> None:
    taken = {path.stem for path in (ROOT / "certflow").iterdir()}
    assert [name for name in names() if name in taken] == []


def type_checked(text: str, folder: Path) -> tuple[int, str]:
    """What mypy says to a user's file against certflow as it is installed."""
    pytest.importorskip("mypy")
    (folder / "user.py").write_text(text, "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "user.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "MYPYPATH": "" if "site-packages" in cf.__file__ else str(ROOT)},
    )
    return run.returncode, run.stdout


def test_a_type_checker_accepts_what_users_write(tmp_path: Path) -> None:
    assert type_checked(EXAMPLE, tmp_path) == (0, "Success: no issues found in 1 source file\n")


def test_a_type_checker_refuses_what_is_wrong(tmp_path: Path) -> None:
    wrong = EXAMPLE.replace("value: cf.Ball =", "value: cf.Table =").replace("cf.classify(", "cf.clasify(")
    code, said = type_checked(wrong, tmp_path)
    assert code == 1
    assert 'has no attribute "clasify"' in said
    assert "Incompatible types in assignment" in said


INNER = {"Network", "Forward", "Node"}
"""What networks give to number systems, and not to users."""


def classes_in(annotation: object) -> set[type]:
    """The classes of certflow that an annotation names."""
    if inspect.isclass(annotation) and not typing.get_args(annotation):
        return {annotation} if annotation.__module__.startswith("certflow") else set()
    return {found for part in typing.get_args(annotation) for found in classes_in(part)}


def test_every_returned_type_is_exported() -> None:
    exported = {getattr(cf, name) for name in names()}
    # Imported where they are only for type checkers.
    for_type_checkers = {name: getattr(cf, name) for name in names()} | {
        "PathLike": os.PathLike,
        "rich": rich,
    }
    missing = set()
    for each in sorted(exported, key=lambda found: found.__name__):
        functions = (
            [each]
            if inspect.isfunction(each)
            else [
                method.fget if isinstance(method, property) else method
                for name, method in vars(each).items()
                if name[0] != "_" and (inspect.isfunction(method) or isinstance(method, property))
            ]
        )
        for function in functions:
            annotation = typing.get_type_hints(function, localns=for_type_checkers).get("return")
            given = {found for found in classes_in(annotation) if found.__name__ not in INNER} - exported
            missing |= {f"{function.__qualname__} -> {found.__name__}" for found in given}
    assert sorted(missing) == []


@cache
def results() -> dict[str, object]:
    problem = cf.Problem(
        cf.OneLayer(2, 2, power=2), [[1, 0], ["3/5", "4/5"]], [5, "9/5"], direction=[1, 2, 3, 1]
    )
    theorem = cf.certify(problem)
    near = cf.near_origin(problem)
    kkt = cf.kkt_points(problem)
    return {
        "problem": problem,
        "structure": cf.classify(problem),
        "correlation": cf.correlation(problem),
        "theorem": theorem,
        "claim": theorem.claim,
        "block": theorem.blocks[0],
        "KKT ball": theorem.blocks[0].kkt_point,
        "law": theorem.blocks[0].law,
        "answer": theorem.at("1e-1000"),
        "verdict": theorem.check(),
        "KKT points": kkt,
        "KKT point": kkt[0],
        "basin": kkt.basins(),
        "near origin": near,
        "time bound": near.factor_time(4),
        "flow": cf.reference_flow(problem, "1e-1000", time=1, digits=10, check=False),
        "limit flow": cf.limit_flow(problem, time=1, digits=10, check=False),
        "descent": cf.gradient_descent(problem, "1/100", "1/100", 5),
    }


@pytest.mark.parametrize("name", list(results()))
def test_results_have_short_reprs(name: str) -> None:
    most = 1_500 if name == "KKT points" else 1_000 if name == "basin" else 320
    assert 10 < len(repr(results()[name])) <= most, repr(results()[name])


@pytest.mark.parametrize("name", list(results()))
def test_results_pickle(name: str) -> None:
    again = pickle.loads(pickle.dumps(results()[name]))
    assert type(again) is type(results()[name])
    assert repr(again) == repr(results()[name])


def test_a_theorem_says_itself() -> None:
    theorem = results()["theorem"]
    assert isinstance(theorem, cf.Theorem)
    assert str(theorem).startswith("For every δ in (0, ")
    assert theorem.delta_bar == theorem.claim.delta_bar
    assert repr(theorem).endswith("2 blocks, accepted by the checker>")
    (table,) = theorem.tables
    assert [row[0].text for row in table.rows] == ["1", "2"]


def test_what_is_not_proved_is_said_in_one_sentence(tmp_path: Path) -> None:
    theorem = cf.Theorem(cf.Problem.figure1(), cf.Outcome.INCONCLUSIVE, "the flow branches.")
    assert (theorem.delta_bar, theorem.blocks, theorem.tables) == (None, (), [])
    assert (str(theorem), repr(theorem)) == (
        "inconclusive: the flow branches.",
        "<Theorem: inconclusive, the flow branches.>",
    )
    asked = (lambda: theorem.at(1), theorem.latex, theorem.check, lambda: theorem.save(tmp_path / "c.json"))
    for ask in asked:
        with pytest.raises(cf.BadInput, match=r"nothing is proved that could be .*: the flow branches\.$"):
            ask()


def test_a_theorem_is_saved_and_loaded(tmp_path: Path) -> None:
    theorem, file = results()["theorem"], tmp_path / "theorem.json"
    assert isinstance(theorem, cf.Theorem)
    theorem.save(file)
    again = cf.Theorem.load(file)
    assert (again.claim, again.sha256, again.problem.sha256) == (
        theorem.claim,
        theorem.sha256,
        theorem.problem.sha256,
    )
    assert (again.outcome, again.checked) == (cf.Outcome.PROVED, True)
    assert (str(again), repr(again), again.latex()) == (str(theorem), repr(theorem), theorem.latex())
    late = cf.Theorem.load(file, time_limit="1e-9")
    assert (late.outcome, late.claim, late.fault) == (cf.Outcome.INCONCLUSIVE, None, None)
    assert "time limit" in late.reason
    file.write_text("{}", "utf-8")
    with pytest.raises(cf.BadInput, match="is not a certificate"):
        cf.Theorem.load(file)
    assert cf.check(file).verdict == "malformed"


def forged(theorem: cf.Theorem, change: Callable[[dict[str, Any]], None]) -> str:
    """The certificate with another claim, under its hash."""
    content = json.loads(theorem.certificate)
    change(content["claim"])
    del content["sha256"]
    return canonical_text({**content, "sha256": sha256(canonical_text(content))}) + "\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda claim: claim.update(delta_bar="1/2"),
        lambda claim: claim["blocks"][1]["kkt_point"].update(centre=[]),
        lambda claim: claim["blocks"][0]["kkt_point"]["centre"].__setitem__(1, "1" + "0" * 3000),
        lambda claim: claim.update(blocks=[]),
    ],
    ids=["a larger delta_bar", "no centre", "a centre of 3,001 digits", "no blocks"],
)
def test_a_forged_certificate_is_no_theorem(tmp_path: Path, change) -> None:
    theorem, file = results()["theorem"], tmp_path / "forged.json"
    assert isinstance(theorem, cf.Theorem)
    text = forged(theorem, change)
    file.write_text(text, "ascii")
    loaded = cf.Theorem.load(file)
    shown = replace(theorem, certificate=text, checked=False)
    assert repr(shown).startswith("<Theorem early-direction: not checked, claimed for every δ in (0, ")
    assert not shown.check().accepted
    for found in (loaded, shown):
        assert (found.outcome, found.claim, found.delta_bar, found.checked) == (
            "inconclusive",
            None,
            None,
            False,
        )
        assert found.fault is not None and found.fault["rule"].startswith("R")
        assert str(found).startswith("inconclusive: the checker refuses the certificate (R")
        assert repr(found).startswith("<Theorem: inconclusive, the checker refuses")
        for ask in (found.latex, found.check, lambda found=found: found.at("1/4")):
            with pytest.raises(cf.BadInput, match="nothing is proved that could be"):
                ask()


def test_a_ball_of_any_numbers_has_a_short_repr() -> None:
    for centre in ((Fraction(10) ** 3000, Fraction(1)), (), (Fraction(0), Fraction(0))):
        assert repr(cf.KKTBall(centre, Fraction(1, 10))).startswith("<KKTBall: within 0.1 radians of (")


def test_statements_without_a_latex_theorem_say_so(tmp_path: Path) -> None:
    basin = cf.certify(results()["problem"], statement="basin")
    assert basin.outcome is cf.Outcome.PROVED and "converges" in str(basin)
    with pytest.raises(cf.BadInput, match="no LaTeX theorem of basin, only of early-direction"):
        basin.latex()
    basin.save(tmp_path / "basin.json")
    with pytest.raises(cf.BadInput, match="basin are checked and shown, not loaded"):
        cf.Theorem.load(tmp_path / "basin.json")


def test_the_ncf_is_a_function_of_the_weights() -> None:
    problem = cf.Problem.figure1()
    N = cf.correlation(problem)
    w = problem.direction
    assert sum(g * v for g, v in zip(N.gradient_at(w), w, strict=True)) == 2 * N(w)  # Euler
    assert N(2 * w) == 4 * N(w)
    assert N.enclosed(w, 40).contains(N(w))
    with pytest.raises(cf.BadInput, match="w: 1 entries for 40 weights"):
        N([1])
    roots = cf.Problem(cf.Expression(["a", "b"], ["x"], "b*sqrt(a*b)*exp(x)"), [[1]], [1], direction=[1, 2])
    with pytest.raises(cf.BadInput, match=r"not rational there .*enclosed\(w, digits\) encloses it\.$"):
        cf.correlation(roots)([1, 2])
    value = cf.correlation(roots).enclosed([1, 2])
    assert value.overlaps(cf.Ball(8, 200).sqrt() * cf.Ball(1, 200).exp())
    with pytest.raises(cf.BadInput, match="divides by zero there"):
        cf.correlation(
            cf.Problem(cf.Expression(["a", "b"], ["x"], "a**3/b*x"), [[1]], [1], direction=[1, 2])
        )([1, 0])
