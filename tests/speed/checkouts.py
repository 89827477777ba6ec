"""Authors' code, imported from a clone that somebody brings, which stays as it is."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

PICTURES = ("matplotlib", "matplotlib.pyplot", "pandas", "seaborn")  # what their models import, and need not


def complete(source: str) -> str:
    """Source code whose functions that have no body do nothing."""
    lines = source.splitlines()
    while True:
        try:
            compile("\n".join(lines), "", "exec")
        except IndentationError as error:
            if "after function definition" not in str(error):
                raise
            lines.insert(error.lineno - 1, "    pass")
        else:
            return "\n".join(lines)


class Checkout:
    """Authors' code in a folder, imported so that neither their names nor bytecode of theirs are left anywhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.own = {path.stem for path in self.folder.iterdir()} | {name.split(".")[0] for name in PICTURES}

    def module(self, name: str) -> ModuleType:
        """A module of theirs.

        Raises:
            SystemExit: this is not their code, or it needs what is not installed.
        """
        try:
            with self._entered():
                return self._imported(name)
        except (ImportError, OSError) as error:
            raise SystemExit(f"{self.folder}: cannot import {name}: {error}") from error

    def _imported(self, name: str) -> ModuleType:
        package, _, _ = name.rpartition(".")
        path = self.folder / f"{name.replace('.', '/')}.py"
        if (path.parent / "__init__.py").exists():
            return importlib.import_module(name)
        sys.modules[package] = ModuleType(package)  # else any other package of this name would come first
        sys.modules[package].__path__ = [str(path.parent)]
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        exec(compile(complete(path.read_text()), str(path), "exec"), vars(module))
        return module

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """With their folder in front, and modules of the names that they use set aside."""
        aside = self._taken()
        sys.modules.update({name: mock.MagicMock() for name in PICTURES})
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        sys.path.insert(0, str(self.folder))
        try:
            yield
        finally:
            sys.path.remove(str(self.folder))
            sys.dont_write_bytecode = writes
            self._taken()
            sys.modules.update(aside)

    def _taken(self) -> dict[str, ModuleType]:
        """The modules of their names, which `sys.modules` then no longer has."""
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in self.own}


@contextmanager
def cuda_is(where: torch.device) -> Iterator[None]:
    """Let `.cuda()` go to a device, as their code calls it wherever it runs. Ours never does."""

    def moved(each: Any, *_: Any, **__: Any) -> Any:
        return each.to(where)

    with mock.patch.object(Tensor, "cuda", moved), mock.patch.object(nn.Module, "cuda", moved):
        yield
