"""A part that a method needs while it trains and never again, such as a discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class TrainingOnly(nn.Module, Generic[Network]):
    """A network that is made when it is first asked for, where the method is by then, and is no part of the method.

    Its parameters are not counted, adapted or saved with a fit; a method that is taken from the store never makes it.
    The method's `optimizers` are what trains it. It is drawn at random when it is made: of one seed, always the same.
    """

    here: Tensor  # empty: on the method's device, of its precision

    def __init__(self, make: Callable[[], Network]) -> None:
        """Take what makes the network."""
        super().__init__()
        self.make = make
        self.register_buffer("here", torch.empty(0), persistent=False)
        self._made: list[Network] = []  # in a list, torch does not take it for a part of this one

    @property
    def network(self) -> Network:
        """The network, in train mode unless it is made otherwise."""
        if not self._made:
            self._made.append(self.make().to(self.here))
        return self._made[0]

    @property
    def is_made(self) -> bool:
        """Whether the network was asked for by now."""
        return bool(self._made)

    def forward(self, *given: Any, **named: Any) -> Any:
        """Run the network."""
        return self.network(*given, **named)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the network, once it is made, where the method is moved."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for made in self._made:
            made._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Give an adapted copy of the method one of its own, not made yet."""
        copy = type(self)(self.make)
        copy.here = self.here.clone()
        return copy
