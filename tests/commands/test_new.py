"""`bench … new`: what it writes keeps its contract as it is, passes its own test, and overwrites nothing."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files

import pytest

from crossvad.commands.new import CLASSES, TRY, class_named
from crossvad.datasets.errors import InputError

KINDS = [
    ("methods", ["--kind", "trainable"], "method"),
    ("methods", ["--kind", "closed-form"], "method"),
    ("methods", ["--kind", "whole-video"], "method"),
    ("datasets", [], "dataset"),
    ("tunings", [], "tuning"),
]
IDS = [" ".join([group, *options]) for group, options, _ in KINDS]


@pytest.mark.parametrize(("group", "options", "thing"), KINDS, ids=IDS)
def test_a_new_file_works_at_once(bench, run_pytest, tmp_path, group, options, thing):
    """It is put through the three commands that the output names."""
    done = bench(group, "new", "night_watch", *options)
    assert done.code == 0 and "Wrote night_watch.py and test_night_watch.py." in done.out
    check, test, run = (line.strip() for line in done.out.splitlines() if line.startswith("  "))
    text = (tmp_path / "night_watch.py").read_text()
    assert "class NightWatch(" in text and not re.search(f"{CLASSES[thing]}|my_{thing}", text)
    assert check.startswith(f"bench {group} check night_watch.py:NightWatch")
    judged = bench(*check.split()[1:])
    assert judged.code == 0 and "holds" in judged.out and "BROKEN" not in judged.out, judged.out
    program, *words = test.split()
    tested = run_pytest(*words, folder=tmp_path)
    assert program == "pytest" and tested.code == 0 and "1 passed" in tested.out, tested.out
    ran = bench(*run.split()[1:], "--shots", "1", "--quiet")
    assert ran.code == 0 and "framediff" in ran.out and ("night_watch" in ran.out or "night_watch" in run), ran.err
    assert "failed" not in ran.out


def test_what_is_to_be_typed_next_can_be_pasted_whatever_the_folder_is_called(bench, tmp_path):
    told = bench("methods", "new", "night_watch", "--folder", "Tom's methods").out
    check, test, _ = (shlex.split(line) for line in told.splitlines() if line.startswith("  "))
    assert check[-1] == "Tom's methods/night_watch.py:NightWatch" and (tmp_path / test[-1]).is_file()


@pytest.mark.parametrize("kind", ["trainable", "closed-form", "whole-video"])
def test_its_commented_line_gives_maps_once_it_is_none(bench, tmp_path, kind):
    """In a run that keeps them, on video whose anomalies have tracks."""
    bench("methods", "new", "night_watch", "--kind", kind)
    path = tmp_path / "night_watch.py"
    assert path.read_text().count("    # def maps(") == 1
    path.write_text(path.read_text().replace("    # def maps(", "    def maps("))
    assert bench("methods", "check", "night_watch.py:NightWatch").code == 0
    pair = ("--source", "synthetic-street", "--target", "synthetic-plaza", "--budget", "smoke", "--shots", "0")
    ran = bench("run", *pair, "--method", "night_watch.py:NightWatch", "--maps", "--quiet")
    assert ran.code == 0, ran.err
    table = bench("table", "--metric", "rbdc", "--where", "method=night_watch.py:NightWatch", "--format", "csv")
    assert table.code == 0 and re.search(r",[\d.]+$", table.out.strip()), table.out


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("method", ("return {", "clips = clips.flip(0)\n        return {"), "breaks [0-9]+ of 16 rules:"),
        ("dataset", (">= ONSET).astype", ">= LENGTH).astype"), "some frames are abnormal, and some are normal: 0 of"),
        (
            "tuning",
            ("parameter.sub_(self.options.learning_rate * gradient)", "pass"),
            "steps move the method: moved",
        ),
    ],
)
def test_its_test_fails_where_the_file_is_broken(bench, run_pytest, tmp_path, file, change, said):
    bench(f"{file}s", "new", "night_watch")
    path = tmp_path / "night_watch.py"
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    tested = run_pytest("test_night_watch.py", folder=tmp_path)
    assert tested.code == 1 and re.search(said, tested.out), tested.out


def test_nothing_is_overwritten(bench, tmp_path):
    (tmp_path / "test_night_watch.py").write_text("mine")
    done = bench("methods", "new", "night_watch")
    assert done.code == 2 and "test_night_watch.py: is there already; choose another name" in done.err
    assert not (tmp_path / "night_watch.py").exists() and (tmp_path / "test_night_watch.py").read_text() == "mine"


def test_a_folder_is_made_and_a_file_is_none(bench, tmp_path):
    assert bench("tunings", "new", "night_watch", "--folder", "a/b").code == 0
    assert (tmp_path / "a/b/test_night_watch.py").is_file()
    (tmp_path / "file").touch()
    done = bench("tunings", "new", "other_watch", "--folder", "file")
    assert done.code == 2 and "cannot be written" in done.err and "choose another --folder" in done.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NightWatch", "cannot be the name of a module; write it in small letters, digits and _, such as night_watch"),
        ("night-watch", "such as night_watch"),
        ("7up", "such as my_plugin"),
        ("", "an empty name was given"),
        ("class", "such as my_plugin"),
        ("../night", "such as night"),
        ("torch", "is the name of an installed module, which a file of that name would hide; choose another"),
        ("json", "is the name of an installed module"),
        ("adapter", "would make a class Adapter, as another thing in the file is called; choose another"),
    ],
)
def test_a_name_that_cannot_be(bench, tmp_path, name, said):
    done = bench("methods", "new", name)
    assert done.code == 2 and said in done.err and not any(tmp_path.iterdir())


def test_names_of_classes():
    assert (class_named("night_watch"), class_named("apn2")) == ("NightWatch", "Apn2")
    with pytest.raises(InputError):
        class_named("night_")


def test_every_template_is_one_that_is_written():
    """And names what it is renamed by: its class in its text."""
    named = {path.name for path in files("crossvad.commands").joinpath("templates").iterdir() if path.suffix == ".py"}
    kinds = {options[1].replace("-", "_") for _, options, _ in KINDS if options}
    assert named == {f"{kind}.py" for kind in kinds | {"dataset", "tuning"}} | {f"test_{thing}.py" for thing in TRY}


@pytest.mark.parametrize("group", ["methods", "datasets", "tunings"])
@pytest.mark.parametrize("letter", ["\n", "\u2028"])
def test_a_folder_of_an_odd_name_poses_as_no_line_of_its_own(bench, group, letter):
    done = bench(group, "new", "night_watch", "--folder", f"a{letter}  bench score pwned")
    assert done.code == 0 and len(done.out.splitlines()) == 5
    assert not any(line.startswith("  bench score") for line in done.out.splitlines())
