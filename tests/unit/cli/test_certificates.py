"""The commands about certificates: exit codes, one JSON object, nothing written when nothing is proved."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from claims import block, separable
from click.testing import CliRunner, Result
from hypothesis import given
from problem_texts import PLANAR, POWER_1, SLOW
from strategies import problems

from certflow.certificates import canonical_text, read_certificate, sealed, sha256
from certflow.checker.registry import sentences
from certflow.checker.words import Say, about, described
from certflow.cli.commands import main
from certflow.flow.curve import Curve, Piece, Window
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.theorems.early_direction.certificate import certificate_text
from certflow.theorems.early_direction.claim import ASSUMPTIONS, Claim
from certflow.theorems.early_direction.evidence import GroupEvidence, TrapEvidence
from certflow.theorems.early_direction.limits import Bottleneck, limits
from certflow.theorems.registry import default_statement
from certflow.theorems.setting import WARNING

HAND = Claim.from_json(separable(block(0), block(1), assumptions=list(ASSUMPTIONS)))
SADDLE = PLANAR.replace('["5", "9/5", "1"]', '["-5", "-9/5", "-1"]')


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def one_object(result: Result) -> dict[str, Any]:
    def refuse(text: str) -> None:
        raise AssertionError(f"the JSON contains the float {text}")

    record = json.loads(result.stdout, parse_float=refuse, parse_constant=refuse)
    assert isinstance(record, dict)
    return record


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(PLANAR, encoding="utf-8")
    return str(path)


def group(rates: list[tuple[int, int]], outcome: str = "converges") -> GroupEvidence:
    """One window per (h, mu) of one step each; every rate is the same number in all steps."""
    piece = Piece(2**48, ((), ()))
    windows = tuple(Window(Fraction(h), Fraction(1), 1, ((piece,),)) for h, _ in rates)
    steps = tuple(((Fraction(mu), Fraction(1, 8), Fraction(0)),) for _, mu in rates)
    curve = Curve(48, ((0, 1),), ((2**48, 0),), windows, ((2**48, 0),))
    return GroupEvidence(
        outcome, "", curve, steps, TrapEvidence(Fraction(1), Fraction(1, 8), Fraction(0), None)
    )


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """A certificate that is whole but proves nothing: the commands that only read do not check it."""
    groups = [group([(1, -1), (1, 2), (2, 3), (1, -4)]), group([(1, 1), (1, -2)])]
    path = tmp_path / "hand.json"
    path.write_text(certificate_text(Problem.from_toml_text(PLANAR), groups, HAND), encoding="ascii")
    return str(path)


def what_limits(content: dict[str, Any]) -> list[Bottleneck]:
    return limits(Claim.from_json(content["claim"]), content)


# -- show and query: what is read but not checked ------------------------------------------------------------


def test_show_in_words_as_latex_and_as_json(certificate: str) -> None:
    words = run("show", certificate)
    assert (words.exit_code, words.stderr) == (0, "")
    flat = " ".join(words.stdout.split())
    assert "For every δ in (0, 3.456e-10]" in flat
    assert (
        "δ̄ is limited by block 1: its angle uses 99 % of what is allowed, and its curve ends at s ≈ 5" in flat
    )
    assert (
        "nearby directions move apart from s ≈ 1 to s ≈ 4, where ∫μ ≤ 8, a factor of at most 2.99e+3." in flat
    )
    assert f"certflow check {certificate}" in flat
    assert run("show", certificate, "--latex").stdout.startswith(f"{WARNING}% Needs ")
    record = one_object(run("show", certificate, "--json"))
    assert record["claim"] == HAND.to_json()
    assert [limit["block"] for limit in record["limits"]] == [0, 1]
    assert record["limits"][0]["stretch"] == ["1", "4"]
    assert (record["limits"][0]["integral_mu"], record["limits"][0]["used"]) == ("8", "99/100")
    assert len(record["assumptions"]) == 2


def test_show_says_which_problem_a_certificate_is_about(certificate: str) -> None:
    words = run("show", certificate)
    flat = " ".join(words.stdout.split())
    assert "Network: one-layer, widths 2, 2, 1, activation max(z, 0)^2; order 2 in 4 trained weights" in flat
    assert "Data: 3 samples of 2 inputs, inputs from -1 to 1, labels from 1 to 5; SHA-256" in flat
    assert "Loss: the mean of (out - y)^2 / 2." in flat
    assert "Start: the unit vector of 4 weights at (0.554700, 0.277350, -0.554700, 0.554700)." in flat
    content = read_certificate(certificate)
    assert content["problem_sha256"] in words.stdout
    assert "7.1250° [0.84885, 0.84886] 0.9253 1 and 2" in flat
    record = one_object(run("show", certificate, "--json"))
    assert record["about"] == about(content["problem"])
    record = one_object(run("show", certificate, "--json", "--exact"))
    assert record["about"] == about(content["problem"]) | {"exact": content["problem"]}
    assert "Network" not in run("show", certificate, "--latex").stdout


def test_show_in_exact_numbers_is_what_the_checker_would_say(certificate: str) -> None:
    content = read_certificate(certificate)
    said = " ".join(run("show", certificate, "--exact").stdout.split())
    claim, problem = content["claim"], content["problem"]
    for line in described(problem, Say(True)) + sentences(claim, problem, Say(True)):
        assert line in said
    assert "x_2 = (3/5, 4/5), y_2 = 9/5" in said and "δ̄ is limited by" in said


def test_show_is_short_unless_all_is_asked_for(tmp_path: Path) -> None:
    claim = Claim.from_json(separable(*(block(k) for k in range(12)), assumptions=list(ASSUMPTIONS)))
    problem = Problem.from_toml_text(PLANAR)
    path = tmp_path / "many.json"
    path.write_text(certificate_text(problem, [group([(1, 1)])] * 12, claim), encoding="ascii")
    short, whole = run("show", str(path)).stdout, run("show", str(path), "--all").stdout
    assert "8 of 12 rows are shown; --all shows every one." in short and "\n    12   converges" not in short
    assert "are shown" not in whole and "\n    12   converges" in whole
    exact = run("show", str(path), "--exact").stdout
    assert "... and 1 more lines" not in exact and "Block 12" in exact
    listed = str(ACCEPT / "kkt-cover.json")
    assert "... and" not in run("show", listed).stdout


@pytest.mark.parametrize("name", ["kkt-planar", "kkt-points-deep", "time-planar", "basin-neurons"])
def test_statements_without_words_are_said_in_those_of_the_checker(name: str) -> None:
    file = ACCEPT / f"{name}.json"
    content = read_certificate(file)
    said = " ".join(run("show", str(file)).stdout.split())
    for line in described(content["problem"], Say()) + sentences(content["claim"], content["problem"]):
        assert " ".join(line.split()) in said


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(problem=None),
        lambda c: c["problem"].pop("loss"),
        lambda c: c["problem"]["loss"].update(kind="hinge"),
        lambda c: c["problem"]["network"].update(inputs="many", widths=7),
        lambda c: c["problem"]["data"]["y"].__setitem__(0, "1e999999999"),
        lambda c: c["problem"].update(direction=["0", "0"]),
        lambda c: c["problem"]["network"]["activation"].update(power=10**59),
        lambda c: c.update(problem_sha256="0" * 64),
    ],
)
def test_a_problem_that_cannot_be_read_is_one_sentence(
    change: Callable[[Any], object], certificate: str
) -> None:
    content = json.loads(Path(certificate).read_text("ascii"))
    change(content)
    Path(certificate).write_bytes(resealed(content))
    for options in ([], ["--json"], ["--exact"]):
        result = run("show", certificate, *options)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert result.stderr.startswith(f"certflow: {certificate}: ")


def test_a_claim_that_cannot_be_said_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    content = json.loads((ACCEPT / "kkt-planar.json").read_text("ascii"))
    content["claim"]["points"][0]["value"] = ["1", "many"]
    file.write_bytes(resealed(content))
    result = run("show", str(file))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "`certflow check` says what is wrong" in result.stderr


def test_the_block_with_the_least_room_limits(certificate: str) -> None:
    content = read_certificate(certificate)
    content["claim"]["blocks"][1]["angle_at_horizon"] = "1/100"
    assert [limit.block for limit in what_limits(content)] == [1, 0]


def test_limits_of_a_flow_that_only_contracts(certificate: str) -> None:
    content = read_certificate(certificate)
    for each in content["groups"]:
        for window in each["windows"]:
            window["steps"] = [["-1*2^0", "1*2^-3", "0*2^0"]]
    assert "no stretch pulls nearby directions apart" in what_limits(content)[0].sentence()
    content["groups"][0]["windows"][0]["h"] = "much"
    with pytest.raises(BadInput, match="h"):
        what_limits(content)
    content["groups"][0]["windows"] = 5
    with pytest.raises(BadInput, match="certflow check"):
        what_limits(content)


def test_query_as_tables_and_as_json(certificate: str) -> None:
    tables = run("query", certificate, "--delta", "1e-1000", "--radius", "1/20")
    assert (tables.exit_code, tables.stderr) == (0, "")
    assert "When, for δ = 1e-1000" in tables.stdout
    assert "0.05" in tables.stdout
    record = one_object(run("query", certificate, "--delta", "1e-1000", "--json"))
    assert record["delta"] == "1e-1000"
    assert [each["index"] for each in record["blocks"]] == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["query", "{}", "--delta", "1"], "above the proved delta_bar"),
        (["query", "{}", "--delta", "x"], "delta"),
        (["query", "{}"], "--delta"),
        (["query", "nothing.json", "--delta", "1"], "nothing.json"),
        (["show", "nothing.json"], "nothing.json"),
        (["show", "{}", "--json", "--latex"], "--latex"),
        (["certify", "nothing.toml"], "nothing.toml"),
        (["certify", "--epsilon", "x"], "epsilon"),
        (["certify", "--epsilon", "-1"], "epsilon"),
        (["certify", "--start-angle", "-1"], "start_angle"),
        (["certify", "--json", "--latex"], "--latex"),
        (["check"], "FILE"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(certificate: str, arguments: list[str], part: str) -> None:
    result = run(*(each.format(certificate) for each in arguments))
    assert result.exit_code == 2
    assert result.stderr.startswith("certflow: ")
    assert result.stderr.count("\n") == 1
    assert part in result.stderr


def rows_of_the_table(file: Path) -> list[tuple[str, float]]:
    """Kind and N of every row that `certflow kkt` prints for the problem of a certificate."""
    path = file.with_suffix(".toml")
    path.write_text(run("problem", str(file)).stdout, encoding="utf-8")
    table = csv.DictReader(io.StringIO(run("kkt", str(path), "--csv").stdout))
    return [(row["kind"], float(row["N"])) for row in table]


def listed_by_the_checker(file: Path) -> list[tuple[str, float]]:
    """Kind and value of every point that `certflow check` prints, in its order."""
    said = run("check", str(file), "--all").stdout
    found = re.findall(r"^  \d+\. (\w+) .*: value (\S+), gap", said, re.MULTILINE)
    return [(kind, float(value)) for kind, value in found]


@pytest.mark.parametrize(
    "name",
    [
        "kkt-planar",
        "kkt-planar-leaky",
        "kkt-planar-arcs",
        "kkt-cover",
        "kkt-cover-cubic",
        "kkt-cover-dead-cone",
    ],
)
def test_a_list_has_the_rows_of_the_table_that_it_says_it_has(name: str, tmp_path: Path) -> None:
    file = Path(shutil.copy(ACCEPT / f"{name}.json", tmp_path))
    rows, listed = rows_of_the_table(file), listed_by_the_checker(file)
    if "but those of directions in which all samples are inactive" in run("check", str(file)).stdout:
        rows = [(kind, value) for kind, value in rows if kind != "degenerate"]
    assert [kind for kind, _ in listed] == [kind for kind, _ in rows]
    assert [value for _, value in listed] == pytest.approx([value for _, value in rows], abs=1e-8)


def test_a_point_of_a_neuron_with_a_trained_output_weight_is_two_rows_of_the_table(tmp_path: Path) -> None:
    file = Path(shutil.copy(ACCEPT / "kkt-planar-two-layer.json", tmp_path))
    values = [sign * (4 / 27) ** 0.5 * v for _, v in listed_by_the_checker(file) for sign in (1, -1)]
    rows = sorted(value for _, value in rows_of_the_table(file) if value)
    assert sorted(values) == pytest.approx(rows, abs=1e-8)


# -- check --problem -----------------------------------------------------------------------------------------

ACCEPT = Path(__file__).parents[2] / "certificates" / "accept"
NEURONS = str(ACCEPT / "two-neurons.json")


@pytest.fixture
def meant(tmp_path: Path) -> Callable[..., str]:
    """A problem file: that of an accepted certificate, changed."""

    def write(certificate: str, *changes: tuple[str, str]) -> str:
        text = run("problem", certificate).stdout
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"meant{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    "name", ["two-neurons", "kkt-planar", "scaled-given-layers", "scaled-two-layer", "deep", "time-planar"]
)
def test_the_problem_that_is_meant_is_the_one_of_the_certificate(
    name: str, meant: Callable[..., str]
) -> None:
    file = str(ACCEPT / f"{name}.json")
    result = run("check", file, "--problem", meant(file))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:2] == [
        f"{file}: accepted",
        "Its claim is about the problem that is meant.",
    ]
    record = one_object(run("check", file, "--problem", meant(file), "--json"))
    assert record["problem"] == {"same": True, "where": "", "reason": ""}
    other = run("check", file, "--problem", "l3-k20-s1")
    assert (other.exit_code, ": refused (R1, network): " in other.stdout) == (1, True)


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        (
            ('["3/5", "4/5"]', '["0.6", "0.80001"]'),
            "sample 2",
            "x[2] is 4/5 in the certificate and 80001/100000",
        ),
        (("power = 2", "power = 3"), "network", "activation.power is 2 in the certificate and 3"),
        (('"square"', '"logistic"'), "loss", "kind is square"),
        (('"mean"', '"sum"'), "loss", "reduction is mean in the certificate and sum"),
    ],
)
def test_another_problem_is_refused(
    change: tuple[str, str], where: str, reason: str, meant: Callable[..., str], tmp_path: Path
) -> None:
    file = str(tmp_path / "ones.json")
    ones = meant(str(ACCEPT / "one-neuron.json"), ('y = ["1", "2", "1"]', 'y = ["1", "1", "1"]'))
    assert run("certify", ones, "--out", file).exit_code == 0
    result = run("check", file, "--problem", meant(file, change))
    assert result.exit_code == 1
    assert f": refused (R1, {where}): {reason}" in result.stdout


def test_a_seed_is_resolved_and_a_length_does_not_matter(meant: Callable[..., str], tmp_path: Path) -> None:
    seeded = tmp_path / "seeded.toml"
    seeded.write_text(PLANAR.replace("direction =", "seed = 3 #"), encoding="utf-8")
    file = str(tmp_path / "seeded.json")
    assert run("certify", str(seeded), "--out", file).exit_code == 0
    assert run("check", file, "--problem", str(seeded)).exit_code == 0
    exact = Problem.from_toml(seeded)
    longer = exact.replace(direction=[7 * v for v in exact.direction])
    longer.save(tmp_path / "longer.toml")
    assert run("check", file, "--problem", str(tmp_path / "longer.toml")).exit_code == 0
    exact.replace(seed=4).save(tmp_path / "other.toml")
    result = run("check", file, "--problem", str(tmp_path / "other.toml"))
    assert (result.exit_code, ": refused (R1, direction): " in result.stdout) == (1, True)


def test_a_direction_within_the_start_angle_is_covered(tmp_path: Path, problem: str) -> None:
    file, near = str(tmp_path / "wide.json"), str(tmp_path / "near.toml")
    assert run("certify", problem, "--out", file, "--start-angle", "1/100000").exit_code == 0
    Problem.from_toml(problem).replace(direction=["1", "0.500001", "-1", "1"]).save(near)
    record = one_object(run("check", file, "--problem", near, "--json"))
    assert (record["verdict"], record["problem"]["same"], record["problem"]["where"]) == (
        "accepted",
        True,
        "direction",
    )
    assert "within the angle 1/100000 of the claim" in record["problem"]["reason"]
    Problem.from_toml(problem).replace(direction=["1", "0.51", "-1", "1"]).save(near)
    assert run("check", file, "--problem", near).exit_code == 1


def test_the_worst_of_several_certificates_counts_and_a_bad_problem_is_bad_input(
    meant: Callable[..., str],
) -> None:
    two, one = NEURONS, str(ACCEPT / "one-neuron.json")
    result = run("check", two, one, "--problem", meant(two), "--quiet")
    assert (result.exit_code, result.stdout.count("\n")) == (1, 2)
    for bad in ("nothing.toml", "figur1", meant(two, ("[data]", "[date]"))):
        result = run("check", two, "--problem", bad)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert one_object(run("check", two, "--problem", bad, "--json"))["exit_code"] == 2


def test_a_forged_data_set_with_its_own_hash_is_not_the_one_that_is_meant(
    meant: Callable[..., str], tmp_path: Path
) -> None:
    # The same samples in another order are other data, for which the same numbers are proved.
    file = tmp_path / "forged.json"
    content = json.loads((ACCEPT / "time-planar.json").read_text("ascii"))
    for each in content["problem"]["data"].values():
        each.reverse()
    text = canonical_text(content["problem"])
    content["problem_sha256"] = content["claim"]["problem_sha256"] = sha256(text)
    file.write_bytes(resealed(content))
    assert run("check", str(file)).exit_code == 0
    result = run("check", str(file), "--problem", meant(str(ACCEPT / "time-planar.json")))
    reason = "x[1] is 0 in the certificate and 1 in the problem that is meant"
    assert (result.exit_code, result.stdout) == (1, f"{file}: refused (R1, sample 1): {reason}\n")


def test_an_expression_is_certified_and_meant_as_the_network_that_it_is(tmp_path: Path) -> None:
    # u1 |u2| is one neuron with hidden weight u2 and output weight u1.
    text = (
        '[network]\nkind = "expression"\nweights = ["u1", "u2"]\ninputs = ["x1"]\noutput = "u1*abs(u2)*x1"\n'
    )
    text += '[data]\nX = [["1"]]\ny = ["1"]\n[loss]\nkind = "square"\nreduction = "mean"\n'
    problem, file = tmp_path / "mine.toml", str(tmp_path / "c.json")
    problem.write_text(text + '[initialization]\ndirection = ["1", "1/2"]\n')
    result = run("certify", str(problem), "--out", file)
    assert result.exit_code == 0 and "with its weights in the order u2, u1." in result.stdout
    assert run("check", file, "--problem", str(problem)).exit_code == 0
    problem.write_text(text + '[initialization]\ndirection = ["1/2", "1"]\n')
    assert run("check", file, "--problem", str(problem)).exit_code == 1
    problem.write_text(
        text.replace("u1*abs(u2)*x1", "u1*u2*x1") + '[initialization]\ndirection = ["1", "1/2"]\n'
    )
    assert run("check", file, "--problem", str(problem)).exit_code == 1


# -- problem -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem_text", "options"),
    [
        (PLANAR, ["--epsilon", "1/50"]),
        (PLANAR, ["--epsilon", "1/30", "--start-angle", "1/1000000"]),
        (PLANAR, ["--statement", "kkt-points"]),
        (PLANAR, ["--statement", "basin"]),
        (PLANAR, ["--statement", "time-near-origin"]),
        (PLANAR.replace("direction =", "seed = 3 #"), []),
        (SLOW, ["--delta-bar", "1/1000000"]),
        (POWER_1, []),
        (POWER_1, ["--delta-bar", "1/100000"]),
    ],
)
def test_the_problem_of_a_certificate_proves_it_again(
    problem_text: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("first.toml").write_text(problem_text, encoding="utf-8")
    assert run("certify", "first.toml", "--out", "first.json", *options).exit_code == 0
    printed = run("problem", "first.json")
    assert (printed.exit_code, printed.stderr) == (0, "")
    Path("problem.toml").write_text(printed.stdout, encoding="utf-8")
    content = Problem.from_toml("first.toml").exact_content()
    assert Problem.load("problem.toml").exact_content() == content
    again = shlex.split(printed.stdout.splitlines()[1].removeprefix("# To prove the claim again: certflow"))
    assert again[:2] == ["certify", "problem.toml"]
    assert run(*again, "--out", "second.json").exit_code == 0
    assert Path("second.json").read_bytes() == Path("first.json").read_bytes()
    record = one_object(run("problem", "first.json", "--json"))
    assert set(record) == {"sha256", "problem", "statement", "options", "text"}
    assert (record["problem"], record["options"], record["text"]) == (content, again[2:], printed.stdout)
    assert record["sha256"] == Problem.load("problem.toml").sha256


@given(problem=problems())
def test_problems_of_every_kind_come_back_from_what_is_printed(
    problem: Problem, tmp_path_factory: pytest.TempPathFactory
) -> None:
    claim = separable(epsilon="1/7", start_angle="1/9")
    path = tmp_path_factory.mktemp("problem") / "hand.json"
    path.write_text(sealed(problem, Claim.from_json(claim), {"grid": 48, "groups": []}, None), "ascii")
    printed = run("problem", str(path))
    assert (printed.exit_code, printed.stderr) == (0, "")
    found = Problem.from_toml_text(printed.stdout)
    assert (found.sha256, found.exact_content()) == (problem.sha256, problem.exact_content())
    assert found.experiment.epsilon == Fraction(1, 7)
    named = "" if default_statement(problem) == "early-direction" else " --statement early-direction"
    command = f"certflow certify problem.toml{named} --start-angle 1/9"
    assert printed.stdout.splitlines()[1].endswith(command)


INJECTION = '"\n[experiment]\nepsilon = "1'


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["problem"]["network"].update(kind=INJECTION),
        lambda c: c["problem"]["network"].update({INJECTION: 1}),
        lambda c: c["problem"]["data"]["y"].__setitem__(0, INJECTION),
        lambda c: c["problem"].update({INJECTION: {}}),
        lambda c: c["problem"]["data"].update(file="/etc/passwd"),
        lambda c: c["claim"].update(epsilon=INJECTION),
        lambda c: c["claim"].update(epsilon=[]),
        lambda c: c["claim"].update(start_angle="1 --out /etc/passwd"),
        lambda c: c["claim"].update(statement=f"basin{INJECTION}"),
        lambda c: c.update(problem_sha256="0" * 64),
        lambda c: c.update(problem=None),
    ],
)
def test_a_hostile_certificate_gives_no_problem_file(
    change: Callable[[Any], object], certificate: str, tmp_path: Path
) -> None:
    content = json.loads(Path(certificate).read_text("ascii"))
    change(content)
    Path(certificate).write_bytes(resealed(content))
    result = run("problem", certificate)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("certflow: ")


def resealed(content: dict[str, Any]) -> bytes:
    """The bytes of a certificate with this content and its hash."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return canonical_text({**rest, "sha256": sha256(canonical_text(rest))}).encode("ascii")


# -- certify -------------------------------------------------------------------------------------------------


def test_certify_writes_a_certificate_and_says_what_is_proved(problem: str, tmp_path: Path) -> None:
    out = tmp_path / "cert.json"
    result = run("certify", problem, "--out", str(out))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "For every δ in (0, " in result.stdout
    assert "The statement is about the direction of each block" in " ".join(result.stdout.split())
    assert str(out) in "".join(result.stdout.split())
    content = read_certificate(out)
    assert content["problem_sha256"] == Problem.from_toml(problem).sha256
    assert content["claim"]["problem_sha256"] == content["problem_sha256"]
    assert content["claim"]["assumptions"] == content["assumptions"]


def test_power_1_has_a_theorem_of_its_own_without_being_asked(tmp_path: Path) -> None:
    (tmp_path / "relu.toml").write_text(POWER_1, encoding="utf-8")
    out = str(tmp_path / "cert.json")
    result = run("certify", str(tmp_path / "relu.toml"), "--out", out)
    assert (result.exit_code, result.stderr) == (0, "")
    said = " ".join(result.stdout.split())
    assert "every solution of the gradient flow" in said and "Block 2 stops: at T at the latest" in said
    checked = run("check", out)
    assert checked.exit_code == 0 and "accepted" in checked.stdout
    shown = " ".join(run("show", out).stdout.split())
    assert "Block 2 stops: at T" in shown and "δ̄ is limited by block 1: its angle uses" in shown
    (limit,) = one_object(run("show", out, "--json"))["limits"]
    assert (limit["block"], limit["slowest"]) == (0, None)
    answer = one_object(run("query", out, "--delta", "1e-1000", "--radius", "1e-500", "--json"))
    assert [each["outcome"] for each in answer["blocks"]] == ["converges", "stops"]
    assert answer["blocks"][1]["angles"][0]["angle"] == answer["blocks"][1]["angle_at_horizon"]
    latex = run("show", out, "--latex")
    assert r"\dot w \in -\partial\mathcal{L}(w)$" in latex.stdout
    refused = run("certify", str(tmp_path / "relu.toml"), "--statement", "basin", "--delta-bar", "1")
    assert refused.exit_code == 2 and "delta_bar: the statement basin has no such number" in refused.stderr


def test_certify_json_twice_gives_the_same_bytes(problem: str, tmp_path: Path) -> None:
    out = tmp_path / "cert.json"
    record = one_object(
        run(
            "certify", problem, "--json", "--out", str(out), "--epsilon", "1/50", "--start-angle", "1/1000000"
        )
    )
    assert list(record) == [
        "outcome",
        "reason",
        "stopped_at",
        "proved_until",
        "try",
        "certificate",
        "sha256",
        "checked",
        "fault",
        "claim",
        "note",
    ]
    assert (record["outcome"], record["certificate"], record["checked"], record["fault"]) == (
        "proved",
        str(out),
        True,
        None,
    )
    data = out.read_bytes()
    assert record["sha256"] == hashlib.sha256(data).hexdigest()
    assert record["claim"] == json.loads(data)["claim"]
    assert (record["claim"]["epsilon"], record["claim"]["start_angle"]) == ("1/50", "1/1000000")
    again = one_object(
        run("certify", problem, "--json", "--out", str(out), "--epsilon", "0.02", "--start-angle", "1e-6")
    )
    assert (again, out.read_bytes()) == (record, data)


def test_certify_latex_is_the_theorem_alone(problem: str, tmp_path: Path) -> None:
    result = run("certify", problem, "--latex", "--out", str(tmp_path / "cert.json"))
    assert result.stdout.startswith("% Needs ") and r"\begin{theorem}" in result.stdout
    assert "Certificate written" not in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--latex"]])
def test_inconclusive_is_exit_code_3_and_no_file(tmp_path: Path, arguments: list[str]) -> None:
    path, out = tmp_path / "relu.toml", tmp_path / "cert.json"
    relu = PLANAR.replace('"one-layer"', '"feed-forward"').replace("power = 2", "power = 1")
    relu = relu.replace("width = 2", "widths = [2, 2, 2, 1]")
    path.write_text(relu.replace('["1", "1/2", "-1", "1"]', str([1, -1] * 5)), encoding="utf-8")
    result = run("certify", str(path), "--out", str(out), *arguments)
    assert (result.exit_code, out.exists()) == (3, False)
    if arguments == ["--json"]:
        record = one_object(result)
        assert (record["outcome"], record["certificate"], record["sha256"], record["claim"]) == (
            "inconclusive",
            None,
            None,
            None,
        )
        assert "power" in record["reason"]
    else:
        assert result.stdout == ""
        assert result.stderr.startswith("certflow: inconclusive: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("seconds", ["0.01", "0.2", "0.5"])
def test_a_time_limit_ends_the_proof_with_exit_code_3_wherever_it_is(tmp_path: Path, seconds: str) -> None:
    out = tmp_path / "cert.json"
    result = run("certify", "--time-limit", seconds, "--json", "--out", str(out))
    assert (result.exit_code, out.exists()) == (3, False)
    assert "--time-limit" in one_object(result)["reason"]


def test_an_output_file_that_cannot_be_written(problem: str, tmp_path: Path) -> None:
    result = run("certify", problem, "--out", str(tmp_path / "no" / "cert.json"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


# -- check ---------------------------------------------------------------------------------------------------


def test_what_certify_writes_is_accepted_and_an_altered_claim_is_not(problem: str, tmp_path: Path) -> None:
    out = tmp_path / "cert.json"
    run("certify", problem, "--out", str(out), "--json")
    accepted = run("check", str(out))
    assert (accepted.exit_code, accepted.stderr) == (0, "")
    assert "accepted" in accepted.stdout
    record = one_object(run("check", str(out), "--json"))
    assert set(record) == {"file", "verdict", "rule", "where", "reason", "claim", "assumptions", "about"}
    assert (record["verdict"], record["claim"]) == ("accepted", read_certificate(out)["claim"])
    content = json.loads(out.read_text(encoding="ascii"))
    del content["sha256"]
    content["claim"]["delta_bar"] = str(2 * Fraction(content["claim"]["delta_bar"]))
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    other = tmp_path / "other.json"
    other.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")), encoding="ascii")
    assert run("check", str(out), str(other)).exit_code == 1
    assert run("check", str(other), str(tmp_path / "nothing.json")).exit_code == 2
    assert run("check", "--time-limit", "1e-9", str(out)).exit_code == 3


def test_the_assumptions_are_those_of_the_checker() -> None:
    from certflow.checker.early_direction import claim as checker

    assert tuple(checker.ASSUMPTIONS) == ASSUMPTIONS
