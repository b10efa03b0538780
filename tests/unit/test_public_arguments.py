"""What public functions and constructors take: numbers of every kind, exactly, and problems by themselves,
path or name.

`NUMBERS`, `WHOLE_NUMBERS` and `PROBLEMS` list them all, and `OTHERS` the rest: a new parameter must be
entered.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import number_kinds
import pytest
from claims import separable
from problem_texts import POWER_1

import certflow
from certflow import Activation, Experiment, FeedForward, Loss, OneLayer, Problem, TwoLayer, certifying
from certflow import problem as problems
from certflow.certifying import Theorem
from certflow.checker import Verdict
from certflow.experiments import verify as main_job
from certflow.flow.reference.flow import ReferenceFlow
from certflow.kkt.enumerate import Budget, KKTPoints
from certflow.ncf.exact import NCF
from certflow.outcome import BadInput, Outcome
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction import prove, trade_off
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.query import Answer
from certflow.theorems.time_near_origin.times import NearOrigin

X, Y = [["1", "0"], ["3/5", "4/5"]], ["5", "9/5"]


def problem(**changes: Any) -> Problem:
    parts = {
        "network": OneLayer(2, 1, power=2),
        "X": X,
        "y": Y,
        "direction": ["1", "1/2"],
        "experiment": Experiment(("1/8",)),
    }
    return Problem(**parts | changes)


@cache
def flow() -> ReferenceFlow:
    return certflow.reference_flow(problem(), "1/8", time="1/2", digits=8, check=False)


@cache
def near_origin() -> NearOrigin:
    return certflow.near_origin(problem(), 10)


@cache
def planar_set() -> Any:
    return certflow.kkt_points(problem(), 8)


def end(found: ReferenceFlow) -> list[str]:
    return [str(found.end_time), str(found.digits), *map(str, found.weights(found.end_time))]


def points(found: Any) -> tuple[int, Any]:
    return found.found.digits, found.to_json()["kkt"]


def theorem() -> Theorem:
    return Theorem(problem(), Outcome.PROVED, claim=Claim.from_json(separable(delta_bar="1/2")))


def limits_asked(ask: Callable[[], Any]) -> list[float]:
    """The time limits that the checker is given."""
    limits: list[float] = []

    def asked(_: Any, limit: float, *__: Any) -> Verdict:
        limits.append(limit)
        return Verdict("timeout")

    with patch.object(certifying, "check_text", asked), patch.object(certifying, "check_file", asked):
        ask()
    return limits


def answer(delta: Any = "1/1024", radii: Any = None) -> dict[str, Any]:
    return {**theorem().at(delta, radii).to_json(), "delta": None}


def replaced(**changes: Any) -> dict[str, Any]:
    return problem().replace(**changes).experiment.to_table()


class Layer(Mapping):
    """One matrix under a number that need not be hashable."""

    def __init__(self, key: Any, matrix: Any) -> None:
        self.pair = key, matrix

    def __iter__(self) -> Any:
        return iter([self.pair[0]])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: Any) -> Any:
        return self.pair[1]


def custom(curvature: Any = 1, at_zero: Any = lambda label: label) -> Loss:
    return Loss("custom", residual=lambda ar, outputs, y: y - outputs, curvature=curvature, at_zero=at_zero)


def basins(sign: Any) -> list[Any]:
    found = planar_set().basins(sign)
    assert found is not None
    return [basin.to_json() for basin in found]


def stopped(source: Any, **numbers: Any) -> str:
    """What the main job is asked for, without its work."""
    with pytest.raises(RuntimeError) as caught:
        certflow.verify(source, **numbers)
    return str(caught.value)


Call = Callable[[Any], Any]

NUMBERS: dict[str, tuple[str, Call]] = {
    "Problem.X": ("3/4", lambda v: problem(X=[[v, 1], [1, v]]).X.tolist()),
    "Problem.y": ("3/4", lambda v: problem(y=[v, 1]).y.tolist()),
    "Problem.direction": ("3/4", lambda v: problem(direction=[1, v]).direction.tolist()),
    "Problem.replace.y": ("3/4", lambda v: problem().replace(y=[v, 1]).y.tolist()),
    "Problem.replace.delta": ("1/64", lambda v: problem().replace(delta=v).experiment.delta_values()),
    "Problem.replace.deltas": ("1/64", lambda v: problem().replace(deltas=[1, v]).experiment.delta_values()),
    "Problem.replace.epsilon": ("1/8", lambda v: replaced(epsilon=v)),
    "Experiment.deltas": ("1/64", lambda v: Experiment(("1/8", v)).delta_values()),
    "Experiment.factor_squared": ("5/2", lambda v: Experiment(factor_squared=v)),
    "Experiment.radius": ("1/8", lambda v: Experiment(radius=v)),
    "Experiment.time": ("11/2", lambda v: Experiment(time=v)),
    "Experiment.epsilon": ("1/8", lambda v: Experiment(epsilon=v)),
    "Loss.curvature": ("9/4", lambda v: problem(loss=custom(v)).loss.curvature_bound()),
    "Loss.at_zero": ("5", lambda v: custom(at_zero=lambda _: v).initial_residuals(problem().y).tolist()),
    "Activation.alpha": ("-1/4", Activation),
    "OneLayer.alpha": ("-1/4", lambda v: OneLayer(2, 1, alpha=v).activation),
    "OneLayer.signs": ("-1", lambda v: OneLayer(2, 2, signs=[1, v]).signs),
    "TwoLayer.alpha": ("-1/4", lambda v: TwoLayer(2, 1, alpha=v).activation),
    "FeedForward.alpha": ("-1/4", lambda v: FeedForward([2, 2, 1], alpha=v).activation),
    "FeedForward.given": (
        "3/4",
        lambda v: FeedForward([2, 2, 1], trained=[1], given={2: [[v, 1]]}).given[2].tolist(),
    ),
    "KKTPoints.basins.sign": ("-1", basins),
    "NearOrigin.factor_time.factor_squared": ("5/2", lambda v: near_origin().factor_time(v)),
    "NearOrigin.radius_time.delta": ("1/64", lambda v: near_origin().radius_time(v, 1)),
    "NearOrigin.radius_time.radius": ("1/8", lambda v: near_origin().radius_time("1/100", v)),
    "NearOrigin.time_bound.delta": ("1/64", lambda v: near_origin().time_bound(v, radius=1)),
    "NearOrigin.time_bound.factor_squared": ("5/2", lambda v: near_origin().time_bound(1, factor_squared=v)),
    "NearOrigin.time_bound.radius": ("1/8", lambda v: near_origin().time_bound("1/100", radius=v)),
    "NearOrigin.statement.factor_squared": ("5/2", lambda v: near_origin().statement(v)),
    "certify.epsilon": ("1/8", lambda v: certflow.certify(problem(), v).reason),
    "certify.start_angle": ("1/64", lambda v: certflow.certify(problem(), "1/8", v).reason),
    "certify.delta_bar": (
        "1/131072",
        lambda v: certflow.certify(Problem.from_toml_text(POWER_1), check=False, delta_bar=v).delta_bar,
    ),
    "trade_off.epsilon": ("1/8", lambda v: certflow.trade_off(problem(), v).reason),
    "trade_off.start_angle": ("1/64", lambda v: certflow.trade_off(problem(), "1/8", v).reason),
    "trade_off.delta_bar": (
        "1/131072",
        lambda v: certflow.trade_off(problem(), delta_bar=v).asked,
    ),
    "Theorem.at.delta": ("1/64", lambda v: answer(v)),
    "Theorem.at.radii": ("1/16", lambda v: answer(radii=[v])),
    "Answer.time_to.radius": ("1/16", lambda v: theorem().at("1/1024").time_to(v)),
    "gradient_descent.delta": (
        "1/8",
        lambda v: certflow.gradient_descent(problem(), v, "1/16", 2).weights.tolist(),
    ),
    "gradient_descent.step": (
        "1/16",
        lambda v: certflow.gradient_descent(problem(), 1, v, 2).weights.tolist(),
    ),
    "reference_flow.delta": (
        "1/8",
        lambda v: end(certflow.reference_flow(problem(), v, time="1/8", digits=5, check=False)),
    ),
    "reference_flow.time": (
        "1/8",
        lambda v: end(certflow.reference_flow(problem(), "1/8", time=v, digits=5, check=False)),
    ),
    "reference_flow.radius": (
        "3/4",
        lambda v: end(certflow.reference_flow(problem(), "1/8", radius=v, digits=5, check=False)),
    ),
    "limit_flow.time": ("1/8", lambda v: end(certflow.limit_flow(problem(), time=v, digits=5, check=False))),
    "ReferenceFlow.block_direction.time": ("3/8", lambda v: flow().block_direction(0, v).tolist()),
    "ReferenceFlow.block_log_norm.time": ("3/8", lambda v: flow().block_log_norm(0, v)),
    "ReferenceFlow.log_norm.time": ("3/8", lambda v: flow().log_norm(v)),
    "ReferenceFlow.direction.time": ("3/8", lambda v: flow().direction(v).tolist()),
    "ReferenceFlow.weights.time": ("3/8", lambda v: flow().weights(v).tolist()),
    "ReferenceFlow.time_at_norm.radius": ("1/4", lambda v: flow().time_at_norm(v)),
    "ReferenceFlow.crossings.radius": ("1/4", lambda v: list(flow().crossings(v))),
    "NCF.enclosed.w": ("3/4", lambda v: certflow.correlation(problem()).enclosed([v, 1]).to_json()),
    "NCF.gradient_at.w": ("3/4", lambda v: certflow.correlation(problem()).gradient_at([v, 1])),
    "check.time_limit": ("1/4", lambda v: limits_asked(lambda: certflow.check("none.json", v))),
    "Theorem.check.time_limit": ("1/4", lambda v: limits_asked(lambda: theorem().check(v))),
    "NCF.__call__.w": ("3/4", lambda v: certflow.correlation(problem())([v, 1])),
    "NCF.cell_at.w": (
        "3/4",
        lambda v: [cell.tolist() for cell in certflow.correlation(problem()).cell_at([v, -1])],
    ),
}
"""Parameters that are numbers, or lists of them: a dyadic value, and what becomes of it."""

WHOLE_NUMBERS: dict[str, tuple[int, Call]] = {
    "Problem.seed": (
        7,
        lambda k: (problem(direction=None, seed=k).seed, problem(direction=None, seed=k).direction.tolist()),
    ),
    "Problem.replace.seed": (7, lambda k: problem().replace(seed=k).direction.tolist()),
    "Activation.power": (3, lambda k: Activation(0, k)),
    "OneLayer.inputs": (3, lambda k: OneLayer(k, 2)),
    "OneLayer.width": (3, lambda k: OneLayer(2, k)),
    "OneLayer.power": (3, lambda k: OneLayer(2, 2, power=k)),
    "TwoLayer.inputs": (3, lambda k: TwoLayer(k, 2)),
    "TwoLayer.width": (3, lambda k: TwoLayer(2, k)),
    "TwoLayer.power": (3, lambda k: TwoLayer(2, 2, power=k)),
    "FeedForward.widths": (3, lambda k: FeedForward([2, k, 1])),
    "FeedForward.trained": (2, lambda k: FeedForward([2, 1, 1], trained=[k], given={1: [[1, 2]]})),
    "FeedForward.given (layers)": (
        1,
        lambda k: FeedForward([2, 1, 1], trained=[2], given=Layer(k, [[1, 2]])),
    ),
    "FeedForward.power": (3, lambda k: FeedForward([2, 1, 1], power=k)),
    "kkt_points.digits": (6, lambda k: points(certflow.kkt_points(problem(), k))),
    "Budget.cells": (6, lambda k: Budget(cells=k)),
    "Budget.boxes": (6, lambda k: Budget(boxes=k)),
    "Budget.weights": (6, lambda k: Budget(weights=k)),
    "Budget.starts": (6, lambda k: Budget(starts=k)),
    "near_origin.digits": (6, lambda k: certflow.near_origin(problem(), k).statement()),
    "gradient_descent.iterations": (
        6,
        lambda k: certflow.gradient_descent(problem(), 1, "1/16", k).weights.tolist(),
    ),
    "gradient_descent.record_every": (
        3,
        lambda k: certflow.gradient_descent(problem(), 1, "1/16", 6, k).weights.tolist(),
    ),
    "reference_flow.digits": (
        6,
        lambda k: end(certflow.reference_flow(problem(), 1, time="1/8", digits=k, check=False)),
    ),
    "limit_flow.digits": (
        6,
        lambda k: end(certflow.limit_flow(problem(), time="1/8", digits=k, check=False)),
    ),
    "ReferenceFlow.sample_times.count": (3, lambda k: flow().sample_times(k)),
    "NCF.enclosed.digits": (
        6,
        lambda k: certflow.correlation(problem()).enclosed([1, 2], k).to_json(),
    ),
    "KKTPoints.table.most": (2, lambda k: planar_set().table(k).to_csv()),
    "NCF.text.max_arcs": (1, lambda k: certflow.correlation(problem()).text(k)),
    "NCF.latex.max_arcs": (1, lambda k: certflow.correlation(problem()).latex(k)),
    "verify.digits": (10, lambda k: stopped(problem(), digits=k)),
    "verify.workers": (3, lambda k: stopped(problem(), workers=k)),
}
"""Parameters that are whole numbers: a value, and what becomes of it."""

PROBLEMS: dict[str, Call] = {
    "classify": lambda source: certflow.classify(source).text(),
    "correlation": lambda source: certflow.correlation(source).text(),
    "kkt_points": lambda source: points(certflow.kkt_points(source, 6)),
    "near_origin": lambda source: certflow.near_origin(source, 6).statement(),
    "certify": lambda source: certflow.certify(source).reason,
    "trade_off": lambda source: certflow.trade_off(source).reason,
    "gradient_descent": lambda source: certflow.gradient_descent(source, 1, "1/16", 1).weights.tolist(),
    "verify": lambda source: stopped(source),
    "reference_flow": lambda source: end(
        certflow.reference_flow(source, 1, time="1/8", digits=5, check=False)
    ),
    "limit_flow": lambda source: end(certflow.limit_flow(source, time="1/8", digits=5, check=False)),
}
"""Functions of a problem, and what becomes of it."""

CONSTRUCTED = {
    "Problem",
    "Experiment",
    "Loss",
    "Activation",
    "OneLayer",
    "TwoLayer",
    "FeedForward",
    "Expression",
    "Budget",
}
"""The classes whose objects users make; all others are returned, or are errors and words."""

OTHERS = {
    "Problem.network",
    "Problem.loss",
    "Problem.reduction",
    "Problem.experiment",
    "Problem.name",
    "Problem.replace.changes",
    "Problem.load.source",
    "Loss.kind",
    "Loss.reduction",
    "Loss.residual",
    "OneLayer.activation",
    "TwoLayer.activation",
    "FeedForward.activation",
    "Expression.weights",
    "Expression.inputs",
    "Expression.output",
    "kkt_points.budget",
    "kkt_points.progress",
    "check.certificate",
    "check.problem",
    "Theorem.save.path",
    "Theorem.record.file",
    "certify.progress",
    "certify.check",
    "certify.statement",
    "trade_off.progress",
    "trade_off.check",
    "trade_off.tell",
    "gradient_descent.progress",
    "verify.out",
    "verify.progress",
    "verify.tell",
    "reference_flow.coordinates",
    "reference_flow.check",
    "reference_flow.partial",
    "reference_flow.progress",
    "limit_flow.coordinates",
    "limit_flow.check",
    "NCF.on_cell.signs",
    "NCF.text.exact",
    "NCF.latex.exact",
    "near_origin.kkt",
}
"""Parameters that are no numbers."""

INDICES = {
    "ReferenceFlow.block_direction.j",
    "ReferenceFlow.block_log_norm.j",
    "NCF.on_cell.block",
    "ReferenceFlow.extreme.sign",
}
"""Places in Python's own lists, and a sign that only certflow gives."""


def parameters(place: str, function: Callable[..., Any]) -> list[str]:
    return [f"{place}.{name}" for name in inspect.signature(function).parameters if name != "self"]


def test_the_list_is_complete():
    found = []
    for name in certflow.__all__:
        returned = inspect.isclass(getattr(certflow, name)) and name not in CONSTRUCTED
        if name != "__version__" and not returned:
            found += parameters(name, getattr(certflow, name))
    for returned in (ReferenceFlow, NCF, NearOrigin, Theorem, KKTPoints, Answer):
        methods = {
            name: method
            for name, method in vars(returned).items()
            if inspect.isfunction(method) and (name[0] != "_" or name == "__call__")
        }
        for name, method in methods.items():
            found += parameters(f"{returned.__name__}.{name}", method)
    found += [*parameters("Problem.replace", Problem.replace), *parameters("Problem.load", Problem.load)]
    listed = (
        NUMBERS.keys() | WHOLE_NUMBERS.keys() | {f"{name}.problem" for name in PROBLEMS} | OTHERS | INDICES
    )
    assert sorted(set(found) - listed) == []
    assert sorted(name for name in OTHERS | INDICES if name not in found) == []


@pytest.fixture(autouse=True)
def _without_the_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `certify` and `verify` are asked for is all that counts here."""

    def asked(problem: Problem, goal: Fraction, angle: Fraction, *_: Any) -> Certified[Any]:
        return Certified(problem, Outcome.INCONCLUSIVE, f"{goal} {angle}")

    def asked_for(job: Any) -> None:
        raise RuntimeError(f"{job.problem.sha256} {job.digits} {min(job.workers or 0, 99)}")

    monkeypatch.setattr(prove, "best", asked)
    monkeypatch.setattr(trade_off, "best", asked)
    monkeypatch.setattr(main_job._Job, "run", asked_for)


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_every_kind_are_their_exact_value(name):
    text, call = NUMBERS[name]
    value = Fraction(text)
    expected = call(value)
    if name not in (
        "OneLayer.signs",
        "KKTPoints.basins.sign",
        "NCF.cell_at.w",
    ):  # of which the sign is all that counts
        assert call(value / 2) != expected
    for kind, make in number_kinds.RATIONAL.items():
        assert call(make(value)) == expected, kind
    if value.denominator == 1:
        for kind, make in number_kinds.WHOLE.items():
            if value > 0 or "uint" not in kind:
                assert call(make(int(value))) == expected, kind


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_whole_numbers_of_every_kind(name):
    value, call = WHOLE_NUMBERS[name]
    expected = call(value)
    for kind, make in number_kinds.WHOLE.items():
        assert call(make(value)) == expected, kind


@pytest.mark.parametrize("name", [*NUMBERS, *WHOLE_NUMBERS])
def test_everything_else_is_refused_in_one_sentence(name):
    call = (NUMBERS | WHOLE_NUMBERS)[name][1]
    more = {"half": 1.5, "text": "2", "negative": -1} if name in WHOLE_NUMBERS else {}
    for kind, value in (number_kinds.REFUSED | more).items():
        with pytest.raises(BadInput) as refusal:
            call(value)
        message = str(refusal.value)
        assert ": " in message, kind
        assert message.endswith("."), kind
        assert "\n" not in message, kind
        assert len(message) < 250, kind


@pytest.mark.parametrize("name", [*NUMBERS, *WHOLE_NUMBERS])
def test_refusals_of_very_long_numbers_are_short(name):
    call = (NUMBERS | WHOLE_NUMBERS)[name][1]
    for value in (-(10**3000), -(10**5000)):
        try:
            call(value)
        except BadInput as refusal:
            assert len(str(refusal)) < 250
    if name in WHOLE_NUMBERS:
        for value in (10**3000, 10**5000):
            try:
                call(value)
            except BadInput as refusal:
                assert len(str(refusal)) < 250


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_are_given_as_they_are_by_path_or_by_name(name, tmp_path, monkeypatch):
    call, file = PROBLEMS[name], tmp_path / "mine.toml"
    problem().save(file)
    assert next(iter(inspect.signature(getattr(certflow, name)).parameters)) == "problem"
    expected = call(problem())
    for source in (file, str(file), "mine"):
        monkeypatch.setattr(problems, "builtin_names", lambda: ("mine",))
        monkeypatch.setattr(Problem, "builtin", lambda name: Problem.from_toml(file))
        assert call(source) == expected
    for source in (42, None, b"mine.toml", X):
        with pytest.raises(
            BadInput, match="^problem: expected a problem, a path or the name of a built-in problem, got "
        ):
            call(source)


@pytest.mark.parametrize("ask", [certflow.check, Theorem.load, lambda path: theorem().save(path)])
@pytest.mark.parametrize("path", [None, 3, b"bytes.json", ["list"]])
def test_what_is_no_file_name_is_refused_in_one_sentence(ask, path):
    with pytest.raises(BadInput, match=r"^path: expected the name of a file, got .*\.$"):
        ask(path)


def test_what_is_no_budget_is_refused():
    with pytest.raises(BadInput, match=r"^budget: expected a Budget.*, got 3\.$"):
        certflow.kkt_points(problem(), budget=3)


@pytest.mark.parametrize(
    "ask",
    [
        lambda path: problem().save(path),
        lambda path: certflow.Problem.from_toml(path),
        lambda path: certflow.verify(problem(), path),
    ],
)
@pytest.mark.parametrize("path", [3, b"bytes.json", "a\0b", ""])
def test_what_is_no_file_name_is_refused_everywhere(ask, path):
    with pytest.raises(BadInput, match=r"^(path|out): .*\.$"):
        ask(path)


def test_a_folder_is_no_file_to_write_to():
    with pytest.raises(BadInput, match=r"^/: is a folder; give the name of a file\.$"):
        problem().save("/")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: certflow.certify(problem(), progress=1),
        lambda: certflow.kkt_points(problem(), progress=1),
        lambda: certflow.gradient_descent(problem(), 1, "1/16", 2, progress=1),
        lambda: certflow.reference_flow(problem(), 1, time="1/8", progress=1),
        lambda: certflow.verify(problem(), progress=1),
    ],
)
def test_what_cannot_be_called_is_no_progress(ask):
    with pytest.raises(BadInput, match=r"^progress: expected a function or None, got int\.$"):
        ask()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: certflow.certify(problem(), check="no"), "check: expected True or False, got 'no'."),
        (lambda: certflow.certify(problem(), check=None), "check: expected True or False, got None."),
        (lambda: certflow.kkt_points(problem(), budget=0), "budget: expected a Budget"),
        (lambda: problem().replace(name=3), "name: expected text, got 3."),
        (
            lambda: Theorem(problem(), Outcome.PROVED, claim=SimpleNamespace(statement="basin")).at(1),
            "claim: the statement basin says nothing about one delta, only early-direction",
        ),
    ],
)
def test_other_wrong_arguments_are_refused_in_one_sentence(ask, said):
    with pytest.raises(BadInput) as refusal:
        ask()
    assert str(refusal.value).startswith(said)
