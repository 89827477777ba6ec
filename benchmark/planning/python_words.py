"""What errors say of options, in the words of Python: where={"budget": "quick"}, and not --where budget=quick."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Container
from typing import Any

from crossvad.datasets.errors import InputError, plain
from crossvad.planning.names import members

CONDITION = r"""--where (?:'[^']*'|[^\s='";)]+=(?:[^\s;)]*[^\s;),])?)"""
WORDS = re.compile(
    r"(?P<command>`[^`]*`|\bbench(?: [a-z]+)+(?: --[^\s;,)]+(?: [^\s;,)]+)?)*)"  # what is to be typed stays
    rf"|(?P<where>{CONDITION}(?: {CONDITION})*)"
    r"|--(?P<flag>[a-z][a-z-]*)(?: (?P<number>\d[\d.]*)s?\b)?"
)


def in_python(text: str, known: Container[str] = ()) -> str:
    """Spell what a text says of options as arguments of a function, whose own are known; commands stay as they are.

    >>> in_python("choose at most --shots 3, or another --method", ("methods", "shots"))
    'choose at most shots=3, or another methods'
    >>> in_python("add --where budget=quick --where 'method=apn,lmn'")
    'add where={"budget": "quick", "method": ["apn", "lmn"]}'
    >>> in_python("run some with bench run --budget demo, or name another --results folder")
    'run some with bench run --budget demo, or name another results folder'
    """

    def spelled(found: re.Match[str]) -> str:
        if found["command"]:
            return found["command"]
        if found["where"]:
            return f"where={json.dumps(_conditions(found['where']), ensure_ascii=False)}"
        name = found["flag"].removeprefix("no-").replace("-", "_")
        name = name if name in known or f"{name}s" not in known else f"{name}s"
        if found["flag"].startswith("no-"):
            return f"{name}=False"
        return f"{name}={found['number']}" if found["number"] else name

    return WORDS.sub(spelled, text)


def tell_in_python(error: InputError, known: Container[str] = ()) -> None:
    """Let an error tell its line to callers from Python in their words, those of the function nearest to it."""
    if str(error) != error.line:
        return
    where, problem, fix = (in_python(part, known) for part in (error.where, error.problem, error.fix))
    error.args = (plain(f"{where}: {problem}; {fix}"),)


def _conditions(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in shlex.split(text)[1::2]:
        key, _, values = word.partition("=")
        several = members(values, key) if all(values.split(",")) else [values]
        found[key] = several if len(several) > 1 else values
    return found
