"""Garbage is looked for rarely while much is made that stays, and a program's own setting is left alone."""

import gc

import pytest

from crossvad.store.garbage import RARELY, rarely_collected


@pytest.fixture(autouse=True)
def _as_it_was():
    usual, was = gc.get_threshold(), gc.isenabled()
    yield
    gc.unfreeze()
    gc.set_threshold(*usual)
    (gc.enable if was else gc.disable)()


def test_it_is_rare_within_and_as_usual_after():
    usual = gc.get_threshold()
    with rarely_collected():
        assert gc.get_threshold()[0] == RARELY
        with rarely_collected():  # once more: as it is
            assert gc.get_threshold()[0] == RARELY
        assert gc.get_threshold()[0] == RARELY
    assert gc.get_threshold() == usual


@pytest.mark.parametrize("chosen", ["off", "never", "frozen"])
def test_what_a_program_chose_stays(chosen):
    if chosen == "off":
        gc.disable()
    elif chosen == "never":
        gc.set_threshold(0)
    else:
        gc.freeze()
    set_up = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    with rarely_collected():
        assert (gc.isenabled(), gc.get_threshold()) == set_up[:2]
    assert (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()) == set_up
