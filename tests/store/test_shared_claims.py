"""Claims at a URL: as good as can be had without locks."""

import threading
import time
from itertools import count

import pytest

from crossvad.store import objects as objects_module
from crossvad.store import shared_claims
from crossvad.store.objects import Objects
from crossvad.store.shared_claims import is_claimed, shared_claim
from shared_stores import cut_off, files_at, put_at

NAME = "runs/claims/cells-0"
numbers = count()


@pytest.fixture
def objects(monkeypatch) -> Objects:
    monkeypatch.setattr(objects_module, "PAUSES", ())
    for name, seconds in (("BEAT", 0.02), ("DEAD", 0.3), ("LOOK", 0.01)):
        monkeypatch.setattr(shared_claims, name, seconds)
    return Objects(f"memory://claims-{next(numbers)}")


def test_what_is_held_is_not_to_be_had_until_it_is_given_back(objects):
    with shared_claim(objects, NAME) as held:
        assert held and is_claimed(objects, NAME)
        with shared_claim(objects, NAME) as again:
            assert not again
        with shared_claim(objects, f"{NAME}1") as other:
            assert other
    assert not is_claimed(objects, NAME) and files_at(objects.url) == {}


def test_who_waits_has_it_next_however_long_that_takes(objects, monkeypatch):
    monkeypatch.setattr(shared_claims, "DEAD", 2.0)  # a busy machine may hold up a beat for a while
    order, waited = [], threading.Event()

    def wait():
        with shared_claim(objects, NAME, waited.set) as held:
            order.append(("second", held))

    with shared_claim(objects, NAME):
        second = threading.Thread(target=wait)
        second.start()
        assert waited.wait(60)
        time.sleep(1.5 * shared_claims.DEAD)  # it lives, and says so
        order.append(("first", True))
    second.join(60)
    assert order == [("first", True), ("second", True)]


def test_a_claim_of_the_dead_is_taken_over(objects):
    put_at(objects.url, NAME, b"host 1 abc")
    told = []
    with shared_claim(objects, NAME) as held:
        assert not held
    began = time.monotonic()
    with shared_claim(objects, NAME, lambda: told.append(1)) as held:
        assert held and told == [1] and time.monotonic() - began >= shared_claims.DEAD
    assert files_at(objects.url) == {}


def test_a_claim_that_was_taken_over_is_not_given_back_for_the_other(objects, monkeypatch):
    beats, hung = count(), threading.Event()
    write = objects.write

    def hanging(name, content):
        """Three signs of life, and no fourth."""
        if next(beats) < 3:
            write(name, content)
        else:
            hung.set()

    monkeypatch.setattr(objects, "write", hanging)
    with shared_claim(objects, NAME):
        assert hung.wait(60)
        put_at(objects.url, NAME, b"host 2 of another")
    assert list(files_at(objects.url).values()) == [b"host 2 of another"]


def test_where_nothing_can_be_written_work_goes_on(objects, monkeypatch):
    cut_off(monkeypatch, lambda: True)
    with shared_claim(objects, NAME) as held:
        assert held
    assert not is_claimed(objects, NAME)
