"""What Python's callers give, held to what a function's annotations say, before anything is read or run.

The annotations are read as they are written, so that none of the classes that they name need be loaded: typeguard lets
anything pass for a class that is not, pydantic fails at it, and both take True for a number.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Container, Mapping, Sequence, Sized
from dataclasses import fields
from functools import wraps
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from crossvad.datasets.errors import InputError, masked
from crossvad.datasets.words import number_of
from crossvad.planning.cell import Cell
from crossvad.planning.names import did_you_mean
from crossvad.planning.python_words import tell_in_python

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

LEAST = {  # of numbers, by the names that they have in every function
    **dict.fromkeys(("shots", "seed", "seeds", "reconnect"), 0),
    **dict.fromkeys(("steps", "devices", "jobs", "top", "max_failures", "look", "paper"), 1),
    "size": 16,
}
ABOVE_0 = ("time_limit", "false_alarms")
MAY_BE_EMPTY = ("rows", "columns", "against", "where")  # texts: none of them is an answer, too
NEVER_EMPTY = ("paths", "results", "cameras")  # lists
SHORT = {  # of what annotations call by one name
    "AnyDataset": "str | Path | Dataset",
    "AnyMethod": "str | type",
    "AnyTuning": "str | type",
    "Where": "str | Iterable[str] | Mapping[str, Any]",
}
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "str": "a text",
    "Path": "a Path",
    "type": "a class",
    "None": "None",
    "Mapping": "a dictionary",
}

KEYS_OF_CELLS = [each.name for each in fields(Cell)]
CHOOSING = "load_results(…, where={%s})"
WIDER: dict[str, Any] = {"int": Integral, "float": Real}  # numpy's numbers are these, too
LISTS = ("Sequence[", "Iterable[")


def checked(
    function: Callable[Given, Returned], called: str = "", known: Sequence[str] = ()
) -> Callable[Given, Returned]:
    """Refuse arguments of other types than a function is annotated with, and numbers that are too small; a decorator.

    The function then raises an `InputError` that names the argument; of a name that is none of its own, Python's
    `TypeError` says which there are. What it gathers in ** is left to whatever that is handed to. Every `InputError`
    that leaves it is told in Python's words.

    Args:
        function: to be called.
        called: what was called that hands its arguments on to it; none: it itself is called.
        known: arguments of what was called; none: those of the function.
    """
    signature = inspect.signature(function)
    called, known = called or function.__qualname__, known or taken_by(function)
    kinds = {
        name: _alternatives(parameter.annotation)
        for name, parameter in signature.parameters.items()
        if isinstance(parameter.annotation, str) and parameter.kind != inspect.Parameter.VAR_KEYWORD
    }

    @wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            odd = [name for name in kwargs if name not in signature.parameters]
            odd += [name for name in kwargs if name not in known]
            if odd:
                raise TypeError(_no_such(odd[0], called, known)) from error
            if called != function.__qualname__:
                raise TypeError(f"{called}(): {error}; it takes {', '.join(known)}") from error
            _refuse_unnamed(signature, args, kwargs, called)
            return function(*args, **kwargs)  # Python itself says which name is missing
        try:
            for name in kinds:
                if name in bound.arguments:
                    bound.arguments[name] = _checked(name, bound.arguments[name], kinds[name])
            return function(*bound.args, **bound.kwargs)
        except InputError as error:
            tell_in_python(error, known)
            raise

    return call


def taken_by(function: Callable[..., Any]) -> list[str]:
    """List the arguments that a function takes by name."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind != inspect.Parameter.VAR_KEYWORD and each.name != "self"]


def _refuse_unnamed(signature: inspect.Signature, args: Sized, kwargs: Container[str], called: str) -> None:
    """Refuse more arguments without a name than are taken so; says by which names they may be meant."""
    own = {name: each.kind for name, each in signature.parameters.items() if name != "self"}
    count = [*own.values()].count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = len(args) - ("self" in signature.parameters)
    names = [f"{name}=…" for name, kind in own.items() if kind == inspect.Parameter.KEYWORD_ONLY and name not in kwargs]
    write = ", ".join(names[: max(0, given - count)])
    if inspect.Parameter.VAR_KEYWORD in own.values():  # these names are another function's
        write = "the others by name"
    if given > count and write:
        told = f"{called}() takes {number_of(count, 'positional argument')}"
        raise TypeError(f"{told} but {given} {'was' if given == 1 else 'were'} given; write {write}")


def _no_such(name: str, called: str, known: Sequence[str]) -> str:
    """Say that a function takes no argument of this name, and what it takes."""
    told = f"{called}() got an unexpected keyword argument {name!r}; {did_you_mean(name, known)}"
    if name in KEYS_OF_CELLS and "where" in known:
        told += f'cells are chosen by where={{"{name}": …}}; '
    elif name in (*KEYS_OF_CELLS, "where") and called.startswith("Results."):
        told += f"cells are chosen by {CHOOSING % ('…' if name == 'where' else repr(name) + ': …')}; "
    return f"{told}it takes {', '.join(known) or 'no argument'}"


def _checked(name: str, given: Any, kinds: list[str]) -> Any:
    """Return what is given, in Python's own numbers and lists."""
    try:
        value = _taken(given, kinds)
    except TypeError as error:
        raise InputError(name, f"is {_shown(given)}", f"give {_in_words(kinds)}") from error
    members = value if isinstance(value, list) else [value]
    if name not in MAY_BE_EMPTY and any(isinstance(one, str) and not one.strip() for one in members):
        raise InputError(
            name, "has an empty text" if members is value else "is an empty text", "name one, or leave it out"
        )
    if isinstance(value, list | dict) and not value and name in NEVER_EMPTY:
        raise InputError(name, "is empty", "name at least one")
    for number in members:
        if name in LEAST and isinstance(number, int | float) and not number >= LEAST[name]:
            raise InputError(name, f"{number} is too small", f"give {LEAST[name]} or more")
        if name in ABOVE_0 and isinstance(number, int | float) and not number > 0:
            raise InputError(name, f"{number} is too small", "give more than 0")
    return value


def _taken(value: Any, kinds: list[str]) -> Any:
    """A value as one of several kinds that an annotation names, lists last: a data set may be gone through, too.

    Raises:
        TypeError: it is of none of them.
    """
    for kind in kinds:
        outer, inner = kind.partition("[")[0], _inside(kind)
        if outer in ("int", "float") and isinstance(value, WIDER[outer]) and not isinstance(value, bool):
            return int(value) if outer == "int" else float(value)
        if outer == "Literal" and isinstance(value, str) and value in ast.literal_eval(f"({inner},)"):
            return value
        if (outer == "None" and value is None) or outer == "Any":
            return value
        if outer == "Mapping" and isinstance(value, Mapping):
            return {_taken(key, ["str"]): _taken(each, [inner.partition(", ")[2]]) for key, each in value.items()}
        if outer in [each.__name__ for each in type(value).__mro__] and not (outer == "int" and type(value) is bool):
            return value
    for kind in kinds:
        if kind.startswith(LISTS) and not isinstance(value, str | bytes | Mapping):
            return [_taken(each, _alternatives(_inside(kind))) for each in value]
    raise TypeError


def _alternatives(annotation: str) -> list[str]:
    """The kinds that an annotation names: those between its bars, but for bars inside of brackets."""
    kinds, depth = [""], 0
    for letter in annotation:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "|" and not depth:
            kinds.append("")
        else:
            kinds[-1] += letter
    kinds = [kind.strip() for kind in kinds]
    return [each for kind in kinds for each in (_alternatives(SHORT[kind]) if kind in SHORT else [kind])]


def _inside(kind: str) -> str:
    """What stands in a kind's brackets."""
    return kind.partition("[")[2].removesuffix("]")


def _in_words(kinds: list[str]) -> str:
    """Say what may be given."""
    told = []
    for kind in kinds:
        name = kind.partition("[")[0]
        if kind.startswith(LISTS):
            members = _alternatives(_inside(kind))
            told.append("a list of these" if {*members} <= {*kinds} else f"a list, each of it {_in_words(members)}")
        elif name == "Literal":
            told += _inside(kind).split(", ")
        else:
            told.append(WORDS.get(name) or f"a {name}")
    return " or ".join(told)


def _shown(value: Any) -> str:
    text = masked(repr(value))
    return f"{text if len(text) <= 60 else text[:57] + '...'}, of type {type(value).__name__}"
