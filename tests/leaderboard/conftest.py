"""A site of two submissions, one by somebody with markup for a name, and one that is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import submissions_made as made
from crossvad.execution.progress import Reporter
from crossvad.leaderboard import site
from crossvad.store.store import Store

EVIL = "<script>alert(1)</script> & co"


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> list[Path]:
    root = tmp_path_factory.mktemp("submissions")
    first, second, third = (Store(root / f"results-{name}") for name in "abc")
    for target in ("campus", "harbour"):
        made.put_grid(first, ("apn", "lmn", "mpn"), target, seeds=(0, 1))
    made.put_grid(second, ("memae", "apn[cycles=1]"))
    made.put_grid(third, ("apn",))
    packed = [made.pack(root / "first", first), made.pack(root / "second", second, EVIL, note=EVIL)]
    refused = made.pack(root / "<b>refused", third)
    shutil.rmtree(min((refused / "reference").iterdir()))
    return [*packed, refused]


@pytest.fixture(scope="session")
def made_site(folders) -> site.Site:
    return site.make(folders, Reporter(quiet=True))


@pytest.fixture(scope="session")
def folder(made_site, tmp_path_factory) -> Path:
    """The site as files."""
    out = tmp_path_factory.mktemp("site")
    for name, text in site.pages(made_site).items():
        (out / name).write_text(text, encoding="utf-8")
    return out


@pytest.fixture
def show(browser, folder):
    """Open a page of the site: show(name, width, scheme, script); fails the test that leaves a message on the console,
    or asks for anything but pages of the site."""
    contexts, said, asked = [], [], []

    def opened(name: str = "index.html", width: int = 1280, scheme: str = "light", script: bool = True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((folder / name).as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert all(url.startswith((folder.as_uri(), "data:")) for url in asked)
