"""Frames that are damaged as published are read, and no others."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers import damaged_originals
from crossvad.datasets.readers.frame_folder import FrameFolder
from miniatures import damaged_tif

ROOT = Path(os.environ.get("CROSSVAD_DATA") or Path(__file__).parents[4] / "shared" / "data")
REAL = ROOT / "awkward/ped1_Test017_142.tif"


@pytest.fixture
def clip(tmp_path) -> Path:
    """A folder of one damaged frame."""
    (tmp_path / "clip").mkdir()
    return damaged_tif(tmp_path / "clip/142.tif").parent


@pytest.fixture
def known(clip, monkeypatch) -> None:
    """The frame is damaged so in its archive."""
    data = (clip / "142.tif").read_bytes()
    key = len(data), hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(damaged_originals, "KNOWN", {key: "Archive/clip/142.tif"})


def read(folder: Path) -> np.ndarray:
    return next(FrameFolder(folder).blocks(None, 1))[0, ..., 0]


def as_opencv_reads(path: Path) -> np.ndarray:
    return pytest.importorskip("cv2").imread(str(path), 0)


def test_a_known_one_is_read_as_opencv_reads_it(clip, known):
    assert np.array_equal(read(clip), as_opencv_reads(clip / "142.tif"))
    assert [*FrameFolder(clip).damage()] == []
    assert next(FrameFolder(clip).blocks((15, 20), 3)).shape == (1, 15, 20, 3)


def test_any_other_is_refused_by_name(clip):
    with pytest.raises(InputError, match=r"142\.tif: cannot be decoded"):
        read(clip)
    assert len([*FrameFolder(clip).damage()]) == 1


def test_a_byte_less_is_another_file(clip, known):
    path = clip / "142.tif"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"142\.tif: cannot be decoded"):
        read(clip)


def test_it_is_noted_once(clip, known):
    shutil.copy(clip / "142.tif", clip / "143.tif")
    notes = OwnFolder(clip.parent).check(["test"])
    assert [(note.severity, Path(note.where).name) for note in notes if "archive" in note.problem] == [
        ("warning", "142.tif"),
        ("warning", "143.tif"),
    ]
    assert "damaged in the official archive too (Archive/clip/142.tif)" in notes[-1].problem


@pytest.mark.skipif(not REAL.is_file(), reason=f"no real video: {REAL} is not there")
def test_the_real_frame_of_ped1(tmp_path):
    shutil.copy(REAL, tmp_path / "142.tif")
    assert np.array_equal(read(tmp_path), as_opencv_reads(REAL))
    assert damaged_originals.original(REAL) == "UCSDped1/Test/Test017/142.tif"
