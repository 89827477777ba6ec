"""A page in Debian's chromium."""

from pathlib import Path

import pytest

from crossvad.present import report


@pytest.fixture
def show(browser, tmp_path):
    """Open a page: show(page, address after #, width); fails the test that leaves a message on the console, or asks for
    anything but the page."""
    contexts, said, asked = [], [], []
    file = tmp_path / "report.html"

    def opened(page: dict, address: str = "", width: int = 1280):
        file.write_text(report.render(page), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(f"{Path(file).as_uri()}{address}")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert {url.partition("#")[0] for url in asked if not url.startswith(("data:", "blob:"))} <= {file.as_uri()}
