"""`bench submit check`: names and facts of what comes with this package are held against it"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import camera_stores
import submissions_made as made
from crossvad.evaluation.camera_cells import base_name
from crossvad.planning import registry
from crossvad.planning.catalogue import BASELINES, METHODS
from crossvad.store.store import Record, Store
from crossvad.submission import known_names
from crossvad.submission.checking import check
from crossvad.submission.fairness import verify_fairness


@pytest.fixture
def told(tmp_path):
    """What is wrong with a submission of one more method, as it starts and as it adapted."""

    def make(method: str = "apn", **cell) -> str:
        store = Store(tmp_path / "results")
        own = {name: cell.pop(name) for name in ("target", "source") if name in cell}
        for name in BASELINES:
            camera_stores.put(store, name, trained=False, shift=0.3, **own)
        for shots in (0, 10):
            camera_stores.put(store, method, shots=shots, **own, **cell)
        found = check(made.pack(tmp_path / "out", store)).errors
        return "\n".join(f"{problem.where}: {problem.problem}" for problem in found)

    return make


@pytest.mark.parametrize(
    ("where", "name"), [("method", "détecteur.py:Mine"), ("tuning", "détecteur.py:Mine"), ("target", "campus\u200d")]
)
def test_a_name_that_no_run_would_mend_is_to_be_changed(tmp_path, where, name):
    """A later version of crossvad would refuse it as well."""
    cell = replace(camera_stores.put(Store(tmp_path), shots=10).cell, **{where: name})
    (problem,) = known_names.verify_names([Record(cell, "done")])
    assert problem.where == name and problem.fix == "rename the class, file or folder, and run again"


@pytest.mark.parametrize("name", ["apn ", "apn[ ]", "apn[prototypes=10]", "apn[cycles=1,paper]"])
def test_another_spelling_of_our_method_is_refused(told, name):
    assert "is called apn" in told(name)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ({"tuning": "finetune[]"}, "finetune[]: is called finetune"),
        ({"target": "synthetic-plaza[ ]"}, "is called synthetic-plaza"),
        ({"target": "synthetic-cameras[seed=0]"}, "is called synthetic-cameras"),
        ({"source": "ped2+avenue"}, "ped2+avenue: is written avenue+ped2"),
        ({"source": "ped2[]+path:mine"}, "ped2[]: is called ped2"),
    ],
)
def test_another_spelling_of_what_is_ours_is_refused(told, cell, says):
    assert says in told(**cell)


@pytest.mark.parametrize("name", ["\u0430pn", "their-net ", "their-net[ ]"])
def test_a_name_that_looks_like_another_is_refused(told, name):
    assert "is no plain name in ASCII" in told(name)


def test_a_name_that_a_run_would_mend_says_so(tmp_path):
    cell = replace(camera_stores.put(Store(tmp_path)).cell, method="apn[]")
    assert [each.fix for each in known_names.verify_names([Record(cell, "done")])] == [known_names.RUN]


def test_a_plain_name_of_somebody_is_none_of_our_business(told):
    assert told("their-net[depth=3]") == ""


def test_a_file_that_a_name_speaks_of_is_not_read(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read"))
    assert known_names._misnamed("data set", "ped2[videos=/etc/secret.txt]") is None


def test_a_trained_method_cannot_pass_for_one_that_learns_nothing(told):
    """It would be counted on the camera that it was trained on."""
    assert "apn: says that it was not trained on its source, which this method always is" in told(trained=False)


def test_an_untrained_method_cannot_pass_for_a_trained_one(told):
    assert "unmasking: says that it was trained on its source, which this method never is" in told("unmasking")


def test_a_method_that_looks_ahead_says_so(told):
    assert "sdor: looks ahead in test video, and its cells say otherwise" in told("sdor", trained=False)
    assert "apn: does not look ahead" in told(ahead=True)


def test_every_method_says_whether_it_looks_ahead_before_it_is_built():
    assert [name for name in METHODS if known_names.looks_ahead(registry.get_method(name))] == ["sdor"]


def test_what_does_not_tune_has_no_version(tmp_path):
    """A later one would take the rows of all that did not adapt off the boards."""
    record = camera_stores.put(Store(tmp_path))
    assert known_names.verify_names([record]) == []
    (problem,) = known_names.verify_names([replace(record, cell=replace(record.cell, tuning_version="1"))])
    assert problem.where == "none" and problem.problem == "has no version, such as 1"


@pytest.mark.parametrize(("shots", "support"), [(10, "none"), (0, "train-head")])
def test_shots_are_of_a_support(tmp_path, shots, support):
    store = Store(tmp_path / "results")
    made.put_grid(store)
    record = camera_stores.put(store, shots=shots, seed=3)
    cell = replace(record.cell, support=support)
    (problem,) = verify_fairness([replace(record, cell=cell)])
    assert f"adapts on {shots} clips of support {support}" in problem.problem


def test_more_shots_than_fair_are_refused(tmp_path):
    record = camera_stores.put(Store(tmp_path), shots=30)
    (problem,) = verify_fairness([record])
    assert "protocol fair leaves room for" in problem.problem


def test_cameras_drawn_by_the_default_seed_are_the_same_cameras():
    names = ("synthetic-cameras", "synthetic-cameras[seed=0]", "synthetic-cameras[seed=11]")
    assert [base_name(name) for name in names] == [
        "synthetic-cameras",
        "synthetic-cameras",
        "synthetic-cameras[seed=11]",
    ]


@pytest.mark.parametrize("unseen", ["\u200b", "\u200c", "\u200d", "\ufeff", "\xad"])
def test_a_name_that_only_looks_like_another_is_refused(unseen):
    says = [known_names._misnamed(kind, name + unseen)[0] for kind, name in (("data set", "campus"), ("method", "apn"))]
    assert says == ["holds a character that cannot be seen", "is no plain name in ASCII"]
    assert not known_names._misnamed("data set", "Zürich, 東京, नमस्ते")
