"""What is said of long work where there is no terminal to draw bars on."""

import io
import re

import pytest
from rich.console import Console

from crossvad.execution import progress
from crossvad.execution.progress import PLAIN_EVERY, Reporter


@pytest.mark.parametrize("first", [0, 9000])
def test_the_time_left_is_that_of_what_is_done_here(first, monkeypatch):
    """Work that resumes at 9000 of 10 000 does not take what was done before for its own speed."""
    seconds, told = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    with Reporter(Console(file=told)).task("Train") as update:
        update(first, 10_000, "")
        seconds[0] = 2 * PLAIN_EVERY
        update(first + 100, 10_000, "loss 1")
    left = 2 * PLAIN_EVERY * (10_000 - first - 100) / 100
    assert re.search(rf"{first + 100}/10000  {left:.0f} s left  loss 1", told.getvalue())


@pytest.mark.parametrize("several", [False, True])
def test_a_bar_gives_a_terminal_no_commands_of_whoever_named_a_video(several):
    told, name = io.StringIO(), "\x1b]0;owned\x07"
    reporter = Reporter(Console(file=told, force_terminal=True, width=200))
    if several:
        with reporter.board() as show:
            show(0, f"Score {name}", 1, 2, f"of {name}")
    else:
        with reporter.task(f"Score {name}") as update:
            update(1, 2, f"of {name}")
    assert "\x1b]" not in told.getvalue() and told.getvalue().count(r"\x1b]0;owned\x07") >= 2
