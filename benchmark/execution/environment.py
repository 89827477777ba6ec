"""What runs stand on here: versions, processor, memory, folders. What a report of a fault needs."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import torch

from crossvad import __version__
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import cache_root
from crossvad.datasets.words import number_of
from crossvad.execution.device import machine
from crossvad.planning import catalogue, registry
from crossvad.store.store import Store

GIGA = 1e9


def environment(data: Path, results: Path) -> dict[str, str]:
    """Facts by name, in the order in which they are shown.

    Args:
        data: folder of the archives.
        results: folder that keeps the runs.
    """
    count = torch.cuda.device_count()
    gpus = [torch.cuda.get_device_properties(number) for number in range(count)]
    archives = [name for name in catalogue.ARCHIVES if _at_hand(name, data)]
    return {
        "crossvad": __version__,
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processor": machine(torch.device("cpu")),
        "cores": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
        "memory": _memory(),
        "GPUs": ", ".join(f"{gpu.name}, {gpu.total_memory / GIGA:.0f} GB" for gpu in gpus) or "none",
        "torch": f"{torch.__version__}, built for {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'CPUs'}",
        "packages": ", ".join(f"{name} {found or 'missing'}" for name, found, extra in _packages() if not extra),
        "extras": _extras(),
        "data": f"{', '.join(archives) or 'no archive'} at hand below {data}",
        "cache": _room(cache_root()),
        "results": f"{_count(results)} in {results}; {_room(results)}",
    }


def _packages() -> Iterator[tuple[str, str, str]]:
    """Name, version (empty: not installed) and extra (empty: needed by all) of what the package asks for."""
    for line in requires("crossvad") or []:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        extra = re.search(r"extra == [\"'](.+?)[\"']", line)
        try:
            found = version(name)
        except PackageNotFoundError:
            found = ""
        yield name, found, extra[1] if extra else ""


def _extras() -> str:
    """Which extras are whole, and what the others lack."""
    lacking: dict[str, list[str]] = {}
    for name, found, extra in _packages():
        if extra:
            lacking.setdefault(extra, []).extend([] if found else [name])
    return ", ".join(f"{extra} (without {', '.join(names)})" if names else extra for extra, names in lacking.items())


def _at_hand(name: str, data: Path) -> bool:
    try:
        registry.get_dataset(name, data)
    except InputError:
        return False
    return True


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIGA:.0f} GB"
    except (ValueError, OSError, AttributeError):
        return "unknown"


def _room(folder: Path) -> str:
    """Where a folder is or would be, and how much may still be written there."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return f"{shutil.disk_usage(there).free / GIGA:.0f} GB free at {folder}"


def _count(results: Path) -> str:
    own, committed = (len(Store(results, only=place).cell_places()) for place in ("runs", "reference"))
    return f"{number_of(own, 'cell')}, and {committed} committed"
