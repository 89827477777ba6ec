"""Training curves for TensorBoard, where the extra `tensorboard` is installed: below runs/curves, a run per fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

Write = Callable[[int, Mapping[str, float]], None]  # (step, values)


@contextmanager
def curve_writer(place: Path) -> Iterator[Write]:
    """Write what it yields is called with to event files in a directory, as it comes; without the extra, nothing."""
    if find_spec("tensorboard") is None:
        yield lambda step, values: None
        return
    from torch.utils.tensorboard import SummaryWriter  # lazily: slow to load

    with SummaryWriter(str(place)) as writer:  # type: ignore[no-untyped-call]

        def write(step: int, values: Mapping[str, float]) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)  # type: ignore[no-untyped-call]

        yield write
