"""The files of one video."""

import io
from dataclasses import replace

import av
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from rich.console import Console

from conftest import SIZE
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage import output, overlay
from crossvad.footage.streaming import stream_scores
from crossvad.planning.registry import get_method
from footage_made import CPU, LENGTH, ONSET, SMOKE, silent

QUIET = Reporter(quiet=True)


@pytest.fixture
def scored(film, make_grid):
    """The film, and its scores by a method; untrained, as is good enough to be written down."""

    def score(method="framepred"):
        torch.manual_seed(0)
        fitted = Fitted("", get_method(method).build(SMOKE).eval(), NoTuning(), {}, {})
        (cell,) = make_grid(method, shots=[0]).cells()
        video = Video("yard", FrameFolder(film))
        return video, stream_scores(video, fitted, NoTuning(), cell, SMOKE, CPU, silent)

    return score


def test_every_file_is_written_and_told(scored, tmp_path):
    video, streamed = scored()
    lines = output.write(video, streamed, tmp_path, "yard", 3, False, CPU, QUIET)
    assert 1 < len(lines) <= 3
    names = [f"top-{rank}-frame-{int(line[2]):06d}.jpg" for rank, line in enumerate(lines, 1)]
    assert {path.name for path in tmp_path.iterdir()} == {"scores.csv", "timeline.png", *names}
    for (name, time, frame, score, still), expected in zip(lines, names, strict=True):
        assert (name, time, still) == ("yard", "–", str(tmp_path / expected))
        assert score == f"{streamed.scores[int(frame)]:.2f}"
    assert float(lines[0][3]) == max(float(line[3]) for line in lines)
    assert int(lines[0][2]) == streamed.scored.start + streamed.scores[streamed.scored].argmax()
    table = pd.read_csv(tmp_path / "scores.csv")
    assert list(table.columns) == ["frame", "seconds", "score", "prediction", "support"] and len(table) == LENGTH
    np.testing.assert_allclose(table["score"], streamed.scores, rtol=1e-5)
    np.testing.assert_allclose(table["prediction"], streamed.cues["prediction"], rtol=1e-5)


def test_no_moment_lies_where_the_method_adapted(scored, tmp_path):
    """Though the scores are highest there."""
    video, streamed = scored()
    scores = np.linspace(1, 0, LENGTH) + np.tile([0, 0.5], LENGTH // 2)
    adapted = replace(streamed, scores=scores, span=40)
    lines = output.write(video, adapted, tmp_path, "yard", 3, False, CPU, QUIET)
    assert len(lines) > 1 and min(int(line[2]) for line in lines) >= 40
    assert pd.read_csv(tmp_path / "scores.csv")["support"].sum() == 40


@pytest.mark.parametrize("method", ["framepred", "framediff"])
def test_a_still_is_its_frame_under_the_heat_of_its_own_map(scored, tmp_path, film, method):
    """As made from the whole video at once; framediff has no map, so that its frames are as they are."""
    video, streamed = scored(method)
    lines = output.write(video, streamed, tmp_path, "yard", 3, False, CPU, QUIET)
    pairs = [*overlay.mapped(video.source.blocks(None, 3), streamed, CPU)]
    chosen = [pairs[int(line[2])] for line in lines]
    brightest = max(
        (np.percentile(errors, 99.9) for _, errors in chosen if errors is not None), default=streamed.normal
    )
    for line, (picture, errors) in zip(lines, chosen, strict=True):
        expected = overlay.heated(picture, errors, streamed.normal, brightest)
        assert (errors is None) == np.array_equal(expected, picture)
        with Image.open(line[4]) as still:
            # chroma is at half the size, so that the heat is told by its brightness
            pair = [np.asarray(each.convert("L"), float) for each in (still, Image.fromarray(expected))]
        assert np.abs(np.subtract(*pair)).mean() < 6


def test_what_an_earlier_run_wrote_goes_and_what_is_not_its_own_stays(scored, tmp_path):
    old = ["top-1-frame-000001.jpg", "top-9-frame-000070.jpg", "overlay.mp4"]
    for name in (*old, "notes.txt"):
        (tmp_path / name).write_text("old")
    video, streamed = scored("framediff")
    output.write(video, streamed, tmp_path, "yard", 2, False, CPU, QUIET)
    left = {path.name for path in tmp_path.iterdir()}
    assert not left & {*old} and "notes.txt" in left


def test_the_film_has_every_frame_and_progress_is_told(scored, tmp_path):
    told = io.StringIO()
    video, streamed = scored("framediff")
    output.write(video, streamed, tmp_path, "yard", 2, True, CPU, Reporter(Console(file=told)))
    assert told.getvalue() == "Write overlay of yard\n"
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        shown = [each.to_ndarray(format="rgb24") for each in container.decode(video=0)]
    assert len(shown) == LENGTH and shown[0].shape == (SIZE + overlay.STRIP, SIZE, 3)
    painted = np.concatenate([*video.source.blocks(None, 3)]).astype(float)
    for number in (0, ONSET, LENGTH - 1):
        errors = np.abs(painted - shown[number][:SIZE]).mean((1, 2, 3))
        assert errors.argmin() == number


def test_a_folder_that_cannot_be_written_to_is_told(scored, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"scores\.csv: cannot be written"):
        output.write(*scored("framediff"), tmp_path / "file", "yard", 2, False, CPU, QUIET)
