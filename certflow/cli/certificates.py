"""The commands about theorems and their certificates: certify, check, show, query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certflow.cli.command_line import Run, complain, exact_problem_command, json_option, print_json, time_option
from certflow.outcome import BadInput, ExitCode
from certflow.printable import printable

if TYPE_CHECKING:
    from certflow.certifying import Announced

DEFAULT_FILE = "certificate.json"

_NOT_CHECKED = "NOT CHECKED: nothing is proved before the checker accepts the certificate"

latex_option = click.option("--latex", is_flag=True, help="A LaTeX theorem with the numbers filled in.")


@click.command(short_help="Prove the theorem for all small δ, and write its certificate.")
@exact_problem_command
@click.option("--epsilon", metavar="ANGLE", help="The angle (radians) to be reached and kept; default: the problem's.")
@click.option("--start-angle", metavar="ANGLE", default="0", show_default=True, help="Prove it for all w0 within this angle.")
@click.option("--out", metavar="FILE", default=DEFAULT_FILE, show_default=True, help="Where the certificate goes.")
@click.option("--no-check", is_flag=True, help="Do not wait for the checker: what is written is then not checked.")
@latex_option
def certify(run: Run, epsilon: str | None, start_angle: str, out: str, no_check: bool, latex: bool) -> int:
    """Compute a δ̄ and prove the early direction for every δ in (0, δ̄]; write the certificate once `check` accepts it.

    Exit code 0 also if some blocks are inconclusive (a partial theorem is a result), 3 if nothing could be proved.
    """
    _one_of(run.as_json, latex)
    problem = run.problem()
    from certflow.certificates import write_certificate
    from certflow.certifying import Announced
    from certflow.certifying import certify as prove
    from certflow.outcome import Inconclusive
    from certflow.report.terminal import emit, emit_command
    from certflow.running import OutOfTime

    run.output_file(out, "--out")
    try:
        with run.progress() as progress:
            result = prove(problem, epsilon, start_angle, progress, check=not no_check)
    except (Inconclusive, OutOfTime) as error:
        result = Announced(problem, "inconclusive", str(error))
    lost = ""
    try:
        if result.certificate:
            write_certificate(out, result.certificate)
    except BadInput as error:
        # What took long to prove is printed all the same.
        lost = str(error)
    if run.as_json:
        print_json(result.record(None if lost else out))
    if not result.certificate:
        complain(_why_not(result, out))
        return ExitCode.INCONCLUSIVE
    if no_check and (run.as_json or latex):
        complain(f"{_NOT_CHECKED}.")
    if not run.as_json:
        if no_check:
            emit(f"% {_NOT_CHECKED}." if latex else f"{_NOT_CHECKED}.\n")
        _print_claim(result.claim, latex)
    if lost:
        complain(lost)
        return ExitCode.BAD_INPUT
    if not run.as_json and not latex:
        verdict = f"{_NOT_CHECKED}. Written" if no_check else "Accepted by the independent checker and written"
        emit_command(f"{verdict} to {printable(out, keep='')}; to check it{'' if no_check else ' again'}", "certflow check", out)
    return ExitCode.DONE


def _why_not(result: Announced, out: str) -> str:
    """Why nothing was proved, what was proved until there, and what to do."""
    sentences = [f"inconclusive: {result.reason}"]
    if result.proved_until:
        sentences.append(f"proved until {result.proved_until}")
    if result.try_:
        sentences.append(f"to try: {result.try_}")
    if result.fault:
        sentences.append("certify --no-check writes the refused certificate")
    if Path(out).exists():
        sentences.append(f"the file {out} is of an earlier run")
    return "; ".join(each.rstrip(".") for each in sentences) + "."


def _print_claim(claim: dict[str, Any], latex: bool) -> None:
    from certflow.report.terminal import emit, emit_prose, emit_table
    from certflow.theorems.early_direction.words import claim_latex, claim_sentence, claim_table

    if latex:
        emit(claim_latex(claim), end="")
        return
    emit_prose(claim_sentence(claim) + "\n")
    emit_table(claim_table(claim))


def _one_of(as_json: bool, latex: bool) -> None:
    if as_json and latex:
        raise BadInput("--json and --latex: choose one of them.")


@click.command(short_help="Check certificates independently.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
@click.option("--quiet", is_flag=True, help="Only the verdicts.")
@time_option
def check(files: tuple[str, ...], as_json: bool, quiet: bool, time_limit: float | None) -> int:
    """Check certificates with the independent checker, the same as `python -m certflow.checker FILE...`.

    Exit codes: 0 accepted, 1 refused, 2 malformed, 3 time limit; of several files the worst, in the order 2, 1, 3, 0.
    """
    from certflow.checker.__main__ import main as run_checker

    limit = [] if time_limit is None else ["--time-limit", f"{time_limit:g}"]
    options = [*(["--json"] if as_json else []), *(["--quiet"] if quiet else []), *limit]
    code = run_checker([*options, "--", *files])
    if as_json and code == ExitCode.INTERRUPTED:
        print_json({"error": "interrupted.", "exit_code": int(code)})
    return code


@click.command(short_help="A certificate's claim in words, and what limits its δ̄.")
@click.argument("certificate")
@json_option
@latex_option
def show(certificate: str, as_json: bool, latex: bool) -> None:
    """What CERTIFICATE claims, in words, and which block and stretch of the flow limit δ̄.

    The file is read, not checked: `certflow check` decides whether the claim is proved.
    """
    _one_of(as_json, latex)
    from certflow.certificates import read_certificate
    from certflow.report.terminal import emit_command, emit_prose
    from certflow.theorems.early_direction.claim import read_claim
    from certflow.theorems.early_direction.limits import what_limits

    content = read_certificate(certificate)
    claim = content["claim"]
    if claim.get("statement") in ("kkt-points", "basin", "time-near-origin"):
        _show_in_words(certificate, content, as_json, latex)
        return
    statement, limits = read_claim(claim), what_limits(content)
    if as_json:
        print_json({"claim": claim, "limits": [limit.to_json() for limit in limits], "assumptions": content["assumptions"]})
        return
    _print_claim(claim, latex)
    if not latex:
        if limits:
            emit_prose(limits[0].sentence(statement.joint))
        emit_command("This is what the file claims; whether it is proved says", "certflow check", certificate)


def _show_in_words(certificate: str, content: dict[str, Any], as_json: bool, latex: bool) -> None:
    from certflow.checker.kernel.verdicts import Refused
    from certflow.checker.registry import sentences
    from certflow.report.terminal import emit_command, emit_prose

    if latex:
        raise BadInput(
            "--latex: only an early direction is a LaTeX theorem; `certflow kkt --latex` prints a table of KKT points."
        )
    if as_json:
        print_json({"claim": content["claim"], "limits": [], "assumptions": content["assumptions"]})
        return
    try:
        lines = sentences(content["claim"])
    except (Refused, AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        # The words are made for claims that were checked; of any other they may stumble over anything.
        raise BadInput(f"{certificate}: its claim cannot be read; `certflow check` says what is wrong.") from error
    emit_prose("\n".join(lines))
    emit_command("This is what the file claims; whether it is proved says", "certflow check", certificate)


@click.command(short_help="What a certificate says about one δ.")
@click.argument("certificate")
@click.option("--delta", required=True, help="The norm of the initial weights, at most δ̄; 1e-1000 is fine.")
@click.option("--radius", "radii", metavar="R", multiple=True, help="A norm ‖w‖ to ask about; may be repeated.")
@json_option
def query(certificate: str, delta: str, radii: tuple[str, ...], as_json: bool) -> None:
    """Angles, times and sizes that the theorem in CERTIFICATE gives for one δ, each rounded to the safe side."""
    from certflow.certificates import read_certificate
    from certflow.report.terminal import emit_table
    from certflow.theorems.early_direction.query import query as ask
    from certflow.theorems.early_direction.words import answer_tables

    claim = read_certificate(certificate)["claim"]
    answer = ask(claim, delta, list(radii) or None)
    if as_json:
        print_json(answer)
        return
    for table in answer_tables(answer):
        emit_table(table)
