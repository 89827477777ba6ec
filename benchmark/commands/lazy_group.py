"""A group of commands that are imported when they are called, not when they are listed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class Deferred(NamedTuple):
    """A command that is not loaded yet."""

    target: str  # module:attribute
    short_help: str  # its help up to the first full stop


class LazyGroup(click.Group):
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        widest = max(map(len, self.deferred))
        limit = formatter.width - 6 - widest
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(name, limit)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name without loading any, and options as other commands do."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=self._short_help(name)) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def _short_help(self, name: str, limit: int = 45) -> str:
        return click.Command(name, help=self.deferred[name].short_help).get_short_help_str(limit)
