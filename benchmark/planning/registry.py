"""From what a user typed to a class: our own methods, tunings and datasets, entry points, and a file path.

apn      apn[prototypes=20,cycles=1]      my_file.py:MyMethod      finetune[learning_rate=1e-3]
ped2     avenue[labels=masks]             path:DIR (own footage)
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from crossvad.adapters.base import Adapter
from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.planning.catalogue import ARCHIVES, METHODS, RENDERED, TUNINGS, dataset_names
from crossvad.planning.names import split_options, unknown_name, with_options
from crossvad.planning.specs import MethodSpec, TuningSpec


def get_method(text: str) -> MethodSpec:
    """The method a user means by `name`, `name[field=value,…]` or `file.py:Class`, the latter with options too.

    Raises:
        InputError: unknown name, file, class or option; says what comes close.
    """
    name, options = split_options(text)
    path, _, attribute = name.rpartition(":")
    if path.endswith(".py"):
        cls, name = getattr(_load_file(Path(path)), attribute, None), f"{Path(path).name}:{attribute}"
        if cls is None:
            raise InputError(path, f"has no class {attribute!r}", "write it as file.py:Class")
    else:
        cls = _resolve("method", name, METHODS, "crossvad.adapters")
    if not (isinstance(cls, type) and issubclass(cls, Adapter)):
        raise InputError(text, "is not a crossvad.adapters.base.Adapter", "subclass Adapter (its module is the manual)")
    return MethodSpec(*with_options(name, cls, options))


def get_tuning(text: str) -> TuningSpec:
    """The tuning a user means by `name` or `name[field=value,…]`.

    Raises:
        InputError: unknown name or option; says what comes close.
    """
    name, options = split_options(text)
    return TuningSpec(*with_options(name, _resolve("tuning", name, TUNINGS, None), options))


def get_dataset(name: str, root: Path) -> Dataset:
    """The dataset that a user means by `name`, `name[field=value,…]` or `path:DIR`, the first two under the data root.

    Raises:
        InputError: unknown name or option (says what comes close), or no such data under the root.
    """
    if name.startswith("path:"):
        return OwnFolder(Path(name.removeprefix("path:")))
    if name in RENDERED:
        rendered: Dataset = _load(RENDERED[name])()
        return rendered
    base, _ = split_options(name)
    if base in ARCHIVES:
        label, cls, options = get_published(name)
        if not root.is_dir():
            raise InputError(root, f"is no folder, so there is no {base} in it", NO_DATA)
        found = cls(root, options)
        found.name = label
        return found
    for point in importlib.metadata.entry_points(group="crossvad.datasets"):
        if point.name == name:
            plugged: Dataset = point.load()(root)
            return plugged
    raise unknown_name("dataset", name, dataset_names(), "or path:DIR for a folder of your own")


def get_published(text: str) -> tuple[str, type[PublishedDataset], Any]:
    """The published data set that a user means, found or not: what to call it, its class and its options.

    Raises:
        InputError: unknown name or option; says what comes close.
    """
    name, options = split_options(text)
    return with_options(name, _resolve("published data set", name, ARCHIVES, None), options)


NO_DATA = (
    "point --data (or $CROSSVAD_DATA) at the folder that holds the archives, or use synthetic-street and "
    "synthetic-plaza, which need none"
)


def _resolve(kind: str, name: str, ours: dict[str, str], group: str | None) -> Any:
    if name in ours:
        return _load(ours[name])
    points = importlib.metadata.entry_points(group=group) if group else ()
    for point in points:
        if point.name == name:
            return point.load()
    raise unknown_name(kind, name, [*ours, *(point.name for point in points)])


def _load(place: str) -> Any:
    """What `module:attribute` names."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(path, "does not exist", "give the path of the Python file, then :Class")
    name = f"crossvad_plugin_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader  # a .py file always has a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a file of the user's does when it is run
        del sys.modules[name]
        raise InputError(path, f"cannot be imported ({type(error).__name__}: {error})", "mend the file") from error
    return module
