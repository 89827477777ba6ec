"""What strangers' files may hold: bytes and values spoilt at random, each from a generator of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

MARKER = "hostile_marker"  # what would be written or run were a name taken for more than a name
NUMBERS = (2**31, -1, 0, 2**63, -(2**63), 10**30, 10**400, math.nan, math.inf, -math.inf, 1e308, 0.5, 1e-320)
WORDS = (
    "",
    "../" * 6 + f"tmp/{MARKER}",
    f"/tmp/{MARKER}",
    f"path:../../{MARKER}",
    f"/tmp/{MARKER}.py:Evil",
    f"../{MARKER}.py:Evil[depth=3]",
    "~root",
    "file:///etc/passwd",
    "a\0b",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe",
    "two\nlines\r\nand more",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "-->x<!--",
    "a | b | c",
    "[link](javascript:alert(1))",
    r"\input{/etc/passwd}",
    r"$\frac$ $x^{$",
    "%s %n {0} {x!r} ${HOME} `id`",
    "[bold red]markup[/]",
    "apn[[",
    "]][",
    "\ud800",
    "=cmd|' /C calc'!A0",
    "x" * 5000,
    "ped2[videos=../../etc/passwd.txt]",
    "ped2[videos=1-99999999999]",
    "avenue[labels=../../x]",
    "a+b+c",
    "none",
    "nan",
    "1e309",
    "9" * 5000,
)
KINDS: tuple[Callable[[], Any], ...] = (dict, list, lambda: None, lambda: True, lambda: [[]], lambda: {"a": [1]})


def hostile_value(random: Generator) -> Any:
    """A word, a number, something of another type, or something nested very deep."""
    kind = random.integers(8)
    if kind < 4:
        return WORDS[random.integers(len(WORDS))]
    if kind < 6:
        return NUMBERS[random.integers(len(NUMBERS))]
    if kind == 6:
        return KINDS[random.integers(len(KINDS))]()
    return nested(int(random.choice([3, 40, 900])))


def nested(depth: int) -> Any:
    """A list in a list, and so on."""
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


def spoilt_value(random: Generator, value: Any, times: int = 1) -> Any:
    """A value of dicts, lists, texts and numbers, changed at a place or more; the one given stays as it is."""
    for _ in range(times):
        value = _spoilt_once(random, value)
    return value


def _spoilt_once(random: Generator, value: Any) -> Any:
    places = [*value] if isinstance(value, dict) else [*range(len(value))] if isinstance(value, list) else []
    if not places or random.random() < 0.15:
        return hostile_value(random)
    place = places[random.integers(len(places))]
    changed: Any = value.copy()
    way = random.integers(8)
    if way == 0:
        del changed[place]
    elif way == 1 and isinstance(value, dict):
        changed[str(WORDS[random.integers(len(WORDS))])] = changed.pop(place)
    elif way == 2 and isinstance(value, list):
        changed.append(hostile_value(random))
    elif way < 5:
        changed[place] = hostile_value(random)
    else:
        changed[place] = _spoilt_once(random, value[place])
    return changed


def spoilt_bytes(random: Generator, data: bytes) -> bytes:
    """Bytes cut short, flipped, inserted, doubled, zeroed, or with a number blown up; now and then twice over."""
    spoilt = WAYS[random.integers(len(WAYS))](random, data)
    return spoilt_bytes(random, spoilt) if spoilt and random.random() < 0.25 else spoilt


def spoilt_text(random: Generator, text: str) -> bytes:
    """A text whose numbers or words are replaced by hostile ones, or whose bytes are spoilt."""
    found = [*re.finditer(r"[0-9]+|[A-Za-z_]+|\"[^\"]*\"", text)]
    if not found or random.random() < 0.4:
        return spoilt_bytes(random, text.encode())
    match = found[random.integers(len(found))]
    numeric = match[0].isdigit() and random.random() < 0.7
    new = str(NUMBERS[random.integers(len(NUMBERS))] if numeric else WORDS[random.integers(len(WORDS))])
    if random.random() < 0.05:
        new = "[" * 3000
    return (text[: match.start()] + new + text[match.end() :]).encode("utf-8", "surrogatepass")


def _cut(random: Generator, data: bytes) -> bytes:
    return data[: random.integers(len(data) + 1)]


def _flipped(random: Generator, data: bytes) -> bytes:
    if not data:
        return data
    spoilt = bytearray(data)
    within = min(len(data), 512) if random.random() < 0.5 else len(data)  # headers are what readers trust
    for place in random.integers(within, size=random.integers(1, 9)):
        spoilt[place] ^= 1 << int(random.integers(8))
    return bytes(spoilt)


def _inserted(random: Generator, data: bytes) -> bytes:
    place = random.integers(len(data) + 1)
    return data[:place] + random.bytes(int(random.integers(1, 65))) + data[place:]


def _doubled(random: Generator, data: bytes) -> bytes:
    start, end = sorted(random.integers(len(data) + 1, size=2))
    return data[:end] + data[start:]


def _zeroed(random: Generator, data: bytes) -> bytes:
    start = random.integers(len(data) + 1)
    end = min(len(data), start + int(random.integers(1, 257)))
    return data[:start] + bytes(end - start) + data[end:]


def _blown_up(random: Generator, data: bytes) -> bytes:
    """Four or eight bytes become a large number, in either order: sizes and offsets of binary formats."""
    width, order = int(random.choice([2, 4, 8])), "little" if random.random() < 0.5 else "big"
    number = int(random.choice([1, 10**6, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62])) % 2 ** (8 * width)
    place = random.integers(max(1, min(len(data), 512) if random.random() < 0.5 else len(data)))
    return data[:place] + number.to_bytes(width, order) + data[place + width :]  # type: ignore[arg-type]


WAYS = (_cut, _flipped, _flipped, _inserted, _doubled, _zeroed, _blown_up)


def generator(seed: int, kind: str, number: int) -> Generator:
    """A generator that these three alone decide."""
    return np.random.default_rng([seed, *kind.encode(), number])
