"""The card of a submission: what no code can know, as its sender says it in a TOML file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossvad.datasets.errors import UNSEEN, InputError, Problem
from crossvad.datasets.readers.file_identity import small_text
from crossvad.submission.layout import CARD, MEGABYTE

LONGEST = 600  # characters of a text
HEAD = """\
# What no code can know of this submission. Fill in the lines that say nothing, then run the same bench submit pack
# again, which keeps what is written here. All of it is shown to whoever looks at the leaderboard.
"""
LINES = {  # of the card itself, and whether they may say nothing
    "by": ("who ran this: a name, a lab, a handle", False),
    "contact": ("optional: an address that may be shown", True),
    "note": ("optional: a sentence for whoever compares", True),
}
METHOD_LINES = {
    "title": ("what the method is called", False),
    "paper": ("where it is described; unpublished, if nowhere", False),
    "licence": ("of its code, such as MIT", False),
}
DEVIATIONS = "where it departs from its paper and why, a sentence each"


@dataclass(frozen=True)
class MethodCard:
    """What is said of one method that this package does not know."""

    title: str = ""
    paper: str = ""
    licence: str = ""
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """What is said of a submission."""

    by: str = ""
    contact: str = ""
    note: str = ""
    methods: Mapping[str, MethodCard] = field(default_factory=dict)  # by name, without options


def read_card(path: Path) -> Card:
    """Read a card; lines that are not there say nothing.

    Raises:
        InputError: it is no TOML, or has lines of another name or type, or texts that are too long or cannot be seen.
    """
    fix = "mend it, or remove it and run bench submit pack again"
    try:
        told = tomllib.loads(small_text(path, MEGABYTE))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(CARD, f"cannot be read ({error})", fix) from error
    wrong = _misfits(told, LINES, "methods")
    methods = told.get("methods", {})
    if not isinstance(methods, dict) or not all(isinstance(each, dict) for each in methods.values()):
        raise InputError(CARD, "methods are no tables", fix)
    for name, each in methods.items():
        wrong += [f"{name}: {what}" for what in _misfits(each, METHOD_LINES, "deviations")]
        several = each.get("deviations", [])
        if not _fits(name) or not isinstance(several, list) or not all(map(_fits, several)):
            wrong.append(f"{name}: deviations are no list of sentences")
    if wrong:
        raise InputError(CARD, "; ".join(wrong), fix)
    described = {
        name: MethodCard(**{**each, "deviations": tuple(each.get("deviations", ()))}) for name, each in methods.items()
    }
    return Card(**{name: text for name, text in told.items() if name != "methods"}, methods=described)


def _misfits(told: Mapping[str, Any], lines: Mapping[str, Any], apart: str) -> list[str]:
    unknown = [f"there is no line {name[:40]}" for name in told if name not in lines and name != apart]
    return unknown + [f"{name} is no text that can be shown" for name in lines if not _fits(told.get(name, ""))]


def _fits(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= LONGEST and not UNSEEN.search(text)


def write_card(card: Card) -> str:
    """Write a card as TOML, every line with what it is for."""
    parts = [HEAD, _written(card, LINES)]
    for name, method in sorted(card.methods.items()):
        sentences = "".join(f"\n    {_quoted(sentence)}," for sentence in method.deviations)
        listed = f"deviations = [{sentences}{chr(10) if sentences else ''}]  # {DEVIATIONS}\n"
        parts.append(f"[methods.{_quoted(name)}]\n{_written(method, METHOD_LINES)}{listed}")
    return "\n".join(parts)


def _written(part: Card | MethodCard, lines: Mapping[str, tuple[str, bool]]) -> str:
    return "".join(f"{name} = {_quoted(getattr(part, name))}  # {what}\n" for name, (what, _) in lines.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # which TOML reads as a basic string


def unsaid(card: Card, text: str) -> list[Problem]:
    """What a card must say and does not, each with its line in the file's text."""
    places = [("", name) for name, (_, optional) in LINES.items() if not optional and not getattr(card, name)]
    places += [
        (method, name)
        for method, each in card.methods.items()
        for name, (_, optional) in METHOD_LINES.items()
        if not optional and not getattr(each, name)
    ]
    fix = "fill it in, and run the same bench submit pack again"
    return [
        Problem("error", f"{CARD}, line {_line(text, method, name)}", f"{name} says nothing", fix)
        for method, name in places
    ]


def _line(text: str, method: str, name: str) -> int:
    """The number of a line that begins with a name, in a method's table or above all; else the table's."""
    lines = text.splitlines()
    start = lines.index(f"[methods.{_quoted(method)}]") if method and f"[methods.{_quoted(method)}]" in lines else 0
    found = (number for number, line in enumerate(lines[start:], start=start) if line.split("=")[0].strip() == name)
    return next(found, start) + 1
