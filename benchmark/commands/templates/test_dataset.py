"""Holds MyDataset to the contract of crossvad: pytest test_my_dataset.py"""

from __future__ import annotations

from pathlib import Path

from crossvad import check_dataset

FILE = Path(__file__).with_name("my_dataset.py")


def test_it_keeps_the_contract() -> None:
    """Raises an AssertionError that names each rule that is broken, and what was seen."""
    check_dataset(f"{FILE}:MyDataset")
