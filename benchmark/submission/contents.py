"""What a submission holds, for people to read."""

from __future__ import annotations

from crossvad.datasets.words import number_of
from crossvad.submission.checking import Checked
from crossvad.submission.statement import boards_of


def contents(checked: Checked) -> list[list[str]]:
    """List what a submission holds, a name and a text each: who, which boards, methods and code."""
    cells = [record.cell for record in checked.records]
    lines = [["by", checked.card.by]] if checked.card else []
    lines.append(["cells", f"{len(cells)} sound, {number_of(len({cell.seed for cell in cells}), 'seed')}"])
    lines += [["board", f"{board.source} → {board.target}, {board.budget}"] for board in boards_of(checked.records)]
    lines.append(["methods", ", ".join(dict.fromkeys(cell.method for cell in cells))])
    if checked.statement:
        lines += [["code, not run", f"{each.path}, {each.bytes} bytes"] for each in checked.statement.plugins]
        lines.append(["packed on", ", ".join(f"{name} {fact}" for name, fact in checked.statement.environment.items())])
    return lines
