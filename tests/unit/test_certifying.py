"""The checker has the last word: nothing is announced that it has not accepted in the same run."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from problem_texts import POWER_1

import certflow
from certflow import certifying
from certflow.certifying import Faulty, Theorem, certify
from certflow.checker import Verdict, check_text
from certflow.checker.meant import Comparison
from certflow.cli.commands import main
from certflow.experiments.theorem import save_theorem, save_times, theorem_text
from certflow.experiments.verify import verify
from certflow.outcome import BadInput, ExitCode, Fate, Outcome
from certflow.problem import Problem
from certflow.running import deadline
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction import prove as convergence
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.claim import Block

TOML = """
[network]
kind = "one-layer"
width = 1
activation = { alpha = "0", power = 2 }
[data]
X = [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]]
y = ["5", "9/5", "1"]
[initialization]
direction = ["1", "1/2"]
"""


@pytest.fixture(scope="module")
def proved() -> Certified:
    """What the prover finds for the problem of this file."""
    return convergence.certify(Problem.from_toml_text(TOML))


@pytest.fixture
def prover(proved: Certified, monkeypatch: pytest.MonkeyPatch) -> Certified:
    """The prover finds the same again without its work."""
    monkeypatch.setattr(convergence, "certify", lambda *_, **__: proved)
    return proved


@pytest.fixture
def bold(proved: Certified, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prover that claims twice the delta_bar that it has proved."""
    wrong = replace(proved, claim=replace(proved.claim, delta_bar=2 * proved.claim.delta_bar))
    monkeypatch.setattr(convergence, "certify", lambda *_, **__: wrong)


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(TOML, encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def verdicts(monkeypatch: pytest.MonkeyPatch, *found: Verdict) -> list[float | None]:
    """Let the checker say these; returns the list of the time limits that it is given."""
    limits: list[float | None] = []
    answers = iter(found)

    def check(text: str, limit: float | None) -> Verdict:
        limits.append(limit)
        return next(answers)

    monkeypatch.setattr(certifying, "check_text", check)
    return limits


def test_the_public_name_is_the_one_that_checks() -> None:
    assert certflow.certify is certify


def test_what_is_announced_is_what_the_checker_accepts(prover: Certified) -> None:
    found = certify(prover.problem)
    assert (found.outcome, found.checked, found.fault, found.claim) == ("proved", True, None, prover.claim)
    assert check_text(found.certificate).verdict == "accepted"
    assert json.loads(found.certificate)["claim"] == found.claim.to_json()


def test_what_the_checker_refuses_is_a_fault_and_no_theorem(bold: None, problem: str) -> None:
    found = certify(Problem.from_toml(problem))
    assert (found.outcome, found.claim, found.evidence, found.certificate, found.checked) == (
        "inconclusive",
        None,
        (),
        "",
        False,
    )
    assert found.fault is not None
    assert found.fault["rule"].startswith("R") and found.fault["where"]
    assert all(part in found.reason for part in (found.fault["rule"], found.fault["where"], "report"))
    assert found.record("c.json")["fault"] == found.fault
    assert theorem_text(found).startswith("No uniform theorem was proved: the checker refuses")


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--latex"]])
def test_a_refused_certificate_is_not_written(
    bold: None, problem: str, tmp_path: Path, arguments: list[str]
) -> None:
    out = tmp_path / "cert.json"
    result = run("certify", problem, "--out", str(out), *arguments)
    assert (result.exit_code, out.exists()) == (3, False)
    assert result.stderr.startswith("certflow: inconclusive: the checker refuses")
    assert "please report it" in result.stderr and result.stderr.count("\n") == 1
    if arguments == ["--json"]:
        record = json.loads(result.stdout)
        assert (record["certificate"], record["sha256"], record["checked"], record["claim"]) == (
            None,
            None,
            False,
            None,
        )
        assert set(record["fault"]) == {"rule", "where", "reason"}
    else:
        assert result.stdout == ""


def test_a_file_of_an_earlier_run_stays_and_is_called_so(bold: None, problem: str, tmp_path: Path) -> None:
    out = tmp_path / "cert.json"
    out.write_text("earlier", encoding="utf-8")
    result = run("certify", problem, "--out", str(out))
    assert f"the file {out} is of an earlier run" in result.stderr
    assert out.read_text(encoding="utf-8") == "earlier"


def test_without_the_check_the_words_say_so(bold: None, problem: str, tmp_path: Path) -> None:
    out = tmp_path / "cert.json"
    words = run("certify", problem, "--no-check", "--out", str(out))
    assert (words.exit_code, words.stdout.startswith("NOT CHECKED")) == (0, True)
    assert words.stdout.count("NOT CHECKED") == 2
    assert "ccepted" not in words.stdout
    assert run("check", str(out)).exit_code == 1
    latex = run("certify", problem, "--no-check", "--out", str(out), "--latex")
    assert latex.stdout.startswith("% NOT CHECKED")
    assert "NOT CHECKED" in latex.stderr
    record = run("certify", problem, "--no-check", "--out", str(out), "--json")
    assert json.loads(record.stdout)["checked"] is False
    assert "NOT CHECKED" in record.stderr
    assert certify(Problem.from_toml(problem), check=False).checked is False


def test_with_the_check_the_words_say_so(prover: Certified, problem: str, tmp_path: Path) -> None:
    result = run("certify", problem, "--out", str(tmp_path / "cert.json"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Accepted by the independent checker" in result.stdout
    assert "NOT CHECKED" not in result.stdout


BRANCHES = {"outcome": Outcome.BRANCHES, "reason": "the limit flow branches.", "try_": "another seed"}
SAID = "certflow: branches: the limit flow branches; to try: another seed.\n"


def test_a_flow_that_branches_is_exit_code_3_with_what_to_try(
    proved: Certified, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = replace(proved, claim=None, evidence=(), **BRANCHES)
    monkeypatch.setattr(convergence, "certify", lambda *_, **__: nothing)
    out = tmp_path / "cert.json"
    words, record = (run("certify", problem, "--out", str(out), *more) for more in ([], ["--json"]))
    assert (words.exit_code, words.stdout, words.stderr, out.exists()) == (3, "", SAID, False)
    assert (record.exit_code, record.stderr) == (3, SAID)
    found = json.loads(record.stdout)
    assert (found["outcome"], found["claim"], found["try"]) == ("branches", None, "another seed")


def test_a_certificate_that_the_flow_branches_is_written_and_exit_code_3(
    proved: Certified, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convergence, "certify", lambda *_, **__: replace(proved, **BRANCHES))
    out = tmp_path / "cert.json"
    words, record = (run("certify", problem, "--out", str(out), *more) for more in ([], ["--json"]))
    assert (words.exit_code, words.stderr, record.exit_code, record.stderr) == (3, SAID, 3, SAID)
    assert "Accepted by the independent checker" in words.stdout and run("check", str(out)).exit_code == 0
    found = json.loads(record.stdout)
    assert (found["outcome"], found["checked"], found["certificate"]) == ("branches", True, str(out))


def test_a_theorem_of_power_1_is_loaded_asked_and_partial_where_a_block_branches(tmp_path: Path) -> None:
    text = POWER_1.replace('"-1/4"', '"1"')
    found = certify(Problem.from_toml_text(text))
    assert (found.outcome, found.checked) == (Outcome.PARTIAL, True) and found.claim is not None
    assert [block.outcome for block in found.blocks] == [Fate.CONVERGES, Fate.BRANCHES]
    found.save(tmp_path / "cert.json")
    again = Theorem.load(tmp_path / "cert.json")
    assert (again.outcome, again.claim, again.checked) == (Outcome.PARTIAL, found.claim, True)
    low, high = again.at("1e-1000").time_to("1/1000")
    assert 0 < low < high
    assert "Theorem (L11), proved, and accepted" in theorem_text(again) and "Block 2 branches" in str(again)


def test_power_1_in_other_units_and_from_every_direction_nearby() -> None:
    problem = Problem.from_toml_text(POWER_1)
    known, many = certify(problem), Fraction(2) ** 200
    far = certify(problem.replace(X=problem.X * many, y=problem.y / many))
    assert known.claim is not None and far.claim is not None and far.checked
    assert far.claim.scaled_time == known.claim.scaled_time
    assert [block.outcome for block in far.blocks] == [Fate.CONVERGES, Fate.STOPS]
    near = certify(problem, start_angle="1/1000000")
    assert [block.outcome for block in near.blocks] == [Fate.CONVERGES, Fate.STOPS] and near.checked
    assert "every w0 within the angle 0.000001" in str(near)


def test_one_neuron_that_branches_is_a_statement_of_its_own(tmp_path: Path) -> None:
    text = POWER_1.replace("width = 2", "width = 1").replace('"1", "1/2", "-1", "-1/4", "1"', '"-1", "1"')
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    out = str(tmp_path / "cert.json")
    said = run("certify", str(tmp_path / "p.toml"), "--out", out)
    assert said.exit_code == 3 and said.stderr.startswith("certflow: branches: block 1: ")
    assert "two solutions" in said.stderr and "positive probability" in said.stderr
    assert run("check", out).exit_code == 0
    found, shown = Theorem.load(out), run("show", out).stdout
    assert (found.outcome, found.delta_bar, found.tables) == (Outcome.BRANCHES, None, [])
    assert [block.outcome for block in found.blocks] == [Fate.BRANCHES] and "two solutions" in shown
    files = save_theorem(found, tmp_path)
    assert files == ["certificate.json"] and "Theorem (L11), proved" in theorem_text(found, tmp_path)
    for ask in (found.latex, lambda: found.at(1)):
        with pytest.raises(BadInput, match="branches"):
            ask()
    broken = json.loads(found.certificate)["claim"]
    for change in ({"statement": "basin"}, {"order": 3}, {"problem_sha256": 1}, {"blocks": {}}):
        with pytest.raises(BadInput, match=r"^claim"):
            type(found.claim).from_json({**broken, **change})


@pytest.mark.parametrize(
    ("fates", "outcome"),
    [
        ([], Outcome.PROVED),
        ([Fate.CONVERGES, Fate.STOPS, Fate.ZERO], Outcome.PROVED),
        ([Fate.CONVERGES, Fate.BRANCHES], Outcome.PARTIAL),
        ([Fate.DEAD, Fate.FOLLOWED], Outcome.PARTIAL),
        ([Fate.VANISHES, Fate.INCONCLUSIVE], Outcome.PARTIAL),
        ([Fate.FOLLOWED, Fate.INCONCLUSIVE], Outcome.PARTIAL),
        ([Fate.FOLLOWED, Fate.BRANCHES], Outcome.BRANCHES),
        ([Fate.BRANCHES], Outcome.BRANCHES),
    ],
)
def test_what_a_loaded_theorem_is_called_depends_on_what_it_leaves_open(
    proved: Certified, fates: list[Fate], outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = tuple(Block(j, ((2 * j, 2),), fate) for j, fate in enumerate(fates))
    claim = replace(proved.claim, blocks=blocks)
    path = tmp_path / "cert.json"
    path.write_text(certificate(replace(proved, claim=claim)), encoding="ascii")
    verdicts(monkeypatch, Verdict("accepted"))
    found = Theorem.load(path)
    assert (found.outcome, found.blocks, found.checked) == (outcome, blocks, True)
    assert bool(found.reason) == (outcome is not Outcome.PROVED)


def test_a_theorem_is_printed_also_if_the_disk_is_full(
    prover: Certified, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "cert.json"
    monkeypatch.setattr("os.fsync", full_disk)
    words = run("certify", problem, "--out", str(out))
    assert (words.exit_code, words.stderr.count("\n"), out.exists()) == (2, 1, False)
    assert "For every δ in (0, " in words.stdout and "written to" not in words.stdout
    record = json.loads(run("certify", problem, "--out", str(out), "--json").stdout)
    assert (record["certificate"], record["claim"]) == (None, prover.claim.to_json())


def test_the_checker_has_the_time_that_is_left(
    prover: Certified, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = verdicts(monkeypatch, *[Verdict("timeout")] * 3)
    with deadline(1000):
        found = certify(prover.problem)
    assert (found.outcome, found.claim, found.certificate, found.fault) == ("inconclusive", None, "", None)
    assert "before the checker had accepted" in found.reason
    assert certify(prover.problem).outcome == "inconclusive"
    assert limits[0] is not None and 0 < limits[0] < 1000
    assert limits[1] is None
    out = tmp_path / "cert.json"
    result = run("certify", problem, "--json", "--out", str(out), "--time-limit", "1000")
    record = json.loads(result.stdout)
    assert (result.exit_code, record["outcome"], record["fault"], out.exists()) == (
        3,
        "inconclusive",
        None,
        False,
    )
    assert "--time-limit" in record["reason"]


def test_the_certificate_of_kkt_points_is_checked_too(
    problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "kkt.json"
    verdicts(monkeypatch, Verdict("refused", "R10", "claim.points[0]", "it is no zero"))
    result = run("kkt", problem, "--certificate", str(out), "--json")
    record = json.loads(result.stdout)
    assert (result.exit_code, record["certificate"], out.exists()) == (3, None, False)
    assert "R10, claim.points[0]: it is no zero" in result.stderr
    monkeypatch.undo()
    result = run("kkt", problem, "--certificate", str(out))
    assert (result.exit_code, out.exists()) == (0, True)
    assert "Accepted by the independent checker" in " ".join(result.stdout.split())


def test_a_custom_loss_has_no_certificate_and_so_no_theorem(proved: Certified) -> None:
    loss = certflow.Loss(
        "custom", residual=lambda ar, out, y: y - out, curvature=Fraction(1), at_zero=lambda y: y
    )
    problem = Problem(proved.problem.network, proved.problem.X, proved.problem.y, loss, direction=[1, 1])
    found = certify(problem)
    assert (found.outcome, found.claim, found.certificate) == ("inconclusive", None, "")


def test_the_main_job_writes_only_what_is_accepted(prover: Certified, tmp_path: Path) -> None:
    found = certify(prover.problem)
    assert save_theorem(found, tmp_path) == ["certificate.json", "theorem.tex", "references.bib"]
    assert (tmp_path / "certificate.json").read_text(encoding="ascii") == found.certificate
    assert save_theorem(Theorem(prover.problem, "inconclusive", "refused."), tmp_path / "none") == []


def test_a_refused_certificate_of_the_times_is_a_fault_and_not_silence(
    proved: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str, progress: None) -> None:
        raise Faulty({"rule": "R14", "where": "claim.n_max_upper", "reason": "it is too small"})

    monkeypatch.setattr("certflow.certifying.require_accepted", refuse)
    with pytest.raises(Faulty, match=r"R14, claim\.n_max_upper"):
        save_times(proved.problem, None, tmp_path)
    assert list(tmp_path.iterdir()) == []
    result = verify(proved.problem, tmp_path / "out", workers=1)
    assert result.exit_code is not ExitCode.DONE
    assert result.results["fault"]["rule"] == "R14"
    assert "No certificate of the times near the origin" in result.text
    assert "time-near-origin.json" not in result.files


def test_a_certificate_is_compared_with_the_problem_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "theorem.json"
    problem = Problem.from_toml_text(TOML)
    certify(problem, epsilon="1/50").save(path)
    problem.save(tmp_path / "mine.toml")
    for meant in (None, problem, problem.replace(direction=[3 * v for v in problem.direction])):
        assert certifying.check(path, problem=meant).accepted
    assert certifying.check(path, problem=tmp_path / "mine.toml").compared == Comparison(True)
    found = certifying.check(path, problem="figure1")
    assert (found.verdict, found.rule, found.where) == ("refused", "R1", "network")
    found = certifying.check(path, problem=problem.replace(y=["5", "2", "1"]))
    reason = "y is 9/5 in the certificate and 2 in the problem that is meant"
    assert (found.where, found.reason) == ("label 2", reason)
    with pytest.raises(BadInput, match="no built-in problem"):
        certifying.check(path, problem="figur1")
