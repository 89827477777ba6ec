"""Holds MyTuning to the contract of crossvad: pytest test_my_tuning.py"""

from __future__ import annotations

from pathlib import Path

from crossvad import check_tuning

FILE = Path(__file__).with_name("my_tuning.py")


def test_it_keeps_the_contract() -> None:
    """Raises an AssertionError that names each rule that is broken, and what was seen."""
    check_tuning(f"{FILE}:MyTuning")
