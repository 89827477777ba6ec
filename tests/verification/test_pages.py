"""What a page must hold, and every way to spoil it: each is found and named, and what can be is written."""

import re
import shutil

import pytest

from crossvad import cli
from crossvad.commands.table_command import remake, spelled
from crossvad.present.formats import markdown
from crossvad.store.store import Store
from crossvad.verification import quotes
from crossvad.verification.pages import NUMBER, PageTable, read_page

COMMAND = ("table", "--rows", "method", "--columns", "shots")
NUMBERS = """
<!-- numbers
{K0} = main[framepred | K = 0]
{K2} = main[framepred | K = 2]
{gain} = main[framepred | K = 2] - main[framepred | K = 0]
{low} = main[ramp | K = 0 | 2]
3 = typed, counted by hand
-->
"""
PROSE = """
From K = 0 on 2 shots (Table 4; Hu et al. 2021) `framepred[x=9.9]` goes from {K0} to
{K2}, by {gain}; ramp's interval begins at {low}. There are 3 videos.
"""
ROWS = """
<!-- rows
main = framepred | framediff |
    ramp | random
sizes = a | b
-->
"""
TYPED = """
<!-- sizes: typed, from its paper -->

| net | width |
|:----|:------|
| a   | 64    |
| b   | 8     |

<!-- pairs: quoted -->

| method | K = 0 |
|:-------|:------|
| ramp   | {ramp} |

<!-- numbers
{ramp} = main[ramp | K = 0]
-->
"""


@pytest.fixture(scope="session")
def sound_page(sound):
    """The text of a page on which all is well."""
    printed = markdown(remake(cli.bench, COMMAND, str(sound)))
    table = PageTable.read(printed.partition("\n\n")[0])
    cells = {(row[0], column): cell for row in table.rows for column, cell in zip(table.columns, row, strict=True)}
    first = {key: NUMBER.findall(cell) for key, cell in cells.items()}
    k0, k2 = first["framepred", "K = 0"][0], first["framepred", "K = 2"][0]
    said = {
        "K0": k0,
        "K2": k2,
        "gain": f"{float(k2) - float(k0):+.1f}",
        "low": f"{float(first['ramp', 'K = 0'][1]):.0f}",
        "ramp": first["ramp", "K = 0"][0],
    }
    named = f"<!-- main: {spelled('bench', COMMAND)} -->\n\n{printed.rstrip()}"
    return f"# Title\n{PROSE}{NUMBERS}\n## Table\n\n{named}\n{TYPED}\nMore text.\n{ROWS}".format(**said)


@pytest.fixture
def page(results, sound_page):
    path = results / "page.md"
    path.write_text(sound_page)
    return path


def squeezed(text):
    """Printed text without the lines and breaks of a table."""
    return re.sub(r"[\s│┃]+", " ", text)


def test_a_sound_page_passes_and_is_left_alone(bench, page):
    before = page.read_bytes()
    for words in ((), ("--write",)):
        done = bench("verify", page, "--results", page.parent, *words)
        assert done.code == 0 and "no problems" in done.out, done.out
        assert "1 of 1 command run again, 6 numbers held" in squeezed(done.out) and page.read_bytes() == before


def last_digit(text):
    """A number with another last digit."""
    return text[:-1] + str((int(text[-1]) + 1) % 10)


def other_number(pattern):
    """Change the number that a pattern's group finds in the page's text."""

    def spoil(text):
        found = re.search(pattern, text)
        return text[: found.start(1)] + last_digit(found[1]) + text[found.end(1) :]

    return spoil


def replaced(old, new, count=1):
    def spoil(text):
        assert re.search(old, text, re.DOTALL), old
        return re.sub(old, new, text, count=count, flags=re.DOTALL)

    return spoil


def added(anchor, lines):
    """Put lines below the line that holds an anchor."""
    return replaced(rf"({anchor}[^\n]*\n)", rf"\g<1>{lines}")


TAMPERED = {
    "a number of the prose": (other_number(r"goes from (\S+) to"), "where its list has"),
    "a number at the start of a line": (other_number(r"\n([\d.]+), by"), "where its list has"),
    "a difference": (other_number(r"by (\S+);"), "where its list has"),
    "a typed number": (replaced("There are 3", "There are 4"), "says 4, where its list has 3"),
    "a number and its list": (lambda text: other_number(r"goes from (\S+) to")(
        other_number(r"<!-- numbers\n(\S+)")(text)), "where main[framepred | K = 0] is"),
    "a rounding": (lambda text: other_number(r"begins at (\d+)\.")(
        other_number(r"\n(\d+) = main\[ramp \| K = 0 \| 2")(text)), "where main[ramp | K = 0 | 2] is"),
    "a new number": (replaced("More text", "More than 79.4"), "says 79.4, which is neither quoted nor typed"),
    "a new number in a heading": (replaced("# Title", "# Worth 79.4"), "which is neither quoted nor typed"),
    "a number in bold": (replaced("More text", "More **79.4**"), "says 79.4, which is neither quoted nor typed"),
    "a number with a unit": (replaced("More text", "79.4pp"), "says 79.4, which is neither quoted nor typed"),
    "a number in a tag": (replaced("More text", "<b>79.4</b>"), "says 79.4, which is neither quoted nor typed"),
    "a sentence gone": (replaced(" There are 3 videos.", ""), "lists 3 (typed, counted by hand), which the text above"),
    "a list gone": (replaced(r"<!-- numbers.*?-->", ""), "which is neither quoted nor typed"),
    "typed without a reason": (replaced("typed, counted by hand", "typed"), "is typed, without a reason"),
    "a quote of no row": (replaced(r"main\[framepred \| K = 0\]\n", "main[framepart | K = 0]\n"), "no row 'framepart'"),
    "a quote of no column": (replaced(r"framepred \| K = 0\]\n", "framepred | K = 1]\n"), "has no column 'K = 1'"),
    "a quote of no table": (replaced(r"main\[framepred \| K = 0\]\n", "Main[framepred | K = 0]\n"), "no table Main"),
    "a quote of no number": (replaced(r"K = 0 \| 2\]", "K = 0 | 9]"), "which has no number 9"),
    "a quote of code": (replaced(r"main\[framepred \| K = 0\]\n", "exit(main[ramp | K = 0])\n"), "no source of"),
    "a command gone": (replaced(r"<!-- main: bench[^\n]*-->", ""), "a table, or a row, that no command prints"),
    "a command called typed": (replaced("main: bench", "main: typed, bench"), "which is neither quoted nor typed"),
    "a table gone": (replaced(r"<!-- main: bench.*?(?=\n<!-- sizes)", ""), "lacks table main, whose rows it lists"),
    "a table gone, but for its command": (replaced(r"(<!-- main[^\n]*\n).*?(?=\n<!-- si)", r"\1"), "no table stands"),
    "a row dropped by --where": (lambda text: replaced(r"\| random [^\n]*\n", "")(
        replaced("shots -->", "shots --where method=framepred,framediff,ramp -->")(text)), "table main lacks random"),
    "a row dropped": (replaced(r"\| random [^\n]*\n", ""), "where stored scores give"),
    "a row more": (added(r"\| random ", "| best | 99.9 | 99.9 |\n"), "where stored scores give"),
    "a row below the caption": (added("AUC in %", "| best | 99.9 | 99.9 |\n"), "where stored scores give"),
    "a row further below": (added("AUC in %", "\n| best | 99.9 | 99.9 |\n"), "a row, that no command prints"),
    "a table of one's own": (added("More text", "\n| m |\n|---|\n| a |\n"), "or a row, that no command prints"),
    "a cell": (other_number(r"\| framediff +\| (\d+)"), "where stored scores give"),
    "a caption": (replaced("budget smoke", "budget paper"), "where stored scores give"),
    "a line in the caption": (added("AUC in %", "All is well.\n"), "where stored scores give"),
    "a row of a typed table": (replaced(r"\| b [^\n]*\n", ""), "table sizes lacks b"),
    "a cell of a quoted table": (other_number(r"\| ramp   \| ([\d.]+)"), "where its list has"),
    "a name gone": (replaced("main: bench", "bench"), "and it names none"),
    "two tables of one name": (replaced("sizes: typed", "main: typed"), "two tables are called main"),
    "rows not listed": (replaced(r"<!-- rows.*?-->", ""), "does not list the rows that table main must have"),
    "a row not listed": (replaced(r"ramp \| random\n", "ramp\n"), "table main has, and the page does not list, random"),
    "a command of other tables": (replaced("main: bench table", "main, more: bench table"), "and it names 2"),
    "a command that trains": (replaced("main: bench table", "main: bench run"), "cannot be run again of stored scores"),
    "no command": (replaced("main: bench table", "main: bench tabel"), "fails"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
def test_what_is_spoilt_is_found_and_named(bench, page, how):
    spoil, said = TAMPERED[how]
    text = page.read_text()
    page.write_text(spoil(text))
    assert page.read_text() != text
    done = bench("verify", page, "--results", page.parent)
    assert done.code == 1 and said in squeezed(done.out), done.out


def test_what_stored_scores_say_is_written(bench, page):
    """Cells, captions and what quotes them; the sentences to be read again are named."""
    right = page.read_text()
    wrong = other_number(r"\| framediff +\| (\d+)")(replaced("budget smoke", "budget paper")(right))
    for pattern in (
        r"goes from (\S+) to",
        r"<!-- numbers\n(\S+)",
        r"by (\S+);",
        r"(\S+) = main\[framepred \| K = 2\] -",
    ):
        wrong = other_number(pattern)(wrong)
    page.write_text(added("AUC in %", "| best | 99.9 | 99.9 |\n")(wrong))
    done = bench("verify", page, "--results", page.parent, "--write")
    assert page.read_text() == right
    out = squeezed(done.out)
    assert done.code == 0 and "table main was made again" in out and out.count("read its sentence again") == 2
    assert "no problems" in bench("verify", page, "--results", page.parent).out


@pytest.mark.parametrize(
    "how", ["a new number", "a row dropped by --where", "a quote of no row", "a command that trains"]
)
def test_what_cannot_be_written_is_told_and_left(bench, page, how):
    page.write_text(TAMPERED[how][0](page.read_text()))
    before = page.read_text()
    done = bench("verify", page, "--results", page.parent, "--write")
    assert done.code == 1 and TAMPERED[how][1] in squeezed(done.out) and page.read_text() == before


def test_cells_that_are_gone_leave_the_table(bench, page):
    store, before = Store(page.parent), page.read_text()
    for record in store.records():
        if record.cell.method == "ramp":
            shutil.rmtree(store.place("cells", record.cell.key))
    done = bench("verify", page, "--results", page.parent, "--write")
    assert done.code == 1 and "table main lacks ramp" in squeezed(done.out) and page.read_text() == before


def test_an_authors_first_page(bench, results):
    """What --format md prints, pasted: names and rows are made up by --write, once."""
    path = results / "new.md"
    path.write_text("# Mine\n\n" + "\n".join(bench(*COMMAND, "--results", results, "--format", "md").out for _ in "ab"))
    assert bench("verify", path, "--results", results).code == 1
    assert bench("verify", path, "--results", results, "--write").code == 0
    text = path.read_text()
    assert "<!-- table: bench table" in text and "<!-- table-2: bench table" in text
    assert text.endswith("\n<!-- rows\ntable, table-2 = framediff | framepred | ramp | random\n-->\n")
    assert "no problems" in bench("verify", path, "--results", results).out


def test_a_page_elsewhere_is_held_by_its_tables(bench, page, tmp_path):
    """A README's prose is its own; the tables that it shows are not."""
    readme = tmp_path / "README.md"
    readme.write_text(replaced("More text", "More than 79.4")(page.read_text()))
    assert bench("verify", readme, "--results", page.parent).code == 0
    readme.write_text(TAMPERED["a cell"][0](page.read_text()))
    assert bench("verify", readme, "--results", page.parent).code == 1


def test_pages_quote_one_another(bench, page):
    k0 = re.search(r"goes from (\S+) to", page.read_text())[1]
    other = page.with_name("other.md")
    other.write_text(f"It reads {k0}.\n\n<!-- numbers\n{k0} = page.main[framepred | K = 0]\n-->\n")
    assert bench("verify", "--results", page.parent).code == 0
    assert bench("verify", other, "--results", page.parent).code == 0, "the other page's table as it is printed"
    other.write_text(other.read_text().replace(k0, last_digit(k0)))
    for words in ((), (other,)):
        done = bench("verify", *words, "--results", page.parent)
        assert done.code == 1 and "page.main[framepred | K = 0] is" in squeezed(done.out)


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("from -1.8 to +13.1, 16 000 or −5", ["-1.8", "+13.1", "16 000", "−5"]),
        ("Ped2, memae-2d, 3-D and `x=1.5`", []),
        ("K = 0, M = 1, 5 and 10, 8 x 8, 64 px, ten or 10 shots, shots 1, 5, 10, a 10-shot method", []),
        ("Tables 4 and 6, Figure 3, Park et al. 2020, version 0.1.0", []),
        ("2021 videos, 2020.5 and [here](a_1.md) at https://x.org/7", ["2021", "2020.5"]),
        ("50 % of 5-7 points", ["50", "5", "7"]),
        ("```\n1.5\n```\n\n    <!-- 2.5 -->\n", []),
        ("At K = 10, 80.3; shots 5, 80.4 with seed 1 and 7 of 9; width 16 or 80.6", ["80.3", "80.4", "7", "9", "80.6"]),
        ("From 70.5 to 71.5 and 10 steps; ahead by 5.1, 3 seeds each", ["70.5", "71.5", "5.1"]),
        ("p .045, _80.3_, __80.4__, 1e-6 and about 2000 frames, of a_1", [".045", "80.3", "80.4", "1e-6", "2000"]),
        ("![AUC 80.3 of 7 at K = 10](a12.svg) and [![70.1](b_2.svg)](c_3.md)", ["80.3", "7", "70.1"]),
        (
            "<img width='640' src=\"a12.svg\" alt=\"AUC 80.3,\n 7 cameras\"> <b title='81'>1</b>",
            ["80.3", "7", "81", "1"],
        ),
        ("<img alt=80.3 width=640><td data-alt='6'><a href='alt=5'>", ["80.3"]),
        ("A stray ` here.\n\nNow 80.3.\n\nAnd `x = 1.5`.", ["80.3"]),
    ],
)
def test_numbers_of_prose(text, numbers):
    ((found, _, _),) = read_page(text).numbers()
    assert [number[0] for number in found] == numbers


TABLES = {
    "t": PageTable.read(
        "| m | K | v |\n|--|--|--|\n| a[x=1,y=2] | 1 | -1.5 [-2.0, 3.0] |\n| a[x=1,y=2] | 2 | 7 of 19 |"
    )
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("t[1 | v]", -1.5),
        ("t[1 | v | 3]", 3.0),
        ("t[1 | V]", -1.5),
        ("-t[1 | v]", 1.5),
        ("t[2 | v | 2] - t[2 | v]", 12.0),
        ("100 * (t[2 | v] + 1) / t[2 | v | 2]", 800 / 19),
    ],
)
def test_sources(source, value):
    assert quotes.evaluate(source, TABLES) == pytest.approx(value)


@pytest.mark.parametrize(
    "source", ["", "t", "t[1]", "t[1 | v", "t[1 | v] **2", "u[1 | v]", "t[1 | v] - ", "1 / 0", "__import__('os')"]
)
def test_sources_that_are_none(source):
    with pytest.raises(ValueError, match=r".+"):
        quotes.evaluate(source, TABLES)


def test_rows_are_named_by_what_tells_them_apart():
    assert TABLES["t"].names == ["1", "2"]
    assert PageTable.read("| m | s | v |\n|--|--|--|\n| a | x | 1 |\n| a | y | 1 |\n| b | x | 1 |").names == [
        "a, x",
        "a, y",
        "b, x",
    ]
    assert PageTable.read("| m | v |\n|--|--|\n| a | 1 |").names == ["a"]


@pytest.mark.parametrize(
    ("text", "value", "agrees", "new"),
    [
        ("80.3", 80.25, True, "80.2"),
        ("80.3", 80.2, False, "80.2"),
        ("80", 80.3, True, "80"),
        ("+5.1", 5.3, False, "+5.3"),
        ("-1", 1.2, False, "1"),
        ("−1.0", -2.0, False, "−2.0"),
        ("16 000", 16000.0, True, "16000"),
        (".045", 0.054, False, "0.054"),
        ("1e-6", 1.4e-6, True, "1e-06"),
        ("4.0e-12", 5e-12, False, "5.0e-12"),
    ],
)
def test_numbers_are_compared_as_they_are_rounded(text, value, agrees, new):
    assert quotes.agrees(text, value) is agrees and quotes.rewritten(text, value) == new
