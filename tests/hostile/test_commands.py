"""Commands on spoilt folders: they end with 0, 1 or 2, and send the terminal nothing that it would obey."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import camera_stores
from conftest import paint, write_frames
from crossvad import commands
from crossvad.store.store import Store
from hostile.guard import bombard, unfit_message
from hostile.mutations import WORDS, spoilt_text, spoilt_value
from hostile.strangers import put

COMMANDS = [
    ["table"], ["table", "--format", "md"], ["results", "list"], ["verify"], ["compare"], ["gain"], ["cameras"],
    ["report"], ["plot", "scores"], ["plot", "matrix"], ["profile", "--stored"], ["diagnostics"], ["keep"],
]  # fmt: skip


def ended(done) -> None:
    assert done.code in (0, 1, 2), done
    assert "Traceback" not in done.err and not unfit_message((done.out + done.err).replace("\n", "").replace("\t", ""))


def test_commands_on_results(bench, tmp_path):
    store = Store(tmp_path / "results")
    for method in ("apn", "framediff"):
        camera_stores.put(store, method, trained=method == "apn")
    place = store.cell_places()[0]
    raw, scores = json.loads((place / "record.json").read_text()), (place / "scores.npz").read_bytes()
    raw["cell"]["method"] = "mine"

    def attempt(random):
        part = ["cell", "facts", "reason"][random.integers(3)]
        spoilt = raw | {part: spoilt_value(random, raw[part], 1), "status": ["done", "failed"][random.integers(2)]}
        folder = put(tmp_path / "results", spoilt, scores)
        try:
            ended(bench(*COMMANDS[random.integers(len(COMMANDS))]))
        finally:
            shutil.rmtree(folder)
            shutil.rmtree(store.reference, ignore_errors=True)

    bombard("command on results", 60, attempt)


def test_commands_on_suites(bench, tmp_path):
    """A dry run, which says what would be run; names of files of code are left out here, as users name such."""
    text = 'sources = ["path:north"]\ntargets = ["path:south"]\nmethods = ["ramp"]\nshots = [0]\nbudget = "smoke"\n'
    write_frames(tmp_path / "north", paint(8, 0))
    write_frames(tmp_path / "south", paint(8, 1))

    def attempt(random):
        (tmp_path / "suite.toml").write_bytes(spoilt_text(random, text))
        ended(bench("matrix", "suite.toml", "--dry-run", "--quiet"))

    bombard("command on a suite", 60, attempt)


def test_commands_on_folders_of_any_name(bench, tmp_path):
    names = [word for word in WORDS if word and "/" not in word and "\0" not in word and "\ud800" not in word]

    def attempt(random):
        name = names[random.integers(len(names))]
        if len(name.encode()) < 250:
            write_frames(tmp_path / name, paint(2, 0))
        command = [["datasets", "check"], ["datasets", "info"]][random.integers(2)]
        try:
            ended(bench(*command, f"path:{name}"))
        finally:
            shutil.rmtree(tmp_path / name, ignore_errors=True)

    bombard("command on a folder", 30, attempt)


@pytest.mark.parametrize("command", ["check", "info", "where"])
def test_a_folder_called_like_a_command_of_terminals(bench, tmp_path, command):
    name = next(word for word in WORDS if "\x1b" in word and "/" not in word)
    write_frames(tmp_path / name, paint(2, 0))
    ended(bench("datasets", command, f"path:{name}"))


def test_commands_say_everything_by_the_one_way_that_is_plain():
    """What is printed by click itself, or as rich finds it, goes to the terminal as it is."""
    for path in sorted(Path(commands.__file__).parent.glob("*.py")):
        text = path.read_text()
        assert path.name == "telling.py" or "click.echo(" not in text, path
        printed = re.findall(r"\.print\((?:terminal\.)?(\w*)", text)
        assert {*printed} <= {"plain_table"}, (path, printed)
