"""How a picture becomes a file: its letters look the same wherever it is looked at."""

import zlib

import pytest
from matplotlib.figure import Figure

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
