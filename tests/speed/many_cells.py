"""How long commands take of a store of many cells, and how much memory: each in a process of its own.

    python tests/speed/many_cells.py                     # 10 000 cells, made in a folder that is removed in the end
    python tests/speed/many_cells.py --cells 1000 --keep FOLDER

A table is asked for when nothing was computed before, then of what was computed, then without what the store remembers
of its records, and a few times more: the least is shown, as a machine that others use takes longer and never shorter.
Processor time is told beside the time that passed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

CALL = """
import sys
from pathlib import Path
try:
    {}
finally:
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line), file=sys.stderr)
"""
BENCH = CALL.format("from crossvad.cli import main; main()")
FILL = "from pathlib import Path; from cell_stores import fill; fill(Path(sys.argv[1]), int(sys.argv[2]))"
PLAN = "import plans; plans.main(int(sys.argv[1]))"
ONE_PAIR = ("source=source-0", "target=target-00")
REMEMBERED = ("runs/index.sqlite", "runs/index.sqlite-wal", "runs/index.sqlite-shm")


class Cost(NamedTuple):
    """What a process cost."""

    computed: float  # seconds of processor time, which other processes do not lengthen
    seconds: float  # from its start to its end
    memory: float  # the most it held resident, MB
    code: int  # it ended with


def call(code: str, *words: object) -> Cost:
    """Run Python code in a process of its own, and wait for it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, cwd=Path(__file__).parent,
        env=environment, check=False,
    )  # fmt: skip
    seconds, after = time.perf_counter() - started, os.times()
    computed = after.children_user + after.children_system - before.children_user - before.children_system
    *said, last = done.stderr.strip().splitlines()
    if done.returncode not in (0, 1):
        raise SystemExit("\n".join(said))
    return Cost(computed, seconds, int(last.split()[1]) / 1000, done.returncode)


def where(*conditions: str) -> list[str]:
    """Conditions as they are typed."""
    return [word for condition in conditions for word in ("--where", condition)]


def forget(results: Path) -> None:
    """Remove what the store remembers of its records; metrics stay."""
    for name in REMEMBERED:
        (results / name).unlink(missing_ok=True)


def measured(results: Path, cells: int, rounds: int, skip: list[str]) -> list[list[object]]:
    """Run the commands, each as often as `rounds` says but the first table, which is asked for once."""
    least = lambda *words: min(call(BENCH, *words, "--results", results) for _ in range(rounds))  # noqa: E731
    anew: Callable[..., Cost] = lambda *words: min(  # noqa: E731
        (forget(results), call(BENCH, *words, "--results", results))[1] for _ in range(rounds)
    )
    works: dict[str, Callable[[], Cost]] = {
        "table, nothing computed": lambda: call(BENCH, "table", "--results", results),
        "table, records read anew": lambda: anew("table"),
        "table": lambda: least("table"),
        "table --matrix, one method": lambda: least(
            "table", "--matrix", "--where", "shots=10", "--where", "method=lmn"
        ),
        "results list": lambda: least("results", "list"),
        "report of one pair": lambda: least("report", *where(*ONE_PAIR), "--out", results / "report.html", "--quiet"),
        "verify": lambda: call(BENCH, "verify", "--results", results, "--quiet"),
        "plan as many cells x 10": lambda: call(CALL.format(PLAN), 10 * cells),
    }
    lines: list[list[object]] = []
    for name, work in works.items():
        if not any(name.startswith(prefix) for prefix in skip):
            cost = work()
            lines.append([name, cells, f"{cost.computed:.2f}", f"{cost.seconds:.2f}", f"{cost.memory:.0f}", cost.code])
            print(*lines[-1], sep="\t", file=sys.stderr, flush=True)
    return lines


def main() -> None:
    """Make a store, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="results folder to use if it is there, to be kept")
    parser.add_argument("--skip", action="append", default=[], help="works that are left out, by how they begin")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = (asked.keep or Path(folder) / "results").absolute()
        if not results.exists():
            made = call(CALL.format(FILL), results, asked.cells)
            print(f"{asked.cells} cells made in {made.seconds:.0f} s", file=sys.stderr)
        lines = measured(results, asked.cells, asked.rounds, asked.skip)
    print(
        tabulate(lines, ["what", "cells", "processor s", "s", "peak MB", "exit code"], "github", disable_numparse=True)
    )


if __name__ == "__main__":
    main()
