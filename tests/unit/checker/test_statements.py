"""What every statement is checked for, in which order and under which name: each part is replaced by one that
takes notes.
"""

from fractions import Fraction as F
from types import SimpleNamespace

import pytest
from after_a_sweep import BELOW, CLOCK, GRID, NARROW, OTHER, TINY, group, path, refusal

from certflow.checker.basin import rules as basin
from certflow.checker.basin.rules import BASIN_ASSUMPTIONS, _check_block, check_basin
from certflow.checker.basin.words import sentences as basin_sentences
from certflow.checker.early_direction import claim
from certflow.checker.early_direction.claim import ASSUMPTIONS, check_claim
from certflow.checker.kernel.numbers import root_up
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.time_near_origin import rules as time_near_origin
from certflow.checker.time_near_origin.rules import TIME_ASSUMPTIONS, _from_list, check_time
from certflow.checker.time_near_origin.words import sentences as time_sentences
from certflow.checker.tube.evidence import Certificate, TrapEvidence
from certflow.checker.tube.sweep import Sweep
from certflow.checker.words import Say

PROBLEM = SimpleNamespace(
    order=2,
    loss={"kind": "square", "reduction": "sum"},
    mass=F(4),
    rate=F(8),
    groups=[[0], [1, 2], [3]],
    indices=[[0, 1], [2], [3], [4]],
)
EARLY = {
    "statement": "early-direction",
    "order": 2,
    "epsilon": "1/10",
    "delta_bar": "1/3",
    "start_angle": "0",
    "problem_sha256": "abc",
    "loss": PROBLEM.loss,
    "assumptions": list(ASSUMPTIONS),
    "horizon": {},
    "growth": {},
    "n_max_upper": "7",
    "radius": "1",
    "time_to_radius": None,
    "blocks": [dict.fromkeys(claim._BLOCK.split(), k) for k in range(3)],
}


def early(change):
    return Certificate(PROBLEM, "abc", GRID, [], Node({**EARLY, **change}, "claim"))


@pytest.fixture
def notes(monkeypatch):
    """What is asked while a claim is checked; the three groups are one with a trap and two dead ones."""
    found = []
    proved = [group(), group("dead", None), group("dead", None)]

    class After:
        def __init__(self, *given):
            found.append(("state", *given))

        def check_radius(self):
            found.append(("radius",))

        def check_horizon(self):
            found.append(("horizon",))

        def check_times(self, node):
            found.append(("times", node))

        def check_block(self, g, block):
            found.append(("block", g, block))

    monkeypatch.setattr(claim, "prepare", lambda *given: found.append(("prepare", *given)) or proved)
    monkeypatch.setattr(claim, "sweep", lambda *given: found.append(("sweep", *given)) or "swept")
    monkeypatch.setattr(claim, "check_dead", lambda *given: found.append(("dead", *given)))
    monkeypatch.setattr(claim, "check_largest", lambda *given: found.append(("largest", *given)))
    monkeypatch.setattr(claim, "_After", After)
    found.append(proved)
    return found


def test_an_early_direction_is_checked_in_order(notes):
    clock = Clock(None)
    enter = clock.enter
    clock.enter = lambda *given: notes.append(("enter", *given)) or enter(*given)
    content = early({"time_to_radius": {"x": 1}, "delta_bar": "1/3"})
    check_claim(content, clock)
    proved, *rest = notes
    fields = content.claim.fields(claim._FIELDS)
    after = ("state", content, fields, proved, "swept", F(1, 10), F(1, 3), clock)
    blocks = [(g, Node(EARLY["blocks"][g], f"claim.blocks[{g}]")) for g in range(3)]
    assert rest == [
        ("enter", "R9", "claim"),
        ("prepare", content, F(0), clock, claim._LIFTS, claim.subspace, claim.without_silent),
        ("enter", "R5", "groups"),
        ("sweep", [each.runner for each in proved], 2, F(1, 36), clock),
        ("dead", PROBLEM, [1, 2], proved[1], GRID, clock),
        ("dead", PROBLEM, [3], proved[2], GRID, clock),
        ("enter", "R7", "claim"),
        after,
        ("radius",),
        ("enter", "R8", "claim.horizon"),
        ("horizon",),
        ("enter", "R9", "claim"),
        ("times", Node({"x": 1}, "claim.time_to_radius")),
        ("largest", PROBLEM, fields["n_max_upper"], clock),
        *(
            each
            for g, node in blocks
            for each in (("enter", "R9", node.where), ("block", g, node.fields(claim._BLOCK)))
        ),
    ]


def test_times_to_a_radius_may_be_left_out(notes):
    check_claim(early({}), CLOCK)
    assert "times" not in [each[0] for each in notes[1:]]


LAWFUL = "epsilon > 0, delta_bar > 0 and start_angle >= 0 are needed"


@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, None),
        ({"statement": "another"}, ("R9", "claim.statement", OTHER)),
        ({"order": 3}, ("R9", "claim.order", OTHER)),
        ({"problem_sha256": "abd"}, ("R9", "claim.problem_sha256", OTHER)),
        ({"loss": {"kind": "square", "reduction": "mean"}}, ("R9", "claim.loss", OTHER)),
        ({"assumptions": list(ASSUMPTIONS)[:1]}, ("R9", "claim.assumptions", OTHER)),
        ({"assumptions": []}, ("R9", "claim.assumptions", OTHER)),
        ({"epsilon": "0"}, ("R9", "claim", LAWFUL)),
        ({"epsilon": str(TINY), "delta_bar": str(TINY)}, None),
        ({"delta_bar": "0"}, ("R9", "claim", LAWFUL)),
        ({"delta_bar": "-1/3"}, ("R9", "claim", LAWFUL)),
        ({"epsilon": "-1/3"}, ("R9", "claim", LAWFUL)),
        ({"start_angle": str(-TINY)}, ("R9", "claim", LAWFUL)),
        ({"start_angle": "1/2"}, None),
        ({"blocks": EARLY["blocks"][:2]}, ("R1", "claim.blocks", "expected a list of length 3")),
        (
            {"blocks": [*EARLY["blocks"][:2], {}]},
            ("R1", "claim.blocks[2]", "the key 'angle_at_horizon' is missing"),
        ),
        ({"more": 1}, ("R1", "claim", "the key 'more' is unknown")),
    ],
)
def test_an_early_direction_is_about_this_problem(change, refused):
    assert refusal(check_claim, early(change), CLOCK) == refused


LIMIT = {
    "statement": "basin",
    "order": 2,
    "start_angle": "1/5",
    "problem_sha256": "abc",
    "assumptions": list(BASIN_ASSUMPTIONS),
    "blocks": [dict.fromkeys(basin._BLOCK.split(), k) for k in range(3)],
}


@pytest.fixture
def limit(monkeypatch):
    """A checked limit flow with this change of its claim, and what was asked on the way."""

    def checked(change):
        found, content = [], {"claim": {**LIMIT, **change}}
        proved = [group(), group("dead", None), group()]
        certificate = Certificate(PROBLEM, "abc", GRID, [], Node(content["claim"], "claim"))
        monkeypatch.setattr(basin, "read", lambda *given: found.append(("read", *given)) or certificate)
        monkeypatch.setattr(basin, "prepare", lambda *given: found.append(("prepare", *given)) or proved)
        monkeypatch.setattr(basin, "sweep", lambda *given: found.append(("sweep", *given)) or "swept")
        monkeypatch.setattr(basin, "_check_block", lambda *given: found.append(("block", *given)))
        return found, content, certificate, proved

    return checked


def test_a_limit_flow_is_checked_in_order(limit):
    found, content, certificate, proved = limit({})
    assert check_basin(content, CLOCK) is content["claim"]
    blocks = certificate.claim.fields(basin._FIELDS)["blocks"].items(3)
    assert found == [
        ("read", content, CLOCK, BASIN_ASSUMPTIONS),
        ("prepare", certificate, F(1, 5), CLOCK),
        ("sweep", [each.runner for each in proved], 2, F(0), CLOCK),
        *(
            ("block", certificate, g, proved[g], "swept", blocks[g].fields(basin._BLOCK), CLOCK)
            for g in range(3)
        ),
    ]


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"order": 3}, ("R9", "claim.order", OTHER)),
        ({"problem_sha256": "abd"}, ("R9", "claim.problem_sha256", OTHER)),
        ({"assumptions": []}, ("R9", "claim.assumptions", OTHER)),
        ({"start_angle": str(-TINY)}, ("R9", "claim.start_angle", "it is negative")),
        ({"start_angle": "0"}, None),
        ({"blocks": []}, ("R1", "claim.blocks", "expected a list of length 3")),
        ({"blocks": [{}] * 3}, ("R1", "claim.blocks[0]", "the key 'angle_at_horizon' is missing")),
        ({"delta_bar": "1"}, ("R1", "claim", "the key 'delta_bar' is unknown")),
    ],
)
def test_a_limit_flow_is_that_of_this_problem(limit, change, refused):
    _, content, *_ = limit(change)
    assert refusal(check_basin, content, CLOCK) == refused


LAST = {
    "index": 0,
    "weights": [0, 2],
    "outcome": "converges",
    "reason": "",
    "horizon": None,
    "kkt_point": {"centre": ["3*2^-4", "1*2^-2"], "radius": "1/16"},
    "value": ["1/8", "1/4"],
    "gap": ["1/2", "3"],
    "angle_at_horizon": "1/8",
}


def last(change, each=None, D=F(1, 8), L=2, g=0):
    problem = SimpleNamespace(**{**vars(PROBLEM), "order": L})
    certificate = Certificate(problem, "abc", GRID, [], Node(None, "claim"))
    nodes = {name: Node(value, f"b.{name}") for name, value in {**LAST, **change}.items()}
    return refusal(
        _check_block, certificate, g, each or group(), Sweep(F(5), [D] * 3, F(1), F(1)), nodes, CLOCK
    )


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, None),
        ({"index": 1}, ("R9", "b.index", OTHER)),
        ({"weights": [0, 1]}, ("R9", "b.weights", OTHER)),
        ({"outcome": "shrinks"}, ("R9", "b.outcome", OTHER)),
        ({"reason": "x"}, ("R9", "b.reason", OTHER)),
        (
            {"kkt_point": {**LAST["kkt_point"], "radius": "1/2"}},
            ("R6", "b.kkt_point.radius", "the point is alone within r0 of the trap only"),
        ),
        (
            {"kkt_point": {**LAST["kkt_point"], "centre": ["1*2^-2", "3*2^-4"]}},
            ("R9", "b.kkt_point.centre", "it is not the centre of the trap"),
        ),
        ({"kkt_point": None}, ("R1", "b.kkt_point", "expected an object")),
        ({"value": [str(F(1, 8) + TINY), "1/4"]}, ("R9", "b.value", NARROW)),
        ({"value": ["1/8", str(F(1, 4) - TINY)]}, ("R9", "b.value", NARROW)),
        ({"value": None}, ("R1", "b.value", "expected a list of length 2")),
        ({"gap": None}, None),
        ({"gap": ["1/2", None]}, None),
        ({"gap": [str(F(1, 2) + TINY), None]}, ("R9", "b.gap", NARROW)),
        ({"gap": ["1/2", str(3 - TINY)]}, ("R9", "b.gap", NARROW)),
        ({"angle_at_horizon": str(F(1, 8) - TINY)}, ("R13", "b.angle_at_horizon", BELOW)),
        ({"angle_at_horizon": None}, ("R1", "b.angle_at_horizon", "expected a rational number p/q")),
        ({"horizon": "5/8"}, ("R9", "b.horizon", "nothing is proved about this block")),
    ],
)
def test_a_block_of_a_limit_flow_at_its_edges(change, refused):
    assert last(change) == refused


def test_a_block_of_a_limit_flow_is_strictly_inside_its_trap():
    # r0 - radius = 7/16
    outside = ("R13", "b.outcome", "the direction is not proved to be inside its trap")
    assert last({"angle_at_horizon": "1"}, D=F(7, 16)) == outside
    assert last({"angle_at_horizon": "1"}, D=F(7, 16) - TINY) is None


def test_a_single_weight_of_a_limit_flow_has_no_gap():
    each = group(proposed=TrapEvidence([[3]], F(2), F(1, 2), F(0), None))
    own = {"index": 2, "weights": [4, 1], "kkt_point": {"centre": ["3*2^-4"], "radius": "1/16"}}
    reason = "a single weight has no directions between which there is a gap"
    assert last(own, each, g=2) == ("R9", "b.gap", reason)
    assert last({**own, "gap": None}, each, g=2) is None


def test_the_horizon_of_a_block_of_a_limit_flow(monkeypatch):
    each = group(path=path(1))
    assert last({"horizon": "5/8"}, each) is None
    assert last({"horizon": str(F(5, 8) - TINY)}, each) == ("R13", "b.horizon", BELOW)
    asked = []
    monkeypatch.setattr(basin, "scaled_time", lambda *given: asked.append(given) or (F(2), F(3)))
    assert last({"horizon": "3/8"}, each, L=3) is None
    assert last({"horizon": str(F(3, 8) - TINY)}, each, L=3) == ("R13", "b.horizon", BELOW)
    assert asked == [(each, 3, CLOCK)] * 2


NOTHING = dict.fromkeys(("kkt_point", "value", "gap", "angle_at_horizon"))


def test_a_block_of_a_limit_flow_without_a_trap_claims_nothing(monkeypatch):
    asked = []
    monkeypatch.setattr(basin, "check_dead", lambda *given: asked.append(given))
    for outcome in ("inconclusive", "zero", "dead"):
        each = group(outcome, None)
        own = {"index": 1, "weights": [2, 2], "outcome": outcome, **NOTHING}
        assert last(own, each, g=1) is None
        assert asked == ([] if outcome != "dead" else [(asked[0][0], [1, 2], each, GRID, CLOCK)])
        for name in NOTHING:
            assert last({**own, name: LAST[name]}, each, g=1) == ("R9", f"b.{name}", OTHER)
    assert vars(asked[0][0]) == vars(PROBLEM)


def test_a_limit_flow_in_words():
    outcomes = [
        ("inconclusive", None),
        ("zero", None),
        ("dead", "1/2"),
        ("converges", None),
        ("shrinks", "3"),
    ]
    blocks = [
        {
            "index": k,
            "outcome": outcome,
            "horizon": horizon,
            "reason": "it is a saddle.",
            "angle_at_horizon": "1/8",
            "weights": [2 * k, 2],
            "kkt_point": {"centre": ["3*2^-1", "3*2^-1"], "radius": "1/7"},
            "value": ["-2/3", "-1/3"],
            "gap": ["1/3", None],
        }
        for k, (outcome, horizon) in enumerate(outcomes)
    ]
    blocks[3]["gap"] = None
    claim = {"start_angle": "1/5", "order": 3, "blocks": blocks}
    to = "its direction is within 0.125 of the KKT point at 45.000000 degrees"
    assert basin_sentences(claim, {}, Say()) == [
        "The limit flow u' = grad N(u) from every initial direction within 0.2 rad of the given one (order "
        "3):",
        "Block 1: nothing is claimed: it is a saddle.",
        "Block 2: it is zero at the start and for ever.",
        "Block 3: at time 0.5 every sample is inactive, and it never moves again.",
        f"Block 4: when its curve ends {to} (N >= -0.6667), to which it converges.",
        f"Block 5: at time 3 {to} (N <= -0.3333, gap >= 0.3333), to which it converges.",
    ]
    to = "its direction is within 1/8 of the KKT point at (3*2^-1, 3*2^-1) up to 1/7 rad"
    assert basin_sentences(claim, {}, Say(True))[3:] == [
        "Block 3: at time 1/2 every sample is inactive, and it never moves again.",
        f"Block 4: when its curve ends {to} (N >= -2/3), to which it converges.",
        f"Block 5: at time 3 {to} (N <= -1/3, gap >= 1/3), to which it converges.",
    ]


SHORT = {
    "statement": "time-near-origin",
    "order": 2,
    "problem_sha256": "abc",
    "assumptions": list(TIME_ASSUMPTIONS),
    "n_max_upper": "7",
    "method": "norms",
}


def short(monkeypatch, change, evidence=()):
    """The refusal of the claim with this change (None: its own table is returned), and what was asked on the
    way.
    """
    found, content = [], {"claim": {**SHORT, **change}, "problem_sha256": "abc"}
    top = {"claim": Node(content["claim"], "claim"), "evidence": Node(list(evidence), "evidence")}
    monkeypatch.setattr(
        time_near_origin, "opened", lambda *given: found.append(("opened", *given)) or (top, PROBLEM)
    )
    monkeypatch.setattr(
        time_near_origin, "largest_ncf", lambda *given: found.append(("norms", *given)) or F(7)
    )
    monkeypatch.setattr(time_near_origin, "_from_list", lambda *given: found.append(("list", *given)) or F(6))
    refused = refusal(lambda: found.append(check_time(content, CLOCK)))
    assert found[0] == ("opened", content, "evidence", TIME_ASSUMPTIONS, CLOCK)
    assert refused or found[-1] is content["claim"]
    return refused, found[1:-1]


def test_a_time_near_the_origin_from_norms_or_from_a_list(monkeypatch):
    assert short(monkeypatch, {}) == (None, [("norms", PROBLEM, CLOCK)])
    listed = (None, [("list", PROBLEM, Node("a", "evidence[0]"), Node("b", "evidence[1]"), CLOCK)])
    assert short(monkeypatch, {"method": "kkt-points", "n_max_upper": "6"}, "ab") == listed


@pytest.mark.parametrize(
    ("change", "evidence", "refused"),
    [
        ({"order": 3}, "", ("R9", "claim.order", OTHER)),
        ({"problem_sha256": "abd"}, "", ("R9", "claim.problem_sha256", OTHER)),
        ({"assumptions": []}, "", ("R9", "claim.assumptions", OTHER)),
        ({"method": "x"}, "", ("R1", "claim.method", "expected norms or kkt-points")),
        ({}, "a", ("R1", "evidence", "expected a list of length 0")),
        ({"method": "kkt-points"}, "a", ("R1", "evidence", "expected a list of length 2")),
        ({"method": "kkt-points"}, "abc", ("R1", "evidence", "expected a list of length 2")),
        ({"n_max_upper": str(7 - TINY)}, "", ("R14", "claim.n_max_upper", BELOW)),
        ({"method": "kkt-points", "n_max_upper": str(6 - TINY)}, "ab", ("R14", "claim.n_max_upper", BELOW)),
        ({"delta_bar": "1"}, "", ("R1", "claim", "the key 'delta_bar' is unknown")),
    ],
)
def test_a_time_near_the_origin_is_about_this_problem(monkeypatch, change, evidence, refused):
    assert short(monkeypatch, change, evidence)[0] == refused


def listed(monkeypatch, values, status="complete", outputs=(0,), shallow=True, p=2):
    asked = []
    monkeypatch.setattr(time_near_origin, "prove_list", lambda *given: asked.append(given))
    layers = [SimpleNamespace(matrices=[None, [list(outputs)]])]
    problem = SimpleNamespace(shallow=shallow, last=F(8), layers=layers, p=p)
    table = {
        **dict.fromkeys(time_near_origin._LIST.split()),
        "kkt_status": status,
        "points": [{"value": v} for v in values],
    }
    node, evidence = Node(table, "evidence[0]"), Node([], "evidence[1]")
    found = []
    refused = refusal(lambda: found.append(_from_list(problem, node, evidence, CLOCK)))
    assert asked == [(problem, node.fields(time_near_origin._LIST), evidence, CLOCK)]
    return refused or found[0]


def test_the_maximum_of_n_from_a_list(monkeypatch):
    both = [["-3", "-1/2"], ["1/4", "2"]]
    assert listed(monkeypatch, both, shallow=False) == 2
    assert listed(monkeypatch, both[:1], shallow=False) == listed(monkeypatch, [], shallow=False) == 0
    # Given outputs c, eight times as large for the problem of the file: c h or c l.
    assert listed(monkeypatch, both, outputs=(F(1), F(1, 2))) == 16
    assert listed(monkeypatch, both, outputs=(F(1), F(-2))) == 48
    assert (
        listed(monkeypatch, both[1:], outputs=(F(-1),)) == listed(monkeypatch, both[:1], outputs=(F(1),)) == 0
    )
    # Trained outputs: max(h, -l) sqrt(p^p/(p+1)^(p+1)).
    assert listed(monkeypatch, both, outputs=(4,)) == 3 * root_up(F(4, 27), 2)
    assert listed(monkeypatch, both[1:], outputs=(4,), p=3) == 2 * root_up(F(27, 256), 2)
    assert listed(monkeypatch, both, status="partial") == ("R9", "evidence[0].kkt_status", OTHER)


def test_a_time_near_the_origin_in_words():
    assert time_sentences({"order": 3, "n_max_upper": "0"}, {}, Say()) == [
        "N is nowhere positive: for every delta > 0, |w| never exceeds delta."
    ]
    start = "For every delta > 0 and every C > 1, |w|^2 <= C delta^2 up to the time"
    assert time_sentences({"order": 2, "n_max_upper": "1/3"}, {}, Say(True)) == [
        f"{start} ln(C) / (4 M), order 2, where N <= M = 1/3 on the unit sphere."
    ]
    assert time_sentences({"order": 4, "n_max_upper": "1/3"}, {}, Say()) == [
        f"{start} (1 - C^(-2/2)) / (8 M delta^2), order 4, where N <= M = 0.3334 on the unit sphere."
    ]
