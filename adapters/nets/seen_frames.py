"""Maps of frames that a backbone has seen already, for whoever shows the same few frames again and again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_seen: list[dict[bytes, Tensor]] = []  # innermost last


@contextmanager
def seeing_once() -> Iterator[None]:
    """Within it backbones on a CPU make the map of a frame once, whoever holds them: all are kept until it is left.

    A map made anew would be the same, bit for bit, as there it is made of one frame at a time. Not for what takes the
    time of methods, nor for long video, of which all maps would be kept.
    """
    own: dict[bytes, Tensor] = {}
    _seen.append(own)
    try:
        yield
    finally:
        _seen[:] = [maps for maps in _seen if maps is not own]


def remembered(maker: Callable[[], str], frame: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
    """What is made of a frame on a CPU: within `seeing_once` that of the first time, else made now.

    Args:
        maker: tells what makes it, and with which weights, from all others; asked only where that is wanted.
        frame: (1, C, H, W).
        make: makes it.
    """
    if not _seen:
        return make(frame)
    arithmetic = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else ""
    told = f"{maker()} {tuple(frame.shape)} {frame.dtype} {arithmetic}"
    content = frame.detach().contiguous().view(-1).view(torch.uint8).numpy()  # numpy knows no bf16
    key = hashlib.sha256(told.encode() + content.tobytes()).digest()
    if key not in _seen[-1]:
        _seen[-1][key] = make(frame)
    return _seen[-1][key]
