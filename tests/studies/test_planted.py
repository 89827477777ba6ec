"""The study, end to end on rendered streets: what is compared with what, and that no label and no target is read."""

import numpy as np
import pandas as pd
import pytest
import torch

import crossvad
from crossvad.adapters.base import Adapter
from crossvad.datasets.base import Dataset, Scene, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.planting import scenes as planting
from crossvad.datasets.planting.kind_names import ALL_KINDS, KIND_NAMES
from crossvad.datasets.planting.scenes import CONTROLS, PlantedScenes
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.synthetic.dataset import street
from crossvad.execution.decoding import Decoder
from crossvad.planning.budgets import BUDGETS
from crossvad.studies import planted

CPU = torch.device("cpu")
SCENES, CLIPS = 3, 4


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(planting, "SCENES", SCENES)
    monkeypatch.setattr(planting, "CLIPS", CLIPS)


class Trainable(Dataset):
    """Two of the rendered streets. Whoever asks for a test video or a label fails the test."""

    name = "trainable"

    def __init__(self, empty=False):
        scenes = street().scenes("train")[:2]
        self._scenes = [*scenes, still()] if empty else scenes

    def scenes(self, split):
        assert split == "train", "no test video is looked at"
        return self._scenes

    def labels(self, video):
        raise AssertionError("no label is read")

    masks = tracks = labels


class Still:
    """Sixty frames in which nothing moves."""

    identity = stamp = "still"

    def __len__(self):
        return 60

    def blocks(self, size, channels, start=0, stop=None):
        yield np.full((60, *(size or (48, 64)), channels), 80, np.uint8)[start:stop]


def still():
    return Scene("empty", (Video("01", Still()),))


class Difference(Adapter):
    """Has learned nothing: the change of the last two of three frames."""

    needs_source, stochastic, adapts = False, False, False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=3)

    def score(self, clips):
        return {"change": (clips[:, 2] - clips[:, 1]).square().mean((1, 2, 3))}


class Centred(Adapter):
    """Takes in what the support clips look like; clips of six, the third is scored. Scores videos in order, it says."""

    needs_source, stochastic, tunable = False, False, False
    scores_in_order = True

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=6, scored=2)
        self.register_buffer("usual", torch.zeros(budget.channels, budget.size, budget.size))

    def calibrate(self, clips):
        self.usual = clips[:, 2].mean(0)

    def score(self, clips):
        return {"far": (clips[:, 2] - self.usual).square().mean((1, 2, 3)), "one": clips[:, 2].mean((1, 2, 3))}

    def score_video(self, batches):
        raise AssertionError("clips are no video")


def chosen(tmp_path, methods, **said):
    said = {"source": Trainable(), "shots": 2, "steps": 1, "budget": "smoke", "quiet": True} | said
    return crossvad.choose([f"{__file__}:{method}" if method[0].isupper() else method for method in methods],
                           results=tmp_path / "results", **said)  # fmt: skip


def test_aucs_are_those_of_the_clips_and_nothing_but_training_video_is_read(tmp_path):
    rows = chosen(tmp_path, ["Difference"]).rows
    assert rows["shots"].eq(0).all() and len(rows) == SCENES and rows["method"].eq("test_planted.py:Difference").all()
    decoder = Decoder(FrameCache(), BUDGETS["smoke"])
    source = Trainable()
    videos = [(scene.name, decoder.frames(video)) for scene in source.scenes("train") for video in scene.videos]
    drawn = PlantedScenes([video for _, video in videos], [name for name, _ in videos]).drawn(0, SCENES, CLIPS)
    adapter = Difference(BUDGETS["smoke"])
    for scene, line in zip(drawn, rows.to_dict("records"), strict=True):
        assert scene.name == line["scene"]
        for kind in ALL_KINDS:
            odd, normal = (
                adapter.score(scene.shown(group, adapter.clip, CPU))["change"].double().tolist()
                for group in (kind, CONTROLS[kind])
            )
            won = np.mean([(a > b) + 0.5 * (a == b) for a in odd for b in normal])
            assert line[kind] == pytest.approx(100 * won, abs=1e-4)


def test_a_still_walker_changes_less_and_one_in_haste_more(tmp_path):
    means = chosen(tmp_path, ["Difference"]).rows[[*KIND_NAMES]].mean()
    assert means["hurried"] > 60 > 40 > means["stopped"]


def test_a_method_that_adapts_is_read_before_and_after(tmp_path):
    rows = chosen(tmp_path, ["Centred"]).rows
    assert (
        sorted(zip(rows["shots"], rows["tuning"], rows["steps"], strict=True))
        == [(0, "none", 0)] * 3 + [(2, "none", 1)] * 3
    )
    by_shots = rows.set_index(["shots", "number"])
    # Its scored frame is the same in haste, backwards and at rest: nothing tells it from its control.
    for kind in ("hurried", "reversed", "stopped"):
        assert (rows[kind] == 50).all()
    assert not by_shots.loc[0]["foreign"].equals(by_shots.loc[2]["foreign"])


def test_a_trained_method_is_fitted_tuned_and_kept(tmp_path, monkeypatch):
    out = tmp_path / "rows.csv"
    tables = chosen(tmp_path, ["framepred", "framediff"], options=["pool=mean,p99"], seeds=[0, 1], out=out)
    rows = tables.rows
    assert set(rows["method"]) == {"framepred", "framepred[pool=p99]", "framediff", "framediff[pool=p99]"}
    trained = rows[rows["method"].str.startswith("framepred")]
    assert sorted({*zip(trained["shots"], trained["tuning"], trained["steps"], trained["seed"], strict=True)}) == [
        (0, "none", 0, 0), (0, "none", 0, 1), (2, "finetune", 1, 0), (2, "finetune", 1, 1),
    ]  # fmt: skip
    assert len(list((tmp_path / "results/runs/fits").glob("*"))) == 2, "options that do not train share their fits"
    scenes = rows.groupby(["seed", "number"])["scene"].nunique()
    assert (scenes == 1).all() and len(scenes) == 2 * SCENES, "all were shown the same"
    # What is stored is not made again.
    monkeypatch.setattr(planted, "told_apart", lambda *_: pytest.fail("scored again"))
    again = chosen(tmp_path, ["framepred", "framediff"], options=["pool=mean,p99"], seeds=[0, 1])
    pd.testing.assert_frame_equal(again.rows, rows)
    from crossvad.studies.planted_rows import load

    pd.testing.assert_frame_equal(load(out), rows)


def test_a_scene_without_anybody_is_named_in_the_caption(tmp_path):
    (_, note), *_ = chosen(tmp_path, ["Difference"], source=Trainable(empty=True)).parts
    assert "1 left out, with nobody to cut out: empty" in note


def test_a_source_without_anybody_is_refused(tmp_path):
    source = Trainable()
    source._scenes = [still()]
    with pytest.raises(InputError, match="nobody who could be cut out"):
        chosen(tmp_path, ["Difference"], source=source)


class Flowing(Difference):
    """Asks for more than frames."""

    extra_inputs = ("flow",)


class Long(Adapter):
    """Takes more than there is."""

    needs_source, stochastic, adapts = False, False, False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=17)


class Ahead(Centred):
    transductive = True


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("Flowing", "flow, which planted clips do not have"),
        ("Long", "takes 16 frames before the scored one"),
        ("Ahead", "ranks the frames of whole videos, and planted clips are scored one by one"),
    ],
)
def test_what_cannot_be_shown_planted_clips_is_refused(method, message, tmp_path):
    with pytest.raises(InputError, match=message):
        chosen(tmp_path, [method])


def test_clips_beyond_what_is_kept_are_made_again_and_are_the_same(tmp_path, monkeypatch):
    kept = chosen(tmp_path, ["Difference", "Centred"]).rows
    monkeypatch.setattr(planted, "KEPT", 0)
    pd.testing.assert_frame_equal(chosen(tmp_path / "other", ["Difference", "Centred"]).rows, kept)
