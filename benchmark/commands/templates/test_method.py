"""Holds MyMethod to the contract of crossvad: pytest test_my_method.py"""

from __future__ import annotations

from pathlib import Path

from crossvad import check_adapter

FILE = Path(__file__).with_name("my_method.py")


def test_it_keeps_the_contract() -> None:
    """Raises an AssertionError that names each rule that is broken, and what was seen."""
    check_adapter(f"{FILE}:MyMethod")
