"""certflow: verified numerics for early directional convergence of homogeneous networks. Imports are lazy
(PEP 562).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
    "BadInput": "certflow.outcome",
    "CertflowError": "certflow.outcome",
    "Inconclusive": "certflow.outcome",
    "classify": "certflow.theorems.literature",
    "correlation": "certflow.ncf.exact",
    "planar_kkt": "certflow.kkt.neuron.circle",
    "kkt_of_problem": "certflow.kkt.neuron.circle",
    "kkt_set": "certflow.kkt.enumerate",
    "basins": "certflow.kkt.basins",
    "near_origin": "certflow.theorems.time_near_origin.times",
    "certify": "certflow.certifying",
    "query": "certflow.theorems.registry",
    "certificate_text": "certflow.theorems.early_direction.certificate",
    "write_certificate": "certflow.certificates",
    "read_certificate": "certflow.certificates",
    "gradient_descent": "certflow.flow.reference.gradient_descent",
    "verify": "certflow.experiments.verify",
    "reference_flow": "certflow.flow.reference.flow",
    "limit_flow": "certflow.flow.reference.flow",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'certflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
