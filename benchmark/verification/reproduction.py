"""Whether a CSV file of rows is what stored scores say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from crossvad.datasets.errors import Problem
from crossvad.datasets.words import number_of
from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.rows import mixtures
from crossvad.evaluation.selection import KEYS, current
from crossvad.evaluation.tidy import COLUMNS, LOCATED, table
from crossvad.planning.protocol import get_protocol
from crossvad.present.atomic_files import replacing
from crossvad.store import profiles
from crossvad.store.store import Store
from crossvad.studies import planted_rows, published
from crossvad.verification.integrity import RERUN

# Where a cell lies is no part of what it says: `bench keep` moves it.
RECOMPUTED = [name for name in COLUMNS if name not in (*KEYS, "status", *LOCATED, PLACE)]
PROFILED = ("profiled", "fps")  # of a row whose speed is of a profile, which another may have replaced since
TOLERANCE = 1e-4  # of a number in a CSV file, which has four decimals


def verify_csv(path: Path, store: Store, write: bool = False) -> tuple[str, list[Problem]]:
    """Recompute a CSV file of tidy rows from stored scores and records.

    Args:
        path: of the file.
        store: holds the cells.
        write: what they say otherwise is written, not told.

    Returns:
        What was done, and what does not fit.
    """
    if path.name == "published.csv":
        return f"{len(published.load(path))} published figures fit their schema", []
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if set(planted_rows.COLUMNS) <= set(rows.columns):
        return f"{number_of(len(planted_rows.load(path)), 'row')} of planted anomalies fit their schema", []
    if not {*KEYS, "status"} <= set(rows.columns):
        return "", [Problem("warning", path.name, "is no table of cells, so it was not recomputed", "see its page")]
    problems = []
    if mixed := mixtures(pd.read_csv(path).reindex(columns=COLUMNS)):
        problems.append(Problem("warning", path.name, f"mixes {'; '.join(mixed)}", "compare within one only"))
    if (rows.reindex(columns=LOCATED, fill_value="") != "").to_numpy().any():
        fix = "bench table --metric rbdc,tbdc, where the maps are"
        problems.append(Problem("warning", path.name, "RBDC and TBDC were not recomputed: maps are not kept", fix))
    done = rows[rows["status"] == "done"]
    records = current(store.records())
    parts = [table(store, records, get_protocol(name), speeds={}) for name in done["protocol"].unique()]
    again = _texts(pd.concat(parts)) if parts else rows[:0]
    known = {_key(row): row for _, row in again[again["status"] == "done"].iterrows()}
    lost = 0
    for index, said in done.iterrows():
        key = _key(said)
        if key not in known:
            lost += 1
            continue
        of_profile = PROFILED if said.get("profiled") == "True" else ()
        wrong = {
            name: known[key][name]
            for name in RECOMPUTED
            if name in rows and name not in of_profile and differ(said[name], known[key][name])
        }
        if wrong and write:
            rows.loc[index, list(wrong)] = list(wrong.values())  # type: ignore[index]
        told = "; ".join(f"{name} {said[name] or 'nothing'}, not {new or 'nothing'}" for name, new in wrong.items())
        if wrong and not write:
            where = f"{path.name}, {', '.join(key)}"
            problems.append(Problem("error", where, f"is not what the stored scores say: {told}", RERUN))
    if write:
        with replacing(path) as draft:
            rows.to_csv(draft, index=False)
    if lost:
        fix = "keep the cells (bench keep), or drop the rows"
        problems.append(Problem("warning", path.name, f"{lost} of {len(done)} rows have no stored scores", fix))
    return f"{len(done) - lost} of {len(done)} rows recomputed", problems


def _texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Tidy rows as a CSV file has them."""
    return pd.read_csv(StringIO(rows.to_csv(index=False, float_format="%.4f")), dtype=str, keep_default_na=False)


def _key(row: pd.Series) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in KEYS)


def differ(said: str, known: str) -> bool:
    """Whether two texts are not the same number, up to the last decimal, nor the same words."""
    try:
        return not np.isclose(float(said), float(known), rtol=0, atol=TOLERANCE)
    except ValueError:
        return said != known


@contextmanager
def committed(results: Path) -> Iterator[Path]:
    """A results folder that holds the committed cells alone, where there are any: tables were made of those.

    What somebody has run beside them, in another place or after, is no part of a committed table. Nor are metrics that
    somebody has kept beside cells: they are computed anew.
    """
    store = Store(results)
    of_runs = [] if store.reference.is_dir() else [store.place(kind, "") for kind in ("cells", profiles.KIND)]
    with tempfile.TemporaryDirectory() as folder:
        for place in of_runs or [store.reference]:
            link = Path(folder) / place.relative_to(results)
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(place.resolve(), target_is_directory=True)
        yield Path(folder)
