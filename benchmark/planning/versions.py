"""What makes a stored score current: small integers that people raise, and the code of a plug-in's file.

Every built-in method and tuning says in its class which version it is of, and the way from a file to a score, which
they all share, has one too: `HARNESS`. All three are part of a cell's name. Who changes what comes out raises the
version; who forgets to is stopped by the golden tests (`tests/golden`). A plug-in is as new as its file.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

HARNESS = 1  # of decoding, clips, training, preparation, support sets, adaptation and scoring, as far as it is shared
NETS = 2  # of `adapters/nets`, from whose parts plug-ins are built, too: they cannot tell that one has changed


def plugin_code(cls: type) -> str:
    """The code of the file that a plug-in's class is in, without comments and layout; empty for a class of ours.

    To be read when the class is chosen, as somebody may edit the file while a long grid runs.
    """
    if cls.__module__.startswith("crossvad."):
        return ""
    file = inspect.getsourcefile(cls)
    assert file is not None  # it was imported from a file
    code = ast.dump(ast.parse(Path(file).read_text(encoding="utf-8")))
    return f"{code} over nets {NETS}"
