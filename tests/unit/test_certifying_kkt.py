"""Certificates of KKT points and of the times near the origin, where the checker cannot prove that a list is
complete.
"""

import json
import re
from fractions import Fraction

import pytest
from click.testing import CliRunner
from written import accepted_points, accepted_times, kkt_certificate, time_certificate

from certflow import Activation, OneLayer, Problem
from certflow.certifying import Faulty
from certflow.checker import check_text
from certflow.cli.commands import main
from certflow.kkt.enumerate import kkt_set


@pytest.fixture(scope="module")
def undecided() -> Problem:
    """Two equal samples of which one pulls and one pushes: about their dead cone no direction separates
    them.
    """
    X = [["1", "2", "0"], ["1", "2", "0"], ["0", "1", "-1"]]
    return Problem(OneLayer(3, 1, Activation(0, 2)), X, ["3", "-1", "2"], direction=["1", "0", "0"])


def test_a_list_that_the_checker_cannot_complete_is_certified_point_by_point(undecided):
    kkt = kkt_set(undecided, 12)
    assert kkt.complete
    assert check_text(kkt_certificate(undecided, kkt)).rule == "R12"
    text = accepted_points(undecided, kkt)
    claim = json.loads(text)["claim"]
    assert (check_text(text).verdict, claim["proof"], claim["kkt_status"]) == (
        "accepted",
        "points",
        "partial",
    )


def test_the_time_near_the_origin_then_rests_on_norms(undecided):
    kkt = kkt_set(undecided, 12)
    assert check_text(time_certificate(undecided, kkt)).rule == "R12"
    text = accepted_times(undecided, kkt)
    claim = json.loads(text)["claim"]
    assert (check_text(text).verdict, claim["method"]) == ("accepted", "norms")
    assert Fraction(claim["n_max_upper"]) >= kkt.n_max.upper()


def test_the_strongest_proof_is_kept_where_it_is_accepted():
    problem = Problem(
        OneLayer(2, 1, Activation(0, 2)), [["1", "0"], ["1", "1"]], ["1", "2"], direction=["1", "0"]
    )
    kkt = kkt_set(problem, 12)
    assert accepted_points(problem, kkt) == kkt_certificate(problem, kkt)
    assert accepted_times(problem, kkt) == time_certificate(problem, kkt)


def test_the_command_says_that_it_is_certified_point_by_point(undecided, tmp_path):
    problem, out = tmp_path / "problem.toml", tmp_path / "kkt.json"
    problem.write_text(undecided.to_toml())
    result = CliRunner().invoke(main, ["kkt", str(problem), "--certificate", str(out)])
    words = "Accepted by the independent checker, point by point and not as a complete list, and written to"
    assert result.exit_code == 0 and words in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("rule", "where", "reason"),
    [
        ("R11", "claim.points[0]", "it is no KKT point"),
        ("R11", "claim.points[0]", "nothing is decided"),
        ("R12", "claim.n_max_upper", "it is below the proved bound"),
        ("R12", "claim.points", "the check could not be completed: IndexError: 'list index out of range'"),
    ],
)
def test_any_other_refusal_is_a_fault(undecided, monkeypatch, rule, where, reason):
    def refuse(text: str, progress: None) -> None:
        raise Faulty({"rule": rule, "where": where, "reason": reason})

    monkeypatch.setattr("certflow.certifying.require_accepted", refuse)
    for make in (accepted_points, accepted_times):
        with pytest.raises(Faulty, match=f"{re.escape(rule)}, {re.escape(where)}"):
            make(undecided, kkt_set(undecided, 12))


def test_more_samples_than_a_cover_is_checked_for_are_no_fault(undecided, monkeypatch):
    monkeypatch.setattr("certflow.checker.kkt_points.cover.MAX_SAMPLES", 2)
    kkt = kkt_set(undecided, 12)
    assert "at most" in check_text(kkt_certificate(undecided, kkt)).reason
    assert json.loads(accepted_points(undecided, kkt))["claim"]["proof"] == "points"
