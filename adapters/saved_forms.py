"""Parts of a method that have another form, size or type, in what was saved of it than when it is built."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def take_buffer_forms(method: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give buffers the sizes and types that they have in a saved state, by name, in place; what they hold is lost."""
    for module, leaf, value, saved in _of_other_form(method, tensors, "_buffers"):
        setattr(module, leaf, torch.empty_like(saved, device=saved.device if value is None else value.device))


def take_parameter_forms(method: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The same for parameters, which become others: no optimiser may hold them yet. One that parts share stays one."""
    made: dict[Tensor | None, nn.Parameter] = {}
    for module, leaf, value, saved in _of_other_form(method, tensors, "_parameters"):
        if value is None or value not in made:
            empty = torch.empty_like(saved, device=saved.device if value is None else value.device)
            gradient = saved.is_floating_point() and getattr(value, "requires_grad", True)
            made[value] = nn.Parameter(empty, requires_grad=gradient)
        setattr(module, leaf, made[value])


def _of_other_form(
    method: nn.Module, tensors: Mapping[str, Tensor], kind: str
) -> list[tuple[nn.Module, str, Tensor | None, Tensor]]:
    """List the parts whose saved size or type is another: module, name in it, what it holds, what was saved."""
    return [
        (module, leaf, value, saved)
        for prefix, module in method.named_modules()
        for leaf, value in getattr(module, kind).items()
        if (saved := tensors.get(f"{prefix}.{leaf}" if prefix else leaf)) is not None
        and (value is None or value.shape != saved.shape or value.dtype != saved.dtype)
    ]
