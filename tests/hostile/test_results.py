"""Results folders whose records, scores, maps, profiles, metrics and pages are spoilt, as commands read them."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

import camera_stores
from crossvad import api
from crossvad.datasets.base import Track
from crossvad.execution.progress import Reporter
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.present import latex_html, report, terminal
from crossvad.present.formats import Tables
from crossvad.present.thumbnails import Thumbnails
from crossvad.store import profiles
from crossvad.store.scores import Maps
from crossvad.store.store import Store, sha256
from crossvad.store.stored_values import stored_values
from crossvad.verification import integrity
from crossvad.verification.results_folder import verify_folder
from hostile.guard import bombard
from hostile.mutations import WORDS, spoilt_bytes, spoilt_text, spoilt_value
from hostile.strangers import put
from profile_made import profile as profile_of


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """Cells of a few methods, one of them adapted, one with maps, one failed."""
    store = Store(tmp_path_factory.mktemp("sound") / "results")
    for method in ("apn", "framediff"):
        camera_stores.put(store, method, trained=method == "apn")
    camera_stores.put(store, "apn", shots=10)
    record = camera_stores.put(store, "random", trained=False)
    frames = int(store.scores(record.cell).lengths.sum())
    track = Track(np.arange(45, 50), np.tile([1.0, 2, 20, 30], (5, 1)))
    maps = Maps(np.random.default_rng(0).random((frames, 3, 4), np.float32), (48, 64), [track], False)
    record = store.write(record, store.scores(record.cell), maps)
    store.write(replace(record, cell=replace(record.cell, method="mine.py:Mine"), status="failed", reason="a\nb"))
    api.load_results(store.root.parent).table()  # and keeps metrics
    return store.root.parent


@pytest.fixture
def results(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "results"))


def shown(tables: Tables) -> None:
    """Write tables in every format; none of them may hold what a terminal or a browser would obey."""
    for text in (repr(tables), latex_html.latex(*tables.parts[0], ()), tables._repr_html_()):
        assert not {*text} & {"\x1b", "\x07", "\0"} and "<script" not in text.replace(r"\<", "")
    for table, _ in tables.parts:
        terminal.rich_table(table)


def reported(results: Path) -> None:
    stored = api.load_results(results)
    stored.refuse_empty([record for record in stored.records if record.status == "done"], "finished cell")
    _, problems = integrity.verify_store(stored.store)
    page = report.gather(
        stored.store, stored.records, FAIR, problems, Thumbnails(results), Reporter(quiet=True), stored.rivals
    )
    text = report.render(page)
    assert "<script>alert" not in text
    json.loads(text.partition('id="page">')[2].partition("</script>")[0])


LOOKS: dict[str, Callable[[Path], object]] = {
    "table": lambda results: shown(api.load_results(results).table()),
    "paper table": lambda results: shown(api.load_results(results, protocol=PAPER).table(metric=["auc", "ap", "fps"])),
    "maps": lambda results: shown(api.load_results(results).table(rows=["method"], metric="rbdc")),
    "list": lambda results: shown(api.load_results(results).listing()),
    "compare": lambda results: shown(api.load_results(results).compare()),
    "cameras": lambda results: shown(api.load_results(results).cameras()),
    "gain": lambda results: shown(api.load_results(results).gains()),
    "rates": lambda results: shown(api.load_results(results).rates()),
    "diagnostics": lambda results: shown(api.load_results(results).diagnostics()),
    "verify": lambda results: integrity.verify_store(Store(results)),
    "completion": lambda results: stored_values(results, "method"),
    "report": reported,
    "plot": lambda results: api.load_results(results).plot("scores"),
    "profiles": lambda results: shown(api.profiles(results)),
}


def look(random: np.random.Generator, results: Path, *names: str) -> None:
    """Look at a folder as one of these commands does, a costly one now and then only."""
    cheap = [name for name in names or LOOKS if name not in ("report", "plot")]
    name = "report" if not names and random.random() < 0.04 else cheap[random.integers(len(cheap))]
    if not names and random.random() < 0.02:
        name = "plot"
    LOOKS[name](results)


def cell_of(results: Path, method: str) -> Path:
    """The folder of a method's cell that is adapted last."""
    store = Store(results)
    records = [record for record in store.records() if record.cell.method == method]
    return store.cell_place(max(records, key=lambda record: record.cell.shots).cell.key)


EXTRA = {
    "fps": 30.5, "parameters": 7, "diagnostics": {"spread": 0.5}, "transductive": True,
    "search": {"option": "learning_rate", "rates": [0.1, 0.2], "losses": [1.0, 0.9], "chosen": 0.2},
    "published_evaluation": {"smoothed": True, "head": 4, "tail": 0},
}  # fmt: skip


def test_records(results):
    """Each hashed and named as it should be, so that nothing but what it says is wrong."""
    place = cell_of(results, "apn")
    raw, scores = json.loads((place / "record.json").read_text()), (place / "scores.npz").read_bytes()
    raw = raw | {"facts": raw["facts"] | EXTRA, "cell": raw["cell"] | {"method": "mine"}}

    def attempt(random):
        part = ["cell", "facts", ""][random.integers(3)]
        spoilt = spoilt_value(random, raw[part] if part else raw, int(random.integers(1, 4)))
        spoilt = raw | {part: spoilt} if part else spoilt if isinstance(spoilt, dict) else {"cell": spoilt}
        folder = put(results, spoilt, scores)
        try:
            look(random, results)
        finally:
            shutil.rmtree(folder)

    bombard("record", 900, attempt)


def test_bytes_of_records(results):
    path = cell_of(results, "apn") / "record.json"
    whole = path.read_text()

    def attempt(random):
        path.write_bytes(spoilt_text(random, whole))
        look(random, results, "list", "verify", "completion")

    bombard("bytes of a record", 400, attempt)


def test_scores(results):
    """Arrays of other kinds, shapes and sizes, and damaged files, under the right hash."""
    place = cell_of(results, "apn")
    raw = json.loads((place / "record.json").read_text())
    raw["cell"]["method"] = "mine"
    whole = (place / "scores.npz").read_bytes()
    with np.load(place / "scores.npz") as file:
        arrays = {**file}

    def attempt(random):
        spoilt = spoilt_bytes(random, whole) if random.random() < 0.4 else packed(random, arrays)
        folder = put(results, raw, spoilt)
        try:
            look(random, results)
        finally:
            shutil.rmtree(folder)

    bombard("scores", 700, attempt)


def packed(random: np.random.Generator, arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays of which one or more became another."""
    changed, whole = {**arrays}, io.BytesIO()
    for _ in range(random.integers(1, 3)):
        name = [*changed][random.integers(len(changed))]
        changed[name] = another(random, changed[name])
        if random.random() < 0.2:
            word = WORDS[random.integers(len(WORDS))][:40].encode(errors="ignore").decode().replace("\0", "")
            changed[f"cues/{word}"] = changed.pop(name)
    np.savez(whole, **changed)
    return whole.getvalue()


def another(random: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """An array of another kind, shape or size, or with numbers that nobody measures."""
    spoilt = array.copy()
    way = random.integers(8)
    if way == 0:
        return spoilt[: random.integers(len(spoilt) + 1)] if spoilt.ndim else spoilt[None]
    if way == 1:
        return np.array([{"a": 1}], object)
    if way == 2:
        return spoilt[None]
    if way == 3:
        return np.array(5)
    if way == 4:
        return spoilt.astype(str)
    if spoilt.size and spoilt.dtype.kind in "iufb":
        numbers = [-1, 2**31, 2**62, 255, 0] if spoilt.dtype.kind in "iu" else [np.nan, np.inf, 1e308, -1e308, 0]
        spoilt = spoilt.astype(np.int64) if spoilt.dtype.kind in "iu" else spoilt
        spoilt.flat[random.integers(spoilt.size)] = numbers[random.integers(5)]
    elif spoilt.size:
        spoilt = spoilt.astype("U80")
        spoilt.flat[random.integers(spoilt.size)] = WORDS[random.integers(len(WORDS))][:80]
    return spoilt


def test_maps(results):
    place = cell_of(results, "random")
    record = json.loads((place / "record.json").read_text())
    scores, whole = (place / "scores.npz").read_bytes(), (place / "maps.npz").read_bytes()
    with np.load(place / "maps.npz") as file:
        arrays = {**file}
    shutil.rmtree(place)

    def attempt(random):
        spoilt = spoilt_bytes(random, whole) if random.random() < 0.3 else packed(random, arrays)
        (results / "maps.npz").write_bytes(spoilt)
        facts = record["facts"] | {"maps_sha256": sha256(results / "maps.npz")}
        folder = put(results, record | {"facts": facts}, scores)
        (results / "maps.npz").rename(folder / "maps.npz")
        try:
            look(random, results, "maps")
        finally:
            shutil.rmtree(folder)

    bombard("maps", 200, attempt)


def test_profiles(results):
    made = [profile_of("apn"), profile_of("memae")]
    for each in made:
        profiles.keep(Store(results), each)
    path = Store(results).place(profiles.KIND, made[0].key) / profiles.FILE
    told = json.loads(json.dumps(asdict(made[0])))

    def attempt(random):
        if random.random() < 0.3:
            path.write_bytes(spoilt_text(random, json.dumps(told)))
        else:
            path.write_text(json.dumps(spoilt_value(random, told, int(random.integers(1, 4)))))
        look(random, results, "profiles", "table")

    bombard("profile", 300, attempt)


def test_metrics(results):
    path = results / "runs" / "metrics.json"
    kept = json.loads(path.read_text())

    def attempt(random):
        if random.random() < 0.3:
            path.write_bytes(spoilt_text(random, json.dumps(kept)))
        else:
            path.write_text(json.dumps(spoilt_value(random, kept, int(random.integers(1, 6)))))
        look(random, results, "table")

    bombard("metrics", 100, attempt)


PAGE = """\
# What it says

<!-- main: bench table --rows method -->

| method   | K = 0   |
|:---------|:--------|
| apn      | 75.0    |

Of 12 videos it scores 75.0, that is 1.5 more [than](there) `this`.

<!-- numbers
12 = typed: counted
75.0 = main[apn | K = 0]
1.5 = (main[apn | K = 0] - 60) / 10
-->
<!-- rows
main = apn | framediff
-->
"""


def test_pages_and_tables(results):
    """A few of whose commands are run again; those that run code or write are refused."""
    api.load_results(results).to_frame().to_csv(results / "table.csv", index=False)
    table = (results / "table.csv").read_text()

    def attempt(random):
        (results / "page.md").write_bytes(spoilt_text(random, PAGE))
        (results / "table.csv").write_bytes(spoilt_text(random, table) if random.random() < 0.5 else table.encode())
        verify_folder(results, lambda words, folder: None, Reporter(quiet=True))

    bombard("page", 100, attempt)
