"""Submissions whose card, statement, manifest, figures and names are spoilt, as `bench submit check` reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import submissions_made as made
from crossvad.execution.progress import Reporter
from crossvad.leaderboard import site
from crossvad.store.store import Store
from crossvad.submission.card import read_card, write_card
from crossvad.submission.checking import check
from crossvad.submission.contents import contents
from crossvad.submission.layout import CARD, FIGURES, STATEMENT, SUMS
from hostile.guard import bombard, bounded, unfit_message
from hostile.mutations import WORDS, spoilt_bytes, spoilt_text, spoilt_value


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sound")
    made.put_grid(Store(root / "results"), ())
    return made.pack(root / "sound", Store(root / "results"), note="a sentence")


@pytest.fixture
def submission(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "submission"))


def look(folder: Path) -> None:
    """Check it, and say what is in it; no message may hold what a terminal would obey."""
    found = check(folder)
    contents(found)
    told = [f"{problem.where}: {problem.problem}; {problem.fix}" for problem in found.problems]
    assert [unfit for text in told for unfit in unfit_message(text)] == [] and max(map(len, told), default=0) < 1200


def spoil(folder: Path, name: str, make: Callable[[np.random.Generator, str], bytes], count: int) -> None:
    path = folder / name
    whole = path.read_text()

    def attempt(random: np.random.Generator) -> None:
        path.write_bytes(make(random, whole))
        if name != SUMS:
            made.sum_again(folder)
        look(folder)

    bombard(f"{name} of a submission", count, attempt)


@pytest.mark.parametrize("name", [CARD, STATEMENT, SUMS, FIGURES])
def test_bytes(submission, name):
    spoil(submission, name, spoilt_text, 40)


def test_statements(submission):
    """Values of other types and kinds, nested too deep, or with words that are no names."""

    def make(random: np.random.Generator, whole: str) -> bytes:
        if random.random() < 0.05:
            return b"[" * 5000 + b"]" * 5000
        return json.dumps(spoilt_value(random, json.loads(whole), int(random.integers(1, 4)))).encode()

    spoil(submission, STATEMENT, make, 60)


def test_scores(submission):
    path = min((submission / "reference").glob("*/scores.npz"))  # not whichever the folder lists first
    whole = path.read_bytes()

    def attempt(random: np.random.Generator) -> None:
        path.write_bytes(spoilt_bytes(random, whole))
        made.sum_again(submission)
        look(submission)

    bombard("scores of a submission", 30, attempt)


def test_words_on_a_card_are_words_on_the_site(submission):
    card = read_card(submission / CARD)
    for word in WORDS[:12]:
        text = word[:200].encode(errors="ignore").decode().replace("\0", "")
        (submission / CARD).write_text(write_card(type(card)(by=text or "nobody", note=text)))
        made.sum_again(submission)
        with bounded():
            if check(submission).errors:
                continue
            pages = site.pages(site.make([submission], Reporter(quiet=True)))
        assert all("<script>alert" not in page and page.count("<script") == 1 for page in pages.values())
    (submission / CARD).write_text(write_card(type(card)(by="<script>alert(1)</script>")))
    made.sum_again(submission)
    pages = site.pages(site.make([submission], Reporter(quiet=True)))
    assert all("<script>alert" not in page and page.count("<script") == 1 for page in pages.values())
    assert "&lt;script&gt;alert(1)" in pages["index.html"]


def test_a_folder_without_an_end_is_told_soon(submission, monkeypatch):
    monkeypatch.setattr("crossvad.submission.layout.MOST_FILES", 30)
    for number in range(40):
        (submission / "reference" / f"{number:016x}").mkdir()
        (submission / "reference" / f"{number:016x}" / "record.json").write_text("{}")
    with bounded():
        problem, unread = check(submission).problems
    assert "holds more than 30 files" in problem.problem and "not looked at any further" in unread.problem
