"""Groups of commands: one says what comes close to a name; one imports commands when they are called, not listed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class Group(click.Group):
    """A group that says what comes close to a command's name where there is none of it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names.

        Raises:
            click.UsageError: there is none; says what comes close, or all that there are.
        """
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            close = get_close_matches(name, known) or [each for each in known if _shortens(name, each)]
            fix = f"Did you mean {' or '.join(close)}?" if close else f"Choose from {', '.join(known)}."
            raise click.UsageError(f"No such command {name!r}. {fix}", ctx)
        return super().resolve_command(ctx, args)

    def helps(self, ctx: click.Context) -> dict[str, str]:
        """Tell each command's help."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return {name: command.help or "" for name, command in commands.items() if command}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its help up to the first full stop."""
        helps = self.helps(ctx)
        limit = formatter.width - 6 - max(map(len, helps))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short(text, limit)) for name, text in helps.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, and options as other commands do."""
        found = {name: text for name, text in self.helps(ctx).items() if name.startswith(incomplete)}
        commands = [CompletionItem(name, help=_short(text)) for name, text in found.items()]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


class Deferred(NamedTuple):
    """A command that is not loaded yet."""

    target: str  # module:attribute
    short_help: str  # its help up to the first full stop


class LazyGroup(Group):
    """A group whose commands are known by name, place and short help alone until one is called."""

    def __init__(self, *args: Any, deferred: Mapping[str, Deferred], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.deferred = deferred

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command, in order."""
        return sorted(self.deferred)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of this name."""
        if cmd_name not in self.deferred:
            return None
        module, _, attribute = self.deferred[cmd_name].target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def helps(self, ctx: click.Context) -> dict[str, str]:
        """Tell each command's short help without loading any."""
        return {name: self.deferred[name].short_help for name in self.list_commands(ctx)}


def _shortens(name: str, full: str) -> bool:
    """Whether a name has some of a full one's letters in their order, from the first on: rm of remove, ls of list."""
    letters = iter(full)
    return full[:1] == name[:1] and all(letter in letters for letter in name)


def _short(text: str, limit: int = 45) -> str:
    return click.Command("", help=text).get_short_help_str(limit)
