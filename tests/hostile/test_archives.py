"""Archives as they are downloaded: spoilt, and with members that would lie elsewhere."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from crossvad.datasets.published.archives import opened
from hostile.guard import bombard
from hostile.mutations import WORDS, spoilt_bytes

PIECE = 2**16


def zipped(names: list[str]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"0123456789" * 50)
    return whole.getvalue()


def tarred(names: list[str]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.size = 500
            if number % 3 == 2:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, names[0], 0
            archive.addfile(info, io.BytesIO(b"0123456789" * 50) if info.size else None)
    return gzip.compress(whole.getvalue(), mtime=0)


@pytest.mark.parametrize(("pack", "suffix"), [(zipped, "zip"), (tarred, "tar.gz")])
def test_archives(tmp_path, pack, suffix):
    """What is read of them stays below the folder, and is as long as it says."""
    path = tmp_path / f"archive.{suffix}"
    words = [word for word in WORDS if word and "\ud800" not in word and len(word) < 2000]

    def attempt(random):
        names = [f"a/{number}.png" for number in range(3)]
        if random.random() < 0.5:
            names[random.integers(3)] = words[random.integers(len(words))]
        whole = pack(names)
        path.write_bytes(spoilt_bytes(random, whole) if random.random() < 0.7 else whole)
        with opened(path) as files:
            for name, member in files.items():
                assert not name.startswith(("/", "~/")) and ".." not in name.split("/")
                assert member.size < 10**6 or suffix == "zip"

    bombard(f"archive {suffix}", 200, attempt)
