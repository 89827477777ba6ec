import csv
import io
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crossvad import __version__
from crossvad.datasets.errors import InputError
from crossvad.planning.catalogue import BASELINES
from crossvad.store.store import Store

SMOKE = ("--budget", "smoke", "--quiet")
COMMANDS = ["run", "matrix", "table", "ablate", "diagnostics", "datasets", "methods"]
BELOW = ["datasets list", "datasets info", "datasets check", "methods list", "methods info", "methods check"]


@pytest.fixture
def run(bench, north, south):
    """`bench run` from camera to camera at budget smoke, of 0 and 2 shots unless others are said."""

    def call(*words):
        shots = () if "--shots" in words else ("--shots", "0,2")
        return bench("run", "--source", f"path:{north}", "--target", f"path:{south}", *SMOKE, *shots, *words)

    return call


# ------------------------------------------------------------------------------------------------------------- it works


@pytest.mark.parametrize("command", ["", *COMMANDS, *BELOW])
def test_help(bench, command):
    for flag in ("-h", "--help"):
        done = bench(*command.split(), flag)
        assert done.code == 0 and not done.err and done.out.startswith(f"Usage: bench {command}".rstrip())
        assert all(len(line) <= 110 for line in done.out.splitlines())
    assert command or all(f"\n  {name} " in done.out for name in COMMANDS)


def test_installed_command(tmp_path):
    """Once through the real thing: an unknown name, its exit code, and no traceback."""
    command = Path(sys.executable).with_name("bench")
    if not command.is_file():
        pytest.skip("the command line is not installed beside this Python")
    words = [command, "run", "--source", "ped3", "--target", "synthetic-plaza"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("Error: ped3: is no known dataset")
    assert done.stderr.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_exit_codes_of_a_process(start_bench, tmp_path):
    log = tmp_path / "log"
    for words, code in ((["--version"], 0), (["datasets", "info", "ped3"], 2), (["run"], 2)):
        process = start_bench(*words, log=log)
        process.join(600)
        assert process.exitcode == code, log.read_text()
    assert "Traceback" not in log.read_text()


def test_version(bench):
    assert bench("--version").out == f"bench, version {__version__}\n"


def test_run(run, tmp_path):
    done = run("--method", "framepred,ramp", "--method", "framediff[pool=patch]")
    assert (done.code, done.err) == (0, "")
    words = ["path:north → path:south", "K = 0", "K = 2", "framepred", "framediff[pool=patch]"]
    words += ["random", "ramp", "extrapolate", "finetune", "protocol fair", "budget smoke", "paper AUC in %"]
    assert all(word in done.out for word in words)
    records = Store(tmp_path / "results").records()
    assert {record.status for record in records} == {"done"} and len(records) == 2 + 5 + 2 * 2
    again = run("--method", "framepred,ramp", "--method", "framediff[pool=patch]")
    assert again == done


def test_progress_goes_to_stderr(bench, north, south):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--method", "ramp")
    done = bench("run", *words)
    assert done.code == 0 and "12 cells: 0 in the store, 12 to run" in done.err and "cells:" not in done.out


def test_run_under_paper_rules(run):
    done = run("--method", "framepred", "--protocol", "paper")
    assert done.code == 0 and "support test-head" in done.out and "first 4 + K frames" in " ".join(done.out.split())
    assert "paper AUC" not in done.out


def test_more_shots_need_a_wider_protocol(run):
    assert run("--method", "ramp", "--shots", "11").code == 2
    done = run("--method", "ramp", "--shots", "11", "--protocol", "fair@11")
    assert done.code == 0 and "first 27 frames" in done.out


def test_a_failing_method_gives_exit_code_1(run, plugin, tmp_path):
    broken = plugin(('return {"level"', 'raise RuntimeError("no luck")\n        return {"level"'))
    done = run("--method", broken, "--method", "framepred")
    assert done.code == 1 and "–" in done.out and "2 of 12 cells missing (failed)" in " ".join(done.out.split())
    why, what_to_do = done.err.splitlines()
    assert why.startswith("failed: mine.py:Mine: path:north → path:south")
    assert " and 1 more: RuntimeError: no luck (" in why and why.endswith("record.json)")
    assert what_to_do == f"To see what is wrong with it, in seconds: bench methods check {shlex.quote(broken)}"
    statuses = [record.status for record in Store(tmp_path / "results").records()]
    assert sorted(statuses) == ["done"] * 10 + ["failed"] * 2


def test_a_refused_method_gives_exit_code_1_and_says_why(run, plugin, tmp_path):
    done = run("--method", plugin(("frames=5", "frames=41")), "--method", "framepred")
    assert done.code == 1 and "2 of 12 cells missing (refused)" in " ".join(done.out.split())
    assert done.err.count("\n") == 1 and done.err.startswith("refused: mine.py:Mine: ")
    assert "has 40 frames, but one clip takes 41; remove it or leave out the method" in done.err
    assert run("--method", plugin(("frames=5", "frames=41")), "--method", "framepred") == done


def test_stopping_by_hand_says_how_to_go_on(run, plugin, tmp_path):
    stop = plugin(('return {"level"', 'raise KeyboardInterrupt\n        return {"level"'))
    done = run("--method", stop)
    assert done.code == 1 and done.err.strip() == "Stopped. The same command goes on where this one was."
    (record,) = Store(tmp_path / "results").records()
    assert record.status == "interrupted"


def test_table(run, bench, tmp_path):
    run("--method", "framepred", "--seeds", "0,1")
    md = bench("table", "--format", "md", "--where", "method=framepred").out.splitlines()
    assert md[:2] == ["<!-- bench table --where method=framepred -->", ""]  # for bench verify
    assert re.fullmatch(r"\| method +\| tuning +\| K = 0 +\| K = 2 +\|", md[2])
    assert re.fullmatch(r"\| framepred +\| finetune +\| [\d.]+ ± [\d.]+ +\| [\d.]+ ± [\d.]+†? +\|", md[4])
    rows = list(csv.DictReader(io.StringIO(bench("table", "--format", "long").out)))
    assert len(rows) == 2 * 2 + 4 + 2 * 2 and {row["status"] for row in rows} == {"done"}
    assert bench("table", "--format", "csv", "--rows", "method", "--columns", "target").out.startswith("method,")
    several = bench("table", "--rows", "method", "--columns", "", "--metric", "auc,paper_auc", "--format", "csv").out
    assert several.splitlines()[0].endswith("auc,paper_auc")
    assert bench("table", "--metric", "auc,acc").code == bench("table", "--matrix", "--metric", "auc,eer").code == 2
    wide = bench("table", "--rows", "source", "--columns", "target", "--where", "method=ramp", "--metric", "ap")
    assert wide.code == 0 and "path:south" in wide.out and "AP in %" in wide.out
    assert "path:south" in bench("table", "--matrix", "--where", "shots=0").out


def test_a_table_never_mixes_budgets(run, bench, tmp_path):
    run("--method", "ramp")
    store = Store(tmp_path / "results")
    record = store.records()[0]
    scores = store.scores(record.cell)
    record.cell = replace(record.cell, budget="quick")
    store.write(record, scores)
    refused(
        bench("table", "--where", "budget=smoke,quick"),
        "would mix budgets quick, smoke",
        "bench table --where budget=smoke",
    )
    assert bench("table", "--where", "budget=quick").code == 0
    newest = bench("table", "--format", "md")
    assert newest.code == 0 and "your own cells of budget quick, which ran last; 8 more cells" in newest.out


def test_matrix(bench, north, south):
    words = ("--sources", f"path:{north},path:{south}", "--methods", "framepred", *SMOKE, "--shots", "2")
    done = bench("matrix", *words)
    assert done.code == 0 and "path:north, path:south → path:north, path:south" in done.out
    rows = list(csv.DictReader(io.StringIO(bench("table", "--format", "long", "--where", "method=framepred").out)))
    assert len(rows) == 8 and len({(row["source"], row["target"]) for row in rows}) == 4
    assert " *" in bench("table", "--matrix", "--where", "shots=2", "--format", "csv").out


def test_a_run_on_two_data_sets_at_once(bench, north, south, tmp_path):
    both, target = f"path:{south}+path:{north}", f"path:{south}"
    words = ("--method", "framepred", *SMOKE, "--shots", "2")
    done = bench("run", "--source", both, "--target", target, *words)
    assert done.code == 0 and "path:north+path:south → path:south" in done.out
    (fit,) = (tmp_path / "results/runs/fits").iterdir()
    table = bench("table", "--rows", "source", "--where", f"source={both}", "--where", "method=framepred")
    assert table.code == 2  # by the names that cells have, and not by folders
    named = "source=path:south+path:north"
    table = bench("table", "--rows", "source", "--where", named, "--where", "method=framepred", "--format", "csv")
    assert "path:north+path:south" in table.out
    # In the other order it is the same source: nothing is trained again.
    assert bench("run", "--source", f"path:{north}+path:{south}", "--target", target, *words).code == 0
    assert [*(tmp_path / "results/runs/fits").iterdir()] == [fit]
    refused = bench("run", "--source", target, "--target", both, *words)
    assert refused.code == 2 and "path:north+path:south: is joined to be trained on, and is no target" in refused.err


def test_a_matrix_leaves_joined_data_sets_out_of_its_targets(bench, north, south):
    both = f"path:{north}+path:{south}"
    done = bench("matrix", "--sources", f"{both},path:{north}", "--methods", "framepred", *SMOKE, "--shots", "2")
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(bench("table", "--format", "long", "--where", "method=framepred").out)))
    finished = {(row["source"], row["target"]) for row in rows if row["status"] == "done"}
    assert finished == {("path:north+path:south", "path:north"), ("path:north", "path:north")}


def suite(tmp_path, text):
    (tmp_path / "suite.toml").write_text(text, encoding="utf-8")
    return tmp_path / "suite.toml"


def test_suite_file(bench, north, south, tmp_path):
    text = f"""
        source = ["path:{north}"]
        targets = ["path:{south}"]
        methods = ["framepred"]
        shots = [0, 3]
        seeds = [4]
        budget = "smoke"
    """
    assert bench("matrix", suite(tmp_path, text), "--quiet", "--seeds", "5").code == 0
    cells = [r.cell for r in Store(tmp_path / "results").records() if r.cell.method == "framepred"]
    assert {(cell.shots, cell.seed, cell.budget) for cell in cells} == {(0, 5, "smoke"), (3, 5, "smoke")}


def test_in_several_precisions_a_method_is_a_row_each(bench, north, south, tmp_path):
    """What nobody trains for it has one: `framediff` and its like."""
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--method", "framepred")
    done = bench("run", *words, "--shots", "0", "--precision", "float32,bf16", "--quiet")
    assert done.code == 0, done.err
    assert "framepred[precision=bf16]" in done.out and "framediff[precision=bf16]" not in done.out
    suited = f"source = ['path:{north}']\ntarget = ['path:{south}']\nprecision = ['fp16']\nbudget = 'smoke'"
    assert bench("matrix", suite(tmp_path, suited), "--quiet", "--shots", "0", "--method", "framepred").code == 0
    methods = {record.cell.method for record in Store(tmp_path / "results").records()} - {*BASELINES}
    assert methods == {"framepred", "framepred[precision=bf16]", "framepred[precision=fp16]"}
    refused(bench("run", *words, "--precision", "bf15"), "precision 'bf15': is unknown", "did you mean bf16?")


def test_datasets(bench, camera):
    directory = camera()
    listed = bench("datasets", "list")
    assert listed.code == 0 and "synthetic-plaza" in listed.out and "see bench datasets where avenue" in listed.out
    told = bench("datasets", "info", f"path:{directory}")
    assert told.code == 0 and str(directory) in told.out.replace("\n", "")
    assert re.search(r"test +│ camera +│ 3 +│ 121 +│", told.out)
    assert re.search(r"this copy +│ 3 +│ 121 +│ 14 +│ 11\.6 % +│ 0 +│ 0 +│ 0 +│ 0 +│", told.out)
    sound = bench("datasets", "check", f"path:{directory}").out
    assert sound.startswith(f"path:{directory}: no problems\n") and "video a: 8 abnormal frames, 32..39" in sound
    (directory / "test/a/003.png").unlink()
    (directory / "train/monday/000.png").rename(directory / "train/monday/x.png")
    checked = bench("datasets", "check", f"path:{directory}")
    assert checked.code == 1 and checked.out.count("error") == 2 and "restore it" in checked.out


def test_methods(bench, plugin):
    listed = bench("methods", "list", "--budget", "smoke")
    assert listed.code == 0 and all(name in listed.out for name in ("framepred", "memae", "random"))
    assert bench("methods", "check", "framediff").code == 0
    by_batch = plugin(('return {"level": (clips', 'return {"level": len(clips) * (clips'))
    broken = bench("methods", "check", by_batch)
    assert broken.code == 1 and "BROKEN" in broken.out


# ------------------------------------------------------------------------------------------------------------ wrong use


def refused(done, *words):
    """Exit code 2, one line that says it all, and nothing else."""
    assert done.code == 2, done
    assert done.err.count("\n") == 1 and done.err.startswith("Error: "), done.err
    assert done.out == "" and "Traceback" not in done.err
    for word in words:
        assert word in done.err


def stored(tmp_path):
    """Everything that lies in the results folder but empty directories."""
    return [path for path in (tmp_path / "results").rglob("*") if path.is_file() or path.name.startswith(".")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--source", "ped2"], ["data: is no folder, so there is no ped2 in it", "--data", "synthetic-street"]),
        (["--source", "synthetic-stret"], ["synthetic-stret: is no known dataset", "did you mean synthetic-street?"]),
        (["--target", "pad2"], ["pad2: is no known dataset", "did you mean ped2?"]),
        (["--target", "path:gone"], ["path:gone: is no folder (looked for ", "/gone and ", "/data/gone)"]),
        (["--method", "framepret"], ["framepret: is no known method", "did you mean framepred?"]),
        (["--method", "apn,framepret"], ["framepret: is no known method", "did you mean framepred?"]),
        (["--method", "framepred[pol=mean]"], ["pol: is no known option of framepred", "did you mean pool?"]),
        (["--method", "gone.py:Mine"], ["gone.py: does not exist", "give the path"]),
        (["--tuning", "finetun"], ["finetun: is no known tuning", "did you mean finetune?"]),
        (["--protocol", "fare"], ["fare: is no protocol", "choose fair, paper"]),
        (["--device", "gpu"], ["--device gpu: is not to be had here", "choose auto, cpu or cuda"]),
        (["--shots", "0,11"], ["--shots 11: is more than the 10", "choose --protocol fair@11"]),
        (["--shots", "-1"], ["shots: -1 is too small"]),
        (["--steps", "0"], ["steps: 0 is too small"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_wrong_words(run, tmp_path, words, said):
    refused(run("--method", "framediff", *words), *said)
    assert stored(tmp_path) == []


WRONG_SYNTAX = [["run"], ["run", "--shots", "many"], ["rum"], ["run", "--budget", "huge"], ["run", "--sauce", "x"]]


@pytest.mark.parametrize("words", WRONG_SYNTAX, ids=" ".join)
def test_wrong_syntax(bench, words):
    done = bench(*words)
    assert done.code == 2 and done.out == "" and "Traceback" not in done.err
    assert sum(line.startswith("Error:") for line in done.err.splitlines()) == 1


def a_missing_frame(camera):
    (camera / "test/b/007.png").unlink()
    return "007.png", "missing between 006.png and 008.png", "restore it"


def a_missing_training_frame(camera):
    (camera / "train/monday/007.png").unlink()
    return "007.png", "missing between 006.png and 008.png", "restore it"


def a_truncated_image(camera):
    frame = camera / "test/b/007.png"
    frame.write_bytes(frame.read_bytes()[:100])
    return str(frame), "cannot be decoded", "restore it"


def a_zero_byte_video(camera):
    (camera / "test/d.avi").touch()
    return "d.avi: is empty (0 bytes)", "fetch it again"


def a_truncated_video(camera):
    cv2 = pytest.importorskip("cv2")
    path = camera / "test/d.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"XVID"), 25, (64, 48))
    for index in range(60):
        writer.write(np.full((48, 64, 3), 4 * index, np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return "d.avi: is truncated", "fetch it again"


def labels_beyond_the_end(camera):
    (camera / "labels.csv").write_text("video,start,end\na,32,41\n")
    return "labels.csv, line 2: ends at 41, but a has 40 frames", "end it at 40 or before"


def labels_of_another_video(camera):
    (camera / "labels.csv").write_text("video,start,end\nd,3,4\n")
    return "labels.csv, line 2: there is no test video 'd'", "name one of those in test/, such as a"


def no_labels(camera):
    (camera / "labels.csv").unlink()
    return "labels.csv: is missing", "write one"


def a_video_shorter_than_a_clip(camera):
    for frame in sorted((camera / "test/b").iterdir())[3:]:
        frame.unlink()
    return "b: has 3 frames, but one clip takes 5", "remove it"


def a_support_video_shorter_than_the_support(camera):
    for frame in sorted((camera / "train/monday").iterdir())[5:]:
        frame.unlink()
    return "--shots 2: takes 6 frames, but path:camera's support video monday has 5", "choose at most --shots 1"


def no_training_video(camera):
    (camera / "train").rename(camera.parent / "elsewhere")
    return "path:camera, scene camera: has no training video", "say --support test-head"


BROKEN = [
    a_missing_frame, a_missing_training_frame, a_truncated_image, a_zero_byte_video, a_truncated_video,
    labels_beyond_the_end, labels_of_another_video, no_labels, no_training_video,
]  # fmt: skip
TOO_SHORT = [a_video_shorter_than_a_clip, a_support_video_shorter_than_the_support]


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_broken_target(run, camera, tmp_path, breaks):
    said = breaks(camera())
    refused(run("--target", f"path:{tmp_path / 'camera'}", "--method", "framepred"), *said)
    assert stored(tmp_path) == []


@pytest.mark.parametrize("breaks", TOO_SHORT, ids=lambda breaks: breaks.__name__)
def test_a_target_that_is_too_short_for_a_method(run, bench, north, camera, tmp_path, breaks):
    said, target = breaks(camera()), f"path:{tmp_path / 'camera'}"
    alone = ("--source", f"path:{north}", "--target", target, "--method", "framepred", *SMOKE, "--shots", "2")
    refused(bench("run", *alone), *said)
    assert stored(tmp_path) == []
    done = run("--target", target, "--method", "framepred")  # beside a target that is long enough
    assert done.code == 1 and all(word in done.err for word in said) and "refused: framepred" in done.err


def test_a_target_without_training_video_is_fine_once_it_is_said(run, camera, tmp_path):
    no_training_video(camera())
    words = ("--target", f"path:{tmp_path / 'camera'}", "--method", "framepred")
    done = run(*words, "--support", "test-head")
    assert done.code == 0 and "support test-head" in done.out
    assert run(*words, "--shots", "0").code == 0


def test_a_plug_in_that_cannot_be_imported(run, tmp_path):
    (tmp_path / "mine.py").write_text("import no_such_module\n")
    refused(run("--method", f"{tmp_path / 'mine.py'}:Mine"), "mine.py: cannot be imported", "no_such_module")


def test_results_that_cannot_be_written(run, bench, tmp_path):
    (tmp_path / "results").write_text("in the way")
    for done in (run("--method", "framediff"), bench("table")):
        refused(done, "results: cannot hold results", "choose a writable --results folder")
    assert (tmp_path / "results").read_text() == "in the way"


def test_tampered_scores_are_not_shown(run, bench, tmp_path):
    run("--method", "framediff")
    scores = next(tmp_path.glob("results/runs/cells/*/scores.npz"))
    scores.write_bytes(scores.read_bytes()[:-1])
    refused(bench("table"), str(scores.relative_to(tmp_path)), "is missing or was changed", "run the cell again")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ["results: holds no such cell", "run some with bench run"]),
        (["--where", "method"], ["--where method: names no value", "method=VALUE"]),
        (["--where", "metod=apn"], ["--where metod=apn: cannot be read", "did you mean method?"]),
        (["--where", "method=rmp"], ["holds no such cell", "no stored cell has method=rmp (did you mean ramp?)"]),
        (["--where", "shots=77"], ["holds no such cell", "no stored cell has shots=77 (stored: 0)"]),
        (["--rows", "metod"], ["metod: is no such column", "choose from method"]),
        (["--where", "method=apn"], ["holds no such cell", "name another --results folder"]),
    ],
)
def test_wrong_table(run, bench, words, said):
    if words and "method=apn" not in words:
        run("--method", "ramp", "--shots", "0")
    refused(bench("table", *words), *said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources = [", ["suite.toml: cannot be read", "write a TOML file"]),
        (
            'sauce = ["a"]',
            ["suite.toml, line 1: has an unknown entry 'sauce'", "did you mean sources?", "known: sources"],
        ),
        ('sources = "ped2"', ["suite.toml, line 1: sources = 'ped2' is of the wrong type", "write a list of texts"]),
        (
            'sources = ["ped2"]\nshots = ["1"]',
            ["suite.toml, line 2: shots = ['1'] is of", "a list of whole numbers"],
        ),
        ('sources = ["ped2"]\nshots = [true]', ["suite.toml, line 2: shots = [True] is of the wrong type"]),
        (
            'sources = ["ped2"]\nshots = []',
            ["suite.toml, line 2: shots = [] is empty", "a list of whole numbers"],
        ),
        ('sources = ["ped2"]  # a\u2028b\nbudget = 5', ["line 2: budget = 5 is of the wrong type", "write a text"]),
        ('\ufeffsources = ["ped2"]\nshots = ["1"]', ["suite.toml, line 2: shots = ['1'] is of the wrong type"]),
        ("sources = []", ["suite.toml, line 1: sources = []"]),
        ('sources = ["ped2"]\nbudget = "huge"', ["suite.toml, line 2: budget 'huge' is unknown", "choose from smoke"]),
        ('sources = ["ped2"]\nprotocol = "fare"', ["suite.toml, line 2: fare: is no protocol"]),
        ('sources = ["pet2"]\nsupport = "head"', ["suite.toml, line 2: support 'head' is unknown", "train-head"]),
        (
            'sources = [\n  "synthetic-street",\n  "pet2",\n]\nbudget = "smoke"',
            ["suite.toml, line 3: pet2: is no known dataset"],
        ),
        (
            'sources = ["synthetic-street"]\n[[grid]]\nshots = [0]\n\n[[grid]]\nmethod = ["apn",\n"apm[levels=3]"]',
            ["suite.toml, line 7: apm: is no known method", "did you mean apn?"],
        ),
        (
            'sources = ["synthetic-street"]\nmethods = ["framepred[pol=mean]"]',
            ["suite.toml, line 2: pol: is no known option of framepred"],
        ),
        ('sources = ["synthetic-street"]\n\ntuning = ["finetun"]', ["suite.toml, line 3: finetun: is no known tuning"]),
        ('sources = ["synthetic-street"]\nsteps = [0]', ["suite.toml, line 2: --steps: 0 is too small"]),
        ('sources = ["synthetic-street"]\nshots = [0, 11]', ["suite.toml, line 2: --shots 11: is more than the 10"]),
        ('sources = ["synthetic-street"]\nprecision = ["bf15"]', ["suite.toml, line 2: precision 'bf15': is unknown"]),
        ('sources = ["synthetic-street"]\ngrid = 3', ["suite.toml, line 2: grid is no list of tables; write [[grid]]"]),
        ('sources = ["synthetic-street"]\n[[grid]]\nbudgt = "smoke"', ["suite.toml, line 3: has an unknown entry"]),
        ('methods = ["apn"]', ["has no sources", 'write sources = ["…"], or give --source']),
        ('sources = ["pet2"]', ["suite.toml, line 1: pet2: is no known dataset", "did you mean ped2?"]),
    ],
)
def test_wrong_suite(bench, tmp_path, text, said):
    refused(bench("matrix", suite(tmp_path, text)), *said)
    assert stored(tmp_path) == []


def test_missing_suite(bench, tmp_path):
    refused(bench("matrix", tmp_path / "gone.toml"), "gone.toml: cannot be read")
    refused(bench("matrix"), "bench matrix: has no sources")


@pytest.mark.parametrize("command", ["info", "check"])
def test_unknown_dataset(bench, command):
    refused(bench("datasets", command, "pad2"), "pad2: is no known dataset", "did you mean ped2?")


def test_debug_shows_the_traceback(bench, capsys):
    with pytest.raises(InputError):
        bench("--debug", "datasets", "info", "pad2")


# ----------------------------------------------------------------------------------------------------- one vocabulary


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("run", ["--source", "--target", "--method", "--tuning", "--seed"]),
        ("matrix", ["--source", "--target", "--method", "--tuning", "--seed"]),
        ("ablate", ["--source", "--target", "--seed"]),
        ("audit checkpoints", ["--source", "--target", "--method", "--seed"]),
        ("audit protocol", ["--out"]),
        ("plot roc", ["--out"]),
        ("report", ["--out"]),
        ("score", ["--source", "--method", "--tuning", "--seed", "--out"]),
    ],
)
def test_a_flag_has_one_spelling_in_every_help(bench, command, flags):
    told = bench(*command.split(), "--help").out
    assert all(re.search(rf"^ +{flag} ", told, re.MULTILINE) for flag in flags)
    options = told.partition("Options:")[2]
    assert not re.search(r"--(sources|targets|methods|tunings|seeds|figure)\b", told) and options


def test_other_spellings_of_flags_are_understood(bench, north, south, tmp_path):
    words = ("--budget", "smoke", "--quiet", "--shots", "0")
    one = bench("run", "--sources", f"path:{north}", "--targets", f"path:{south}", "--methods", "ramp", *words)
    two = ("--source", f"path:{north}", "--source", f"path:{south}", "--target", f"path:{south},path:{north}")
    several = bench("run", *two, "--method", "ramp", "--seeds", "0,1", *words)
    assert one.code == several.code == 0 and "path:north, path:south → path:north, path:south" in several.out
    done = bench("matrix", "--source", f"path:{north}", "--method", "ramp", "--method", "framediff", *words)
    assert done.code == 0
    pairs = {(record.cell.source, record.cell.target) for record in Store(tmp_path / "results").records()}
    assert len(pairs) == 4
    drawn = [bench("plot", "roc", flag, f"{flag[2:]}.svg").code for flag in ("--out", "--figure")]
    assert drawn == [0, 0] and (tmp_path / "figure.svg").is_file()


def test_a_comma_in_the_path_of_ones_footage_is_no_list(bench, camera):
    here = camera("north, south")
    words = ("--method", "ramp", "--budget", "smoke", "--quiet", "--shots", "0")
    assert bench("run", "--source", f"path:{here}", "--target", f"path:{here}", *words).code == 0


def test_quiet_still_says_why_a_cell_failed(run, plugin):
    broken = plugin(('return {"level"', 'raise RuntimeError("no luck")\n        return {"level"'))
    done = run("--method", broken)  # with --quiet
    assert done.code == 1 and done.err.startswith("failed: mine.py:Mine") and "RuntimeError: no luck" in done.err
    assert " and 1 more: " in done.err and done.err.count("bench methods check") == 1 == done.err.count("\n") - 1


def test_quiet_still_says_what_was_left_out(bench, camera, south):
    here = camera("bare")
    shutil.rmtree(here / "train")
    words = ("--target", f"path:{south}", "--method", "framepred", "--shots", "0", *SMOKE)
    done = bench("matrix", "--source", f"path:{here}", *words)
    assert done.err.startswith("left out: 1 cell: path:bare") and "training video" in done.err


READERS = ["table", "table --format long", "compare", "gain", "gain --rates", "diagnostics", "report", "keep", "verify"]
READERS += ["plot matrix", "plot scores", "plot errors", "plot shots", "audit scores", "results list"]


@pytest.mark.parametrize("command", READERS)
def test_a_results_folder_that_is_not_there_or_empty_is_refused(bench, tmp_path, command):
    before = {*tmp_path.iterdir()}
    refused(bench(*command.split(), "--results", tmp_path / "gone"), "gone", "name another --results folder")
    assert {*tmp_path.iterdir()} == before
    (tmp_path / "empty").mkdir()
    done = bench(*command.split(), "--results", tmp_path / "empty")
    if command != "verify":  # a folder of pages alone may be verified
        refused(done, "empty", "name another --results folder")
    assert list((tmp_path / "empty").iterdir()) == []


def test_one_of_a_kind_is_told_so(bench, north, south, tmp_path):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0")
    done = bench("run", *words, "--method", "ramp")
    assert "path:north → path:south" in done.out and "->" not in done.out + done.err
    assert "1 seed;" in bench("compare", "--format", "md").out
    assert bench("keep", "--where", "method=ramp").out.startswith("1 cell lies in ")
    assert bench("report", "--where", "method=ramp").out.startswith("report.html: 1 cell, ")
