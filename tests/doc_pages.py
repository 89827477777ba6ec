"""What the guides say to do: blocks of code of a Markdown page, and commands in them and in its prose."""

from __future__ import annotations

import configparser
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from crossvad.cli import bench

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>.+?) -->\n)?^(?P<fence>```+)(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S
)
INLINE = re.compile(r"(?<!`)`(bench [^`]+)`(?!`)")
PLACES = ("docs", "results", "tests")  # whose files a command may name


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    title: str  # name of the file that it is, if it is one
    text: str
    line: int  # of the page
    why: str  # it is not run; empty if it is


def blocks(page: str) -> list[Block]:
    """Find the fenced blocks of a page's text."""
    found = []
    for match in BLOCK.finditer(page):
        language, _, rest = match["info"].strip().partition(" ")
        title = re.search(r'title="(.+?)"', rest)
        line = page.count("\n", 0, match.start("fence")) + 1
        found.append(Block(language, title[1] if title else "", match["text"], line, match["why"] or ""))
    return found


def inline(page: str) -> list[str]:
    """Find the commands that prose names."""
    return [" ".join(found.split()) for found in INLINE.findall(BLOCK.sub("", page))]


def commands(text: str) -> list[list[str]]:
    """Read the commands of a block as a shell does: the words of each, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def parsed(words: list[str]) -> click.Context:
    """Read the options of a `bench …` without running it.

    Raises:
        click.UsageError: there is no such command or option, or a value cannot be.
    """
    command, context, left = bench, bench.make_context("bench", list(words), resilient_parsing=False), list(words)
    while isinstance(command, click.Group):
        left = [*context.protected_args, *context.args] if hasattr(context, "protected_args") else [*context.args]
        name, found, left = command.resolve_command(context, left)
        assert found is not None, name
        context, command = found.make_context(str(name), list(left), parent=context), found
    return context


def check(words: list[str]) -> None:
    """Hold a command that is not run against what is there: options of `bench`, targets of `make`, extras, files.

    Raises:
        AssertionError: there is no such thing.
        click.UsageError: likewise.
    """
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    name, rest = words[0], words[1:]
    if name == "bench":
        parsed(rest)
    elif name == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.M), f"make {rest[0]}: no such target"
    elif name == "python":
        assert (ROOT / rest[0]).is_file(), f"{rest[0]}: no such file"
        script = (ROOT / rest[0]).read_text()
        assert all(f'"{word}"' in script for word in rest[1:] if word.startswith("--")), f"{rest}: no such option"
    elif name == "sbatch":
        wrapped = next(word for word in (*rest, "") if word.startswith("bench "))
        check(shlex.split(wrapped))
    elif name == "pip":
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        for extra in re.findall(r"(?:crossvad|\.)\[(\w+)\]", " ".join(rest)):
            assert extra in setup["options.extras_require"], f"{extra}: no such extra"
    else:
        assert name in (".", "eval", "ray", "tensorboard"), f"{name}: what is that?"


def named(command: str) -> None:
    """Hold a command that prose names against what there is: it may lack words, and have … or a choice, a|b, in it.

    Raises:
        click.UsageError: there is no such command, or it has no such option.
    """
    words = [word.split("|")[0] for word in shlex.split(command.replace("…", ""))][1:]
    command_, context = bench, bench.make_context("bench", [], resilient_parsing=True)
    while words and isinstance(command_, click.Group) and not words[0].startswith("-") and words[0] != "COMMAND":
        _, found, words = command_.resolve_command(context, words)
        assert found is not None
        command_, context = found, click.Context(found, parent=context)
    known = {flag for each in command_.get_params(context) for flag in (*each.opts, *each.secondary_opts)}
    for flag in (word.partition("=")[0] for word in words if word.startswith("--")):
        if flag not in known:
            raise click.NoSuchOption(flag, possibilities=sorted(known), ctx=context)
