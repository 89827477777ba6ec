"""Checkpoints of a training that is not over, so that one that was cut off resumes where it was kept last."""

from __future__ import annotations

import json
import platform
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from crossvad import __version__
from crossvad.adapters.training_state import TrainingState
from crossvad.execution.memory_layouts import lay_out, layout_of
from crossvad.execution.model_state import save_tensors, unsaved
from crossvad.store.drafts import have_on_disk
from crossvad.store.store import Store

EVERY = 120.0  # seconds
KIND, FILE = "unfinished", "state.safetensors"
TOLD = "told"  # what of the file holds all but the tensors

Curves = dict[str, list[tuple[int, float]]]  # name -> (step, value): the loss, and a method's diagnostics


@dataclass
class Watched:
    """What a training has told by now."""

    curves: Curves = field(default_factory=dict)
    losses: set[str] = field(default_factory=set)  # the curves that every step adds to


class Checkpoints:
    """The last state of one training, kept in a store. It is an `adapters.training_state.Checkpointer`.

    Nothing that goes wrong here ends a training: it goes on without.
    """

    def __init__(self, store: Store, key: str, watched: Watched, say: Callable[[str], None]) -> None:
        """Name the training.

        Args:
            store: that it is kept in.
            key: of the fit that it will be.
            watched: what it tells, which is kept with it.
            say: tells the user something, in a line.
        """
        self.store, self.key, self.folder = store, key, store.place(KIND, key)
        self.watched, self.say = watched, say
        self.seconds = 0.0  # that earlier runs spent on it, up to where it resumes
        self._started = self._kept = time.monotonic()
        self._state: TrainingState | None = None
        self._numbers: dict[str, Any] = {}  # that the method held when it began, beside what is kept
        self._begun = False

    def begin(self, state: TrainingState) -> int:
        """Put a training where it was kept, if it was. What cannot be read is begun anew.

        A method's `fit` may train more than once: only the first time is kept, and no longer once it is over.
        """
        if self._begun:
            self.release()
            self.remove()
            return 0
        self._state, self._begun, self._numbers = state, True, _loose_numbers(state.method)
        self._started = self._kept = time.monotonic()
        path = self.folder / FILE
        if not path.is_file():
            return 0
        fresh = deepcopy(state.state_dict())
        try:
            kept = _read(path)
            if kept["made_by"] != (made_by := _made_by(state)):
                raise ValueError(f"it is of {kept['made_by']}, and this is {made_by}")
            lay_out(state.method, kept["layout"])  # for the same bits, whatever a probe would say by now
            state.load_state_dict(kept["training"])
            step, seconds = kept["step"], kept["seconds"]
            curves = {name: [(at, value) for at, value in curve] for name, curve in kept["curves"].items()}
            losses = set(kept["losses"])
        except Exception as error:  # damaged, or of another version: whatever it is, all that is lost is time
            state.load_state_dict(fresh)
            self.say(f"  trains from the start: {path} cannot be resumed ({type(error).__name__}: {error})")
            return 0
        self.seconds = seconds
        self.watched.curves.update(curves)
        self.watched.losses.update(losses)
        self.say(f"  resumes after step {step}")
        return step

    def stepped(self, step: int) -> None:
        """Keep the training, if it was not kept for a while."""
        if self._state is None or time.monotonic() - self._kept < EVERY:
            return
        try:
            self._refuse_loose_numbers(self._state)
            self._write(self._state, step)
        except Exception as error:  # a full disk, or what cannot be saved
            self.release()
            self.say(f"  keeps no checkpoint of this training ({error})")
        self._kept = time.monotonic()

    def release(self) -> None:
        """Hold on to the training no longer, and keep no more of it."""
        self._state = None

    def remove(self) -> None:
        """Forget what was kept: the training is over, or it diverged and would again."""
        forget(self.store, self.key)

    def _write(self, state: TrainingState, step: int) -> None:
        """Put the state in place of the last one, whole or not at all."""
        told = {
            "made_by": _made_by(state),
            "layout": layout_of(state.method),
            "training": state.state_dict(),
            "step": step,
            "seconds": self.seconds + time.monotonic() - self._started,
            "curves": self.watched.curves,
            "losses": sorted(self.watched.losses),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{uuid.uuid4().hex}.part"
        try:
            _save(told, part)
            have_on_disk(part)
            part.replace(self.folder / FILE)
        finally:
            part.unlink(missing_ok=True)

    def _refuse_loose_numbers(self, state: TrainingState) -> None:
        """Refuse a method that counts in attributes, which no checkpoint holds: it would resume as if it had not.

        Raises:
            ValueError: names them.
        """
        now = _loose_numbers(state.method)
        if moved := sorted(name for name in now if now[name] != self._numbers.get(name)):
            raise ValueError(f"{', '.join(moved)} changes, and is neither parameter nor buffer")


def forget(store: Store, key: str) -> None:
    """Remove the checkpoint of a training that is a fit by now, if there is one."""
    shutil.rmtree(store.place(KIND, key), ignore_errors=True)
    with suppress(OSError):  # there is none, or others are there
        store.place(KIND, "").rmdir()


def _loose_numbers(method: nn.Module) -> dict[str, Any]:
    """The numbers and words that a method holds in plain attributes, by name."""
    return {
        f"{prefix}.{name}" if prefix else name: value
        for prefix, module in method.named_modules()
        for name, value in unsaved(module)
        if isinstance(value, int | float | str)
    }


def _save(state: Mapping[str, Any], path: Path) -> None:
    """Write dicts, lists, numbers, words and tensors to a file of safetensors: nothing that could be run.

    Raises:
        TypeError: there is anything else.
    """
    tensors: dict[str, Tensor] = {}
    told = json.dumps(_set_apart(state, tensors))
    save_tensors(tensors, path, {TOLD: told})


def _read(path: Path) -> Any:
    """Read what `_save` wrote, tensors on the CPU; tuples have become lists."""
    with safe_open(path, framework="pt") as file:  # type: ignore[no-untyped-call]
        return _put_back(json.loads(file.metadata()[TOLD]), file.get_tensor)


def _set_apart(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Give what JSON can hold of a value, whose tensors are put into `tensors` by the names that stand for them."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):  # as pairs, since JSON turns numbers that are keys into words
        return {"pairs": [[key, _set_apart(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return [_set_apart(each, tensors) for each in value]
    return value


def _put_back(told: Any, tensor: Callable[[str], Tensor]) -> Any:
    """Undo `_set_apart`."""
    if isinstance(told, list):
        return [_put_back(each, tensor) for each in told]
    if not isinstance(told, dict):
        return told
    if "tensor" in told:
        return tensor(told["tensor"])
    return {key: _put_back(each, tensor) for key, each in told["pairs"]}


def _made_by(state: TrainingState) -> str:
    """What must be the same for a training to end as if it had not been cut off."""
    device: Mapping[str, Any] = {value.device.type: None for value in state.method.state_dict().values()}
    return f"crossvad {__version__}, torch {torch.__version__}, {platform.machine()}, {' and '.join(sorted(device))}"
