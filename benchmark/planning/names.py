"""Lists of names as people write them: commas between names, and commas inside brackets that belong to options."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crossvad.adapters.options import check_ranges
from crossvad.datasets.errors import InputError


def listed(text: str, separator: str = ",") -> list[str]:
    """The names in `apn[prototypes=5,cycles=1],lmn`: two of them; empty ones are left out."""
    parts, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def joined(text: str) -> str:
    """The name that data sets trained on at once go by, in whatever order they are named: ped1+ped2 of ped2+ped1."""
    return "+".join(sorted(listed(text, "+")))


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """The name and the options, still as text, of `name[field=value,…]`.

    Raises:
        InputError: it is not written so.
    """
    match = re.fullmatch(r"(?P<name>[^\[\]]+)(?:\[(?P<options>[^\[\]]*)\])?", text.strip())
    if not match:
        raise InputError(text, "cannot be read", "write name or name[field=value,field=value]")
    options: dict[str, str] = {}
    for part in filter(str.strip, (match["options"] or "").split(",")):
        field, equals, value = (text.strip() for text in part.partition("="))
        if options and not equals:  # one more member of a list: scales=1,0.5
            options[next(reversed(options))] += f",{field}"
        else:
            options[field] = value
    return match["name"].strip(), options


def with_options(name: str, cls: type, options: dict[str, str]) -> tuple[str, type, Any]:
    """The label, the class and its options object; values are read as the type that the option's field declares.

    Raises:
        InputError: no such option, or a value of another type, out of its range, or at odds with another.
    """
    hints = get_type_hints(cls.Options)  # type: ignore[attr-defined]
    fields = [field.name for field in dataclasses.fields(cls.Options)]  # type: ignore[attr-defined]
    values: dict[str, Any] = {}
    for field, text in options.items():
        if field not in fields:
            raise unknown_name(f"option of {name}", field, fields)
        values[field] = _value(f"{name}[{field}={text}]", text, hints[field])
    try:
        chosen = cls.Options(**values)  # type: ignore[attr-defined]
        check_ranges(chosen)
    except ValueError as error:
        given = ",".join(f"{field}={text}" for field, text in options.items())
        raise InputError(f"{name}[{given}]", str(error), "choose another value (bench methods info)") from error
    changed = {f: getattr(chosen, f) for f in fields if getattr(chosen, f) != getattr(cls.Options(), f)}  # type: ignore[attr-defined]
    label = name + ("[" + ",".join(f"{f}={written(value)}" for f, value in changed.items()) + "]" if changed else "")
    return label, cls, chosen


def written(value: Any) -> str:
    """An option's value as it is typed: a list's members with a comma between."""
    return ",".join(f"{member:g}" for member in value) if isinstance(value, tuple) else str(value)


def _value(where: str, text: str, kind: Any) -> Any:
    """An option's value, read as the type of its field; of a list, of numbers with a comma between, every member."""
    if get_origin(kind) is tuple:
        return tuple(_value(where, member.strip(), get_args(kind)[0]) for member in text.split(","))
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise InputError(where, "is no choice", f"choose from {', '.join(get_args(kind))}")
        return text
    try:
        return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError) as error:
        raise InputError(where, f"is not a {kind.__name__}", "correct it") from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say what comes close to a name: `did you mean lmn? `; nothing if nothing does."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}? " if close else ""


def number_of(count: int, thing: str) -> str:
    """Say how many things there are: 1 cell, 2 cells."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def unknown_name(kind: str, name: str, known: Iterable[str], more: str = "") -> InputError:
    """The error for a name that is not known: says what comes close, and all that are."""
    known = list(known)
    fix = f"{did_you_mean(name, known)}known: {', '.join(known)} {more}".strip()
    return InputError(name or "(empty)", f"is no known {kind}", fix)
