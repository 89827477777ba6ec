"""`bench plot prototypes` and `errors`: a stored cell's method rebuilt, what it sees, and what is drawn of that."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from crossvad.datasets.errors import InputError
from crossvad.execution import model_views
from crossvad.execution.model_views import ModelViewer, attention, only, predicted, spread
from crossvad.planning.budgets import BUDGETS
from crossvad.present.figures.frame_grid import Activations, Errors, Prototypes
from crossvad.store.store import Store
from made import build, clips_of


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("looks"))
    return store, run_grid(store, make_grid("apn", "framediff", "random", shots=[0, 2]))


@pytest.fixture(scope="module")
def viewer(finished, south):
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


@pytest.mark.parametrize("name", ["smoke", "mine"])
def test_a_budget_of_ones_own_is_refused_by_name(store, make_grid, run_grid, south, name):
    """Else frames of another size would be shown, as convolutions take any."""
    grid = make_grid("framepred", shots=[0], budget=replace(BUDGETS["smoke"], name=name, size=48))
    with pytest.raises(InputError, match=f"^budget {name}: is not one of smoke, demo, .*, as it is now"):
        ModelViewer(store, only(run_grid(store, grid)), south.parent)


def test_methods_without_these_parts():
    adapter = build("memae")
    assert predicted(adapter, clips_of(adapter)) is None
    assert attention(adapter, clips_of(adapter)) is None


@pytest.mark.parametrize("shots", [0, 2])
def test_the_rebuilt_method_gives_the_stored_scores(finished, viewer, shots):
    mine = viewer("apn", shots)
    sample = mine.sample("a", [30, 34])
    view = mine.view(sample)
    stored = finished[0].scores(mine.cell)
    begin = int(stored.lengths[: stored.videos.index("a")].sum())
    at = [begin + 30, begin + 34]
    # Both cues are in decibel: of the error map's mean, and of the distances'.
    for cue, values in (("prediction", view.errors), ("feature", view.attention.distances)):
        assert stored.cues[cue][at] == pytest.approx(10 * np.log10(values.mean((1, 2))), abs=1e-3)


def test_frames_to_look_at(viewer):
    mine = viewer("apn")
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


def test_what_is_drawn(viewer):
    mine = viewer("apn")
    view = mine.view(mine.sample())
    for plot, count in ((Prototypes(), 13), (Errors(), 3), (Activations(), 9)):
        columns = plot.columns(view)
        assert len(columns) == count
        picture = plot.draw(view, "note")
        panels = [axes for axes in picture.axes if axes.images][: 4 * count]
        for number, axes in enumerate(panels):
            image = columns[number % count].images[number // count]
            assert (np.asarray(axes.images[0].get_array()) == image.squeeze()).all()
        heads = [axes.get_ylabel() for axes in panels[::count]]
        assert heads == [
            f"{n}\n{'abnormal' if label else 'normal'}"
            for n, label in zip(view.sample.numbers, view.sample.labels, strict=True)
        ]
    assert (Errors().columns(view)[-1].images == view.errors).all()
    assert (Prototypes().columns(view)[3].images == view.attention.maps[:, 2]).all()
    titles = [column.title for column in Activations().columns(view)]
    assert titles[1::3] == ["encoder 1/1", "encoder 1/8", "decoder 1/2"]
    assert (Activations().columns(view)[2].images == view.activations["encoder 1/2"]).all()
    assert "K = " not in Errors().caption(mine.cell, view)
    assert "finetune, K = 2, steps = 1, support train-head" in Prototypes().caption(viewer("apn", 2).cell, view)


def test_the_sum_is_of_all_maps_each_as_it_is_coloured(viewer):
    """A map whose weights lie on a few pixels, as those of a sharp softmax do, must not drown the others."""
    mine = viewer("apn")
    view = mine.view(mine.sample())
    maps = np.full((4, 2, 8, 8), 1 / 64, np.float32)
    maps[:, 0] = 0
    maps[:, 0, 3, 2:4] = 0.5
    maps[:, 1, :, 4:] *= 2
    maps[:, 1, :, :4] = 0
    two = replace(view, attention=view.attention._replace(maps=maps))
    (shown,) = [column.images for column in Prototypes().columns(two) if column.title == "sum"]
    assert shown.shape == (4, 8, 8) and shown[0, 0].tolist() == [0] * 4 + [1] * 4
    assert shown[0, 3].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    many = replace(view, attention=view.attention._replace(maps=np.repeat(maps, 10, 1)))
    assert Prototypes().columns(many)[-2].images.max() == pytest.approx(10)  # of all 20, of which ten are shown
    assert "sum: of all 20 maps" in Prototypes().caption(mine.cell, many)


def test_masks_are_outlined(viewer):
    mine = viewer("framediff")
    sample = mine.sample()
    masks = np.zeros((4, *sample.size), bool)
    masks[-1, 5:12, 8:14] = True
    view = mine.view(model_views.Sample(**{**vars(sample), "masks": masks}))
    columns = Errors().columns(view)
    assert [column.title for column in columns] == ["frame", "error"]
    panels = Errors().draw(view, "note").axes[:8]
    assert [len(axes.collections) > 0 for axes in panels] == [False] * 6 + [True] * 2
    x, y = np.concatenate([path.vertices for path in panels[-1].collections[0].get_paths()]).T
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((8, 14, 5, 12))
    assert "outlined" in Errors().caption(mine.cell, view)


def test_what_cannot_be_looked_at_is_refused(finished, viewer, south, tmp_path):
    store, records = finished
    fix = "add --where method=apn --where support=none --where tuning=none --where shots=0 --where steps=0"
    with pytest.raises(InputError, match=f"is of one cell, and there are 4; {fix}"):
        only(records)
    with pytest.raises(InputError, match="there is none; loosen --where"):
        only([])
    mine = viewer("framediff")
    with pytest.raises(InputError, match="has no prototypes; choose --where method=apn, apn-released or mpn"):
        Prototypes().columns(mine.view(mine.sample()))
    with pytest.raises(InputError, match="has no U-Net whose levels could be shown; choose --where method=apn"):
        Activations().columns(mine.view(mine.sample()))
    mine = viewer("random")
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
    done = bench("plot", "activations", *at, "--where", "method=apn", "--where", "shots=0", "--out", out)
    assert done.code == 0 and "L2 norm over the channels" in done.out and "decoder 1/4" in out.read_text()
    assert bench("plot", "errors", *at).code == 2


def test_a_plugin_of_a_file_is_looked_at_where_the_file_is_given(bench, south, tmp_path):
    (tmp_path / "work").mkdir()
    file = tmp_path / "work/mine.py"
    code = "from crossvad.adapters.methods.framepred import FramePrediction\n\n\nclass Mine(FramePrediction):\n"
    file.write_text(code + "    first = 1\n")
    ours, here = ["--data", south.parent], ["--results", tmp_path / "results"]
    run = ["run", "--budget", "smoke", "--source", f"path:{south}", "--target", f"path:{south}", "--shots", "2"]
    assert bench(*run, *here, "--method", f"{file}:Mine[losses=intensity]", "--quiet").code == 0
    look = ["plot", "errors", *ours, *here, "--where", "method=mine.py:Mine[losses=intensity]", "--where", "shots=2"]
    look += ["--out", tmp_path / "look.svg"]
    done = bench(*look)
    assert done.code == 2 and "say which file it is, if you trust it: --plugin mine.py:Mine\n" in done.err, done
    done = bench(*look, "--plugin", f"{file}:Mine")
    assert done.code == 0 and "mine.py:Mine[losses=intensity], path:south → path:south" in done.out, done
    done = bench(*look, "--plugin", "other.py:Mine")
    assert done.code == 2 and "--plugin other.py:Mine: is no plug-in of the cell; give mine.py:Mine\n" in done.err
    file.write_text(code + "    second = 2\n")
    done = bench(*look, "--plugin", f"{file}:Mine")
    assert done.code == 2 and "is of other code than when this cell was run" in done.err
