"""What files said is remembered, and never believed against the folders."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera_stores import put
from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.store import index, records, store
from crossvad.store.records import Record, read_record
from crossvad.store.store import Store

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture
def settled(monkeypatch):
    """Files count as having lain still."""
    monkeypatch.setattr(index, "SETTLED", -1.0)


@pytest.fixture
def results(tmp_path) -> Path:
    """Four cells, which have been looked at once."""
    folder = tmp_path / "results"
    for method in ("apn", "lmn"):
        for shots in (0, 10):
            put(Store(folder), method, shots=shots)
    rows(folder)
    assert index_of(folder).is_file()
    return folder


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Names of the files that have been read since."""
    names, read_record, sha256 = [], records.read_record, store.sha256
    monkeypatch.setattr(records, "read_record", lambda place: (names.append("record"), read_record(place))[1])
    monkeypatch.setattr(store, "sha256", lambda path: (names.append(path.stem), sha256(path))[1])
    return names


def index_of(results: Path) -> Path:
    return results / "runs" / index.FILE


def rows(results: Path) -> str:
    """All that a table says."""
    opened = Store(results)
    return table(opened, opened.records(), FAIR).to_csv()


def truth(results: Path) -> list[Record]:
    opened = Store(results)
    return [record for record in map(read_record, opened.cell_places()) if record]


def record_of(results: Path) -> Path:
    return Store(results).cell_places()[0] / records.RECORD


def rewrite(path: Path, **changes: object) -> None:
    """Change a record in its place, and stamp it as sound."""
    raw = json.loads(path.read_text())
    path.write_text(json.dumps(records.stamped(raw | changes)))


def test_what_was_read_is_not_read_again(results, read):
    before = rows(results)
    assert read == [] and Store(results).records() == truth(results)
    index_of(results).unlink()
    del read[:]
    assert rows(results) == before and sorted(read) == ["record"] * 4 + ["scores"] * 4


def test_a_cell_changed_behind_its_back_is_seen(results, read):
    rewrite(record_of(results), status="failed", reason="out of memory")
    assert [record.status for record in Store(results).records()].count("failed") == 1 and read == ["record"]
    rows(results)
    del read[:]
    assert "failed" in rows(results) and read == [], "and is then remembered"


def test_a_change_of_the_same_size_and_time_is_seen(results):
    path = record_of(results)
    before = path.stat()
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    with pytest.raises(InputError, match="was changed after it was written"):
        Store(results).records()


def test_scores_changed_behind_its_back_are_refused(results):
    path = record_of(results).with_name(store.SCORES)
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(InputError, match=r"scores\.npz: is missing or was changed"):
        rows(results)


def test_what_was_only_just_written_is_not_remembered(results, read, monkeypatch):
    monkeypatch.setattr(index, "SETTLED", 3600.0)
    put(Store(results), "mpn")
    before = rows(results)
    del read[:]
    assert rows(results) == before and read == ["record", "scores"]


def test_cells_that_are_gone_are_forgotten(results):
    gone = record_of(results).parent
    shutil.rmtree(gone)
    assert len(Store(results).records()) == 3
    with sqlite3.connect(index_of(results)) as base:
        names = [name for (name,) in base.execute("select name from files")]
    assert len(names) == 6 and not any(gone.name in name for name in names)


def test_a_copy_beside_a_cell_is_no_other_cell(results, read):
    """Such as somebody makes before trying something: it would count as another seed."""
    place = record_of(results).parent
    before = rows(results)
    copy = shutil.copytree(place, place.with_name(f"{place.name}.bak"))
    assert rows(results) == before and read == []
    copy.replace(place.with_name("0123456789abcdef"))
    with pytest.raises(
        InputError, match=f"0123456789abcdef: holds the record of another cell, {place.name}: .*restore"
    ):
        Store(results).records()


def test_committed_cells_are_remembered_beside_ones_own(results, read):
    for record in Store(results).records()[:2]:
        Store(results).keep(record.cell)
        shutil.rmtree(Store(results, only="runs").cell_place(record.cell.key))
    before = rows(results)
    del read[:]
    assert rows(results) == before and "reference" in before and read == []
    assert [len(Store(results, only=only).records()) for only in ("runs", "reference")] == [2, 2] and read == []


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + bytes(500)])
def test_a_damaged_index_is_made_anew(results, read, content):
    before = rows(results)
    index_of(results).write_bytes(content)
    assert rows(results) == before and len(read) == 8
    del read[:]
    assert rows(results) == before and read == []


@given(st.data())
def test_no_damaged_byte_changes_what_is_read(tmp_path_factory, data):
    """Whichever bytes of the file turn into whatever."""
    folder = made_once(tmp_path_factory)
    whole = index_of(folder).with_name("whole").read_bytes()
    damaged = bytearray(whole)
    places = st.integers(0, len(whole) - 1)
    for place, value in data.draw(st.dictionaries(places, st.integers(0, 255), min_size=1, max_size=40)).items():
        damaged[place] = value
    index_of(folder).write_bytes(damaged)
    assert Store(folder).records() == truth(folder)


def made_once(factory) -> Path:
    folder = factory.getbasetemp() / "damaged"
    if not folder.exists():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index, "SETTLED", -1.0)
            for shots in (0, 10):
                put(Store(folder), shots=shots)
            rows(folder)
        shutil.copy(index_of(folder), index_of(folder).with_name("whole"))
    return folder


@pytest.mark.parametrize("statement", ["pragma user_version = 99", "drop table files", "update files set said = 1"])
def test_the_index_of_another_version_is_made_anew(results, read, statement):
    before = rows(results)
    with sqlite3.connect(index_of(results)) as base:
        base.execute(statement)
    base.close()
    assert rows(results) == before and len(read) == 8
    del read[:]
    assert rows(results) == before and read == []


def test_the_index_of_another_folder_is_not_believed(results, read, tmp_path):
    """The same cells, but of other scores: as of a folder that was copied and gone on with."""
    other = tmp_path / "other"
    for record in truth(results):
        put(Store(other), record.cell.method, shots=record.cell.shots, shift=0.1)
    expected = rows(other)
    shutil.copy(index_of(results), index_of(other))
    del read[:]
    assert rows(other) == expected != rows(results) and read.count("record") == 4


def test_a_folder_that_cannot_be_written_is_read_all_the_same(results, monkeypatch):
    before = rows(results)
    index_of(results).unlink()
    index_of(results).mkdir()  # root may write anywhere: something else is in its place
    assert rows(results) == rows(results) == before and list(index_of(results).iterdir()) == []


def test_another_process_that_is_writing_is_not_waited_for_long(results, read, monkeypatch):
    monkeypatch.setattr(index, "PATIENCE", 0.01)
    before = rows(results)
    base = sqlite3.connect(index_of(results), isolation_level=None)
    base.execute("begin exclusive")
    assert rows(results) == before and len(read) == 8
    base.execute("rollback")
    base.close()
    del read[:]
    assert rows(results) == before and read == [], "and its index is left alone"


def look(folder: Path, number: int) -> None:
    for shots in (0, 5, 10):
        put(Store(folder), f"method-{number}", shots=shots)
        Store(folder).records()


def test_several_processes_write_and_read_at_a_time(results):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=look, args=(results, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert Store(results).records() == truth(results) and len(truth(results)) == 16


def test_reading_makes_no_folder(tmp_path, results):
    committed = tmp_path / "committed"
    shutil.copytree(results / "runs" / "cells", committed / "reference")
    assert len(Store(committed).records()) == 4
    assert [path.name for path in committed.iterdir()] == ["reference"]


@pytest.mark.parametrize("there", [True, False])
def test_a_strangers_index_names_no_folder_of_another(results, tmp_path, there):
    """A line says the key of its cell, which is a path to whoever reads, keeps or removes it."""
    victim, file = tmp_path / "victim", record_of(results)
    victim.mkdir()
    name = f"cells/{file.parent.name}/{records.RECORD}"
    opened = index.Index(results / "runs")
    head, _, facts = opened.said(name, index.identity(str(file))).partition(b"\n")
    told = json.loads(head)
    told[records.IN_CELL.index("key")] = str(victim)
    if not there:
        file.unlink()
    identity = index.identity(str(file))
    index._write(index_of(results), {name: (identity, json.dumps(told).encode() + b"\n" + facts)}, [])
    keys = [record.cell.key for record in Store(results).records()]
    assert str(victim) not in keys and len(keys) == 3 + there


def test_facts_are_read_when_they_are_asked_for(results, read):
    record, whole = Store(results).records()[0], truth(results)[0]
    assert "facts" not in vars(record) and record.shown == whole.shown
    assert "facts" not in vars(record), "what tables show is at hand"
    assert record.facts == whole.facts and record == whole and read == []
    for remembered, told in zip(Store(results).records(), truth(results), strict=True):
        assert repr(remembered.reverted) == repr(told.reverted)  # of which some are NaN


@pytest.mark.parametrize(
    ("name", "value"), [("method", []), ("shots", "x"), ("finished", 5), ("shown", 5), ("reverted", "x"), (None, None)]
)
def test_a_record_that_a_stranger_remembers_otherwise_is_read_anew(results, read, name, value):
    file = record_of(results)
    line, identity = f"cells/{file.parent.name}/{records.RECORD}", index.identity(str(file))
    head, _, facts = index.Index(results / "runs").said(line, identity).partition(b"\n")
    told = json.loads(head)
    if name is not None:
        told[(*records.IN_CELL, *records.IN_RECORD).index(name)] = value
    forged = json.dumps(told).encode() if name else b"[" * 100_000
    index._write(index_of(results), {line: (identity, forged + b"\n" + facts)}, [])
    assert Store(results).records() == truth(results) and read


def test_threads_may_ask_for_facts_at_a_time(results):
    for _ in range(20):
        remembered = Store(results).records()
        with ThreadPoolExecutor(4) as pool:
            told = [*pool.map(lambda record: record.facts, remembered * 4)]
        assert told == [record.facts for record in remembered] * 4


@pytest.mark.parametrize("facts", [b"", b"{", b"[1]", b"5", b'{"search": 5}', b"[" * 100_000])
def test_facts_that_a_stranger_remembers_otherwise_are_refused_by_name(results, facts):
    file = record_of(results)
    name, identity = f"cells/{file.parent.name}/{records.RECORD}", index.identity(str(file))
    head = index.Index(results / "runs").said(name, identity).partition(b"\n")[0]
    index._write(index_of(results), {name: (identity, head + b"\n" + facts)}, [])
    record = next(each for each in Store(results).records() if each.cell.key == file.parent.name)
    with pytest.raises(InputError, match=r"remove runs/index\.sqlite"):
        _ = record.facts


@pytest.mark.parametrize(
    "planted",
    [
        "create view files as with recursive n(i) as (select 1 union all select i + 1 from n) "
        "select i as name, i as identity, i as said, i as sum from n",
        f"create table {index.COLUMNS}; create trigger slow after insert on files begin delete from files; end",
    ],
)
def test_a_strangers_index_that_is_more_than_a_table_is_made_anew(tmp_path, planted):
    """As a query of its own may be without an end."""
    with closing(sqlite3.connect(tmp_path / index.FILE)) as base:
        base.executescript(f"{planted}; pragma user_version = {index.VERSION}")
    made = index.Index(tmp_path)
    assert made.said("cells/a/record.json", b"1 1 1 1") is None
    made.add("cells/a/record.json", b"1 1 1 1", b"said")
    made.save()
    assert index.Index(tmp_path).said("cells/a/record.json", b"1 1 1 1") == b"said"
