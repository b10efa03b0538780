"""The commands about theorems and their certificates: certify, check, show, query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from certflow.command_line import Run, exact_problem_command, json_option, print_json, time_option
from certflow.outcome import BadInput, ExitCode

if TYPE_CHECKING:
    from certflow.theorems.convergence import Certified

DEFAULT_FILE = "certificate.json"

latex_option = click.option("--latex", is_flag=True, help="A LaTeX theorem with the numbers filled in.")


@click.command(short_help="Prove the theorem for all small δ, and write its certificate.")
@exact_problem_command
@click.option("--epsilon", metavar="ANGLE", help="The angle (radians) to be reached and kept; default: the problem's.")
@click.option("--start-angle", metavar="ANGLE", default="0", show_default=True, help="Prove it for all w0 within this angle.")
@click.option("--out", metavar="FILE", default=DEFAULT_FILE, show_default=True, help="Where the certificate goes.")
@latex_option
def certify(run: Run, epsilon: str | None, start_angle: str, out: str, latex: bool) -> int:
    """Compute a δ̄ and prove the early direction for every δ in (0, δ̄]; write a certificate that `check` accepts.

    Exit code 0 also if some blocks are inconclusive (a partial theorem is a result), 3 if nothing could be proved.
    """
    _one_of(run.as_json, latex)
    problem = run.problem()
    from certflow.certificates import certificate_text, sha256, write_certificate
    from certflow.outcome import Inconclusive
    from certflow.running import OutOfTime
    from certflow.theorems.convergence import Certified
    from certflow.theorems.convergence import certify as prove

    try:
        with run.progress() as progress:
            result = prove(
                problem, **({} if epsilon is None else {"epsilon": epsilon}), start_angle=start_angle, progress=progress
            )
    except (Inconclusive, OutOfTime) as error:
        result = Certified(problem, "inconclusive", reason=str(error))
    record: dict[str, Any] = {"certificate": None, "sha256": None}
    if result.claim:
        text = certificate_text(problem, result.groups, result.claim)
        write_certificate(out, text)
        record = {"certificate": out, "sha256": sha256(text)}
    if run.as_json:
        print_json({**_outcome(result), **record, "claim": result.claim or None})
    else:
        _report(result, latex, out)
    return ExitCode.DONE if result.claim else ExitCode.INCONCLUSIVE


def _outcome(result: Certified) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "stopped_at": result.stopped_at,
        "proved_until": result.proved_until,
        "try": result.try_,
    }


def _report(result: Certified, latex: bool, out: str) -> None:
    from certflow.report.terminal import emit

    if not result.claim:
        sentences = [f"certflow: inconclusive: {result.reason}"]
        if result.proved_until:
            sentences.append(f"proved until {result.proved_until}")
        if result.try_:
            sentences.append(f"to try: {result.try_}")
        click.echo("; ".join(each.rstrip(".") for each in sentences) + ".", err=True)
        return
    _print_claim(result.claim, latex)
    if not latex:
        # Not wrapped: a command has to stay in one piece.
        emit(f"Certificate written to {out}; to check it: certflow check {out}")


def _print_claim(claim: dict[str, Any], latex: bool) -> None:
    from certflow.report.claim_text import claim_latex, claim_sentence, claim_table
    from certflow.report.terminal import emit, emit_prose, emit_table

    if latex:
        emit(claim_latex(claim), end="")
        return
    emit_prose(claim_sentence(claim) + "\n")
    emit_table(claim_table(claim))


def _one_of(as_json: bool, latex: bool) -> None:
    if as_json and latex:
        raise BadInput("--json and --latex: choose one of them.")


@click.command(short_help="Check certificates independently.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@json_option
@time_option
def check(files: tuple[str, ...], as_json: bool, time_limit: float | None) -> int:
    """Check certificates with the independent checker, the same as `python -m certflow.checker FILE...`.

    Exit codes: 0 accepted, 1 refused, 2 malformed, 3 time limit; of several files the worst, in the order 2, 1, 3, 0.
    """
    from certflow.checker.__main__ import main as run_checker

    limit = [] if time_limit is None else ["--time-limit", f"{time_limit:g}"]
    return run_checker([*(["--json"] if as_json else []), *limit, "--", *files])


@click.command(short_help="A certificate's claim in words, and what limits its δ̄.")
@click.argument("certificate", type=click.Path())
@json_option
@latex_option
def show(certificate: str, as_json: bool, latex: bool) -> None:
    """What CERTIFICATE claims, in words, and which block and stretch of the flow limit δ̄.

    The file is read, not checked: `certflow check` decides whether the claim is proved.
    """
    _one_of(as_json, latex)
    from certflow.certificates import read_certificate
    from certflow.report.limits import what_limits
    from certflow.report.terminal import emit, emit_prose
    from certflow.theorems.statement import read_claim

    content = read_certificate(certificate)
    claim = content["claim"]
    if "evidence" in content:
        _show_kkt(certificate, content, as_json, latex)
        return
    statement, limits = read_claim(claim), what_limits(content)
    if as_json:
        print_json({"claim": claim, "limits": [limit.to_json() for limit in limits], "assumptions": content["assumptions"]})
        return
    _print_claim(claim, latex)
    if not latex:
        if limits:
            emit_prose(limits[0].sentence(statement.joint))
        emit(f"This is what the file claims; whether it is proved says: certflow check {certificate}")


def _show_kkt(certificate: str, content: dict[str, Any], as_json: bool, latex: bool) -> None:
    from certflow.checker.__main__ import sentences
    from certflow.report.terminal import emit

    if latex:
        raise BadInput("--latex: a list of KKT points has no LaTeX theorem; `certflow kkt --latex` prints its table.")
    if as_json:
        print_json({"claim": content["claim"], "limits": [], "assumptions": content["assumptions"]})
        return
    try:
        lines = sentences(content["claim"])
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise BadInput(f"{certificate}: its claim cannot be read; `certflow check` says what is wrong.") from error
    emit("\n".join(lines))
    emit(f"This is what the file claims; whether it is proved says: certflow check {certificate}")


@click.command(short_help="What a certificate says about one δ.")
@click.argument("certificate", type=click.Path())
@click.option("--delta", required=True, help="The norm of the initial weights, at most δ̄; 1e-1000 is fine.")
@click.option("--radius", "radii", metavar="R", multiple=True, help="A norm ‖w‖ to ask about; may be repeated.")
@json_option
def query(certificate: str, delta: str, radii: tuple[str, ...], as_json: bool) -> None:
    """Angles, times and sizes that the theorem in CERTIFICATE gives for one δ, each rounded to the safe side."""
    from certflow.certificates import read_certificate
    from certflow.report.answer_table import answer_tables
    from certflow.report.terminal import emit_table
    from certflow.theorems.query import query as ask

    claim = read_certificate(certificate)["claim"]
    answer = ask(claim, delta, list(radii) or None)
    if as_json:
        print_json(answer)
        return
    for table in answer_tables(answer):
        emit_table(table)
