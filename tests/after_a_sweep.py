"""A state after a sweep with round numbers, which the tests of the claim compare with the rules."""

from dataclasses import replace
from fractions import Fraction as F
from types import SimpleNamespace

from certflow.checker.early_direction.claim import _After
from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.outcomes.groups import Proved, ProvedTrap
from certflow.checker.tube.curve import Step, Track
from certflow.checker.tube.evidence import TrapEvidence
from certflow.checker.tube.region import Rates
from certflow.checker.tube.sweep import Runner, Sweep

TINY = F(1, 10**40)
NARROW, BELOW = "it is narrower than what is proved", "it is below the proved bound"
OTHER = "it does not agree with the rest of the certificate"
CLOCK = Clock(None)
RATES = Rates(F(-2), ONE, ONE // 8, ONE // 16, ONE // 32, (ONE // 4, ONE // 2))
TRAP = ProvedTrap(F(2), F(1, 2), F(1, 16), RATES, (F(2), F(4)), (F(1, 8), F(1, 4)), (F(1, 2), F(3)))
CENTRE = TrapEvidence([[3, 4]], F(2), F(1, 2), F(0), None)
GRID = 4
FALLING = replace(TRAP, rates=replace(RATES, ell=(-ONE // 2, -ONE // 4)))
STANDING = replace(TRAP, rates=replace(RATES, ell=(-ONE // 2, 0)))
STILL = Rates(F(0), ONE, 0, 0, 0, (0, 0))


def refusal(call, *arguments):
    """(rule, where, reason) of the refusal, None if there is none."""
    try:
        call(*arguments)
    except Refused as error:
        return error.rule, error.where, error.reason
    return None


def group(outcome="converges", trap=TRAP, rates=None, share=F(1, 2), path=None, proposed=CENTRE):
    """A group with this trap, or without one."""
    own = SimpleNamespace(outcome=outcome, reason="", silent=None, trap=None if trap is None else proposed)
    after = rates or (RATES if trap is None else trap.rates)
    return Proved(own, trap, Runner(path, after, None, 0, (share, F(1)), 0, "here"))


def state(
    L=2,
    radius="2",
    proved=None,
    D=(F(1, 64), F(0)),
    epsilon=F(1, 4),
    delta=F(1, 4),
    end=F(16),
    most=F(32),
    **claimed,
):
    """The state after a sweep, in units: rates times 8, masses times 4."""
    problem = SimpleNamespace(order=L, rate=F(8), mass=F(4), groups=[[0], [1, 2]], indices=[[0, 1], [2], [3]])
    values = {"radius": radius, "blocks": [], "horizon": None, "growth": None, **claimed}
    nodes = {name: Node(value, f"claim.{name}") for name, value in values.items()}
    swept = Sweep(F(5), list(D), end, most)
    return _After(
        SimpleNamespace(problem=problem, grid=GRID), nodes, proved or [group()], swept, epsilon, delta, CLOCK
    )


def path(*ends):
    """A curve that stands still until these ends."""
    return Track([Step(F(end), F(0), F(0), STILL, (ONE, ONE)) for end in ends], F(1), [[3, 4]])
