"""What `python -m certflow.checker` prints, whole: claims in words, verdicts, JSON and help."""

import copy
import json
import os
import sys
from fractions import Fraction as F
from pathlib import Path

import pytest

from certflow.checker import EXIT_CODES, Verdict, __main__
from certflow.checker.__main__ import main
from certflow.checker.basin.rules import BASIN_ASSUMPTIONS
from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.checker.kernel.verdicts import Malformed
from certflow.checker.kkt_points.rules import KKT_ASSUMPTIONS
from certflow.checker.registry import sentences
from certflow.checker.time_near_origin.rules import TIME_ASSUMPTIONS

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import ATTACKS, accepted, sealed
    from verdicts import recorded, recorded_claims
finally:
    sys.path.remove(str(FOLDER))

CLAIMS = recorded_claims()
NAMES = sorted(path.stem for path in (FOLDER / "accept").glob("*"))


def test_every_accepted_certificate_has_its_sentences():
    assert list(CLAIMS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_claims_are_printed_as_recorded(name):
    assert sentences(accepted(name)["claim"]) == CLAIMS[name]


EARLY = accepted("one-neuron")["claim"]
BLOCK = EARLY["blocks"][0]
FIRST = CLAIMS["one-neuron"][0]
ANGLE, EPSILON = BLOCK["angle_at_horizon"], EARLY["epsilon"]
NEAR = (
    f"Block 1: its direction is within {ANGLE} of a KKT point at the horizon and within {EPSILON} from then "
    f"on"
)
UNTIL = f"until |w| first exceeds {EARLY['radius']}; the NCF is"
EARLY_SAID = {
    "for ever": ({"radius": None}, {}, f"{NEAR} for ever; the NCF is positive there."),
    "no angle": ({}, {"angle_at_horizon": None}, f"{NEAR.replace(ANGLE, EPSILON)} {UNTIL} positive there."),
    "shrinking": ({}, {"outcome": "shrinks"}, f"{NEAR} {UNTIL} negative there."),
    "dead": (
        {},
        {"outcome": "dead", "index": 6},
        "Block 7: from the horizon on every sample is inactive and its weights never move again.",
    ),
    "zero": ({}, {"outcome": "zero"}, "Block 1: its weights are zero at the start and for ever."),
    "inconclusive": (
        {},
        {"outcome": "inconclusive", "reason": "who knows."},
        "Block 1: nothing is claimed: who knows.",
    ),
}


@pytest.mark.parametrize("name", list(EARLY_SAID))
def test_blocks_in_words(name):
    of_claim, of_block, line = EARLY_SAID[name]
    assert sentences({**EARLY, **of_claim, "blocks": [{**BLOCK, **of_block}]}) == [FIRST, line]


@pytest.mark.parametrize(
    ("order", "time", "norm", "horizon"),
    [(2, "3/4", None, "t = 3/4"), (5, "3/4", None, "t = 3/4 / delta^3"), (4, None, "7/2", "|w| = 7/2 delta")],
)
def test_horizons_in_words(order, time, norm, horizon):
    claim = {**EARLY, "order": order, "horizon": {"scaled_time": time, "norm_over_delta": norm}, "blocks": []}
    assert sentences(claim) == [FIRST.split("the horizon")[0] + f"the horizon {horizon} (order {order})."]


def _points(*points, **changes):
    return {**accepted("kkt-planar")["claim"], "points": list(points), **changes}


POINT = {
    "kind": "maximum",
    "value": ["1/3", "1/3"],
    "gap": ["1", "2"],
    "directions": [["3", "4"], ["5", "6"]],
}
CENTRE = {**{key: POINT[key] for key in ("kind", "value", "gap")}, "centre": ["1*2^-1", "-1*2^0", "0*2^0"]}
ARC = {"kind": "arc", "value": ["0", "0"], "gap": ["0", "0"], "directions": []}


def test_lists_in_words():
    exact = "Numbers are shown rounded; the exact enclosures are in the file."
    head = (
        "The KKT points of n(u) = sum_i z_i sigma(u.x_i) of one neuron on the unit sphere are exactly these"
    )
    assert sentences(_points(n_max_upper=None)) == [f"{head} (none).", exact]
    assert sentences(_points(POINT, ARC, POINT, n_max_upper="2/3")) == [
        f"{head} (arc: 1, maximum: 2).",
        exact,
        "1. maximum at (0.600000, 0.800000): value 0.333333333, gap 1.5",
        "2. arc of the whole circle: value 0, gap 0",
        "3. maximum at (0.600000, 0.800000): value 0.333333333, gap 1.5",
        "Everywhere on the unit sphere it is at most 0.666666667.",
    ]
    partial = _points(CENTRE, of="network", kkt_status="partial", n_max_upper=None)
    assert sentences(partial) == [
        "These are KKT points of N of all weights on the unit sphere (maximum: 1); there may be others.",
        exact,
        "1. maximum at (0.447214, -0.894427, 0.000000): value 0.333333333, gap 1.5",
    ]


@pytest.mark.parametrize("scale", [F(10) ** 200, F(1, 10**200)])
def test_directions_of_any_length_in_words(scale):
    long = {**POINT, "directions": [[str(3 * scale), str(-4 * scale)]]}
    assert sentences(_points(long))[2] == "1. maximum at (0.600000, -0.800000): value 0.333333333, gap 1.5"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": ["x", "1"]}, "expected a rational number p/q"),
        ({"value": ["1", "x"]}, "expected a rational number p/q"),
        ({"directions": [["1", "x"]]}, "expected a rational number p/q"),
        ({"centre": ["x"]}, "expected a dyadic number m*2^e"),
    ],
)
def test_numbers_that_are_none_are_not_put_into_words(change, sentence):
    with pytest.raises(Malformed) as caught:
        sentences(_points({**POINT, **change}))
    assert (caught.value.rule, caught.value.where, caught.value.reason) == ("R1", "claim", sentence)


# -- the command ---------------------------------------------------------------------------------------------

GOOD = {
    "one-neuron": ASSUMPTIONS,
    "kkt-planar": KKT_ASSUMPTIONS,
    "basin-neurons": BASIN_ASSUMPTIONS,
    "time-planar": TIME_ASSUMPTIONS,
}


def _path(name, folder="accept"):
    return str(FOLDER / folder / f"{name}.json")


def _printed(name):
    indented = [f"  {line}" for line in CLAIMS[name]], [f"  {line}" for line in GOOD[name]]
    return "\n".join([f"{_path(name)}: accepted", "Claim:", *indented[0], "Assumptions:", *indented[1], ""])


@pytest.mark.parametrize("name", list(GOOD))
def test_an_accepted_certificate_is_printed_whole(name, capsys):
    assert main([_path(name)]) == 0
    assert capsys.readouterr() == (_printed(name), "")


def test_several_files_are_printed_one_after_the_other(capsys):
    bad, broken = _path("kkt-planar-missing-point", "reject"), _path("empty", "malformed")
    refused, malformed = recorded()["reject", "kkt-planar-missing-point"], recorded()["malformed", "empty"]
    assert main([_path("kkt-planar"), bad]) == 1
    assert capsys.readouterr() == (f"{_printed('kkt-planar')}{bad}: {refused}\n", "")
    assert main([bad, broken, _path("kkt-planar"), "--quiet"]) == 2
    assert capsys.readouterr() == (
        f"{bad}: {refused}\n{broken}: {malformed}\n{_path('kkt-planar')}: accepted\n",
        "",
    )


def test_the_time_limit_is_printed(capsys):
    assert main(["--time-limit", "0", _path("kkt-planar")]) == 3
    reason = "the time limit has passed before everything was checked"
    assert capsys.readouterr() == (f"{_path('kkt-planar')}: timeout (R1, file): {reason}\n", "")
    assert main(["--time-limit", "1e9", "--quiet", _path("kkt-planar")]) == 0
    assert capsys.readouterr() == (f"{_path('kkt-planar')}: accepted\n", "")


def test_json_of_one_file_and_of_several(capsys):
    good, bad = _path("kkt-planar"), _path("kkt-planar-missing-point", "reject")
    blank = {"rule": "", "where": "", "reason": "", "claim": None, "assumptions": []}
    first = {
        **blank,
        "file": good,
        "verdict": "accepted",
        "claim": accepted("kkt-planar")["claim"],
        "assumptions": list(KKT_ASSUMPTIONS),
    }
    reason = "the KKT points and arcs are 4 in number"
    second = {
        **blank,
        "file": bad,
        "verdict": "refused",
        "rule": "R10",
        "where": "claim.points",
        "reason": reason,
    }
    assert main(["--json", good]) == 0
    assert capsys.readouterr() == (json.dumps(first, sort_keys=True) + "\n", "")
    assert main(["--json", good, bad]) == 1
    assert capsys.readouterr() == (json.dumps({"files": [first, second]}, sort_keys=True) + "\n", "")


HELP = """\
usage: checker [-h] [--json] [--time-limit SECONDS] [--quiet] FILE [FILE ...]

Check certificates of early directional convergence, KKT points, basins and times.

positional arguments:
  FILE

options:
  -h, --help            show this help message and exit
  --json                one JSON object on stdout
  --time-limit SECONDS  at most this long for each file
  --quiet               only the verdicts
"""


def test_the_help_and_wrong_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit, match="^0$"):
        main(["--help"])
    assert capsys.readouterr() == (HELP, "")
    usage = HELP.splitlines()[0]
    for words, sentence in (
        ([], "the following arguments are required: FILE"),
        (["--time-limit", "x", "a"], "argument --time-limit: invalid float value: 'x'"),
    ):
        with pytest.raises(SystemExit, match="^2$"):
            main(words)
        assert capsys.readouterr() == ("", f"{usage}\nchecker: error: {sentence}\n")


def test_the_words_of_the_command_line_are_used_if_none_are_given(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["checker", "--quiet", _path("kkt-planar")])
    assert main() == 0
    assert capsys.readouterr() == (f"{_path('kkt-planar')}: accepted\n", "")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["accepted"], 0),
        (["accepted", "timeout"], 3),
        (["timeout", "refused", "accepted"], 1),
        (["refused", "malformed", "timeout", "accepted"], 2),
        (["timeout", "malformed"], 2),
    ],
)
def test_the_worst_verdict_is_the_exit_code(verdicts, code, monkeypatch, capsys):
    answers = iter(verdicts)
    monkeypatch.setattr(__main__, "check_file", lambda *_: Verdict(next(answers)))
    assert main(["--quiet", *verdicts]) == code
    assert capsys.readouterr() == (
        "".join(f"{name}: {name}" + (": \n" if name != "accepted" else "\n") for name in verdicts),
        "",
    )
    assert EXIT_CODES == {"accepted": 0, "refused": 1, "malformed": 2, "timeout": 3}


def test_the_rule_or_the_place_alone_is_printed_too(monkeypatch, capsys):
    for verdict, line in (
        (Verdict("refused", "R4", "", "It is so."), "a: refused (R4): It is so.\n"),
        (Verdict("refused", "", "here", "It is so."), "a: refused (here): It is so.\n"),
        (Verdict("accepted"), "a: accepted\n"),
    ):
        monkeypatch.setattr(__main__, "check_file", lambda *_, verdict=verdict: verdict)
        main(["a"])
        assert capsys.readouterr().out == line


def test_what_moves_the_cursor_is_escaped(monkeypatch, capsys):
    monkeypatch.setattr(
        __main__, "check_file", lambda *_: Verdict("refused", "R4", "here", " ~\\[\x1b[2K\x7f\u00e9\n\udce9")
    )
    main(["a\tb"])
    assert capsys.readouterr().out == "a\\tb: refused (R4, here):  ~\\[\\x1b[2K\\x7f\\xe9\\n\\udce9\n"


class Full:
    """A stream that takes what is written and fails when it is flushed, as a buffer does."""

    def __init__(self, error):
        self.error, self.taken = error, ""

    def write(self, text):
        self.taken += text

    def flush(self):
        raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(28, "It is full"),
            "checker: stdout cannot be written (It is full); the exit code is the verdict.\n",
        ),
        (BrokenPipeError(32, "Broken pipe"), ""),
    ],
)
def test_who_cannot_be_written_to_gets_the_exit_code(error, sentence, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "check_file", lambda *_: Verdict("refused", "R4", "here", "It is so."))
    monkeypatch.setattr(sys, "stdout", Full(error))
    assert main(["a", "b"]) == 1
    assert sys.stdout.name == os.devnull
    sys.stdout.close()
    assert capsys.readouterr().err == sentence
    monkeypatch.setattr(sys, "stderr", Full(error))
    monkeypatch.setattr(sys, "stdout", Full(error))
    assert main(["a"]) == 1
    sys.stdout.close()


def test_every_file_has_the_time_limit_for_itself(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        __main__, "check_file", lambda path, limit: asked.append((path, limit)) or Verdict("accepted")
    )
    main(["a", "b", "--time-limit", "2.5"])
    main(["c"])
    assert asked == [("a", 2.5), ("b", 2.5), ("c", None)]
    assert capsys.readouterr().out == "a: accepted\nb: accepted\nc: accepted\n"


def test_an_attack_is_printed_with_its_place(tmp_path, capsys):
    content, path = copy.deepcopy(accepted("one-neuron")), tmp_path / "a.json"
    ATTACKS["unproved_trap"](content)
    path.write_bytes(sealed(content))
    assert main([str(path)]) == 1
    assert capsys.readouterr() == (f"{path}: {recorded()['attacks on one-neuron', 'unproved_trap']}\n", "")
