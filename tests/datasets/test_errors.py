import pytest

from crossvad.datasets.errors import InputError, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ÿ 水 a\u200cb \u200d", "ÿ 水 a\u200cb \u200d"),  # joiners: of words, and of emoji
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("half \ud800", r"half \ud800"),
        ("one\n   two", "one two"),
    ],
)
def test_what_no_terminal_should_be_sent_is_spelled_out(text, shown):
    assert plain(text) == shown


def test_lines_may_stay_lines():
    assert plain("one\n  two\x1b", lines=True) == "one\n  two\\x1b"


def test_an_error_is_one_line_whatever_a_file_is_called():
    assert str(InputError("a\x1b[2J\nb.png", "is damaged", "restore it")) == r"a\x1b[2J b.png: is damaged; restore it"
