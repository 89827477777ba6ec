"""Trainings that are not over: kept from time to time, so that one that was cut off goes on where it was kept last."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field

import torch

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


class Unfinished:
    """Keeps one training in a store. It is an `adapters.training_state.Keeper`."""

    def __init__(self, store: Store, key: str, watched: Watched, say: Callable[[str], None]) -> None:
        """Name the training.

        Args:
            store: that it is kept in.
            key: of the fit that it will be.
            watched: what it tells, which is kept with it.
            say: tells the user, in a line, that it goes on.
        """
        self.store, self.key, self.watched, self.say = store, key, watched, say
        self.seconds = 0.0  # that earlier runs spent on it, up to where it goes on
        self._started = self._kept = time.monotonic()
        self._state: TrainingState | None = None

    def begin(self, state: TrainingState) -> int:
        """Put a training where it was kept, if it was. What cannot be read is begun anew."""
        self._state, self._started = state, time.monotonic()
        self._kept = self._started
        path = self.store.place(KIND, self.key) / FILE
        if not path.is_file():
            return 0
        fresh = deepcopy(state.state_dict())
        try:
            # This reads tensors, numbers and words alone, and runs nothing that the file says.
            kept = torch.load(path, map_location="cpu", weights_only=True)
            state.load_state_dict(kept["training"])
            step, self.seconds = int(kept["step"]), float(kept["seconds"])
            curves = {str(name): [(int(at), float(value)) for at, value in curve] for name, curve in kept["curves"]}
            losses = {str(name) for name in kept["losses"]}
        except Exception as error:  # cut off while it was written, or by another version: whatever it is, it is no loss
            state.load_state_dict(fresh)
            self.say(f"  begins anew: {path} cannot be read ({type(error).__name__})")
            return 0
        self.watched.curves.update(curves)
        self.watched.losses.update(losses)
        self.say(f"  goes on after step {step}, where it was cut off")
        return step

    def stepped(self, step: int) -> None:
        """Keep it, if it was not kept for a while."""
        if self._state is None or time.monotonic() - self._kept < EVERY:
            return
        told = {
            "training": self._state.state_dict(),
            "step": step,
            "seconds": self.seconds + time.monotonic() - self._started,
            "curves": [*self.watched.curves.items()],
            "losses": sorted(self.watched.losses),
        }
        with self.store.writing(KIND, self.key) as draft:
            torch.save(told, draft / FILE)
        self._kept = time.monotonic()

    def remove(self) -> None:
        """Forget it: it is over, or has failed and would again."""
        shutil.rmtree(self.store.place(KIND, self.key), ignore_errors=True)
        with suppress(OSError):  # others are there
            self.store.place(KIND, "").rmdir()
