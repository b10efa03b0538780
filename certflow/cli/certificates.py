"""The commands about theorems and their certificates: certify, check, show, query."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certflow.cli.command_line import (
    Run,
    asked_problem,
    complain,
    exact_problem_command,
    json_option,
    print_json,
    time_option,
)
from certflow.outcome import BadInput, ExitCode, Outcome
from certflow.printable import printable
from certflow.running import no_deadline
from certflow.theorems.registry import FOLDERS, Statement, default_statement, having, theorem, words_of

if TYPE_CHECKING:
    from certflow.certificates import Claim
    from certflow.certifying import Theorem
    from certflow.problem import Problem

DEFAULT_FILE = "certificate.json"
SHOWN_ROWS = 8
"""Rows of the tables of `show`; --all and --json give all."""

latex_option = click.option("--latex", is_flag=True, help="A LaTeX theorem with the numbers filled in.")
all_option = click.option("--all", "every", is_flag=True, help="Every line of long claims and problems.")
exact_option = click.option("--exact", is_flag=True, help="Exact numbers in the place of decimals.")


@click.command(short_help="Prove the theorem for all small δ, and write its certificate.")
@exact_problem_command
@click.option(
    "--epsilon", metavar="ANGLE", help="The angle (radians) to be reached and kept; default: the problem's."
)
@click.option(
    "--start-angle", metavar="ANGLE", show_default="0", help="Prove it for all w0 within this angle."
)
@click.option(
    "--out",
    metavar="FILE",
    show_default=DEFAULT_FILE,
    help="Where the certificate goes; with --trade-off a folder (default: nothing is written).",
)
@click.option(
    "--no-check", is_flag=True, help="Do not wait for the checker: what is written is then not checked."
)
@click.option("--delta-bar", metavar="D", help="Prove what can be proved for every δ ≤ D.")
@click.option(
    "--statement",
    metavar="NAME",
    show_default="that for such networks",
    help=f"One of {', '.join(FOLDERS)}.",
)
@click.option(
    "--trade-off",
    "trading",
    is_flag=True,
    help="Also prove what fewer blocks, other angles and other radii give.",
)
@latex_option
def certify(
    run: Run,
    epsilon: str | None,
    start_angle: str | None,
    out: str | None,
    no_check: bool,
    delta_bar: str | None,
    statement: str | None,
    trading: bool,
    latex: bool,
) -> int:
    """Compute a δ̄ and prove the early direction for every δ in (0, δ̄]; write the certificate once `check`
    accepts it.

    Exit code 0 also if some blocks are inconclusive (a partial theorem is a result), 3 if nothing could be
    proved, or if the limit flow branches.
    """
    _one_of(run.as_json, latex)
    problem = run.problem()
    if trading:
        if latex or statement is not None:
            raise BadInput("--trade-off: goes with neither --latex nor --statement; leave it out.")
        return _trade_off(run, problem, epsilon, start_angle, out, no_check, delta_bar)
    out = DEFAULT_FILE if out is None else out
    of = theorem(default_statement(problem) if statement is None else statement, "prove", "--statement")
    _has_words(of, latex)
    from certflow.certificates import NOT_CHECKED, write_certificate
    from certflow.certifying import certify as prove
    from certflow.report.terminal import emit, emit_command, emit_prose

    run.output_file(out, "--out")
    with run.progress() as progress:
        result = prove(problem, epsilon, start_angle, progress, not no_check, of.statement, delta_bar)
    lost = ""
    try:
        if result.certificate:
            write_certificate(out, result.certificate)
    except BadInput as error:
        # What took long to prove is printed all the same.
        lost = str(error)
    if run.as_json:
        print_json(result.record(None if lost else out))
    if result.claim is None or not result.certificate:
        complain(_why_not(result, out))
        return ExitCode.INCONCLUSIVE
    if no_check and (run.as_json or latex):
        complain(f"{NOT_CHECKED}.")
    if not run.as_json:
        if no_check and not latex:
            emit(f"{NOT_CHECKED}.\n")
        if result.note and not latex:
            emit_prose(f"{result.note}\n")
        # What was proved may be another statement than the one that was tried.
        proved = theorem(result.claim.statement)
        if latex and proved.part("paper") is not None:
            emit(result.latex(), end="")
        elif proved.part("words") is not None:
            _print_claim(result.claim)
        else:
            from certflow.checker.registry import sentences

            emit_prose("\n".join(sentences(result.claim.to_json(), result.problem.exact_content())))
    if lost:
        complain(lost)
        return ExitCode.BAD_INPUT
    if not run.as_json and not latex:
        verdict = f"{NOT_CHECKED}. Written" if no_check else "Accepted by the independent checker and written"
        emit_command(
            f"{verdict} to {printable(out, keep='')}; to check it{'' if no_check else ' again'}",
            "certflow check",
            out,
        )
    if result.outcome is Outcome.BRANCHES:
        complain(_why_not(result, out))
        return ExitCode.INCONCLUSIVE
    return ExitCode.DONE


def _trade_off(
    run: Run,
    problem: Problem,
    epsilon: str | None,
    start_angle: str | None,
    out: str | None,
    no_check: bool,
    delta_bar: str | None,
) -> int:
    """`certify --trade-off`: each certificate is written as soon as it is accepted; what is interrupted keeps
    its rows.
    """
    from certflow.certificates import write_certificate
    from certflow.report.terminal import emit_files, emit_table
    from certflow.trade_offs import NAME, TradeOff, TradeOffRow, trade_off

    folder = None if out is None else run.output_folder(out, {NAME})
    rows: list[TradeOffRow] = []

    def keep(row: TradeOffRow) -> None:
        rows.append(row)
        if folder is not None:
            run.output_file(str(folder / row.file), "--out")
            write_certificate(folder / row.file, row.theorem.certificate)

    code = ExitCode.DONE
    try:
        with run.progress() as progress:
            result = trade_off(problem, epsilon, start_angle, progress, not no_check, delta_bar, keep)
    except KeyboardInterrupt:
        if not rows:
            raise
        result = TradeOff(problem, rows, stopped="interrupted.")
        code = ExitCode.INTERRUPTED
    if not result.rows:
        complain(f"inconclusive: {result.stopped or result.reason}")
    elif result.stopped:
        complain(result.stopped)
    if result.stopped or not result.rows:
        code = max(code, ExitCode.INCONCLUSIVE)
    # Drawing takes a while: whoever ends it has the table.
    if result.rows and not run.as_json:
        emit_table(result.table)
    with no_deadline():
        files = [] if folder is None else [*(row.file for row in rows), *result.save_pictures(folder)]
    if run.as_json:
        print_json(result.record() | {"files": files})
    elif result.rows and folder is not None:
        emit_files(folder, files)
    return code


def _why_not(result: Theorem, out: str) -> str:
    """Why nothing was proved, what was proved until there, and what to do."""
    sentences = [f"{result.outcome}: {result.reason}"]
    if result.proved_until:
        sentences.append(f"proved until {result.proved_until}")
    if result.try_:
        sentences.append(f"to try: {result.try_}")
    if result.fault:
        sentences.append("certify --no-check writes the refused certificate")
    if not result.certificate and Path(out).exists():
        sentences.append(f"the file {out} is of an earlier run")
    return "; ".join(each.rstrip(".") for each in sentences) + "."


def _print_claim(claim: Claim, most: int | None = None) -> None:
    """The claim in the words of its theorem, with the first `most` rows of its tables."""
    from certflow.report.terminal import emit_prose, emit_table

    words = words_of(claim)
    emit_prose(words.paragraph(claim) + "\n")
    for table in (words.points(claim), words.table(claim)):
        rows = len(table.rows)
        if most is not None and rows > most:
            table.rows = table.rows[:most]
            table.notes.append(f"{most} of {rows} rows are shown; --all shows every one.")
        if rows:
            emit_table(table)


def _words_of_the_checker(content: dict[str, Any], file: str, exact: bool) -> dict[str, Any]:
    """What the checker would say of a certificate if it accepted it: its `problem` and its `claim` in lines,
    and what it is `about`. Raises `BadInput` if it cannot.
    """
    from certflow.checker.kernel.verdicts import Refused
    from certflow.checker.registry import sentences
    from certflow.checker.words import Say, about, described

    claim, problem, say = content["claim"], content["problem"], Say(exact)
    try:
        facts = about(problem) | ({"exact": problem} if exact else {})
        return {"about": facts, "problem": described(problem, say), "claim": sentences(claim, problem, say)}
    except (Refused, AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        # The words are made for claims that were checked; of any other they may stumble over anything.
        raise BadInput(
            f"{file}: its problem or claim cannot be read; `certflow check` says what is wrong."
        ) from error


def _has_words(of: Statement, latex: bool) -> bool:
    """Whether the theorem has words of its own; raises `BadInput` if it is to be LaTeX and has none."""
    if latex and of.part("paper") is None:
        raise BadInput(
            f"--latex: there is no LaTeX theorem of {of.statement}, only of {', '.join(having('paper'))}; "
            "leave it out."
        )
    return of.part("words") is not None


def _one_of(as_json: bool, latex: bool) -> None:
    if as_json and latex:
        raise BadInput("--json and --latex: choose one of them.")


@click.command(short_help="Check certificates independently.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
@click.option("--quiet", is_flag=True, help="Only the verdicts.")
@all_option
@exact_option
@click.option(
    "--problem",
    "meant",
    metavar="PROBLEM",
    help="Refuse what is not about this problem, a file or a built-in name.",
)
@time_option
def check(
    files: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    every: bool,
    exact: bool,
    meant: str | None,
    time_limit: float | None,
) -> int:
    """Check certificates with the independent checker, the same as `python -m certflow.checker FILE...`, and
    say what they are about and claim.

    With --problem, network, data and loss have to be those of this problem exactly, and its initial direction
    one that the claim is about.

    Exit codes: 0 accepted, 1 refused, 2 malformed, 3 time limit; of several files the worst, in the order 2,
    1, 3, 0.
    """
    from certflow.certifying import meant as meant_problem
    from certflow.checker.__main__ import main as run_checker

    content = None if meant is None else meant_problem(asked_problem(meant)).exact_content()
    limit = [] if time_limit is None else ["--time-limit", f"{time_limit:g}"]
    flags = {"--json": as_json, "--quiet": quiet, "--all": every, "--exact": exact}
    options = [*(flag for flag, given in flags.items() if given), *limit]
    code = run_checker([*options, "--", *files], content)
    if as_json and code == ExitCode.INTERRUPTED:
        print_json({"error": "interrupted.", "exit_code": int(code)})
    return code


@click.command(short_help="What a certificate is about and claims, and what limits its δ̄.")
@click.argument("certificate")
@json_option
@latex_option
@all_option
@exact_option
def show(certificate: str, as_json: bool, latex: bool, every: bool, exact: bool) -> None:
    """What CERTIFICATE is about and claims, in words: the problem, the KKT points with N and gap, the laws,
    and which block and stretch of the flow limit δ̄.

    The file is read, not checked: `certflow check` decides whether the claim is proved.
    """
    _one_of(as_json, latex)
    from certflow.certificates import hash_of, problem_of, read_certificate
    from certflow.checker.words import few
    from certflow.report.terminal import emit, emit_command, emit_prose

    content = read_certificate(certificate)
    written = content["claim"]
    of = theorem(written.get("statement"))
    claim = of.part("claim").Claim.from_json(written) if _has_words(of, latex) or latex else None
    limits = [] if claim is None or of.part("limits") is None else of.part("limits").limits(claim, content)
    # What is no problem must not be put into words: some numbers in it might never end.
    problem = problem_of(content, certificate)
    if latex and claim is not None:
        from certflow.theorems.setting import WARNING

        emit(WARNING + of.part("paper").latex(claim, problem, hash_of(content)), end="")
        return
    said = _words_of_the_checker(content, certificate, exact)
    if as_json:
        record = {"claim": written, "limits": [each.to_json() for each in limits], "about": said["about"]}
        print_json({**record, "assumptions": content["assumptions"]})
        return
    emit_prose("\n".join(few(said["problem"], every)))
    emit("")
    if claim is None or exact:
        emit_prose("\n".join(few(said["claim"], every)))
    else:
        _print_claim(claim, None if every else SHOWN_ROWS)
    if limits:
        emit_prose(limits[0].sentence())
    emit_command("This is what the file claims; whether it is proved says", "certflow check", certificate)


@click.command("problem", short_help="The problem of a certificate, as a problem file.")
@click.argument("certificate")
@json_option
def problem_file(certificate: str, as_json: bool) -> None:
    """Print the problem that CERTIFICATE is about as a problem file, every number exact, with how to prove it
    again.

    The file is read, not checked: `certflow check` decides whether the claim is proved.

    \b
    certflow problem c.json > p.toml
    """
    from certflow.certificates import problem_of, read_certificate
    from certflow.report.terminal import emit

    content = read_certificate(certificate)
    claim, found = content["claim"], problem_of(content, certificate)
    again = _certify_options(claim, found)
    command = shlex.join(["certflow", "certify", "problem.toml", *again])
    text = (
        f"# The problem of a certificate, with the SHA-256 {found.sha256}.\n"
        f"# To prove the claim again: {command}\n{found.to_toml()}"
    )
    if as_json:
        record = {"sha256": found.sha256, "problem": found.exact_content()}
        print_json({**record, "statement": claim["statement"], "options": again, "text": text})
    else:
        emit(text, end="")


def _certify_options(claim: dict[str, Any], problem: Problem) -> list[str]:
    """The options with which `certify` makes the claim again, besides those that are in the problem file."""
    from certflow.exact import format_rational, short_number

    of = theorem(claim.get("statement"), "prove")
    options = [] if of.statement == default_statement(problem) else ["--statement", of.statement]
    angle = short_number(claim.get("start_angle", 0), "claim.start_angle")
    if angle:
        options += ["--start-angle", format_rational(angle)]
    if of.takes("delta_bar") and not of.part("claim").Claim.from_json(claim).searched:
        bar = short_number(claim.get("delta_bar"), "claim.delta_bar")
        options += ["--delta-bar", format_rational(bar)]
    return options


@click.command(short_help="What a certificate says about one δ.")
@click.argument("certificate")
@click.option("--delta", required=True, help="The norm of the initial weights, at most δ̄; 1e-1000 is fine.")
@click.option(
    "--radius", "radii", metavar="R", multiple=True, help="A norm ‖w‖ to ask about; may be repeated."
)
@json_option
def query(certificate: str, delta: str, radii: tuple[str, ...], as_json: bool) -> None:
    """Angles, times and sizes that the theorem in CERTIFICATE gives for one δ, each rounded to the safe
    side.
    """
    from certflow.certificates import read_certificate
    from certflow.report.terminal import emit_table
    from certflow.theorems.registry import query as ask

    claim = read_certificate(certificate)["claim"]
    answer = ask(claim, delta, list(radii) or None)
    if as_json:
        print_json(answer.to_json())
        return
    for table in words_of(answer.claim).answer_tables(answer):
        emit_table(table)
