"""From what a user typed to a class: our own methods, tunings and data sets, entry points, and a file of the user's.

    apn         apn[prototypes=20,cycles=1]     my_file.py:MyMethod     my_file.py:MyMethod[depth=3]
    apn[precision=bf16]                         (every method has the options of `Arithmetic`, too)
    finetune    finetune[learning_rate=1e-3]    my_file.py:MyTuning
    ped2        avenue[labels=masks]            my_file.py:MyDataset    path:DIR (own footage)
    synthetic-plaza                             synthetic-cameras[seed=11] (other ten cameras)
    ped1+ped2   ucf[train=official]+path:DIR    (sources: several at once)

Packages offer theirs through the entry points `crossvad.adapters`, `crossvad.tunings` and `crossvad.datasets`: see
`plugins`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Arithmetic
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.wording import option
from crossvad.planning import plugins
from crossvad.planning.archives import get_published as get_published
from crossvad.planning.catalogue import ARCHIVES, LAUNCHERS, METHODS, OUR_DATASETS, RENDERED, TUNINGS
from crossvad.planning.names import did_you_mean, listed, members, spelled, split_options, unknown_name, with_options
from crossvad.planning.specs import MethodSpec, TuningSpec


def get_method(method: str | type[Adapter]) -> MethodSpec:
    """Return the method that a user means by `name` or `file.py:Class`, either with `[field=value,…]`, or by its class.

    Raises:
        InputError: unknown name, file, class or option; says what comes close.
    """
    name, cls, options = _named_class("method", method, METHODS, plugins.METHODS)
    if not (isinstance(cls, type) and issubclass(cls, Adapter)):
        raise InputError(name, "is not a crossvad.adapters.base.Adapter", "subclass Adapter (its module is the manual)")
    _require_options(name, cls)
    own = [field.name for field in dataclasses.fields(cls.Options)]
    said: dict[str, str] = {}
    for field in dataclasses.fields(Arithmetic):
        if field.name in options and field.name not in own:
            said[field.name], *presets = options.pop(field.name).split(",")  # of the method, if any came after it
            options |= dict.fromkeys(presets, "")
    return MethodSpec(*with_options(name, cls, options)).computing(**said)


def get_tuning(tuning: str | type[Tuning]) -> TuningSpec:
    """Return the tuning that a user means by `name` or `file.py:Class`, either with `[field=value,…]`, or by its class.

    Raises:
        InputError: unknown name, file, class or option; says what comes close.
    """
    name, cls, options = _named_class("tuning", tuning, TUNINGS, plugins.TUNINGS)
    if not (isinstance(cls, type) and issubclass(cls, Tuning)):
        raise InputError(name, "is not a crossvad.adapters.tunings.base.Tuning", "subclass Tuning")
    _require_options(name, cls)
    return TuningSpec(*with_options(name, cls, options))


def get_launcher(launcher: str | type) -> tuple[type, Any]:
    """Return the class that a user means by `name` or `file.py:Class`, either with `[field=value,…]`, and its options.

    Raises:
        InputError: unknown name, file, class or option; says what comes close.
    """
    name, cls, options = _named_class("launcher", launcher, LAUNCHERS, plugins.LAUNCHERS)
    if not (isinstance(cls, type) and hasattr(cls, "start") and hasattr(cls, "Options")):
        raise InputError(name, "is not a crossvad.execution.launchers.base.Launcher", "subclass Launcher")
    return with_options(name, cls, options)[1:]


def get_dataset(text: str, root: Path) -> Dataset:
    """Return the data set that a user means by `name`, `file.py:Class` or `path:DIR`, where need be below a data root.

    Several with a + between are joined, to be trained on at once. The first two take `[field=value,…]`. A plug-in is
    made as `Class(root)` or, if it has `Options`, as `Class(root, options)`; an entry point may also name a function of
    the root.

    Raises:
        InputError: unknown name, file, class or option (says what comes close), or no such data under the root.
    """
    if len(names := joined_names(text, root)) > 1:
        return Joined(get_dataset(name, root) for name in names)
    if text.startswith("path:"):
        return OwnFolder.find(text.removeprefix("path:"), root)
    base, options = split_options(text)
    if base in RENDERED:
        return _rendered(base, options)
    if base in ARCHIVES:
        label, cls, chosen = get_published(text)
        if not root.is_dir():
            raise InputError(root, f"is no folder, so there is no {base} in it", NO_DATA)
        published = cls(root, chosen)
        published.name = label
        return published
    return _plugged_dataset(text, root)


def dataset_label(text: str) -> str:
    """What results call a data set that a user means by `name`, `file.py:Class` or `path:DIR`, which need not be there.

    Raises:
        InputError: it cannot be read, or one of ours has no such option; says what comes close.
    """
    if text.startswith("path:"):
        with suppress(RuntimeError):  # the home of nobody
            return OwnFolder.name_of(Path(text.removeprefix("path:")).expanduser())
        return text
    base, options = split_options(text)
    if base in RENDERED:
        return _rendered(base, options).name
    if base in ARCHIVES and not options.get("videos", "").endswith(".txt"):  # a file, which would be read
        return get_published(text)[0]
    return spelled(Path(base).name if runs_code(base) else base, options)


def runs_code(text: str) -> bool:
    """Whether a name is of a plug-in's file, which is run where it is looked up."""
    return ".py:" in text


def as_given(stored: str, plugins: Sequence[str] = ()) -> str:
    """The name to look a stored cell's method, tuning or data set up by, as cells may be anybody's.

    A file of code is run where a user gives it among `plugins`, and not because a cell names it: mine.py:Mine[depth=3]
    is below/mine.py:Mine[depth=3] where below/mine.py:Mine is given.

    Raises:
        InputError: it names a file that is not given, or a folder by more than its name: no run stores such.
    """
    if runs_code(stored):
        name, options = split_options(stored)
        for plugin in plugins:
            if Path(plugin).name == name:
                return spelled(plugin, options)
        problem = "is of a file of code, which is not run because a cell names it"
        raise InputError(stored, problem, "say which file it is, if you trust it: " + option("plugin", name))
    folders = [part.partition("path:")[2] for part in listed(stored, "+") if part.startswith("path:")]
    if any(folder in ("", ".", "..") or re.search(r"^~|[/\\\0]|.{256}", folder) for folder in folders):
        raise InputError(stored, "is no name of a folder", "remove the cell: no run writes such")
    return stored


def _rendered(name: str, options: dict[str, str]) -> Dataset:
    from crossvad.datasets.synthetic.dataset import Synthetic  # here, as most runs render nothing

    label, _, chosen = with_options(name, Synthetic, options)
    dataset: Dataset = _load(RENDERED[name])(chosen.seed)
    dataset.name = label
    return dataset


def joined_names(text: str, root: Path | None = None) -> list[str]:
    """Split `ped1+ped2`; a + that is part of a folder's or file's name, of one below a data root too, parts nothing.

    Raises:
        InputError: a name beside a + is empty.
    """
    if _is_own_folder(text, root):
        return [text]
    names: list[str] = []
    for name in members(text, text, "+"):
        longer = f"{names[-1]}+{name}" if names else ""
        if _is_own_folder(longer, root) or (":" in name and Path(longer.rpartition(":")[0]).is_file()):
            names[-1] = longer
        else:
            names.append(name)
    return names


def _is_own_folder(name: str, root: Path | None) -> bool:
    """Whether a data set's name is `path:` and a folder that is there, or below a data root."""
    kind, _, folder = name.partition(":")
    with suppress(OSError):  # of a name longer than any
        return kind == "path" and any(place.is_dir() for place in (Path(folder), (root or Path()) / folder))
    return False


def _plugged_dataset(text: str, root: Path) -> Dataset:
    name, make, options = _named_class("dataset", text, dict.fromkeys(OUR_DATASETS, ""), plugins.DATASETS)
    if options and not hasattr(make, "Options"):
        raise InputError(text, "takes no options", "give its class Options, a dataclass, or leave the brackets out")
    if hasattr(make, "Options"):
        _require_options(name, make)
        label, _, chosen = with_options(name, make, options)
        dataset = _made(name, make, root, chosen)
    else:
        label, dataset = name, _made(name, make, root)
    if not isinstance(dataset, Dataset):
        raise InputError(name, "makes no crossvad.datasets.base.Dataset", "subclass Dataset (its module is the manual)")
    if options or not hasattr(dataset, "name"):
        dataset.name = label
    return dataset


def _made(name: str, make: Any, *given: Any) -> Any:
    try:
        return make(*given)
    except InputError:
        raise
    except Exception as error:  # whatever a data set of somebody's does
        fix = "mend it: it is called as Class(data root), or as Class(data root, options)"
        raise InputError(name, f"cannot be made ({type(error).__name__}: {error})", fix) from error


def _require_options(name: str, cls: Any) -> None:
    if not (isinstance(cls.Options, type) and dataclasses.is_dataclass(cls.Options)):
        raise InputError(name, f"has Options that are {cls.Options!r}", "write a frozen dataclass")


NO_DATA = (
    "point " + option("data") + " (or $CROSSVAD_DATA) at the folder that holds the archives, or use synthetic-street, "
    "synthetic-plaza and synthetic-cameras, which need none"
)


def _named_class(kind: str, given: str | type, ours: dict[str, str], group: str) -> tuple[str, Any, dict[str, str]]:
    """The name without options, what it names, and the options as text."""
    if isinstance(given, type):
        return _name_of(given, ours, group), given, {}
    name, options = split_options(given)
    if _is_file(name):
        path, _, attribute = name.rpartition(":")
        module = _load_file(Path(path))
        cls = getattr(module, attribute, None)
        if cls is None:
            own = [name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__]
            fix = f"{did_you_mean(attribute, own)}write it as file.py:Class"
            raise InputError(path, f"has no class {attribute!r}", fix)
        return f"{Path(path).name}:{attribute}", cls, options
    if name in ours:
        return name, _load(ours[name]), options
    try:
        return name, plugins.load(kind, name, group, ours), options
    except KeyError:
        if kind != "dataset" and re.fullmatch(r".*\.py|[\w./-]+:\w+", name):
            fix = f"write my_file.py:MyClass for a {kind} of yours"
            raise InputError(name, "names no class of a file", fix) from None
        more = "or path:DIR for a folder of your own" if kind == "dataset" else ""
        raise unknown_name(kind, name, [*ours, *plugins.offered(group, ours)], more) from None


def _name_of(cls: type, ours: dict[str, str], group: str) -> str:
    """What a class is called where it is named: by us, by the package that offers it, or by its file."""
    place = f"{cls.__module__}:{cls.__qualname__}"
    if cls.__module__.startswith("crossvad."):
        return next((name for name, target in ours.items() if target == place), cls.__qualname__)
    if name := plugins.name_of(place, group, ours):
        return name
    file = inspect.getsourcefile(cls)
    return f"{Path(file).name}:{cls.__qualname__}" if file else cls.__qualname__


def _is_file(name: str) -> bool:
    return name.rpartition(":")[0].endswith(".py")


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
        fix = _how_to_import(error, path)
        raise InputError(path, f"cannot be imported ({type(error).__name__}: {error})", fix) from error
    return module


def _how_to_import(error: Exception, path: Path) -> str:
    """What to do about a file of the user's that cannot be imported, as one of several often cannot."""
    if isinstance(error, ImportError) and "relative import" in str(error):
        return (
            "a file is imported by itself: put all into it, or install its package and offer the class by an entry "
            "point (docs/add_others.md#a-package)"
        )
    wanted = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if wanted and ((path.parent / wanted).is_dir() or (path.parent / f"{wanted}.py").is_file()):
        return f"put all into one file, or its folder on the path: PYTHONPATH={path.parent}"
    return "mend the file"
