"""What one process claims no other does; and a claim ends with its process."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from crossvad.store.claims import claim

CONTEXT = multiprocessing.get_context("fork")  # quick: these processes use no threads


def hold(path: Path, told) -> None:
    with claim(path) as held:
        told.send(held)
        time.sleep(600)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the claim `work`."""
    ours, its = CONTEXT.Pipe()
    process = CONTEXT.Process(target=hold, args=(tmp_path / "claims" / "work", its), daemon=True)
    process.start()
    assert ours.recv()
    yield process
    process.kill()
    process.join()


def test_what_is_held_is_not_to_be_had_until_it_is_given_back(tmp_path):
    path = tmp_path / "claims" / "work"
    with claim(path) as held:
        assert held and path.exists()
        with claim(path) as again:
            assert not again
        assert path.exists()  # a refusal takes nothing away
        with claim(path.with_name("other")) as other:
            assert other
    assert not path.exists()
    with claim(path) as held:
        assert held


def test_a_claim_ends_with_its_process(tmp_path, holder, store):
    path, waited = tmp_path / "claims" / "work", []
    with claim(path) as held:
        assert not held

    def end_it():
        waited.append(1)
        os.kill(holder.pid, signal.SIGKILL)

    with claim(path, end_it) as held:
        assert held and waited == [1]
    assert not path.exists()


def add(path: Path, counter: Path, times: int) -> None:
    for _ in range(times):
        with claim(path, lambda: None) as held:
            assert held
            count = int(counter.read_text())
            time.sleep(0.0005)  # long enough for the others to come in between, if they could
            counter.write_text(str(count + 1))


def test_of_many_processes_one_holds_it_at_a_time(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [CONTEXT.Process(target=add, args=(tmp_path / "work", counter, 40)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert counter.read_text() == "160"


def test_a_store_says_what_is_claimed_and_sweeps_what_nobody_holds(store):
    assert not store.is_claimed("fits", "0" * 16)
    with store.claim("fits", "0" * 16) as held:
        assert held and store.is_claimed("fits", "0" * 16) and not store.is_claimed("cells", "0" * 16)
        left = store.place("claims", "fits-" + "1" * 16)  # of a process that was killed
        left.touch()
        store.sweep()
        assert not left.exists() and store.is_claimed("fits", "0" * 16)
    assert not store.is_claimed("fits", "0" * 16)
