"""The corpus: what must be accepted is, what must be refused is refused with a rule, what is not a
certificate is malformed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from certflow.certifying import certify
from certflow.checker import check_file, check_text
from certflow.checker.__main__ import main
from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.problem import Problem

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import ATTACKS, accepted, sealed, value_of
    from continuum_attacks import ATTACKS as CONTINUUM
    from malformations import INSIDE, TEXTS
    from orbit_attacks import ATTACKS as ORBIT_ATTACKS
    from outcome_attacks import ATTACKS as OUTCOME_ATTACKS
    from silent_attacks import ATTACKS as SILENT
    from smaller_attacks import ATTACKS as SMALLER_ATTACKS
    from verdicts import CASES, recorded, words
    from within_attacks import ATTACKS as WITHIN
finally:
    sys.path.remove(str(FOLDER))

RECORDED = recorded()
NAMES = sorted(
    path.stem
    for path in (FOLDER / "accept").glob("*.json")
    if not path.stem.startswith(("kkt-", "basin-", "time-", "power-1-", "branches"))
)


@pytest.mark.parametrize("name", NAMES)
def test_the_accept_corpus_is_accepted(name):
    verdict = check_file(FOLDER / "accept" / f"{name}.json")
    assert (verdict.verdict, verdict.reason) == ("accepted", "")
    assert verdict.claim["statement"] == "early-direction" and verdict.assumptions == ASSUMPTIONS


@pytest.mark.parametrize(
    "path", sorted([*(FOLDER / "accept").glob("basin-*"), *(FOLDER / "accept").glob("time-*")])
)
def test_certificates_of_other_statements_are_accepted(path):
    verdict = check_file(path)
    assert (verdict.verdict, verdict.reason) == ("accepted", "")
    assert (
        verdict.claim["statement"] == {"basin": "basin", "time": "time-near-origin"}[path.stem.split("-")[0]]
    )


def refused_as_recorded(name, attack, change):
    content = accepted(name)
    change(content)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "refused" and words(verdict) == RECORDED[f"attacks on {name}", attack]


def each_of(attacks):
    """A case for every attack on every certificate."""
    cases = [(name, attack, change) for name, own in attacks.items() for attack, change in own.items()]
    return pytest.mark.parametrize(
        ("name", "attack", "change"), cases, ids=[f"{name}-{attack}" for name, attack, _ in cases]
    )


@each_of(dict.fromkeys(("one-neuron", "two-layer-logistic"), ATTACKS))
def test_attacks_are_refused(name, attack, change):
    refused_as_recorded(name, attack, change)


@each_of(CONTINUUM)
def test_attacks_on_a_continuum_are_refused(name, attack, change):
    refused_as_recorded(name, attack, change)


@each_of(OUTCOME_ATTACKS | SMALLER_ATTACKS)
def test_attacks_on_outcomes_are_refused(name, attack, change):
    refused_as_recorded(name, attack, change)


@each_of(WITHIN)
def test_attacks_on_symmetric_starts_are_refused(name, attack, change):
    refused_as_recorded(name, attack, change)


@each_of(ORBIT_ATTACKS)
def test_attacks_on_equal_eigenvalues_and_on_starts_beside_others_are_refused(name, attack, change):
    refused_as_recorded(name, attack, change)


@each_of(SILENT)
def test_attacks_on_silent_samples_are_refused(name, attack, change):
    refused_as_recorded(name, attack, change)


@pytest.mark.parametrize("silent", [[], [True], ["2"], 2, None])
def test_silent_samples_are_a_list_of_whole_numbers(silent):
    content = accepted("silent")
    content["groups"][0]["silent"] = content["claim"]["blocks"][0]["silent"] = silent
    assert check_text(sealed(content)).verdict == "malformed"


def test_the_limit_flow_has_no_symmetric_starts():
    content = accepted("basin-neurons")
    content["groups"][0]["symmetries"] = accepted("within")["groups"][0]["symmetries"]
    verdict = check_text(sealed(content))
    assert (verdict.verdict, verdict.rule, verdict.where) == ("refused", "O4", "groups[0]")


@pytest.mark.parametrize("of", [None, "set of points", ["set"]])
def test_the_law_of_a_continuum_says_that_it_is_of_the_set(of):
    content = accepted("continuum")
    content["claim"]["blocks"][0]["law"]["of"] = of
    assert check_text(sealed(content)).verdict == "refused"
    del content["claim"]["blocks"][0]["law"]["of"]
    assert check_text(sealed(content)).verdict == "malformed"


def test_every_certificate_of_the_corpora_has_its_line():
    assert list(RECORDED) == list(CASES)


@pytest.mark.parametrize("name", sorted(path.stem for path in (FOLDER / "reject").glob("*.json")))
def test_the_reject_corpus_is_refused(name):
    verdict = check_file(FOLDER / "reject" / f"{name}.json")
    assert verdict.verdict == "refused" and words(verdict) == RECORDED["reject", name]


@pytest.mark.parametrize("name", sorted(path.stem for path in (FOLDER / "malformed").glob("*")))
def test_the_malformed_corpus_is_malformed(name):
    (path,) = (FOLDER / "malformed").glob(f"{name}.*")
    verdict = check_file(path)
    assert verdict.verdict == "malformed" and words(verdict) == RECORDED["malformed", name]


def test_sealing_an_unchanged_certificate_keeps_it_accepted():
    assert check_text(sealed(accepted("one-neuron"))).verdict == "accepted"


def _numbers(value, path=()):
    """The paths of all number texts in a claim, except radii of KKT points: the prover's residual at the
    centre is mostly rounding, the checker's is exact, so that a smaller radius is often true.
    """
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _numbers(entry, (*path, key))
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _numbers(entry, (*path, i))
    elif (
        path[-2:] != ("kkt_point", "radius")
        and isinstance(value, str)
        and re.fullmatch(r"-?[0-9]+(/[0-9]+)?", value)
    ):
        yield path


LARGER_IS_STRONGER = {"delta_bar", "radius", "n_lower", "exponent", "start_angle"}
SMALLER_IS_STRONGER = {
    "factor_squared",
    "n_max_upper",
    "n_upper",
    "angle_at_horizon",
    "angle_at_radius",
    "coefficient",
    "floor",
    "epsilon",
}


def _stronger(path, value):
    """The number at `path` strengthened by 1 %."""
    key = next(part for part in reversed(path) if isinstance(part, str))
    side = path[-1] if isinstance(path[-1], int) else None
    if key in LARGER_IS_STRONGER or (
        key in ("value", "gap", "start_radius_over_delta", "start_time") and side == 0
    ):
        return value + abs(value) / 100
    return value - abs(value) / 100


@pytest.mark.parametrize(
    "name",
    [
        "one-neuron",
        "two-layer-logistic",
        "three-neurons-one-dead",
        "fades",
        "two-neurons",
        "shrinking",
        "scaled-given-layers",
        "scaled-two-layer",
        "continuum",
        "within-orthogonal",
        "silent",
    ],
)
def test_every_claimed_number_that_is_one_percent_stronger_is_refused(name):
    # Of what is proved today: the corpus also holds what weaker provers have claimed.
    content = accepted(name)
    text = json.dumps(content)
    if name != "continuum":
        problem, claim = Problem.from_exact_content(content["problem"]), content["claim"]
        text = certify(problem, claim["epsilon"], claim["start_angle"]).certificate
    content, survivors = json.loads(text), []
    for path in _numbers(content["claim"]):
        changed = json.loads(text)
        place = changed["claim"]
        for key in path[:-1]:
            place = place[key]
        value = _stronger(path, value_of(place[path[-1]]))
        if value == value_of(place[path[-1]]):
            continue
        place[path[-1]] = str(value)
        if check_text(sealed(changed)).verdict != "refused":
            survivors.append(".".join(map(str, path)))
    assert survivors == []


@pytest.mark.parametrize(
    ("support", "verdict"),
    [
        ([1], "accepted"),
        ([0], "accepted"),
        (None, "accepted"),
        ([2], "refused"),
        ([0, 1], "refused"),
        ([False], "refused"),
    ],
)
def test_neurons_of_a_support_are_numbered_in_the_whole_network_or_as_earlier_versions_did(support, verdict):
    content = accepted("two-neurons")
    content["claim"]["blocks"][1]["support"] = support
    assert check_text(sealed(content)).verdict == verdict


@pytest.mark.parametrize("support", [[1], [2], [True], [0, 0], [0, 2]])
def test_one_group_of_several_neurons_has_one_numbering(support):
    content = accepted("two-layer-logistic")
    content["claim"]["blocks"][0]["support"] = support
    assert check_text(sealed(content)).verdict == "refused"


def test_a_claimed_start_angle_costs_distance():
    content = accepted("one-neuron")
    content["claim"]["start_angle"] = "1/10"
    assert check_text(sealed(content)).verdict == "refused"


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_what_is_not_a_certificate_is_malformed(name):
    verdict = check_text(TEXTS[name])
    assert verdict.verdict == "malformed" and words(verdict) == RECORDED["texts", name]


@pytest.mark.parametrize("name", sorted(INSIDE))
def test_malformed_parts_are_named(name):
    content = accepted("one-neuron")
    INSIDE[name](content)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "malformed" and words(verdict) == RECORDED["inside", name]


def test_networks_outside_the_theory_are_refused():
    content = accepted("one-neuron")
    content["problem"]["network"]["activation"]["power"] = 1
    assert check_text(sealed(content)).verdict == "refused"


def test_files_that_cannot_be_read_are_malformed(tmp_path):
    assert check_file(tmp_path / "missing.json").verdict == "malformed"
    assert check_file(tmp_path).verdict == "malformed"


def test_the_time_limit_is_a_verdict():
    verdict = check_file(FOLDER / "accept" / "deep.json", time_limit=0.0)
    assert (verdict.verdict, verdict.rule, verdict.where) == ("timeout", "R1", "file")


@pytest.mark.parametrize(
    ("module", "name", "rule", "where"),
    [
        ("kernel.container", "Problem", "R1", "problem"),
        ("tube.evidence", "_group", "R1", "groups[0]"),
        ("outcomes.groups", "angle_up", "R5", "groups[0]"),
        ("tube.curve", "_place", "R4", "groups[0].windows[0].steps[0]"),
        ("outcomes.groups", "at_point", "R6", "groups[0].trap"),
        ("early_direction.claim", "sweep", "R5", "groups"),
        ("early_direction.claim", "power_up", "R7", "claim"),
        ("early_direction.largest", "largest_ncf", "R9", "claim"),
        ("early_direction.claim", "_check_support", "R9", "claim.blocks[0]"),
    ],
)
def test_what_was_not_foreseen_is_refused_with_the_rule_and_the_place_that_were_reached(
    monkeypatch, module, name, rule, where
):
    def fail(*_, **__):
        raise OverflowError("an exponent is too large")

    monkeypatch.setattr(f"certflow.checker.{module}.{name}", fail)
    verdict = check_file(FOLDER / "accept" / "one-neuron.json")
    assert (verdict.verdict, verdict.rule, verdict.where) == (
        "refused",
        rule,
        where,
    ) and "exponent" in verdict.reason


def test_names_of_files_print_as_one_line_of_plain_characters(tmp_path, capsys):
    names = ["a\ngood.json: accepted", "\x1b[2K\rgood.json: accepted", "b\u202e", "c\udce9"]
    for name in names:
        (tmp_path / name).write_bytes(b"{}")
    assert main([str(tmp_path / name) for name in names]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(names) and all(" malformed (R1, file)" in line for line in lines)
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_an_interrupt_is_a_sentence_and_130(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("certflow.checker.__main__.check_file", interrupt)
    assert main(["some.json"]) == 130
    assert capsys.readouterr().err == "checker: interrupted.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("output", ["/dev/full", "&-", "a closed pipe"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_whoever_reads_the_output_the_exit_code_is_the_verdict(output, options):
    words = [sys.executable, "-m", "certflow.checker", *options, str(FOLDER / "accept" / "one-neuron.json")]
    if output == "a closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
        run = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
    else:
        run = subprocess.run(
            ["sh", "-c", f'exec "$@" >{output}', "sh", *words], stderr=subprocess.PIPE, text=True
        )
    assert run.returncode == 0
    assert "Traceback" not in run.stderr and len(run.stderr.splitlines()) == (output == "/dev/full")


def _run(*arguments, module="certflow.checker", flags=(), cwd=FOLDER.parents[1]):
    return subprocess.run(
        [sys.executable, *flags, "-m", module, *map(str, arguments)], capture_output=True, text=True, cwd=cwd
    )


def test_exit_codes_of_several_files_and_json(tmp_path):
    good = FOLDER / "accept" / "one-neuron.json"
    bad, broken = tmp_path / "bad.json", tmp_path / "broken.json"
    content = accepted("one-neuron")
    ATTACKS["unproved_trap"](content)
    bad.write_bytes(sealed(content))
    broken.write_bytes(b"{}")
    assert [_run(*files).returncode for files in ([good], [good, bad], [good, bad, broken])] == [0, 1, 2]
    assert _run("--time-limit", "0", good).returncode == 3
    run = _run("--json", good)
    result = json.loads(run.stdout)
    assert set(result) == {"file", "verdict", "rule", "where", "reason", "claim", "assumptions", "about"}
    assert result["verdict"] == "accepted" and Fraction(result["claim"]["delta_bar"]) > 0
    words = _run(good).stdout
    assert "For every delta" in words and ASSUMPTIONS[0] in words
    assert "R4" in _run("--quiet", bad).stdout


def test_a_bare_copy_of_the_folder_runs_without_asserts_and_site_packages(tmp_path):
    copied = shutil.ignore_patterns("__pycache__")
    shutil.copytree(FOLDER.parents[1] / "certflow" / "checker", tmp_path / "checker", ignore=copied)
    good = FOLDER / "accept" / "one-neuron.json"
    run = _run(good, module="checker", flags=("-S", "-E", "-O"), cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
