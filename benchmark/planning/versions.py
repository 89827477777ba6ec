"""What makes a stored score current: small integers that people raise, and the code of a plug-in.

Every built-in method and tuning says in its class which version it is of, and the way from a file to a score, which
they all share, has one too: `HARNESS`. All three are part of a cell's name. Who changes what comes out raises the
version; who forgets to is stopped by the golden tests (`tests/golden`). A plug-in is as new as its file and what
that imports of its own project.
"""

from __future__ import annotations

from crossvad.adapters.project_code import code_of

HARNESS = 1  # of decoding, clips, training, preparation, support sets, adaptation and scoring, as far as it is shared
NETS = 2  # of `adapters/nets`, from whose parts plug-ins are built, too: they cannot tell that one has changed


def plugin_code(cls: type) -> str:
    """The code that a plug-in's class was made of, without comments and layout; empty for a class of ours.

    Of its file, and of what that imports of its own project.
    """
    if cls.__module__.startswith("crossvad."):
        return ""
    (_, code), *others = code_of(cls).items()
    return " ".join([code, f"over nets {NETS}", *(f"with {name} {text}" for name, text in others)])
