import ast
import configparser
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import crossvad

ROOT = Path(__file__).parents[1]
OURS = ("benchmark", "adapters", "datasets")


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
    places = [spec.origin, *(spec.submodule_search_locations or [])] if spec else []
    assert not any(str(place).startswith(f"{sys.argv[1]}/{name}") for place in places), places
print(crossvad.__version__)
"""
    done = subprocess.run([sys.executable, "-c", code, ROOT], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == (crossvad.__version__, 0), done.stderr


def test_every_package_is_listed(setup):
    listed = set(setup["options"]["packages"].split())
    found = {str(init.parent.relative_to(ROOT)) for name in OURS for init in (ROOT / name).rglob("__init__.py")}
    assert listed == {f"crossvad.{name.replace('/', '.')}".replace("crossvad.benchmark", "crossvad") for name in found}


def test_one_version(setup):
    assert setup["metadata"]["version"] == crossvad.__version__


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


BELOW_EVALUATION = ("datasets.base", "datasets.manifest", "evaluation", "names", "protocol", "store")


@pytest.mark.parametrize(
    ("part", "allowed"),
    [
        ("datasets", ("crossvad.datasets",)),
        ("adapters", ("crossvad.datasets", "crossvad.adapters")),
        ("benchmark/evaluation", tuple(f"crossvad.{name}" for name in BELOW_EVALUATION)),
    ],
)
def test_arrows_point_one_way(part, allowed):
    for path in (ROOT / part).rglob("*.py"):
        for module in imports(path):
            assert not module.startswith("crossvad") or module.startswith(allowed), f"{path} imports {module}"
            assert module.split(".")[0] not in OURS, f"{path} imports {module}, which is someone else's"


def test_a_wheel_holds_everything(tmp_path):
    pytest.importorskip("setuptools")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in OURS:
        copytree(ROOT / name, copy / name, ignore=ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "LICENSE"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    (copy / "README.md").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-q", "-w", tmp_path, copy]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("crossvad-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name}
    source = {path.relative_to(copy) for name in OURS for path in (copy / name).rglob("*") if path.is_file()}
    expected = {f"crossvad/{path.as_posix().removeprefix('benchmark/')}" for path in source}
    assert packed == expected
