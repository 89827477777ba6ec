"""A fitted method on disk: parameters, buffers and arrays, as numbers and never as pickled objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossvad.adapters.base import Adapter

MODEL, ARRAYS = "model.safetensors", "arrays.npz"


def save_model(adapter: Adapter, folder: Path) -> None:
    """Write what a fitted method consists of: `MODEL` and, if it has `state_arrays`, `ARRAYS` beside it.

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


def load_model(adapter: Adapter, folder: Path, device: torch.device) -> None:
    """Make a freshly built method what a saved one was, in place. Buffers take the sizes that they were saved with.

    Raises:
        RuntimeError: the saved parameters or buffers are not those of this method.
    """
    tensors = load_file(folder / MODEL, device=str(device))
    for name, module in adapter.named_modules():
        for leaf, buffer in module._buffers.items():
            stored = tensors.get(f"{name}.{leaf}" if name else leaf)
            if stored is not None and (buffer is None or buffer.shape != stored.shape):
                setattr(module, leaf, torch.empty_like(stored))
    adapter.load_state_dict(tensors)
    arrays = folder / ARRAYS
    if arrays.is_file():
        with np.load(arrays, allow_pickle=False) as stored_arrays:
            adapter.load_state_arrays(dict(stored_arrays))


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors as they would lie without any special memory layout, which safetensors does not know."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
