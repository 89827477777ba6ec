"""What commands say in plain lines, whatever names and files it is of."""

from __future__ import annotations

import click

from crossvad.datasets.errors import plain


def tell(*lines: str, err: bool = False) -> None:
    """Print lines that no terminal takes for commands, and of which none can pose as two."""
    click.echo("\n".join(map(plain, lines)), err=err)
