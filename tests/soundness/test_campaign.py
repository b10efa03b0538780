"""The soundness campaign itself: quick trials find nothing, planted lies are found, a checker that believes
all is noticed.
"""

import importlib.util
import json
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

if np.finfo(np.longdouble).nmant < 63:
    pytest.skip("this machine has no extended doubles, which the truth needs", allow_module_level=True)

from benchmarks.truth import trial as trials
from benchmarks.truth.claims import check_claim
from benchmarks.truth.draws import FAMILIES, draw
from benchmarks.truth.extended import LD, exact, length
from benchmarks.truth.flow_comparison import CLOSE
from benchmarks.truth.flows import Flow
from benchmarks.truth.lists import check_list
from benchmarks.truth.mutants import mutant, sealed
from benchmarks.truth.networks import Net
from benchmarks.truth.power_1 import Inclusion, check_power_1
from benchmarks.truth.symmetric import Symmetry
from certflow import Activation, Expression, OneLayer, Problem, TwoLayer, certify
from certflow.checker import Verdict
from certflow.kkt.enumerate import kkt_set

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "soundness.py"
FINDINGS = ("false", "refused", "no_answer", "tracebacks", "campaign_errors")
QUICK = (0, 6, 7, 9, 14, 15, 18, 22, 25, 41)


def plane() -> Problem:
    """Two neurons in the plane with a theorem about both."""
    network = OneLayer(2, 2, Activation(0, 2))
    return Problem(
        network,
        [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]],
        ["5", "9/5", "1"],
        direction=["1", "1/2", "-1", "1"],
    )


@pytest.fixture(scope="module")
def certificate() -> dict:
    return json.loads(certify(plane(), Fraction(1, 50)).certificate)


def false_in(content: dict) -> list[str]:
    return check_claim(Net(content["problem"]), content["claim"], np.random.default_rng(0), flows=1).false


def test_the_truth_of_one_weight_is_its_closed_form():
    problem = Problem(OneLayer(1, 1, Activation(0, 2)), [["3"]], ["1"], direction=["1"], reduction="sum")
    net = Net(problem.exact_content())
    flow = Flow(net, net.start, None)
    while flow.s < 1:
        flow.step()
    u, s = flow.event(lambda u, s: s - 1)
    # N = 9 u^2, u' = 18 u.
    assert abs(length(u) / np.exp(LD(18)) - 1) < 1e-12
    assert abs(s - 1) < 1e-15


def half_dead() -> Problem:
    """N = u1 max(u2, 0): zero, with its gradient, on half of the sphere."""
    network = Expression(["u1", "u2", "u3"], ["x1", "x2"], "u1*max(u2*x1, u3*x2)")
    return Problem(network, [["1", "0"]], ["1"], direction=["-1", "1e-6", "1e-6"])


def test_the_truth_finds_the_order_of_an_expression_that_is_zero_on_a_cone():
    problem = half_dead()
    net = Net(problem.exact_content())
    assert net.order == 2
    assert (
        check_list(net, json.loads(json.dumps(kkt_set(problem).to_json())), np.random.default_rng(0)).false
        == []
    )


def test_the_truth_does_not_jump_over_a_kink():
    net = Net(half_dead().exact_content())
    flow = Flow(net, net.start, None)
    while flow.s < LD(1) / 2:
        flow.step()
    # u2 falls to 0 within a time of about 1e-6, and stays there.
    assert abs(flow.u[1]) < CLOSE


@pytest.mark.parametrize(
    ("x", "u", "expected"),
    [
        (["1", "0"], [0, 1], True),
        (["3", "1"], [1, -3], True),
        (["3", "1"], [1, 3], False),
        (["0", "0"], [1, 0], False),
    ],
)
def test_the_truth_sees_kinks_exact_or_of_rounding(x, u, expected):
    problem = Problem(OneLayer(2, 1, Activation(0, 2)), [x], ["1"], direction=["1", "1"])
    part = Net(problem.exact_content()).block(range(2))
    v = np.array(u, dtype=LD) / length(np.array(u, dtype=LD))
    assert part.on_kinks(v)[0].any() == expected


@pytest.mark.parametrize("index", QUICK)
def test_quick_trials_find_nothing(index):
    record = trials.Trial(7, index).run()
    assert {name: record[name] for name in FINDINGS} == {name: [] for name in FINDINGS}
    assert record["compared"] > 0


def test_the_truth_shares_no_code_with_certflow():
    texts = {path.name: path.read_text(encoding="utf-8") for path in (SCRIPT.parent / "truth").glob("*.py")}
    assert [name for name, text in texts.items() if "import certflow" in text or "from certflow" in text] == [
        "trial.py"
    ]


def test_a_trial_is_decided_by_the_seed_and_its_number():
    assert draw(3, 17) == draw(3, 17)
    assert draw(3, 17) != draw(4, 17)
    assert [draw(0, k).family for k in range(len(FAMILIES))] == list(FAMILIES)


def test_a_true_claim_is_found_true(certificate):
    assert false_in(certificate) == []


def scaled(number: str, factor: str) -> str:
    return str(exact(number) * Fraction(factor))


def wrong_point(claim: dict) -> None:
    claim["blocks"][0]["kkt_point"]["centre"].reverse()


def wrong_gap(claim: dict) -> None:
    claim["blocks"][0]["gap"] = [scaled(end, "11/10") for end in claim["blocks"][0]["gap"]]


def wrong_value(claim: dict) -> None:
    claim["blocks"][0]["value"] = [scaled(end, "1000001/1000000") for end in claim["blocks"][0]["value"]]


def wrong_radius_of_the_point(claim: dict) -> None:
    claim["blocks"][0]["kkt_point"]["centre"][0] = "1*2^0"
    claim["blocks"][0]["kkt_point"]["centre"][1] = "3*2^-4"


def wrong_times(claim: dict) -> None:
    claim["time_to_radius"]["start_time"] = [scaled(t, "1/2") for t in claim["time_to_radius"]["start_time"]]


def wrong_pace(claim: dict) -> None:
    for name in ("n_lower", "n_upper"):
        claim["time_to_radius"][name] = scaled(claim["time_to_radius"][name], "5/4")


def wrong_growth(claim: dict) -> None:
    claim["growth"]["factor_squared"] = scaled(claim["growth"]["factor_squared"], "1/10")


def wrong_angle(claim: dict) -> None:
    claim["blocks"][1]["angle_at_horizon"] = scaled(claim["blocks"][1]["angle_at_horizon"], "1/1000")


def wrong_law(claim: dict) -> None:
    claim["blocks"][1]["law"]["coefficient"] = claim["blocks"][1]["law"]["floor"] = "0"


def wrong_delta_bar(claim: dict) -> None:
    claim["delta_bar"], claim["radius"] = scaled(claim["delta_bar"], "10000"), scaled(claim["radius"], "100")


def wrong_maximum(claim: dict) -> None:
    claim["n_max_upper"] = scaled(claim["n_max_upper"], "1/10")


def wrong_outcome(claim: dict) -> None:
    claim["blocks"][0]["outcome"] = "dead"


def wrong_support(claim: dict) -> None:
    claim["blocks"][1]["support"] = []


LIES = [value for name, value in sorted(globals().items()) if name.startswith("wrong_")]


@pytest.mark.parametrize("lie", LIES, ids=[lie.__name__ for lie in LIES])
def test_a_planted_lie_is_a_false_claim(lie, certificate):
    content = json.loads(json.dumps(certificate))
    lie(content["claim"])
    assert false_in(content) != []


# -- neurons that fade ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fading() -> dict:
    """The first of two neurons fades; its labels on one ray have both signs."""
    network = OneLayer(2, 2, Activation(0, 2), [-1, 1])
    X = [["1", "0"], ["2", "0"], ["1/2", "1"]]
    problem = Problem(network, X, ["-1", "1", "3/2"], direction=["1", "-2", "1/2", "1"])
    return json.loads(certify(problem, Fraction(1, 50)).certificate)


def off_its_direction(claim: dict) -> None:
    claim["blocks"][0]["direction"] = ["1/100", "-1"]


def nearer_than_it_is(claim: dict) -> None:
    block = claim["blocks"][0]
    block["angle_at_horizon"] = scaled(block["angle_at_horizon"], "1/1000")


def fades_for_ever(claim: dict) -> None:
    """Beyond R the neuron that converges fits the labels, and turns the residuals of the ray."""
    claim["radius"] = "3"
    claim["time_to_radius"] = claim["blocks"][1]["law"] = None
    claim["epsilon"] = claim["blocks"][1]["angle_at_horizon"] = claim["blocks"][1]["angle_at_radius"] = "2"


def the_other_fades(claim: dict) -> None:
    claim["blocks"][1] |= {"outcome": "fades", "direction": ["0", "-1"], "kkt_point": None, "law": None}


FADING_LIES = [off_its_direction, nearer_than_it_is, fades_for_ever, the_other_fades]


def test_a_true_claim_of_fading_is_found_true(fading):
    assert false_in(fading) == []


@pytest.mark.parametrize("lie", FADING_LIES, ids=[lie.__name__ for lie in FADING_LIES])
def test_a_planted_lie_about_fading_is_a_false_claim(lie, fading):
    content = json.loads(json.dumps(fading))
    lie(content["claim"])
    assert false_in(content) != []


# -- samples that a neuron never sees ------------------------------------------------------------------------


def test_the_gap_is_that_of_directions_at_which_silent_samples_are_inactive():
    network, X = OneLayer(3, 1, Activation(0, 2)), [[2, 0, 0], [0, 1, 0], [0, 0, 3]]
    problem = Problem(network, X, [1, 2, 4], direction=[1, 1, -1], reduction="sum")
    content = json.loads(certify(problem, Fraction(1, 50)).certificate)
    assert content["claim"]["blocks"][0]["silent"] == [2] and false_in(content) == []
    # With all samples the point is a saddle.
    del content["claim"]["blocks"][0]["silent"]
    assert false_in(content) != []


# -- exact starts, and what is followed ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def exact_start() -> dict:
    """All directions of the quadrant are KKT points, and the losses turn the neuron away from its own."""
    problem = Problem(
        OneLayer(2, 1, Activation(0, 2)), [["1", "0"], ["0", "1"]], [1, 1], direction=["3", "4"]
    )
    return json.loads(certify(problem, Fraction(1, 50)).certificate)


@pytest.fixture(scope="module")
def slow() -> dict:
    """The second of two neurons is too slow for this delta."""
    network = OneLayer(2, 2, Activation(0, 2))
    X = [["1", "0"], ["0", "1"], ["-1", "1/2"]]
    problem = Problem(network, X, ["5", "1", "1"], direction=["1", "1/2", "-1/5", "1"])
    return json.loads(certify(problem, Fraction(1, 50), delta_bar=Fraction(1, 10**3)).certificate)


def floor_too_low(claim: dict) -> None:
    law = claim["blocks"][0]["law"]
    law["floor"] = scaled(law["floor"], "1/10")


def no_growth_at_all(claim: dict) -> None:
    claim["blocks"][0]["value"] = ["-2", "-1"]


def a_gap_that_is_none(claim: dict) -> None:
    claim["blocks"][0]["gap"] = ["1/10", None]


def nearer_to_the_limit_flow(claim: dict) -> None:
    (block,) = (each for each in claim["blocks"] if each["outcome"] == "followed")
    block["angle_to_curve"] = "1/1000000000000000000"


STARTING_LIES = [floor_too_low, no_growth_at_all, a_gap_that_is_none]


def test_true_claims_of_exact_starts_and_of_what_is_followed_are_found_true(exact_start, slow):
    assert [block["outcome"] for block in exact_start["claim"]["blocks"]] == ["exact-start"]
    assert sorted(block["outcome"] for block in slow["claim"]["blocks"]) == ["converges", "followed"]
    assert false_in(exact_start) == false_in(slow) == []


@pytest.mark.parametrize("lie", STARTING_LIES, ids=[lie.__name__ for lie in STARTING_LIES])
def test_a_planted_lie_about_an_exact_start_is_a_false_claim(lie, exact_start):
    content = json.loads(json.dumps(exact_start))
    lie(content["claim"])
    assert false_in(content) != []


def test_a_planted_lie_about_what_is_followed_is_a_false_claim(slow):
    content = json.loads(json.dumps(slow))
    nearer_to_the_limit_flow(content["claim"])
    assert any("angle to the limit flow" in each for each in false_in(content))


# -- power 1 -------------------------------------------------------------------------------------------------


def sliding(alpha=0, direction=(0, 1, 1), y=(-2, 1)) -> Problem:
    """One neuron: on w1 = 0 the flow is held, and w2' = v, v' = w2 to first order."""
    network = TwoLayer(2, 1, Activation(alpha, 1))
    return Problem(network, [[1, 0], [1, 1]], list(y), direction=list(direction), reduction="sum")


def followed(problem: Problem, delta: Fraction | None, end: float) -> Inclusion:
    net = Net(problem.exact_content())
    flow = Inclusion(net, net.start, None if delta is None else np.log(LD(delta)))
    while flow.s < end:
        flow.step()
    flow.u, flow.s = flow.event(lambda u, s: s - LD(end))
    return flow


@pytest.mark.parametrize("w1", [0, Fraction(1, 4)])
def test_the_truth_of_power_1_slides(w1):
    flow = followed(sliding(direction=(w1, 1, 1)), None, 4.0)
    assert flow.u[0] == 0
    if not w1:
        assert abs(flow.u[1:] * np.sqrt(LD(2)) / np.exp(LD(4)) - 1).max() < 1e-15
    # v^2 - |w|^2 is kept.
    first = Fraction(w1) ** 2 / (2 + Fraction(w1) ** 2)
    assert (
        abs(flow.u[1] ** 2 - flow.u[2] ** 2 - LD(first.numerator) / first.denominator)
        < 1e-15 * flow.u[1] ** 2
    )


def test_the_truth_of_power_1_changes_the_sign_of_v_and_goes_back():
    # v = 1 falls as w2 moves away from it and back: with z2 = -1 the limit flow is w' = -v x, v' = -w . x.
    flow = followed(sliding(direction=(1, 3, 1), y=(0, -1)), None, 3.0)
    w1, w2, v = flow.u * np.sqrt(LD(11))
    # On x = (1, 1): p = w . x has p' = -2 v, v' = -p, w1 - w2 stays.
    root = np.sqrt(LD(2))
    assert abs(v - (np.cosh(3 * root) - 4 / root * np.sinh(3 * root))) < 1e-13 * abs(v)
    assert abs(w1 - w2 + 2) < 1e-14 * abs(v)


@pytest.mark.parametrize("delta", [Fraction(1, 100), Fraction(1, 10**20)])
def test_the_truth_of_power_1_feels_the_labels(delta):
    # Along w1 = 0: s' = 2 s (1 - s) for the output s = v w2, from s0 = delta^2 / 2.
    flow, start = followed(sliding(), delta, 3.0), LD(delta) ** 2 / 2
    assert abs(flow.u[0]) < 1e-15
    output = flow.u[1] * flow.u[2] * LD(delta) ** 2
    expected = start * np.exp(LD(6)) / (1 + start * (np.exp(LD(6)) - 1))
    assert abs(output / expected - 1) < 1e-6


def of_power_1() -> tuple[Net, dict]:
    """A claim about the sliding neuron with 1/10 beside v that is true, by hand."""
    net = Net(sliding(direction=(0, 1, Fraction(11, 10))).exact_content())
    block = {
        "index": 0,
        "weights": [0, 3],
        "outcome": "converges",
        "reason": "",
        "kkt_point": {"centre": ["0", "1", "1"], "radius": "1/1000000"},
        "support": [0],
        "value": ["49/100", "51/100"],
        "gap": ["99/100", "101/100"],
        "horizon": "3",
        "angle_at_horizon": "1/1000",
        "angle_at_radius": "1/1000",
        "law": None,
    }
    claim = {
        "statement": "early-direction-power-1",
        "order": 2,
        "epsilon": "1/1000",
        "delta_bar": "1/1000",
        "start_angle": "0",
        "problem_sha256": net.sha256,
        "loss": net.record["loss"],
        "assumptions": [],
        "horizon": {"scaled_time": "3", "norm_over_delta": None},
        "growth": {"factor_squared": "404"},
        "n_max_upper": "71/100",
        "radius": "1/10",
        "time_to_radius": {
            "start_radius_over_delta": ["20", "201/10"],
            "n_lower": "49/100",
            "n_upper": "1/2",
            "start_time": ["3", "3"],
        },
        "blocks": [block],
    }
    return net, claim


def rests(claim: dict) -> None:
    claim["blocks"][0]["outcome"] = "stops"


def other_side(claim: dict) -> None:
    claim["blocks"][0]["kkt_point"]["centre"] = ["0", "1", "-1"]


def off_the_kink(claim: dict) -> None:
    claim["blocks"][0]["kkt_point"]["centre"] = ["1*2^-9", "1", "1"]


def too_soon(claim: dict) -> None:
    claim["horizon"]["scaled_time"] = claim["blocks"][0]["horizon"] = "1"


POWER_1_LIES = [
    wrong_gap,
    wrong_value,
    wrong_growth,
    wrong_maximum,
    wrong_times,
    wrong_pace,
    wrong_outcome,
    rests,
    other_side,
    off_the_kink,
    too_soon,
]


def test_a_true_claim_of_power_1_is_found_true():
    report = check_power_1(*of_power_1(), np.random.default_rng(0))
    assert (report.false, report.open) == ([], [])
    assert report.compared > 100


@pytest.mark.parametrize("lie", POWER_1_LIES, ids=[lie.__name__ for lie in POWER_1_LIES])
def test_a_planted_lie_about_power_1_is_found(lie):
    net, claim = of_power_1()
    lie(claim)
    if lie is wrong_value:
        claim["blocks"][0]["value"] = ["501/1000", "51/100"]
    assert check_power_1(net, claim, np.random.default_rng(0)).false != []


@pytest.mark.parametrize("lie", ["missing", "moved", "value"])
def test_a_wrong_list_of_points_is_found(lie):
    problem = plane()
    listed = kkt_set(problem, 15).to_json()
    net, rng = Net(problem.exact_content()), np.random.default_rng(0)
    assert check_list(net, listed, rng).false == []
    k = next(k for k, entry in enumerate(listed["kkt"]) if entry["kind"] == "maximum")
    if lie == "missing":
        del listed["kkt"][k]
    elif lie == "moved":
        listed["kkt"][k]["point"].reverse()
    else:
        listed["kkt"][k]["value"] = [scaled(end, "11/10") for end in listed["kkt"][k]["value"]]
    assert check_list(net, listed, rng).false != []


def test_a_checker_that_accepts_everything_is_noticed(monkeypatch):
    monkeypatch.setattr(trials, "check_text", lambda text, limit: Verdict("accepted"))
    monkeypatch.setattr(trials, "problem_of", lambda made: plane())
    for step in ("_points", "_near_origin", "_flow"):
        monkeypatch.setattr(trials.Trial, step, lambda self: None)
    record = trials.Trial(7, 1).run()
    assert record["mutants"]["accepted"] > 0
    assert record["false"] or record["campaign_errors"]


def test_mutants_have_their_hashes_and_are_not_the_original(certificate):
    assert sealed(certificate) == sealed(json.loads(sealed(certificate)))
    texts = [mutant(certificate, random.Random(k)) for k in range(40)]
    assert texts == [mutant(certificate, random.Random(k)) for k in range(40)]
    assert len({name for name, _ in texts}) > 8
    assert sum(text != sealed(certificate) for _, text in texts) > 30


def test_the_script_counts(tmp_path):
    out = tmp_path / "counts.json"
    run = subprocess.run(
        [sys.executable, SCRIPT, "--trials", "2", "--first", "6", "--seed", "7", "--out", out],
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    counts = json.loads(out.read_text(encoding="utf-8"))
    assert (counts["trials"], counts["false_claims"], counts["failures"]) == (2, 0, [])


def test_a_worker_that_dies_is_a_finding_and_not_the_end(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("campaign_script", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    # The workers of this name find no module to run.
    monkeypatch.setitem(sys.modules, "campaign_script", script)
    campaign = script.Campaign(7, 2, 3)
    script.run(campaign, 1, tmp_path / "counts.json")
    counts = json.loads((tmp_path / "counts.json").read_text(encoding="utf-8"))
    assert (counts["trials"], counts["workers_lost"], campaign.clean) == (2, 2, False)
    assert [each["again"].split("--seed ")[1] for each in counts["failures"]] == ["7 --only 3", "7 --only 4"]


# -- symmetric starts ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twins() -> dict:
    """Two equal neurons come to a saddle."""
    network = TwoLayer(2, 2, Activation(0, 2))
    X, y = [["1", "1/2"], ["-1/3", "1"], ["-1/4", "-1"]], ["1", "2/3", "-1/2"]
    problem = Problem(network, X, y, direction=["1/2", "3/4", "1/2", "3/4", "1", "1"])
    return json.loads(certify(problem, Fraction(1, 20)).certificate)


def gap_too_large(claim: dict) -> None:
    claim["blocks"][0]["gap"] = ["1/6", None]


def the_gap_among_all(claim: dict) -> None:
    claim["blocks"][0]["gap"] = ["-1", "-1/10"]


def at_once(claim: dict) -> None:
    law = claim["blocks"][0]["law"]
    law["coefficient"], law["floor"] = "1/1000000", scaled(law["floor"], "1/100")


def not_within(claim: dict) -> None:
    del claim["blocks"][0]["within"]


SYMMETRIC_LIES = [gap_too_large, the_gap_among_all, at_once, not_within]


def test_true_claims_of_symmetric_starts_are_found_true(twins):
    assert [block.get("within") for block in twins["claim"]["blocks"]] == [True]
    assert false_in(twins) == []


@pytest.mark.parametrize("lie", SYMMETRIC_LIES, ids=[lie.__name__ for lie in SYMMETRIC_LIES])
def test_a_planted_lie_about_a_symmetric_start_is_a_false_claim(lie, twins):
    content = json.loads(json.dumps(twins))
    lie(content["claim"])
    assert false_in(content) != []


def symmetry_of(network, X, y, direction) -> Symmetry:
    return Symmetry(Net(Problem(network, X, y, direction=direction).exact_content()))


def test_the_truth_knows_subspaces_of_symmetric_starts():
    plane, labels = [["1", "1/2"], ["1", "-1/2"], ["2", "3"], ["2", "-3"]], ["1", "1", "2", "2"]
    pair = symmetry_of(TwoLayer(2, 2, Activation(0, 2)), plane, labels, ["1", "2", "1", "-2", "3", "3"])
    assert len(pair.space(range(6))) == 3
    point = pair.projected(np.array([1, 2, 3, 4, 5, 7], dtype=np.longdouble))
    assert point.tolist() == [2, -1, 2, 1, 6, 6]
    other = symmetry_of(TwoLayer(2, 2, Activation(0, 2)), plane, labels, ["1", "2", "1", "-2", "3", "4"])
    assert len(other.space(range(6))) == 6
    uneven = symmetry_of(
        TwoLayer(2, 2, Activation(0, 2)), plane, ["1", "1", "2", "1"], ["1", "2", "1", "-2", "3", "3"]
    )
    assert len(uneven.space(range(6))) == 6
    on_axis = symmetry_of(OneLayer(2, 2, Activation(0, 2)), plane, labels, ["1", "0", "-2", "0"])
    assert [len(on_axis.space(own)) for own in ([0, 1], [2, 3])] == [1, 1]
    signs = symmetry_of(OneLayer(1, 2, Activation(0, 3), [1, -1]), [["1"], ["-2"]], ["1", "2"], ["1", "1"])
    assert len(signs.space(range(2))) == 2
    beside = symmetry_of(OneLayer(2, 1, Activation(0, 2)), [["1", "1"], ["1", "-1"]], ["1", "2"], ["1", "1"])
    assert len(beside.space(range(2))) == 1
