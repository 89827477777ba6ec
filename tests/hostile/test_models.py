"""Models and checkpoints from strangers: safetensors and arrays of numbers alone, and nothing that could be run."""

from __future__ import annotations

import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from crossvad.datasets.errors import InputError
from crossvad.execution import checkpoints
from crossvad.execution.model_state import (
    ANEW,
    ARRAYS,
    FROZEN,
    MODEL,
    load_model,
    read_tensors,
    save_model,
    save_tensors,
)
from doubles import PcaInArrays, spec
from hostile.guard import bombard
from hostile.mutations import spoilt_bytes
from made import CPU, SMOKE, build


class Fuse:
    """Something whose unpickling makes a folder."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5, "torch"])
def test_a_pickle_is_refused_by_name_and_not_run(tmp_path, protocol):
    path, marker = tmp_path / MODEL, tmp_path / "marker"
    if protocol == "torch":
        torch.save(Fuse(str(marker)), path)
    else:
        path.write_bytes(pickle.dumps(Fuse(str(marker)), protocol))
    with pytest.raises(InputError, match=r"model\.safetensors: is a pickle.*could run any code; remove its folder"):
        read_tensors(path, CPU)
    assert not marker.exists()


def test_a_header_as_long_as_a_pickle_begins_is_none(tmp_path):
    """0x80 0x04 is how pickles of protocol 4 begin, and a header of 1152 bytes."""
    path = tmp_path / MODEL
    for count in range(1, 60):
        save_tensors({"w": torch.zeros(2)}, path, {"words": "x" * (8 * count + 900)})
        assert read_tensors(path, CPU)["w"].shape == (2,)


@pytest.mark.parametrize("method", ["framepred", "arrays"])
def test_models(tmp_path, method):
    def fresh():
        return build("framepred") if method == "framepred" else spec(PcaInArrays).build(SMOKE)

    saved, spoilt = tmp_path / "saved", tmp_path / "spoilt"
    saved.mkdir()
    adapter = fresh()
    if method == "arrays":
        adapter.pca = PCA(4).fit(np.random.default_rng(0).random((9, 5)))
    save_model(adapter, saved)
    names = [name for name in (MODEL, ARRAYS, FROZEN) if (saved / name).is_file()]
    twin = fresh()

    def attempt(random):
        shutil.rmtree(spoilt, ignore_errors=True)
        shutil.copytree(saved, spoilt)
        path = spoilt / names[random.integers(len(names))]
        path.write_bytes(spoilt_bytes(random, path.read_bytes()))
        try:
            load_model(twin, spoilt, CPU)
        except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            # A sound file of another method: whoever asks for the model says which.
            raise InputError(spoilt, type(error).__name__, ANEW) from error

    bombard(f"model {method}", 150, attempt)


def test_checkpoints(tmp_path):
    path = tmp_path / "state.safetensors"
    told = {"step": 3, "seconds": 1.5, "pairs": {1: [torch.zeros(2), "x"]}, "losses": ["loss"]}
    checkpoints._save(told, path)
    whole = path.read_bytes()

    def attempt(random):
        path.write_bytes(spoilt_bytes(random, whole))
        try:
            checkpoints._read(path)
        except Exception as error:  # as whoever reads it does
            raise InputError(path, type(error).__name__, ANEW) from error

    bombard("checkpoint", 300, attempt)
