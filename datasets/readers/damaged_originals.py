"""Images that are damaged in the official archives, so that everyone who has those has them: read as far as they go.

Known by the SHA-256 of the file, wherever it lies. Any other damaged image is refused: its owner can fetch it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

from crossvad.datasets.errors import Problem
from crossvad.datasets.readers.file_identity import stat

KNOWN = {  # place in the archive, by bytes and SHA-256
    (38068, "87af0e983ab9a8cc36e5e3ac0f46b1f07ce2e94e85e0f98a3235d0dc31a7a71e"): "UCSDped1/Test/Test017/142.tif",
}

_OFFSETS, _COUNTS, _ROWS = 273, 279, 278  # TIFF tags: where strips begin, their bytes, their rows


def original(path: Path) -> str | None:
    """The place in its official archive of an image that is damaged there; None for any other file."""
    size = stat(path).st_size
    if size not in {known for known, _ in KNOWN}:  # hardly any file is ever hashed
        return None
    return KNOWN.get((size, hashlib.sha256(path.read_bytes()).hexdigest()))


def notes(images: Iterable[Path]) -> Iterator[Problem]:
    """A warning for each of these images that is damaged in its official archive."""
    for path in images:
        if place := original(path):
            problem = f"is damaged in the official archive too ({place}), and read as far as it goes"
            yield Problem("warning", str(path), problem, "leave it: every copy has it so")


def read(path: Path) -> Image.Image:
    """Read a gray TIFF in PackBits as far as it goes, as OpenCV does: pixels that a strip lacks are black."""
    data = path.read_bytes()
    with Image.open(path) as image:
        (width, height), tags = image.size, image.tag_v2  # type: ignore[attr-defined]
        picture = Image.new("L", image.size)
    for number, (start, count) in enumerate(zip(tags[_OFFSETS], tags[_COUNTS], strict=True)):
        top = number * tags[_ROWS]
        rows = min(tags[_ROWS], height - top)
        # In one row, as Pillow would begin each anew. Two zeros are a black pixel.
        packed = data[start : start + count] + bytes(2 * width * rows)
        strip = Image.frombytes("L", (width * rows, 1), packed, "packbits", "L")
        picture.paste(Image.frombytes("L", (width, rows), strip.tobytes()), (0, top))
    return picture
