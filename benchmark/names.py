"""Lists of names as people write them: commas between names, and commas inside brackets that belong to options."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """The names in `apn[prototypes=5,cycles=1],lmn`: two of them; empty ones are left out."""
    parts, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
