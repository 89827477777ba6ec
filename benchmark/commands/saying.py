"""What may be said for an option: no empty word where a name is wanted, and no second value where one would be lost."""

from __future__ import annotations

from typing import Any

import click

from crossvad.datasets.errors import masked


def refuse_empty(value: Any, kind: click.ParamType, param: click.Parameter | None, ctx: click.Context | None) -> None:
    """Refuse a word without a letter in it, which would be taken for the default or for the folder that one is in.

    Raises:
        click.BadParameter: it is one.
    """
    if isinstance(value, str) and not value.strip(" ,"):
        kind.fail("an empty name was given. Name one, or leave the option out.", param, ctx)


class Word(click.types.StringParamType):
    """A text that says something."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty one."""
        refuse_empty(value, self, param, ctx)
        return super().convert(value, param, ctx)


class SomePath(click.Path):
    """A path that is said: an empty one would be the folder that one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty one."""
        refuse_empty(value, self, param, ctx)
        return super().convert(value, param, ctx)


class Once(click.Option):
    """An option that is said once: of two values the first would be lost, and nobody told."""

    def __init__(self, *args: Any, default: Any = None, **settings: Any) -> None:
        several = None if default is None else [default]
        super().__init__(*args, **settings | {"default": several, "multiple": True, "callback": _only_one})


def _only_one(ctx: click.Context, param: click.Parameter, values: tuple[Any, ...]) -> Any:
    """Return the only value, or None where there is none.

    Raises:
        click.BadParameter: there is a second.
    """
    first, *others = values or (None,)
    if others:
        raise click.BadParameter(
            masked(f"takes one value: {first} was given, and then {others[0]}. Leave one out."), ctx, param
        )
    return first
