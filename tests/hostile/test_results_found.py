"""Faults of reading results folders that strangers made, each by itself: what of theirs ran, was believed or shown."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import camera_stores
from crossvad import api, cli
from crossvad.commands.table_command import remake
from crossvad.datasets.errors import InputError
from crossvad.evaluation import metric_cache
from crossvad.execution.model_views import ModelViewer
from crossvad.planning import registry
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.claims import claim
from crossvad.store.store import Store
from hostile.guard import bounded
from hostile.mutations import nested
from hostile.strangers import put

EVIL = "import pathlib\npathlib.Path({marker!r}).touch()\nclass Evil: pass\n"


@pytest.fixture
def sound(store) -> Store:
    """Cells of a few methods, two of them also adapted."""
    for method in ("apn", "framediff", "random"):
        camera_stores.put(store, method, trained=method == "apn")
    camera_stores.put(store, "apn", shots=10)
    return store


@pytest.fixture
def told(sound):
    """Put a cell beside them that is as one of them, but for what is told of it: told(facts={…}, method=…)."""
    place = sound.cell_place(next(r.cell.key for r in sound.records() if (r.cell.method, r.cell.shots) == ("apn", 0)))
    raw, scores = json.loads((place / "record.json").read_text()), (place / "scores.npz").read_bytes()

    def make(facts=None, scores=scores, status="done", reason="", **cell) -> Path:
        return put(
            sound.root.parent,
            raw
            | {"cell": raw["cell"] | {"method": "mine"} | cell, "facts": raw["facts"] | (facts or {})}
            | {"status": status, "reason": reason},
            scores,
        )

    return make


@pytest.fixture
def evil(tmp_path, monkeypatch) -> Path:
    """A file of code in the folder that we are in; the path of what it makes when it is run."""
    marker = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(EVIL.format(marker=str(marker)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        registry.get_method("evil.py:Evil")
    assert marker.exists()  # it does run when a user asks for it
    marker.unlink()
    return marker


@pytest.mark.parametrize("field", ["method", "tuning", "source", "target"])
@pytest.mark.parametrize("command", ["verify", "report", "table", "results list", "plot scores", "plot activations"])
def test_no_code_runs_because_a_cell_names_it(bench, told, evil, command, field):
    told(**{field: f"{evil.parent}/evil.py:Evil"})
    told(**{field: "evil.py:Evil"})
    done = bench(*command.split(), *(["--where", f"{field}=evil.py:Evil"] if "plot" in command else []))
    assert not evil.exists() and "Traceback" not in done.err


PAGE = "# Page\n\n<!-- main: bench {command} -->\n\n| a | b |\n|---|---|\n| c | 1 |\n"


@pytest.mark.parametrize("command", ["profile evil.py:Evil", "choose evil.py:Evil --from x.csv", "run -h"])
def test_no_code_runs_because_a_page_names_it(bench, sound, evil, command):
    (sound.root.parent / "page.md").write_text(PAGE.format(command=command))
    (evil.parent / "x.csv").write_text("")
    assert bench("verify").code == 1 and not evil.exists()


def test_no_picture_is_written_because_a_page_says_so(bench, sound, tmp_path):
    (sound.root.parent / "page.md").write_text(PAGE.format(command=f"audit protocol --out {tmp_path / 'mine.svg'}"))
    assert bench("verify").code == 1 and not (tmp_path / "mine.svg").exists()


@pytest.mark.parametrize("flag", ["--results ", "--results="])
def test_no_other_cells_are_read_because_a_page_names_them(bench, sound, tmp_path, flag):
    """Not a folder that holds what the page wants to say, and no address on the network."""
    for place in (tmp_path, "http://127.0.0.1:1/results"):
        words = f"table {flag}{place}"
        (sound.root.parent / "page.md").write_text(PAGE.format(command=words))
        assert bench("verify").code == 1
        with pytest.raises(InputError, match="names results of its own"):
            remake(cli.bench, words.split(), str(sound.root.parent))


def test_a_page_that_asks_for_help_does_not_end_the_check(bench, sound):
    (sound.root.parent / "page.md").write_text(PAGE.format(command="table --help"))
    done = bench("verify")
    assert done.code == 1 and "cannot be run again" in done.out


def test_a_record_says_no_number_that_is_computed(sound, told):
    told(facts={"auc": 99.9, "rbdc": 99.9, "frames": 1, "status": "failed", "of_videos": 1}, method="mine")
    honest, forged = (api.load_results(sound.root.parent, f"method={name}").to_frame() for name in ("apn", "mine"))
    honest = honest[honest["shots"] == 0]
    for column in ("auc", "rbdc", "frames", "status", "of_videos"):
        assert forged[column].to_numpy().tolist() == pytest.approx(honest[column].to_numpy().tolist(), nan_ok=True)


def test_metrics_that_lie_beside_cells_are_not_believed_when_they_are_checked(bench, sound):
    results = sound.root.parent
    honest = bench("table", "--format", "long").out
    (results / "table.csv").write_text(honest)
    kept = json.loads((sound.root / "metrics.json").read_text())
    for key, digits in kept["cells"].items():
        numbers = np.frombuffer(bytes.fromhex(digits), "<f8").copy()
        numbers[metric_cache.COLUMNS.index("auc")] = 99.9
        kept["cells"][key] = numbers.tobytes().hex()
    (sound.root / "metrics.json").write_text(json.dumps(kept))
    assert "99.9" in bench("table", "--format", "long").out  # whose folder it is believes it
    assert bench("verify").code == 0


@pytest.mark.parametrize(
    "numbers",
    [
        {"auc": "<b>"}, [], "x", "", 5, None, *(character * metric_cache.DIGITS for character in " g7"),
        np.full(len(metric_cache.COLUMNS), np.inf).tobytes().hex(),
    ],
)  # fmt: skip
def test_metrics_of_another_kind_are_computed_anew(sound, numbers):
    results = sound.root.parent
    honest = api.load_results(results).to_frame()
    kept = json.loads((sound.root / "metrics.json").read_text())
    (sound.root / "metrics.json").write_text(json.dumps(kept | {"cells": dict.fromkeys(kept["cells"], numbers)}))
    assert api.load_results(results).to_frame().equals(honest)


@pytest.mark.parametrize(
    "name", ["path:../secret", "path:{outside}", "path:..", "path:~", "path:", f"path:{'x' * 300}"]
)
def test_no_frames_are_shown_of_a_folder_that_a_cell_leads_to(tmp_path, camera, monkeypatch, name):
    camera("secret")
    (tmp_path / "data").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    name = name.format(outside=tmp_path / "secret")
    assert Thumbnails(tmp_path / "data").frames(name, "a", [0]) is None
    with pytest.raises(InputError, match="is no name of a folder"):
        registry.as_given(name)


def test_a_link_where_claims_should_lie_costs_nobody_a_file(sound, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "my-thesis.txt").write_text("years of work")
    (sound.root / "claims").symlink_to(mine)
    sound.sweep()
    assert (mine / "my-thesis.txt").read_text() == "years of work"


def test_a_claim_makes_no_file_where_a_link_leads(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "cells-a").symlink_to(tmp_path / "made")
    with pytest.raises(InputError, match="is no claim"), claim(tmp_path / "claims" / "cells-a"):
        pass
    assert not (tmp_path / "made").exists()


def test_keeping_copies_nothing_that_a_cell_links_to(bench, sound, tmp_path):
    (tmp_path / "key").write_text("secret")
    (sound.cell_places()[0] / "notes").symlink_to(tmp_path / "key")
    assert bench("keep").code == 0
    assert {path.name for path in sound.reference.rglob("*") if path.is_file()} == {"record.json", "scores.npz"}


def test_keeping_writes_nothing_where_a_link_leads(bench, sound, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    sound.reference.mkdir()
    (sound.reference / sound.cell_places()[0].name).symlink_to(outside)
    done = bench("keep")
    assert done.code == 2 and "is a link" in done.err and not [*outside.iterdir()]


def test_metrics_are_not_kept_where_a_link_leads(sound, tmp_path):
    outside = tmp_path / "outside"
    sound.root.rename(outside)
    (outside / "metrics.json").write_text("mine")
    sound.root.symlink_to(outside)
    assert len(api.load_results(sound.root.parent).to_frame()) == 4
    assert (outside / "metrics.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("facts", "cell"),
    [
        ({"fusion": {"cue": "much"}}, {}), ({"fusion": []}, {}), ({"fps": "<b>"}, {}), ({"device": 3}, {}),
        ({"adaptations": [{"reverted": "yes"}]}, {}), ({"adaptations": 3}, {}), ({"search": {"rates": [1]}}, {}),
        ({"published_evaluation": {"head": "x"}}, {}), ({"diagnostics": {"a": "b"}}, {}), ({"deep": nested(60)}, {}),
        ({"deep": nested(900)}, {}), ({"note": "\x1b[2J"}, {}), ({"many": 10**400}, {}), ({}, {"shots": "5"}),
        ({}, {"seed": True}), ({}, {"steps": -1}), ({}, {"method": ["apn"]}), ({}, {"support": "mine"}),
        ({}, {"target": "a\x1b]0;owned\x07"}), ({}, {"source": "two\nlines"}), ({}, {"method": "gpj.\u202egnp"}),
    ],
)  # fmt: skip
def test_a_record_of_another_kind_is_named(sound, told, facts, cell):
    place = told(facts, **cell)
    with pytest.raises(InputError) as caught:
        sound.records()
    assert caught.value.where == str(place / "record.json") and caught.value.fix == "remove its folder"


def test_a_record_that_no_parser_follows_is_named(sound, told):
    place = told(method="mine")
    (place / "record.json").write_text('{"facts":' + "[" * 100_000)
    with pytest.raises(InputError, match=r"record\.json: cannot be read"):
        sound.records()


def test_a_pipe_instead_of_a_record_is_not_waited_for(sound, told):
    place = told(method="mine")
    (place / "record.json").unlink()
    os.mkfifo(place / "record.json")
    with bounded(2), pytest.raises(InputError, match="no plain file"):
        sound.records()


def test_a_finished_cell_that_does_not_say_how_cues_are_fused_is_named(sound):
    raw = json.loads((sound.cell_places()[0] / "record.json").read_text())
    del raw["facts"]["fusion"]
    put(sound.root.parent, raw | {"cell": raw["cell"] | {"method": "mine"}}, b"")
    record = next(record for record in sound.records() if record.cell.method == "mine")
    with pytest.raises(InputError, match="does not say how its cues are fused"):
        _ = record.fusion


def bomb() -> bytes:
    """A third of a megabyte that unpacks to 320."""
    import io

    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("videos.npy", bytes(320 * 2**20))
    return whole.getvalue()


def test_scores_that_unpack_to_far_more_than_they_are_stay_packed(sound, told):
    told(method="mine", scores=bomb())
    with bounded(megabytes=100), pytest.raises(InputError, match="it unpacks to 320 MB"):
        sound.scores(next(record for record in sound.records() if record.cell.method == "mine").cell)


@pytest.mark.parametrize("array", [np.array([{"a": 1}], object), np.zeros((2, 2)), np.array(["x"]), np.array([-1])])
@pytest.mark.parametrize("name", ["lengths", "units", "labels", "cues/cue"])
def test_scores_of_another_kind_are_named(sound, told, tmp_path, name, array):
    with np.load(sound.cell_places()[0] / "scores.npz") as file:
        arrays = {**file} | {name: array}
    np.savez_compressed(tmp_path / "made.npz", **arrays)
    told(method="mine", scores=(tmp_path / "made.npz").read_bytes())
    with pytest.raises(InputError, match=r"scores\.npz: holds no scores"):
        sound.scores(next(record for record in sound.records() if record.cell.method == "mine").cell)


def test_pickled_scores_are_not_unpickled(sound, told):
    told(method="mine", scores=pickle.dumps({"videos": ["a"]}))
    with pytest.raises(InputError, match=r"scores\.npz: holds no scores"):
        sound.scores(next(record for record in sound.records() if record.cell.method == "mine").cell)


def test_a_number_that_json_does_not_have_leaves_the_report_whole(bench, told, tmp_path):
    told(facts={"strange": [float("nan"), float("inf")]}, method="mine")
    assert bench("report").code == 0
    page = (tmp_path / "report.html").read_text()
    data = page.partition('id="page">')[2].partition("</script>")[0]
    json.loads(data, parse_constant=lambda name: pytest.fail(f"{name} is in the page"))


MARKUP = "<script>alert(1)</script> a|b <!-- --> $x^{$"


def test_names_are_shown_and_not_obeyed(bench, told, tmp_path):
    told(method=MARKUP, target=f"path:{MARKUP} [l](javascript:x) [/red]")
    printed = {form: bench("table", "--format", form) for form in ("rich", "md", "html", "latex", "csv", "long")}
    assert {done.code for done in printed.values()} == {0}
    assert "<script" not in printed["html"].out
    table = printed["md"].out.partition("-->")[2]
    assert r"\<script" in table and "](" not in table and "<script" not in table.replace(r"\<", "")
    assert len({line.replace(r"\|", "").count("|") for line in table.splitlines() if line.startswith("|")}) == 1
    assert "$x" not in printed["latex"].out.replace(r"\$", "") and "[/red]" in printed["rich"].out
    assert bench("report").code == 0 and "<script>alert" not in (tmp_path / "report.html").read_text()
    for kind in ("matrix", "scores", "roc"):
        done = bench("plot", kind, "--where", f"method={MARKUP}", "--out", f"{kind}.svg")
        assert done.code == 0 and "<script" not in (tmp_path / f"{kind}.svg").read_text(), done


def test_why_a_cell_failed_sends_no_terminal_a_command(bench, told):
    told(method="mine", status="failed", reason="Traceback\n\x1b[2J\x1b]0;owned\x07gone")
    for command in (["table"], ["results", "list"], ["results", "list", "--format", "md"]):
        done = bench(*command)
        assert "\x1b" not in done.out + done.err and ("gone" in done.out or command == ["table"])


def test_a_model_is_not_rebuilt_of_code_that_a_cell_names(sound, told, evil):
    told(method="evil.py:Evil")
    record = next(record for record in sound.records() if record.cell.method == "evil.py:Evil")
    with pytest.raises(InputError, match="is not run because a cell names it"):
        ModelViewer(sound, record, evil.parent)
    assert not evil.exists()
