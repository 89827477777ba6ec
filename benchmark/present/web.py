"""Web pages that need no network: their templates, and what keeps foreign words from being markup or code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined


def template(name: str) -> str:
    """Read one of the pages' templates, style sheets or scripts."""
    return (files("crossvad.present") / "templates" / name).read_text(encoding="utf-8")


def joined(page: str, names: Iterable[str], kind: str) -> str:
    """Read several style sheets or scripts of a page as one."""
    return "\n".join(template(f"{page}.{name}.{kind}") for name in names)


def environment() -> Environment:
    """Make what fills templates in: every value is text, and never markup."""
    return Environment(
        autoescape=True,
        loader=FunctionLoader(template),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def csp_hash(text: str) -> str:
    """Name an inline style or script to a content security policy, under which no other has any effect."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
