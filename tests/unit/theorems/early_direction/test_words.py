"""Claims in words: the wording of each outcome, and decimals that are rounded to the side on which they stay
true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

import pytest
from claims import block, joint, separable
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.decimal_text import rounded_text
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.tables import Table
from certflow.theorems.early_direction import paper, words
from certflow.theorems.early_direction.claim import Claim


def claim_sentence(claim: dict) -> str:
    return words.paragraph(Claim.from_json(claim))


def claim_latex(claim: dict) -> str:
    return paper.latex(Claim.from_json(claim), Problem.figure1(), "0" * 64)


def claim_table(claim: dict) -> Table:
    return words.table(Claim.from_json(claim))


SIX = separable(
    block(0),
    block(1),
    block(2, "dead"),
    block(3, "shrinks"),
    block(4, "inconclusive", reason="a saddle."),
    block(5),
)


@given(st.fractions(), st.integers(1, 12))
def test_rounded_decimals_are_next_to_the_number_on_the_stated_side(value: Fraction, digits: int) -> None:
    low, high = Fraction(rounded_text(value, digits)), Fraction(rounded_text(value, digits, up=True))
    assert low <= value <= high
    assert high - low <= abs(value) * Fraction(10) ** (1 - digits)


def test_the_paragraph_of_a_separable_network() -> None:
    text = claim_sentence(SIX)
    assert "For every δ in (0, 3.456e-10], gradient flow of the mean square loss" in text
    assert "‖w‖² ≤ 123.5·δ²" in text
    assert (
        "the direction of each of blocks 1, 2, 4 and 6 is within 0.006173 (radians) of its KKT point" in text
    )
    assert "until ‖w‖ first exceeds R = 0.1" in text
    assert "not about the joint direction of all weights" in text
    assert "N is positive at the KKT points of blocks 1, 2 and 6." in text
    assert "N is negative at the KKT point of block 4." in text
    assert "Block 3 is dead" in text
    assert "Nothing is claimed about block 5 (inconclusive)." in text
    assert (
        "For 11.01·δ ≤ ρ ≤ R, the first time t ≥ T at which ‖w‖ = ρ is at least 8.896 + "
        "ln(ρ/(11.01·δ))/(2·0.9) and at most 8.897 + ln(ρ/(10·δ))/(2·0.8)."
    ) in text


def test_the_paragraph_of_one_block_is_about_all_weights_and_scaled_time() -> None:
    text = claim_sentence(joint())
    assert "Up to scaled time t·δ = T = 6 the weights" in text
    assert "the direction w/‖w‖ is within 0.006173 (radians) of a KKT point" in text
    assert (
        "There is a time t₁, with t₁·δ between 5.9 and 6, so that for 3·δ ≤ ρ ≤ R the first t ≥ t₁ at which "
        "‖w‖ = ρ has t·δ at least 5.9 + (1/3 − (δ/ρ))/(3·0.7) and at most 6 + (1/2 − (δ/ρ))/(3·0.6)."
    ) in text
    assert "joint" not in text
    higher = claim_sentence(joint(order=7))
    assert "t·δ⁵" in higher
    assert "(1/(3)⁵ − (δ/ρ)⁵)/(35·0.7)" in higher


SEVENTHS = {
    "epsilon": "1/7",
    "delta_bar": "1/70",
    "start_angle": "1/700",
    "radius": "1/7000",
    "growth": {"factor_squared": "100/7"},
}
BLOCK_OF_SEVENTHS = block(
    0,
    value=["1/7", "2/7"],
    gap=["3/7", "4/7"],
    angle_at_horizon="1/35",
    angle_at_radius="2/7",
    law={"exponent": ["3/7", "4/7"], "coefficient": "5/7", "floor": "6/7"},
)
TIMES_OF_SEVENTHS = {
    "start_radius_over_delta": ["8/7", "9/7"],
    "n_lower": "10/7",
    "n_upper": "11/7",
    "start_time": ["12/7", "13/7"],
}


@pytest.mark.parametrize(("claim_of", "power"), [(separable, 2), (joint, 3)])
def test_every_number_is_rounded_to_the_side_on_which_it_says_less(
    claim_of: Callable[..., dict], power: int
) -> None:
    claim = claim_of(**SEVENTHS, time_to_radius=TIMES_OF_SEVENTHS) | {"blocks": [BLOCK_OF_SEVENTHS]}
    text, latex, table = claim_sentence(claim), claim_latex(claim), claim_table(claim)
    assert "For every δ in (0, 0.01428] and every w0 within the angle 0.001428 of" in text
    assert "‖w‖² ≤ 14.29·δ²" in text and "is within 0.02858 (radians) of" in text
    assert "From then on it stays within ε = 0.1429 until ‖w‖ first exceeds R = 0.0001428." in text
    assert (
        r"where $w_0$ is any unit vector within the angle $0.001428$ (radians) of the direction" in latex
        and r"for every $\delta \in (0, 0.01428]$ and every such $w_0$." in latex
    )
    assert r"$\|w(t)\|^2 \le 14.29\,\delta^2$" in latex and "is within 0.02858 (radians) of" in latex
    assert r"stays within $\varepsilon$ = 0.1429 until $\|w\|$ first exceeds $R = 0.0001428$." in latex
    assert rf"this angle is at most $0.7143\,(\delta/\rho)^{{0.4285}} + 0.8572\,\rho^{{{power}}}$." in latex
    if claim_of is separable:
        assert "ln(ρ/(1.286·δ))/(2·1.572) and at most 1.858 + ln(ρ/(1.142·δ))/(2·1.428)." in text
        assert "For 1.286·δ ≤ ρ ≤ R, the first time t ≥ T at which ‖w‖ = ρ is at least 1.714 + " in text
        assert r"1.714 + \frac{1}{2 \cdot 1.572}\ln\frac{\rho}{1.286\,\delta} \]" in latex
        assert r"1.858 + \frac{1}{2 \cdot 1.428}\ln\frac{\rho}{1.142\,\delta}. \]" in latex
    else:
        assert "with t₁·δ between 1.714 and 1.858, so that for 1.286·δ ≤ ρ ≤ R" in text
        assert (
            "at least 1.714 + (1/1.286 − (δ/ρ))/(3·1.572) and at most 1.858 + (1/1.142 − (δ/ρ))/(3·1.428)."
            in text
        )
        assert (
            r"with $\delta t_1$ between $1.714$ and $1.858$, so that for $1.286\,\delta \le \rho \le R$"
            in latex
        )
        assert r"1.714 + \frac{(1.286)^{-1} - (\delta/\rho)}{3 \cdot 1.572} \]" in latex
        assert r"1.858 + \frac{(1.142)^{-1} - (\delta/\rho)}{3 \cdot 1.428}. \]" in latex
    assert table.title == "Bounds for every δ in (0, 0.01428]"
    shown = ["1", "converges", "[0.142, 0.286]", "0.4285", "0.02858", "0.2858", "0.4285", "0.7143", "0.8572"]
    assert [[cell.text for cell in row] for row in table.rows] == [shown]
    assert (
        table.notes[-1]
        == "Angles to the KKT point at the horizon and when ‖w‖ = R = 0.0001428 after it, in radians."
    )


EVENT = joint(order=7, horizon={"scaled_time": None, "norm_over_delta": "31/10"})


def test_a_horizon_that_is_an_event() -> None:
    text = claim_sentence(EVENT)
    assert (
        "The weights reach ‖w‖ = B·δ, B = 3.1, at a time that is called the horizon, and up to it ‖w‖² ≤ "
        "123.5·δ². Then" in text
    )
    assert "= T" not in text
    assert r"$\|w(t_H)\| = B\,\delta$, $B = 3.1$" in claim_latex(EVENT)
    for horizon in (
        {"scaled_time": None, "norm_over_delta": None},
        {"scaled_time": "1", "norm_over_delta": "1"},
    ):
        with pytest.raises(BadInput, match="claim.horizon"):
            Claim.from_json(joint(horizon=horizon))


def test_parts_of_a_claim_that_may_be_missing() -> None:
    text = claim_sentence(separable(radius=None, time_to_radius=None))
    assert "for all later times" in text
    assert "R" not in text
    assert "every w0 within the angle 0.001 of" in claim_sentence(separable(start_angle="1/1000"))
    alone = claim_sentence(separable(block(0, "dead")))
    assert "KKT" not in alone
    assert "The network is dead" in alone
    sparse = block(0, kkt_point={"centre": ["0*2^0", "0*2^0", "1*2^0"], "radius": "1/100"}, support=[2])
    assert "Only neuron 3 is not zero there." in claim_sentence(joint(blocks=[sparse]))


@pytest.mark.parametrize(
    "claim", [SIX, separable(), joint(), joint(order=7), EVENT, separable(radius=None, time_to_radius=None)]
)
def test_the_latex_is_balanced_and_plain(claim: dict) -> None:
    text = claim_latex(claim)
    assert text.isascii() or set(re.findall(r"[^\x00-\x7f]", text)) <= {"–"}
    assert text.count("{") == text.count("}")
    assert re.sub(r"\\\$", "", text).count("$") % 2 == 0
    for name in re.findall(r"\\begin\{(\w+)\}", text):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")


def test_the_numbers_of_the_latex_theorem() -> None:
    text = claim_latex(joint())
    assert text.startswith("% Needs ")
    assert r"holds for every $\delta \in (0, 0.00001]$" in text
    assert r"with $\delta t \le T$, where $T = 6$; the time" in text
    assert r"$3.5\,(\delta/\rho)^{0.53} + 0.8\,\rho^{3}$" in text
    assert (
        r"with $\delta t_1$ between $5.9$ and $6$, so that for $3\,\delta \le \rho \le R$ the first $t \ge "
        r"t_1$ at" in text
    )
    several = claim_latex(SIX)
    assert r"the first $t \ge T$ at which $\|w\| = \rho$ lies between" in several
    assert r"(0, 3.456 \times 10^{-10}]" in several
    assert r"\frac{1}{2 \cdot 0.9}\ln\frac{\rho}{11.01\,\delta}" in several
    assert "its direction that of these weights by themselves" in several
    assert r"\toprule" in several


def test_the_table_has_a_row_per_block_and_exact_raw_values() -> None:
    table = claim_table(SIX)
    assert [row[0].text for row in table.rows] == ["1", "2", "3", "4", "5", "6"]
    assert table.rows[0][2].text == "[0.84885, 0.84886]"
    assert table.rows[0][4].text == "0.006173"
    assert table.rows[0][4].raw == "1929/312500"
    assert {cell.text for cell in table.rows[2][2:]} == {"–"}
    assert "Block 5: a saddle." in table.notes
    assert len(claim_table(separable(radius=None)).columns) == 5
    assert any(
        note.startswith("From the horizon until ‖w‖ first exceeds R, whenever ‖w‖ = ρ")
        for note in table.notes
    )


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"statement": "late"}, "claim.statement"),
        ({"order": 1}, "claim.order"),
        ({"order": "2"}, "claim.order"),
        ({"delta_bar": "-1"}, "claim.delta_bar"),
        ({"delta_bar": 0.1}, "claim.delta_bar"),
        ({"epsilon": "nan"}, "claim.epsilon"),
        ({"blocks": {}}, "claim.blocks"),
        ({"blocks": [3]}, r"claim.blocks\[0\]"),
        ({"blocks": [block(0, "explodes")]}, r"claim.blocks\[0\].outcome"),
        ({"blocks": [block(0, value=["2", "1"])]}, r"claim.blocks\[0\].value"),
        ({"blocks": [block(0, value=["2"])]}, r"claim.blocks\[0\].value"),
        ({"blocks": [block(0, weights=[1, 2, 3])]}, r"claim.blocks\[0\].weights"),
        ({"blocks": [block(0, weights=[[1, 2], 3])]}, r"claim.blocks\[0\].weights"),
        ({"problem_sha256": None}, "claim.problem_sha256"),
        ({"blocks": [block(0, law="none")]}, r"claim.blocks\[0\].law"),
        ({"blocks": [block(0, kkt_point={"centre": ["1/3"], "radius": "1/9"})]}, r"kkt_point.centre"),
        ({"horizon": None}, "claim.horizon"),
        ({"growth": {}}, "claim.growth.factor_squared"),
        ({"time_to_radius": {}}, "claim.time_to_radius"),
        ({"loss": {"kind": "square", "reduction": None}}, "claim.loss.reduction"),
    ],
)
def test_what_is_not_a_claim_is_named(change: dict, where: str) -> None:
    with pytest.raises(BadInput, match=where):
        Claim.from_json(separable(**change))


def test_a_gap_without_upper_bound() -> None:
    claim = Claim.from_json(separable(block(0, gap=["1/2", "null"]), block(1)))
    assert claim.blocks[0].gap == (Fraction(1, 2), None)
    with pytest.raises(BadInput, match="value"):
        Claim.from_json(separable(block(0, value=["1/2", "null"])))


CLAIMS = [
    SIX,
    separable(block(0, weights=[[0, 2], [5, 1]], gap=["1/2", None]), start_angle="1/1000"),
    separable(radius=None, time_to_radius=None),
    joint(order=7, horizon={"scaled_time": None, "norm_over_delta": "31/10"}),
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_is_written_as_it_was_read(claim: dict) -> None:
    read = Claim.from_json(claim)
    written = read.to_json()
    assert Claim.from_json(written) == read
    assert written.keys() == claim.keys()
    assert all(
        each.keys() == given.keys() for each, given in zip(written["blocks"], claim["blocks"], strict=True)
    )
    assert written["blocks"][0]["weights"] == claim["blocks"][0]["weights"]
    assert written["blocks"][0]["kkt_point"]["centre"] == ["1*2^0", "1*2^-3"]


# -- KKT points ----------------------------------------------------------------------------------------------


def points(*blocks: dict) -> list[list[str]]:
    table = words.points(Claim.from_json(separable(*blocks)))
    return [[cell.text for cell in row] for row in table.rows]


def at(*centre: str, **more: object) -> dict:
    return block(0, kkt_point={"centre": list(centre), "radius": "1/1000"}, **more)


def test_blocks_with_the_same_point_share_a_row() -> None:
    assert points(*SIX["blocks"]) == [
        ["7.1250°", "[0.84885, 0.84886]", "0.9253", "1, 2 and 6"],
        ["7.1250°", "[-0.84886, -0.84885]", "0.9253", "4"],
    ]
    table = words.points(Claim.from_json(SIX))
    assert table.rows[0][0].raw == "1*2^0 1*2^-3"
    assert table.notes == ["Places are rounded; the certificate has each up to at most 1e-12 radians."]
    nothing = words.points(
        Claim.from_json(separable(block(0, "dead"), block(1, "inconclusive", reason="x.")))
    )
    assert (nothing.rows, nothing.notes) == ([], [])


@pytest.mark.parametrize(
    ("centre", "weights", "shown"),
    [
        (["0*2^0", "-1*2^0"], [0, 2], "-90.0000°"),
        (["-1*2^900", "0*2^0"], [0, 2], "180.0000°"),
        (["1*2^0"], [0, 1], "(1.000)"),
        (["3*2^0", "0*2^0", "-1*2^2"], [0, 3], "(0.600, 0.000, -0.800)"),
        (["1*2^0", "1*2^0", "1*2^0", "-1*2^0"], [0, 4], "(0.500, 0.500, 0.500, -0.500)"),
        (
            ["1*2^0", "-3*2^0", "0*2^0", "5*2^0", "7*2^0"],
            [4, 5],
            "w6 = -0.327, w8 = 0.546, w9 = 0.764; 2 more",
        ),
        (
            ["1*2^0", "1*2^0", "1*2^0", "1*2^0", "3*2^0"],
            [[8, 4], [20, 1]],
            "w9 = 0.277, w10 = 0.277, w21 = 0.832; 2 more",
        ),
        (["0*2^0", "0*2^0"], [0, 2], "–"),
        ([], [0, 2], "–"),
    ],
)
def test_places_of_points(centre: list[str], weights: list, shown: str) -> None:
    assert points(at(*centre, weights=weights))[0][0] == shown


def test_what_is_not_claimed_of_a_point_is_a_dash() -> None:
    assert points(block(0, kkt_point=None, value=None, gap=None)) == [["–", "–", "–", "1"]]
    table = words.points(Claim.from_json(separable(block(0, kkt_point=None))))
    assert table.notes == []
