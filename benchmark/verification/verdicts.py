"""What is said of a plug-in: rule by rule, whether it holds, and what was seen."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from crossvad.datasets.errors import InputError


@dataclass(frozen=True)
class Verdict:
    """One rule, whether it holds, and what was measured."""

    rule: str
    holds: bool
    measured: str


def without_errors(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """These verdicts and, where making them ends in an error of the plug-in's, one that says so and where.

    Raises:
        InputError: what it says cannot be used at all.
    """
    try:
        yield from verdicts
    except InputError:
        raise
    except Exception as error:  # whatever a plug-in does; what is still to be judged rests on it
        yield Verdict("no call raises an error", False, f"{type(error).__name__}: {error} ({_place(error)})")


def _place(error: Exception) -> str:
    """Where in the plug-in's own code an error came from, or where else."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "crossvad" not in Path(frame.filename).parts] or frames
    own = [frame for frame in own if "site-packages" not in Path(frame.filename).parts] or own
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name}"


def required(name: str, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """These verdicts, all of which hold.

    Raises:
        AssertionError: some do not; names each, and what was seen.
    """
    seen = list(verdicts)
    broken = [f"  {verdict.rule}: {verdict.measured}" for verdict in seen if not verdict.holds]
    if broken:
        raise AssertionError("\n".join([f"{name} breaks {len(broken)} of {len(seen)} rules:", *broken]))
    return seen
