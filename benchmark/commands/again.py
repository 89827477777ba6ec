"""A command once more, with a choice that it lacked: spelled so that it can be pasted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from crossvad.datasets.errors import masked

WHERE = "--where"


def narrowed(words: Sequence[str], conditions: Sequence[str]) -> str:
    """Spell `bench WORDS…` with more conditions, KEY=VALUE each; of the words, others on these keys are left out."""
    keys = {condition.partition("=")[0] for condition in conditions}
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == WHERE or word.startswith(f"{WHERE}="):
            condition = next(rest, "") if word == WHERE else word.removeprefix(f"{WHERE}=")
            kept += [WHERE, condition] if condition.partition("=")[0] not in keys else []
        else:
            kept.append(word)
    added = [word for condition in conditions for word in (WHERE, condition)]
    return masked(shlex.join(["bench", *kept, *added]))
