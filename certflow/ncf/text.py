"""The NCF for people: summed notation, the polynomial on a cell and the arcs, as terminal text and as LaTeX.

Both are written by one `_Writer` whose two dialects differ in their words only, so that they cannot say
different things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, SupportsIndex

from certflow.algebra.directions import degrees
from certflow.arithmetic.decimal_text import at_place, magnitude, power_of_ten
from certflow.exact import format_rational, whole
from certflow.ncf.cells import layered_polynomial, monomial_bound
from certflow.ncf.grammar_text import problem_file_text
from certflow.ncf.in_weights import sample_trees
from certflow.ncf.planar import Arc
from certflow.networks.activation import Activation
from certflow.networks.expansion import expand
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput

_DIGITS = 6
_SHORT = 10
"""Longest rational, in characters, that is shown exactly."""

_MAX_BLOCKS = 4
_MAX_TERMS = 24
_MAX_MONOMIALS = 5_000
_MAX_WRITTEN_OUT = 12
"""Kinks up to which N is written out over all samples."""

_MAX_FORMULA = 300
"""Longest partial derivative, in characters, up to which all are written out."""

_MAX_BITS = 10_000
"""Longest number of a formula in LaTeX; sympy prints no longer ones."""

_WIDTH = 110
"""LaTeX source of a sum per line; longer ones are broken between terms, which `_BREAK` marks."""

_BREAK = "\n"


def text(ncf: Any, max_arcs: SupportsIndex | None, exact: bool) -> str:
    """See `NCF.text`."""
    return _Writer(ncf, max_arcs, exact, tex=False).all()


def latex(ncf: Any, max_arcs: SupportsIndex | None, exact: bool) -> str:
    """See `NCF.latex`."""
    return _Writer(ncf, max_arcs, exact, tex=True).all()


_OUTPUTS_FOLLOW = r",\quad "
"""What stands before output weights after a formula in LaTeX."""


@dataclass(frozen=True)
class Formulas:
    """Pieces of the definition of N as LaTeX: σ(t), the factor of neuron j and what it is, z_i, and H of an
    expression; those that a network does not have are empty.
    """

    activation: str
    factor: str
    factors: str
    weight: str
    output: str


def formulas(ncf: Any) -> Formulas:
    """The pieces of the definition of N, for texts of other shape."""
    from certflow.ncf.expressions import network_expression

    writer, network = _Writer(ncf, None, False, tex=True), ncf.problem.network
    weight = writer.weights()[1].removeprefix("= ")
    if not isinstance(network, FeedForward):
        return Formulas("", "", "", weight, writer.formula(network_expression(network)))
    factor, note = ("", "") if network.depth in network.trained else writer.outputs(network)
    activation = writer.activation(network.activation, "t")
    return Formulas(activation, factor, note.removeprefix(_OUTPUTS_FOLLOW), weight, "")


class _Writer:
    # The `ncf` is an `NCF`, whose methods ask this module; naming its class here would tie the two files into
    # a circle.
    def __init__(self, ncf: Any, max_arcs: SupportsIndex | None, exact: bool, tex: bool) -> None:
        self.ncf, self.exact, self.tex = ncf, exact, tex
        self.max_arcs = None if max_arcs is None else whole(max_arcs, "max_arcs", 0)
        self.problem, self.network = ncf.problem, ncf.problem.network
        if isinstance(self.network, Expression):
            sample_trees(self.network, self.problem.X)  # every sample has an output

    def say(self, plain: str, tex: str) -> str:
        return tex if self.tex else plain

    def all(self) -> str:
        parts = [self.heading(), self.display(self.definition())]
        kinks = self.problem.n * (
            sum(self.network.widths[1:-1]) if isinstance(self.network, FeedForward) else self.network.size
        )
        if kinks <= _MAX_WRITTEN_OUT:
            # Terms of deep networks are long.
            shown = self.display(self.written_out())
            parts += [self.sentence("Written out:"), self.say(shown, f"{{\\footnotesize\n{shown}\n}}")]
        parts += self.cell()
        if self.ncf.is_planar:
            parts += self.circle()
        return "\n".join(parts) + "\n"

    def sentence(self, words: str) -> str:
        return self.say(f"\n{words}", words.replace("%", "\\%"))

    def display(self, lines: Iterable[tuple[str, str]]) -> str:
        """Equations, given as (left, right with its relation)."""
        if self.tex:
            body = " \\\\\n".join(f"  {left} &{_over_lines(right)}" for left, right in lines)
            return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
        return "\n".join(f"  {left} {right.replace(_BREAK, ' ')}" for left, right in lines)

    # -- summed notation -------------------------------------------------------------------------------------

    def heading(self) -> str:
        loss, n = self.problem.loss, self.problem.n
        samples = f"{n} sample" if n == 1 else f"{n} samples"
        return (
            f"The NCF, homogeneous of order {self.ncf.order}; {loss.kind} loss, {loss.reduction} over "
            f"{samples}:"
        )

    def definition(self) -> list[tuple[str, str]]:
        lines = self.layered(self.network) if isinstance(self.network, FeedForward) else self.expression()
        return [*lines, self.weights()]

    def weights(self) -> tuple[str, str]:
        n, left = self.problem.n, self.say("z_i", "z_i")
        if self.problem.loss.kind == "custom":
            ratio = self.say(f"-l'(0, y_i)/{n}", rf"-\tfrac{{1}}{{{n}}}\,\ell'(0, y_i)")
            plain = self.say("-l'(0, y_i)", r"-\ell'(0, y_i)")
        else:
            ratio, plain = self.say(f"y_i/{n}", rf"\tfrac{{1}}{{{n}}}\,y_i"), "y_i"
        return left, f"= {ratio if self.problem.loss.reduction == 'mean' and n > 1 else plain}"

    def layered(self, network: FeedForward) -> list[tuple[str, str]]:
        sigma = network.activation
        i_sum = self.say(f"sum_(i=1..{self.problem.n})", rf"\sum_{{i=1}}^{{{self.problem.n}}}")
        j_sum = self.say(f"sum_(j=1..{network.widths[-2]})", rf"\sum_{{j=1}}^{{{network.widths[-2]}}}")
        slope = self.say("sigma'(t)", r"\sigma'(t)"), f"= {self.slope(sigma)}"
        value = self.say("sigma(t)", r"\sigma(t)"), f"= {self.activation(sigma, 't')}"
        if network.depth > 2:
            return [*self.deep(network, i_sum), value, slope]
        neuron = (
            self.say("n(u)", "n(u)"),
            self.say(f"= {i_sum} z_i sigma(x_i . u)", rf"= {i_sum} z_i\,\sigma(x_i \cdot u)"),
        )
        inner = self.say(f"{i_sum} z_i sigma'(x_i . u) x_i", rf"{i_sum} z_i\,\sigma'(x_i \cdot u)\,x_i")
        gradient = self.say("grad n(u)", r"\nabla n(u)"), f"= {inner}"
        if network.trained == (1,):
            factor, note = self.outputs(network)
            total = "N(w)", f"= {j_sum} {factor}n(u_j){note}"
            nabla = self.say("grad ", r"\nabla ")
            part = self.say("dN/du_j", r"\nabla_{u_j} N(w)"), f"= {factor}{nabla}n(u_j)"
            return [total, neuron, value, part, gradient, slope]
        if network.trained == (1, 2):
            total = "N(w)", self.say(f"= {j_sum} v_j n(w_j)", rf"= {j_sum} v_j\,n(w_j)")
            first = (
                self.say("dN/dw_j", r"\nabla_{w_j} N(w)"),
                self.say("= v_j grad n(w_j)", r"= v_j\,\nabla n(w_j)"),
            )
            last = self.say("dN/dv_j", r"\partial N/\partial v_j"), "= n(w_j)"
            return [total, neuron, value, first, last, gradient, slope]
        return [*self.deep(network, i_sum), value, slope]

    def outputs(self, network: FeedForward) -> tuple[str, str]:
        """The factor of neuron j in N, and a note that says what it is."""
        given = list(network.given[network.depth][0])
        if all(c == 1 for c in given):
            return "", ""
        shown = ", ".join(self.number(c) for c in given[:8]) + (", ..." if len(given) > 8 else "")
        return self.say("c_j ", r"c_j\,"), self.say(
            f",  c = ({shown})", rf"{_OUTPUTS_FOLLOW}c = ({shown})".replace("...", r"\ldots")
        )

    def deep(self, network: FeedForward, i_sum: str) -> list[tuple[str, str]]:
        depth = network.depth
        output = self.say("x", "x")
        for layer in range(1, depth):
            output = self.say(f"sigma(W{layer} {output})", rf"\sigma(W_{{{layer}}} {output})")
        lines = [
            ("N(w)", self.say(f"= {i_sum} z_i H(x_i; w)", rf"= {i_sum} z_i\,H(x_i; w)")),
            ("H(x; w)", self.say(f"= W{depth} {output}", rf"= W_{{{depth}}} {output}")),
        ]
        trained = ", ".join(str(layer) for layer in network.trained)
        lines.append(
            (
                self.say("dN/dW_l", r"\nabla_{W_l} N(w)"),
                self.say(
                    f"= {i_sum} z_i d_(l,i) a_(l-1,i)^T,  l = {trained}",
                    rf"= {i_sum} z_i\,d_{{l,i}}\,a_{{l-1,i}}^{{\mathsf T}}, \qquad l = {trained}",
                ),
            )
        )
        lines.append(
            (
                self.say("a_(l,i)", "a_{l,i}"),
                self.say(
                    "= sigma(W_l a_(l-1,i)),  a_(0,i) = x_i",
                    r"= \sigma(W_l\,a_{l-1,i}), \qquad a_{0,i} = x_i",
                ),
            )
        )
        lines.append(
            (
                self.say("d_(l,i)", "d_{l,i}"),
                self.say(
                    f"= sigma'(W_l a_(l-1,i)) * (W_(l+1)^T d_(l+1,i)),  d_({depth},i) = 1",
                    rf"= \sigma'(W_l\,a_{{l-1,i}}) \odot (W_{{l+1}}^{{\mathsf T}}\,d_{{l+1,i}}), \qquad "
                    rf"d_{{{depth},i}} = 1",
                ),
            )
        )
        return lines

    def activation(self, sigma: Activation, t: str) -> str:
        power = "" if sigma.power == 1 else self.say(f"**{sigma.power}", f"^{{{sigma.power}}}")
        if sigma.alpha == 1:
            return f"{t}{power}"
        if sigma.alpha == -1:
            return self.say(f"abs({t}){power}", f"|{t}|{power}")
        if sigma.alpha == 0:
            return self.say(f"max(0, {t}){power}", rf"\max(0, {t}){power}")
        alpha = self.number(sigma.alpha)
        return self.say(f"max({t}, {alpha}*{t}){power}", rf"\max({t},\, {alpha}\,{t}){power}")

    def slope(self, sigma: Activation) -> str:
        p = sigma.power
        if sigma.alpha == 0 and p > 1:
            return self.say(f"{p}*", f"{p}\\,") + self.activation(Activation(sigma.alpha, p - 1), "t")
        monomial = "" if p == 1 else "t" if p == 2 else self.say(f"t**{p - 1}", f"t^{{{p - 1}}}")
        on = "1" if p == 1 else self.say(f"{p}*", f"{p}\\,") + monomial
        if not sigma.has_kink:
            return on
        off = sigma.off * p
        under = (
            "0"
            if off == 0
            else self.number(off) + (self.say(f"*{monomial}", rf"\,{monomial}") if monomial else "")
        )
        return self.say(
            f"{on} for t > 0, {under} for t < 0",
            rf"{on} \text{{ for }} t > 0, \quad {under} \text{{ for }} t < 0",
        )

    def expression(self) -> list[tuple[str, str]]:
        from certflow.ncf.derivative import derivative
        from certflow.ncf.expressions import network_expression

        i_sum = self.say(f"sum_(i=1..{self.problem.n})", rf"\sum_{{i=1}}^{{{self.problem.n}}}")
        output = network_expression(self.network)
        lines = [
            ("N(w)", self.say(f"= {i_sum} z_i H(x_i; w)", rf"= {i_sum} z_i\,H(x_i; w)")),
            ("H(x; w)", f"= {self.formula(output)}"),
        ]
        for symbol in self.ncf.weights_symbols[:_MAX_WRITTEN_OUT]:
            left = self.say(f"dH/d{symbol}", rf"\partial H/\partial {self.formula(symbol)}")
            lines.append((left, f"= {self.formula(derivative(output, symbol))}"))
        return lines

    def formula(self, expression: Any) -> str:
        """A sympy expression; its terms may go on new lines."""
        if not self.tex:
            return problem_file_text(expression)
        import sympy

        if any(
            max(abs(int(v.p)), int(v.q)).bit_length() > _MAX_BITS for v in expression.atoms(sympy.Rational)
        ):
            return r"\text{numbers too long to be shown}"
        terms = [str(sympy.latex(term)) for term in expression.as_ordered_terms()]
        signed = [f"- {term[1:].lstrip()}" if term.startswith("-") else f"+ {term}" for term in terms[1:]]
        return _BREAK.join([*terms[:1], *signed])

    def written_out(self) -> list[tuple[str, str]]:
        lines = [("N(w)", f"= {self.formula(self.ncf.value)}")]
        if max(len(problem_file_text(entry)) for entry in self.ncf.gradient) > _MAX_FORMULA:
            return lines
        for symbol, entry in zip(self.ncf.weights_symbols, self.ncf.gradient, strict=True):
            left = self.say(f"dN/d{symbol}", rf"\partial N/\partial {self.formula(symbol)}")
            lines.append((left, f"= {self.formula(entry)}"))
        return lines

    # -- numbers ---------------------------------------------------------------------------------------------

    def is_short(self, values: Iterable[Fraction]) -> bool:
        return self.exact or all(len(format_rational(value)) <= _SHORT for value in values)

    def number(self, value: Fraction, exact: bool = True) -> str:
        value = Fraction(value)
        if not exact:
            return self.decimal(value)
        shown = format_rational(value)
        if self.tex and "/" in shown:
            numerator, denominator = shown.lstrip("-").split("/")
            return f"{'-' if value < 0 else ''}\\tfrac{{{numerator}}}{{{denominator}}}"
        return shown

    def decimal(self, value: Fraction) -> str:
        if not value:
            return "0"
        place = magnitude(value) - _DIGITS + 1
        shown = at_place(round(value / power_of_ten(place)), place)
        if self.tex and "e" in shown:
            mantissa, exponent = shown.split("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
        return shown

    def sum(self, terms: list[tuple[Fraction, str]], exact: bool) -> str:
        """The sum of coefficient times name, "" standing for the constant 1."""
        parts: list[str] = []
        gap = self.say("*", r"\,")
        for coefficient, name in terms:
            if not coefficient:
                continue
            size = self.number(abs(coefficient), exact)
            product = name if size == "1" and name else f"{size}{gap}{name}" if name else size
            sign = "-" if coefficient < 0 else "+"
            parts.append(f"{sign} {product}" if parts else f"{'-' if coefficient < 0 else ''}{product}")
        return _BREAK.join(parts) or "0"

    def relation(self, exact: bool) -> str:
        return "=" if exact else self.say("~", r"\approx")

    # -- a cell ----------------------------------------------------------------------------------------------

    def cell(self) -> list[str]:
        problem = self.problem
        if isinstance(self.network, FeedForward) and monomial_bound(self.network) > _MAX_MONOMIALS:
            return [
                self.sentence("On a cell N is a polynomial with too many terms to show; on_cell gives it.")
            ]
        if isinstance(self.network, Expression) and expand(self.network.tree) is None:
            return [self.sentence("On a cell N has too many terms to be multiplied out.")]
        try:
            signs = self.ncf.cell_at(list(problem.direction))
        except BadInput:
            return [
                self.sentence(
                    "The initial direction lies in no cell: N, as it is written, divides by zero there."
                )
            ]
        blocks = len(problem.blocks)
        name: Callable[[int], str] = (lambda j: f"N_{j + 1}") if blocks > 1 else (lambda j: "N")
        layered = isinstance(self.network, FeedForward)
        kind = "The polynomial with exact coefficients" if layered else "N, exact,"
        words = f"{kind} on the activation cell of the initial direction"
        if blocks > _MAX_BLOCKS:
            words += f" (the first {_MAX_BLOCKS} of {blocks} blocks)"
        lines, rounded = [], False
        for j in range(min(blocks, _MAX_BLOCKS)):
            if layered:
                polynomial = layered_polynomial(problem, signs, j)
                terms = [
                    (Fraction(int(c.numerator), int(c.denominator)), self.monomial(polynomial.ring, m))
                    for m, c in polynomial.terms()
                ]
                exact = self.is_short(c for c, _ in terms)
                rounded = rounded or not exact
                shown = self.sum(terms[:_MAX_TERMS], exact)
                if len(terms) > _MAX_TERMS:
                    more = f"{len(terms) - _MAX_TERMS} more terms"
                    shown += self.say(f" + ... ({more})", rf" + \cdots \quad \text{{({more})}}")
                lines.append((name(j), f"{self.relation(exact)} {shown}"))
            else:
                lines.append(
                    (name(j), f"= {self.formula(self.ncf.on_cell(signs, j if blocks > 1 else None))}")
                )
        words += ", shown with 6 digits:" if rounded else ":"
        return [self.sentence(words), self.display(lines)]

    def monomial(self, polynomials: Any, exponents: tuple[int, ...]) -> str:
        factors = []
        for symbol, exponent in zip(polynomials.symbols, exponents, strict=True):
            if exponent:
                base = self.formula(symbol)
                factors.append(
                    base if exponent == 1 else self.say(f"{base}**{exponent}", f"{base}^{{{exponent}}}")
                )
        return self.say("*", r"\,").join(factors)

    # -- the circle ------------------------------------------------------------------------------------------

    def circle(self) -> list[str]:
        arcs = self.ncf.arcs()
        shown = arcs if self.max_arcs is None else arcs[: self.max_arcs]
        exact = self.is_short(c for arc in shown for c in (*arc.cosines.values(), *arc.sines.values()))
        count = "on the whole circle" if len(arcs) == 1 else f"on each of {len(arcs)} arcs"
        name = self.say("n(cos t, sin t)", r"$n(\cos t, \sin t)$")
        words = f"The constrained NCF {name} of one neuron, one exact trigonometric polynomial {count}"
        words += ", shown with 6 digits" if not exact else ""
        words += "; angles in degrees, rounded:"
        rest = len(arcs) - len(shown)
        rows = [self.arc(arc, exact) for arc in shown]
        if self.tex:
            body = " \\\\[2pt]\n".join(
                f"  {start} & {end} & {on} & {piece.replace(_BREAK, ' ')}" for start, end, on, piece in rows
            )
            more = f" \\\\\n  \\vdots & & & \\text{{({rest} more arcs)}}" if rest else ""
            header = "  \\text{from} & \\text{to} & \\text{active} & n(\\cos t, \\sin t) \\\\ \\hline\n"
            array = f"\\begin{{array}}{{rrrl}}\n{header}{body}{more}\n\\end{{array}}"
            # As wide as a column of two.
            return [words, f"{{\\scriptsize\\arraycolsep=2pt\n\\[\n{array}\n\\]}}"]
        lines = [f"  {'from':>10} {'to':>10} {'active':>6}  n(cos t, sin t)"]
        lines += [
            f"  {start:>10} {end:>10} {on:>6}  {piece.replace(_BREAK, ' ')}" for start, end, on, piece in rows
        ]
        if rest:
            lines.append(f"  ... and {rest} more arcs")
        return [self.sentence(words), *lines]

    def arc(self, arc: Arc, exact: bool) -> tuple[str, str, str, str]:
        start, end = (-180.0, 180.0) if arc.start == arc.end else (degrees(arc.start), degrees(arc.end))
        terms = []
        for frequency in range(arc.power + 1):
            inside = "t" if frequency == 1 else self.say(f"{frequency}*t", f"{frequency}t")
            if frequency == 0:
                terms.append((arc.cosines.get(0, Fraction(0)), ""))
                continue
            for function, coefficients in (("cos", arc.cosines), ("sin", arc.sines)):
                name = self.say(f"{function}({inside})", f"\\{function}({inside})")
                terms.append((coefficients.get(frequency, Fraction(0)), name))
        return f"{start:.4f}", f"{end:.4f}", str(arc.active), self.sum(terms, exact)


def _over_lines(right: str) -> str:
    """A right-hand side with new lines of the display between terms where it is long."""
    lines = [""]
    for piece in right.split(_BREAK):
        if lines[-1] and len(lines[-1]) + len(piece) > _WIDTH:
            lines.append(piece)
        else:
            lines[-1] = f"{lines[-1]} {piece}" if lines[-1] else piece
    return " \\\\\n  &\\quad ".join(lines).replace(r", \qquad ", ", \\\\\n  &\\quad ")
