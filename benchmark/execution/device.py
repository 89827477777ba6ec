"""Time that can be trusted: on an accelerator, work is only done when the device says so."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from pathlib import Path

import torch

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option
from crossvad.datasets.words import number_of


def now(device: torch.device) -> float:
    """Seconds of a steady clock, read once everything asked of the device so far has been done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def get_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; anything else as torch writes it. See `repeat_exactly`.

    Raises:
        InputError: no such device here.
    """
    try:
        chosen = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(option("device", name), "is not to be had here", "choose auto, cpu or cuda") from error
    if chosen.type == "cuda":
        repeat_exactly()
    return chosen


def repeat_exactly() -> None:
    """Let GPUs give the same numbers whenever they are asked the same, in this process, from now on, as a CPU does.

    Else they add in whatever order threads come, and training magnifies that: of two runs of `lmn` with one seed (H200,
    budget `demo`) one scored 57.3 unadapted and the other 66.4. A training step takes as long to within a tenth; those
    of small networks, which wait for the CPU, up to a seventh more. Torch warns of what it has no such way for.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS when it is first asked something
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Memory that nothing was written to would be filled, to find faults: it costs a pass over every tensor.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def get_devices(name: str, count: int) -> list[torch.device]:
    """A device for each of several processes of this machine: the first CUDA devices, or the CPU so many times.

    Raises:
        InputError: there are not so many, or the name is of a single one.
    """
    device, asked = get_device(name), option("devices", count)
    if device.type == "cpu":
        return [device] * count
    if device.type != "cuda" or device.index is not None:
        fix = "choose " + option("device", "cuda") + ", cpu or auto"
        raise InputError(asked, "cannot be several of " + option("device", name), fix)
    if (there := torch.cuda.device_count()) < count:
        raise InputError(asked, f"are more than the {number_of(there, 'GPU')} of this machine", f"say at most {there}")
    return [torch.device("cuda", number) for number in range(count)]


def machine(device: torch.device) -> str:
    """Name what computes: the GPU, or the processor, what it can do and how many threads of it are used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = platform.processor() or platform.machine()
    with suppress(OSError):  # where Linux says it
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}, {number_of(torch.get_num_threads(), 'thread')}"
