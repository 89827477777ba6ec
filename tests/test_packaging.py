import ast
import configparser
import importlib
import os
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import crossvad

ROOT = Path(__file__).parents[1]
OURS = ("benchmark", "adapters", "datasets")

# The house from the ground up. A module may import from floors below its own, and from its own floor, but never in a
# circle. A name covers all modules below it.
FLOORS = [
    ["crossvad"],  # the version
    [
        "crossvad.datasets.base",
        "crossvad.datasets.camera_shift",
        "crossvad.datasets.clips",
        "crossvad.datasets.errors",
        "crossvad.datasets.wording",
        "crossvad.datasets.words",
    ],
    ["crossvad.datasets.joined", "crossvad.datasets.planting", "crossvad.datasets.readers"],
    ["crossvad.datasets.own_folder", "crossvad.datasets.published", "crossvad.datasets.synthetic"],
    ["crossvad.adapters.options", "crossvad.adapters.project_code", "crossvad.adapters.published"],
    [
        "crossvad.adapters.base",
        "crossvad.adapters.cue_scores",
        "crossvad.adapters.nets",
        "crossvad.adapters.optimizers",
        "crossvad.adapters.portions",
        "crossvad.adapters.saved_forms",
        "crossvad.adapters.training_state",
    ],
    ["crossvad.adapters.methods", "crossvad.adapters.tunings"],
    ["crossvad.planning"],
    ["crossvad.store"],
    ["crossvad.evaluation"],
    ["crossvad.execution"],
    ["crossvad.present"],
    ["crossvad.footage", "crossvad.studies"],
    ["crossvad.live", "crossvad.tabulation"],
    ["crossvad.results"],
    ["crossvad.verification"],
    ["crossvad.submission"],
    ["crossvad.leaderboard"],
    ["crossvad.calls"],
    ["crossvad.api"],
    ["crossvad.commands"],
    ["crossvad.cli"],
]
# Arrows that are left out of account: (from, to) -> why. One that is gone from the code must go from here too.
EXCEPTIONS = {
    ("crossvad", home): "the door: names what it opens for type checkers, and loads it when it is first used"
    for home in (
        "crossvad.adapters.base",
        "crossvad.api",
        "crossvad.datasets.base",
        "crossvad.planning.protocol",
        "crossvad.results",
        "crossvad.verification.contracts",
    )
}


@pytest.fixture(scope="module")
def setup():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def test_names_stay_free_for_others(tmp_path):
    """Hugging Face has `datasets`, AdapterHub has `adapters`: ours go by crossvad.… alone."""
    code = """
import importlib.util, sys, crossvad.adapters, crossvad.datasets.base
for name in ("datasets", "adapters", "benchmark"):
    spec = importlib.util.find_spec(name)
    origins = [spec.origin, *(spec.submodule_search_locations or [])] if spec else []
    assert not any(str(origin).startswith(f"{sys.argv[1]}/{name}") for origin in origins), origins
print(crossvad.__version__)
"""
    done = subprocess.run([sys.executable, "-c", code, ROOT], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == (crossvad.__version__, 0), done.stderr


def test_every_package_is_listed(setup):
    listed = set(setup["options"]["packages"].split())
    folders = {str(init.parent.relative_to(ROOT)) for name in OURS for init in (ROOT / name).rglob("__init__.py")}
    dotted = {f"crossvad.{folder.replace('/', '.')}".replace("crossvad.benchmark", "crossvad") for folder in folders}
    assert listed == dotted


def test_one_version(setup):
    assert setup["metadata"]["version"] == crossvad.__version__


# ------------------------------------------------------------------------------------------------------------- imports


def source_texts():
    """The modules of the package as it is installed, by name: (its text, whether it is a folder's __init__)."""
    texts = {}
    for root in ("crossvad", "crossvad.adapters", "crossvad.datasets"):  # an editable install has them in three folders
        for info in pkgutil.walk_packages(importlib.import_module(root).__path__, f"{root}."):
            path = Path(info.module_finder.find_spec(info.name).origin)
            texts[info.name] = (path.read_text(encoding="utf-8"), info.ispkg)
        texts[root] = (Path(importlib.import_module(root).__file__).read_text(encoding="utf-8"), True)
    return texts


@pytest.fixture(scope="module")
def texts():
    return source_texts()


def imported(text, modules):
    """Those of the modules that a source text imports: anywhere in it, in functions and for type checkers too."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import: {ast.unparse(node)}"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from [name] if name in modules else {node.module} & set(modules)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)


def arrows(texts):
    """The import graph, without the exceptions: what each module imports, by its name."""
    graph = {name: set(imported(text, texts)) for name, (text, _) in texts.items()}
    return {name: {other for other in others if (name, other) not in EXCEPTIONS} for name, others in graph.items()}


def floor(module):
    """The number of a module's floor, from the ground; the longest name counts."""
    fitting = [
        (len(name), number)
        for number, names in enumerate(FLOORS)
        for name in names
        if module == name or (module.startswith(f"{name}.") and name != "crossvad")
    ]
    assert fitting, f"{module} is on no floor: give it one in FLOORS"
    return max(fitting)[1]


def upward(graph):
    """The arrows that point to a higher floor, as text."""
    return sorted(
        f"{name} imports {other}" for name, others in graph.items() for other in others if floor(other) > floor(name)
    )


def circles(graph):
    """The groups of modules that all reach one another: strongly connected components of more than one module."""
    reached = {name: reach(graph, name) for name in graph}
    return {
        frozenset(other for other in reached[name] if name in reached[other]) for name in graph if name in reached[name]
    }


def reach(graph, start):
    """Every module that can be come to from one along one arrow or more."""
    passed, waiting = set(), [start]
    while waiting:
        new = graph[waiting.pop()] - passed
        passed |= new
        waiting += new
    return passed


def modules_alone(texts):
    """Without the folders' __init__, which hold a docstring alone, but for the package's own."""
    return {name: source for name, source in texts.items() if not source[1] or name == "crossvad"}


def test_every_module_is_on_a_floor(texts):
    assert len(modules_alone(texts)) > 100
    for name in modules_alone(texts):
        floor(name)
    with pytest.raises(AssertionError, match=r"crossvad.attic.lamp is on no floor"):
        floor("crossvad.attic.lamp")


def test_no_arrow_points_upwards(texts):
    assert upward(arrows(modules_alone(texts))) == []


def test_no_modules_import_one_another_in_a_circle(texts):
    assert circles(arrows(texts)) == set()


def test_exceptions_are_needed(texts):
    for name, other in EXCEPTIONS:
        assert other in imported(texts[name][0], texts), f"{name} imports {other} no more: drop it from EXCEPTIONS"


def test_nothing_of_someone_else_s_is_imported(texts):
    """By the folders' names in this repository, which other projects' packages have."""
    for name, (text, _) in texts.items():
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not {module.split(".")[0] for module in names} & {*OURS}, f"{name}: {ast.unparse(node)}"


def test_a_folder_s_init_is_one_line(texts):
    """It says what belongs there, and nothing is imported by the way; the package's own may do more."""
    for name, (text, package) in texts.items():
        if package and name != "crossvad":
            tree = ast.parse(text)
            purpose = ast.get_docstring(tree)
            assert purpose and "\n" not in purpose and purpose.endswith("."), f"{name} does not say what belongs there"
            assert len(tree.body) == 1, f"{name} holds more than that"


PLANTED = {
    "planning.cell": "from crossvad.store import stored",
    "store.stored": "import crossvad.present.figures.curve\nimport numpy",
    "present.figures.curve": "def draw():\n    from crossvad.planning.cell import Cell",
    "evaluation.metric": "if TYPE_CHECKING:\n    from crossvad.evaluation.table import Row",
    "evaluation.table": "from crossvad.evaluation.metric import area",
    "cli": "from crossvad import __version__",
}


def test_planted_arrows_are_found():
    """A circle through three floors, in a function too, one for type checkers alone, and what they lead up."""
    texts = {f"crossvad.{name}": (text, False) for name, text in PLANTED.items()} | {"crossvad": ("", True)}
    texts |= {f"crossvad.{name}": ("", True) for name in ("store", "planning", "evaluation")}
    graph = arrows(modules_alone(texts))
    through_floors = frozenset(
        f"crossvad.{name}" for name in ("planning.cell", "store.stored", "present.figures.curve")
    )
    in_one_room = frozenset(f"crossvad.evaluation.{name}" for name in ("metric", "table"))
    assert circles(graph) == {through_floors, in_one_room}
    assert upward(graph) == [
        "crossvad.planning.cell imports crossvad.store.stored",
        "crossvad.store.stored imports crossvad.present.figures.curve",
    ]
    with pytest.raises(AssertionError, match="relative import"):
        list(imported("from .cell import Cell", texts))


def committed():
    """The files of this checkout that are for a source distribution; none where it is no checkout, but one itself."""
    told = subprocess.run(["git", "ls-files", "-z", "."], cwd=ROOT, capture_output=True, text=True)
    files = told.stdout.rstrip("\0").split("\0") if (ROOT / ".git").exists() and told.returncode == 0 else []
    return {name for name in files if not name.startswith((".ci/", ".git"))}


def test_a_release_holds_everything_and_runs(tmp_path):
    """What `make installed` runs all tests from: an sdist, and the wheel, of which one command is run here."""
    places = ["build", "-b", tmp_path / "build", "egg_info", "-e", tmp_path, "bdist_wheel", "-b", tmp_path / "bdist"]
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", *places, "-d", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = {*(tmp_path / "crossvad.egg-info" / "SOURCES.txt").read_text().splitlines()}
    assert committed() - listed == set()
    (wheel,) = tmp_path.glob("crossvad-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if "dist-info" not in name}
        packed.extractall(tmp_path / "site")
    files = (path.relative_to(ROOT) for name in OURS for path in (ROOT / name).rglob("*") if path.is_file())
    source = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert names == {f"crossvad/{path.removeprefix('benchmark/')}" for path in source}
    code = "import crossvad, sys; print(crossvad.__file__); sys.argv[1:] = ['suites', 'list']; "
    command = [sys.executable, "-c", f"{code}from crossvad.cli import main; main()"]
    alone = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(f"{tmp_path}/site") and "quick" in done.stdout, done
