"""What is printed of plug-ins: which rules they keep, and which cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from crossvad.commands.telling import tell
from crossvad.planning import plugins

if TYPE_CHECKING:
    from crossvad.verification.verdicts import Verdict


def show_verdicts(verdicts: Iterable[Verdict]) -> None:
    """Print a table of rules, and whether each holds; exit with 1 if one does not."""
    from crossvad.present.terminal import console, plain_table

    seen = list(verdicts)
    rows = [[verdict.rule, "holds" if verdict.holds else "BROKEN", verdict.measured] for verdict in seen]
    console().print(plain_table(("rule", "", "what was seen"), rows))
    if not all(verdict.holds for verdict in seen):
        sys.exit(1)


def show_passed_over(group: str, ours: Collection[str]) -> None:
    """Print a line for each name of an installed package that cannot be used, and what to do about it."""
    for problem in plugins.passed_over(group, ours):
        tell(f"Left out: {problem}")
