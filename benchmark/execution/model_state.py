"""A fitted method on disk: parameters, buffers and arrays, as numbers and never as pickled objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.nets.frozen import Frozen
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.saved_forms import take_buffer_forms, take_parameter_forms
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import parsing, small_text

SURVIVES = "keep it in a parameter, a persistent buffer or state_arrays (see “What survives saving” in the manual)"
ANEW = "remove its folder, and it is made again"
MODEL, ARRAYS, FROZEN = "model.safetensors", "arrays.npz", "frozen.json"
MISSING = object()
OF_TORCH = {*vars(nn.Module()), "training"}  # attributes that every module has


def save_model(adapter: Adapter, folder: Path) -> None:
    """Write what a fitted method consists of: `MODEL` and, if it has `state_arrays`, `ARRAYS` beside it.

    Of pretrained parts that are `Frozen` a digest is written, in `FROZEN`.

    Raises:
        ValueError: an array is not of numbers or text.
    """
    save_tensors(adapter.state_dict(), folder / MODEL)
    arrays = {name: np.asarray(array) for name, array in adapter.state_arrays().items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"state array {name!r} holds Python objects: give it as arrays of numbers")
    if arrays:
        np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    if frozen := _digests(adapter):
        (folder / FROZEN).write_text(json.dumps(frozen))


def load_model(adapter: Adapter, folder: Path, device: torch.device) -> None:
    """Make a freshly built method what a saved one was, in place.

    Parameters and buffers take the sizes and types that they were saved with.

    Raises:
        InputError: a file is damaged, or another than `save_model` writes.
        ValueError: it was saved with a parameter or buffer that a freshly built one does not have, or over a pretrained
            part with other weights.
        RuntimeError: a freshly built one has a parameter or buffer that was not saved.
    """
    tensors = read_tensors(folder / MODEL, device)
    take_parameter_forms(adapter, tensors)
    take_buffer_forms(adapter, tensors)
    if made := ", ".join(sorted(tensors.keys() - adapter.state_dict().keys())):
        raise ValueError(f"{made}: not there in a fresh {type(adapter).__name__}; make in __init__ what fit is to fill")
    with parsing(folder / FROZEN, "holds no digests", ANEW):
        stored_digests = dict(json.loads(small_text(folder / FROZEN))) if (folder / FROZEN).is_file() else {}
    if changed := [name for name, digest in _digests(adapter).items() if stored_digests.get(name) != digest]:
        raise ValueError(f"{', '.join(changed)}: has other weights than when {folder} was written; remove that folder")
    adapter.load_state_dict(tensors)
    arrays = folder / ARRAYS
    if arrays.is_file():
        with parsing(arrays, "holds no arrays of numbers", ANEW), np.load(arrays, allow_pickle=False) as stored_arrays:
            read = dict(stored_arrays)
        adapter.load_state_arrays(read)


def read_tensors(path: Path, device: torch.device) -> dict[str, Tensor]:
    """Read the tensors of a file of safetensors, which holds nothing that could be run.

    Raises:
        InputError: it is another file, such as `torch.save` writes, or a damaged one.
    """
    with parsing(path, "cannot be read", ANEW), path.open("rb") as file:
        head = file.read(9)  # of safetensors, a length, which may begin likewise, and a brace
    if head.startswith((b"PK\3\4", b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")) and head[8:] != b"{":
        raise InputError(path, "is a pickle, as torch.save writes: reading it could run any code", ANEW)
    with parsing(path, "is no file of tensors, or a damaged one", ANEW):
        return load_file(path, device=str(device))


def save_tensors(tensors: dict[str, Tensor], path: Path, words: dict[str, str] | None = None) -> None:
    """Write tensors each by itself, as safetensors knows no memory layouts and none that two names share; and words."""
    alone = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    path.write_bytes(save(alone, words))  # not by a library that has no error for a full disk


def lost_state(adapter: Adapter, loaded: Adapter) -> list[str]:
    """Name what saving lost of a method: attributes and passing buffers that its loaded twin has not, or otherwise.

    What training alone needs is not meant to be saved.
    """
    twins = dict(loaded.named_modules())
    return [
        f"{prefix}.{name}" if prefix else name
        for prefix, module in adapter.named_modules()
        if not isinstance(module, TrainingOnly)
        for name, value in unsaved(module)
        if prefix not in twins or not equal_throughout(value, dict(unsaved(twins[prefix])).get(name, MISSING))
    ]


def _digests(adapter: Adapter) -> dict[str, str]:
    return {name: module.digest for name, module in adapter.named_modules() if isinstance(module, Frozen)}


def unsaved(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Name what a module holds beside what is saved of it: plain attributes, and buffers that pass."""
    yield from ((name, value) for name, value in vars(module).items() if name not in OF_TORCH)
    yield from ((name, module._buffers[name]) for name in sorted(module._non_persistent_buffers_set))


def equal_throughout(first: Any, second: Any, met: dict[tuple[int, int], Any] | None = None) -> bool:
    """Whether two values are the same all the way down; two met again on the way are taken for the same."""
    if type(first) is not type(second):
        return False
    met = {} if met is None else met
    if (both := (id(first), id(second))) in met:
        return True
    met[both] = first, second  # and so neither goes, whose number another would then have
    if isinstance(first, Tensor):
        one, other = first.detach().cpu(), second.detach().cpu()
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return torch.allclose(one, other, 0, 0, equal_nan=True) if one.is_floating_point() else torch.equal(one, other)
    if isinstance(first, np.ndarray):
        return bool(np.array_equal(first, second, equal_nan=first.dtype.kind in "fc"))
    if isinstance(first, nn.Module):
        return equal_throughout(dict(first.state_dict()), dict(second.state_dict()), met)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal_throughout(first[key], second[key], met) for key in first)
    if isinstance(first, list | tuple):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(equal_throughout(*pair, met) for pair in pairs)
    if callable(first):
        return getattr(first, "__qualname__", None) == getattr(second, "__qualname__", None)
    return equal_throughout(vars(first), vars(second), met) if hasattr(first, "__dict__") else bool(first == second)
