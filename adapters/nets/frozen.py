"""A pretrained part that a method looks through and never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Self

from torch import Tensor, nn


class Frozen(nn.Module):
    """A pretrained network within a method: in eval mode and without gradients of its own, whatever is done around it.

    Its parameters are none of the method's: they are not trained, adapted, counted or saved with a fit, and copies of
    the method share them. The method's `__init__` makes it anew from where it comes from; a fit that was made over
    other weights is refused. Gradients pass through it to what comes before it.
    """

    def __init__(self, network: nn.Module) -> None:
        """Take a network with its weights loaded."""
        super().__init__()
        self._held = [network.eval().requires_grad_(False)]  # in a list, torch does not take it for a part of this one

    @property
    def network(self) -> nn.Module:
        """What is held, to reach its layers."""
        return self._held[0]

    @property
    def digest(self) -> str:
        """16 hex digits of its weights."""
        seen = hashlib.sha256()
        for name, values in self.network.state_dict().items():
            seen.update(name.encode())
            seen.update(values.detach().cpu().contiguous().numpy().tobytes())
        return seen.hexdigest()[:16]

    def forward(self, *given: Any, **named: Any) -> Any:
        """Run the network."""
        return self.network(*given, **named)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the network where the method is moved."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.network._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Share what never changes with an adapted copy of the method."""
        return self


def frozen_count(method: nn.Module) -> int:
    """Number of parameters in a method's frozen parts."""
    parts = [module.network for module in method.modules() if isinstance(module, Frozen)]
    return sum(parameter.numel() for part in parts for parameter in part.parameters())
