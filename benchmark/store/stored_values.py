"""What values the keys of stored cells have, read fast and with nothing heavy, for the tab key"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from crossvad.datasets.errors import UNSEEN
from crossvad.datasets.readers.file_identity import small_text
from crossvad.planning.names import paired


def stored_values(results: Path, key: str) -> list[str]:
    """List the values of a key in the cells of a results folder, sorted; none where there are no such cells.

    What cannot be read is passed over.
    """
    found = set()
    for place in ("runs/cells", "reference"):
        for path in results.glob(f"{place}/[!.]*/record.json"):
            with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                cell = json.loads(small_text(path))["cell"]
                found.add(paired(cell["source"], cell["target"]) if key == "pair" else str(cell[key]))
    return sorted(value for value in found if value and not UNSEEN.search(value))
