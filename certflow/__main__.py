"""The process of the command `certflow` and of `python -m certflow`: its signals and streams; the rest is
`certflow.cli`.

Nothing is imported here that Python has not loaded already, so that Ctrl-C is one sentence from the first
instruction on.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        import signal

        # A shell's background jobs ignore Ctrl-C, and go on doing so.
        heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if heard:
            # While modules are loaded an exception may be lost or changed on its way; nothing is written yet,
            # so just leave.
            signal.signal(signal.SIGINT, _leave)
        _open_missing_streams()
        for library in ("OPENBLAS", "MKL", "OMP"):
            # The matrices are small: a second thread of the linear algebra takes longer to start than it
            # saves.
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")
        from certflow.cli.commands import main as run

        sys.unraisablehook = _unraisable
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            run()
        finally:
            # What is asked for is done or undone; an interrupt of Python's own end would only be a traceback.
            if heard:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        _leave()


def _leave(*_: object) -> None:
    """End the process at once as interrupted."""
    sentence = "interrupted; nothing was left half written."
    if "--json" in sys.argv:
        _write(1, f'{{"error": "{sentence}", "exit_code": 130}}\n')
    _write(2, f"certflow: {sentence}\n")
    os._exit(130)


def _write(descriptor: int, text: str) -> None:
    try:  # noqa: SIM105
        os.write(descriptor, text.encode("ascii"))
    except OSError:
        pass


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    # Where Python cannot pass an interrupt on, it would print it and go on as if nothing had been.
    if found.exc_type is KeyboardInterrupt:
        _leave()
    sys.__unraisablehook__(found)


def _open_missing_streams() -> None:
    """Give a closed stdin, stdout or stderr back its number, or the next file that is opened would take
    it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


if __name__ == "__main__":
    main()
