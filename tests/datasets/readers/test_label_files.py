import os
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.label_files import mask_volume, read_npy

MASKS = (np.random.default_rng(0).random((4, 5, 7)) < 0.4).astype(np.uint8)  # (N, H, W)
DATA = Path(os.environ.get("CROSSVAD_DATA") or Path(__file__).parents[4] / "shared/data")


class Bomb(NamedTuple):
    """Something whose unpickling makes a folder."""

    value: object
    marker: Path


class Fuse:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def bomb(tmp_path) -> Bomb:
    marker = tmp_path / "marker"
    pickle.loads(pickle.dumps(Fuse(marker)))
    assert marker.is_dir()  # it does go off
    marker.rmdir()
    return Bomb(Fuse(marker), marker)


def refuses(read: Callable[[], object], path: Path, *words: str) -> None:
    with pytest.raises(InputError) as info:
        read()
    assert info.value.where == str(path) and "\n" not in str(info.value)
    assert all(word in str(info.value) for word in words), info.value


# ------------------------------------------------------------------------------------------------------------------ npy


@pytest.mark.parametrize("kind", ["u1", "?", "<i8", ">f4", "U3"])
@pytest.mark.parametrize("shape", [(), (0,), (6,), (2, 3)])
def test_npy_comes_back(tmp_path, kind, shape):
    array = np.ones(shape, kind)
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(read_npy(tmp_path / "a.npy"), array) and read_npy(tmp_path / "a.npy").dtype == kind


def test_npy_in_column_order(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(MASKS))
    assert np.array_equal(read_npy(tmp_path / "a.npy"), MASKS)


def test_npy_cut_anywhere(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, MASKS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refuses(lambda: read_npy(path), path)


def test_npy_of_another_kind(tmp_path):
    path = tmp_path / "a.npy"
    refuses(lambda: read_npy(path), path, "cannot be opened")
    refuses(lambda: read_npy(tmp_path), tmp_path, "cannot be read")
    path.write_bytes(b"")
    refuses(lambda: read_npy(path), path, "is empty")
    path.write_text("<!DOCTYPE html>\n<title>Not found</title>")
    refuses(lambda: read_npy(path), path, "is no .npy file")
    with path.open("wb") as file:
        np.savez(file, masks=MASKS)
    refuses(lambda: read_npy(path), path, "zip archive")


@pytest.mark.parametrize("kind", [object, [("frame", "i4"), ("what", object)]])
def test_npy_of_objects_is_not_unpickled(tmp_path, bomb, kind):
    path, array = tmp_path / "a.npy", np.zeros(1, kind)
    array[0] = bomb.value if kind is object else (0, bomb.value)
    np.save(path, array, allow_pickle=True)
    refuses(lambda: read_npy(path), path, "would need unpickling, which can run any code", "save it anew as a plain")
    assert not bomb.marker.exists()


@pytest.mark.parametrize("suffix", ["npy", "mat"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_renamed_pickle(tmp_path, bomb, suffix, protocol):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(pickle.dumps(bomb.value, protocol))
    read = read_npy if suffix == "npy" else lambda path: list(mask_volume(path))
    refuses(lambda: read(path), path, "unpickling" if protocol > 1 else "is no ")
    assert not bomb.marker.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_renamed_torch_file(tmp_path, bomb, zipped):
    path = tmp_path / "1_label.mat"
    torch.save({"volLabel": bomb.value}, path, _use_new_zipfile_serialization=zipped)
    refuses(lambda: list(mask_volume(path)), path, "torch" if zipped else "unpickling")
    assert not bomb.marker.exists()


# --------------------------------------------------------------------------------------------------------- MATLAB files


def column(arrays) -> np.ndarray:
    """What SciPy writes as a 1 x N cell array."""
    cells = np.empty((1, len(arrays)), object)
    for index, array in enumerate(arrays):
        cells[0, index] = array
    return cells


def write_5(path: Path, volume, compress: bool = False, name: str = "volLabel") -> Path:
    scipy.io.savemat(path, {"first": np.eye(3), name: volume, "last": "text"}, do_compression=compress)
    return path


def put(file: h5py.File, name: str, value, **options) -> h5py.Dataset | h5py.Group:
    """Store a value as MATLAB 7.3 does: axes in reverse, cells as references."""
    if isinstance(value, dict):
        item = file.create_group(name)
        for key, each in value.items():
            put(file, f"{name}/{key}", each)
        kind = "struct"
    elif isinstance(value, str):
        item, kind = file.create_dataset(name, data=np.array([*map(ord, value)], np.uint16)[:, None]), "char"
    elif value.dtype == object:
        item, kind = file.create_dataset(name, value.shape[::-1], h5py.ref_dtype), "cell"
        for index, each in np.ndenumerate(value):
            item[index[::-1]] = put(file, f"#refs#/{name.strip('#')}{index}", each, **options).ref
    else:
        kind = {"bool": "logical", "float64": "double", "float32": "single"}.get(str(value.dtype), str(value.dtype))
        item = file.create_dataset(name, data=value.T.astype(np.uint8) if kind == "logical" else value.T, **options)
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    return item


def write_73(path: Path, volume=None, edit: Callable[[h5py.File], object] = lambda file: None, **options) -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        put(file, "first", np.eye(3))
        if volume is not None:
            put(file, "volLabel", volume, **options)
        edit(file)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


WRITERS = {
    "5": write_5,
    "5 compressed": lambda path, volume: write_5(path, volume, compress=True),
    "7.3": write_73,
    "7.3 compressed": lambda path, volume: write_73(path, volume, compression="gzip"),
}
versions = pytest.mark.parametrize("version", WRITERS)


@versions
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.int32, bool])
def test_cells_give_the_masks(tmp_path, version, kind):
    volume = column(MASKS.astype(kind))
    for cells in (volume, volume.T):
        found = list(mask_volume(WRITERS[version](tmp_path / "1_label.mat", cells)))
        assert {mask.dtype for mask in found} == {np.dtype(bool)}
        assert np.array_equal(found, MASKS > 0)


@versions
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.int64, bool])
def test_an_array_gives_the_same_masks(tmp_path, version, kind):
    volume = np.moveaxis(MASKS.astype(kind), 0, 2)
    assert np.array_equal([*mask_volume(WRITERS[version](tmp_path / "1_label.mat", volume))], MASKS > 0)


@given(
    st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.sampled_from(["u1", "<i2", "<f8"])
)
def test_any_size(tmp_path_factory, frames, height, width, seed, kind):
    masks = np.random.default_rng(seed).integers(0, 3, (frames, height, width)).astype(kind)
    path = tmp_path_factory.getbasetemp() / "any.mat"
    for write in WRITERS.values():
        assert np.array_equal([*mask_volume(write(path, column(masks)))], masks != 0)


def test_another_name(tmp_path):
    path = write_5(tmp_path / "a.mat", column(MASKS), name="mask")
    assert np.array_equal([*mask_volume(path, "mask")], MASKS > 0)


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(order: str, flags: int, shape: tuple[int, ...], name: bytes, *parts: bytes) -> bytes:
    """An array of a version 5 file; the low byte of `flags` is its class."""
    head = element(order, 6, struct.pack(f"{order}II", flags, 0))
    sizes = element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape))
    return element(order, 14, b"".join((head, sizes, element(order, 1, name), *parts)))


def file_5(path: Path, *variables: bytes, order: str = "<") -> Path:
    mark = b"\0\1IM" if order == "<" else b"\1\0MI"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + mark + b"".join(variables))
    return path


def stored(order: str, kind: int, dtype: str) -> list[bytes]:
    return [element(order, kind, mask.astype(order + dtype).tobytes("F")) for mask in MASKS]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("kind", "dtype"), [(2, "u1"), (1, "i1"), (3, "i2"), (6, "u4"), (7, "f4"), (9, "f8")])
def test_byte_orders_and_storage_types(tmp_path, order, kind, dtype):
    """MATLAB stores an array of doubles as bytes where these will do."""
    cells = [matrix(order, 6, (5, 7), b"", data) for data in stored(order, kind, dtype)]
    path = file_5(tmp_path / "a.mat", matrix(order, 1, (1, 4), b"volLabel", *cells), order=order)
    assert np.array_equal([*mask_volume(path)], MASKS > 0)


def test_tiny_matrices_lie_in_their_tags(tmp_path):
    tiny = struct.pack("<HH4B", 2, 4, 1, 0, 0, 1)
    path = file_5(tmp_path / "a.mat", matrix("<", 1, (1, 1), b"volLabel", matrix("<", 9, (2, 2), b"", tiny)))
    assert np.array_equal([*mask_volume(path)], [np.eye(2)])


@versions
def test_masks_come_one_by_one(tmp_path, version):
    masks = mask_volume(WRITERS[version](tmp_path / "a.mat", column([*MASKS[:2], "text"])))
    assert np.array_equal([next(masks), next(masks)], MASKS[:2] > 0)
    with pytest.raises(InputError, match="no matrix of numbers for frame 2"):
        next(masks)


REFUSED = {
    "struct": ({"masks": np.eye(3)}, "'struct', neither cells nor numbers"),
    "text": ("abnormal", "'char', neither cells nor numbers"),
    "matrix": (MASKS[0], "is 5 x 7, not H x W x N"),
    "square of cells": (column(MASKS).reshape(2, 2), "is 2 x 2, not a row or column of cells"),
    "cell of text": (column([MASKS[0], "text"]), "no matrix of numbers for frame 1"),
    "cell of a struct": (column([MASKS[0], {"a": np.eye(3)}]), "no matrix of numbers for frame 1"),
    "cell of cells": (column([MASKS[0], column([MASKS[0]])]), "no matrix of numbers for frame 1"),
    "cell of a volume": (column([MASKS, MASKS]), "no matrix of numbers for frame 0"),
    "cell of nothing": (column([MASKS[0], np.zeros((0, 0))]), "no matrix of numbers for frame 1"),
    "not a number": (column([MASKS[0], np.full((5, 7), np.nan)]), "no matrix of numbers for frame 1"),
    "sizes": (column([MASKS[0], MASKS[0], MASKS[0].T]), "is 5 x 7 for frame 0 and 7 x 5 for frame 2"),
    "no cells": (column([]).reshape(1, 0), "is empty"),
}


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("case", REFUSED)
def test_refuses_other_content(tmp_path, version, case):
    volume, problem = REFUSED[case]
    path = WRITERS[version](tmp_path / "a.mat", volume)
    refuses(lambda: list(mask_volume(path)), path, problem)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_refuses_complex_numbers(tmp_path, version):
    path = WRITERS[version](tmp_path / "a.mat", np.moveaxis(MASKS, 0, 2) * 1j)
    refuses(lambda: list(mask_volume(path)), path, "complex")


@pytest.mark.parametrize("version", WRITERS)
def test_says_which_variables_there_are(tmp_path, version):
    path = WRITERS[version](tmp_path / "a.mat", column(MASKS))
    refuses(lambda: list(mask_volume(path, "mask")), path, "has no variable mask", "'first'", "'volLabel'")
    with pytest.raises(InputError) as info:
        next(mask_volume(path, "mask"))
    assert "#refs#" not in str(info.value)


CLASSES = {3: "object", 5: "sparse", 16: "function_handle", 18: "unknown", 0: "unknown"}


@pytest.mark.parametrize("code", CLASSES)
def test_version_5_refuses_code_and_objects(tmp_path, code):
    data = stored("<", 2, "u1")[0]
    path = file_5(tmp_path / "a.mat", matrix("<", code, (5, 7), b"volLabel", data))
    refuses(lambda: list(mask_volume(path)), path, repr(CLASSES[code]))
    path = file_5(tmp_path / "a.mat", matrix("<", 1, (1, 1), b"volLabel", matrix("<", code, (5, 7), b"", data)))
    refuses(lambda: list(mask_volume(path)), path, "no matrix of numbers for frame 0")


def test_version_5_refuses_opaque_objects(tmp_path):
    head, words = element("<", 6, struct.pack("<II", 17, 0)), (b"volLabel", b"MCOS", b"mask")
    path = file_5(tmp_path / "a.mat", element("<", 14, head + b"".join(element("<", 1, word) for word in words)))
    refuses(lambda: list(mask_volume(path)), path, "'opaque'")


@pytest.mark.parametrize("kind", [0, 8, 10, 20, 99, 0xFFFF])
def test_version_5_refuses_unknown_storage(tmp_path, kind):
    """SciPy's reader ends the process over these."""
    path = file_5(tmp_path / "a.mat", matrix("<", 9, (5, 7, 1), b"volLabel", element("<", kind, bytes(40))))
    refuses(lambda: list(mask_volume(path)), path, "is damaged")


@pytest.mark.parametrize("kind", ["function_handle", "MyMask", "string"])
def test_version_73_refuses_code_and_objects(tmp_path, kind):
    def rename(file):
        file["volLabel"].attrs["MATLAB_class"] = np.bytes_(kind)

    path = write_73(tmp_path / "a.mat", np.moveaxis(MASKS, 0, 2), rename)
    refuses(lambda: list(mask_volume(path)), path, f"is of class {kind!r}")


def external_link(file):
    file["volLabel"] = h5py.ExternalLink("other.mat", "volLabel")


def soft_link(file):
    file["away"] = h5py.ExternalLink("other.mat", "/")
    file["volLabel"] = h5py.SoftLink("/away/volLabel")


def external_storage(file):
    offset = Path(file.filename).with_name("other.mat").read_bytes().index(MASKS.transpose(0, 2, 1).tobytes())
    item = file.create_dataset("volLabel", (4, 7, 5), "u1", external=[("other.mat", offset, h5py.h5f.UNLIMITED)])
    item.attrs["MATLAB_class"] = np.bytes_("uint8")


def virtual(file):
    layout = h5py.VirtualLayout((4, 7, 5), "u1")
    layout[:] = h5py.VirtualSource("other.mat", "volLabel", (4, 7, 5))
    file.create_virtual_dataset("volLabel", layout).attrs["MATLAB_class"] = np.bytes_("uint8")


def virtual_cell(file):
    virtual(file)
    file.move("volLabel", "#refs#")
    item = file.create_dataset("volLabel", data=[[file["#refs#"].ref]], dtype=h5py.ref_dtype)
    item.attrs["MATLAB_class"] = np.bytes_("cell")


def named_cell(file):
    file["away"] = h5py.ExternalLink("other.mat", "/first")
    item = file.create_dataset("volLabel", data=[["away"]], dtype=h5py.string_dtype())
    item.attrs["MATLAB_class"] = np.bytes_("cell")


@pytest.mark.parametrize("edit", [external_link, soft_link, external_storage, virtual, virtual_cell, named_cell])
def test_version_73_does_not_leave_the_file(tmp_path, monkeypatch, edit):
    monkeypatch.chdir(tmp_path)
    write_73(tmp_path / "other.mat", np.moveaxis(MASKS, 0, 2))
    path = write_73(tmp_path / "a.mat", None, edit)
    with h5py.File(path) as file:  # h5py itself does leave it
        reached = file["away"] if edit is named_cell else file["#refs#" if edit is virtual_cell else "volLabel"]
        assert np.array_equal(reached, np.eye(3) if edit is named_cell else MASKS.transpose(0, 2, 1))
    words = {external_link: "is a link", soft_link: "is a link", named_cell: "without references"}
    refuses(lambda: list(mask_volume(path)), path, words.get(edit, "lies in another file"))


def test_version_73_refuses_references_to_nothing(tmp_path):
    def forget(file):
        file["volLabel"][1, 0] = h5py.Reference()

    path = write_73(tmp_path / "a.mat", column(MASKS), forget)
    refuses(lambda: list(mask_volume(path)), path, "is damaged")


def test_mat_of_another_kind(tmp_path):
    path = tmp_path / "a.mat"
    refuses(lambda: list(mask_volume(path)), path, "cannot be opened")
    for content in (b"<!DOCTYPE html>", b"\x93NUMPY\1\0", b"\0" * 600):
        path.write_bytes(content)
        refuses(lambda: list(mask_volume(path)), path, "is no MATLAB file of version 5 to 7.3")
    scipy.io.savemat(path, {"volLabel": MASKS[0]}, format="4")
    refuses(lambda: list(mask_volume(path)), path, "is no MATLAB file of version 5 to 7.3")
    with h5py.File(path, "w") as file:
        put(file, "volLabel", np.moveaxis(MASKS, 0, 2))
    refuses(lambda: list(mask_volume(path)), path, "is no MATLAB file of version 5 to 7.3")


@versions
def test_mat_cut_anywhere(tmp_path, version):
    path = tmp_path / "a.mat"
    if version.startswith("5"):  # the last variable, so that nothing can be lost without a loss
        scipy.io.savemat(path, {"volLabel": column(MASKS)}, do_compression="compressed" in version)
    else:
        WRITERS[version](path, column(MASKS))
    whole = path.read_bytes()
    for length in range(0, len(whole), 1 if version.startswith("5") else 41):
        path.write_bytes(whole[:length])
        refuses(lambda: list(mask_volume(path)), path)


@versions
def test_damaged_bytes_are_survived(tmp_path, version):
    """Masks or an `InputError`, never anything else."""
    path, chance = tmp_path / "a.mat", random.Random(0)
    whole = WRITERS[version](path, column(MASKS)).read_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(128, len(damaged))] = chance.choice((0, 1, 128, 255, chance.randrange(256)))
        path.write_bytes(damaged)
        try:
            list(mask_volume(path))
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 20


@pytest.mark.parametrize("clip", [1, 5, 7])
def test_real_avenue_masks(clip):
    path = DATA / f"labels/avenue_testing_label_mask/{clip}_label.mat"
    if not path.is_file():
        pytest.skip("no real data: set CROSSVAD_DATA")
    with np.load(DATA / "labels/avenue_from_masks.npz") as known:
        labels = known[f"{clip:02d}"]
    found = []
    for mask in mask_volume(path):
        assert mask.shape == (360, 640)
        found.append(mask.any())
    assert np.array_equal(found, labels)
