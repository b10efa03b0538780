"""certflow: verified numerics for early directional convergence of homogeneous networks.

The first argument of every function is a problem: a `Problem`, the path of its file, or the name of a
built-in one. Numbers may be text, int, float, Fraction, Decimal, or scalars of NumPy, mpmath, sympy,
python-flint and torch. `BadInput`, one sentence, is what a wrong call gets. Imports are lazy (PEP 562).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from certflow.arithmetic.ball import Ball as Ball
    from certflow.certifying import Theorem as Theorem
    from certflow.certifying import certify as certify
    from certflow.certifying import check as check
    from certflow.checker import Verdict as Verdict
    from certflow.experiments.verify import Verification as Verification
    from certflow.experiments.verify import verify as verify
    from certflow.flow.reference.flow import ReferenceFlow as ReferenceFlow
    from certflow.flow.reference.flow import limit_flow as limit_flow
    from certflow.flow.reference.flow import reference_flow as reference_flow
    from certflow.flow.reference.gradient_descent import Descent as Descent
    from certflow.flow.reference.gradient_descent import gradient_descent as gradient_descent
    from certflow.kkt.basins import Basin as Basin
    from certflow.kkt.enumerate import Budget as Budget
    from certflow.kkt.enumerate import KKTPoints as KKTPoints
    from certflow.kkt.enumerate import kkt_points as kkt_points
    from certflow.kkt.points import KKTPoint as KKTPoint
    from certflow.losses import Loss as Loss
    from certflow.ncf.exact import NCF as NCF
    from certflow.ncf.exact import correlation as correlation
    from certflow.ncf.planar import Arc as Arc
    from certflow.networks.activation import Activation as Activation
    from certflow.networks.expression import Expression as Expression
    from certflow.networks.feed_forward import FeedForward as FeedForward
    from certflow.networks.one_hidden_layer import OneLayer as OneLayer
    from certflow.networks.one_hidden_layer import TwoLayer as TwoLayer
    from certflow.outcome import BadInput as BadInput
    from certflow.outcome import CertflowError as CertflowError
    from certflow.outcome import Fate as Fate
    from certflow.outcome import Inconclusive as Inconclusive
    from certflow.outcome import Kind as Kind
    from certflow.outcome import Outcome as Outcome
    from certflow.outcome import Status as Status
    from certflow.problem import Experiment as Experiment
    from certflow.problem import Problem as Problem
    from certflow.report.panels import TradePanel as TradePanel
    from certflow.tables import Table as Table
    from certflow.theorems.early_direction.claim import Block as Block
    from certflow.theorems.early_direction.claim import KKTBall as KKTBall
    from certflow.theorems.early_direction.claim import PowerLaw as PowerLaw
    from certflow.theorems.early_direction.query import Answer as Answer
    from certflow.theorems.literature import Structure as Structure
    from certflow.theorems.literature import classify as classify
    from certflow.theorems.time_near_origin.times import NearOrigin as NearOrigin
    from certflow.theorems.time_near_origin.times import TimeBound as TimeBound
    from certflow.theorems.time_near_origin.times import near_origin as near_origin
    from certflow.trade_offs import TradeOff as TradeOff
    from certflow.trade_offs import TradeOffRow as TradeOffRow
    from certflow.trade_offs import trade_off as trade_off

__version__ = "0.1.0"

_HOME = {
    "Problem": "certflow.problem",
    "Experiment": "certflow.problem",
    "Loss": "certflow.losses",
    "Activation": "certflow.networks.activation",
    "OneLayer": "certflow.networks.one_hidden_layer",
    "TwoLayer": "certflow.networks.one_hidden_layer",
    "FeedForward": "certflow.networks.feed_forward",
    "Expression": "certflow.networks.expression",
    "classify": "certflow.theorems.literature",
    "Structure": "certflow.theorems.literature",
    "correlation": "certflow.ncf.exact",
    "NCF": "certflow.ncf.exact",
    "Arc": "certflow.ncf.planar",
    "kkt_points": "certflow.kkt.enumerate",
    "Budget": "certflow.kkt.enumerate",
    "KKTPoints": "certflow.kkt.enumerate",
    "KKTPoint": "certflow.kkt.points",
    "Basin": "certflow.kkt.basins",
    "certify": "certflow.certifying",
    "Theorem": "certflow.certifying",
    "Block": "certflow.theorems.early_direction.claim",
    "KKTBall": "certflow.theorems.early_direction.claim",
    "PowerLaw": "certflow.theorems.early_direction.claim",
    "Answer": "certflow.theorems.early_direction.query",
    "trade_off": "certflow.trade_offs",
    "TradeOff": "certflow.trade_offs",
    "TradeOffRow": "certflow.trade_offs",
    "TradePanel": "certflow.report.panels",
    "check": "certflow.certifying",
    "Verdict": "certflow.checker",
    "near_origin": "certflow.theorems.time_near_origin.times",
    "NearOrigin": "certflow.theorems.time_near_origin.times",
    "TimeBound": "certflow.theorems.time_near_origin.times",
    "reference_flow": "certflow.flow.reference.flow",
    "limit_flow": "certflow.flow.reference.flow",
    "ReferenceFlow": "certflow.flow.reference.flow",
    "gradient_descent": "certflow.flow.reference.gradient_descent",
    "Descent": "certflow.flow.reference.gradient_descent",
    "verify": "certflow.experiments.verify",
    "Verification": "certflow.experiments.verify",
    "Ball": "certflow.arithmetic.ball",
    "Table": "certflow.tables",
    "BadInput": "certflow.outcome",
    "CertflowError": "certflow.outcome",
    "Inconclusive": "certflow.outcome",
    "Outcome": "certflow.outcome",
    "Fate": "certflow.outcome",
    "Kind": "certflow.outcome",
    "Status": "certflow.outcome",
}
"""Public name -> its module; type checkers read the imports above instead, which a test compares."""

__all__ = ["__version__", *_HOME]


if not TYPE_CHECKING:  # for a type checker every name would be there

    def __getattr__(name: str) -> object:
        if name in _HOME:
            from importlib import import_module

            return getattr(import_module(_HOME[name]), name)
        raise AttributeError(f"module 'certflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
