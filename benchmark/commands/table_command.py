"""Commands that show tables: their function makes `Tables`, and the command prints them as `--format` says."""

from __future__ import annotations

import atexit
import gc
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError
from crossvad.present.formats import TABLE_FORMATS, Content, Tables, names
from crossvad.store.garbage import rarely_collected

WHEREABOUTS = ("--data", "--results", "--format", "--out", "--figure", "--device")
SWITCHES = ("--quiet", "--debug", "--stored")
WRITTEN = ("out", "figure")  # parameters that name a file to be written
WORDS, FORMAT = f"{__name__}.words", f"{__name__}.format"  # what a context keeps of how it was called


class TableCommand(click.Command):
    """A command whose function returns `Tables`.

    Args:
        offline: words that keep it from running anything, so that its tables can be made again of stored cells; None:
            it cannot be kept from that.
    """

    def __init__(self, *args: Any, offline: Sequence[str] | None = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.offline = offline

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they were typed, for the line that makes the tables again."""
        ctx.meta[WORDS] = list(args)
        return super().parse_args(ctx, args)

    def make_tables(self, ctx: click.Context) -> Tables:
        """Call the command's function, and print nothing."""
        tables: Tables = super().invoke(ctx)
        return tables

    def invoke(self, ctx: click.Context) -> None:
        """Print the tables, and what is missing from them. Exit with 1 if a cell failed."""
        if self.offline != ():
            self._print(ctx)
            return
        atexit.register(gc.freeze)  # when all that is left goes anyway, it is not looked through for garbage once more
        with rarely_collected():
            self._print(ctx)

    def _print(self, ctx: click.Context) -> None:
        tables = self.make_tables(ctx)
        form = TABLE_FORMATS[chosen_format(ctx)]
        form.write(tables, spelled(ctx.command_path, ctx.meta[WORDS]))
        notes = tables.notes if form.content in ("numbers", "rows") else ()  # others have captions
        for line in (*(f"note: {note}" for note in notes), *tables.failures):
            tell(line, err=True)
        if tables.failures:
            sys.exit(1)


def format_option(*contents: Content) -> Callable:
    """Make the option `--format` of a command whose tables have these contents."""

    def keep(ctx: click.Context, param: click.Parameter, value: str) -> None:
        ctx.meta[FORMAT] = value

    return click.option(
        "--format", type=click.Choice(names(*contents)), default="rich", show_default=True, expose_value=False,
        callback=keep,
    )  # fmt: skip


def chosen_format(ctx: click.Context) -> str:
    """Say which format a command was called with."""
    return str(ctx.meta[FORMAT])


def remake(bench: click.Group, words: Sequence[str], results: str) -> Tables | None:
    """Make the tables of `bench WORDS…` again of the cells that a results folder holds; prints nothing.

    Returns:
        The tables; None if the command makes none, or could not do so without running or writing something.

    Raises:
        InputError: they cannot be made of these cells.
        click.ClickException: there is no such command, or it cannot be called so.
    """
    command: click.Command = bench
    context, rest = click.Context(bench, info_name="bench", **bench.context_settings), list(words)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found, "click raises an error if there is no such command"
        command = found
        context = click.Context(command, parent=context, info_name=name)
    if not isinstance(command, TableCommand) or command.offline is None:
        return None
    if any(".py:" in word for word in words):  # a page may be anybody's
        raise InputError(f"bench {shlex.join(words)}", "names a file of code, which is not run", "run it by hand")
    if any(word.partition("=")[0] == "--results" for word in words):  # and would have its tables made of other cells
        raise InputError(f"bench {shlex.join(words)}", "names results of its own", "take --results out of the page")
    arguments = [*rest, *command.offline, "--results", results]
    try:
        context = command.make_context(context.info_name, arguments, parent=context.parent)
    except click.exceptions.Exit:  # --help, which is printed
        return None
    with context, rarely_collected():
        return None if any(context.params.get(name) for name in WRITTEN) else command.make_tables(context)


def spelled(command_path: str, words: Sequence[str]) -> str:
    """Spell a command as a user types it, without options that only say where things lie or how to print them."""
    kept: list[str] = []
    skipping = False
    for word in words:
        name, equals, _ = word.partition("=")
        if skipping or name in (*WHEREABOUTS, *SWITCHES):
            skipping = not skipping and name in WHEREABOUTS and not equals
        else:
            kept.append(word)
    return " ".join([command_path, *([shlex.join(kept)] if kept else [])])
