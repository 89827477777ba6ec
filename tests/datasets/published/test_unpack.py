"""Unpacking downloaded archives: nothing may be written outside the folder, and a killed run goes on."""

import contextlib
import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.datasets.published import unpack as unpacking
from crossvad.datasets.published.unpack import members_size, unpack
from live_made import until

FILES = {"set/a.txt": b"first", "set/ü b/c.bin": bytes(range(256)) * 9000, "set/empty": b""}


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:gz", *links: tarfile.TarInfo) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for link in links:
            archive.addfile(link)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link(path: Path, name: str, target: str) -> Path:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"first")
        archive.writestr(info, target)
    return path


def inside(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def into(tmp_path) -> Path:
    """The folder to unpack in, in one that stays empty but for it."""
    (tmp_path / "around").mkdir()
    return tmp_path / "around" / "into"


def refused(archive: Path, into: Path, *words: str, written: bool = False) -> None:
    """An error in one line that names the archive; by default before anything was written."""
    with pytest.raises(InputError) as info:
        unpack(archive, into)
    assert info.value.where == str(archive) and "\n" not in str(info.value)
    assert all(word in str(info.value) for word in words), info.value
    assert set(into.parent.iterdir()) <= {into} and (written or not into.exists())


# ----------------------------------------------------------------------------------------------------------- what comes


@pytest.mark.parametrize("form", ["zip", "stored", "lzma", "tar", "gz", "bz2", "xz"])
def test_everything_comes_out(tmp_path, into, form):
    path = tmp_path / "das Archiv"  # what it is tells its content, not its name
    methods = {"zip": zipfile.ZIP_DEFLATED, "stored": zipfile.ZIP_STORED, "lzma": zipfile.ZIP_LZMA}
    if form in methods:
        zipped(path, FILES, methods[form])
    else:
        tarred(path, FILES, "w:" if form == "tar" else f"w:{form}")
    assert members_size(path) == sum(map(len, FILES.values()))
    told = []
    unpack(path, into, lambda *step: told.append(step))
    assert inside(into) == FILES
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][:2] == (members_size(path), members_size(path)) and {of for _, of, _ in told} == {told[0][1]}


def test_what_macos_adds_is_left_out(tmp_path, into):
    strays = {"__MACOSX/set/._a.txt": b"x", "set/._a.txt": b"y", "set/deep/": b""}
    unpack(zipped(tmp_path / "a.zip", FILES | strays), into)
    assert inside(into) == FILES and not (into / "set/deep").exists()


def test_the_last_of_two_members_of_one_name_counts(tmp_path, into):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for data in (b"old", b"newer"):
            info = tarfile.TarInfo("./a.txt")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    unpack(tmp_path / "a.tar", into)
    assert inside(into) == {"a.txt": b"newer"} and members_size(tmp_path / "a.tar") == 5


def test_links_become_copies(tmp_path, into):
    links = [
        special("set/soft", tarfile.SYMTYPE, "a.txt"),
        special("hard", tarfile.LNKTYPE, "set/a.txt"),
        special("set/ü b/far", tarfile.SYMTYPE, "../soft"),
    ]
    unpack(tarred(tmp_path / "a.tar", FILES, "w", *links), into)
    assert inside(into) == FILES | dict.fromkeys(["set/soft", "hard", "set/ü b/far"], b"first")
    assert not any(path.is_symlink() for path in into.rglob("*"))
    unpack(zip_link(tmp_path / "a.zip", "deep/soft", "../a.txt"), into / "zip")
    assert inside(into / "zip") == {"a.txt": b"first", "deep/soft": b"first"}


# ------------------------------------------------------------------------------------------------------- what must not


LEAVING = ["../out", "a/../../out", "/out", "//out", "\\out", "..\\out", "C:\\out", "C:out", "a/..", ".."]


@pytest.mark.parametrize("name", LEAVING)
def test_members_that_would_leave_are_refused(tmp_path, into, name):
    refused(tarred(tmp_path / "a.tar", FILES | {name: b"evil"}, "w"), into, "outside the folder", repr(name))
    refused(zipped(tmp_path / "a.zip", FILES | {name: b"evil"}), into, "outside the folder", repr(name))


@given(st.lists(st.text(st.sampled_from("ab./\\:~ \0é"), min_size=1, max_size=9), min_size=1, max_size=4, unique=True))
def test_whatever_the_names_nothing_lies_outside(tmp_path_factory, names):
    around = tmp_path_factory.mktemp("around")
    archive, into = tarred(tmp_path_factory.mktemp("a") / "a.tar", dict.fromkeys(names, b"x"), "w"), around / "into"
    with contextlib.suppress(InputError):
        unpack(archive, into)
    assert set(around.iterdir()) <= {into}
    assert not any(path.is_symlink() for path in around.rglob("*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "nothing", "set", "link"])
def test_tar_links_that_lead_elsewhere_are_refused(tmp_path, into, kind, target):
    (tmp_path / "secret").write_text("not yours")
    refused(tarred(tmp_path / "a.tar", FILES, "w", special("link", kind, target)), into, "'link' links to")


def test_nothing_is_written_through_a_link(tmp_path, into):
    """A link to a folder outside, then a file below the link: the classic way out."""
    (tmp_path / "outside").mkdir()
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(special("door", tarfile.SYMTYPE, str(tmp_path / "outside")))
        info = tarfile.TarInfo("door/evil")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    refused(tmp_path / "a.tar", into, "'door' links to")
    assert not any((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret"])
def test_zip_links_that_lead_elsewhere_are_refused(tmp_path, into, target):
    refused(zip_link(tmp_path / "a.zip", "deep/link", target), into, "'deep/link' links to")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path, into, kind):
    refused(tarred(tmp_path / "a.tar", FILES, "w", special("null", kind)), into, "'null' is neither file nor folder")


def test_encrypted_and_unknown_compression_are_refused(tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"a.txt": b"first"})
    data = path.read_bytes()
    central = data.index(b"PK\1\2")
    for offset, value, words in ((8, 1, "is encrypted"), (10, 99, "in a way that Python cannot read")):
        changed = bytearray(data)
        struct.pack_into("<H", changed, central + offset, value)
        path.write_bytes(changed)
        refused(path, into, "'a.txt'", words, "by hand")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><title>Quota exceeded</title>", b"PK\3\4", bytes(600)])
def test_what_is_no_archive_is_refused(tmp_path, into, content):
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", into, "fetch it again")


def test_a_missing_archive_is_named(tmp_path, into):
    refused(tmp_path / "no.zip", into, "cannot be opened")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "zip"])
def test_a_truncated_archive_is_refused_before_anything_is_written(tmp_path, into, mode):
    path = tmp_path / "a"
    noise = {"noise": os.urandom(40_000), "more": os.urandom(500)}
    whole = (zipped(path, noise) if mode == "zip" else tarred(path, noise, mode)).read_bytes()
    for length in range(1, len(whole), 997):
        path.write_bytes(whole[:length])
        if mode == "w" and not any(whole[length:]):
            continue  # only the zeros at a tar's end are cut
        refused(path, into, "fetch it again")


def test_damaged_data_are_named_and_leave_no_file(tmp_path, into):
    path = zipped(tmp_path / "a.zip", {"a.txt": b"first", "b.bin": os.urandom(9000)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    refused(path, into, "member 'b.bin' cannot be read", written=True)
    assert inside(into) == {"a.txt": b"first"}


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, into, monkeypatch):
    path = zipped(tmp_path / "a.zip", FILES)
    monkeypatch.setattr(unpacking, "room", lambda folder: 100)
    with pytest.raises(InputError, match=r"has room for 0.00 GB, and .*a.zip needs 0.00 GB more") as info:
        unpack(path, into)
    assert info.value.where == str(into) and not into.exists()


def test_a_file_in_the_way_is_named(tmp_path, into):
    into.mkdir()
    (into / "set").write_text("in the way")
    refused(zipped(tmp_path / "a.zip", FILES), into, "'set/a.txt' cannot be written", written=True)
    assert (into / "set").read_text() == "in the way"


# ------------------------------------------------------------------------------------------------------------- going on


def test_two_that_unpack_at_once_do_each_file_once(tmp_path, into):
    path, seen = zipped(tmp_path / "a.zip", {f"{number}.bin": bytes(2**21) for number in range(6)}), []

    def slowly(done, of, member):
        seen.append(member)
        if done == 2**20:  # in the midst of a file
            other.start()
            until(lambda: "other another process unpacks there" in seen)

    other = threading.Thread(target=unpack, args=(path, into, lambda done, of, member: seen.append(f"other {member}")))
    unpack(path, into, slowly)
    other.join()
    assert seen.count("other another process unpacks there") == 1
    assert inside(into) == {f"{number}.bin": bytes(2**21) for number in range(6)}
    assert (
        seen.index("5.bin") < seen.index("other 0.bin") and seen.count("other 0.bin") == 1
    )  # in one step: it is there


def test_what_is_there_is_kept(tmp_path, into):
    path = zipped(tmp_path / "a.zip", FILES)
    unpack(path, into)
    before = {file: 10**9 for file in into.rglob("*") if file.is_file()}
    for file, time in before.items():
        os.utime(file, ns=(time, time))  # long ago, as clocks of file systems are coarse
    (into / "set/a.txt").write_bytes(b"cut")
    told = []
    unpack(path, into, lambda *step: told.append(step))
    assert inside(into) == FILES and told[-1][0] == told[-1][1]
    changed = {file.name for file, time in before.items() if file.stat().st_mtime_ns != time}
    assert changed == {"a.txt"}


KILLED = """
import os, signal, sys
from pathlib import Path
from crossvad.datasets.published.unpack import unpack
archive, into, stop = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
unpack(archive, into, lambda done, of, member: done >= stop and os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.parametrize("stop", [1, 2**20 + 1, 3 * 2**20])
def test_a_killed_run_goes_on(tmp_path, into, stop):
    files = {f"set/{n}.bin": os.urandom(2**20 + 2**19) for n in range(3)}
    path = zipped(tmp_path / "a.zip", files, zipfile.ZIP_STORED)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(into), str(stop)], check=False)
    assert done.returncode == -signal.SIGKILL
    seen = {name: data for name, data in inside(into).items() if not name.endswith(".part")}
    assert seen.items() <= files.items() and len(seen) < 3  # none that only seems complete
    unpack(path, into)
    assert inside(into) == files  # and no half file left behind
