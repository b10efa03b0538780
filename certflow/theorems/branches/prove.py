"""Whether the limit flow from a direction branches, decided exactly (L11.6)."""

from __future__ import annotations

from fractions import Fraction

from certflow.exact import format_rational
from certflow.flow.polygon.reduced import reduced
from certflow.networks.expression import Expression
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.networks.two_layer_form import two_layer_form
from certflow.outcome import Fate, Inconclusive, Outcome
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.theorems.branches.claim import Claim
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.claim import Block
from certflow.theorems.early_direction_power_1.evidence import branch_record
from certflow.theorems.early_direction_power_1.neurons import listed_reasons, neurons_of, runs
from certflow.units import normalised


def certify(problem: Problem, progress: Progress | None = None) -> Certified[Claim]:
    """The statement that the limit flow of a network of power 1 has two solutions, with outcome `branches`;
    inconclusive if no two are found.

    An expression is replaced by the two-layer network that it is in other words.
    """
    try:
        known, note = as_network(problem)
        scaled, _ = normalised(known)
        G = reduced(scaled)
        neurons = neurons_of(scaled, G, Fraction(0), progress)
    except Inconclusive as error:
        return Certified(problem, Outcome.INCONCLUSIVE, str(error))
    found = [neuron for neuron in neurons if neuron.fate is Fate.BRANCHES]
    if not found:
        return Certified(known, Outcome.INCONCLUSIVE, "the limit flow is not known to have two solutions.")
    blocks = tuple(Block(n.index, runs(n.weights), Fate.BRANCHES, n.reason) for n in found)
    reason = listed_reasons([(n.index, n.reason) for n in found])
    evidence = {"neurons": [{"index": n.index, **branch_record(G, n)} for n in found]}
    claim = Claim(known.sha256, blocks)
    advice = "another initial direction"
    return Certified(known, Outcome.BRANCHES, reason, try_=advice, evidence=evidence, claim=claim, note=note)


def as_network(problem: Problem) -> tuple[Problem, str]:
    """For an expression the equal problem with a two-layer network, and a sentence that says so; every other
    problem as it is. Raises `Inconclusive` for an expression that is no such network in other words.
    """
    network = problem.network
    if not isinstance(network, Expression):
        return problem, ""
    form = two_layer_form(network, list(problem.X))
    if form is None:
        raise Inconclusive(
            "the gradient jumps, and the expression is not a sum of terms such as v*abs(w1*x1 + w2*x2), "
            "whose limit flows are known."
        )
    places = [k for own in (*form.hidden, form.outgoing) for k in own]
    width, d = len(form.outgoing), len(form.inputs[0])
    known = problem.replace(
        network=TwoLayer(d, width, alpha=format_rational(form.alpha), power=1),
        X=form.inputs,
        direction=[problem.direction[k] for k in places],
    )
    order = ", ".join(network.weight_names[k] for k in places)
    return (
        known,
        f"Written as the two-layer network that the expression is, with its weights in the order {order}.",
    )
