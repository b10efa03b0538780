"""What `python -m certflow.checker` prints, whole: claims in words, verdicts, JSON and help."""

import copy
import hashlib
import json
import os
import sys
from fractions import Fraction as F
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.checker import EXIT_CODES, Verdict, __main__
from certflow.checker.__main__ import main
from certflow.checker.basin.rules import BASIN_ASSUMPTIONS
from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.verdicts import Clock, Malformed
from certflow.checker.kkt_points.rules import KKT_ASSUMPTIONS
from certflow.checker.registry import sentences
from certflow.checker.time_near_origin.rules import TIME_ASSUMPTIONS
from certflow.checker.words import Say, about, described, few

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import ATTACKS, accepted, sealed
    from verdicts import printed, recorded, recorded_sentences
finally:
    sys.path.remove(str(FOLDER))

SENTENCES = recorded_sentences()
NAMES = sorted(path.stem for path in (FOLDER / "accept").glob("*"))


def test_every_accepted_certificate_has_its_sentences():
    assert list(SENTENCES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_problems_and_claims_are_printed_as_recorded(name):
    assert printed(FOLDER / "accept" / f"{name}.json") == SENTENCES[name]


# -- claims --------------------------------------------------------------------------------------------------

EARLY, PROBLEM = (accepted("one-neuron")[key] for key in ("claim", "problem"))
BLOCK = EARLY["blocks"][0]
FIRST, LAST = SENTENCES["one-neuron"]["claim"]
NEAR, POINT_SAID, AFTER, LAW = (
    "Block 1: at the horizon its direction is within 0.01348 of ",
    "the KKT point at 38.546296 degrees (N >= 0.8282, gap >= 1.309)",
    ", and from then on until |w| first exceeds 0.3331 within 0.02",
    " and within 0.6335 (delta/|w|)^0.789 + 0.1081 |w|^2",
)
EARLY_SAID = {
    "all": ({}, {}, f"{NEAR}{POINT_SAID}{AFTER}{LAW}."),
    "for ever": ({"radius": None}, {}, f"{NEAR}{POINT_SAID}, and from then on for ever within 0.02{LAW}."),
    "no angle": (
        {},
        {"angle_at_horizon": None},
        f"{NEAR.replace('0.01348', '0.02')}{POINT_SAID}{AFTER}{LAW}.",
    ),
    "no law": ({}, {"law": None}, f"{NEAR}{POINT_SAID}{AFTER}."),
    "order 3": ({"order": 3}, {}, f"{NEAR}{POINT_SAID}{AFTER}{LAW[:-1]}3."),
    "no value": ({}, {"value": None}, f"{NEAR}{POINT_SAID.replace('>= 0.8282', '> 0')}{AFTER}{LAW}."),
    "no gap": ({}, {"gap": None}, f"{NEAR}{POINT_SAID.split(', ')[0]}){AFTER}{LAW}."),
    "no point": (
        {},
        {"kkt_point": None, "value": None},
        f"{NEAR}a KKT point (N > 0, gap >= 1.309){AFTER}{LAW}.",
    ),
    "shrinking": (
        {},
        {"outcome": "shrinks", "value": ["-2/3", "-1/3"]},
        f"{NEAR}{POINT_SAID.replace('N >= 0.8282', 'N <= -0.3333')}{AFTER}{LAW}.",
    ),
    "shrinking, no value": (
        {},
        {"outcome": "shrinks", "value": None},
        f"{NEAR}{POINT_SAID.replace('N >= 0.8282', 'N < 0')}{AFTER}{LAW}.",
    ),
    "seven weights": (
        {},
        {"weights": [3, 7], "kkt_point": {"centre": [f"{v}*2^1" for v in (1, -3, 5, 7, 1, 1, 1)]}},
        f"{NEAR}the KKT point at w5 = -0.321634, w6 = 0.536056, w7 = 0.750479; 4 more "
        f"(N >= 0.8282, gap >= 1.309){AFTER}{LAW}.",
    ),
    "weights in two runs": (
        {},
        {"weights": [[9, 6], [20, 1]], "kkt_point": {"centre": [f"{v}*2^1" for v in (1, 1, 1, 1, 1, 1, 3)]}},
        f"{NEAR}the KKT point at w10 = 0.258199, w11 = 0.258199, w21 = 0.774597; 4 more "
        f"(N >= 0.8282, gap >= 1.309){AFTER}{LAW}.",
    ),
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
    claim = {**EARLY, **of_claim, "blocks": [{**BLOCK, **of_block}]}
    assert sentences(claim, PROBLEM)[1:] == [line]


@pytest.mark.parametrize(
    ("order", "time", "norm", "horizon"),
    [
        (2, "3/4", None, "t = 0.75"),
        (3, "2/3", None, "t = about 0.666666667 / delta^1"),
        (5, "3/4", None, "t = 0.75 / delta^3"),
        (4, None, "7/2", "|w| = 3.5 delta"),
    ],
)
def test_horizons_in_words(order, time, norm, horizon):
    claim = {**EARLY, "order": order, "horizon": {"scaled_time": time, "norm_over_delta": norm}, "blocks": []}
    said = FIRST.split("the horizon")[0] + f"the horizon {horizon} (order {order})."
    assert sentences(claim, PROBLEM) == [said]


def test_numbers_of_a_claim_are_rounded_to_the_side_on_which_it_stays_true():
    numbers = {"delta_bar": "1/3", "start_angle": "2/3", "epsilon": "2/3", "radius": "1/3"}
    claim = {**EARLY, **numbers, "growth": {"factor_squared": "1/3"}}
    claim["blocks"] = [{**BLOCK, "angle_at_horizon": "1/3", "value": ["1/3", "1/3"], "gap": ["1/3", "1/3"]}]
    claim["blocks"][0]["law"] = {"exponent": ["1/3", "2/3"], "coefficient": "1/3", "floor": "1/3"}
    first, block = sentences(claim, PROBLEM)
    assert first.startswith(
        "For every delta in (0, 0.3333] and every initial direction within 0.6666 rad of the given one, "
        "|w|^2 <= 0.3334 delta^2"
    )
    assert block == (
        "Block 1: at the horizon its direction is within 0.3334 of the KKT point at 38.546296 degrees (N >= "
        "0.3333, gap >= 0.3333), and from then on until |w| first exceeds 0.3333 within 0.6667 and within "
        "0.3334 (delta/|w|)^0.3333 + 0.3334 |w|^2."
    )


def _points(*points, **changes):
    return {**accepted("kkt-planar")["claim"], "points": list(points), **changes}


PLANAR = accepted("kkt-planar")["problem"]
POINT = {
    "kind": "maximum",
    "value": ["1/3", "1/3"],
    "gap": ["1", "2"],
    "directions": [["3", "4"], ["5", "6"]],
}
CENTRE = {
    **{key: POINT[key] for key in ("kind", "value", "gap")},
    "centre": ["1*2^-1", "-1*2^0", "0*2^0"],
    "radius": "1*2^-9",
}
ARC = {"kind": "arc", "value": ["0", "0"], "gap": ["0", "0"], "directions": []}
HEAD = "The KKT points of n(u) = sum_i z_i sigma(u.x_i) of one neuron on the unit sphere are exactly these"
ROUNDED = "Numbers are shown rounded; the exact enclosures are in the file."
ALL_ROWS = "These are all rows, {}, of the table of `certflow kkt`, in its order."


def test_lists_in_words():
    said = sentences(_points(n_max_upper=None), PLANAR)
    assert said == [f"{HEAD} (none).", ALL_ROWS.format(0), ROUNDED]
    three = _points(POINT, ARC, POINT, n_max_upper="2/3")
    assert sentences(three, PLANAR) == [
        f"{HEAD} (arc: 1, maximum: 2).",
        ALL_ROWS.format(3),
        "Everywhere on the unit sphere it is at most 0.6667.",
        ROUNDED,
        "1. maximum at 53.130102 degrees: value 0.333333333, gap 1.5",
        "2. arc of the whole circle: value 0, gap 0",
        "3. maximum at 53.130102 degrees: value 0.333333333, gap 1.5",
    ]
    assert sentences(three, PLANAR, Say(True)) == [
        f"{HEAD} (arc: 1, maximum: 2).",
        ALL_ROWS.format(3),
        "Everywhere on the unit sphere it is at most 2/3.",
        "1. maximum between (3, 4) and (5, 6): value [1/3, 1/3], gap [1, 2]",
        "2. arc of the whole circle: value [0, 0], gap [0, 0]",
        "3. maximum between (3, 4) and (5, 6): value [1/3, 1/3], gap [1, 2]",
    ]
    exact = _points({**POINT, "directions": [["3", "4"]]}, {**ARC, "directions": [["1", "0"], ["0", "1"]]})
    assert sentences(exact, PLANAR, Say(True))[3:] == [
        "1. maximum at (3, 4): value [1/3, 1/3], gap [1, 2]",
        "2. arc counterclockwise from (1, 0) to (0, 1): value [0, 0], gap [0, 0]",
    ]


ONE_BY_ONE = (
    " of the table of `certflow kkt`, in its order, highest N first: isolated points that are proved one by "
    "one. It may have other rows: this list is not claimed to be complete."
)


def test_lists_of_points_have_the_order_of_the_table():
    proof = {"of": "network", "kkt_status": "partial", "proof": "points", "n_max_upper": None}
    lower = {**CENTRE, "kind": "minimum", "value": ["0", "1/2"]}
    assert sentences(_points(lower, CENTRE, **proof), PLANAR) == [
        "These are KKT points of N of all weights on the unit sphere (maximum: 1, minimum: 1); there may be "
        "others.",
        f"These are 2 rows{ONE_BY_ONE}",
        ROUNDED,
        "1. maximum at (0.447214, -0.894427, 0.000000): value 0.333333333, gap 1.5",
        "2. minimum at (0.447214, -0.894427, 0.000000): value 0.25, gap 1.5",
    ]
    said = sentences(_points(CENTRE, **proof), PLANAR, Say(True))
    assert said[1:] == [
        f"These are 1 row{ONE_BY_ONE}",
        "1. maximum at (1*2^-1, -1*2^0, 0*2^0) up to 1*2^-9: value [1/3, 1/3], gap [1, 2]",
    ]


def test_complete_lists_say_which_rows_they_are():
    cover = {"proof": "cover", "kkt_status": "complete", "n_max_upper": None}
    rows = "These are all rows of the table of `certflow kkt`{}, in its order: 1 row, highest N first."
    assert sentences(_points(CENTRE, **cover), PLANAR)[1] == rows.format("")
    dead = " but those of directions in which all samples are inactive"
    assert sentences(_points(CENTRE, **cover, dead_cone=True), PLANAR)[1] == rows.format(dead)


@pytest.mark.parametrize(
    ("network", "p"),
    [
        ({"kind": "two-layer", "width": 2}, 2),
        ({"kind": "feed-forward", "widths": [2, 2, 1]}, 3),
        ({"kind": "feed-forward", "widths": [2, 2, 2, 1], "trained": [2, 3]}, 2),
    ],
)
def test_points_of_a_neuron_whose_output_weight_is_trained_are_two_rows(network, p):
    activation = {"alpha": "0", "power": p}
    of = {**PLANAR, "network": {"inputs": 2, "activation": activation, **network}}
    squares = {2: "sqrt(4/27)", 3: "sqrt(27/256)"}[p]
    assert sentences(_points(POINT), of)[1] == (
        "The table of `certflow kkt` is about a neuron with its output weight v: a point u with n(u) != 0 is "
        f"two rows there, weights sqrt({p}/{p + 1}) u with v = 1/sqrt({p + 1}) and with v = "
        f"-1/sqrt({p + 1}), of N = {squares} n(u) and minus that; its rows with N = 0 are not in this list."
    )


def test_points_of_all_weights_are_rows_as_they_are():
    of = {**PLANAR, "network": {**PLANAR["network"], "kind": "two-layer"}}
    proof = {"of": "network", "proof": "points", "kkt_status": "partial"}
    assert sentences(_points(CENTRE, **proof), of)[1] == f"These are 1 row{ONE_BY_ONE}"


@pytest.mark.parametrize("scale", [F(10) ** 200, F(1, 10**200)])
def test_directions_of_any_length_in_words(scale):
    long = {**POINT, "directions": [[str(3 * scale), str(-4 * scale)]]}
    assert sentences(_points(long), PLANAR)[4] == (
        "1. maximum at -53.130102 degrees: value 0.333333333, gap 1.5"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": ["x", "1"]}, "expected a rational number p/q"),
        ({"value": ["1", "x"]}, "expected a rational number p/q"),
        ({"directions": [["1", "x"]]}, "expected a rational number p/q"),
        ({"centre": ["x"]}, "expected a rational number p/q"),
        ({"centre": ["2*2^1"]}, "the dyadic number is not in canonical form"),
        ({"centre": [1]}, "expected a rational number p/q"),
    ],
)
def test_numbers_that_are_none_are_not_put_into_words(change, sentence):
    with pytest.raises(Malformed) as caught:
        sentences(_points({**POINT, **change}), PLANAR)
    assert (caught.value.rule, caught.value.where, caught.value.reason) == ("R1", "claim", sentence)
    with pytest.raises(Malformed) as caught:
        sentences(_points({**POINT, **change}, proof="cover"), PLANAR)
    assert (caught.value.where, caught.value.reason) == ("claim", sentence)


# -- numbers and problems ------------------------------------------------------------------------------------

LONG = str(10**3000 + 1)


@pytest.mark.parametrize(
    ("text", "down", "up", "near"),
    [
        ("0", "0", "0", "0"),
        ("1/3", "0.3333", "0.3334", "about 0.333333333"),
        ("-1/3", "-0.3334", "-0.3333", "about -0.333333333"),
        ("100", "100", "100", "100"),
        ("99999", "99990", "100000", "99999"),
        ("1/1000000", "0.000001", "0.000001", "0.000001"),
        ("1/10000000", "1e-7", "1e-7", "1e-7"),
        ("1000000000000", "1000000000000", "1000000000000", "1000000000000"),
        ("10000000000001", "1e+13", "1.001e+13", "about 1e+13"),
        (LONG, "1e+3000", "1.001e+3000", "about 1e+3000"),
        (f"1/{LONG}", "9.999e-3001", "1e-3000", "about 1e-3000"),
    ],
)
def test_numbers_are_rounded_to_the_side_that_is_said(text, down, up, near):
    assert (Say().down(text), Say().up(text), Say().near(text)) == (down, up, near)
    assert F(Say().down(text)) <= F(text) <= F(Say().up(text))
    exact = Say(True)
    assert exact.down(text) == exact.up(text) == exact.near(text) == text


@given(value=st.fractions(), digits=st.integers(-40, 40))
def test_decimals_are_on_their_side_and_next_to_the_number(value, digits):
    value *= F(10) ** digits
    low, high = F(Say().down(str(value))), F(Say().up(str(value)))
    assert low <= value <= high and high - low <= abs(value) / 999


def test_intervals_are_said_by_their_middles():
    assert Say().within("0", "2/3") == "0.333333333"
    assert Say().within("-1", "1") == "0"
    assert Say(True).within("0", "2/3") == "[0, 2/3]"
    ends = str(F(1, 10**3999 + 1)), str(F(1, 10**3998 + 1))
    assert Say().within(*ends) == "5.5e-3999"


@pytest.mark.parametrize(
    ("texts", "numbers", "said"),
    [
        (["0", "-7"], None, "-90.000000 degrees"),
        (["-1", "0"], None, "180.000000 degrees"),
        (["5"], None, "(1.000000)"),
        (["1/3", "0", "-1*2^3"], None, "(0.041631, 0.000000, -0.999133)"),
        (
            ["1", "1", "1", "1", "0", "0"],
            None,
            "(0.500000, 0.500000, 0.500000, 0.500000, 0.000000, 0.000000)",
        ),
        (["1", "0", "0", "2", "-3", "0", "1"], None, "w1 = 0.258199, w4 = 0.516398, w5 = -0.774597; 4 more"),
        (
            ["1", "0", "0", "2", "-3", "0", "0"],
            range(5, 12),
            "w5 = 0.267261, w8 = 0.534522, w9 = -0.801784; 4 more",
        ),
    ],
)
def test_directions_in_words(texts, numbers, said):
    assert Say().vector(texts, numbers) == said
    assert Say(True).vector(texts, numbers) == f"({', '.join(texts)})"


NETWORKS = {
    "one-layer, widths 2, 3, 1, activation max(z, 0)^2; order 2 in 6 trained weights (layer 1).": {
        "kind": "one-layer",
        "width": 3,
    },
    "one-layer, widths 2, 3, 1, activation max(z, 0)^2, output signs: 1 are 1 and 2 are -1; order 2 in 6 "
    "trained weights (layer 1).": {"kind": "one-layer", "width": 3, "signs": [-1, 1, -1]},
    "two-layer, widths 2, 3, 1, activation max(z, 0.5 z)^3; order 4 in 9 trained weights (layers 1, 2).": {
        "kind": "two-layer",
        "width": 3,
        "activation": {"alpha": "1/2", "power": 3},
    },
    "feed-forward, widths 2, 3, 4, 1, activation z; order 3 in 22 trained weights (layers 1, 2, 3).": {
        "kind": "feed-forward",
        "widths": [2, 3, 4, 1],
        "activation": {"alpha": "1", "power": 1},
    },
    "feed-forward, widths 2, 3, 4, 1, activation max(z, -z)^2; order 5 in 10 trained weights (layers 1, "
    "3).": {
        "kind": "feed-forward",
        "widths": [2, 3, 4, 1],
        "trained": [1, 3],
        "given": {"2": [["1", "2", "3"]] * 4},
        "activation": {"alpha": "-1", "power": 2},
    },
    "one-layer, widths 2, 1, 1, activation max(z, about 0.333333333 z)^2; order 2 in 2 trained weights "
    "(layer 1).": {"kind": "one-layer", "width": 1, "activation": {"alpha": "1/3", "power": 2}},
}


@pytest.mark.parametrize("said", list(NETWORKS))
def test_networks_in_words(said):
    network = {"inputs": 2, "activation": {"alpha": "0", "power": 2}, **NETWORKS[said]}
    assert described({**PLANAR, "network": network}, Say())[0] == f"Network: {said}"
    assert "given" not in about({**PLANAR, "network": network})["network"]


def test_data_and_loss_in_words():
    data = {"X": [["1/3", "-2"], ["0", "1/2"]], "y": ["7", "-1/3"]}
    facts = about({**PLANAR, "data": data, "loss": {"kind": "logistic", "reduction": "sum"}})
    said = described({**PLANAR, "data": data, "loss": facts["loss"]}, Say())
    digest = hashlib.sha256(json.dumps(data, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
    assert said[1:3] == [
        "Data: 2 samples of 2 inputs, inputs from -2 to 0.5, labels from about -0.333333333 to 7; SHA-256 of "
        f"the data {digest}.",
        "Loss: the sum of 2 log(1 + exp(-y out)).",
    ]
    assert facts["data_sha256"] == digest


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_a_problem_is_what_the_checker_has_read(name):
    content = accepted(name)
    lipschitz = not name.startswith(("power-1-", "branches"))
    read, facts = Problem(content["problem"], Clock(None), None, lipschitz, True), about(content["problem"])
    assert (facts["weights"], facts["samples"]) == (read.size, len(read.samples))
    if not read.expression:
        assert (facts["order"], facts["widths"]) == (read.order, read.widths)
        assert facts["trained"] == read.trained
    assert facts["problem_sha256"] == content["problem_sha256"]
    assert facts["inputs"] == len(read.samples[0])
    assert facts["direction"] == content["problem"]["direction"]


def test_long_lists_are_cut_unless_all_is_asked_for():
    lines = [str(k) for k in range(14)]
    assert few(lines, False) == [*lines[:12], "... and 2 more lines, which --all prints."]
    assert few(lines[:13], False) == lines[:13]
    assert few(lines, True) == lines


# -- the command ---------------------------------------------------------------------------------------------

GOOD = {
    "one-neuron": ASSUMPTIONS,
    "kkt-planar": KKT_ASSUMPTIONS,
    "basin-neurons": BASIN_ASSUMPTIONS,
    "time-planar": TIME_ASSUMPTIONS,
}


def _path(name, folder="accept"):
    return str(FOLDER / folder / f"{name}.json")


def _printed(name, exact=False):
    said = SENTENCES[name]
    count = len(said["exact"]) - len(said["claim"]) + ("kkt" in name)
    problem, claim = (
        (said["exact"][:count], said["exact"][count:]) if exact else (said["problem"], said["claim"])
    )
    lines = [f"{_path(name)}: accepted"]
    for title, each in (("Problem:", problem), ("Claim:", claim), ("Assumptions:", GOOD[name])):
        lines += [title, *(f"  {line}" for line in each)]
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("name", list(GOOD))
def test_an_accepted_certificate_is_printed_whole(name, capsys):
    assert main([_path(name)]) == 0
    assert capsys.readouterr() == (_printed(name), "")
    assert main([_path(name), "--exact"]) == 0
    assert capsys.readouterr() == (_printed(name, exact=True), "")


def test_long_claims_and_problems_are_printed_whole_if_it_is_asked_for(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "sentences", lambda *_: [f"line {k}" for k in range(20)])
    monkeypatch.setattr(__main__, "described", lambda *_: [f"fact {k}" for k in range(20)])
    main([_path("kkt-planar")])
    said = capsys.readouterr().out
    assert said.count("... and 8 more lines, which --all prints.") == 2 and "line 12" not in said
    main([_path("kkt-planar"), "--all"])
    said = capsys.readouterr().out
    assert "more lines" not in said and "line 19" in said and "fact 19" in said


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
    blank = {"rule": "", "where": "", "reason": "", "claim": None, "assumptions": [], "about": None}
    first = {
        **blank,
        "file": good,
        "verdict": "accepted",
        "claim": accepted("kkt-planar")["claim"],
        "assumptions": list(KKT_ASSUMPTIONS),
        "about": about(PLANAR),
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
    exact = {**first, "about": {**about(PLANAR), "exact": PLANAR}}
    assert main(["--json", "--exact", good]) == 0
    assert capsys.readouterr() == (json.dumps(exact, sort_keys=True) + "\n", "")
    assert main(["--json", good, bad]) == 1
    assert capsys.readouterr() == (json.dumps({"files": [first, second]}, sort_keys=True) + "\n", "")


HELP = """\
usage: checker [-h] [--json] [--time-limit SECONDS] [--quiet] [--all] [--exact] FILE [FILE ...]

Check certificates of early directional convergence, KKT points, basins and times.

positional arguments:
  FILE

options:
  -h, --help            show this help message and exit
  --json                one JSON object on stdout
  --time-limit SECONDS  at most this long for each file
  --quiet               only the verdicts
  --all                 every line of long claims and problems
  --exact               exact numbers in the place of decimals
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
    monkeypatch.setattr(__main__, "check_file", lambda *given: asked.append(given) or Verdict("accepted"))
    main(["a", "b", "--time-limit", "2.5"])
    main(["c"])
    main(["d"], {"a": "problem"})
    assert asked == [("a", 2.5, None), ("b", 2.5, None), ("c", None, None), ("d", None, {"a": "problem"})]
    assert capsys.readouterr().out == "a: accepted\nb: accepted\nc: accepted\nd: accepted\n"


# -- the problem that is meant -------------------------------------------------------------------------------

SAME = "Its claim is about the problem that is meant{}."


def test_a_certificate_about_the_problem_that_is_meant_is_accepted(capsys):
    name = "kkt-planar"
    lines = _printed(name).split("\n")
    assert main([_path(name)], PLANAR) == 0
    assert capsys.readouterr() == ("\n".join([lines[0], SAME.format(""), *lines[1:]]), "")
    turned = {**PLANAR, "direction": ["1", "0", "0", "-1"]}
    other = (
        "the ratio of weight 4 to weight 1 is 1 in the certificate and -1 in the problem that is meant; the "
        "claim is about every initial direction"
    )
    assert main([_path(name)], turned) == 0
    assert capsys.readouterr().out.split("\n")[1] == SAME.format(f": {other}")
    assert main([_path(name), "--quiet"], turned) == 0
    assert capsys.readouterr() == (f"{lines[0]}\n", "")
    assert main([_path(name), "--json"], turned) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["problem"] == {"same": True, "where": "direction", "reason": other}
    assert (record["verdict"], record["about"]) == ("accepted", about(PLANAR))


def test_a_certificate_about_another_problem_is_refused(capsys):
    good, bad, broken = _path("kkt-planar"), _path("one-neuron"), _path("empty", "malformed")
    reason = "width is 1 in the certificate and 2 in the problem that is meant"
    assert main([good, bad, "--quiet"], PLANAR) == 1
    said = f"{good}: accepted\n{bad}: refused (R1, network): {reason}\n"
    assert capsys.readouterr() == (said, "")
    assert main(["--json", bad, broken, good], PLANAR) == 2
    first, second, third = json.loads(capsys.readouterr().out)["files"]
    assert first["problem"] == {"same": False, "where": "network", "reason": reason}
    assert (first["verdict"], first["rule"], first["where"], first["reason"]) == (
        "refused",
        "R1",
        "network",
        reason,
    )
    assert (first["claim"], first["assumptions"], first["about"]) == (None, [], None)
    assert (second["verdict"], second["problem"]) == ("malformed", None)
    assert third["problem"] == {"same": True, "where": "", "reason": ""}
    # What is not proved is refused for that, and of what takes too long nothing is known.
    assert main(["--json", _path("kkt-planar-missing-point", "reject")], PLANAR) == 1
    assert json.loads(capsys.readouterr().out)["problem"] is None
    assert main(["--json", "--time-limit", "0", good], PLANAR) == 3
    assert json.loads(capsys.readouterr().out)["problem"] is None


def test_an_attack_is_printed_with_its_place(tmp_path, capsys):
    content, path = copy.deepcopy(accepted("one-neuron")), tmp_path / "a.json"
    ATTACKS["unproved_trap"](content)
    path.write_bytes(sealed(content))
    assert main([str(path)]) == 1
    assert capsys.readouterr() == (f"{path}: {recorded()['attacks on one-neuron', 'unproved_trap']}\n", "")
