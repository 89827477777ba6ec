"""Directories at a URL where others may be writing, that are whole: what is written last names hashes of the rest.

What is half there, or was written by two at a time, is taken for nothing, so that it is made again and replaced. Names
are those of files that such a directory has, and no others: whoever wrote there cannot have anything written elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from crossvad.datasets.errors import InputError
from crossvad.store.objects import Objects
from crossvad.store.records import RECORD, read_record
from crossvad.store.store import SCORES, sha256

OF_CELLS = CELLS, REFERENCE = "runs/cells", "reference"  # folders; in others are fits and the like
SUMS = "sha256.json"  # of a fit: its files and their hashes; of a cell that is its record
PART = re.compile(r"[a-z]+\.(json|npz|safetensors)")  # a file of a fit
MOST = {RECORD: 2**26, SCORES: 2**28, SUMS: 2**16}  # bytes
MOST_OF_A_FIT = 2**33


class NotWhole(ValueError):
    """A directory lacks a part, or has one that is not as it was written."""


def fetch_whole(objects: Objects, folder: str, key: str, draft: Path) -> None:
    """Fetch a directory, but for a cell's maps, and hold it against its hashes.

    Args:
        objects: where it is.
        folder: that it is in there.
        key: its name.
        draft: where it is written, good or not.

    Raises:
        FileNotFoundError: it is not there, or lacks a part.
        ValueError: it is not whole.
        Unreachable: the URL cannot be read.
    """
    if folder in OF_CELLS:
        (draft / RECORD).write_bytes(objects.read(f"{folder}/{key}/{RECORD}", MOST[RECORD]))
        parts = _scores_of(key, draft)
    else:
        parts = _listed(objects.read(f"{folder}/{key}/{SUMS}", MOST[SUMS]))
    for name, digest in parts.items():
        objects.fetch(f"{folder}/{key}/{name}", draft / name, MOST.get(name, MOST_OF_A_FIT))
        if sha256(draft / name) != digest:
            raise NotWhole(f"{name} is not as it was written")


def _scores_of(key: str, draft: Path) -> Mapping[str, str]:
    """What a cell has to have beside its record, with hashes.

    Raises:
        NotWhole: the record is of another cell, or of one without scores.
    """
    try:
        record = read_record(draft)
    except InputError as error:
        raise NotWhole(error.problem) from error
    if record is None or record.status != "done" or record.cell.key != key:
        raise NotWhole("its record is of another cell, or of one without scores")
    return {SCORES: record.digest}


def _listed(told: bytes) -> Mapping[str, str]:
    """What a fit has to have, with hashes.

    Raises:
        NotWhole: this is not told as it is written.
    """
    try:
        sums = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise NotWhole(str(error)) from error
    if not isinstance(sums, dict) or not sums or not all(PART.fullmatch(name) for name in sums):
        raise NotWhole("it names none of the files that a fit has, or others")
    return sums
