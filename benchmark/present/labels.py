"""Short names: a method, tuning or data set by its name alone, and its options apart from it."""

from __future__ import annotations

from typing import NamedTuple

from crossvad.datasets.errors import InputError
from crossvad.planning.names import split_options


class Label(NamedTuple):
    """A name that is short enough for a table's first line, and what its second line says."""

    name: str
    details: tuple[str, ...]  # options as they are typed, and the file of a plug-in


def label(name: str) -> Label:
    """Part what a user typed: apn[score=0.0,pool=patch] is apn, with score=0.0 and pool=patch; no word is lost."""
    try:
        short, options = split_options(name)
    except InputError:  # a folder may be called anything
        return Label(name, ())
    file, colon, cls = short.rpartition(":")
    plugin = (file,) if colon and file.endswith(".py") else ()
    words = (f"{field}={value}" if value else field for field, value in options.items())
    return Label(cls if plugin else short, (*plugin, *words))
