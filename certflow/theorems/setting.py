"""What every theorem in a paper says of its problem, as LaTeX: network, data, loss, start, N, certificate.

The words of a theorem put this around their own statement, so that the text stands alone.
"""

from __future__ import annotations

from fractions import Fraction

from certflow.certificates import NOT_CHECKED
from certflow.exact import format_rational
from certflow.ncf.exact import NCF
from certflow.ncf.text import formulas
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem

PACKAGES = (
    "% Needs \\usepackage{amsmath, amssymb, array, booktabs} and \\newtheorem{theorem}{Theorem};\n"
    "% the keys of \\cite are in references.bib."
)
WARNING = (
    f"% {NOT_CHECKED}.\n\\noindent\\textbf{{Not checked:}} nothing is proved before the checker accepts the "
    "certificate.\n\n"
)
"""What stands before a theorem whose certificate the checker has not accepted, on paper too."""

MOST_NUMBERS, MOST_CHARACTERS = 30, 9
"""Data with no more numbers, none of them longer, are written out."""
MOST_WEIGHTS = 8

BIBLIOGRAPHY = r"""@article{kumar2024directional,
  author  = {Kumar, Akshay and Haupt, Jarvis},
  title   = {Directional Convergence Near Small Initializations and Saddles in
             Two-Homogeneous Neural Networks},
  journal = {Transactions on Machine Learning Research},
  year    = {2024},
  url     = {https://arxiv.org/abs/2402.09226},
}

@article{kumar2025early,
  author  = {Kumar, Akshay and Haupt, Jarvis},
  title   = {Early Directional Convergence in Deep Homogeneous Neural Networks for Small Initializations},
  journal = {Transactions on Machine Learning Research},
  year    = {2025},
  url     = {https://arxiv.org/abs/2403.08121},
}

@article{kumar2025beyond,
  author  = {Kumar, Akshay and Haupt, Jarvis},
  title   = {Towards Understanding Gradient Flow Dynamics of Homogeneous Neural Networks Beyond the Origin},
  journal = {Journal of Machine Learning Research},
  year    = {2025},
  url     = {https://arxiv.org/abs/2502.15952},
}

@misc{certflow,
  author = {{The certflow developers}},
  title  = {certflow: verified numerics for the early directional convergence of homogeneous neural networks},
  note   = {Version 0.1.0},
}
"""
"""The entries that the theorems cite."""


def background(order: int) -> str:
    """A sentence that cites the paper about early directions of networks of this order."""
    key = "kumar2024directional" if order == 2 else "kumar2025early"
    return (
        f"\\noindent Kumar and Haupt~\\cite{{{key}}} prove, under the hypotheses stated there, that "
        "directions converge early for all sufficiently small $\\delta$, without a value of the "
        "threshold.\n\n"
    )


def setting(problem: Problem, start: str) -> str:
    """Sentences that define H, the samples, the loss L, where the flow starts (`start`, after "follow the
    gradient flow"), and N; needs amsmath and amssymb.
    """
    return "\n".join([_network(problem), _data(problem), _loss(problem), start, _correlation(problem)])


def provenance(problem: Problem, sha256: str) -> str:
    """Which certificate proves the theorem, and how to check it."""
    return (
        "\\noindent{\\sloppy The numbers of the problem are exactly those of the certificate with\n"
        f"the SHA-256 hash {_hash(sha256)} (its problem alone: {_hash(problem.sha256)}).\n"
        "\\texttt{certflow check} \\emph{file} proves the theorem again, independently of how it was\n"
        "found~\\cite{certflow}.\\par}\n"
    )


def _hash(digest: str) -> str:
    parts = r"\allowbreak ".join(digest[i : i + 8] for i in range(0, len(digest), 8))
    return rf"\texttt{{{parts}}}"


def _network(problem: Problem) -> str:
    network, pieces = problem.network, formulas(NCF(problem))
    if not isinstance(network, FeedForward):
        return (
            f"Let $H(x; w) = {pieces.output}$ be the function of the weights "
            f"$w \\in \\mathbb{{R}}^{{{network.size}}}$."
        )
    sigma = rf"$\sigma(t) = {pieces.activation}$"
    d, width = network.inputs, network.widths[-2]
    count = rf"\mathbb{{R}}^{{{network.size}}}"
    if network.depth == 2 and network.trained == (1,):
        output = rf"\sum_{{j=1}}^{{{width}}} {pieces.factor}\sigma(u_j \cdot x)"
        given = f" and fixed output weights ${pieces.factors}$" if pieces.factors else ""
        names = rf"(u_1, \dots, u_{{{width}}})" if width > 1 else "u_1"
        return (
            f"Let\n\\[ H(x; w) = {output} \\]\nwith {sigma}, $x \\in \\mathbb{{R}}^{{{d}}}$, trained weights "
            f"$w = {names} \\in {count}${given}."
        )
    if network.depth == 2 and network.trained == (1, 2):
        output = rf"\sum_{{j=1}}^{{{width}}} v_j\,\sigma(w_j \cdot x)"
        names = rf"w_1, \dots, w_{{{width}}}, v_1, \dots, v_{{{width}}}" if width > 1 else "w_1, v_1"
        return (
            f"Let\n\\[ H(x; w) = {output} \\]\nwith {sigma}, $x \\in \\mathbb{{R}}^{{{d}}}$ and trained "
            rf"weights $w = ({names}) \in {count}$."
        )
    output = "x"
    for layer in range(1, network.depth):
        output = rf"\sigma(W_{{{layer}}} {output})"
    widths = ", ".join(map(str, network.widths))
    layers = ", ".join(str(layer) for layer in network.trained)
    which = (
        "all layers trained"
        if len(network.trained) == network.depth
        else f"the layers $\\ell = {layers}$ trained and the others fixed as in the certificate"
    )
    return (
        f"Let $H(x; w) = W_{{{network.depth}}} {output}$ with {sigma}, layers of widths ${widths}$, "
        f"{which}: $w \\in {count}$."
    )


def _data(problem: Problem) -> str:
    n, d = problem.n, problem.inputs
    space = rf"\in \mathbb{{R}}^{{{d}}} \times \mathbb{{R}}"
    samples = f"the sample $(x_1, y_1) {space}$"
    if n > 1:
        samples = f"the samples $(x_i, y_i) {space}$, $i = 1, \\dots, {n}$,"
    rows = [[*row, label] for row, label in zip(problem.X, problem.y, strict=True)]
    texts = [[format_rational(value) for value in row] for row in rows]
    short = n * (d + 1) <= MOST_NUMBERS and all(len(each) <= MOST_CHARACTERS for row in texts for each in row)
    if not short:
        return f"Let {samples} be those of the certificate."
    body = " \\\\[2pt]\n".join(" & ".join(map(_rational, row)) for row in rows)
    return (
        f"Let {samples} be the row{'s' if n > 1 else ''} of\n"
        f"\\[\n\\left(\\begin{{array}}{{{'r' * d}|r}}\n{body}\n\\end{{array}}\\right).\n\\]"
    )


def _rational(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\tfrac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _loss(problem: Problem) -> str:
    mean = rf"\frac{{1}}{{{problem.n}}} " if problem.loss.reduction == "mean" and problem.n > 1 else ""
    kinds = {
        "square": r"\ell(s, y) = \tfrac12 (s - y)^2",
        "logistic": r"\ell(s, y) = 2 \log(1 + e^{-y s})",
        "custom": r"\ell \text{ convex}",
    }
    return (
        "Let the weights follow the gradient flow $\\dot w = -\\nabla \\mathcal{L}(w)$ of\n"
        "\\begin{gather*}\n"
        rf"  \mathcal{{L}}(w) = {mean}\sum_{{i=1}}^{{{problem.n}}} \ell(H(x_i; w), y_i), \\" + "\n"
        f"  {kinds[problem.loss.kind]},\n\\end{{gather*}}"
    )


def from_direction(problem: Problem, angle: str = "") -> str:
    """The start in the direction of the problem, or in any within the `angle` (LaTeX) of it."""
    texts = [format_rational(value) for value in problem.direction]
    if len(texts) <= MOST_WEIGHTS and all(len(each) <= MOST_CHARACTERS for each in texts):
        vector = ", ".join(map(_rational, problem.direction))
        direction = f"the direction $({vector})$"
    else:
        direction = "the direction of the certificate"
    which = f"any unit vector within the angle ${angle}$ (radians) of" if angle else "the unit vector in"
    return f"from $w(0) = \\delta w_0$, where $w_0$ is {which} {direction}."


def _correlation(problem: Problem) -> str:
    weight = formulas(NCF(problem)).weight
    return (
        rf"Let $N(w) = \sum_{{i=1}}^{{{problem.n}}} z_i\,H(x_i; w)$, $z_i = {weight}$, be the neural "
        f"correlation function; it is homogeneous of order ${problem.order}$."
    )
