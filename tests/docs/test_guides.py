"""Every command and every block of code of the README and the guides, run in order within its page.

Budgets and data are small ones in place of those that a page names (`doc_stand_ins`): what is tested is that a reader
who types what stands there gets what it says, and not an error.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import click
import pytest

import doc_pages
import doc_stand_ins
from crossvad.adapters.tunings.gradient import FineTune, HeadTuning
from crossvad.adapters.tunings.norm import NormTuning
from crossvad.commands.options import Numbers
from crossvad.planning import catalogue
from crossvad.present.figures.plot import PLOTS

NOT_RUN = 25  # blocks, each with its reason in the page
SMALL = {"--budget": "smoke", "--jobs": "1", "--device": "cpu", "--seed": "0"}  # in place of what a page says
UNSAID = {"--budget": "smoke", "--shots": "0,5"}  # where a page leaves it to the command
RENDERED = {"synthetic-street": "doc_stand_ins:street", "synthetic-plaza": "doc_stand_ins:plaza"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return doc_stand_ins.data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Trainings, which pages share, as most train the same; of cells each has its own alone."""
    return tmp_path_factory.mktemp("fits")


@pytest.fixture
def reader(root, fits, tmp_path, monkeypatch, bench):
    """A folder to be in, and nothing that stays: `run(page)` does what it says."""
    for name, place in RENDERED.items():
        monkeypatch.setitem(catalogue.RENDERED, name, place)
    for tuning in (FineTune, HeadTuning, NormTuning):  # one rate to choose from
        monkeypatch.setattr(tuning, "RATES", tuning.RATES[1:2])
    before = set(sys.modules)
    home = doc_stand_ins.folder(tmp_path / "clone", root)
    shutil.copytree(fits, home / "results" / "runs" / "fits")
    monkeypatch.chdir(home)
    monkeypatch.setenv("CROSSVAD_DATA", str(root))
    monkeypatch.syspath_prepend(home)
    yield Reader(home, root, bench)
    shutil.copytree(home / "results" / "runs" / "fits", fits, dirs_exist_ok=True)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(home):
            del sys.modules[name]
    for name in [name for name, plot in PLOTS.items() if not plot.__module__.startswith("crossvad.")]:
        del PLOTS[name]


class Reader:
    """Somebody who types what a page says."""

    def __init__(self, home, root, bench):
        self.home, self.root, self.bench, self.names = home, root, bench, {"__name__": "__main__"}

    def do(self, block):
        if block.title:
            (self.home / block.title).write_text(block.text)
        elif block.language == "sh":
            for words in doc_pages.commands(block.text):
                self.type(words)
        elif block.language == "json":  # lines of an output, as is what is called text
            assert all(json.loads(line) for line in block.text.splitlines())
        elif block.language != "text":
            assert block.language == "python", f"a block of {block.language or 'nothing'} that is no file"
            exec(self.small(block.text), self.names)

    def type(self, words):
        assert words[0] == "bench", f"{words[0]}: only bench is run; say above the block why it is not"
        context = doc_pages.parsed(words[1:])
        flags = {flag: each.type for each in context.command.params for flag in each.opts}
        given = [self.small(word) for word in words[1:]]
        for flag, value in UNSAID.items():
            several = flag != "--shots" or isinstance(flags.get(flag), Numbers)  # some commands take one alone
            given += [flag, value] if flag in flags and flag not in given and several else []
        for number, word in enumerate(given[1:], 1):
            given[number] = SMALL.get(given[number - 1], word)
        done = self.bench(*given)
        assert done.code == 0, f"{' '.join(words)}\n{done.out}\n{done.err}"

    def small(self, text):
        text = text.replace("DIR", str(self.root))
        return re.sub(r"(budget=\"?)demo\b", r"\1smoke", text)


@pytest.mark.parametrize("path", doc_pages.PAGES, ids=lambda path: path.name)
def test_a_page_does_what_it_says(path, reader):
    for block in doc_pages.blocks(path.read_text()):
        where = f"{path.name}, line {block.line}"
        try:
            if not block.why:
                reader.do(block)
            elif block.language == "sh":
                for words in doc_pages.commands(block.text):
                    doc_pages.check(words)
        except (Exception, SystemExit) as error:
            pytest.fail(f"{where}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("path", doc_pages.PAGES, ids=lambda path: path.name)
def test_commands_in_prose_can_be(path):
    for command in doc_pages.inline(path.read_text()):
        try:
            doc_pages.named(command)
        except click.UsageError as error:
            pytest.fail(f"{path.name}: `{command}`: {error.format_message()}")


def test_few_blocks_are_not_run():
    """More of them is a decision: raise the number only for what no machine of a test can do."""
    blocks = [block for path in doc_pages.PAGES for block in doc_pages.blocks(path.read_text())]
    assert len([block for block in blocks if block.why]) == NOT_RUN
    assert len(blocks) > 60
