"""A soundness campaign: random problems of every family at every scale, every claim compared with an
independent truth.

    python benchmarks/soundness.py --trials 2000 --seed 1 [--first 0] [--jobs 2] [--out soundness.json]
    python benchmarks/soundness.py --seed 1 --only 1234      # one trial again, its record on stdout

Each trial asks for a theorem (60 s at most), the KKT points, the time near the origin and sometimes the
reference flow, checks every certificate with the checker and every number that is claimed with `truth/` (own
networks, flows and KKT points in extended doubles), and mutates the certificates. A trial depends on the seed
and its number only. The counts, and the record of every trial with a finding, are written every few seconds:
none is lost by Ctrl-C or by a worker that hangs or dies. Leaves with 1 if anything was found, 130 if
interrupted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

# One thread each: the matrices are small, and results must not depend on the machine.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

HANGS_AFTER = 1_200.0
"""Seconds after which a worker is given up."""
WRITTEN_EVERY = 5.0
FINDINGS = {
    "false_claims": "false",
    "refused": "refused",
    "no_answer_60s": "no_answer",
    "tracebacks": "tracebacks",
    "campaign_errors": "campaign_errors",
}
"""Count in the result -> list in the record of a trial."""


def work(connection: Connection, seed: int, family: str | None) -> None:
    """A worker: a number comes in, the record of its trial goes out."""
    from truth.trial import Trial

    while True:
        try:
            index = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send(Trial(seed, index, family).run())
        except (KeyboardInterrupt, BrokenPipeError):
            return


class Worker:
    """A process with the trial that it is at; it is replaced when it hangs or dies."""

    def __init__(self, seed: int, family: str | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, seed, family), daemon=True)
        self.process.start()
        other.close()
        self.index: int | None = None
        self.begun = 0.0

    def give(self, index: int) -> None:
        """Start a trial."""
        self.index, self.begun = index, time.monotonic()
        self.connection.send(index)

    def record(self) -> dict[str, Any]:
        """The record of the trial; that of a worker that died says so."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return self.lost("died")

    def lost(self, how: str) -> dict[str, Any]:
        """The record of a trial that did not come back."""
        self.stop()
        return {
            "index": self.index,
            "outcome": how,
            "family": "",
            "worker": f"{how} (exit code {self.process.exitcode})",
        }

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()


class Campaign:
    """The counts so far, and the records with findings."""

    def __init__(self, seed: int, trials: int, first: int, family: str | None = None) -> None:
        self.settings = {"seed": seed, "first": first, "asked": trials, "family": family}
        self.begun = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.families: dict[str, Counter[str]] = {}
        self.mutants: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        self.slowest: list[tuple[float, int]] = []
        self.failures: list[dict[str, Any]] = []
        self.remarks: list[str] = []

    def add(self, record: dict[str, Any]) -> None:
        """Count one trial."""
        index = record["index"]
        self.counts["trials"] += 1
        outcome = record["outcome"].partition(":")[0]
        self.families.setdefault(record["family"], Counter())[outcome] += 1
        for name, key in FINDINGS.items():
            self.counts[name] += len(record.get(key, []))
        self.counts["workers_lost"] += "worker" in record
        self.counts["claims_compared"] += record.get("compared", 0)
        self.counts["not_followed"] += len(record.get("open", []))
        self.counts["certificates"] += record.get("certificates", 0)
        self.mutants.update(record.get("mutants", {}))
        self.stages.update(record.get("stages", {}))
        self.stages.update({record["family"]: record.get("seconds", 0.0)})
        self.remarks += [f"trial {index}: {each}" for each in record.get("unforeseen", [])]
        self.slowest = sorted([*self.slowest, (record.get("seconds", 0.0), index)], reverse=True)[:10]
        if "worker" in record or any(record.get(key) for key in FINDINGS.values()):
            only = "" if self.settings["family"] is None else f'--family "{self.settings["family"]}" '
            again = f"python benchmarks/soundness.py {only}--seed {self.settings['seed']} --only {index}"
            self.failures.append({**record, "again": again})

    def result(self) -> dict[str, Any]:
        """Everything for JSON."""
        names = ("trials", *FINDINGS, "workers_lost", "claims_compared", "not_followed", "certificates")
        outcomes = sum(self.families.values(), Counter())
        return {
            **self.settings,
            **{name: self.counts[name] for name in names},
            "mutants": {"tried": self.mutants.total(), **dict(sorted(self.mutants.items()))},
            "outcomes": dict(sorted(outcomes.items())),
            "families": {
                name: dict(sorted(counts.items())) for name, counts in sorted(self.families.items())
            },
            "seconds": round(time.monotonic() - self.begun),
            "processor_seconds": {name: round(seconds, 1) for name, seconds in sorted(self.stages.items())},
            "slowest": [{"index": index, "seconds": seconds} for seconds, index in self.slowest],
            "unforeseen_refusals": self.remarks[:50],
            "failures": self.failures,
        }

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.failures

    def line(self) -> str:
        """The progress in one line."""
        shown = ", ".join(f"{self.counts[name]} {name}" for name in (*FINDINGS, "workers_lost"))
        return (
            f"{self.counts['trials']} of {self.settings['asked']} trials in "
            f"{time.monotonic() - self.begun:.0f} s: {shown}"
        )


def write(path: Path, campaign: Campaign) -> None:
    """Write the result so far; an earlier file is replaced as a whole."""
    scratch = path.with_name(path.name + ".part")
    scratch.write_text(json.dumps(campaign.result(), indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)


def run(campaign: Campaign, jobs: int, path: Path) -> None:
    """All trials, in `jobs` processes."""
    seed, first = campaign.settings["seed"], campaign.settings["first"]
    waiting = list(range(first, first + campaign.settings["asked"]))[::-1]
    family = campaign.settings["family"]
    workers = [Worker(seed, family) for _ in range(min(jobs, len(waiting)))]
    written = time.monotonic()
    try:
        for worker in workers:
            worker.give(waiting.pop())
        while workers:
            ready = wait([worker.connection for worker in workers], timeout=1.0)
            for k, worker in reversed(list(enumerate(workers))):
                if worker.connection in ready:
                    record = worker.record()
                elif time.monotonic() - worker.begun > HANGS_AFTER:
                    record = worker.lost("hung")
                else:
                    continue
                campaign.add(record)
                if not waiting:
                    worker.stop()
                    del workers[k]
                    continue
                if "worker" in record:
                    workers[k] = Worker(seed, family)
                workers[k].give(waiting.pop())
            if time.monotonic() - written > WRITTEN_EVERY:
                write(path, campaign)
                written = time.monotonic()
                print(campaign.line(), file=sys.stderr, flush=True)
    finally:
        for worker in workers:
            worker.stop()
        write(path, campaign)


def main() -> int:
    """Run the campaign of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200, help="how many trials (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the campaign (default 1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first trial (default 0)")
    parser.add_argument(
        "--only", type=int, help="run the trial of this number alone, here, and print its record"
    )
    parser.add_argument("--family", help='problems of this family alone, such as "power 1"')
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("soundness.json"),
        help="where the counts go (default soundness.json)",
    )
    asked = parser.parse_args()
    if asked.only is not None:
        from truth.trial import Trial

        campaign = Campaign(asked.seed, 1, asked.only, asked.family)
        record = Trial(asked.seed, asked.only, asked.family).run()
        campaign.add(record)
        print(json.dumps(record, indent=1))
        return 0 if campaign.clean else 1
    campaign = Campaign(asked.seed, asked.trials, asked.first, asked.family)
    code = 0
    for each in (signal.SIGINT, signal.SIGTERM):
        # Also where a shell in the background has them ignored.
        signal.signal(each, signal.default_int_handler)
    try:
        run(campaign, max(1, asked.jobs), asked.out)
    except KeyboardInterrupt:
        code = 130
    print(campaign.line(), file=sys.stderr)
    print(json.dumps({key: value for key, value in campaign.result().items() if key != "failures"}, indent=1))
    return code or (0 if campaign.clean else 1)


if __name__ == "__main__":
    sys.exit(main())
