"""What installed packages offer through entry points: found by name, and named with what to do where it is of no use.

A package's setup.cfg says, for example:

    [options.entry_points]
    crossvad.adapters =
        my-method = my_package.my_module:MyMethod

Nothing of a package is imported before its name is asked for, so that a broken one takes nothing else down. Imports
nothing heavy itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from crossvad.datasets.errors import InputError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

METHODS, TUNINGS = "crossvad.adapters", "crossvad.tunings"  # groups of entry points
DATASETS, LAUNCHERS = "crossvad.datasets", "crossvad.launchers"


def offered(group: str, ours: Collection[str]) -> dict[str, EntryPoint]:
    """What packages offer in a group, by name, without what `passed_over` tells of."""
    return {name: points[0] for name, points in _by_name(group).items() if not _problem(name, points, ours)}


def name_of(place: str, group: str, ours: Collection[str]) -> str:
    """The name by which a package offers a class, `module:class`; empty if none does."""
    return next((name for name, point in offered(group, ours).items() if point.value == place), "")


def passed_over(group: str, ours: Collection[str]) -> list[InputError]:
    """What packages offer by a name that cannot be used: one of ours, one that several offer, or one nobody can type.

    Args:
        group: of entry points.
        ours: the names that come with the benchmark.
    """
    found = ((name, points, _problem(name, points, ours)) for name, points in _by_name(group).items())
    return [InputError(f"{name}, of {_packages(points)}", *problem) for name, points, problem in found if problem]


def load(kind: str, name: str, group: str, ours: Collection[str]) -> Any:
    """Import what a package offers by a name.

    Raises:
        InputError: the name is of no use, or the package's own code fails as it is imported; names the package.
        KeyError: nobody offers it.
    """
    points = _by_name(group)[name]
    if problem := _problem(name, points, ours):
        raise InputError(f"{kind} {name}, of {_packages(points)}", *problem)
    try:
        return points[0].load()
    except (Exception, SystemExit) as error:  # whatever a package does when it is imported
        what = f"cannot be imported ({type(error).__name__}: {error})"
        fix = f"mend the package, or uninstall it: pip uninstall {_packages(points)}"
        raise InputError(f"{kind} {name}, of {_packages(points)}", what, fix) from error


def _by_name(group: str) -> dict[str, list[EntryPoint]]:
    """The entry points of a group, by name: one a name, if nobody is in anybody's way."""
    from importlib.metadata import entry_points  # here, as it takes a while, and most commands need none

    points: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        points.setdefault(point.name, []).append(point)
    return points


def _problem(name: str, points: Collection[EntryPoint], ours: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with a name, and what to do about it."""
    rename = "rename it in the entry points of its package"
    if name in ours:
        return "is called as one that comes with crossvad, which is what the name means", rename
    if len(points) > 1:
        return "is offered more than once, so that nobody can tell which is meant", "uninstall all but one"
    if not re.fullmatch(r"[\w.-]+", name):
        return "has a name that cannot be typed", f"{rename}: letters, digits, and - _ ."
    return None


def _packages(points: Collection[EntryPoint]) -> str:
    """The packages that some entry points are of."""
    return " ".join(dict.fromkeys(dist.name if (dist := getattr(p, "dist", None)) else "a package" for p in points))
