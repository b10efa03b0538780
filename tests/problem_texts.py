"""Texts of problem files to change one thing in, and what every refusal of one has to look like."""

import pytest

from certflow.outcome import BadInput
from certflow.problem import Problem

NETWORK = '[network]\nkind = "one-layer"\nwidth = 1\nactivation = { alpha = "0", power = 2 }\n'
DATA = '[data]\nX = [["1", "0"], ["3/5", "4/5"]]\ny = ["5", "9/5"]\n'
LOSS = '[loss]\nkind = "square"\nreduction = "mean"\n'
PLANAR = """
[network]
kind = "one-layer"
width = 2
activation = { alpha = "0", power = 2 }
[data]
X = [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]]
y = ["5", "9/5", "1"]
[loss]
kind = "square"
reduction = "mean"
[initialization]
direction = ["1", "1/2", "-1", "1"]
"""
"""Two planar neurons, one block each, that come to their KKT points."""

POWER_1 = (
    PLANAR.replace('"one-layer"', '"two-layer"')
    .replace("power = 2", "power = 1")
    .replace('["1", "1/2", "-1", "1"]', '["1", "1/2", "-1", "-1/4", "1", "-1"]')
)
"""Two ReLU neurons: the one converges, the other comes to rest."""

START = '[initialization]\ndirection = ["1", "2"]\n'


def file_text(network=NETWORK, data=DATA, loss=LOSS, start=START, experiment=""):
    """A valid problem file with the tables given in place of its own."""
    return network + data + loss + start + experiment


def refusal_of(text, folder=None):
    """The sentence with which the text is refused, checked for its form."""
    with pytest.raises(BadInput) as refusal:
        Problem.from_toml_text(text, folder)
    message = str(refusal.value)
    assert message.endswith((".", "?"))
    assert "\n" not in message
    assert len(message) < 400
    return message


SLOW = """
[network]
kind = "one-layer"
width = 2
activation = { alpha = "0", power = 2 }
signs = [-1, 1]
[data]
X = [
  ["943/1000", "39/125"],
  ["-323/1000", "186/125"],
  ["-1173/1000", "-42/125"],
  ["-733/500", "-19/50"],
  ["9/125", "-373/1000"],
]
y = ["-599/1000", "749/1000", "-779/500", "-73/200", "79/500"]
[loss]
kind = "square"
reduction = "mean"
[initialization]
direction = ["198/125", "-43/125", "174/125", "11/500"]
"""
"""Two neurons, of which the second arrives at t = 73 and the first at t = 11."""
