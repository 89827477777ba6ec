"""Label files: labels.csv, .npy, .mat of version 5 and 7.3, the official texts, and the package's own JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.published import manifest
from crossvad.datasets.published.ucf_crime import parse_annotation
from crossvad.datasets.published.ucsd import parse_ground_truth
from crossvad.datasets.readers.label_files import mask_volume, read_npy
from crossvad.datasets.readers.label_table import LabelTable
from hostile.guard import bombard
from hostile.mutations import spoilt_bytes, spoilt_text, spoilt_value

CSV = 'video,start,end,first=1,inclusive\nmonday,120,180\n\ntuesday,,\n"a, b",3,9\nmonday,1,2\n'
UCSD = """\
TestVideoFile = {};
TestVideoFile{end+1}.gt_frame = [5:90, 140:200];
% a comment
TestVideoFile{end+1}.gt_frame = [];
"""
UCF = "Abuse028_x264.mp4  Abuse  165  240  -1  -1\nArson011_x264.mp4 Arson 150 420 680 1267\n"
MASKS = (np.random.default_rng(0).random((4, 5, 7)) < 0.4).astype(np.uint8)


def test_labels_csv(tmp_path):
    path = tmp_path / "labels.csv"

    def attempt(random):
        path.write_bytes(spoilt_text(random, CSV))
        for _, video, row in LabelTable(path).rows():
            assert isinstance(video, str) and (row is None or 0 <= row.start < row.end)

    bombard("labels.csv", 1000, attempt)


def test_labels_csv_beside_footage(camera):
    directory = camera(train=2)
    text = (directory / "labels.csv").read_text()

    def attempt(random):
        (directory / "labels.csv").write_bytes(spoilt_text(random, text))
        for video in (dataset := OwnFolder(directory)).videos("test"):
            assert len(dataset.labels(video.name)) == len(video)
        dataset.understood()

    bombard("labels.csv beside footage", 100, attempt)


@pytest.mark.parametrize("kind", ["u1", "<f8", "U3"])
def test_npy(tmp_path, kind):
    path, whole = tmp_path / "a.npy", io.BytesIO()
    np.save(whole, np.ones((3, 40), kind))

    def attempt(random):
        path.write_bytes(spoilt_bytes(random, whole.getvalue()))
        assert not read_npy(path).dtype.hasobject

    bombard(f"npy {kind}", 300, attempt)


def test_npy_headers(tmp_path):
    path, whole = tmp_path / "a.npy", io.BytesIO()
    np.save(whole, np.ones((3, 40)))
    head = whole.getvalue()[10:128].decode()

    def attempt(random):
        spoilt = spoilt_text(random, head)
        path.write_bytes(b"\x93NUMPY\x01\x00" + (len(spoilt) % 2**16).to_bytes(2, "little") + spoilt + bytes(960))
        read_npy(path)

    bombard("npy header", 300, attempt)


def matlab_5(compressed: bool, cells: bool) -> bytes:
    volume = np.empty((1, len(MASKS)), object)
    volume[0] = [*MASKS]
    whole = io.BytesIO()
    arrays = {"other": np.ones((2, 2)), "volLabel": volume if cells else np.moveaxis(MASKS, 0, 2)}
    scipy.io.savemat(whole, arrays, do_compression=compressed)
    return whole.getvalue()


def matlab_73() -> bytes:
    whole = io.BytesIO()
    with h5py.File(whole, "w", userblock_size=512) as file:
        group = file.create_group("#refs#")
        cells = file.create_dataset("volLabel", (len(MASKS), 1), h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        for number, mask in enumerate(MASKS):
            matrix = group.create_dataset(str(number), data=mask.T)
            matrix.attrs["MATLAB_class"] = np.bytes_("uint8")
            cells[number, 0] = matrix.ref
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM"
    return head.ljust(512, b"\0") + whole.getvalue()[512:]


WHOLE = {
    "5 cells": matlab_5(False, True),
    "5 cells packed": matlab_5(True, True),
    "5 volume": matlab_5(False, False),
    "7.3": matlab_73(),
}


@pytest.mark.parametrize("version", WHOLE)
def test_mat(tmp_path, version):
    path = tmp_path / "a.mat"
    path.write_bytes(WHOLE[version])
    assert np.array_equal(np.stack([*mask_volume(path)]), MASKS > 0)

    def attempt(random):
        path.write_bytes(spoilt_bytes(random, WHOLE[version]))
        for mask in mask_volume(path):
            assert mask.ndim == 2 and mask.dtype == bool

    bombard(f"mat {version}", 300, attempt)


@pytest.mark.parametrize(("parse", "text"), [(parse_ground_truth, UCSD), (parse_annotation, UCF)])
def test_official_texts(parse, text):
    def attempt(random):
        parse(spoilt_text(random, text).decode("utf-8", errors="replace"))

    bombard(parse.__name__, 300, attempt)


def test_manifests(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "LABELS", tmp_path)
    facts = {
        "dataset": "ped2", "family": "frames", "facts_from": "x", "checksums": "y", "train_videos": 1,
        "train": {"01": {"frames": 120, "sha256": "a"}},
        "test": {"01": {"frames": 180, "abnormal": [[60, 180]]}, "02": {}},
    }  # fmt: skip
    path = Path(tmp_path / "ped2-frames.json")

    def attempt(random):
        spoilt = spoilt_value(random, facts, int(random.integers(1, 4)))
        as_text = random.random() < 0.3
        path.write_bytes(spoilt_text(random, json.dumps(facts)) if as_text else json.dumps(spoilt).encode())
        found = manifest.load("ped2", "frames")
        assert all(labels.dtype == np.uint8 for labels in found.all_labels())

    bombard("manifest", 600, attempt)
