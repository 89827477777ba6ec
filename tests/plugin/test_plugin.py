"""A package of somebody else's, installed beside ours: it is found, it runs, and a broken one takes nothing down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import NamedTuple

import pytest

SAMPLE = Path(__file__).with_name("sample")
BROKEN = {  # names in entry points, with what is at the other end, and what is said of it
    "unimportable": ("import no_such_module", "cannot be imported (ModuleNotFoundError: No module named 'no_such"),
    "leaving": ("raise SystemExit('bye')", "cannot be imported (SystemExit: bye)"),
    "classless": ("Other = 1", "cannot be imported (AttributeError"),
    "wrong-class": ("class Broken: pass", "is not a crossvad.adapters.base.Adapter"),
    "wrong-options": (
        "from crossvad.adapters.base import Adapter\nclass Broken(Adapter):\n    Options = 3",
        "has Options that are 3",
    ),
    "unbuilt": (
        "from crossvad.adapters.base import Adapter\n"
        "class Broken(Adapter):\n    def __init__(self, budget, options=None):\n        raise RuntimeError('no luck')",
        "cannot be built at budget smoke (RuntimeError: no luck)",
    ),
    "framediff": ("Broken = 1", "is called as one that comes with crossvad"),
}  # fmt: skip
DATASETS = {
    "unmade": (
        "class Broken:\n    def __init__(self, root):\n        raise OSError('no disk')",
        "cannot be made (OSError: no disk)",
    ),
    "hollow": (
        "from crossvad.datasets.base import Dataset\n"
        "class Broken(Dataset):\n    name = 'hollow'\n    def __init__(self, root): pass\n"
        "    def scenes(self, split): raise KeyError(split)\n    def labels(self, video): return []",
        "KeyError",
    ),
    "synthetic-plaza": ("Broken = 1", "is called as one that comes with crossvad"),
}  # fmt: skip
TUNINGS = {"idle": ("import no_such_module", "cannot be imported (ModuleNotFoundError")}


def installed(source: Path, target: Path) -> Path:
    """Install a package as its users do, into a folder of its own."""
    copy = target.with_name(f"{target.name}-source")
    copytree(source, copy)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, target, copy], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return target


class Ended(NamedTuple):
    """How a command ended, its lines joined, as a terminal breaks them."""

    code: int
    text: str


@pytest.fixture
def bench(bench_process, tmp_path):
    """`bench …` as a process of its own, which finds the packages of a folder."""

    def call(*words: str, among: Path, folder: Path, **settings: str) -> Ended:
        done = bench_process(*words, among=among, folder=folder, COLUMNS="400", **settings)
        return Ended(done.code, done.out + done.err)

    return call


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    return installed(SAMPLE, tmp_path_factory.mktemp("sample") / "site")


@pytest.fixture(scope="module")
def broken(sample, tmp_path_factory) -> Path:
    """The sample, and a package beside it of which nothing works."""
    folder = tmp_path_factory.mktemp("broken")
    groups = {"adapters": BROKEN, "datasets": DATASETS, "tunings": TUNINGS}
    (folder / "package/wreck").mkdir(parents=True)
    (folder / "package/wreck/__init__.py").touch()
    lines = ['[project]\nname = "wreck"\nversion = "1.0"\n[tool.setuptools]\npackages = ["wreck"]']
    for group, plugins in groups.items():
        lines.append(f'[project.entry-points."crossvad.{group}"]')
        for number, (name, (code, _)) in enumerate(plugins.items()):
            (folder / f"package/wreck/{group}{number}.py").write_text(code)
            lines.append(f'{name} = "wreck.{group}{number}:Broken"')
    (folder / "package/pyproject.toml").write_text("\n".join(lines))
    installed(folder / "package", folder / "site")
    copytree(sample, folder / "site", dirs_exist_ok=True)
    return folder / "site"


def test_an_installed_package_is_found(bench, sample, tmp_path):
    for command, names in (
        ("methods list --budget smoke", ["brightness", "apn"]),
        ("tunings list", ["descent", "finetune", "Gradient descent on all that adapts"]),
        ("datasets list", ["corridor", "synthetic-plaza"]),
        ("methods info brightness[power=1]", ["brightness[power=1.0]", "that a difference is raised to"]),
        ("tunings info descent", ["Gradient descent on all that adapts", "learns nothing"]),
        ("methods check brightness", ["a grid runs"]),
        ("tunings check descent", ["a grid runs"]),
        ("datasets check corridor", ["24 of 96 frames are abnormal", "corridor: no problems"]),
    ):
        done = bench(*command.split(), among=sample, folder=tmp_path)
        assert done.code == 0 and all(name in done.text for name in names), (command, done.text)
        assert "BROKEN" not in done.text and "Left out" not in done.text


@pytest.mark.parametrize(
    ("words", "name"),
    [("run --method bri", "brightness"), ("run --tuning des", "descent"), ("run --target cor", "corridor")],
)
def test_an_installed_package_is_completed(bench, sample, tmp_path, words, name):
    typed = {"_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": f"bench {words}", "COMP_CWORD": "3"}
    assert bench(among=sample, folder=tmp_path, **typed).text.strip() == f"plain,{name}"


RUN = "run --source corridor --target corridor --method brightness --tuning descent --shots 2 --budget smoke --quiet"


def test_it_runs_and_is_in_the_table(bench, sample, tmp_path):
    done = bench(*RUN.split(), among=sample, folder=tmp_path)
    assert done.code == 0 and "brightness" in done.text and "descent" in done.text, done.text
    words = ("table", "--format", "csv", "--rows", "method,tuning")
    table = bench(*words, among=sample, folder=tmp_path).text
    assert "brightness,descent" in table and "framediff" in table
    gone = tmp_path / "nothing"
    gone.mkdir()
    assert "brightness,descent" in bench(*words, among=gone, folder=tmp_path).text  # uninstalled: its cells stay


@pytest.mark.parametrize("group", ["methods", "datasets", "tunings"])
def test_a_broken_package_is_named_and_takes_nothing_down(bench, broken, tmp_path, group):
    words = ["--budget", "smoke"] if group == "methods" else []
    done = bench(group, "list", *words, among=broken, folder=tmp_path)
    assert done.code == 0 and "Traceback" not in done.text, done.text
    known = {"methods": "brightness", "datasets": "corridor", "tunings": "descent"}[group]
    assert known in done.text
    for name, (_, said) in {"methods": BROKEN, "datasets": DATASETS, "tunings": TUNINGS}[group].items():
        assert any(name in line and said in line for line in done.text.splitlines()), (name, said, done.text)


def test_beside_a_broken_package_all_else_works(bench, broken, tmp_path):
    done = bench(*RUN.split(), "--method", "framediff", among=broken, folder=tmp_path)
    assert done.code == 0 and "brightness" in done.text and "Traceback" not in done.text, done.text
    assert bench("table", among=broken, folder=tmp_path).code == 0


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "framediff"])
def test_who_names_a_broken_method_is_told_what_to_do(bench, broken, tmp_path, name):
    words = f"run --source corridor --target corridor --method {name} --budget smoke --quiet".split()
    done = bench(*words, among=broken, folder=tmp_path)
    assert done.code == 2 and "Traceback" not in done.text and done.text.startswith("Error: "), done.text
    assert name in done.text and BROKEN[name][1].split("(")[0] in done.text
