"""From what a user typed to a class: our own methods, tunings and datasets, entry points, and a file path.

apn      apn[prototypes=20,cycles=1]      my_file.py:MyMethod      finetune[learning_rate=1e-3]
ped2     avenue[labels=masks]             path:DIR (own footage)
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crossvad.adapters import search
from crossvad.adapters.base import Adapter, Budget
from crossvad.adapters.tuning import Tuning
from crossvad.datasets.archive import Archive
from crossvad.datasets.base import Dataset, InputError
from crossvad.datasets.folder import Folder
from crossvad.datasets.synthetic import plaza, street

METHODS = {
    "apn": "crossvad.adapters.apn:Apn",
    "apn-released": "crossvad.adapters.apn_released:ApnReleased",
    "mpn": "crossvad.adapters.mpn:Mpn",
    "lmn": "crossvad.adapters.lmn:Lmn",
    "lmn-recon": "crossvad.adapters.lmn:LmnReconstruction",
    "memae": "crossvad.adapters.memae:MemAE",
    "memae-2d": "crossvad.adapters.memae:MemAE2d",
    "framepred": "crossvad.adapters.framepred:FramePrediction",
    "random": "crossvad.adapters.trivial:Random",
    "ramp": "crossvad.adapters.trivial:Ramp",
    "framediff": "crossvad.adapters.trivial:FrameDifference",
    "extrapolate": "crossvad.adapters.trivial:Extrapolate",
    "support-mean": "crossvad.adapters.trivial:SupportMean",
}
TRIVIAL = ("random", "ramp", "framediff", "extrapolate", "support-mean")  # rows that no table goes without
TUNINGS = {
    "none": "crossvad.adapters.tuning:NoTuning",
    "finetune": "crossvad.adapters.tuning:FineTune",
    "head": "crossvad.adapters.tuning:HeadTuning",
    "norm": "crossvad.adapters.tuning:NormTuning",
    "maml": "crossvad.adapters.meta:Maml",
    "anil": "crossvad.adapters.meta:Anil",
    "metasgd": "crossvad.adapters.meta:MetaSgd",
}
ARCHIVES = {
    "ped1": "crossvad.datasets.ucsd:Ped1",
    "ped2": "crossvad.datasets.ucsd:Ped2",
    "avenue": "crossvad.datasets.avenue:Avenue",
    "shanghaitech": "crossvad.datasets.shanghaitech:ShanghaiTech",
    "ucf": "crossvad.datasets.ucf_crime:UcfCrime",
}
RENDERED: dict[str, Callable[[], Dataset]] = {"synthetic-street": street, "synthetic-plaza": plaza}  # need no data

UNSCORED = ("maps",)  # methods of an adapter that its scores do not depend on
# Those that its training does not depend on either, unless its own code says otherwise by calling one.
UNTRAINED = (
    *UNSCORED, "score", "score_video", "frozen", "calibrate", "adapt", "adapts", "adaptation_loss",
    "adaptable_parameters", "head_parameters",
)  # fmt: skip
PROSE = ("paper", "licence", "deviations")  # of an adapter: to be read, and no part of what it does


@dataclass(frozen=True)
class Choice:
    """A method or tuning with its options, as a user chose it."""

    label: str  # what tables call it: the name, with the options that differ from their defaults
    cls: type
    options: Any
    # The code that the class is made of, as it was when it was chosen: what its scores depend on, and the rest.
    code: str = dataclasses.field(init=False, repr=False, compare=False, default="")
    unscored: str = dataclasses.field(init=False, repr=False, compare=False, default="")
    trained: str = dataclasses.field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        """Read the code."""
        files = sorted(_files(sys.modules[self.cls.__module__], self.beside))
        sources = [inspect.getsource(sys.modules[name]) for name in files]
        scored, unscored = _code(sources, UNSCORED)
        object.__setattr__(self, "code", scored)
        object.__setattr__(self, "unscored", unscored)
        object.__setattr__(self, "trained", _trained(sources))

    @property
    def beside(self) -> frozenset[str]:
        """Names of modules that its results depend on and that its own does not take anything from."""
        return frozenset()

    @property
    def digest(self) -> str:
        """16 hex digits that change with the options and with the code of the class's file and the nets it is made of.

        Comments, docstrings and layout do not count, nor does what scores do not depend on.
        """
        return hashlib.sha256(f"{self.options!r}\n{self.code}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Method(Choice):
    """A chosen method."""

    cls: type[Adapter]

    @property
    def fit_digest(self) -> str:
        """16 hex digits of what a training depends on: methods that differ only in how they score share their fits."""
        fields = dataclasses.fields(self.options)
        decisive = {f.name: getattr(self.options, f.name) for f in fields if f.metadata.get("trains", True)}
        facts = f"{self.cls.__qualname__} {decisive!r}\n{self.trained}"
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    @property
    def maps_digest(self) -> str:
        """16 hex digits that change with the code of its maps; empty where it has none."""
        if self.cls.maps is Adapter.maps:
            return ""
        return hashlib.sha256(f"{self.options!r}\n{self.unscored}".encode()).hexdigest()[:16]

    def build(self, budget: Budget) -> Adapter:
        """A fresh, untrained adapter.

        Raises:
            InputError: the class cannot be made with (budget, options).
        """
        try:
            return self.cls(budget, self.options)
        except Exception as error:  # whatever a method's constructor does
            what = f"cannot be built at budget {budget.name} ({type(error).__name__}: {error})"
            raise InputError(self.label, what, "mend its __init__(budget, options)") from error


@dataclass(frozen=True)
class TuningChoice(Choice):
    """A chosen tuning."""

    cls: type[Tuning]

    @property
    def beside(self) -> frozenset[str]:
        """What chooses its rate on the source, where that is left open."""
        return frozenset({search.__name__} if self.cls.rate else ())

    def build(self) -> Tuning:
        """A tuning that has learned nothing yet."""
        return self.cls(self.options)


def method(text: str) -> Method:
    """The method a user means by `name`, `name[field=value,…]` or `file.py:Class`, the latter with options too.

    Raises:
        InputError: unknown name, file, class or option; says what comes close.
    """
    name, options = _split(text)
    path, _, attribute = name.rpartition(":")
    if path.endswith(".py"):
        cls, name = getattr(_load_file(Path(path)), attribute, None), f"{Path(path).name}:{attribute}"
        if cls is None:
            raise InputError(path, f"has no class {attribute!r}", "write it as file.py:Class")
    else:
        cls = _resolve("method", name, METHODS, "crossvad.adapters")
    if not (isinstance(cls, type) and issubclass(cls, Adapter)):
        raise InputError(text, "is not a crossvad.adapters.base.Adapter", "subclass Adapter (its module is the manual)")
    return Method(*_with_options(name, cls, options))


def tuning(text: str) -> TuningChoice:
    """The tuning a user means by `name` or `name[field=value,…]`.

    Raises:
        InputError: unknown name or option; says what comes close.
    """
    name, options = _split(text)
    return TuningChoice(*_with_options(name, _resolve("tuning", name, TUNINGS, None), options))


def dataset_names() -> list[str]:
    """Every dataset that can be named; `path:DIR` comes on top."""
    return [*ARCHIVES, *RENDERED, *(point.name for point in importlib.metadata.entry_points(group="crossvad.datasets"))]


def dataset(name: str, root: Path) -> Dataset:
    """The dataset that a user means by `name`, `name[field=value,…]` or `path:DIR`, the first two under the data root.

    Raises:
        InputError: unknown name or option (says what comes close), or no such data under the root.
    """
    if name.startswith("path:"):
        return Folder(Path(name.removeprefix("path:")))
    if name in RENDERED:
        return RENDERED[name]()
    base, _ = _split(name)
    if base in ARCHIVES:
        label, cls, options = archive(name)
        if not root.is_dir():
            raise InputError(root, f"is no folder, so there is no {base} in it", NO_DATA)
        found = cls(root, options)
        found.name = label
        return found
    for point in importlib.metadata.entry_points(group="crossvad.datasets"):
        if point.name == name:
            plugged: Dataset = point.load()(root)
            return plugged
    raise _unknown("dataset", name, dataset_names(), "or path:DIR for a folder of your own")


def archive(text: str) -> tuple[str, type[Archive], Any]:
    """The published data set that a user means, found or not: what to call it, its class and its options.

    Raises:
        InputError: unknown name or option; says what comes close.
    """
    name, options = _split(text)
    return _with_options(name, _resolve("published data set", name, ARCHIVES, None), options)


NO_DATA = (
    "point --data (or $CROSSVAD_DATA) at the folder that holds the archives, or use synthetic-street and "
    "synthetic-plaza, which need none"
)


def _split(text: str) -> tuple[str, dict[str, str]]:
    match = re.fullmatch(r"(?P<name>[^\[\]]+)(?:\[(?P<options>[^\[\]]*)\])?", text.strip())
    if not match:
        raise InputError(text, "cannot be read", "write name or name[field=value,field=value]")
    pairs = [pair.partition("=") for pair in (match["options"] or "").split(",") if pair.strip()]
    return match["name"].strip(), {field.strip(): value.strip() for field, _, value in pairs}


def _with_options(name: str, cls: type, options: dict[str, str]) -> tuple[str, type, Any]:
    """The label, the class and its options object; values are read as the type that the option's field declares."""
    hints = get_type_hints(cls.Options)  # type: ignore[attr-defined]
    fields = [field.name for field in dataclasses.fields(cls.Options)]  # type: ignore[attr-defined]
    values: dict[str, Any] = {}
    for field, text in options.items():
        if field not in fields:
            raise _unknown(f"option of {name}", field, fields)
        values[field] = _value(f"{name}[{field}={text}]", text, hints[field])
    chosen = cls.Options(**values)  # type: ignore[attr-defined]
    changed = {f: getattr(chosen, f) for f in fields if getattr(chosen, f) != getattr(cls.Options(), f)}  # type: ignore[attr-defined]
    label = name + ("[" + ",".join(f"{field}={value}" for field, value in changed.items()) + "]" if changed else "")
    return label, cls, chosen


def _value(where: str, text: str, kind: Any) -> Any:
    """An option's value, read as the type of its field."""
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise InputError(where, "is no choice", f"choose from {', '.join(get_args(kind))}")
        return text
    try:
        return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError) as error:
        raise InputError(where, f"is not a {kind.__name__}", "correct it") from error


def _resolve(kind: str, name: str, ours: dict[str, str], group: str | None) -> Any:
    if name in ours:
        module, attribute = ours[name].split(":")
        return getattr(importlib.import_module(module), attribute)
    points = importlib.metadata.entry_points(group=group) if group else ()
    for point in points:
        if point.name == name:
            return point.load()
    raise _unknown(kind, name, [*ours, *(point.name for point in points)])


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


def _unknown(kind: str, name: str, known: Iterable[str], more: str = "") -> InputError:
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    fix = f"did you mean {close[0]}? " if close else ""
    return InputError(name or "(empty)", f"is no known {kind}", f"{fix}known: {', '.join(known)} {more}".strip())


def _files(module: ModuleType, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """Names of a module and of those of ours that it takes classes and functions from, and so on."""
    found = known | {module.__name__}
    for value in vars(module).values():
        name = getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith("crossvad.adapters.") and name not in found:
            found = _files(sys.modules[name], found)
    return found


def _trained(sources: Sequence[str]) -> str:
    """The part of the code of a method and its parts that its training depends on: all but `UNTRAINED`.

    A method of that name stays if the rest calls it: `loss` may be made of `score`.
    """
    idle = set(UNTRAINED)
    while True:
        kept, _ = _code(sources, idle)
        calls = [node.func for node in ast.walk(ast.parse(kept)) if isinstance(node, ast.Call)]
        called = {func.attr for func in calls if isinstance(func, ast.Attribute) and _is_self(func.value)}
        if not called & idle:
            return kept
        idle -= called


def _is_self(node: ast.expr) -> bool:
    """Whether this is `self` or `super()`."""
    return getattr(node, "id", "") == "self" or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super")


def _code(sources: Sequence[str], without: Collection[str]) -> tuple[str, str]:
    """Files less what is only there to be read: comments, docstrings, layout, and texts that commands print.

    In two parts: all but the methods of classes that are named in `without`, and those.
    """
    parts = [_bare(source, without) for source in sources]
    return "\n".join(kept for kept, _ in parts), "\n".join(left_out for _, left_out in parts)


def _bare(source: str, without: Collection[str]) -> tuple[str, str]:
    """As `_code`, of one file."""
    tree, left_out = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            left_out += [each for each in node.body if getattr(each, "name", "") in without]
            node.body = [each for each in node.body if each not in left_out] or [ast.Pass()]
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "option":
            del node.args[1:]
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", "") in PROSE for target in targets):
                node.value = ast.Constant("")
    return ast.unparse(tree), "\n".join(map(ast.unparse, left_out))
