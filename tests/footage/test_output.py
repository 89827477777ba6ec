"""The files that are written of a video."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from conftest import paint
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage.output import write
from crossvad.footage.streaming import stream_scores
from crossvad.planning.registry import get_method
from footage_made import CPU, SMOKE, Blocks, silent

QUIET = Reporter(quiet=True)
FLASHES = (30, 70)  # frames unlike any other


@pytest.fixture(scope="module")
def video():
    painted = paint(100, 3)
    painted[[*FLASHES]] = 255
    return Video("yard", Blocks(100, 16, painted.__getitem__))


@pytest.fixture(scope="module", params=["framediff", "random"])
def streamed(request, video, make_grid):
    """Its scores by a method with maps, and by one without."""
    torch.manual_seed(0)
    fitted = Fitted("", get_method(request.param).build(SMOKE).eval(), NoTuning(), {}, {})
    (cell,) = make_grid(request.param, shots=[0]).cells()
    return stream_scores(video, fitted, NoTuning(), cell, SMOKE, CPU, silent)


def test_lines_tell_of_the_stills_best_first(video, streamed, tmp_path):
    lines = write(video, streamed, tmp_path, "yard", 3, False, CPU, QUIET)
    assert [line[:2] for line in lines] == [["yard", "–"]] * len(lines) and 1 <= len(lines) <= 3
    numbers = [int(line[2]) for line in lines]
    assert streamed.scores[numbers[0]] == streamed.scores[streamed.scored].max()
    assert [line[3] for line in lines] == [f"{streamed.scores[number]:.2f}" for number in numbers]
    stills = [tmp_path / f"top-{rank}-frame-{number:06d}.jpg" for rank, number in enumerate(numbers, 1)]
    assert [line[4] for line in lines] == [str(path) for path in stills]
    assert {path.name for path in tmp_path.iterdir()} == {"scores.csv", "timeline.png", *(path.name for path in stills)}
    table = pd.read_csv(tmp_path / "scores.csv")
    np.testing.assert_allclose(table["score"], streamed.scores, rtol=1e-5)


def test_stills_are_their_frames_with_heat_where_the_method_errs(video, streamed, tmp_path):
    (line,) = write(video, streamed, tmp_path, "yard", 1, False, CPU, QUIET)
    still = np.asarray(Image.open(line[4]), float)
    frame = np.repeat(video.source.frame(int(line[2]))[..., None], 3, -1)
    change = np.abs(still - frame).mean()
    assert change > 20 if np.isfinite(streamed.normal) else change < 5  # the latter by JPEG alone


def test_what_an_earlier_run_left_is_removed_and_no_more(video, streamed, tmp_path):
    for name in ("top-9-frame-000001.jpg", "overlay.mp4", "notes.txt"):
        (tmp_path / name).write_text("old")
    write(video, streamed, tmp_path, "yard", 2, False, CPU, QUIET)
    assert {path.name for path in tmp_path.iterdir() if path.suffix in (".mp4", ".txt")} == {"notes.txt"}
    assert not (tmp_path / "top-9-frame-000001.jpg").exists()
