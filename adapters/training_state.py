"""All that the next step of a training depends on, so that one that was cut off can resume as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.saved_forms import take_buffer_forms


class TrainingState:
    """A method amid its training, with what trains it: networks, moments, rates, and where random draws have come to.

    On the same machine, a training that resumes from it ends with the same numbers, as far as torch is deterministic
    there. An attribute that is neither parameter nor persistent buffer is not part of it, as it is not of a fit.
    """

    def __init__(
        self,
        method: nn.Module,
        optimizers: Mapping[str, torch.optim.Optimizer],
        decays: Sequence[torch.optim.lr_scheduler.LRScheduler],
        random: np.random.Generator,
    ) -> None:
        """Name what takes part; nothing is copied before `state_dict` is called.

        Args:
            method: that is trained.
            optimizers: what it steps with.
            decays: of their rates.
            random: that its clips are drawn with.
        """
        self.method, self.optimizers, self.decays, self.random = method, optimizers, decays, random

    def state_dict(self) -> dict[str, Any]:
        """All of it as it is now: tensors, numbers and words in dicts and lists, of which the tensors may be shared."""
        return {
            "method": self.method.state_dict(),
            "training_only": {
                name: part.network.state_dict() for name, part in self._training_only().items() if part.is_made
            },
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
            "decays": [each.state_dict() for each in self.decays],
            "draws": self.random.bit_generator.state,
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state_dict` returned, in place.

        Raises:
            KeyError: it is not what `state_dict` returned.
            RuntimeError: it is of another method.
            ValueError: it is of other optimisers.
        """
        take_buffer_forms(self.method, state["method"])
        self.method.load_state_dict(state["method"])
        parts = self._training_only()
        for name, told in state["training_only"].items():
            parts[name].network.load_state_dict(told)
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for decay, told in zip(self.decays, state["decays"], strict=True):
            decay.load_state_dict(told)
        self.random.bit_generator.state = state["draws"]
        torch.set_rng_state(state["torch"])
        if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda"])

    def _training_only(self) -> dict[str, TrainingOnly[Any]]:
        return {name: part for name, part in self.method.named_modules() if isinstance(part, TrainingOnly)}


class Checkpointer(Protocol):
    """Who keeps a training from time to time."""

    def begin(self, state: TrainingState) -> int:
        """Put a training where an earlier one was kept, in place. Returns how many steps that had taken, 0 if none."""

    def stepped(self, step: int) -> None:
        """Hear that so many steps are taken and logged, after each: the time to keep what `begin` was given."""
