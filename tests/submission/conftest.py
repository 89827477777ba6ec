"""A sound submission, to be copied and spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import submissions_made as made
from crossvad.store.store import Store


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> Path:
    """Two methods of two seeds on one target, before and after adapting, and the trivial rows."""
    root = tmp_path_factory.mktemp("submission")
    made.put_grid(Store(root / "results"), ("apn", "lmn"), seeds=(0, 1))
    return made.pack(root / "sound", Store(root / "results"))


@pytest.fixture
def submission(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "submission"))
