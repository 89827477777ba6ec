"""Every format of `--format` says what the tables say."""

import importlib
import io
import re
import sys

import pandas as pd
import pytest

from crossvad.present import formats
from crossvad.present.formats import TABLE_FORMATS, TableFormat, Tables, markdown, names

TEXTS = pd.DataFrame({"auc": ["81.0", "62.5"]}, index=pd.Index(["apn", "lmn"], name="method"))
NUMBERS = pd.DataFrame({"auc": [81.0, 62.54321]}, index=pd.Index(["apn", "lmn"], name="method"))
ROWS = pd.DataFrame({"method": ["apn", "apn"], "auc": [80.0, 82.0]}, index=[4, 7])
TABLES = Tables([(TEXTS, "auc in %"), (TEXTS, "again")], "a -> b", ["auc"], numbers=NUMBERS, rows=ROWS)


@pytest.fixture
def printed(capsys):
    def write(name, tables=TABLES):
        TABLE_FORMATS[name].write(tables, "bench table --ranks")
        return capsys.readouterr().out

    return write


def test_markdown_stands_below_its_command(printed):
    assert printed("md") == f"<!-- bench table --ranks -->\n\n{markdown(TABLES)}"
    assert (
        markdown(TABLES).count("| apn ") == 2
        and markdown(TABLES).endswith("again\n")
        and repr(TABLES) == markdown(TABLES)
    )


def test_csv_is_of_numbers_where_there_are_any(printed):
    assert pd.read_csv(io.StringIO(printed("csv")), index_col="method")["auc"].tolist() == [81.0, 62.5432]
    assert printed("csv", Tables([(TEXTS, "")])) == "method,auc\napn,81.0\nlmn,62.5\n"


def test_long_is_of_rows_whose_numbers_mean_nothing(printed):
    assert printed("long") == "method,auc\napn,80.0000\napn,82.0000\n"


def test_the_terminal_shows_the_title_once(printed):
    out = printed("rich")
    assert out.count("a -> b") == 1 and out.count("62.5") == 2 and "auc in %" in out and "again" in out


@pytest.mark.parametrize(("name", "best"), [("latex", r"\textbf{81.0}"), ("html", "font-weight: bold")])
def test_pages_set_the_best_value_apart(printed, name, best):
    assert best in printed(name) and best not in printed(name, Tables(TABLES.parts))


def test_html_for_notebooks_has_every_part():
    assert TABLES._repr_html_().count("<table") == 2


def test_what_a_command_offers_is_what_it_has():
    assert names("parts") == ["rich", "md", "latex", "html"]
    assert names("parts", "numbers", "rows") == ["rich", "md", "csv", "latex", "html", "long"]


@pytest.mark.parametrize(("name", "table"), [("latex", r"\begin{tabular}"), ("html", "<table")])
def test_pages_have_every_part(printed, name, table):
    assert printed(name).count(table) == 2


def test_a_format_is_one_entry(monkeypatch, capsys):
    rest = TableFormat("rest", "parts", lambda tables, command: print(f"{command}: {tables.title}"))
    monkeypatch.setitem(formats.TABLE_FORMATS, "rest", rest)
    assert "rest" in names("parts")
    TABLE_FORMATS["rest"].write(TABLES, "bench gain")
    assert capsys.readouterr().out == "bench gain: a -> b\n"


def test_an_added_format_is_one_that_commands_offer_and_print(monkeypatch, bench, store, make_grid, run_grid):
    """A command reads the formats when it is loaded, so what was added before that is among them."""

    def loaded_again():
        for name in ("table", "gain"):
            importlib.import_module(f"crossvad.commands.{name}")  # so that there is one to put back in the end
            monkeypatch.delitem(sys.modules, f"crossvad.commands.{name}")

    run_grid(store, make_grid("random", "ramp", shots=[0]))
    loaded_again()
    assert "'rest' is not one of" in bench("table", "--format", "rest").err
    rest = TableFormat("rest", "rows", lambda tables, command: print(f"{command}: {len(tables.rows)} rows"))
    monkeypatch.setitem(TABLE_FORMATS, "rest", rest)
    loaded_again()
    assert re.search(r"--format \[rich\|md\|csv\|latex\|html\|long\|rest\]", bench("table", "--help").out)
    assert bench("table", "--where", "shots=0", "--format", "rest").out == "bench table --where shots=0: 2 rows\n"
    assert "'rest' is not one of" in bench("gain", "--format", "rest").err  # it has no rows
