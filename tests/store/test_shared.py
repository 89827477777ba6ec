"""What machines share at a URL: whole, or taken for nothing; and nothing made is lost with the network."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import fsspec
import numpy as np
import pytest

from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.planning.cell import Cell
from crossvad.store import objects
from crossvad.store.opening import open_store
from crossvad.store.scores import Maps, Scores
from crossvad.store.store import Record, Store
from crossvad.store.urls import folder_of
from shared_stores import Told, cut_off, files_at, now_and_then, put_at

CELL = Cell(
    method="framepred", source="a", target="b", tuning="none", support="none", shots=0, steps=0, seed=0, budget="smoke",
    budget_digest="b", method_version="1.1", tuning_version="", source_digest="s", target_digest="t",
)  # fmt: skip
OTHER = replace(CELL, seed=1)
numbers = count()


def scores(value: float = 1.0) -> Scores:
    return Scores(
        videos=["x"],
        lengths=np.array([2]),
        units=np.array([0]),
        labels=np.array([0, 1], np.uint8),
        cues={"prediction": np.array([value, 2.0])},
        support={},
        support_units=np.empty(0, np.int64),
        support_labels=np.empty(0, np.uint8),
        heldout={"prediction": np.array([0.5])},
    )


def maps() -> Maps:
    return Maps(np.zeros((2, 4, 4), np.float32), (8, 8), [], False)


def done(cell: Cell = CELL) -> Record:
    return Record(cell, "done", facts={"fusion": {}})


@pytest.fixture
def url() -> str:
    return f"memory://shared-{next(numbers)}/runs"


@pytest.fixture
def machine(tmp_path, monkeypatch, url):
    """Sit down at a machine: machine("a") opens the store there."""
    monkeypatch.setattr(objects, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(objects, "RESTS", 0.0)

    def at(name: str, **settings) -> Store:
        monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / name))
        return open_store(url, **settings)

    return at


# ---------------------------------------------------------------------------------------------------------- round trips


def test_what_one_machine_makes_another_reads(machine, url):
    made = machine("a").write(done(), scores(3.0))
    assert sorted(files_at(url)) == [f"runs/cells/{CELL.key}/{name}" for name in ("record.json", "scores.npz")]
    told = Told()
    store = machine("b", teller=told)
    assert store.records() == [made] and told.lines == []
    np.testing.assert_equal(store.scores(CELL).cues["prediction"], [3.0, 2.0])
    assert store.root.is_relative_to(folder_of(url)) and not list(store.root.glob("*/.*"))


def test_a_run_fetches_what_it_asks_for_alone(machine):
    first = machine("a")
    first.write(done(), scores())
    first.write(done(OTHER), scores())
    store = machine("b", all_cells=False)
    store.take_in("cells", [CELL.key, "0" * 16])
    assert [record.cell for record in store.records()] == [CELL]


def test_a_fit_is_shared_with_its_hashes_and_no_other_files(machine, url):
    with machine("a").writing("fits", "f" * 16) as draft:
        (draft / "model.safetensors").write_bytes(b"weights")
        (draft / "fit.json").write_text("{}")
    assert {name.rpartition("/")[2] for name in files_at(url)} == {"model.safetensors", "fit.json", "sha256.json"}
    store = machine("b")
    store.take_in("fits", ["f" * 16])
    found = {path.name: path.read_bytes() for path in store.place("fits", "f" * 16).iterdir()}
    assert found == {"model.safetensors": b"weights", "fit.json": b"{}"}


def test_what_is_of_one_machine_stays_there(machine, url):
    store = machine("a")
    store.write(Record(CELL, "failed", "Traceback: no"))
    with store.writing("profiles", "p" * 16) as draft:
        (draft / "profile.json").write_text("{}")
    assert files_at(url) == {} and not list(store.place("unshared", "").iterdir())
    other = machine("b")
    other.write(done(), scores())
    (record,) = machine("a").records()  # and is no longer there where another has done it
    assert record.status == "done"


def test_maps_come_when_they_are_asked_for(machine):
    machine("a").write(done(), scores(), maps())
    store = machine("b")
    store.records()
    assert not (store.cell_place(CELL.key) / "maps.npz").exists()
    np.testing.assert_equal(store.maps(CELL).maps, maps().maps)
    assert (store.cell_place(CELL.key) / "maps.npz").exists()


def test_maps_are_added_to_a_cell_without(machine):
    machine("a").write(done(), scores())
    machine("b").write(done(), scores(), maps())
    store = machine("c")
    store.records()
    assert store.maps(CELL) is not None


def test_what_came_first_counts(machine, url):
    machine("a").write(done(), scores(1.0))
    before = files_at(url)
    store = machine("b", all_cells=False)
    store.write(done(), scores(9.0))
    assert files_at(url) == before and not list(store.place("unshared", "").iterdir())


def test_a_cell_scored_again_by_other_labels_is_handed_over_and_fetched(machine, url):
    stale = machine("b", all_cells=False)
    machine("a").write(done(), scores(1.0))
    stale.take_in("cells", [CELL.key])
    mended = replace(scores(9.0), labels=np.array([1, 1], np.uint8))
    with pytest.MonkeyPatch.context() as patch:  # and be it later
        cut_off(patch, lambda: True)
        made = machine("a").write(done(), mended)
    machine("a").hand_over()
    assert machine("c").records() == [made]
    stale.take_in("cells", [CELL.key])
    assert stale.scores(CELL).cues["prediction"][0] == 1.0
    stale.take_in("cells", [CELL.key], anew=True)
    assert stale.records() == [made] and stale.scores(CELL).cues["prediction"][0] == 9.0


def test_committed_cells_are_read_and_a_plain_folder_is_a_url(machine, tmp_path, monkeypatch):
    plain = Store(tmp_path / "shared")
    plain.write(done(), scores())
    plain.keep(plain.records()[0].cell)
    plain.write(done(OTHER), scores())
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "b"))
    url = (tmp_path / "shared").as_uri()
    assert [record.cell for record in open_store(url, "reference").records()] == [CELL]
    assert len(open_store(url, "runs").records()) == 2
    open_store(url).write(done(replace(CELL, seed=2)), scores())
    assert len(plain.records()) == 3  # and what is written there is a folder's


# ------------------------------------------------------------------------------------------------------- not as written


def spoil(url: str, name: str) -> None:
    content = bytearray(files_at(url)[name])
    content[len(content) // 2] ^= 1
    put_at(url, name, bytes(content))


@pytest.mark.parametrize("name", ["scores.npz", "record.json"])
def test_what_was_changed_is_left_out_told_of_and_replaced(machine, url, name):
    first = machine("a")
    first.write(done(), scores())
    first.write(done(OTHER), scores())
    spoil(url, f"runs/cells/{CELL.key}/{name}")
    told = Told()
    store = machine("b", teller=told)
    assert [record.cell for record in store.records()] == [OTHER]
    assert told.lines == [f"1 cell of 2 at {url} left out, as not all of each is there as it was written: {CELL.key}"]
    store.write(done(), scores())
    assert len(machine("c").records()) == 2


@pytest.mark.parametrize("name", ["scores.npz", "record.json"])
def test_half_a_cell_is_none(machine, url, name):
    machine("a").write(done(), scores())
    fsspec.filesystem("memory").rm_file(f"{url}/runs/cells/{CELL.key}/{name}")
    store = machine("b")
    assert store.records() == [] and not list(store.root.glob("cells/*"))
    store.write(done(), scores())
    assert len(machine("c").records()) == 1


def test_a_spoilt_fit_is_none(machine, url):
    with machine("a").writing("fits", "f" * 16) as draft:
        (draft / "fit.json").write_text("{}")
    spoil(url, f"runs/fits/{'f' * 16}/fit.json")
    store = machine("b")
    store.take_in("fits", ["f" * 16])
    assert not store.place("fits", "f" * 16).exists()


def test_a_fit_without_files_is_none_and_replaced(machine, url):
    put_at(url, f"runs/fits/{'f' * 16}/sha256.json", b"{}")
    with machine("a").writing("fits", "f" * 16) as draft:
        (draft / "fit.json").write_text("{}")
    store = machine("b")
    store.take_in("fits", ["f" * 16])
    assert (store.place("fits", "f" * 16) / "fit.json").is_file()


def test_a_cell_under_another_name_is_none(machine, url):
    machine("a").write(done(), scores())
    for name, content in files_at(url).items():
        put_at(url, name.replace(CELL.key, OTHER.key), content)
    assert [record.cell for record in machine("b").records()] == [CELL]


@pytest.mark.parametrize("name", ["../../../out.json", "/tmp/out.json", "..", "a/b.json", ".json", "out.py", "F.json"])
def test_nothing_is_written_outside_its_folder(machine, url, tmp_path, name):
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
    at = f"runs/fits/{'f' * 16}"
    put_at(url, f"{at}/sha256.json", json.dumps({name: digest}).encode())
    put_at(url, f"{at}/{name}", b"{}")  # as a store of objects may have it
    store = machine("b")
    store.take_in("fits", ["f" * 16])
    assert not store.place("fits", "f" * 16).exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_folders_of_other_names_are_not_looked_into(machine, url):
    machine("a").write(done(), scores())
    for name in ("..", "...", ".hidden", CELL.key.upper(), f"{CELL.key}-old", "x"):
        put_at(url, f"runs/cells/{name}/record.json", b"{}")
    told = Told()
    assert len(machine("b", teller=told).records()) == 1 and told.lines == []


def test_a_link_in_the_mirror_is_not_followed(machine, url, tmp_path):
    machine("a").write(done(), scores())
    store = machine("b")
    store.place("cells", "").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    store.place("cells", CELL.key).symlink_to(tmp_path / "elsewhere")
    assert len(store.records()) == 1 and not list((tmp_path / "elsewhere").iterdir())


def test_what_is_too_large_is_not_fetched(machine, url, monkeypatch):
    machine("a").write(done(), scores())
    monkeypatch.setattr("crossvad.store.whole.MOST", {"record.json": 2**26, "scores.npz": 100})
    assert machine("b").records() == []


# ---------------------------------------------------------------------------------------------------------- the network


def test_a_short_failure_is_not_noticed(machine, url, monkeypatch):
    turns = count()
    failed = cut_off(monkeypatch, lambda: next(turns) % 3 == 0)
    machine("a").write(done(), scores())
    assert len(machine("b").records()) == 1 and failed


def test_a_file_that_was_cut_off_is_read_from_its_start(machine, url, monkeypatch):
    machine("a").write(done(), scores())
    monkeypatch.setattr(objects, "PIECE", 64)
    reads = count()
    failed = cut_off(monkeypatch, lambda: False, lambda: next(reads) in (10, 50))
    assert len(machine("b").records()) == 1 and failed


def test_without_a_network_nothing_is_lost_and_the_same_goes_on(machine, url, monkeypatch):
    store = machine("a")
    with pytest.MonkeyPatch.context() as patch:
        cut_off(patch, lambda: True)
        store.write(done(), scores())
        store.write(done(OTHER), scores())
        with pytest.raises(CannotKeep, match=r"pulled.*2 of it not shared yet; the same command goes on"):
            store.hand_over()
        with pytest.raises(InputError, match=r"cannot be reached \(the cable was pulled\)"):
            machine("b").records()
    assert len(Store(store.root.parent).records()) == 2
    machine("a").check_writable()  # as every run begins
    assert len(machine("c").records()) == 2


@pytest.mark.parametrize("seed", range(12))
def test_wherever_the_network_fails_all_of_it_is_there_in_the_end(machine, url, seed):
    cells = [replace(CELL, seed=number) for number in range(5)]
    with pytest.MonkeyPatch.context() as patch:
        failed = cut_off(patch, now_and_then(seed, 0.5))
        for cell in cells:
            machine("a").write(done(cell), scores(float(cell.seed)))
    assert failed
    machine("a").hand_over()
    read = machine("b")
    assert sorted(record.cell.seed for record in read.records()) == [0, 1, 2, 3, 4]
    assert all(read.scores(cell).cues["prediction"][0] == cell.seed for cell in cells)


# ----------------------------------------------------------------------------------------------------------------- URLs


def test_a_url_that_nothing_reads_is_told_of():
    with pytest.raises(InputError, match=r"^nosuch://x: cannot be read \(.*nosuch.*name a folder, or a URL"):
        open_store("nosuch://x")


def test_a_package_that_is_missing_is_named(monkeypatch):
    def missing(*args, **settings):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    with pytest.raises(
        InputError, match=r"not installed \(Install s3fs to access S3\); pip install 'crossvad\[remote\]"
    ):
        open_store("s3://bucket/runs")


def test_a_path_that_was_a_url_is_told_of():
    with pytest.raises(InputError, match="was meant as a URL; give it as text"):
        open_store(Path("s3://bucket/runs"))


def test_urls_have_folders_of_their_own():
    assert folder_of("memory://a/") == folder_of("memory://a") != folder_of("memory://b")


def test_a_secret_of_a_url_is_not_told():
    store = open_store("https://me:hunter2@nowhere.invalid/x?sig=hunter3")
    assert str(store.address) == "https://***@nowhere.invalid/x?sig=***"
    with pytest.raises(InputError) as refused:
        store.refuse_missing()
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "packages"),
    [("s3://b", ""), ("https://x", ""), ("gs://b", " gcsfs"), ("GS://b", " gcsfs"), ("abfs://b", " adlfs")],
)
def test_what_reads_a_url_is_named_by_the_package_to_install(monkeypatch, url, packages):
    def missing(*args, **settings):
        raise ImportError("it is not here")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    with pytest.raises(InputError) as refused:
        open_store(url)
    assert refused.value.fix == f"pip install 'crossvad[remote]'{packages}"
