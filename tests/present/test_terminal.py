"""How tables are printed: the quick way of lines that do not fold says what the other says."""

import io

import pandas as pd
import pytest
from rich.console import Console

from crossvad.present.formats import TABLE_FORMATS, Tables
from crossvad.present.terminal import ENDLESS, MOST, blocks, markdown, rich_table, show

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


def test_of_a_very_long_table_the_first_rows_are_shown_and_around_them_how_to_see_the_others(capsys):
    keys = [("street", f"m{number:03}") for number in range(MOST + 30)] + [("plaza", "m000")]
    index = pd.MultiIndex.from_tuples(keys, names=["source", "method"])
    table = pd.DataFrame({"AUC": [str(number) for number in range(len(index))]}, index=index)
    show(table, "its caption", title="its title")
    title, hint, *lines, again, caption = capsys.readouterr().out.strip().splitlines()
    assert title == "its title" and caption == "its caption" and "─" in lines[-1]
    assert again == "31 more rows not shown: how to narrow it stands above; all of them: --format md, or csv"
    assert hint == (
        f"The first {MOST} of {len(table)} rows: narrow it by --where KEY=VALUE, such as of source (2 of them), "
        f"method ({MOST + 30} of them); all of them: --format md, or csv"
    )
    assert sum("street" in line for line in lines) == MOST and "m000" in lines[3]
    assert markdown(table, "its caption").count("\n| street") == MOST + 30
    TABLE_FORMATS["rich"].write(Tables([(table, "its caption")]), "")  # as a run prints it, which has no --where
    hint, *_, again, _ = capsys.readouterr().out.strip().splitlines()
    assert "narrow it by bench table --where KEY=VALUE" in hint
    assert all(line.endswith("all of them: bench table --format md, or csv") for line in (hint, again))
    show(table.iloc[:MOST], "its caption")
    whole = capsys.readouterr().out
    assert "The first" not in whole and "more rows" not in whole
