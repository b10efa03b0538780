"""One trial: what certflow says about a random problem against the truth; certificates checked, mutated,
checked again.
"""

from __future__ import annotations

import json
import random
import time
import traceback
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

import certflow
from certflow.certifying import Faulty, Theorem, accepted
from certflow.checker import check_text
from certflow.kkt.enumerate import Budget, kkt_set
from certflow.outcome import CertflowError, Inconclusive
from certflow.running import OutOfTime, deadline
from certflow.theorems.basin.prove import limit_flow
from certflow.theorems.kkt_points.prove import listed
from certflow.theorems.time_near_origin.prove import bounded

from .claims import check_claim
from .draws import Draw, draw
from .extended import LD, extended
from .flow_comparison import check_states
from .lists import check_kkt_claim, check_list, check_near_origin, check_time_claim
from .mutants import mutant
from .networks import Net
from .power_1 import check_branches, check_power_1
from .report import Report

TIME_LIMIT, PATIENCE = 60.0, 600.0
"""Seconds of processor time within which there must be an answer, and of any time after which nobody waits
for it.
"""
MUTANTS = 6
BUDGET = Budget(cells=2_000, boxes=2_000, starts=4)
CHECKS: dict[str, Callable[[Net, dict[str, Any], np.random.Generator], Report]] = {
    "early-direction": check_claim,
    "early-direction-power-1": check_power_1,
    "branches": check_branches,
    "basin": lambda net, claim, rng: check_claim(net, claim, rng, 1),
    "kkt-points": check_kkt_claim,
    "time-near-origin": check_time_claim,
}


def problem_of(made: Draw) -> certflow.Problem:
    """The problem for certflow."""
    activation = certflow.Activation(made.alpha, made.power)
    if made.expression is not None:
        output, weights, inputs = made.expression
        network: Any = certflow.Expression(weights.split(), inputs.split(), output)
    elif made.kind == "one-layer":
        network = certflow.OneLayer(made.widths[0], made.widths[1], activation, made.signs)
    elif made.kind == "two-layer":
        network = certflow.TwoLayer(made.widths[0], made.widths[1], activation)
    else:
        network = certflow.FeedForward(made.widths, activation, made.trained, made.given)
    return certflow.Problem(
        network, made.X, made.y, made.loss, direction=made.direction, reduction=made.reduction
    )


class Trial:
    """The trial of one number of a campaign; `run` gives its record, whatever happens."""

    def __init__(
        self,
        seed: int,
        index: int,
        family: str | None = None,
        certify: Callable[..., Theorem] = certflow.certify,
    ) -> None:
        self.made, self.certify = draw(seed, index, family), certify
        self.rng = random.Random(f"certflow mutants {seed} {index}")
        self.generator = np.random.default_rng([seed, index])
        self.report = Report()
        self.certificates: list[str] = []
        self.net: Net
        self.problem: certflow.Problem
        self.record: dict[str, Any] = {
            "index": index,
            "family": self.made.family,
            "start": self.made.start,
            "scales": self.made.scales,
            "outcome": "no problem",
            "refused": [],
            "no_answer": [],
            "tracebacks": [],
            "campaign_errors": [],
            "unforeseen": [],
            "certificates": 0,
            "stages": {},
            "mutants": {"refused": 0, "malformed": 0, "accepted": 0, "timeout": 0},
        }

    def run(self) -> dict[str, Any]:
        """The record of the trial."""
        begun = time.process_time()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            problem = self._ask("problem", lambda: problem_of(self.made))
            if problem is not None:
                self.problem = problem
                self._truth("problem", self._read)
                for step in (self._theorem, self._points, self._near_origin, self._flow, self._mutants):
                    self._truth(step.__name__.strip("_"), step)
        kept = {
            "compared": self.report.compared,
            "open": self.report.open[:5],
            "false": self.report.false[:10],
        }
        return {**self.record, **kept, "seconds": round(time.process_time() - begun, 2)}

    # -- asking ----------------------------------------------------------------------------------------------

    def _ask(self, name: str, question: Callable[[], Any]) -> Any:
        """The answer of certflow, None if it is an error in one sentence; what is more than that is noted."""
        begun = time.process_time()
        try:
            with deadline(PATIENCE):
                return question()
        except Faulty as error:
            self.record["refused"].append(f"{name}: {error}")
        except OutOfTime:
            self.record["no_answer"].append(name)
        except CertflowError as error:
            if not isinstance(error, Inconclusive):
                self.record["outcome"] = f"error: {error}"
        except Exception:
            self.record["tracebacks"].append(f"{name}: {traceback.format_exc()[-1500:]}")
        finally:
            if time.process_time() - begun > TIME_LIMIT and name not in self.record["no_answer"]:
                self.record["no_answer"].append(name)
        return None

    def _truth(self, name: str, check: Callable[[], None]) -> None:
        """What goes wrong outside of certflow is an error of the campaign."""
        begun = time.process_time()
        try:
            check()
        except Exception:
            self.record["campaign_errors"].append(f"{name}: {traceback.format_exc()[-1500:]}")
        self.record["stages"][name] = round(time.process_time() - begun, 2)

    def _read(self) -> None:
        self.net = Net(self.problem.exact_content())

    def _accepted(self, name: str, text: str | None) -> None:
        """A certificate that the checker has just accepted: its claim is true."""
        if text is None:
            return
        self.record["certificates"] += 1
        self._compare(name, json.loads(text))
        self.certificates.append(text)

    def _compare(self, name: str, content: dict[str, Any]) -> None:
        found = CHECKS[content["claim"]["statement"]](
            Net(content["problem"]), content["claim"], self.generator
        )
        found.false = [f"{name}: {each}" for each in found.false]
        self.report.add(found)

    # -- questions -------------------------------------------------------------------------------------------

    def _theorem(self) -> None:
        made = self.made
        given = {} if made.delta_bar is None else {"delta_bar": made.delta_bar}
        found = self._ask(
            "certify", lambda: self.certify(self.problem, made.epsilon, made.start_angle, **given)
        )
        if found is None:
            return
        self.record |= {"outcome": found.outcome, "reason": found.reason[:200]}
        if found.fault is not None:
            self.record["refused"].append(f"certify: {found.reason}")
        if found.claim is None:
            return
        if found.claim.statement != "branches":
            asked = (found.claim.epsilon, found.claim.start_angle)
            self.report.need(
                asked == (made.epsilon, made.start_angle),
                "certify: epsilon or start_angle are not those asked for",
            )
        self._accepted("certify", found.certificate)
        if found.claim.statement == "early-direction" and self.rng.random() < 0.3:
            self._accepted("basin", self._ask("basin", lambda: accepted(limit_flow(found))[1]))

    def _points(self) -> None:
        if self.made.family == "expressions":
            return  # the points and bounds of expressions are asked for in the family "expression"
        found = self._ask("kkt", lambda: kkt_set(self.problem, 15, BUDGET))
        if found is not None:
            self.record["kkt"] = found.status
            self.report.add(check_list(self.net, json.loads(json.dumps(found.to_json())), self.generator))
            self._accepted(
                "kkt certificate",
                self._ask("kkt certificate", lambda: accepted(listed(self.problem, found))[1]),
            )
        self._accepted(
            "time certificate",
            self._ask("time certificate", lambda: accepted(bounded(self.problem, found))[1]),
        )

    def _near_origin(self) -> None:
        if self.made.family == "expressions":
            return
        found = self._ask("near_origin", lambda: certflow.near_origin(self.problem))
        if found is not None:
            bounds = {
                key: getattr(found, key) for key in ("n_max_upper", "n_max_lower", "beta_upper", "beta_lower")
            }
            self.report.add(check_near_origin(self.net, bounds, self.generator))

    def _flow(self) -> None:
        """The reference flow of expressions, and of some of the other problems, while the outputs are below
        the labels.
        """
        often = {"expression": 1, "power 1": 3}.get(self.made.family, 15)
        if often > 1 and self.rng.randrange(often):
            return
        net = self.net
        outputs, pull, _, _ = net.run(net.start)
        speed, largest = np.abs(pull(net.z)).max(), np.abs(outputs).max()
        if not speed > 0 or not largest > 0:
            return
        natural = (np.abs(net.y).max() / largest) ** (LD(1) / net.order)
        delta = Fraction(10) ** (int(np.floor(np.log10(natural))) - self.rng.choice((1, 2, 20)))
        mantissa, exponent = np.frexp(1 / speed)
        end = Fraction(float(mantissa)) * Fraction(2) ** int(exponent)
        flow = self._ask(
            "flow", lambda: certflow.reference_flow(self.problem, delta, time=end, digits=15, partial=True)
        )
        if flow is None:
            return
        ctx = flow.context
        states = []
        for time_ in [flow.end_time * part / 8 for part in (1, 4, 7)]:
            direction = [Fraction(ctx.nstr(v, 25)) for v in flow.direction(time_)]
            log_size = extended(Fraction(ctx.nstr(flow.log_norm(time_) - flow.log_delta, 25)))
            states.append((extended(Fraction(ctx.nstr(time_, 25))), direction, log_size))
        self.report.add(check_states(self.net, np.log(extended(delta)), states))

    # -- mutants ---------------------------------------------------------------------------------------------

    def _mutants(self) -> None:
        for _ in range(MUTANTS if self.certificates else 0):
            # The theorem comes first, and is mutated most.
            text = self.certificates[0] if self.rng.random() < 0.5 else self.rng.choice(self.certificates)
            name, changed = mutant(json.loads(text), self.rng)
            if changed == text:
                continue
            try:
                verdict = check_text(changed, PATIENCE)
            except Exception:
                self.record["tracebacks"].append(
                    f"checker on a mutant ({name}): {traceback.format_exc()[-1500:]}"
                )
                continue
            self.record["mutants"][verdict.verdict] += 1
            if verdict.reason.startswith("the check could not be completed"):
                self.record["unforeseen"].append(f"{name}: {verdict.rule} {verdict.where}: {verdict.reason}")
            if verdict.verdict != "accepted":
                continue
            content, before = json.loads(changed), json.loads(text)
            if (content["claim"], content["problem"]) != (before["claim"], before["problem"]):
                self._compare(f"accepted mutant ({name})", content)
