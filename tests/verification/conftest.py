"""A results folder with cells of a few methods, to be copied and spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crossvad.store.store import Store


@pytest.fixture(autouse=True)
def _wide_page(monkeypatch):
    """So that no message is broken."""
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.fixture(scope="session")
def sound(tmp_path_factory, make_grid, run_grid):
    """A results folder with cells of a few methods, to be copied and spoilt."""
    root = tmp_path_factory.mktemp("sound") / "results"
    run_grid(Store(root), make_grid("framepred", "framediff", "ramp", "random", shots=[0, 2]))
    return root


@pytest.fixture
def results(sound, tmp_path):
    return Path(shutil.copytree(sound, tmp_path / "results"))
