"""Training a method, and having it again: from the store, with all that it consists of, and nothing pickled."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.excerpts import origin
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.checkpoints import Watched
from crossvad.execution.decoding import Decoder, training_videos
from crossvad.execution.fitting import build, fitted_folder, scene_numbers, source_clips
from crossvad.execution.model_state import ARRAYS, equal_throughout, load_model, lost_state, save_model
from crossvad.execution.training import load_fitted, logging_to, train
from crossvad.planning import registry
from crossvad.verification.conformance import moving_squares
from doubles import Honest, NearestNeighbour, PcaInArrays, TinyGan, spec
from made import CPU, SMOKE
from miniatures import write_images


def source(adapter: Adapter, seed: int = 0) -> ClipSource:
    return ClipSource([moving_squares(SMOKE.size, 60, number) for number in range(2)], adapter.clip, CPU, seed)


def silent(step: int, of: int, values: dict[str, float]) -> None:
    pass


def test_cameras_that_keep_plain_images_are_two_scenes(tmp_path):
    """By the names and sizes of their images, one could not be told from the other."""
    for camera, level in (("east", 20), ("west", 90)):
        write_images(tmp_path / camera, np.full((5, 8, 8), level, np.uint8), "bmp")
    both = Joined([OwnFolder(tmp_path / camera) for camera in ("east", "west")])
    assert scene_numbers(both, both.videos("train")) == [0, 1]


def fitted(cls: type[Adapter]) -> Adapter:
    adapter = build(spec(cls), SMOKE, 0, CPU)
    train(adapter, source(adapter), SMOKE, silent)
    return adapter


# ---- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "decay"), [("adam", "none"), ("adamw", "cosine")])
@pytest.mark.parametrize("method", ["framepred", "lmn"])
def test_a_training_is_the_loop_that_one_would_write(method, optimizer, decay):
    """Bit for bit: against the loop written out."""
    budget = replace(SMOKE, schedule=Schedule(5, 2, 1e-3, optimizer, decay))
    adapter, twin = (build(registry.get_method(method), budget, 0, CPU) for _ in range(2))
    train(adapter, source(adapter), budget, silent)
    clips, step = source(twin), {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    moments = step(twin.parameters(), 1e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(moments, 5)
    for _ in range(5):
        batch = clips.batch(2)
        twin.train()
        loss = twin.loss(batch)
        moments.zero_grad()
        loss.backward()
        moments.step()
        if decay == "cosine":
            falling.step()
    state = twin.eval().state_dict()
    assert all(torch.equal(value, state[name]) for name, value in adapter.state_dict().items())


def test_a_gan_trains_by_two_optimisers():
    """Bit for bit: against its two steps written out."""
    gan, twin = (build(spec(TinyGan), SMOKE, 0, CPU) for _ in range(2))
    log: list[dict[str, float]] = []
    budget = replace(SMOKE, schedule=Schedule(3, 2, 1e-3, decay="none"))
    train(gan, source(gan), budget, lambda step, of, values: log.append(values))
    clips = source(twin)
    first, second = torch.optim.Adam([twin.factor], 1e-2), torch.optim.SGD(twin.discriminator.parameters(), 1e-2)
    for _ in range(3):
        batch = clips.batch(2)
        made = twin.factor * batch[:, -2]
        real, fake = twin.discriminator(batch[:, -1].flatten(1)), twin.discriminator(made.detach().flatten(1))
        second.zero_grad()
        (torch.nn.functional.softplus(-real).mean() + torch.nn.functional.softplus(fake).mean()).backward()
        second.step()
        first.zero_grad()
        fooling = torch.nn.functional.softplus(-twin.discriminator(made.flatten(1))).mean()
        (twin.loss(batch) + 0.1 * fooling).backward()
        first.step()
    assert torch.equal(gan.factor, twin.factor)
    assert torch.equal(gan.discriminator.weight, twin.discriminator.weight)
    assert [set(values) for values in log] == [{"loss", "discriminator"}] * 3


def test_what_comes_with_every_step_is_thinned_and_what_is_rare_is_kept():
    watched = Watched()
    curves, log = watched.curves, logging_to(lambda *told: None, watched, lambda *written: None)
    for step in range(1, 1001):
        rare = {"rank": 1.0} if step % 50 == 0 else {}
        log(step, 1000, {"loss": 1.0, "discriminator": float(step)} | rare)
    assert [step for step, _ in curves["loss"]] == list(range(10, 1001, 10))
    assert curves["discriminator"][:2] == [(10, 10.0), (20, 20.0)] and len(curves["discriminator"]) == 100
    assert [step for step, _ in curves["rank"]] == list(range(50, 1001, 50))
    with pytest.raises(ValueError, match="loss is nan at step 3 of 9: training diverged"):
        log(3, 9, {"loss": float("nan")})
    with pytest.raises(ValueError, match="discriminator is inf at step 4 of 9: training diverged"):
        log(4, 9, {"loss": 1.0, "discriminator": float("inf")})
    log(5, 9, {"loss": 1.0, "discriminator": 1.0, "rank": float("nan")})  # what is rare is no loss


# ---- saving and loading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Honest, TinyGan, NearestNeighbour, PcaInArrays])
def test_a_saved_method_is_the_same_again(cls, tmp_path):
    adapter = fitted(cls)
    save_model(adapter, tmp_path)
    again = build(spec(cls), SMOKE, 1, CPU)
    load_model(again, tmp_path, CPU)
    clips = source(adapter, 5).batch(4)
    for cue, values in adapter.score(clips).items():
        assert torch.equal(again.score(clips)[cue], values)
    assert (tmp_path / ARRAYS).is_file() == (cls is PcaInArrays)


def test_arrays_are_numbers_and_never_pickled(tmp_path):
    adapter = fitted(PcaInArrays)
    save_model(adapter, tmp_path)
    with np.load(tmp_path / ARRAYS, allow_pickle=False) as arrays:
        assert arrays["components_"].shape == (4, 32 * 32)
    adapter.state_arrays = lambda: {"pca": np.array(adapter.pca, dtype=object)}
    with pytest.raises(ValueError, match="state array 'pca' holds Python objects"):
        save_model(adapter, tmp_path)


def test_a_buffer_that_is_first_made_in_fit_is_loaded(tmp_path):
    class Late(NearestNeighbour):
        def __init__(self, budget, options=None):
            super().__init__(budget, options)
            self.register_buffer("mean", None)

        def fit(self, source, budget, log):
            super().fit(source, budget, log)
            self.mean = self.bank.mean(0)

    adapter, again = Late(SMOKE), Late(SMOKE)
    train(adapter, source(adapter), SMOKE, silent)
    save_model(adapter, tmp_path)
    load_model(again, tmp_path, CPU)
    assert torch.equal(again.mean, adapter.mean) and torch.equal(again.bank, adapter.bank)


def test_only_what_saving_changes_is_named():
    class Crowded(NearestNeighbour):
        def __init__(self, budget, options=None):
            super().__init__(budget, options)
            self.register_buffer("passing", torch.zeros(2), persistent=False)
            self.register_buffer("unknown", torch.tensor([float("nan")]), persistent=False)
            self.half, self.table, self.pair = torch.zeros(2, dtype=torch.bfloat16), {"a": np.zeros(2)}, (1, [2])
            self.rule, self.layers, self.pca = (lambda x: x), [nn.Linear(2, 2).requires_grad_(False)], PCA(2)
            self.myself = {"me": None}
            self.myself["me"] = self.myself

    torch.manual_seed(0)
    adapter = Crowded(SMOKE)
    torch.manual_seed(0)
    assert lost_state(adapter, Crowded(SMOKE)) == []
    changes = {
        "passing": torch.ones(2),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "table": {"a": np.ones(2)},
        "pair": (1, [3]),
        "layers": [nn.Linear(2, 2)],
        "pca": PCA(3),
        "new": "word",
    }
    for name, value in changes.items():
        changed = copy.copy(adapter)
        changed._buffers = dict(adapter._buffers)
        setattr(changed, name, value)
        assert lost_state(changed, adapter) == [name]


def test_a_value_that_stands_twice_is_compared_each_time():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    assert equal_throughout([1, 1, first], [1, 1, copy.deepcopy(first)])
    assert not equal_throughout([1, 1], [1, 2])
    assert not equal_throughout([first, second], [copy.deepcopy(first), copy.deepcopy(first)])


def test_a_buffer_takes_the_type_that_it_was_saved_with(tmp_path):
    class Counts(Honest):
        def __init__(self, budget, options=None):
            super().__init__(budget, options)
            self.register_buffer("counts", torch.zeros(2))

    fitted, fresh = Counts(SMOKE), Counts(SMOKE)
    fitted.counts = torch.tensor([2**24 + 1, 3])
    save_model(fitted, tmp_path)
    load_model(fresh, tmp_path, CPU)
    assert fresh.counts.tolist() == [2**24 + 1, 3] and fresh.counts.dtype == torch.int64


def test_a_parameter_that_parts_share_stays_one(tmp_path):
    class Tied(Honest):
        def __init__(self, budget, options=None):
            super().__init__(budget, options)
            self.first, self.second, self.other = (torch.nn.Linear(2, 2, bias=False) for _ in range(3))
            self.second.weight = self.first.weight
            self.first.register_parameter("bias", None)
            self.second.register_parameter("bias", None)

    fitted, fresh = Tied(SMOKE).to(torch.bfloat16), Tied(SMOKE)
    for part in (fitted.first, fitted.second):
        part.bias = torch.nn.Parameter(torch.full((2,), float(part is fitted.first)))
    save_model(fitted, tmp_path)
    load_model(fresh, tmp_path, CPU)
    assert fresh.first.weight is fresh.second.weight is not fresh.other.weight
    assert fresh.first.weight.dtype == torch.bfloat16
    assert fresh.first.bias.tolist() == [1, 1] and fresh.second.bias.tolist() == [0, 0]


def test_another_methods_state_is_refused(tmp_path):
    save_model(fitted(Honest), tmp_path)
    with pytest.raises(RuntimeError, match="discriminator"):
        load_model(build(spec(TinyGan), SMOKE, 0, CPU), tmp_path, CPU)


# ---- what it may learn from ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "parts", "length"), [(800, 2, 96), (1200, 1, 300)])
def test_a_source_longer_than_the_budget_reads_gives_excerpts_each_in_its_scene(camera, limit, parts, length):
    """Of four videos of two scenes, 300 frames each."""
    cameras = Joined([OwnFolder(camera("north", 1, 300)), OwnFolder(camera("south", 5, 300))])
    budget = replace(SMOKE, source_frames=limit)
    adapter = registry.get_method("framepred").build(budget)
    clips = source_clips(cameras, adapter, Decoder(FrameCache(), budget), CPU, 0)
    homes = {video.source: scene.name for scene in cameras.scenes("train") for video in scene.videos}
    kept = [homes[origin(video.source)] for video in training_videos(cameras, budget)]
    ours = [{kept[number] for number in group} for group in clips.scenes]
    assert ours == [{"path:north/north"}, {"path:south/south"}]
    assert [len(group) for group in clips.scenes] == [2 * parts] * 2
    assert {len(video) for video in clips.videos} == {length}
    # Episodes of meta-training are of one camera after the other.
    drawn: list[int] = []
    clips.episode = lambda support, query, owner: drawn.append(owner)  # type: ignore[method-assign]
    list(clips.episodes(6, 2, 2))
    assert [kept[number] for number in drawn] == [kept[drawn[0]], kept[drawn[1]]] * 3 and len({*drawn[:2]}) == 2


# ---- through the store -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tuning", ["finetune[learning_rate=0.001]", "metasgd"])
def test_a_stored_fit_is_loaded_as_it_was_used(make_grid, run_grid, store, tuning):
    if tuning == "metasgd":
        pytest.importorskip("learn2learn", exc_type=ImportError)
    grid = make_grid("framepred", tunings=(tuning,), shots=[1])
    (record,) = run_grid(store, grid)
    chosen = grid.tunings[0].build()
    adapter = build(grid.methods[0], grid.budget, 7, CPU)
    load_fitted(adapter, chosen, fitted_folder(store, record.cell, chosen), CPU)
    heldout = store.scores(record.cell).heldout["prediction"]
    video = grid.sources[0].videos("train")[0]
    clips = ClipSource([v.read((32, 32), 1) for v in grid.sources[0].videos("train")], adapter.clip, CPU, 0)
    with torch.no_grad():
        scores = torch.cat([adapter.score(batch)["prediction"] for batch in clips.heldout(64, 8)])
    np.testing.assert_allclose(scores.double().numpy(), heldout, rtol=1e-5)
    assert len(video) == 40 and bool(chosen.described()) == chosen.learns


def test_training_is_shared_and_not_repeated(make_grid, run_grid, store, monkeypatch):
    trained = []
    fit = TinyGan.fit
    monkeypatch.setattr(TinyGan, "fit", lambda self, *given: trained.append(self) or fit(self, *given))
    grid = make_grid(methods=[spec(TinyGan)], tunings=("finetune[learning_rate=0.01]",), steps=[1, 2])
    records = run_grid(store, grid)
    assert len(records) == 3 and len(trained) == 1
    curves = json.loads((store.place("fits", records[0].cell.fit_key) / "fit.json").read_text())["curves"]
    assert set(curves) == {"loss", "discriminator"}
    again = make_grid(methods=[spec(TinyGan)], tunings=("finetune[learning_rate=0.1]",), shots=[1])
    assert run_grid(store, again)[0].status == "done" and len(trained) == 1
