"""What a stored cell becomes under protocol paper: by its own authors' ways, a plug-in's as well as ours."""

import numpy as np
import pytest

from crossvad.adapters.published import PublishedEvaluation
from crossvad.evaluation.cell_evaluation import counted_frames_of_cells
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.selection import published_evaluation
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.present.figures.tracks import tracks

DECLARED = "published_evaluation = PublishedEvaluation(smoothed=False, head=6, tail=3)"


@pytest.fixture
def own(plugin):
    """A plug-in that says what its authors do."""
    return plugin(
        ("import Adapter", "import Adapter, PublishedEvaluation"),
        ("class Mine(Adapter):", f"class Mine(Adapter):\n    {DECLARED}"),
    )


def test_a_plug_in_declares_what_its_authors_do(make_grid, run_grid, store, own):
    (record,) = run_grid(store, make_grid(own, shots=[0]))
    assert published_evaluation(record) == PublishedEvaluation(smoothed=False, head=6, tail=3)
    scores = store.scores(record.cell)
    kept, labels = [], []
    for end, length in zip(np.cumsum(scores.lengths), scores.lengths, strict=True):
        values = scores.cues["level"][end - length + 6 : end - 3]
        kept.append((values - values.min()) / np.ptp(values))
        labels.append(scores.labels[end - length + 6 : end - 3])
    expected = 100 * micro_auc(np.concatenate(labels), np.concatenate(kept))
    by_paper, by_fair = (table(store, [record], rules).iloc[0] for rules in (PAPER, FAIR))
    assert by_paper["auc"] == pytest.approx(expected) == by_fair["paper_auc"]
    assert by_paper["frames"] == scores.lengths.sum() - 9 * len(scores.lengths)
    assert by_fair["postprocessing"] == "not smoothed, without the first 6 + K and the last 3 frames"


def test_a_plug_in_that_says_nothing_is_read_as_the_field_is(make_grid, run_grid, store, plugin):
    (record,) = run_grid(store, make_grid(plugin(), shots=[0]))
    assert published_evaluation(record) == PublishedEvaluation(smoothed=True, head=4, tail=0)


def test_ours_are_read_by_their_names_whatever_a_record_says(make_grid, run_grid, store):
    records = run_grid(store, make_grid("memae[slots=20]", "lmn-recon", "framediff", shots=[0]))
    assert all("published_evaluation" not in record.facts for record in records)
    ways = {record.cell.method: str(published_evaluation(record)) for record in records}
    assert ways == {
        "memae[slots=20]": "not smoothed, without the first 8 + K and the last 7 frames",
        "lmn-recon": "not smoothed, without the first K frames",
        "framediff": "smoothed, without the first 4 + K frames",
    }
    counted = {record.cell.method: read(PAPER) for record, read in counted_frames_of_cells(store, records, PAPER)}
    lengths = store.scores(records[0].cell).lengths
    for method, (head, tail) in {"memae[slots=20]": (8, 7), "lmn-recon": (0, 0), "framediff": (4, 0)}.items():
        places = [np.arange(head, length - tail) for length in lengths]
        assert counted[method].places.tolist() == np.concatenate(places).tolist()
    drawn = tracks(store, records, PAPER)
    for method, frames in counted.items():
        assert np.concatenate([*drawn[drawn["method"] == method]["frames"]]).tolist() == frames.places.tolist()
