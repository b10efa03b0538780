"""The table of the README, which theorem there is for which network, against problems for each cell."""

import re

import pytest
from source_tree import ROOT

import certflow as cf

HEADER = "| network | early direction for all δ ≤ δ̄ | basin | time near the origin | list of KKT points |"
DEEP = {1: [[1, 0], [0, 1]]}
ROWS = {
    "hidden layers of (leaky) ReLU": (
        cf.OneLayer(2, 2, power=2, alpha="1/3", signs=[1, -1]),
        cf.OneLayer(2, 2, power=3),
        cf.TwoLayer(2, 2, power=2),
        cf.FeedForward([2, 2, 2, 1], power=2, trained=[2, 3], given=DEEP),
    ),
    "linear layers": (cf.TwoLayer(2, 2, alpha=1), cf.FeedForward([2, 1, 1, 1], alpha=1)),
    "(leaky) ReLU of power 1, the last two": (
        cf.TwoLayer(2, 2),
        cf.TwoLayer(2, 2, alpha="1/3"),
        cf.FeedForward([2, 2, 2, 1], trained=[2, 3], given=DEEP),
    ),
    "(leaky) ReLU of power 1, other": (cf.FeedForward([2, 2, 2, 1]),),
    "expressions": (cf.Expression(["a", "b"], ["x1", "x2"], "max(0, a*x1 + b*x2)**2 - a*b*x2"),),
    "other expressions": (cf.Expression(["a", "b"], ["x1", "x2"], "a*max(a, b)*x1"),),
}
COLUMNS = (None, "basin", "time-near-origin", "kkt-points")


def cells() -> list[tuple[cf.OneLayer, str | None, str]]:
    """(network, statement or None for that for such networks, what the README says of it)."""
    text = (ROOT / "README.md").read_text("utf-8")
    lines = text[text.index(HEADER) :].split("\n\n")[0].splitlines()[2:]
    assert len(lines) == len(ROWS)
    found = []
    for line, (name, networks) in zip(lines, ROWS.items(), strict=True):
        row, *said = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        assert row.startswith(name)
        found += [
            (network, statement, text)
            for text, statement in zip(said, COLUMNS, strict=True)
            for network in networks
        ]
    return found


@pytest.mark.parametrize(("network", "statement", "said"), cells())
def test_the_table_of_theorems_is_true(network, statement: str | None, said: str) -> None:
    problem = cf.Problem(network, [[1, 0], ["3/5", "4/5"], [-1, "1/2"]], [5, "9/5", 1], seed=1)
    theorem = cf.certify(problem, statement=statement)
    assert said.startswith("yes") == (theorem.outcome is not cf.Outcome.INCONCLUSIVE)
    assert theorem.checked == said.startswith("yes")
    if "without a certificate" in said:
        found = cf.kkt_points(problem) if statement == "kkt-points" else [cf.near_origin(problem)]
        assert len(found) > 0
