"""`kill -9` of a run of several processes, its driver and its workers, at random moments: nothing is lost or made up.

As often as $CROSSVAD_KILLS says; `make faults` says fifty.
"""

import itertools
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from crossvad.store.store import Store
from crossvad.verification.integrity import verify_store

KILLS = int(os.environ.get("CROSSVAD_KILLS", "3"))


def workers(driver: int) -> list[int]:
    """Process ids of a driver's workers."""
    found = []
    with suppress(OSError):  # it may just have ended, and so may any of them
        for pid in Path(f"/proc/{driver}/task/{driver}/children").read_text().split():
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


def done(store: Store) -> dict[str, bytes]:
    """The scores of each finished cell, which `Store.scores` holds against their digest."""
    records = [record for record in store.records() if record.status == "done"]
    assert all(len(store.scores(record.cell).labels) == 121 for record in records)
    return {record.cell.key: (store.cell_place(record.cell.key) / "scores.npz").read_bytes() for record in records}


def wait_for(cells: int, store: Store, driver: BaseProcess) -> None:
    """Wait until so many cells are stored, or the driver ends."""
    deadline = time.monotonic() + 600
    while driver.is_alive() and len([*store.place("cells", "").glob("[!.]*")]) < cells:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_at_random_moments_it_ends_like_one_that_was_not(start_bench, north, south, tmp_path):
    random = np.random.default_rng(0)
    words = ["run", "--source", f"path:{north}", "--target", f"path:{south},path:{north}", "--budget", "smoke"]
    words += ["--shots", "0,1,3", "--method", "framepred,mpn", "--seed", "0,1,2", "--quiet", "--jobs", "2", "--results"]
    log, fallen = tmp_path / "log", Counter[str]()

    def ended(root: Path) -> dict[str, bytes]:
        driver = start_bench(*words, root, log=log)
        driver.join(600)
        assert driver.exitcode == 0, log.read_text()
        return done(Store(root))

    undisturbed = ended(tmp_path / "whole")
    stores = (Store(tmp_path / f"broken {number}") for number in itertools.count())
    broken, kept = next(stores), dict[str, bytes]()
    while fallen.total() < KILLS or not fallen["driver"] or not (fallen["worker"] or KILLS < 5):
        driver = start_bench(*words, broken.root.parent, log=log)
        wait_for(len(kept) + int(random.integers(0, 12)), broken, driver)
        driver.join(random.uniform(0, 1))
        victims = workers(driver.pid) if random.random() < 0.6 and driver.is_alive() else []
        for victim in victims[: random.integers(1, 3)]:  # one, or both
            with suppress(ProcessLookupError):  # likewise
                os.kill(victim, signal.SIGKILL)
                fallen["worker"] += 1
        driver.join(random.uniform(0, 4) if victims else 0)  # it may have begun others in their place
        fallen["driver"] += driver.is_alive()
        driver.kill()
        driver.join()
        now = done(broken)
        assert kept.items() <= now.items(), "a finished cell is gone, or was made again"
        kept = now
        if kept.keys() == undisturbed.keys():
            assert kept == undisturbed
            broken, kept = next(stores), {}
    assert ended(broken.root.parent) == undisturbed
    assert broken.leftovers() == [] and not [*broken.place("claims", "").iterdir()]
    assert verify_store(broken)[1] == []
