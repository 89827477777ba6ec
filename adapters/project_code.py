"""The code that a plug-in's class is made of: of its file, and of what that imports of its own project.

Of its own project is what lies in the same package or, where the file is in none, beside it and in folders there.
Import statements are read, not run: what is imported by a name that is made up as the code runs is not found.

What runs is what was there when the class was made, whatever becomes of its files: that is when they are read.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

KEPT = "_code_when_made"  # attribute of a class, and not of those made of it


class Code(NamedTuple):
    """What a module says."""

    text: str  # without comments and layout
    imports: list[str]  # full names of all that may be a module among what it imports, wherever in it that stands


def keep_code(cls: type) -> None:
    """Have `code_of` tell what a class is made of now. Nothing is kept of ours, nor of what is in no file."""
    if not cls.__module__.startswith("crossvad."):
        with suppress(OSError, TypeError, SyntaxError):  # as of what was typed: who asks for its code is told so
            setattr(cls, KEPT, _code_now(cls))


def code_of(cls: type) -> dict[str, str]:
    """The code that a class was made of, as `project_code` has it.

    Raises:
        OSError, TypeError: it is in no file.
    """
    kept: dict[str, str] | None = vars(cls).get(KEPT)
    return _code_now(cls) if kept is None else kept


def _code_now(cls: type) -> dict[str, str]:
    file = inspect.getsourcefile(cls)
    if file is None:
        raise OSError(f"{cls.__module__} has no source")
    return project_code(cls.__module__, Path(file))


def project_code(name: str, file: Path) -> dict[str, str]:
    """The code of a module and of all that it needs of its project, without comments and layout, by module name.

    The module itself comes first, then the others in alphabetical order. What this process has imported is as it was
    when it was first asked for: that is what runs, whatever becomes of its file.

    Args:
        name: of the module, as it was imported.
        file: that it is in.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is no Python any more.
    """
    top, folders = _project(name, file)
    first = _code(name, file)
    found, waiting = {name: first.text}, [*first.imports]
    while waiting:
        imported = waiting.pop()
        place = _find(imported, top, folders)
        if place is not None and place != file and imported not in found:
            code = _code_if_any(imported, place)
            found[imported] = code.text
            waiting += code.imports
    return {name: found.pop(name)} | dict(sorted(found.items()))


def _project(name: str, file: Path) -> tuple[str, list[Path]]:
    """The package that a module is of ("" for none), and the folders of its project.

    A file among installed packages is a project by itself.
    """
    top = name.partition(".")[0]
    package = getattr(sys.modules.get(top), "__path__", None)
    if package is not None:
        return top, [Path(folder) for folder in package]
    return "", [] if any(file.parent.glob("*.dist-info")) else [file.parent]


def _find(name: str, top: str, folders: list[Path]) -> Path | None:
    """The file of a module of a project by its full name; None for whatever is of others."""
    first, *parts = name.split(".")
    if first == "crossvad" or (top and first != top):
        return None
    for folder in folders:
        place = folder.joinpath(*parts) if top else folder.joinpath(first, *parts)
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                return file
    return None


_as_imported: dict[str, tuple[object, Code]] = {}  # by module name: its spec, which is another if it is imported again


def _code(name: str, file: Path) -> Code:
    """A module's code: as it was when this process first asked, while that is what is imported."""
    module = sys.modules.get(name)  # which may be another of that name, built in and without a file
    spec = getattr(module, "__spec__", None) if getattr(module, "__file__", None) == str(file) else None
    if spec is None:
        return _read(name, file)
    if name not in _as_imported or _as_imported[name][0] is not spec:
        _as_imported[name] = spec, _read(name, file)
    return _as_imported[name][1]


def _code_if_any(name: str, file: Path) -> Code:
    """The same of a module that may never be imported; its bytes, if it is no Python; nothing, if it cannot be read."""
    try:
        return _code(name, file)
    except OSError:
        return Code("", [])
    except (SyntaxError, ValueError):  # the latter of null bytes
        return Code(repr(file.read_bytes()), [])


def _read(name: str, file: Path) -> Code:
    tree = ast.parse(file.read_bytes())  # not its text, as it may say which encoding it is in
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return Code(told(tree), [*_imports(tree, package)])


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join(filter(None, [*above, node.module]))
            yield from filter(None, [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)])


def told(node: object) -> str:
    """A syntax tree as text, the same under every Python from 3.11 on: as `ast.dump` of 3.11 tells it.

    Later ones leave out empty fields, know type parameters, and end formats such as `{x:{width}}` by an empty constant.

    Args:
        node: a node, a list of some, or a value of a field.
    """
    if isinstance(node, list):
        return f"[{', '.join(map(told, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: getattr(node, name, None) for name in node._fields}
    if isinstance(node, ast.JoinedStr):
        fields["values"] = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
    left_out = {name for name, value in fields.items() if value is None and getattr(type(node), name, ...) is None}
    left_out |= {"type_params"} if not fields.get("type_params") else set()
    return f"{type(node).__name__}({', '.join(f'{k}={told(v)}' for k, v in fields.items() if k not in left_out)})"
