"""What most tests stand on: two tiny cameras on disk, grids over them, plug-in files, and the command line."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import hypothesis
import numpy as np
import pytest
import torch
from PIL import Image

import miniatures
from crossvad import cli
from crossvad.adapters.nets.seen_frames import seeing_once
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.published import manifest
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR
from crossvad.store.store import Record, Store

hypothesis.settings.register_profile("suite", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.load_profile("suite")
torch.set_num_threads(1)  # the nets are tiny: threads would cost more than they save

SIZE = BUDGETS["smoke"].size
# What a run and its table import, some of it when it is first used: about three seconds of a processor.
LOADED = ["torch._dynamo", "torch.utils.tensorboard", "crossvad.execution.runner", "crossvad.evaluation.metrics"]
LOADED += ["crossvad.commands.run", "crossvad.adapters.methods.framepred"]


@pytest.fixture(autouse=True)
def _same_draws():
    """What a test draws from torch is the same whichever tests its process has run before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Decoded frames of the tests stay out of the user's cache, in this process and in those it starts.

    All processes of xdist share one, so that what is rendered is rendered once. And tables have room, whatever
    terminal, or none, the tests are started from; and processes that are started beside others use a thread each.
    """
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "180")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("CROSSVAD_CACHE", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"))
        yield


def paint(length: int, seed: int, onset: int | None = None) -> np.ndarray:
    """Frames (length, H, W), uint8: a bar drifts over noise; from frame `onset` on a bright square jumps about."""
    random = np.random.default_rng(seed)
    frames = random.integers(60, 100, (1, SIZE, SIZE)) + random.integers(-2, 3, (length, SIZE, SIZE))
    for t, frame in enumerate(frames):
        frame[:, (seed + t) % (SIZE - 4) :][:, :4] = 150
        if onset is not None and t >= onset:
            frame[5 * t % (SIZE - 8) :, 7 * t % (SIZE - 8) :][:8, :8] = 255
    return frames.astype(np.uint8)


def write_frames(folder: Path, frames: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index:03d}.png")


def write_camera(directory: Path, seed: int = 0, train: int = 40) -> Path:
    """A camera's folder: two training videos, and three test videos of which `a` and `c` turn abnormal."""
    for number, day in enumerate(("monday", "tuesday")):
        write_frames(directory / "train" / day, paint(train, seed + number))
    for number, (name, length, onset) in enumerate((("a", 40, 32), ("b", 45, None), ("c", 36, 30))):
        write_frames(directory / "test" / name, paint(length, seed + 10 + number, onset))
    (directory / "labels.csv").write_text("video,start,end\na,32,40\nc,30,36\n")
    return directory


@pytest.fixture
def camera(tmp_path) -> Callable[..., Path]:
    """Make a camera to break: camera(name, seed, train frames)."""
    return lambda name="camera", seed=0, train=40: write_camera(tmp_path / name, seed, train)


@pytest.fixture(scope="session")
def north(tmp_path_factory) -> Path:
    """The source camera; read only."""
    return write_camera(tmp_path_factory.mktemp("cameras") / "north", 1)


@pytest.fixture(scope="session")
def south(tmp_path_factory) -> Path:
    """The target camera; read only."""
    return write_camera(tmp_path_factory.mktemp("cameras") / "south", 5)


@pytest.fixture
def miniature_labels(tmp_path, monkeypatch) -> None:
    """Manifests of the miniature archives in place of those of the real ones."""
    monkeypatch.setattr(manifest, "LABELS", tmp_path / "labels")
    miniatures.know_avenue()
    miniatures.know("shanghaitech", miniatures.SHANGHAI, train_videos=4)
    miniatures.know_ucf()


@pytest.fixture
def root(tmp_path) -> Path:
    """A data root to put miniature archives in, with spaces and letters beyond ASCII."""
    home = tmp_path / "Daten ü 1"
    home.mkdir()
    return home


@pytest.fixture(scope="session")
def make_grid(north, south) -> Callable[..., Grid]:
    """A grid north -> south at budget smoke: make_grid("framepred", "ramp", shots=[0, 2], …)."""

    def make(*methods: str, tunings: tuple[str, ...] = ("finetune",), **changes) -> Grid:
        chosen = {
            "sources": [OwnFolder(north)],
            "targets": [OwnFolder(south)],
            "shots": [0, 2],
            "steps": [1],
            "seeds": [0],
        }
        chosen |= {"budget": BUDGETS["smoke"], "protocol": FAIR, "support": "train-head"}
        chosen |= {"methods": [*map(registry.get_method, methods)], "tunings": [*map(registry.get_tuning, tunings)]}
        return Grid(**{**chosen, **changes})

    return make


@pytest.fixture(scope="session")
def run_grid() -> Callable[..., list[Record]]:
    """Run a grid against a store, quietly."""

    def run(store: Store, grid: Grid, leave_out: bool = False) -> list[Record]:
        return Runner(store, FrameCache(), torch.device("cpu"), Reporter(quiet=True)).run(grid, leave_out)

    return run


@pytest.fixture(scope="module")
def frames_seen_once() -> Iterator[None]:
    """For tests that show many methods the same few frames: backbones look at each once."""
    with seeing_once():
        yield


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "results")


PLUGIN = """
    import torch
    from crossvad.adapters.base import Adapter

    class Mine(Adapter):
        def __init__(self, budget, options=None):
            super().__init__(budget, options, frames=5)
            self.level = torch.nn.Parameter(torch.zeros(()))

        def loss(self, clips):
            return (clips - self.level).square().mean()

        @torch.no_grad()
        def score(self, clips):
            return {"level": (clips[:, -1] - self.level).square().mean((1, 2, 3))}
"""


@pytest.fixture
def plugin(tmp_path) -> Callable[..., str]:
    """A plug-in method with lines replaced: plugin(("old text", "new text"), …, name="mine") -> "….py:Mine"."""

    def write(*changes: tuple[str, str], name: str = "mine") -> str:
        source = textwrap.dedent(PLUGIN)
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        (tmp_path / f"{name}.py").write_text(source)
        return f"{tmp_path / name}.py:Mine"

    return write


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path) -> Callable[..., Outcome]:
    """`bench …` in this process, in an empty directory, without real data in reach."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSVAD_DATA", raising=False)

    def call(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return call


BENCH = "from crossvad.cli import main; main()"
PYTEST = "import pytest; sys.exit(pytest.main())"


@pytest.fixture(scope="session")
def start_bench() -> Callable[..., multiprocessing.Process]:
    """`bench …` as a process of its own, forked from one that has imported everything, so that it starts at once.

    start_bench(words, log=file of what it says on stderr, out=file of what it prints, folder=where it is started,
    among=folder of packages it finds, program=PYTEST for `pytest …`, and what is set in its environment)
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crossvad.cli", *LOADED])
    code = """
import os, sys, torch
for file, stream in ((out, 1), (log, 2)):
    os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
os.environ.update(settings)
sys.argv, sys.path[:0] = ["bench", *words], among
torch.set_num_threads(1)
os.chdir(folder)
exec(program)
"""

    def start(
        *words: object, log: Path, out: Path | None = None, folder: Path | None = None, among: Path | None = None,
        program: str = BENCH, **settings: str,
    ) -> multiprocessing.Process:  # fmt: skip
        names = {"log": str(log), "words": [*map(str, words)], "out": str(out or os.devnull), "program": program}
        settings = {name: os.environ[name] for name in ("COLUMNS", "CROSSVAD_CACHE")} | settings
        names |= {"settings": settings, "folder": folder or Path.cwd(), "among": [str(among)] if among else []}
        process = context.Process(target=exec, args=(code, names))
        process.start()
        return process

    return start


@pytest.fixture
def bench_process(start_bench, tmp_path) -> Callable[..., Outcome]:
    """How `bench …` ends as a process of its own, started as `start_bench` has it."""
    numbers = itertools.count()

    def call(*words: object, **where: object) -> Outcome:
        out, log = (tmp_path / f".{next(numbers)}.{name}" for name in ("out", "err"))
        process = start_bench(*words, log=log, out=out, **where)
        process.join(600)
        process.kill()  # where it hangs
        process.join()
        return Outcome(process.exitcode, out.read_text(), log.read_text())

    return call


@pytest.fixture
def run_pytest(bench_process) -> Callable[..., Outcome]:
    """How `pytest …` ends in a folder, likewise: for tests that plug-ins come with."""
    return partial(bench_process, program=PYTEST)


PATIENCE = 300_000  # milliseconds that a browser, and a page of it, have to do what they are told


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium, for all tests of pages in a process: of playwright there can be one alone."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=PATIENCE)
        new_context = opened.new_context

        def patient(**settings):
            context = new_context(**settings)
            context.set_default_timeout(PATIENCE)
            return context

        opened.new_context = patient
        yield opened
        opened.close()
