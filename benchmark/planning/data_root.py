"""Where data sets lie."""

from __future__ import annotations

import os
from pathlib import Path


def data_root(said: str | Path | None) -> Path:
    """Return the data root: what the user said, else $CROSSVAD_DATA, else ./data."""
    return Path(said or os.environ.get("CROSSVAD_DATA") or "data")
