"""Completion at the tab key of bash, which parts words at = and : before it asks what may stand there."""

from __future__ import annotations

from click.shell_completion import BashComplete, CompletionItem, add_completion_class

PARTING = frozenset("=:")  # of the signs at which bash parts words, those that names and conditions hold


class WholeWords(BashComplete):
    """Puts words together again, and gives bash what is to follow the last sign at which it parted them."""

    lead = ""  # of the word to be completed, what bash does not take to be part of it

    def get_completion_args(self) -> tuple[list[str], str]:
        """Tell the words before the one to be completed, and that: `--where`, `method=k` of --where, method, =, k."""
        args, last = super().get_completion_args()
        words: list[str] = []
        goes_on = False
        for word in [*args, last]:
            sign = bool(word) and PARTING.issuperset(word)
            if words and (sign or (goes_on and word)):
                words[-1] += word
            else:
                words.append(word)
            goes_on = sign
        *args, whole = words
        lead = whole if PARTING.issuperset(last) else whole.removesuffix(last)
        self.lead = lead.partition("=")[2] if whole.startswith("--") else lead  # of --where=method=k, method=
        return args, whole

    def format_completion(self, item: CompletionItem) -> str:
        """Spell what is to be typed."""
        return f"{item.type},{item.value.removeprefix(self.lead)}"


add_completion_class(WholeWords)
