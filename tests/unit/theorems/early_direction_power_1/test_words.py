"""The claim for power 1 in words, LaTeX and answers: a true sentence for each outcome, and no other."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import pytest
from claims import block, separable

from certflow.certificates import read_certificate
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.outcome import BadInput, Fate, Outcome
from certflow.problem import Problem
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.claim import Claim as Smooth
from certflow.theorems.early_direction_power_1 import limits, paper, words
from certflow.theorems.early_direction_power_1.bounds import Caution
from certflow.theorems.early_direction_power_1.certificate import certificate
from certflow.theorems.early_direction_power_1.claim import ASSUMPTIONS, Claim
from certflow.theorems.early_direction_power_1.evidence import ProposedEvidence
from certflow.theorems.early_direction_power_1.query import query
from certflow.units import normalised

PROBLEM = Problem(TwoLayer(2, 3), [[1, 0], ["3/5", "4/5"], [-1, "1/2"]], [5, "9/5", 1], seed=1)


def at_rest(index: int, outcome: str, **more: Any) -> dict[str, Any]:
    """A block that has a direction with N <= 0 from the horizon on."""
    known = {
        "kkt_point": {"centre": ["1*2^0", "1*2^-3", "0*2^0"], "radius": "1/1000"},
        "support": [index],
        "value": ["0", "0"] if outcome != "shrinks" else ["-1/2", "-1/2"],
        "angle_at_horizon": "1/7000",
        "angle_at_radius": "2/7000",
    }
    return block(index, outcome, **(known | {"gap": None, "law": None, "horizon": None} | more))


def claimed(*blocks: dict[str, Any], **more: Any) -> Claim:
    return Claim.from_json(separable(*blocks, statement="early-direction-power-1", **more))


ALL = claimed(
    block(0),
    at_rest(1, "stops"),
    at_rest(2, "vanishes"),
    at_rest(3, "shrinks"),
    block(4, "dead"),
    block(5, "zero"),
    block(6, "followed"),
    block(7, "branches", reason="an output weight changes sign on the kink of sample 3."),
    block(8, "inconclusive", reason="it meets two kinks at once."),
    at_rest(9, "stops"),
    block(10, "branches", reason="an output weight changes sign on the kink of sample 3."),
)

REST = "until ‖w‖ first exceeds R = 0.1."
SENTENCES = {
    Fate.CONVERGES: "N is positive at the KKT point of block 1.",
    Fate.STOPS: "Each of blocks 2 and 10 stops: at T at the latest its hidden weights come to rest on the "
    "boundary of the cone in which no sample activates it, where N is zero, and from then on none of its "
    f"weights changes {REST}",
    Fate.VANISHES: "Block 3 vanishes: from T on at the latest its hidden weights are exactly zero, where N "
    f"is zero, and its output weight does not change, {REST}",
    Fate.SHRINKS: "Block 4 is exactly balanced, its hidden weights as long as its output weight: from T on "
    f"it has exactly the direction of its KKT point, and shrinks, {REST}",
    Fate.DEAD: "Block 5 is dead from the start: no sample activates it, and its weights never change.",
    Fate.ZERO: "Block 6 starts with all weights zero, and stays zero for all times.",
    Fate.FOLLOWED: "Block 7 is followed up to T only, where its size is part of the bound of ‖w‖²; nothing "
    "is claimed about its direction.",
    Fate.BRANCHES: "Each of blocks 8 and 11 branches: from its direction the limit flow, as δ tends to 0, "
    "has more than one solution; nothing is claimed about where it goes.",
    Fate.INCONCLUSIVE: "Nothing is claimed about block 9 (inconclusive).",
}


SMOOTH = {Fate.CONTINUUM, Fate.EXACT_START, Fate.FADES}
"""Outcomes that networks of power 1 do not have."""


def test_every_outcome_has_its_sentence() -> None:
    text = words.paragraph(ALL)
    assert text.startswith(
        "For every δ in (0, 3.456e-10], every solution of the gradient flow w′ ∈ −∂Loss(w) (Clarke's "
        "subdifferential) of the mean square loss from w(0) = δ·w0, ‖w0‖ = 1, satisfies the following."
    )
    assert (
        "the direction of each of blocks 1 to 4 and 10 is within 0.006173 (radians) of its KKT point" in text
    )
    assert [fate for fate, sentence in SENTENCES.items() if sentence not in text] == []
    assert "N is negative at the KKT point of block 4." in text
    assert set(SENTENCES) == set(Fate) - SMOOTH


@pytest.mark.parametrize("fate", sorted(set(Fate) - SMOOTH))
def test_an_outcome_that_does_not_occur_is_not_said(fate: Fate) -> None:
    blocks = [each for each in ALL.to_json()["blocks"] if each["outcome"] != fate]
    text = words.paragraph(claimed(*blocks))
    opening = {
        Fate.CONVERGES: "positive",
        Fate.SHRINKS: "balanced",
        Fate.ZERO: "all weights zero",
        Fate.INCONCLUSIVE: "(inconclusive)",
    }
    assert opening.get(fate, f"{fate}") not in text


def test_without_a_radius_rest_is_for_all_later_times() -> None:
    text = words.paragraph(claimed(at_rest(0, "stops"), block(1, "dead"), radius=None, time_to_radius=None))
    assert "none of its weights changes for all later times." in text and "R" not in text


def test_one_neuron_is_called_so() -> None:
    text = words.paragraph(claimed(at_rest(0, "vanishes")))
    assert "The neuron vanishes: " in text and "block" not in text
    assert "At t = T the direction w/‖w‖ is within 0.0001429 (radians) of a KKT point" in text
    branching = words.paragraph(claimed(block(0, "branches"), radius=None, time_to_radius=None))
    assert "The neuron branches: " in branching and "KKT" not in branching


def test_the_table_gives_the_reasons_of_what_is_open() -> None:
    table = words.table(ALL)
    assert [row[1].text for row in table.rows] == [block.outcome for block in ALL.blocks]
    assert [row[2].text for row in table.rows][1:4] == ["[0, 0]", "[0, 0]", "[-0.50000, -0.50000]"]
    assert table.notes[-2:] == [
        "Blocks 8 and 11: an output weight changes sign on the kink of sample 3.",
        "Block 9: it meets two kinks at once.",
    ]
    assert [row[-1].text for row in words.points(ALL).rows] == ["1", "2, 3 and 10", "4"]


def test_latex_is_balanced_and_says_the_same() -> None:
    text = paper.latex(ALL, PROBLEM, "0" * 64)
    assert text.isascii() or set(re.findall(r"[^\x00-\x7f]", text)) <= {"–"}
    assert text.count("{") == text.count("}")
    assert re.sub(r"\\\$", "", text).count("$") % 2 == 0
    for name in re.findall(r"\\begin\{(\w+)\}", text):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")
    assert r"(any solution of $\dot w \in -\partial\mathcal{L}(w)$, Clarke's subdifferential" in text
    assert r"with $\lambda\hat u \in \partial N_j(\hat u)$" in text and r"$\gamma = 2N_j(\hat u)$" in text
    assert (
        r"come to rest on the boundary of the cone in which no sample activates it, where $N_j$ is zero,"
        in text
    )
    assert r"followed up to $T$ only, where" in text and r"as $\delta$ tends to 0, has more than" in text
    alone = paper.latex(claimed(at_rest(0, "stops")), PROBLEM, "0" * 64)
    assert "All weights are one block, those of the one neuron." in alone and "N_j" not in alone
    one = Problem(TwoLayer(2, 1), [[1, 0]], [5], seed=1)
    assert r"trained weights $w = (w_1, v_1) \in \mathbb{R}^{3}$." in paper.latex(ALL, one, "0" * 64)


def test_an_answer_bounds_blocks_at_rest_by_what_holds_from_the_horizon_on() -> None:
    answer = query(ALL, "1e-20", ["1/10", "1/1000"])
    for each in answer.radii:
        assert [float(each.angles[j]) for j in (1, 2, 3, 9)] == pytest.approx([2 / 7000] * 4)
        assert each.angles[0] is not None and (*each.angles[4:9], each.angles[10]) == (None,) * 6
    assert words.answer_tables(answer)[1].rows[1][1].text == "stops"


def test_the_claim_is_read_as_it_is_written_and_is_no_claim_of_smooth_networks() -> None:
    record = json.loads(json.dumps(ALL.to_json()))
    assert Claim.from_json(record) == ALL and type(ALL) is Claim
    with pytest.raises(BadInput, match="claim.statement: 'early-direction-power-1' is unknown"):
        Smooth.from_json(record)
    assert ASSUMPTIONS[0].startswith(
        "The flow is any solution in continuous time of w' in -(Clarke) dLoss(w)"
    )
    assert Claim(**{**vars(ALL), "assumptions": ASSUMPTIONS}).assumptions == ASSUMPTIONS


def test_the_claim_comes_back_from_other_units() -> None:
    problem = PROBLEM.replace(X=[[64, 0], ["192/5", "256/5"], [-64, 32]])
    units = normalised(problem)[1]
    back = ALL.restored(units, problem)
    assert type(back) is Claim and back.problem_sha256 == problem.sha256
    assert back.delta_bar == ALL.delta_bar * units.length
    rate = units.rate
    assert rate == 256 and back.scaled_time == (ALL.scaled_time or 0) / rate
    assert back.blocks[3].value == (-rate / 2, -rate / 2) and back.blocks[1].value == (0, 0)


EVIDENCE = {
    "norm_squared": "3",
    "step": "1/4",
    "masses": ["2", "3"],
    "neurons": [
        {
            "outcome": str(block.outcome),
            "pieces": [{"slides": [], "on": []}] * 3,
            "cone": None,
            "branch": None,
        }
        for block in ALL.blocks
    ],
}


def test_the_certificate_has_the_evidence_as_it_is(tmp_path: Any) -> None:
    proposed = ProposedEvidence(EVIDENCE, Caution(), None)
    found = Certified(PROBLEM, Outcome.PARTIAL, evidence=proposed, claim=ALL)
    (tmp_path / "c.json").write_text(certificate(found), "ascii")
    content = read_certificate(tmp_path / "c.json")
    assert content["evidence"] == [EVIDENCE] and content["claim"] == ALL.to_json()
    with pytest.raises(ValueError, match="nothing was proved"):
        certificate(Certified(PROBLEM, Outcome.BRANCHES))


def test_what_limits_is_the_block_that_uses_most_of_its_angle() -> None:
    late = block(1, value=["1/10", "1/10"], angle_at_horizon="1/200", angle_at_radius="1/300")
    claim = claimed(block(0), late, block(2, "dead"))
    found = limits.limits(claim, {"evidence": [EVIDENCE]})
    assert [(each.block, each.used, each.slowest, each.pieces) for each in found] == [
        (0, Fraction(99, 100), 1, 3),
        (1, Fraction(1, 2), 1, 3),
    ]
    assert found[0].sentence() == (
        "δ̄ is limited by block 1: its angle uses 99 % of what is allowed, and its limit flow has 3 straight "
        "pieces; T is so late for block 2, the slowest, that the weights may have grown to 11.12·δ by then."
    )
    assert found[0].to_json()["used"] == "99/100"
    (alone,) = limits.limits(claimed(block(0), block(1, "dead")), {"evidence": [EVIDENCE]})
    assert alone.slowest is None and "pieces; T is so late that the weights" in alone.sentence()
    assert limits.limits(claimed(at_rest(0, "stops")), {"evidence": [EVIDENCE]}) == []
    for broken in ({}, {"evidence": []}, {"evidence": [{"neurons": [{"pieces": 3}]}]}, {"evidence": [None]}):
        with pytest.raises(BadInput, match="the evidence cannot be read"):
            limits.limits(claim, broken)
