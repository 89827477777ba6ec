"""What stands where submissions meet: no name, copy or seed takes rows of others off, and refused ones are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import camera_stores
import submissions_made as made
from crossvad.datasets.errors import InputError
from crossvad.evaluation.camera_cells import counted_by_camera
from crossvad.evaluation.comparison import counted
from crossvad.evaluation.tidy import table
from crossvad.execution.progress import Reporter
from crossvad.leaderboard import gathering, site
from crossvad.leaderboard.view import page_of
from crossvad.planning.protocol import FAIR
from crossvad.results import Results
from crossvad.store.store import Record, Store


def gather(*folders: Path) -> gathering.Gathered:
    return gathering.gather(folders, Reporter(quiet=True))


@pytest.fixture
def lab(tmp_path):
    """Make a submission: lab(name, methods, changes of each cell and of its arrays, on several targets, …)."""

    def make(
        name: str, *methods: str, cell=None, arrays=None, only: str = "", by: str = "", target="campus", **grid
    ) -> Path:
        store, own = Store(tmp_path / f"results-{name}"), Store(tmp_path / f"changed-{name}")
        for each in [target] if isinstance(target, str) else target:
            made.put_grid(store, methods, each, **grid)
        for each in store.records():
            scores, record = store.scores(each.cell), each
            if only in ("", each.cell.method, each.cell.tuning):
                record = replace(each, cell=replace(each.cell, **(cell or {})))
                scores = replace(scores, **{name: change(scores) for name, change in (arrays or {}).items()})
            own.write(record, scores)
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


def test_trivial_rows_of_another_folder_are_enough(lab, tmp_path):
    """Where it is accepted, and is on the same board."""
    store = Store(tmp_path / "results-bare")
    for shots in (0, 10):
        camera_stores.put(store, "lmn", shots=shots)
    bare = made.pack(tmp_path / "bare", store)
    assert not gather(lab("first", "apn"), bare).refused
    found = gather(lab("elsewhere", "apn", target="harbour"), bare)
    assert list(found.refused) == [bare] and "lacks random" in found.refused[bare][0].problem
    theirs, taken = (
        lab("theirs", "their-net", target="harbour"),
        lab("taken", "their-net", only="their-net", cell={"method_version": "other"}),
    )
    assert set(gather(theirs, taken, bare).refused) == {taken, bare}, "what it stood on was refused itself"


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


def rows_of(shown: site.Site) -> set[tuple[str, str]]:
    """The targets and methods that boards show."""
    return {(board.key[2], str(row.cells[0].value)) for board in shown.boards for row in board.table.rows}


def test_another_version_on_another_target_takes_nothing_off(lab):
    """Whatever a later folder calls its version, and whenever it says that it was packed."""
    theirs = lab("theirs", "their-net")
    later = lab("later", "their-net", target="harbour", cell={"method_version": "999"}, only="their-net", by="theirs")
    shown = site.make([theirs, later], Reporter(quiet=True))
    assert ("campus", "their-net") in rows_of(shown) and ("harbour", "their-net") not in rows_of(shown)
    assert {record.cell.method_version for record in shown.gathered.older} == {"999"}
    assert "2 cells of other versions stand on the pages of their methods alone" in shown.rests_on


@pytest.mark.parametrize("first", [True, False])
def test_another_harness_takes_nothing_of_the_present_one_off(lab, first):
    present = lab("present", "apn")
    older = lab("older", "lmn", target="harbour", cell={"harness_version": 0})
    shown = site.make([present, older] if first else [older, present], Reporter(quiet=True))
    assert {target for target, _ in rows_of(shown)} == {"campus"} and ("campus", "apn") in rows_of(shown)
    assert {record.cell.target for record in shown.gathered.older} == {"harbour"}
    (page,) = [page for page in shown.methods if page.name == "lmn"]
    assert not page.stands.rows and {row.cells[0].text for row in page.versions.rows} == {"1, harness 0"}
    assert shown.gathered.counting_targets == {"campus"} and len(shown.cameras) == 1
    assert page.by == "older" and all(site.pages(shown).values())


def test_no_board_stands_without_its_trivial_rows(lab):
    """A newer framediff on one target leaves those of others without any: they are told, and are history."""
    old = lab("old", "apn", cell={"method_version": "0.9"}, only="framediff")
    new = lab("new", "lmn", target="harbour")
    found = gather(old, new)
    assert not found.refused and {record.cell.target for record in found.records} == {"harbour"}
    assert {record.cell.method for record in found.older} >= {"apn", "framediff", "random"}
    told = "street → campus, quick is not shown: nobody ran framediff of the version that stands there"
    assert told in found.left_out
    other = lab("other", "lmn", target="harbour", cell={"method_version": "0.9"}, only="random")
    with pytest.raises(InputError, match=r"no board has random, .* of the versions that stand"):
        gather(old, other)


def test_trivial_rows_of_another_harness_are_not_enough(lab, tmp_path):
    """A row of the newest harness beside none would take all boards of the one before off."""
    old = lab("old", "apn", cell={"harness_version": 0})
    store = Store(tmp_path / "results-bare")
    for shots in (0, 10):
        camera_stores.put(store, "lmn", shots=shots)
    bare = made.pack(tmp_path / "bare", store)
    found = gather(old, bare)
    assert list(found.refused) == [bare] and "lacks random" in found.refused[bare][0].problem
    assert {record.cell.method for record in found.records} >= {"apn", "random"}


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


def test_other_scenes_of_a_target_are_refused(lab):
    """A later folder in which every video is a camera of its own would rename and multiply those of all others."""
    each = {"units": lambda scores: np.arange(len(scores.videos))}
    first, second = lab("first", "apn"), lab("second", "zz-net", arrays=each)
    found = gather(first, second)
    assert list(found.refused) == [second] and "has other scenes than cell" in found.refused[second][0].problem
    moved = lab("moved", "lmn", arrays={"units": lambda scores: scores.units + 7})
    assert not gather(first, moved).refused, "the same scenes by other numbers"


def test_part_of_a_published_target_takes_the_whole_from_nobody(tmp_path):
    """Where two folders say that they have the same copy of it."""

    def packed(name: str, method: str, videos: slice) -> Path:
        made.put_published(Store(tmp_path / f"results-{name}"), method, videos)
        return made.pack(tmp_path / name, Store(tmp_path / f"results-{name}"), name)

    part, whole = packed("part", "apn", slice(2)), packed("whole", "lmn", slice(None))
    found = gather(part, whole)
    assert list(found.refused) == [part] and [each.folder for each in found.accepted] == [whole]
    assert [each.folder for each in gather(part).accepted] == [part]


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


@pytest.mark.parametrize("kind", ["method", "tuning"])
def test_nobody_takes_the_name_of_anothers_method_or_tuning(lab, kind):
    """Rows of two labs that have one name and other code do not become one row; the same code may be run by several."""
    changed = f"their-{kind}"
    method, grid = (changed, {}) if kind == "method" else ("apn", {"tuning": changed})

    def of(name: str, code: str, target: str = "harbour", by: str = "") -> Path:
        return lab(name, method, only=changed, cell={f"{kind}_version": code}, target=target, by=by, **grid)

    first, other, same = of("first", "a" * 16, "campus"), of("other", "b" * 16), of("same", "a" * 16)
    found = gather(first, other, same)
    assert list(found.refused) == [other] and "of first" in found.refused[other][0].problem
    assert {record.cell.target for record in found.records if record.cell.method == method} == {"campus", "harbour"}
    assert not gather(first, of("again", "b" * 16, by="first")).refused, "one sender may send what was changed"


def test_the_page_of_a_method_that_is_not_here_does_not_say_that_its_code_is_ours(lab):
    shown = site.make([lab("first", "their-net", "apn")], Reporter(quiet=True))
    pages = {page.name: site.pages(shown)[page.page] for page in shown.methods}
    assert "not given: of a package that is not here" in pages["their-net"] and "<dd>of crossvad" in pages["apn"]


def test_no_page_is_written_over_another(lab, monkeypatch):
    assert page_of("method", "apn") != page_of("method", "apn&+&%!%+^")
    shown = site.make([lab("first", "apn")], Reporter(quiet=True))
    monkeypatch.setattr(site.MethodPage, "page", property(lambda page: "method-apn.html"))
    with pytest.raises(InputError, match="two pages of one name"):
        site.pages(shown)


def test_versions_of_what_is_not_ours_are_not_held_against_one_another(tmp_path):
    """The first folder's stands, whoever sends the second; of what is ours the newest does."""

    def of(method: str, tuning: str, versions: tuple[str, str], seed: int) -> Record:
        record = camera_stores.put(Store(tmp_path), method, shots=10, seed=seed, tuning=tuning)
        cell = replace(record.cell, method_version=versions[0], tuning_version=versions[1])
        return replace(record, cell=cell, finished=f"2026-11-2{seed}T00:00:00+00:00")

    for method, tuning in (("their-method", "finetune"), ("mine.py:Mine", "finetune"), ("apn", "their-tuning")):
        ours = method == "apn"  # whose tuning alone is somebody's
        first, second = (
            of(method, tuning, ("1" if ours else version, version), number)
            for number, version in enumerate(("1", "999"))
        )
        assert gathering._newest([first, second]) == ([first], [second])
    old, new = of("apn", "finetune", ("1.0", "1.1"), 0), of("apn", "finetune", ("1.1", "1.0"), 1)
    assert gathering._newest([old, new]) == ([new], [old])
    old, new = of("apn", "finetune", ("1.0", "1.1"), 0), of("apn", "head", ("1.1", "1.0"), 1)
    assert gathering._newest([old, new]) == ([new], [old]), "one version of a method, whatever the row"


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
