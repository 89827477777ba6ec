"""Checkpoints of a training that is not over, so that one that was cut off resumes where it was kept last."""

from __future__ import annotations

import platform
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch

from crossvad import __version__
from crossvad.adapters.training_state import TrainingState
from crossvad.store.store import Store

EVERY = 120.0  # seconds
KIND, FILE = "unfinished", "state.pt"

Curves = dict[str, list[tuple[int, float]]]  # name -> (step, value): the loss, and a method's diagnostics


@dataclass
class Watched:
    """What a training has told by now."""

    curves: Curves = field(default_factory=dict)
    losses: set[str] = field(default_factory=set)  # the curves that every step adds to


class Checkpoints:
    """Keeps the last state of one training in a store. It is an `adapters.training_state.Checkpointer`.

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
        self._state, self._begun, self._numbers = state, True, state.loose_numbers()
        self._started = self._kept = time.monotonic()
        path = self.folder / FILE
        if not path.is_file():
            return 0
        fresh = deepcopy(state.state_dict())
        try:
            # This reads tensors, numbers and words alone, and runs nothing that the file says.
            kept = torch.load(path, map_location="cpu", weights_only=True)
            if kept["made_by"] != (made_by := _made_by(state)):
                raise ValueError(f"it is of {kept['made_by']}, and this is {made_by}")
            state.load_state_dict(kept["training"])
            step, seconds = int(kept["step"]), float(kept["seconds"])
            curves = {str(name): [(int(at), float(value)) for at, value in curve] for name, curve in kept["curves"]}
            losses = {str(name) for name in kept["losses"]}
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
            "training": state.state_dict(),
            "step": step,
            "seconds": self.seconds + time.monotonic() - self._started,
            "curves": [*self.watched.curves.items()],
            "losses": sorted(self.watched.losses),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{uuid.uuid4().hex}.part"
        try:
            torch.save(told, part)
            part.replace(self.folder / FILE)
        finally:
            part.unlink(missing_ok=True)

    def _refuse_loose_numbers(self, state: TrainingState) -> None:
        """Refuse a method that counts in attributes, which no checkpoint holds: it would resume as if it had not.

        Raises:
            ValueError: names them.
        """
        now = state.loose_numbers()
        if moved := sorted(name for name in now if now[name] != self._numbers.get(name)):
            raise ValueError(f"{', '.join(moved)} changes, and is neither parameter nor buffer")


def forget(store: Store, key: str) -> None:
    """Remove the checkpoint of a training that is a fit by now, if there is one."""
    shutil.rmtree(store.place(KIND, key), ignore_errors=True)
    with suppress(OSError):  # there is none, or others are there
        store.place(KIND, "").rmdir()


def _made_by(state: TrainingState) -> str:
    """What must be the same for a training to end as if it had not been cut off."""
    device: Mapping[str, Any] = {value.device.type: None for value in state.method.state_dict().values()}
    return f"crossvad {__version__}, torch {torch.__version__}, {platform.machine()}, {' and '.join(sorted(device))}"
