import io
import json
import shutil
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from rich.console import Console

from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.gradient import FineTune
from crossvad.datasets.clips import ClipSource, ClipSpec, to_tensor
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.file_identity import cache_root
from crossvad.datasets.readers.frame_cache import CachedFrames, FrameCache
from crossvad.evaluation.tidy import diagnostics, rates, table
from crossvad.execution import fitting
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.protocol import FAIR
from crossvad.present.captions import caption
from crossvad.present.tables import pivot
from crossvad.store.store import Record, Store
from crossvad.tabulation.diagnostics import tabulate as diagnostics_table
from doubles import Honest, NearestNeighbour, PcaInArrays, TinyGan, spec
from made import CPU

SPY = """
    def fit(self, source, budget, log):
        CALLS.append(("fit", source, budget))
        super().fit(source, budget, log)

    def calibrate(self, support):
        CALLS.append(("calibrate", support))

    scores_in_order = True

    def score_video(self, batches):
        batches = list(batches)
        CALLS.append(("score_video", *batches))
        return super().score_video(batches)

    def loss(self, clips):
        CALLS.append(("loss", clips))
"""
RATED = ("finetune[learning_rate=1e-3]",)  # nothing is adapted to choose it
CALLS_LIST = ("class Mine(Adapter):", "CALLS = []\n\nclass Mine(Adapter):")


@pytest.fixture
def spy(plugin):
    """A plug-in that writes down every argument it is given, and that list."""
    name = plugin(CALLS_LIST, ("    def loss(self, clips):\n", SPY.strip("\n") + "\n"), name="spy")
    method = registry.get_method(name)
    return method, sys.modules[method.cls.__module__].CALLS


class Sealed(OwnFolder):
    """Once a method has been given anything, labels can be had only after every test video has been scored."""

    calls: list

    def labels(self, video):
        scored = sum(call[0] == "score_video" for call in self.calls)
        assert not self.calls or (scored and scored % 3 == 0), f"labels of {video} wanted after {scored} videos"
        return super().labels(video)


def test_labels_are_read_only_when_all_is_scored(make_grid, run_grid, store, spy, south):
    method, calls = spy
    target = Sealed(south)
    target.calls = calls
    for support in ("train-head", "test-head"):
        records = run_grid(store, make_grid(methods=[method], targets=[target], support=support))
        assert [record.status for record in records] == ["done", "done"]


def test_a_method_is_given_clips_and_nothing_else(make_grid, run_grid, store, spy):
    method, calls = spy
    run_grid(store, make_grid(methods=[method], support="test-head"))
    allowed = {
        "fit": (ClipSource, Budget),
        "calibrate": (torch.Tensor,),
        "loss": (torch.Tensor,),
    }
    assert {call[0] for call in calls} == {*allowed, "score_video"}
    for name, *arguments in calls:
        kinds = allowed.get(name, (torch.Tensor,) * len(arguments))
        assert all(isinstance(value, kind) for value, kind in zip(arguments, kinds, strict=True))
    (source,) = [call[1] for call in calls if call[0] == "fit"]
    held = {type(value) for name, value in vars(source).items() if name not in ("videos", "scenes", "_cuts")}
    assert held <= {ClipSpec, torch.device, np.random.Generator, np.ndarray}
    assert all(isinstance(video, CachedFrames) and video.path.parent == cache_root() for video in source.videos)
    assert all({*vars(video)} == {"path", "shape", "_begin"} for video in source.videos)


def clips_of(video, count, spec):
    frames = to_tensor(video.read(spec.size, spec.channels), spec, torch.device("cpu"))
    return torch.stack([frames[start : start + spec.frames] for start in range(count)])


@pytest.mark.parametrize(
    ("support", "split", "videos"),
    [
        ("train-head", "train", ["monday"]),
        ("scene-head", "test", ["a"]),
        ("test-head", "test", ["a", "b", "c"]),
        ("test-head-clean", "test", ["a", "b", "c"]),
    ],
)
def test_the_support_set_is_the_head_of_the_right_video(make_grid, run_grid, store, spy, south, support, split, videos):
    method, calls = spy
    run_grid(store, make_grid(methods=[method], tunings=RATED, shots=[3], support=support))
    given = [call[1] for call in calls if call[0] == "calibrate"]
    found = {video.name: video for video in OwnFolder(south).scenes(split)[0].videos}
    spec = method.build(make_grid().budget).clip
    expected = [clips_of(found[name], 3, spec) for name in videos]
    assert len(given) == len(expected) and all(torch.equal(*pair) for pair in zip(given, expected, strict=True))


def test_every_clip_of_every_test_video_is_scored_once_in_order(make_grid, run_grid, store, spy, south):
    method, calls = spy
    run_grid(store, make_grid(methods=[method], shots=[0]))
    spec = method.build(make_grid().budget).clip
    given = [torch.cat(call[1:]) for call in calls if call[0] == "score_video"]
    for clips, video in zip(given, OwnFolder(south).scenes("test")[0].videos, strict=True):
        assert torch.equal(clips, clips_of(video, len(video) - 4, spec))


def test_scores_stand_at_the_frame_they_are_for(make_grid, run_grid, store, plugin):
    middle = plugin(("frames=5", "frames=5, scored=1"), ("clips[:, -1]", "clips[:, 1]"), name="middle")
    last, early = (store.scores(r.cell).cues["level"] for r in run_grid(store, make_grid(plugin(), middle, shots=[0])))
    assert np.flatnonzero(np.isnan(last[:40])).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(np.isnan(early[:40])).tolist() == [0, 37, 38, 39]
    assert np.corrcoef(last[4:37], early[4:37])[0, 1] > 0.99


def test_the_same_seed_gives_the_same_scores(make_grid, run_grid, store, tmp_path):
    grid = make_grid("framepred", seeds=[0, 1], tunings=["finetune[learning_rate=1e-4]"])
    records = run_grid(store, grid)
    again = Store(tmp_path / "again")
    run_grid(again, grid)
    first, second = ([s.scores(r.cell).cues["prediction"] for r in records] for s in (store, again))
    assert all(np.array_equal(*pair, equal_nan=True) for pair in zip(first, second, strict=True))
    assert not any(np.array_equal(*pair, equal_nan=True) for pair in pairwise(first)), "shots and seeds matter"


def test_contamination_is_that_of_the_support_frames(make_grid, run_grid, store, camera):
    target = camera()
    (target / "labels.csv").write_text("video,start,end\na,5,40\n")
    for support, share in (("test-head", 2 / 21), ("train-head", 0)):
        (record,) = run_grid(store, make_grid("framepred", shots=[3], targets=[OwnFolder(target)], support=support))
        assert store.scores(record.cell).support_labels.mean() == pytest.approx(share)


def test_a_clean_head_stands_in_for_one_that_is_not(make_grid, run_grid, store, spy, camera):
    """The oracle: `a` is abnormal at frame 24, the last that any support set may span; `b` is the first that is not."""
    target = OwnFolder(camera())
    (target.directory / "labels.csv").write_text("video,start,end\na,24,40\nc,25,36\n")
    method, calls = spy
    grid = make_grid(methods=[method], tunings=RATED, shots=[3], targets=[target], support="test-head-clean")
    (record,) = run_grid(store, grid)
    given = [call[1] for call in calls if call[0] == "calibrate"]
    found = {video.name: video for video in target.scenes("test")[0].videos}
    spec = method.build(make_grid().budget).clip
    for clips, name in zip(given, "bbc", strict=True):
        assert torch.equal(clips, clips_of(found[name], 3, spec))
    scores = store.scores(record.cell)
    assert not scores.support_labels.any() and scores.units.tolist() == [0, 1, 2]


def test_contamination_of_a_scene_is_that_of_its_first_video(make_grid, run_grid, store, camera):
    target = camera()
    (target / "labels.csv").write_text("video,start,end\na,5,40\nb,0,45\n")
    (record,) = run_grid(store, make_grid("framepred", shots=[3], targets=[OwnFolder(target)], support="scene-head"))
    scores = store.scores(record.cell)
    assert scores.support_labels.tolist() == [0] * 5 + [1] * 2 and set(scores.units) == {0}
    assert table(store, [record], FAIR)["contamination"].item() == pytest.approx(100 * 2 / 7)


@pytest.mark.parametrize(
    ("method", "tuning"), [("apn", "finetune"), ("lmn", "norm"), ("support-mean", "none"), ("speed", "none")]
)
def test_cells_run_together_are_those_run_alone(make_grid, run_grid, store, tmp_path, method, tuning):
    tunings = (f"{tuning}[learning_rate=1e-3]" if tuning == "finetune" else tuning,)
    grid = make_grid(method, tunings=tunings, shots=[0, 1, 3], steps=[1, 4], support="test-head")
    for record in run_grid(store, grid):
        alone = Store(tmp_path / "alone")
        (again,) = run_grid(
            alone,
            make_grid(
                method, tunings=tunings, shots=[record.cell.shots], steps=[record.cell.steps or 1], support="test-head"
            ),
        )
        assert again.cell == record.cell
        together, apart = store.scores(record.cell), alone.scores(again.cell)
        for cue, values in together.cues.items():
            np.testing.assert_allclose(values, apart.cues[cue], rtol=1e-6, atol=1e-6)
        for cue, values in together.support.items():
            np.testing.assert_allclose(values, apart.support[cue], rtol=1e-6, atol=1e-6)


WILD = ("finetune[learning_rate=1e30]", "finetune[learning_rate=1e-4]")


def test_an_adaptation_that_diverges_poisons_nothing(make_grid, run_grid, store):
    """Every unit of the wild tuning falls back to the unadapted method; the mild one beside it is as it is alone."""
    records = run_grid(store, make_grid("framepred", tunings=WILD, shots=[0, 2], steps=[2], support="test-head"))
    before, wild, mild = records
    came = wild.facts["adaptations"]
    assert len(came) == 3 and all(each["reverted"] for each in came)
    assert np.array_equal(
        store.scores(wild.cell).cues["prediction"], store.scores(before.cell).cues["prediction"], equal_nan=True
    )
    assert not any(each["reverted"] for each in mild.facts["adaptations"])
    assert all(each["after"] < each["before"] for each in mild.facts["adaptations"])
    rows = table(store, records, FAIR).set_index("tuning")["reverted"]
    assert rows[WILD[0].replace("1e30", "1e+30")] == 100 and rows["finetune[learning_rate=0.0001]"] == 0


def test_a_rate_is_chosen_once_for_all_targets_and_kept_with_the_cell(
    make_grid, run_grid, store, south, camera, monkeypatch
):
    searches = []
    original = fitting.search_rate
    monkeypatch.setattr(fitting, "search_rate", lambda *given: searches.append(given) or original(*given))
    grid = make_grid(
        "framepred", targets=[OwnFolder(south), OwnFolder(camera("other", 9))], shots=[0, 1, 2], steps=[1, 3]
    )
    done = [record for record in run_grid(store, grid) if record.cell.shots]
    assert len(done) == 8 and len(searches) == 2  # a search for each number of shots, for all steps and targets
    for record in done:
        seen = record.facts["search"]
        assert seen["rates"] == list(FineTune.RATES) and seen["option"] == "learning_rate"
        assert seen["chosen"] == min(zip(seen["losses"], seen["rates"], strict=True))[1]
    found = rates(done)
    assert len(found) == 2 * 2 * len(FineTune.RATES) and found["chosen"].sum() == 4


def test_a_search_is_the_same_whatever_was_searched_before(make_grid, run_grid, store, plugin, tmp_path):
    """Also for a method whose loss draws."""
    noisy = plugin((LOSS, f"clips = clips + torch.randn_like(clips)\n        {LOSS}"))
    together = run_grid(store, make_grid(noisy, shots=[0, 1, 2]))[-1]
    alone = run_grid(Store(tmp_path / "alone"), make_grid(noisy, shots=[2]))[-1]
    assert together.cell == alone.cell and together.facts["search"] == alone.facts["search"]


def test_what_a_method_watches_is_kept(make_grid, run_grid, store):
    (record,) = run_grid(store, make_grid("apn", shots=[0]))
    curves = json.loads((store.place("fits", record.cell.fit_key) / "fit.json").read_text())["curves"]
    assert set(curves) == {"loss", "prototype cosine", "prototype rank"}
    steps = {name: [step for step, _ in curve] for name, curve in curves.items()}
    assert steps.pop("loss") == list(range(1, 11)) and all(seen == [2, 4, 6, 8, 10] for seen in steps.values())
    assert record.facts["diagnostics"] == {name: curves[name][-1][1] for name in list(curves)[1:]}
    assert 1 <= record.facts["diagnostics"]["prototype rank"] <= 10


def test_a_support_mean_is_that_of_the_support_set(make_grid, run_grid, store, south):
    before, after = run_grid(store, make_grid("support-mean", shots=[0, 3]))
    assert (before.cell.support, after.cell.support) == ("none", "train-head")
    head, video = OwnFolder(south).scenes("train")[0].videos[0], OwnFolder(south).scenes("test")[0].videos[0]
    mean = head.read((32, 32), 1)[:3].astype(float).mean(0)
    errors = ((video.read((32, 32), 1) - mean) / 255) ** 2
    expected = 10 * np.log10(errors.mean((1, 2, 3)))
    assert store.scores(after.cell).cues["prediction"][: len(video)] == pytest.approx(expected, rel=1e-4)


LOSS, SCORE = "return (clips - self.level)", 'return {"level"'
FAILURES = {
    "raises in loss": ((LOSS, f"raise RuntimeError('no luck')\n        {LOSS}"), "no luck"),
    "raises in score": ((SCORE, f"raise KeyError('lost')\n        {SCORE}"), "KeyError: 'lost'"),
    "loss diverges": ((".square().mean()\n", ".square().mean() * float('nan')\n"), "training diverged"),
    "scores are not finite": ((".mean((1, 2, 3))}", ".mean((1, 2, 3)) / 0}"), "scores that are not finite"),
    "takes its own fault for the user's": (
        (SCORE, f"from crossvad.datasets.errors import InputError\n        raise InputError(1, 2, 3)\n        {SCORE}"),
        "InputError: 1: 2; 3",
    ),
    "has no cue": ((SCORE, f"return {{}}\n        {SCORE}"), "the method gave no cue"),
    "has a cue of two lines": (('{"level"', '{"level\\n"'), "which cannot be shown in a line"),
    "weighs a cue by less than nothing": (
        ("    @torch.no_grad()\n", "    fusion = {'level': -1.0}\n\n    @torch.no_grad()\n"),
        "its fusion is not as a run writes it",
    ),
    "has no score": (("def score(", "def rate("), "must define score"),
}


@pytest.mark.parametrize(("change", "why"), FAILURES.values(), ids=FAILURES)
def test_a_method_that_fails_does_not_take_the_others_down(make_grid, run_grid, store, plugin, change, why):
    records = run_grid(store, make_grid(plugin(change), "framepred", "ramp"))
    by_method = {}
    for record in records:
        by_method.setdefault(record.cell.method, set()).add(record.status)
    assert by_method == {"mine.py:Mine": {"failed"}, "framepred": {"done"}, "ramp": {"done"}}
    failed = [record for record in store.records() if record.status == "failed"]
    assert len(failed) == 2
    for record in failed:
        assert record.reason.startswith("Traceback") and why in record.reason
        assert [path.name for path in store.place("cells", record.cell.key).iterdir()] == ["record.json"]


def test_numbers_of_numpy_are_numbers(make_grid, run_grid, store, plugin):
    """In what a method says of itself, and in what it watches as it trains."""
    ours = "    fusion = {'level': numpy.float32(0.5)}\n\n    def diagnostics(self, clips):\n"
    ours += "        return {'level': numpy.float32(0.25)}\n\n    @torch.no_grad()\n"
    name = plugin(("import torch\n", "import numpy\nimport torch\n"), ("    @torch.no_grad()\n", ours))
    (record,) = run_grid(store, make_grid(name, shots=[0]))
    assert record.facts["fusion"] == {"level": 0.5} and record.facts["diagnostics"] == {"level": 0.25}
    assert store.records() == [record]


def test_an_interrupted_cell_says_so_and_is_run_again(make_grid, run_grid, store, plugin):
    stop = (SCORE, f"import os\n        if 'GO' not in os.environ: raise KeyboardInterrupt\n        {SCORE}")
    grid = make_grid("framediff", plugin(stop), "ramp")
    with pytest.raises(KeyboardInterrupt):
        run_grid(store, grid)
    statuses = {record.cell.method: record.status for record in store.records()}
    assert statuses == {"framediff": "done", "mine.py:Mine": "interrupted"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GO", "1")
        assert {record.status for record in run_grid(store, grid)} == {"done"}


def test_cells_are_scored_again_where_a_users_labels_were_changed(make_grid, run_grid, store, camera, monkeypatch):
    target, trainings = camera("target"), []
    original = fitting.train
    monkeypatch.setattr(fitting, "train", lambda *given: trainings.append(given) or original(*given))

    def run() -> list[str]:
        records = run_grid(store, make_grid("framepred", tunings=RATED, targets=[OwnFolder(target)]))
        assert all(store.scores(record.cell).labels.sum() == abnormal for record in records)
        return [record.finished for record in records]

    abnormal = 8 + 6
    first = run()
    (target / "labels.csv").write_text("video,start,end\na,32,40\nb,30,36\n")  # as many in another video
    second = run()
    assert not {*first} & {*second} and len(first) == 2 and run() == second
    (target / "labels.csv").unlink()  # which leaves nothing to hold cells against
    assert run() == second and len(trainings) == 1


@pytest.mark.parametrize("cause", [KeyboardInterrupt, MemoryError])
def test_a_cell_keeps_its_scores_by_earlier_labels_until_it_is_scored_anew(
    cause, make_grid, run_grid, store, camera, monkeypatch
):
    target = camera("target")

    def run() -> list[Record]:
        return run_grid(store, make_grid("framediff", targets=[OwnFolder(target)], shots=[0]))

    def fail(*given, **settings):
        raise cause("no")

    (before,) = run()
    assert store.scores(before.cell).labels.sum() == 8 + 6
    (target / "labels.csv").write_text("video,start,end\na,32,40\n")
    with monkeypatch.context() as broken:
        broken.setattr("crossvad.execution.runner.score_cells", fail)
        if cause is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                run()
        else:
            assert [failed.status for failed in run()] == ["failed"]
    assert store.record(before.cell) == before and store.scores(before.cell).labels.sum() == 8 + 6
    (after,) = run()
    assert after.status == "done" and store.scores(after.cell).labels.sum() == 8


def without(camera, split, tmp_path):
    """A copy of a camera's folder that lacks a split."""
    copy = shutil.copytree(camera, tmp_path / f"{camera.name} without {split}")
    shutil.rmtree(copy / split)
    return copy


def test_a_matrix_leaves_out_what_cannot_play_its_part(make_grid, run_grid, store, north, south, tmp_path):
    bare = OwnFolder(without(south, "train", tmp_path))
    grid = make_grid("framepred", "ramp", sources=[OwnFolder(north), bare], targets=[OwnFolder(south), bare])
    records = run_grid(store, grid, leave_out=True)
    skipped = {(r.cell.source, r.cell.target, r.cell.shots): r.reason for r in records if r.status == "skipped"}
    n, s, b = "path:north", "path:south", "path:south without train"
    assert set(skipped) == {(n, b, 2), (b, s, 0), (b, s, 2), (b, b, 0), (b, b, 2)}
    assert "has no training video to draw a support set from; say --support test-head" in skipped[n, b, 2]
    assert "has no training video, so nothing can be trained on it" in skipped[b, s, 0]
    assert {r.status for r in records if r.cell.method == "ramp"} == {"done"}


def test_a_tuning_that_lacks_its_library_stops_the_grid_before_anything_is_trained(
    make_grid, run_grid, store, monkeypatch
):
    monkeypatch.setitem(sys.modules, "learn2learn", None)
    with pytest.raises(InputError, match=r"learn2learn: cannot be imported .* make meta"):
        run_grid(store, make_grid("framepred", tunings=("finetune", "metasgd")))
    assert not any(store.root.iterdir())


def test_a_grid_says_how_long_it_has_left(store, make_grid):
    told = io.StringIO()
    reporter = Reporter(Console(file=told, width=200))
    Runner(store, FrameCache(), torch.device("cpu"), reporter).run(make_grid("framediff", "ramp", "random", shots=[0]))
    lines = told.getvalue().splitlines()
    left = [number for number, line in enumerate(lines) if " left: " in line]
    assert len(left) == 2 and lines[left[0] - 1].startswith("[2/3]") and lines[left[1] - 1].startswith("[3/3]")
    assert ": 2 cells of " in lines[left[0]] and ": 1 cell of " in lines[left[1]]


REFUSED = {
    "cannot be built": ("super().__init__(budget, options, frames=5)", "raise KeyError('lost')", "cannot be built"),
    "asks for what there is not": (
        "class Mine(Adapter):",
        "class Mine(Adapter):\n    extra_inputs = ('smell',)",
        "extra input smell: is not known",
    ),
    "adapts by its own way": (
        "    def loss(",
        "    def adapt(self, support, steps, tuning):\n        return self\n\n    def loss(",
        "has its own `adapt`, which nothing calls; call it calibrate",
    ),
    "takes longer clips than videos are": ("frames=5", "frames=41", "frames, but one clip takes 41"),
}


@pytest.mark.parametrize(("old", "new", "why"), REFUSED.values(), ids=REFUSED)
def test_a_method_that_is_refused_does_not_take_the_others_down(make_grid, run_grid, store, plugin, old, new, why):
    told = io.StringIO()
    runner = Runner(store, FrameCache(), torch.device("cpu"), Reporter(Console(file=told, width=300)))
    records = runner.run(make_grid(plugin((old, new)), "framepred", "ramp"))
    by_method = {}
    for record in records:
        by_method.setdefault(record.cell.method, set()).add(record.status)
    assert by_method == {"mine.py:Mine": {"refused"}, "framepred": {"done"}, "ramp": {"done"}}
    for record in records:
        if record.status == "refused":
            assert why in record.reason and "\n" not in record.reason
    said = told.getvalue()  # at once, and where its cells would have come
    assert said.index("refused, while the others run: ") < said.index("[1/") and said.count(why) == 3
    with pytest.raises(InputError, match=r"mine\.py:Mine|takes 41"):  # of what was asked for nothing is left
        run_grid(store, make_grid(plugin((old, new)), "ramp"))


def test_only_the_cells_that_a_method_cannot_do_are_refused(make_grid, run_grid, store, plugin):
    """Twenty frames reach, at ten shots, beyond what the protocol leaves out; and apn has no statistics to move."""
    grid = make_grid(plugin(("frames=5", "frames=20")), "framepred", shots=[0, 10])
    statuses = {(r.cell.method, r.cell.shots): r.status for r in run_grid(store, grid)}
    assert statuses == {
        ("mine.py:Mine", 0): "done",
        ("mine.py:Mine", 10): "refused",
        ("framepred", 0): "done",
        ("framepred", 10): "done",
    }
    grid = make_grid("apn", tunings=(*RATED, "norm"), shots=[2])
    assert [(r.cell.tuning, r.status) for r in run_grid(store, grid)] == [
        ("finetune[learning_rate=0.001]", "done"),
        ("norm", "refused"),
    ]


def test_what_was_refused_is_asked_again(make_grid, run_grid, store, plugin):
    refused = make_grid(plugin(("frames=5", "frames=41")), "ramp", "framepred", shots=[0])
    run_grid(store, refused)
    assert {r.status for r in run_grid(store, refused)} == {"refused", "done"}


def test_a_training_that_fails_is_not_tried_again(make_grid, run_grid, store, plugin):
    name = plugin(
        ("class Mine(Adapter):", "TRIED = []\n\nclass Mine(Adapter):"),
        (
            "    def loss(",
            "    def fit(self, *given):\n        TRIED.append(1)\n        {}[0]\n\n    def loss(",
        ),
    )
    method = registry.get_method(name)
    records = run_grid(store, make_grid("framediff", methods=[method], shots=[0, 1, 2], steps=[1, 2]))
    assert len(records) == 5 and {record.status for record in records} == {"failed"}
    assert sys.modules[method.cls.__module__].TRIED == [1]


RUNS_OUT = """activation = torch.zeros(9)
        ALIVE.append(sum(each() is not None for each in HELD))
        HELD.append(weakref.ref(activation))
        raise RuntimeError("out of memory, say")
        """


@pytest.mark.parametrize("line", [LOSS, SCORE], ids=["trains", "scores"])
def test_nothing_is_held_of_what_failed(make_grid, store, plugin, line):
    """While its cells are tried one by one, nor as long as the run goes on; and each says the same of it."""
    lists = ("class Mine(Adapter):", "import weakref\nHELD, ALIVE = [], []\n\nclass Mine(Adapter):")
    method = registry.get_method(plugin(lists, (line, RUNS_OUT + line)))
    runner = Runner(store, FrameCache(), CPU, Reporter(quiet=True))
    records = runner.run(make_grid(methods=[method], tunings=RATED, shots=[0, 1, 2, 3]))
    module = sys.modules[method.cls.__module__]
    assert module.HELD and not any(module.ALIVE) and all(each() is None for each in module.HELD)
    assert len({record.reason for record in records[1:]}) == 1 and "out of memory, say" in records[0].reason


class Lost(Honest):
    """What it scores by lies in a plain attribute."""

    gain = 1.0

    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        self.gain = 3.0
        self.watched = ["of no account"]

    def score(self, clips):
        return {"prediction": self.gain * super().score(clips)["prediction"]}


class Careless(Honest):
    """What it loses it does not score by."""

    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        self.watched = ["of no account"]


def test_a_fit_whose_scores_rest_on_what_saving_loses_fails_and_names_it(make_grid, run_grid, store):
    lost, careless = run_grid(store, make_grid(methods=[spec(Lost), spec(Careless)], shots=[0]))
    assert (lost.status, careless.status) == ("failed", "done")
    assert "its scores rest on gain, watched, set in fit, which saving loses: keep it in" in lost.reason
    assert not store.place("fits", lost.cell.fit_key).exists()


def test_a_fit_is_scored_as_the_store_gives_it_back(make_grid, run_grid, store, south, camera):
    """Kinds of state, to two targets one after the other: what a run scores by its own fit, a later one does too."""
    methods = [spec(NearestNeighbour), spec(PcaInArrays), spec(TinyGan)]
    grids = [make_grid(methods=methods, tunings=RATED, shots=[0, 10], targets=[target])
             for target in (OwnFolder(south), OwnFolder(camera("other", 9)))]  # fmt: skip
    later = [record for grid in grids for record in run_grid(store, grid)]
    together = Store(store.root.parent.parent / "together")
    both = make_grid(methods=methods, tunings=RATED, shots=[0, 10], targets=[grid.targets[0] for grid in grids])
    records = {record.cell: record for record in run_grid(together, both)}
    assert {record.status for record in later} == {"done"} and len(later) == len(records) == 2 * (2 + 1 + 2)
    for record in later:
        for cue, values in together.scores(record.cell).cues.items():
            assert np.array_equal(values, store.scores(record.cell).cues[cue], equal_nan=True)


CLAMPED = (".mean((1, 2, 3))}", ".mean((1, 2, 3)).clamp(min=1e9)}")  # a floor that every score is below
WATCHES = (
    "    @torch.no_grad()",
    '    def diagnostics(self, clips):\n        return {"level": 1.0}\n\n    @torch.no_grad()',
)


@pytest.mark.parametrize("stuck", [True, False])
def test_a_cue_that_says_nothing_is_named_by_the_run_and_marked_wherever_its_cell_is_shown(
    stuck, store, make_grid, plugin
):
    told = io.StringIO()
    name = plugin(WATCHES, *([CLAMPED] if stuck else []))
    reporter = Reporter(Console(file=told, width=200))
    records = Runner(store, FrameCache(), torch.device("cpu"), reporter).run(make_grid(name, shots=[0]))
    said = "its cue level says nothing about 100 % of the frames" in told.getvalue()
    rows = table(store, records, FAIR)
    (shown,) = pivot(rows, ["method"], []).iloc[0]
    ((watched, note),) = diagnostics_table(diagnostics(store, records)).parts
    legends = (caption(rows), note)
    marks = [said, "§" in shown, "§" in watched.index[0][0], *("§: a cue says nothing" in legend for legend in legends)]
    assert marks == [stuck] * 5
