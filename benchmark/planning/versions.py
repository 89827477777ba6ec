"""What makes a stored score current: small integers that people raise, and the code of a plug-in.

Every built-in method and tuning says in its class which version it is of, and the way from a file to a score, which
they all share, has one too: `HARNESS`. All three are part of a cell's name. Who changes what comes out raises the
version; who forgets to is stopped by the golden tests (`tests/golden`). A plug-in is as new as its file and what
that imports of its own project.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from crossvad.planning.project_code import project_code

HARNESS = 1  # of decoding, clips, training, preparation, support sets, adaptation and scoring, as far as it is shared
NETS = 2  # of `adapters/nets`, from whose parts plug-ins are built, too: they cannot tell that one has changed


def plugin_code(cls: type) -> str:
    """The code that a plug-in's class is made of, without comments and layout; empty for a class of ours.

    Of its file, and of what that imports of its own project. To be read when the class is chosen, as somebody may edit
    it while a long grid runs.
    """
    if cls.__module__.startswith("crossvad."):
        return ""
    file = inspect.getsourcefile(cls)
    assert file is not None  # it was imported from a file
    (_, code), *others = project_code(cls.__module__, Path(file)).items()
    return " ".join([code, f"over nets {NETS}", *(f"with {name} {text}" for name, text in others)])
