"""Where a number is from: a cell of a table, or a sum of such.

main[framediff | auc]                            the first number of a cell
main[framediff | auc | 2]                        the second: the lower end of its interval
main[apn | paper_auc] - main[apn | auc]          a difference; also +, *, / and parentheses
methods.main[apn | auc]                          of the page methods.md
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping

from crossvad.verification.pages import NUMBER, PageTable

OPENING = re.compile(r"[A-Za-z][\w.-]*\[")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def evaluate(source: str, tables: Mapping[str, PageTable]) -> float:
    """Compute what a source says.

    Raises:
        ValueError: it is no such source, or there is no such cell; says which.
    """
    values: dict[str, float] = {}
    while opening := OPENING.search(source):
        end = _closing(source, opening.end())
        name = f"_{len(values)}"
        values[name] = _cell(opening[0][:-1], source[opening.end() : end], tables)
        source = f"{source[: opening.start()]}{name}{source[end + 1 :]}"
    try:
        return _value(ast.parse(source.strip(), mode="eval").body, values)
    except (SyntaxError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as error:
        raise ValueError(f"{source!r} is no source of a number") from error


def number(text: str) -> float:
    """Read a number as a page has it."""
    return float(re.sub(r"[ \u202f]", "", text).replace("−", "-"))


def agrees(text: str, value: float) -> bool:
    """Whether a number is this value, rounded to as many digits as it has."""
    return abs(number(text) - value) <= 0.5 * 10.0 ** -_decimals(text) * (1 + 1e-6)


def rewritten(text: str, value: float) -> str:
    """The value with as many digits as a number had, and a plus if it had one."""
    mantissa, exponent, _ = text.lower().partition("e")
    sign, kind = "+" * text.startswith("+"), "e" if exponent else "f"
    rounded = f"{value:{sign}.{_decimals(mantissa)}{kind}}"
    return rounded.replace("-", "−") if text.startswith("−") else rounded


def _decimals(text: str) -> int:
    """How many digits a number has behind the point, written without an exponent."""
    mantissa, _, exponent = text.lower().replace("−", "-").partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _closing(source: str, place: int) -> int:
    depth = 1
    for end in range(place, len(source)):
        depth += {"[": 1, "]": -1}.get(source[end], 0)
        if not depth:
            return end
    raise ValueError(f"{source!r} lacks a ]")


def _cell(name: str, inside: str, tables: Mapping[str, PageTable]) -> float:
    """The number in a cell: NAME[row | column], or NAME[row | column | which of its numbers]."""
    if name not in tables:
        raise ValueError(f"there is no table {name}")
    table, parts = tables[name], [part.strip() for part in inside.split(" | ")]
    if len(parts) not in (2, 3):
        raise ValueError(f"{name}[{inside}] is not {name}[row | column] or {name}[row | column | which number]")
    row = _index("row", parts[0], table.names, name)
    text = table.rows[row][_index("column", parts[1], table.columns, name)]
    numbers, which = NUMBER.findall(text), parts[2] if len(parts) == 3 else "1"
    if not which.isdigit() or not 0 < int(which) <= len(numbers):
        raise ValueError(f"{name}[{inside}] is {text!r}, which has no number {which}")
    return number(numbers[int(which) - 1])


def _index(what: str, there: str, known: list[str], name: str) -> int:
    """Find a row or a column by its name, in large letters or small."""
    folded = [each.casefold() for each in known]
    if there.casefold() not in folded:
        raise ValueError(f"table {name} has no {what} {there!r}, only {', '.join(map(repr, known))}")
    return folded.index(there.casefold())


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Name(name) if name in values:
            return values[name]
        case ast.Constant(float() | int() as constant):
            return float(constant)
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, values)
        case ast.BinOp(left, operation, right) if type(operation) in OPERATORS:
            result: float = OPERATORS[type(operation)](_value(left, values), _value(right, values))
            return result
    raise ValueError(f"{ast.unparse(node)!r} is no source of a number")
