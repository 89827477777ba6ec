"""Plots by name: those of this folder, a class in a file each, and any other that was registered."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from crossvad.datasets.errors import InputError
from crossvad.planning.arguments import checked
from crossvad.planning.names import did_you_mean
from crossvad.planning.python_words import tell_in_python
from crossvad.present import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from crossvad.planning.protocol import Protocol
    from crossvad.present.figures.plot import Plot
    from crossvad.store.store import Record, Store


class Listed(NamedTuple):
    """What is known of a plot before it is loaded."""

    module: str  # of its class
    help: str  # its docstring


def listed() -> dict[str, Listed]:
    """Tell every plot of this folder by its name without loading one, which takes a second.

    Their files are read, not run: a plot is a class with the decorator `register` and a `name`. With any other that
    was registered.
    """
    found: dict[str, Listed] = {}
    for module in pkgutil.iter_modules(figures.__path__):
        source = Path(figures.__path__[0], f"{module.name}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body if "@register" in source else ():
            if isinstance(node, ast.ClassDef) and any(ast.unparse(each) == "register" for each in node.decorator_list):
                fields = {
                    ast.unparse(line.targets[0]): line.value for line in node.body if isinstance(line, ast.Assign)
                }
                name = ast.literal_eval(fields["name"])
                found[name] = Listed(f"{figures.__name__}.{module.name}", ast.get_docstring(node) or "")
    for name, plot in _registered().items():
        found.setdefault(name, Listed(plot.__module__, getdoc(plot) or ""))
    return found


def _registered() -> dict[str, type[Plot]]:
    """Take the plots that have been loaded; nothing is loaded for it."""
    module = sys.modules.get(f"{figures.__name__}.plot")
    return module.PLOTS if module else {}


def load(name: str) -> type[Plot]:
    """Load a plot, and no other.

    Raises:
        InputError: there is none of this name.
    """
    known = listed()
    if name not in known:
        raise InputError(name, "is no plot", f"{did_you_mean(name, known)}choose from {', '.join(sorted(known))}")
    importlib.import_module(known[name].module)
    return _registered()[name]


def draw(kind: str, store: Store, records: Sequence[Record], protocol: Protocol, **options: Any) -> tuple[Figure, str]:
    """Draw stored cells.

    Args:
        kind: the plot's name: shots, steps, cameras, matrix, roc, scores, speed, activations, errors, prototypes.
        store: where the cells' scores lie.
        records: the cells; for the last three there must be one alone.
        protocol: by which scores are read.
        options: fields of the plot's class, such as `videos` of scores.

    Returns:
        The figure, and its caption, which also stands below it.

    Raises:
        InputError: no such kind, nothing to draw, too much to tell apart, or what does not compare.
    """
    chosen = load(kind)
    known = ["kind", *(field.name for field in fields(chosen) if field.name not in ("left_out", "for_python"))]
    plot: Callable[..., Plot] = checked(chosen, "Results.plot", known)
    try:
        return plot(**options).picture(store, records, protocol)
    except InputError as error:
        tell_in_python(error, known)
        raise
