"""The site of the guides: links lead somewhere, nothing comes from the network, and it says what the code says."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build it as `make docs` does; a broken link, or anchor, ends that."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env=quiet)
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_comes_from_the_network(site):
    loaded = re.compile(
        r"<(?:script|img|iframe|source)[^>]+src=[\"']?(https?:[^\"' >]+)|<link[^>]+href=[\"']?(https?:[^\"' >]+)"
    )
    for page in site.rglob("*.html"):
        assert loaded.findall(page.read_text()) == [], page


def test_results_and_code_are_pages_of_it(site):
    guide = (site / "architecture.html").read_text()
    assert 'href="code/benchmark/planning/cell.py.html"' in guide and "class" in guide
    assert "class Cell" in re.sub("<[^>]+>", "", (site / "code/benchmark/planning/cell.py.html").read_text())
    cameras = (site / "results/cameras.html").read_text()
    assert "<table>" in cameras and 'src="cameras.svg"' in cameras and "numbers\n" not in cameras
    assert (site / "results/cameras.svg").is_file()


def test_names_are_those_of_the_code(site):
    python, commands = (re.sub("<[^>]+>", "", (site / f"{page}.html").read_text()) for page in ("python", "commands"))
    for name in ("load_results", "score_video", "gains", "adaptation_loss", "Raises"):
        assert name in python
    for name in ("bench datasets check", "--launcher", "bench plot prototypes", "--against"):
        assert name in commands


def test_a_reader_without_network_can_search(site, browser):
    """In a page that is opened as a file, where browsers refuse the worker that search would run in."""
    context, failed = browser.new_context(offline=True), []
    tab = context.new_page()
    tab.on("requestfailed", lambda request: failed.append(request.url))
    tab.goto((site / "results" / "cameras.html").as_uri())
    tab.click(".md-search__input")
    tab.keyboard.type("perspective")
    found = tab.locator(".md-search-result__link").first
    found.wait_for()
    assert found.get_attribute("href").startswith((site / "methods.html").as_uri()) and failed == []
    context.close()


def test_every_page_is_in_the_menu():
    menu = re.findall(r"[\w/]+\.md", str(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    pages |= {f"results/{path.name}" for path in (ROOT / "results").glob("*.md")}
    assert sorted(menu) == sorted(pages), "give a new page its line below `nav` in mkdocs.yml"


def test_the_page_of_methods_says_what_the_code_says():
    place = ROOT / "docs" / "method_facts.py"
    spec = importlib.util.spec_from_file_location("method_facts", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text(encoding="utf-8")
    assert module.renewed(page) == page, "run python docs/method_facts.py"
    assert "predicts the change of a frame" in page and "## shared" not in page
    spoilt = page.replace("temperature 0.05", "temperature 1")
    assert spoilt != page and module.renewed(spoilt) == page
