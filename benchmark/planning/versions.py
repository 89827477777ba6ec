"""What makes a stored score current"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Sequence
from types import ModuleType

UNSCORED = ("maps",)  # methods of an adapter that its scores do not depend on


# Those that its training does not depend on either, unless its own code says otherwise by calling one.
UNTRAINED = (
    *UNSCORED, "score", "score_video", "frozen", "calibrate", "adapt", "adapts", "adaptation_loss",
    "adaptable_parameters", "head_parameters",
)  # fmt: skip


PROSE = ("paper", "licence", "deviations")  # of an adapter: to be read, and no part of what it does


def _files(module: ModuleType, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """Names of a module and of those of ours that it takes classes and functions from, and so on."""
    found = known | {module.__name__}
    for value in vars(module).values():
        name = getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith("crossvad.adapters.") and name not in found:
            found = _files(sys.modules[name], found)
    return found


def _trained(sources: Sequence[str]) -> str:
    """The part of the code of a method and its parts that its training depends on: all but `UNTRAINED`.

    A method of that name stays if the rest calls it: `loss` may be made of `score`.
    """
    idle = set(UNTRAINED)
    while True:
        kept, _ = _code(sources, idle)
        calls = [node.func for node in ast.walk(ast.parse(kept)) if isinstance(node, ast.Call)]
        called = {func.attr for func in calls if isinstance(func, ast.Attribute) and _is_self(func.value)}
        if not called & idle:
            return kept
        idle -= called


def _is_self(node: ast.expr) -> bool:
    """Whether this is `self` or `super()`."""
    return getattr(node, "id", "") == "self" or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super")


def _code(sources: Sequence[str], without: Collection[str]) -> tuple[str, str]:
    """Files less what is only there to be read: comments, docstrings, layout, and texts that commands print.

    In two parts: all but the methods of classes that are named in `without`, and those.
    """
    parts = [_bare(source, without) for source in sources]
    return "\n".join(kept for kept, _ in parts), "\n".join(left_out for _, left_out in parts)


def _bare(source: str, without: Collection[str]) -> tuple[str, str]:
    """As `_code`, of one file."""
    tree, left_out = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            left_out += [each for each in node.body if getattr(each, "name", "") in without]
            node.body = [each for each in node.body if each not in left_out] or [ast.Pass()]
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "option":
            del node.args[1:]
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", "") in PROSE for target in targets):
                node.value = ast.Constant("")
    return ast.unparse(tree), "\n".join(map(ast.unparse, left_out))
