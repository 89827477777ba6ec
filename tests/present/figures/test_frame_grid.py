"""`bench plot prototypes` and `errors`: a stored cell's method rebuilt, what it sees, and what is drawn of that."""

import shutil

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from crossvad.datasets.errors import InputError
from crossvad.execution import model_views
from crossvad.execution.model_views import ModelViewer, attention, only, predicted, spread
from crossvad.present.figures.frame_grid import Errors, Prototypes
from crossvad.store.store import Store
from made import build, clips_of


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("looks"))
    return store, run_grid(store, make_grid("apn", "framediff", "random", shots=[0, 2]))


@pytest.fixture(scope="module")
def looker(finished, south):
    def of(method: str, shots: int = 0) -> ModelViewer:
        store, records = finished
        return ModelViewer(
            store, only([r for r in records if (r.cell.method, r.cell.shots) == (method, shots)]), south.parent
        )

    return of


@pytest.mark.parametrize("method", ["apn", "apn[weights=ratio]", "apn[resolution=1/2]", "apn-released", "mpn"])
@torch.no_grad()
def test_attention_is_the_units_own(method):
    adapter = build(method)
    clips, unit = clips_of(adapter), adapter.prototypes
    maps, distances = attention(adapter, clips)
    assert maps.shape == (3, 10, *distances.shape[1:])
    assert maps.sum((2, 3)) == pytest.approx(np.ones((3, 10)), rel=1e-4)
    retrieval = adapter.predict(clips).retrieval
    assert distances == pytest.approx(retrieval.distance.numpy())
    # Pooled by these weights, the pixels' features are the prototypes that the unit found.
    weights = torch.from_numpy(maps).flatten(2)
    assert torch.allclose(normalize(weights @ retrieval.units, dim=2), retrieval.prototypes, atol=1e-5)
    if "ratio" not in method:
        logits = retrieval.units @ unit.maps.weight.T / unit.temperature
        expected = (logits.exp() / logits.exp().sum(1, keepdim=True)).transpose(1, 2)
        assert torch.allclose(weights, expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("method", ["framepred", "lmn", "apn"])
@torch.no_grad()
def test_predicted_frames_are_the_methods(method):
    adapter = build(method)
    clips = clips_of(adapter)
    frames = predicted(adapter, clips)
    residual = torch.from_numpy(frames) / 255 - (clips[:, -1].movedim(1, -1) + 1) / 2
    error = residual.square().mean(3)
    assert frames.shape == (3, *clips.shape[3:], 1)
    assert torch.allclose(error, adapter.maps(clips), atol=0.005)


def test_methods_without_these_parts():
    adapter = build("memae")
    assert predicted(adapter, clips_of(adapter)) is None
    assert attention(adapter, clips_of(adapter)) is None


@pytest.mark.parametrize("shots", [0, 2])
def test_the_rebuilt_method_gives_the_stored_scores(finished, looker, shots):
    mine = looker("apn", shots)
    sample = mine.sample("a", [30, 34])
    look = mine.view(sample)
    stored = finished[0].scores(mine.cell)
    begin = int(stored.lengths[: stored.videos.index("a")].sum())
    at = [begin + 30, begin + 34]
    # Both cues are in decibel: of the error map's mean, and of the distances'.
    for cue, values in (("prediction", look.errors), ("feature", look.attention.distances)):
        assert stored.cues[cue][at] == pytest.approx(10 * np.log10(values.mean((1, 2))), abs=1e-3)


def test_frames_to_look_at(looker):
    mine = looker("apn")
    sample = mine.sample()
    assert sample.video == "a" and len(sample.numbers) == 4 and sorted(sample.labels) == [0, 0, 1, 1]
    assert min(sample.numbers) >= 26 and sample.masks is None
    footage = mine.decoder.frames(mine.videos["a"])
    assert all((frame == footage[n : n + 1][0]).all() for n, frame in zip(sample.numbers, sample.frames, strict=True))
    with pytest.raises(InputError, match="--video nowhere: is no test video; choose from a, b, c"):
        mine.sample("nowhere")
    with pytest.raises(InputError, match="--frames 3: has no score in video a; choose from 4 to 39"):
        mine.sample("a", [30, 3])


def test_spread():
    labels = np.array([0] * 10 + [1] * 6, np.uint8)
    assert spread(labels, range(16), 4) == [2, 7, 11, 14]
    assert spread(labels, range(12), 4)[-2:] == [10, 11]
    assert spread(labels, range(11), 4)[-1] == 10 and len(spread(labels, range(11), 4)) == 4
    assert spread(labels[:10], range(2, 10), 4) == [3, 5, 7, 9]
    assert spread(labels, range(3), 4) == [0, 1, 2]


def test_what_is_drawn(looker):
    mine = looker("apn")
    look = mine.view(mine.sample())
    for plot, count in ((Prototypes(), 12), (Errors(), 3)):
        columns = plot.columns(look)
        assert len(columns) == count
        picture = plot.draw(look, "note")
        panels = [axes for axes in picture.axes if axes.images][: 4 * count]
        for number, axes in enumerate(panels):
            image = columns[number % count].images[number // count]
            assert (np.asarray(axes.images[0].get_array()) == image.squeeze()).all()
        heads = [axes.get_ylabel() for axes in panels[::count]]
        assert heads == [
            f"{n}\n{'abnormal' if label else 'normal'}"
            for n, label in zip(look.sample.numbers, look.sample.labels, strict=True)
        ]
    assert (Errors().columns(look)[-1].images == look.errors).all()
    assert (Prototypes().columns(look)[3].images == look.attention.maps[:, 2]).all()
    assert "K = " not in Errors().caption(mine.cell, look)
    assert "finetune, K = 2, steps = 1, support train-head" in Prototypes().caption(looker("apn", 2).cell, look)


def test_masks_are_outlined(looker):
    mine = looker("framediff")
    sample = mine.sample()
    masks = np.zeros((4, *sample.size), bool)
    masks[-1, 5:12, 8:14] = True
    look = mine.view(model_views.Sample(**{**vars(sample), "masks": masks}))
    columns = Errors().columns(look)
    assert [column.title for column in columns] == ["frame", "error"]
    panels = Errors().draw(look, "note").axes[:8]
    assert [len(axes.collections) > 0 for axes in panels] == [False] * 6 + [True] * 2
    x, y = np.concatenate([path.vertices for path in panels[-1].collections[0].get_paths()]).T
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((8, 14, 5, 12))
    assert "outlined" in Errors().caption(mine.cell, look)


def test_what_cannot_be_looked_at_is_refused(finished, looker, south, tmp_path):
    store, records = finished
    fix = "add --where method=apn --where support=none --where tuning=none --where shots=0 --where steps=0"
    with pytest.raises(InputError, match=f"is of one cell, and there are 4; {fix}"):
        only(records)
    with pytest.raises(InputError, match="there is none; loosen --where"):
        only([])
    mine = looker("framediff")
    with pytest.raises(InputError, match="has no prototypes; choose --where method=apn, apn-released or mpn"):
        Prototypes().columns(mine.view(mine.sample()))
    mine = looker("random")
    with pytest.raises(InputError, match="cannot say where a frame is abnormal"):
        Errors().columns(mine.view(mine.sample()))
    trained = next(record for record in records if record.cell.method == "apn")
    with pytest.raises(InputError, match=r"its model is not kept below .*; run it again with bench run"):
        ModelViewer(Store(tmp_path), trained, south.parent)
    shutil.copytree(south, tmp_path / "south")
    (tmp_path / "south" / "test" / "b" / "000.png").unlink()
    with pytest.raises(InputError, match="path:south: holds other test video"):
        ModelViewer(store, trained, tmp_path)


def test_command(bench, finished, south, tmp_path):
    store, _ = finished
    at = ("--results", store.root.parent, "--data", south.parent)
    out = tmp_path / "look.svg"
    done = bench(
        "plot", "prototypes", *at, "--where", "method=apn", "--where", "shots=2", "--frames", "30,34", "--out", out
    )
    assert done.code == 0 and "weights of the pixels" in done.out and "map 10" in out.read_text()
    done = bench("plot", "errors", *at, "--where", "method=apn", "--where", "shots=0", "--video", "c", "--out", out)
    assert done.code == 0 and "video c" in done.out and "predicted" in out.read_text()
    assert bench("plot", "errors", *at).code == 2
