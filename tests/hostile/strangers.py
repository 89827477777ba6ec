"""Results folders as a stranger may send them: records hashed and named as they should be, whatever they say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from crossvad.planning.cell import Cell, digest_of
from crossvad.store.store import stamped

COMPARED = [each.name for each in fields(Cell) if each.compare]


def put(results: Path, raw: dict[str, Any], scores: bytes | None = None, place: str = "runs/cells") -> Path:
    """Write a record under the key and with the hashes that a run would give it, as far as it can have any.

    Returns:
        Its folder.
    """
    cell = raw.get("cell")
    told = {name: cell[name] for name in COMPARED if name in cell} if isinstance(cell, dict) else {}
    folder = results / place / digest_of(told)
    folder.mkdir(parents=True)
    if scores is not None:
        (folder / "scores.npz").write_bytes(scores)
        raw = raw | {"digest": hashlib.sha256(scores).hexdigest()}
    (folder / "record.json").write_text(json.dumps(stamped(raw)))
    return folder
