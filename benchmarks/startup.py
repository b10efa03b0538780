"""How long `import certflow` and `certflow --help` take: medians over fresh interpreters, against their
targets.

    python benchmarks/startup.py [RUNS]

Prints JSON: the median, the same for an interpreter that does nothing, and the difference, which is
certflow's share.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

TARGETS = {"import certflow": 0.1, "certflow --help": 0.25}
COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import certflow": ["-c", "import certflow"],
    "certflow --help": ["-m", "certflow", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """The wall time of one fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(runs: int) -> None:
    for arguments in COMMANDS.values():
        seconds(arguments)  # once for the byte code and the file cache
    # Interleaved, so that a busy moment of the machine hits all commands alike.
    samples = [{name: seconds(arguments) for name, arguments in COMMANDS.items()} for _ in range(runs)]
    medians = {name: statistics.median(sample[name] for sample in samples) for name in COMMANDS}
    report = {
        name: {
            "median_s": round(value, 4),
            "above_bare_s": round(value - medians["bare interpreter"], 4),
            "target_s": TARGETS.get(name),
            "met": name not in TARGETS or value < TARGETS[name],
        }
        for name, value in medians.items()
    }
    print(json.dumps({"python": sys.version.split()[0], "runs": runs, "results": report}, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
