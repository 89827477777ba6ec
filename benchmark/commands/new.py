"""`bench methods new`, `bench datasets new`, `bench tunings new`: a file that works, to start from, and its test."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path

import click

from crossvad.commands.saying import Once, SomePath, Word
from crossvad.datasets.errors import InputError

FOLDER = click.option(
    "--folder",
    cls=Once,
    type=SomePath(path_type=Path),
    default=".",
    show_default=True,
    help="Where the files go; it is made if it is not there.",
)
NAME = click.argument("name", type=Word())
CLASSES = {"method": "MyMethod", "dataset": "MyDataset", "tuning": "MyTuning"}  # as templates call theirs
TRY = {  # the three commands that come next, of a plug-in called {plugin}
    "method": (
        "bench methods check {plugin}",
        "bench run --budget smoke --source synthetic-street --target synthetic-plaza --method {plugin}",
    ),
    "dataset": (
        "bench datasets check {plugin}",
        "bench run --budget smoke --source {plugin} --target {plugin} --method framepred",
    ),
    "tuning": (
        "bench tunings check {plugin}",
        "bench run --budget smoke --source synthetic-street --target synthetic-plaza --method framepred "
        "--tuning {plugin}",
    ),
}


def write_plugin(thing: str, template: str, name: str, folder: Path) -> list[str]:
    """Write `NAME.py`, with one class, and `test_NAME.py`; overwrite nothing.

    Args:
        thing: method, dataset or tuning.
        template: which of its templates, by name.
        name: of the module to be.
        folder: where it goes.

    Returns:
        What to tell, in lines: what was written, and the three commands that come next.

    Raises:
        InputError: the name is of no use, one of the files is there, or they cannot be written.
    """
    class_name = class_named(name)
    texts = {
        f"{name}.py": _rendered(template, thing, name, class_name),
        f"test_{name}.py": _rendered(f"test_{thing}", thing, name, class_name),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in texts:
            if (folder / file).exists():
                raise InputError(folder / file, "is there already", "choose another name or --folder")
        if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
            fix = f"choose another, such as my_{name}"
            raise InputError(name, "is the name of an installed module, which a file of that name would hide", fix)
        for file, text in texts.items():
            with (folder / file).open("x", encoding="utf-8") as written:
                written.write(text)
    except OSError as error:
        where = error.filename or folder
        raise InputError(where, f"cannot be written ({error.strerror})", "choose another --folder") from error
    plugin, test = folder / f"{name}.py", folder / f"test_{name}.py"
    check, run = (command.format(plugin=shlex.quote(f"{plugin}:{class_name}")) for command in TRY[thing])
    told = f"Wrote {plugin} and {test}. They work as they are. Next:"
    return [told, "", f"  {check}", f"  pytest {shlex.quote(str(test))}", f"  {run}"]


def class_named(name: str) -> str:
    """The name of a module's class: MyMethod of my_method.

    Raises:
        InputError: it is no name for a module of Python.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name.endswith("_"):
        better = re.sub("[^a-z0-9]+", "_", re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
        usable = re.fullmatch("[a-z][a-z0-9_]*", better) and not keyword.iskeyword(better)
        raise InputError(
            name or "(empty)",
            "cannot be the name of a module",
            f"write it in small letters, digits and _, such as {better if usable else 'my_plugin'}",
        )
    return "".join(part.capitalize() for part in name.split("_"))


def _rendered(template: str, thing: str, name: str, class_name: str) -> str:
    """A template's text, with its class and module called otherwise."""
    text = files("crossvad.commands").joinpath("templates", f"{template}.py").read_text(encoding="utf-8")
    if re.search(rf"\b{class_name}\b", text) and class_name != CLASSES[thing]:
        what = f"would make a class {class_name}, as another thing in the file is called"
        raise InputError(name, what, f"choose another, such as my_{name}")
    return text.replace(CLASSES[thing], class_name).replace(f"my_{thing}", name)
