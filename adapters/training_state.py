"""All that the next step of a training depends on, so that one that was cut off can go on as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.datasets.clips import ClipSource


class TrainingState:
    """A method amid its training, with what trains it: networks, moments, rates, and where random draws have come to.

    On the same machine, a training that goes on from it ends with the same numbers, as far as torch is deterministic
    there. An attribute that is neither parameter nor persistent buffer is not part of it, as it is not of a fit.
    """

    def __init__(
        self,
        method: nn.Module,
        optimizers: Mapping[str, torch.optim.Optimizer],
        decays: Sequence[torch.optim.lr_scheduler.LRScheduler],
        source: ClipSource,
    ) -> None:
        """Name what takes part; nothing is copied before `state_dict` is called.

        Args:
            method: that is trained, whose parts that are for training only are made by now.
            optimizers: what it steps with.
            decays: of their rates.
            source: that its clips are drawn from.
        """
        self.method, self.optimizers, self.decays, self.source = method, optimizers, decays, source

    def state_dict(self) -> dict[str, Any]:
        """All of it as it is now: tensors, numbers and words in dicts and lists, of which the tensors may be shared."""
        return {
            "method": self.method.state_dict(),
            "training_only": {name: part.state_dict() for name, part in self._training_only().items()},
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
            "decays": [each.state_dict() for each in self.decays],
            "draws": self.source.random.bit_generator.state,
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
        self.method.load_state_dict(state["method"])
        for name, part in self._training_only().items():
            part.load_state_dict(state["training_only"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for decay, told in zip(self.decays, state["decays"], strict=True):
            decay.load_state_dict(told)
        self.source.random.bit_generator.state = state["draws"]
        torch.set_rng_state(state["torch"])
        if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda"])

    def _training_only(self) -> dict[str, nn.Module]:
        parts = self.method.named_modules()
        return {name: part.network for name, part in parts if isinstance(part, TrainingOnly) and part.is_made}


class Keeper(Protocol):
    """Who keeps a training from time to time."""

    def begin(self, state: TrainingState) -> int:
        """Put a training where an earlier one was kept, in place. Returns how many steps that had taken, 0 if none."""

    def stepped(self, step: int) -> None:
        """Hear that so many steps are taken and logged, after each: the time to keep what `begin` was given."""
