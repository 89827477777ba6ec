"""The files that are written of a video."""

import io
from dataclasses import replace

import av
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from rich.console import Console

from conftest import paint
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage import overlay
from crossvad.footage.output import write
from crossvad.footage.streaming import stream_scores
from crossvad.footage.trained_method import TrainedMethod
from crossvad.planning.registry import get_method
from crossvad.present.words import digits
from footage_made import CPU, SMOKE, Blocks, silent
from miniatures import frames, numbers, write_images

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
    return stream_scores(video, TrainedMethod(fitted, NoTuning(), cell, SMOKE, CPU), silent)


def test_lines_tell_of_the_stills_best_first(video, streamed, tmp_path):
    lines = write(video, streamed, tmp_path, "yard", 3, False, CPU, QUIET)
    assert [line[:2] for line in lines] == [["yard", "–"]] * len(lines) and 1 <= len(lines) <= 3
    ranked = [int(line[2]) for line in lines]
    assert streamed.scores[ranked[0]] == streamed.scores[streamed.scored].max()
    assert [line[3] for line in lines] == [digits(streamed.scores[number]) for number in ranked]
    stills = [tmp_path / f"top-{rank}-frame-{number:06d}.jpg" for rank, number in enumerate(ranked, 1)]
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


def test_no_moment_lies_where_the_method_adapted(video, streamed, tmp_path):
    """Though the scores are highest there."""
    scores = np.linspace(1, 0, 100) + np.tile([0, 0.5], 100 // 2)
    adapted = replace(streamed, scores=scores, span=40)
    lines = write(video, adapted, tmp_path, "yard", 3, False, CPU, QUIET)
    assert len(lines) > 1 and min(int(line[2]) for line in lines) >= 40
    assert pd.read_csv(tmp_path / "scores.csv")["support"].sum() == 40


def test_a_still_is_its_frame_under_the_heat_of_its_own_map(video, streamed, tmp_path):
    """As made from the whole video at once; a method without maps leaves frames as they are."""
    lines = write(video, streamed, tmp_path, "yard", 3, False, CPU, QUIET)
    pairs = [*overlay.mapped(video.source.blocks(None, 3), streamed, CPU)]
    chosen = [pairs[int(line[2])] for line in lines]
    levels = [np.percentile(errors, 99.9) for _, errors in chosen if errors is not None]
    brightest = max(levels, default=streamed.normal)
    for line, (picture, errors) in zip(lines, chosen, strict=True):
        expected = overlay.heated(picture, errors, streamed.normal, brightest)
        assert (errors is None) == np.array_equal(expected, picture)
        with Image.open(line[4]) as still:
            # chroma is at half the size, so that the heat is told by its brightness
            pair = [np.asarray(each.convert("L"), float) for each in (still, Image.fromarray(expected))]
        assert np.abs(np.subtract(*pair)).mean() < 6


def test_the_film_has_every_frame_and_progress_is_told(make_grid, tmp_path):
    told = io.StringIO()
    numbered = Video("yard", FrameFolder(write_images(tmp_path / "yard", frames(40), "png")))
    fitted = Fitted("", get_method("random").build(SMOKE).eval(), NoTuning(), {}, {})
    (cell,) = make_grid("random", shots=[0]).cells()
    streamed = stream_scores(numbered, TrainedMethod(fitted, NoTuning(), cell, SMOKE, CPU), silent)
    write(numbered, streamed, tmp_path, "yard", 2, True, CPU, Reporter(Console(file=told)))
    assert told.getvalue() == "Write overlay of yard\n"
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        shown = np.stack([each.to_ndarray(format="rgb24") for each in container.decode(video=0)])
    assert shown.shape == (40, 48 + overlay.STRIP, 64, 3) and numbers(shown[:, :48]) == [*range(40)]


def test_a_folder_that_cannot_be_written_to_is_told(video, streamed, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"scores\.csv: cannot be written"):
        write(video, streamed, tmp_path / "file", "yard", 2, False, CPU, QUIET)
