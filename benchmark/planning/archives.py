"""The published data sets by name: their classes, options and manifests. Imports nothing that only training needs."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

from crossvad.planning.catalogue import ARCHIVES
from crossvad.planning.names import split_options, unknown_name, with_options

if TYPE_CHECKING:
    from crossvad.datasets.published.manifest import Manifest
    from crossvad.datasets.published.published_dataset import PublishedDataset


def get_published(text: str) -> tuple[str, type[PublishedDataset], Any]:
    """Return what to call a published data set, found or not, its class and its options.

    Raises:
        InputError: unknown name or option; says what comes close.
    """
    name, options = split_options(text)
    if name not in ARCHIVES:
        raise unknown_name("published data set", name, ARCHIVES)
    module, _, attribute = ARCHIVES[name].partition(":")
    cls: type[PublishedDataset] = getattr(importlib.import_module(module), attribute)
    return with_options(name, cls, cls.named(options))


def stored_target(name: str) -> tuple[type[PublishedDataset], Manifest] | None:
    """The class and the manifest of a stored cell's target; None where it is of no published data set.

    The manifest is of the whole data set where a file named the part, as that need not be at hand any more.
    """
    if name.partition("[")[0].strip() not in ARCHIVES:  # a folder may be called anything
        return None
    base, options = split_options(name)
    if options.get("videos", "").endswith(".txt"):
        options.pop("videos")
    said = ",".join(f"{option}={value}" for option, value in options.items())
    _, cls, chosen = get_published(f"{base}[{said}]")
    return cls, cls.facts(chosen, getattr(chosen, "labels", cls.family))


def published_videos(target: str) -> float:
    """How many test videos were published of a stored cell's target; NaN where nobody published any."""
    known = stored_target(target)
    return len(known[1].test) if known else math.nan
