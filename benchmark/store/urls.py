"""Results at a URL, and the folder on this machine in which they are read and written."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from crossvad.datasets.errors import InputError, masked
from crossvad.datasets.readers.file_identity import cache_root
from crossvad.datasets.wording import option

SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
SQUASHED = re.compile(r"[a-z][a-z0-9+.-]+:/(?!/)", re.IGNORECASE)  # what a `Path` makes of a URL


def is_url(results: str | Path) -> bool:
    """Whether results are said to lie at a URL, and not in a folder."""
    return isinstance(results, str) and SCHEME.match(results) is not None


PACKAGES = {  # that read URLs which the extra `remote` does not
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "adlfs"),
    **dict.fromkeys(("ssh", "sftp"), "paramiko"),
    "smb": "smbprotocol",
    "hf": "huggingface_hub",
}


def needed_for(url: str) -> str:
    """How to install what reads a URL."""
    package = PACKAGES.get(url.partition("://")[0].lower(), "")
    return f"pip install 'crossvad[remote]' {package}".rstrip()


def folder_of(results: str | Path) -> Path:
    """The folder on this machine that holds results: of a URL, its mirror below the cache root, there or not.

    Raises:
        InputError: it is a path that was a URL once.
    """
    if isinstance(results, str) and is_url(results):
        return cache_root() / "shared" / hashlib.sha256(results.rstrip("/").encode()).hexdigest()[:16]
    folder = Path(results)
    if SQUASHED.match(str(folder)) and not folder.exists():
        raise InputError(folder, "is a path, and was meant as a URL", "give it as text")
    return folder


def local_folder(results: str | Path, what: str) -> Path:
    """The folder of results that cannot be at a URL, as `what` is of one machine.

    Raises:
        InputError: they are at a URL.
    """
    if is_url(results):
        fix = "name a folder: " + option("results", "DIR")
        raise InputError(masked(str(results)), f"is a URL, and {what} is of a folder", fix)
    return folder_of(results)
