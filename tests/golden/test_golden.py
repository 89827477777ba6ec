"""Whoever changes what is computed raises a version: what each computes is kept, and held against the code.

`python tests/golden/golden.py` keeps the values of a raised version.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
assert spec and spec.loader
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

TOLERANCE = 1e-5
KEPT, SUBJECTS = golden.load(), golden.subjects()
WHERE = {
    "fit": "versions.fit of its class",
    "score": "versions.score of its class",
    "maps": "versions.maps of its class",
}
KEEP = "python tests/golden/golden.py"


def complaint(name: str, versions: list[int], values: dict[str, Any], kept: dict[str, Any]) -> str:
    """What is wrong with what a subject computes; empty if nothing is."""
    if name not in kept:
        return f"{name} has no kept values: {KEEP}"
    if kept[name]["versions"] != versions:
        return f"{name} is version {versions}, and what is kept is of {kept[name]['versions']}: {KEEP}"
    for part, before in kept[name]["values"].items():
        where = WHERE.get(part, "its version (planning/versions.py for the harness)")
        if set(values[part]) != set(before):
            return f"{name} computes other things than its version did: raise {where}, then {KEEP}"
        for what, numbers in values[part].items():
            same = np.shape(numbers) == np.shape(before[what])
            if not (same and np.allclose(numbers, before[what], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)):
                return f"{name} computes other {what} than its version did: raise {where}, then {KEEP}"
    return ""


@pytest.mark.usefixtures("frames_seen_once")
@pytest.mark.parametrize("name", SUBJECTS)
def test_what_is_computed_is_what_its_version_computed(name):
    versions, compute = SUBJECTS[name]
    assert not complaint(name, versions, compute(), KEPT)


def test_nothing_is_kept_of_what_is_gone():
    assert set(KEPT) == set(SUBJECTS)


VALUES = {"fit": {"loss": [1.0, 2.0]}, "score": {"scores": [3.0]}, "maps": {}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"fit": {"loss": [1.0, 2.0 + 1e-7]}}, ""),
        ({"fit": {"loss": [1.0, 2.001]}}, "other loss than its version did: raise versions.fit"),
        ({"score": {"scores": [3.001]}}, "other scores than its version did: raise versions.score"),
        ({"score": {"scores": [3.0, 3.0]}}, "other scores"),
        ({"score": {"scores": [float("nan")]}}, "other scores"),
        ({"maps": {"means": [1.0]}}, "other things than its version did: raise versions.maps"),
    ],
)
def test_a_change_without_a_raised_version_is_told(change, said):
    kept = {"mine": {"versions": [1, 1, 1], "values": VALUES}}
    told = complaint("mine", [1, 1, 1], VALUES | change, kept)
    assert said in told and bool(told) == bool(said)


def test_a_raised_version_wants_its_values_kept():
    kept = {"mine": {"versions": [1, 1, 1], "values": VALUES}}
    assert "is version [1, 2, 1], and what is kept is of [1, 1, 1]" in complaint("mine", [1, 2, 1], VALUES, kept)
    assert "has no kept values" in complaint("yours", [1, 1, 1], VALUES, kept)
