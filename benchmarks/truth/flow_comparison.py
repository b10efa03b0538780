"""The reference flow of a problem, as numbers, against the flow of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from .extended import LD, angle, array, length
from .flows import Flow, Stuck
from .networks import Net
from .power_1 import Inclusion, serves
from .report import Report

CLOSE = 1e-8


def _shown(time: Any) -> str:
    return np.format_float_scientific(time, 6)


def check_states(net: Net, log_delta: Any, states: list[tuple[Any, list[Any], Any]]) -> Report:
    """Scaled times, rising, with the direction of all weights and log(|w|/delta) there."""
    report = Report()
    try:
        flow: Any = Inclusion(net, net.start, log_delta) if serves(net) else Flow(net, net.start, log_delta)
    except Stuck:
        return report
    for time, direction, log_size in states:
        try:
            while flow.s < time and flow.steps < flow.most_steps:
                flow.step()
        except Stuck:
            pass
        if flow.s < time:
            report.open.append(f"the flow was not followed to the scaled time {_shown(time)}")
            break
        if serves(net) and any(neuron.branched for neuron in flow.neurons):
            report.open.append("there is more than one flow")
            break
        at = LD(time)
        u, _ = (flow.u, flow.s) if flow.s == at else flow.event(lambda u, s, at=at: s - at)
        report.at_most(
            angle(u, array(direction)),
            LD(0),
            f"direction of the reference flow at {_shown(time)}",
            CLOSE + flow.error,
        )
        size = LD(log_size)
        report.at_most(
            abs(length(u) / np.exp(size) - 1),
            LD(0),
            f"norm of the reference flow at {_shown(time)}",
            (CLOSE + flow.error) * (1 + abs(size)),
        )
    return report
