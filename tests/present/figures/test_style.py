"""How a picture becomes a file: its letters look the same wherever it is looked at."""

import errno
import zlib
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from crossvad.datasets.errors import InputError
from crossvad.present.figures import style


@pytest.fixture
def picture():
    drawn = Figure()
    drawn.subplots().set_title("AUC in %")
    return drawn


def test_letters_of_an_svg_are_shapes(picture, tmp_path):
    style.save(picture, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<text" not in text and "font-family" not in text
    assert "<!-- AUC in % -->" in text, "so that it can be searched for"


def test_fonts_of_a_pdf_are_truetype(picture, tmp_path):
    """Type 3 is refused by many journals, and cannot be copied."""
    style.save(picture, tmp_path / "a.pdf")
    raw = (tmp_path / "a.pdf").read_bytes()
    parts = [raw]
    for stream in raw.split(b"stream\n")[1:]:
        try:
            parts.append(zlib.decompress(stream.partition(b"endstream")[0].strip(b"\r\n")))
        except zlib.error:
            continue
    whole = b"".join(parts)
    assert b"/Type3" not in whole and (b"/TrueType" in whole or b"/CIDFontType2" in whole)


def test_a_picture_that_is_there_is_replaced_by_a_whole_one_alone(picture, tmp_path, monkeypatch):
    def half(path, **_):
        Path(path).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a.png").write_bytes(b"the last one")
    monkeypatch.setattr(picture, "savefig", half)
    with pytest.raises(InputError, match=r"a\.png: cannot be written \(No space left"):
        style.save(picture, tmp_path / "a.png")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"the last one")]
