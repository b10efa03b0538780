"""Measurements in several processes: each runs this module, gets jobs as lines of JSON and answers in lines
of JSON.

Plain child processes, not `multiprocessing`: nothing is forked while threads run, nothing is unpickled, and a
script that calls `verify` at its top level is not run again. The problem travels as its exact file.
"""

from __future__ import annotations

import contextlib
import json
import operator
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from certflow.experiments.measurement import Job, Measurement, measure
from certflow.outcome import CertflowError
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import OutOfTime, deadline, remaining, tick

DESCRIPTION = "measuring flows"
DEFAULT_WORKERS = 2
STEPS = 1_000
"""Of the progress of all flows together."""


def default_workers() -> int:
    """As many as this process may use processors, at most `DEFAULT_WORKERS`."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(DEFAULT_WORKERS, usable))


class Measuring:
    """Measures jobs, longest first, while the body of the `with` does something else; `collect` waits for the
    rest.

    With one worker, one job, or a loss that no file can hold, everything happens in this process inside
    `collect`. The processes are handed the deadline of whoever enters the body. Leaving the body, for
    whatever reason, ends the processes.
    """

    def __init__(self, problem: Problem, jobs: list[Job], workers: int | None = None) -> None:
        self.problem, self.jobs = problem, jobs
        self._todo = deque(sorted(range(len(jobs)), key=lambda i: -jobs[i].cost))
        count = min(default_workers() if workers is None else workers, len(jobs))
        self._count = count if count > 1 and problem.loss.kind != "custom" and sys.executable else 0
        self._messages: queue.Queue[tuple[int, Measurement | CertflowError]] = queue.Queue()
        self._results: dict[int, Measurement] = {}
        self._shares = [0.0] * len(jobs)
        self._processes: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Measuring:
        self._seconds = remaining()
        try:
            for _ in range(self._count):
                process = _start()
                self._processes.append(process)
                thread = threading.Thread(target=self._serve, args=(process,), daemon=True)
                self._threads.append(thread)
                thread.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()

    def collect(self, progress: Progress | None = None) -> list[Measurement]:
        """The measurements, in the order of the jobs; those that are not there when the time is over have
        that as failure.

        Raises `CertflowError` if a process ends without an answer.
        """
        try:
            self._wait(progress)
        except OutOfTime as error:
            return self.finished(str(error))
        self.report(progress)
        return [self._results[i] for i in range(len(self.jobs))]

    def finished(self, why: str) -> list[Measurement]:
        """The measurements that are there by now; `why` is the failure of the others."""
        with contextlib.suppress(queue.Empty):
            while True:  # ends: when nothing has arrived any more
                self._take(*self._messages.get_nowait())
        return [self._results.get(i, Measurement(job.delta, failure=why)) for i, job in enumerate(self.jobs)]

    def report(self, progress: Progress | None) -> None:
        """Tell how far all flows together have come; a flow counts as much as it is expected to cost."""
        costs = [job.cost or 1.0 for job in self.jobs]
        if progress is not None and costs:
            share = sum(map(operator.mul, costs, self._shares)) / sum(costs)
            # The last step is for the end of all work.
            done = STEPS if len(self._results) == len(costs) else min(int(STEPS * share), STEPS - 1)
            progress(DESCRIPTION, done, STEPS)

    def _take(self, i: int, message: Measurement | CertflowError) -> None:
        if isinstance(message, Measurement):
            self._results[i] = message

    def _wait(self, progress: Progress | None) -> None:
        """Wait for all measurements. Raises `OutOfTime`, and what a process had to complain of."""

        def tell(i: int, share: float) -> None:
            self._shares[i] = max(share, self._shares[i])
            self.report(progress)

        if not self._count:
            for i in self._todo:
                self._results[i] = measure(self.problem, self.jobs[i], lambda share, i=i: tell(i, share))  # type: ignore[misc]
                self._shares[i] = 1.0
        while len(self._results) < len(self.jobs):  # ends: each process answers every job or ends
            self.report(progress)
            try:
                # With a timeout the wait can be interrupted on every system.
                i, message = self._messages.get(timeout=0.1)
            except queue.Empty:
                tick()
                continue
            if isinstance(message, CertflowError):
                tick()  # a process that is out of time ends without an answer
                raise message
            self._take(i, message)

    def _serve(self, process: subprocess.Popen[str]) -> None:
        """Give `process` one job after the other; runs in a thread of its own."""
        i = 0
        try:
            _send(
                process.stdin,
                {"problem": self.problem.to_toml(), "name": self.problem.name, "seconds": self._seconds},
            )
            while self._todo:  # ends: a job is taken
                try:
                    i = self._todo.popleft()
                except IndexError:
                    return
                _send(process.stdin, self.jobs[i].to_json())
                self._messages.put((i, self._answer(process, i)))
        except (OSError, ValueError, CertflowError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            reason = f"a process that integrates flows ended with code {process.returncode}: {error}"
            self._messages.put((i, CertflowError(f"{reason.rstrip('.')}; try again, or with workers=1.")))

    def _answer(self, process: subprocess.Popen[str], i: int) -> Measurement:
        for line in process.stdout or ():
            record = json.loads(line)
            if "share" in record:
                self._shares[i] = max(float(record["share"]), self._shares[i])
            else:
                self._shares[i] = 1.0
                return Measurement.from_json(record)
        raise CertflowError("it sent no answer")


def _start() -> subprocess.Popen[str]:
    # The child finds the same certflow, and nothing in the user's folder gets in between (-P).
    here = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # In a group of their own the children do not hear Ctrl-C; their parent ends them.
    own_group: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {"creationflags": 0x200}
    command = [sys.executable, "-P", "-m", "certflow.experiments.workers"]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        **own_group,
    )


def _send(stream: IO[str] | None, record: dict[str, Any]) -> None:
    if stream is not None:
        stream.write(json.dumps(record) + "\n")
        stream.flush()


def main() -> None:
    """The child: a problem, then jobs, on stdin; shares and measurements on stdout. Ends when stdin does."""
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.Queue[str] = queue.Queue()
    source = sys.stdin

    def listen() -> None:
        for line in source:
            lines.put(line)
        # The parent is gone, or needs nothing more; a flow that is under way is of no use to anyone.
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    setup = json.loads(lines.get())
    problem = Problem.from_toml_text(setup["problem"], name=setup["name"])
    with contextlib.suppress(OutOfTime), deadline(setup["seconds"]):
        while True:  # ends: with the deadline, or when the parent is gone
            told = 0.0

            def share(value: float) -> None:
                nonlocal told
                if value >= told + 0.02:
                    told = value
                    _send(answers, {"share": value})

            _send(answers, measure(problem, Job.from_json(json.loads(lines.get())), share).to_json())


if __name__ == "__main__":
    main()
