"""How tables are printed: the quick way of lines that do not fold says what the other says."""

import io

import pandas as pd
import pytest
from rich.console import Console

from crossvad.present.terminal import ENDLESS, blocks, rich_table

GROUPED = [["apn", "a", "1"], ["apn", "b", ""], ["lmn", "a", "80.7 [73.0, 86.6]†"], ["apn", "camera 東京", "–"]]


def printed(*tables, width=ENDLESS):
    page = Console(file=io.StringIO(), width=width, emoji=False)
    for table in tables:
        page.print(table)
    return page.file.getvalue()


def table_of(lines):
    return pd.DataFrame(lines, columns=["method", "source", "auc"]).set_index(["method", "source"])


@pytest.mark.parametrize(
    "lines",
    [
        GROUPED,
        GROUPED[1:3],
        GROUPED[:1],
        [["apn", "two\nlines", "1"], ["apn", "b", "2"]],
        [["", "", ""], ["", "a", ""]],
    ],
)
def test_lines_that_are_set_together_look_as_by_themselves(lines):
    table = table_of(lines)
    assert printed(rich_table(table, folding=False)) == printed(rich_table(table))
    assert printed(*blocks(table, ENDLESS)) == printed(rich_table(table))


@pytest.mark.parametrize("width", [30, 120, ENDLESS])
def test_what_has_no_room_folds_and_is_not_cut(width):
    table = table_of([["apn", f"folder-{'x' * size}", "1"] for size in (3, width)])
    text = printed(*blocks(table, width), width=width)
    assert max(map(len, text.splitlines())) <= width and text.count("x") == width + 3
