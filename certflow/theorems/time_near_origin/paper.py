"""How long weights stay small (L2), as a LaTeX theorem that stands alone."""

from __future__ import annotations

from certflow.arithmetic.decimal_text import rounded_text
from certflow.problem import Problem
from certflow.tables import latex_text
from certflow.theorems.setting import PACKAGES, provenance, setting
from certflow.theorems.time_near_origin.claim import Claim

DIGITS = 6
"""Significant digits of the bound of N."""

START = (
    r"from any $w(0)$ with $\|w(0)\| = \delta$ (along any Clarke gradients where $\mathcal{L}$ is not "
    "differentiable)."
)


def latex(s: Claim, problem: Problem, sha256: str) -> str:
    """The claim about `problem` as a LaTeX `theorem`, with the certificate that has this hash."""
    bound = latex_text(rounded_text(s.n_max_upper, DIGITS, up=True))
    if s.n_max_upper == 0:
        said = (
            r"On the unit sphere $N \le 0$. Then $\|w(t)\| \le \delta$ for every $\delta > 0$ and all "
            r"$t \ge 0$."
        )
    else:
        k = s.order - 2
        time = (
            r"\frac{\ln C}{4 M}" if k == 0 else rf"\frac{{1 - C^{{-{k}/2}}}}{{{s.order * k}\,M\,{_power(k)}}}"
        )
        said = (
            rf"On the unit sphere $N \le M$ with $M = {bound.strip('$')}$ (rounded up). Then for every "
            rf"$\delta > 0$ and every $C > 1$" + "\n"
            rf"\[ \|w(t)\|^2 \le C\,\delta^2 \qquad \text{{for }} 0 \le t \le {time}. \]"
        )
    return (
        f"{PACKAGES}\n"
        "\\begin{theorem}[time near the origin]\\label{thm:time-near-origin}\\sloppy\n"
        f"{setting(problem, START)}\n{said}\n\\end{{theorem}}\n{provenance(problem, sha256)}"
    )


def _power(k: int) -> str:
    return r"\delta" if k == 1 else rf"\delta^{{{k}}}"
