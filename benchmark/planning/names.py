"""Lists of names as people write them: commas between names, and commas inside brackets that belong to options."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Container, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crossvad.adapters.options import check_ranges
from crossvad.datasets.errors import InputError

ARROW = "\N{RIGHTWARDS ARROW}"  # from a source to a target


def listed(text: str, separator: str = ",") -> list[str]:
    """The names in `apn[prototypes=5,cycles=1],lmn`: two of them; empty ones are left out."""
    return [part for part in _parts(text, separator) if part]


def members(text: str, where: str, separator: str = ",") -> list[str]:
    """The names of a list that somebody types, as `listed` reads it; none, if there is nothing but separators.

    Raises:
        InputError: there is a name too few for the separators; says so of `where`.
    """
    parts = _parts(text, separator)
    if any(parts) and not all(parts):
        raise InputError(where, f"{text!r} has an empty name beside a {separator!r}", "name one there, or remove it")
    return [part for part in parts if part]


def _parts(text: str, separator: str) -> list[str]:
    """What stands between separators, empty or not; those inside brackets belong to options."""
    parts, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def joined(text: str) -> str:
    """The name that data sets trained on at once go by, in whatever order they are named: ped1+ped2 of ped2+ped1."""
    return "+".join(sorted(listed(text, "+")))


def paired(source: str, target: str) -> str:
    """The name of a source and a target together: ped2→ped1."""
    return f"{source}{ARROW}{target}"


def as_pair(text: str) -> str:
    """The name of a pair, by what is typed: `ped2 -> ped1`, the source's parts in any order."""
    source, *target = (part.strip() for part in text.replace("->", ARROW).split(ARROW))
    return ARROW.join([joined(source), *target])


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """The name and the options, still as text, of `name[preset,field=value,…]`; a preset has an empty text.

    Raises:
        InputError: it is not written so.
    """
    if not text.strip():
        raise InputError("(empty)", "is no name", "name one")
    match = re.fullmatch(r"(?P<name>[^\[\]]+)(?:\[(?P<options>[^\[\]]*)\])?", text.strip())
    if not match:
        raise InputError(text, "cannot be read", "write name or name[field=value,field=value]")
    options: dict[str, str] = {}
    for part in members(match["options"] or "", text):
        field, equals, value = (text.strip() for text in part.partition("="))
        if options and not equals:  # one more member of a list: scales=1,0.5
            options[next(reversed(options))] += f",{field}"
        elif field in options:
            raise InputError(text, f"says {field} twice", "say it once")
        else:
            options[field] = value
    return match["name"].strip(), options


def spelled(name: str, options: Mapping[str, str]) -> str:
    """Write what `split_options` reads: `name[field=value,…]`; a preset is a field without a value."""
    words = [f"{field}={text}" if text else field for field, text in options.items()]
    return f"{name}[{','.join(words)}]" if words else name


def with_options(name: str, cls: type, options: Mapping[str, str]) -> tuple[str, type, Any]:
    """The label, the class and its options object; values are read as the type that the option's field declares.

    A word without a value is a preset of the class's `Options`, `presets: ClassVar[dict[str, dict[str, Any]]]`: several
    options by one name, any of which may be said otherwise beside it. Of all ways to write the same options the label
    is the one of the fewest words, and of those the shortest, so that it does not depend on how they were said.

    Raises:
        InputError: no such option, or a value of another type, out of its range, or at odds with another.
    """
    made: Any = cls.Options  # type: ignore[attr-defined]
    hints, presets = get_type_hints(made), presets_of(cls)
    fields = [field.name for field in dataclasses.fields(made)]
    if wrong := [f"{word} says {field}" for word in presets for field in presets[word] if field not in fields]:
        raise InputError(f"presets of {name}", f"{wrong[0]}, which is no option", "name options that it has")
    named, said = _parted(options, presets)
    values: dict[str, Any] = {field: value for word in named for field, value in presets[word].items()}
    for field, text in said.items():
        if field not in fields:
            raise unknown_name(f"option of {name}", field, [*presets, *fields])
        values[field] = _value(f"{name}[{field}={text}]", text, hints[field])
    try:
        chosen = made(**values)
        check_ranges(chosen)
        ways = [_words(chosen, word, made(**preset)) for word, preset in {"": {}, **presets}.items()]
    except ValueError as error:
        raise InputError(spelled(name, options), str(error), "choose another value (bench methods info)") from error
    fewest = [spelled(name, way) for way in ways if len(way) == min(map(len, ways))]
    return min(fewest, key=len), cls, chosen


def presets_of(cls: type) -> Mapping[str, Mapping[str, Any]]:
    """Options of a class that go by one name together, by that name; none of most."""
    return getattr(cls.Options, "presets", {})  # type: ignore[attr-defined]


def _parted(options: Mapping[str, str], presets: Container[str]) -> tuple[list[str], dict[str, str]]:
    """Presets and options, as typed in any order: after an option, a preset looks like a member of its list."""
    named: list[str] = []
    said: dict[str, str] = {}
    for field, text in options.items():
        first, *more = text.split(",")
        others = [word for word in more if word not in presets]
        if field in presets and not first:
            named.append(field)
            said |= dict.fromkeys(others, "")
        else:
            said[field] = ",".join([first, *others])
        named += [word for word in more if word in presets]
    return named, said


def _words(chosen: Any, preset: str, start: Any) -> dict[str, str]:
    """Options as they are typed: the preset they start from, if any, and what differs from it."""
    fields = [field.name for field in dataclasses.fields(chosen)]
    changed = {f: written(getattr(chosen, f)) for f in fields if getattr(chosen, f) != getattr(start, f)}
    return {preset: "", **changed} if preset else changed


def written(value: Any) -> str:
    """An option's value as it is typed: a list's members with a comma between, and no digit of them lost."""
    return ",".join(map(_shortest, value)) if isinstance(value, tuple) else str(value)


def _shortest(number: float) -> str:
    """Write 1.0 as 1; two numbers that differ are never written alike, as cells are told apart by what is written."""
    short = f"{number:g}"
    return short if isinstance(number, float) and float(short) == number else str(number)


def _value(where: str, text: str, kind: Any) -> Any:
    """An option's value, read as the type of its field; of a list, of numbers with a comma between, every member."""
    if get_origin(kind) is tuple:
        return tuple(_value(where, member.strip(), get_args(kind)[0]) for member in text.split(","))
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            fix = f"{did_you_mean(text, get_args(kind))}choose from {', '.join(get_args(kind))}"
            raise InputError(where, "is no choice", fix)
        return text
    try:
        return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError) as error:
        raise InputError(where, f"is not a {kind.__name__}", "correct it") from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say what comes close to a name, with its options or without: `did you mean lmn? `; nothing if nothing does."""
    known = list(known)
    meant = {each.partition("[")[0]: each for each in reversed(known)} | {each: each for each in known}
    close = difflib.get_close_matches(name, list(meant), 1)
    return f"did you mean {meant[close[0]]}? " if close else ""


def unknown_name(kind: str, name: str, known: Iterable[str], more: str = "") -> InputError:
    """The error for a name that is not known: says what comes close, and all that are."""
    known = list(known)
    fix = f"{did_you_mean(name, known)}known: {', '.join(known)} {more}".strip()
    return InputError(name or "(empty)", f"is no known {kind}", fix)
