"""A video file opened by decord, or refused with the reason: empty, truncated, without an index, not a video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from crossvad.datasets.base import Size
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import demand_utf8, stat
from crossvad.datasets.readers.native_errors import kept_quiet

REPEATS_ALLOWED = 4  # frames decord may replace by their neighbour: it loses up to 4 at the end of a sound MPEG-1 file

MP4_SUFFIXES = frozenset({".mp4", ".m4v", ".mov"})
MP4_BOXES = frozenset(b"ftyp styp moov moof mfra mdat sidx free skip wide uuid".split())
MATROSKA_ELEMENTS = frozenset({b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"})  # EBML header, Segment


def opened(path: Path, size: Size | None) -> Any:
    """Open a decord reader, once the length that the container claims has been checked.

    ffmpeg reads a truncated AVI or Matroska file without complaint as a shorter video, hence the check. Of a file that
    was never opened before, ask `counting.frames_in` first: decord may end this process at a spoilt one.

    Raises:
        InputError: the file is missing, empty, truncated or not a video, or its name is not UTF-8.
    """
    import decord  # lazily: not needed for folders of images, and slow to load

    demand_utf8(path)
    if stat(path).st_size == 0:
        raise InputError(path, "is empty (0 bytes)", "fetch it again")
    with naming_errors(path):
        missing = _missing_bytes(path)
    if missing:
        raise InputError(path, f"is truncated: its last {missing} bytes are missing", "fetch it again")
    if _lacks_index(path):
        problem = "has no index (moov), which a recorder writes last: its recording or copying was cut off"
        raise InputError(path, problem, "copy it again, or mend it with a tool such as untrunc")
    decord.logging.set_level(decord.logging.QUIET)
    height, width = size or (-1, -1)
    with naming_errors(path):
        # Of a relative path, ffmpeg may take what stands before a colon for a protocol.
        name = str(path.absolute())
        return decord.VideoReader(name, ctx=decord.cpu(0), width=width, height=height, fault_tol=REPEATS_ALLOWED)


def hidden(path: Path, reader: Any) -> int:
    """Count the frames that an MP4 file hides before its first, as cutting it without encoding it anew leaves them.

    decord counts them, but gives none of them.
    """
    if path.suffix.lower() not in MP4_SUFFIXES:
        return 0
    with naming_errors(path):
        return int((np.asarray(reader.get_frame_timestamp(np.arange(len(reader))))[:, 0] < 0).sum())


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Turn decord's errors into an InputError that names the file, and gives the reason that decord only prints."""
    from decord import DECORDError, DECORDLimitReachedError

    with kept_quiet() as printed:
        try:
            yield
        except (DECORDError, DECORDLimitReachedError, RuntimeError, OSError, StopIteration) as error:
            reason = re.search(rf"ERROR opening: {re.escape(str(path.absolute()))}, (.+)", printed())
            why = f" ({reason[1].strip()})" if reason else ""
            problem = f"cannot be decoded: unreadable, truncated, damaged or not a video{why}"
            raise InputError(path, problem, "fetch it again or re-encode it") from error


def _missing_bytes(path: Path) -> int:
    """Count the bytes by which a video file's top-level chunks reach beyond its end; 0 where its format has none."""
    *_, (begin, head) = chunks(path)
    length = _chunk_length(head)
    return begin + length - path.stat().st_size if length else 0


def _lacks_index(path: Path) -> bool:
    """Whether a file is MP4 or MOV to its end, and nothing in it says where its frames are."""
    kinds = [head[4:8] for _, head in chunks(path)]
    return bool(kinds) and kinds[0] == b"ftyp" and MP4_BOXES.issuperset(kinds) and not {b"moov", b"moof"} & {*kinds}


def chunks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each top-level chunk of a video file begins, and its first 16 bytes, up to one that claims no length."""
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            head = file.read(16)
            yield position, head
            if not (length := _chunk_length(head)):
                return
            position += length


def _chunk_length(head: bytes) -> int:
    """Read the length that a chunk with these first 16 bytes claims, head included; 0 where it claims none."""
    if head[:4] == b"RIFF":  # AVI
        return 8 + int.from_bytes(head[4:8], "little")
    if head[4:8] in MP4_BOXES:  # MP4, MOV; a length of 1 says that 64 bits of it follow
        length = int.from_bytes(head[:4], "big")
        return int.from_bytes(head[8:16], "big") if length == 1 else length
    if head[:4] in MATROSKA_ELEMENTS:  # leading zero bits give the width of the length; all ones mean unknown
        width = 9 - head[4].bit_length()
        unknown = (1 << 7 * width) - 1
        length = int.from_bytes(head[4 : 4 + width], "big") & unknown
        return 0 if length == unknown else 4 + width + length
    return 0
