"""What stands where submissions meet: nobody takes another's rows off the site, and refused ones are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import camera_stores
import submissions_made as made
from crossvad.datasets.errors import InputError
from crossvad.evaluation.camera_cells import counted_by_camera
from crossvad.evaluation.comparison import counted
from crossvad.evaluation.tidy import table
from crossvad.execution.progress import Reporter
from crossvad.leaderboard import gathering, site
from crossvad.planning.protocol import FAIR
from crossvad.results import Results
from crossvad.store.store import Record, Store


def gather(*folders: Path) -> gathering.Gathered:
    return gathering.gather(folders, Reporter(quiet=True))


@pytest.fixture
def lab(tmp_path):
    """Make a submission: lab(name, methods, change of each cell, change of each record, …)."""

    def make(name: str, *methods: str, cell=None, record=None, by: str = "", **grid) -> Path:
        store, own = Store(tmp_path / f"results-{name}"), Store(tmp_path / f"changed-{name}")
        made.put_grid(store, methods, **grid)
        for each in store.records():
            changed = replace(each, cell=replace(each.cell, **(cell or {}))) if cell else each
            own.write(changed, store.scores(each.cell))
        return made.pack(tmp_path / name, own, by or name)

    return make


def test_the_figures_are_those_of_the_commands(made_site):
    """Of the boards: AUC as in `bench table`; of cameras: mean and interval as in `bench cameras`."""
    gathered = made_site.gathered
    tidy = table(gathered.store, gathered.records, FAIR, speeds={})
    for board in made_site.boards:
        for row in board.table.rows:
            method = f"{row.cells[0].text}[{row.cells[0].small}]" if row.cells[0].small else row.cells[0].text
            shots = 10 if row.cells[1].value else 0
            mine = tidy[(tidy["method"] == method) & (tidy["target"] == board.key[2]) & (tidy["shots"] == shots)]
            assert row.cells[2].text.startswith(f"{mine['auc'].mean():.1f}") and len(mine) == row.cells[8].value
    (board,) = made_site.cameras
    assert set(board.targets) == {"campus", "harbour"} and board.cameras == 6
    ours = [
        record for record in gathered.records if record.cell.method in ("apn", "lmn", "mpn") or not record.cell.shots
    ]
    ours = [record for record in ours if record.cell.method not in ("memae", "apn[cycles=1]")]
    shown = Results(gathered.store, ours, FAIR, rivals=ours).cameras("framediff").numbers
    for row, line in zip(board.table.rows, shown.to_dict("records"), strict=True):
        assert row.cells[2].text == f"{line['auc']:.1f} [{line['low']:.1f}, {line['high']:.1f}]"
    assert "memae" in board.table.caption and "left out, as they lack a target" in board.table.caption


def test_a_refused_folder_is_named_and_left_out(made_site, folders):
    (refused,) = made_site.gathered.refused
    assert refused == folders[2] and [each.folder for each in made_site.gathered.accepted] == folders[:2]


def test_none_that_is_accepted_makes_no_site(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no folder is accepted"):
        gather(folders[2], tmp_path / "empty", tmp_path / "nowhere")


def test_another_copy_of_a_target_takes_nothing_off(lab):
    first, second = lab("first", "apn"), lab("second", "lmn", digest="-of-mine")
    found = gather(first, second)
    assert {record.cell.target_digest.rpartition("+")[2] for record in found.records} == {"campus"}
    assert "apn" in {record.cell.method for record in found.records}
    assert "8 cells of other copies of the data are not shown" in found.left_out
    assert {record.cell.method for record in gather(second, first).records} >= {"lmn"}


def test_the_newest_version_stands_and_the_others_are_history(lab):
    old, new = lab("old", "apn", cell={"method_version": "0.9"}), lab("new", "apn")
    for folders in ((old, new), (new, old)):
        found = gather(*folders)
        assert {record.cell.method_version for record in found.records} == {"1"}
        assert {record.cell.method_version for record in found.older} == {"0.9"}
    shown = site.make([old, new], Reporter(quiet=True))
    (page,) = [page for page in shown.methods if page.name == "apn"]
    assert {row.cells[0].text for row in page.versions.rows} == {"1, harness 1", "0.9, harness 1"}
    assert {row.cells[6].text for row in page.versions.rows} == {"old", "new"}


def test_the_same_cell_with_other_scores_counts_once_and_is_told(lab, tmp_path):
    first = lab("first", "apn")
    store = Store(tmp_path / "results-other")
    made.put_grid(store, ("apn",))
    camera_stores.put(store, "apn", shift=7)
    second = made.pack(tmp_path / "other", store, "other")
    found = gather(first, second)
    assert any(fact.startswith("of 1 cell a later submission has other scores") for fact in found.left_out)
    (record,) = [record for record in found.records if (record.cell.method, record.cell.shots) == ("apn", 0)]
    assert found.credit([record]) == "first" and found.store.record(record.cell).digest == record.digest
    (record,) = [record for record in found.records if record.cell.method == "ramp"]
    assert found.credit([record]) == "first, other"


def test_more_seeds_of_anothers_row_do_not_move_it(lab):
    first, second = lab("first", "apn"), lab("second", "apn", seeds=(7, 8))
    found = gather(first, second)
    assert {record.cell.seed for record in found.records if record.cell.method == "apn"} == {0}
    assert "4 cells with other seeds of rows that an earlier submission has are not shown" in found.left_out


def test_other_labels_of_a_target_are_refused(lab):
    first, second = lab("first", "apn"), lab("second", "lmn", cameras={"gate": (10, 20, 60), "yard": (40, 60)})
    found = gather(first, second)
    assert list(found.refused) == [second] and "has other videos than cell" in found.refused[second][0].problem


def test_nobody_takes_the_name_of_anothers_plug_in(lab, tmp_path, plugin, monkeypatch):
    """Nor does the later of two plug-ins of one name replace the rows of the first."""
    from crossvad.submission import packing

    def packed(name: str, text: str) -> Path:
        file = tmp_path / name / "mine.py"
        file.parent.mkdir()
        file.write_text(text)
        monkeypatch.setattr(packing, "find_plugins", lambda records, code: {
            packing.Plugin("mine.py:Mine", packing.sha256(file), file.stat().st_size): file
        })  # fmt: skip
        monkeypatch.setattr(packing, "card_for", lambda records, plugins, kept: packing.Card(
            kept.by, methods={"mine.py:Mine": packing.MethodCard("Mine", "unpublished", "MIT")}
        ))  # fmt: skip
        return lab(f"of-{name}", "mine.py:Mine", cell=None, by=name)

    first, second = packed("anna", "class Mine: pass"), packed("bert", "class Mine: x = 1")
    found = gather(first, second)
    assert list(found.refused) == [second] and "of anna" in found.refused[second][0].problem
    (page,) = [page for page in site.make([first], Reporter(quiet=True)).methods if page.name == "mine.py:Mine"]
    assert page.title == "Mine" and page.licence == "MIT" and [code.by for code in page.code] == ["anna"]


def test_versions_of_what_is_not_ours_are_not_held_against_one_another(tmp_path):
    """The first folder's stands, whoever sends the second; of a method of ours the newest does, row by row."""

    def of(method: str, tuning: str, versions: tuple[str, str], seed: int) -> Record:
        record = camera_stores.put(Store(tmp_path), method, shots=10, seed=seed, tuning=tuning)
        cell = replace(record.cell, method_version=versions[0], tuning_version=versions[1])
        return replace(record, cell=cell, finished=f"2026-11-2{seed}T00:00:00+00:00")

    for method, tuning in (("their-method", "finetune"), ("mine.py:Mine", "finetune"), ("apn", "their-tuning")):
        first, second = (of(method, tuning, (version, version), number) for number, version in enumerate(("1", "999")))
        assert gathering._newest([first, second]) == ([first], [second])
    old, new = of("apn", "finetune", ("1.0", "1.1"), 0), of("apn", "finetune", ("1.1", "1.0"), 1)
    assert gathering._newest([old, new]) == ([new], [old])


def test_the_command_writes_a_site_and_says_what_it_refused(bench, folders, tmp_path):
    done = bench("leaderboard", "build", *folders, "--out", "site", "--quiet")
    assert done.code == 1 and "2 submissions" in done.out and done.err.startswith("refused: ")
    assert (tmp_path / "site" / "index.html").is_file()
    assert bench("leaderboard", "build", folders[0], "--out", "site", "--quiet").code == 0
    (tmp_path / "site" / "thesis.tex").write_text("all")
    done = bench("leaderboard", "build", folders[0], "--out", "site", "--quiet")
    assert done.code == 2 and "something else" in done.err and (tmp_path / "site" / "thesis.tex").exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(bench, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(site, "make", lambda *_: pytest.fail("computed first"))
    done = bench("leaderboard", "build", folders[0], "--out", "nowhere/site", "--quiet")
    assert done.code == 2 and done.err.startswith("Error: nowhere/site: cannot be written (No such file"), done.err
    assert not any(tmp_path.iterdir())


def test_counted_cells_are_of_every_submission(made_site):
    gathered = made_site.gathered
    assert len(counted(gathered.store, gathered.records, FAIR)) == len(gathered.records)
    assert counted_by_camera(gathered.store, gathered.records, FAIR)["camera"].nunique() == 6
