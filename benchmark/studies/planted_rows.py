"""Rows of planted anomalies: what was told apart, kept as a CSV file, of which tables are made again without a run."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.planting.kind_names import ALL_KINDS
from crossvad.datasets.wording import noun
from crossvad.present.atomic_files import replacing

# What a row is of: `number` counts the scenes that are drawn for a seed, `planting` is the version of what is drawn.
KEYS = [
    "method", "method_version", "source", "source_digest", "budget", "tuning", "steps", "shots", "seed", "planting",
    "number", "scene",
]  # fmt: skip
COLUMNS = [*KEYS, *ALL_KINDS]  # a row a scene and number of shots: of each kind the AUC in %
COUNTS = ["steps", "shots", "seed", "planting", "number"]
# What one row replaces another by: of newer versions of a method, and of other copies of a source.
REPLACED_BY = [key for key in KEYS if key not in ("method_version", "source_digest", "planting")]
NOBODY = ""  # in a method's place: the scene was looked at, and nobody could be cut out of it; all AUCs are missing


def left_out_rows(source: str, digest: str, budget: str, planting: int, scenes: Iterable[str]) -> pd.DataFrame:
    """Note which scenes of a source nobody could be cut out of: a row each, without a method and without an AUC."""
    known: dict[str, str | int] = {
        "method": NOBODY,
        "method_version": "",
        "source": source,
        "source_digest": digest,
        "budget": budget,
    }
    known |= {"tuning": "", "steps": 0, "shots": 0, "seed": 0, "planting": planting, "number": 0}
    lines = [{**known, "scene": scene} for scene in scenes]
    return pd.DataFrame(lines, columns=COLUMNS).astype(dict.fromkeys(ALL_KINDS, float))


def as_csv(rows: pd.DataFrame) -> str:
    """Write rows as CSV, numbers in full."""
    return rows[COLUMNS].to_csv(index=False)


def from_csv(text: str) -> pd.DataFrame:
    """Read rows that `as_csv` wrote."""
    texts = {key: str for key in KEYS if key not in COUNTS}
    rows = pd.read_csv(StringIO(text), dtype=texts, keep_default_na=False, na_values={kind: [""] for kind in ALL_KINDS})
    return rows.astype(dict.fromkeys(COUNTS, int) | dict.fromkeys(ALL_KINDS, float))


def load(path: Path) -> pd.DataFrame:
    """Read a file of rows: `COLUMNS`.

    Raises:
        InputError: it is not there, or holds other things.
    """
    try:
        rows = from_csv(path.read_text(encoding="utf-8"))
        missing = [name for name in COLUMNS if name not in rows]
    except (OSError, ValueError, KeyError) as error:
        fix = "name a file that `bench choose --out` wrote"
        raise InputError(path, f"cannot be read as rows of planted anomalies ({error})", fix) from error
    values = rows[[*ALL_KINDS]].to_numpy() if not missing else np.empty(0)
    if missing or (values < 0).any() or (values > 100).any() or np.isnan(values[rows["method"] != NOBODY]).any():
        problem = f"lacks {', '.join(missing)}" if missing else "has an AUC that is not from 0 to 100"
        raise InputError(path, problem, "make it again: bench choose --out")
    return rows[COLUMNS]


def merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Put new rows beside old ones, in the place of those that they replace, all sorted by their keys.

    Of a source, budget and seed what is drawn must be the same for all methods: rows of other scenes, of another copy
    of the source or another version of what is drawn, go.
    """
    drawn = ["source", "budget"]
    same = ["source_digest", "planting"]
    current = new.drop_duplicates(drawn).set_index(drawn)[same]
    known = old.join(current, on=drawn, rsuffix="_now")
    stale = np.zeros(len(old), bool)
    for name in same:
        now = known[f"{name}_now"]
        stale |= (now.notna() & (now != known[name])).to_numpy()
    rows = pd.concat([old[~stale], new], ignore_index=True).drop_duplicates(REPLACED_BY, keep="last")
    return rows.sort_values(KEYS, kind="stable", ignore_index=True)[COLUMNS]


def keep(path: Path, new: pd.DataFrame) -> pd.DataFrame:
    """Put rows into a file, beside what it holds. Returns all that it then holds.

    Raises:
        InputError: something else is in its place, or it cannot be written.
    """
    rows = merged(load(path), new) if path.exists() else merged(new[:0], new)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            draft.write_text(as_csv(rows), encoding="utf-8")
    except OSError as error:
        raise InputError(path, f"cannot be written ({error.strerror})", "choose another " + noun("out")) from error
    return rows
