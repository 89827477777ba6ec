"""`bench choose`: from the words to the table, and from a file of rows to the same."""

import csv
import io

import pytest
from click.shell_completion import BashComplete

from crossvad import cli
from crossvad.datasets.planting import scenes as planting

WORDS = ("choose", "framediff", "extrapolate", "--source", "synthetic-street", "--budget", "smoke", "--quiet")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(planting, "SCENES", 3)
    monkeypatch.setattr(planting, "CLIPS", 4)


@pytest.fixture
def file(bench, tmp_path):
    done = bench(*WORDS, "--option", "pool=mean,p99", "--out", "rows.csv", "--format", "md")
    assert done.code == 0, done.err
    return done.out


def lines(text):
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]


def test_the_table_has_a_row_a_combination_the_best_first(bench, file):
    head, *rows = lines(file)
    assert head == ["method", "hurried", "reversed", "stopped", "foreign", "texture", "mean", "to the best", "square"]
    assert {row[0] for row in rows} == {"framediff", "framediff[pool=p99]", "extrapolate", "extrapolate[pool=p99]"}
    means = [float(row[6].split()[0]) for row in rows]
    assert means == sorted(means, reverse=True)
    assert rows[0][7] == "best" and all(row[7].startswith(("-", "+")) for row in rows[1:])
    assert (
        f"chosen on synthetic-street: bench run --source synthetic-street --target TARGET --method {rows[0][0]}"
        in file.replace("'", "")
    )
    assert "3 scenes, held-out views of 3 cameras" in file and "≈: not told apart" in file
    numbers = list(csv.DictReader(io.StringIO(bench(*WORDS, "--option", "pool=mean,p99", "--format", "csv").out)))
    shown = [float(row[6].split()[0]) for row in rows]
    assert [float(row["mean, K = 0"]) for row in numbers] == pytest.approx(shown, abs=0.056)  # to two digits, to one
    assert len(bench(*WORDS, "--format", "long").out.splitlines()) == 1 + 2 * 3


def test_a_file_of_rows_makes_the_table_again(bench, file):
    again = bench("choose", "--from", "rows.csv", "--format", "md", "--shots", "0")
    assert again.code == 0 and again.out.splitlines()[2:-1] == file.splitlines()[2:-1]
    one = bench("choose", "framediff", "--option", "pool=p99", "--from", "rows.csv", "--format", "md").out
    assert [row[0] for row in lines(one)[1:]] == ["framediff[pool=p99]"]


def test_stored_rows_are_read_without_data_or_runs(bench, file, monkeypatch):
    monkeypatch.setattr("crossvad.api.choose", lambda *_, **__: pytest.fail("runs"))
    assert bench("choose", "--stored", "--from", "rows.csv").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("framediff",), "has no source"),
        (("--source", "synthetic-street"), "has no method"),
        (("--stored",), "name their file: --from FILE"),
        (("--agreement",), "name their file: --from FILE"),
        (("framediff", "--source", "synthetic-street", "--option", "pol=1"), "did you mean pool?"),
        (("--from", "gone.csv"), "gone.csv"),
        (("--from", "rows.csv", "--out", "more.csv"), "--out: keeps what is run, and --from runs nothing"),
        (("--from", "rows.csv", "--target", "ped2"), "nothing is planted in a target"),
        (("--from", "rows.csv", "--source", "ped2"), "source: synthetic-street"),
        (("--from", "rows.csv", "--budget", "quick"), "budget: smoke"),
        (("--from", "rows.csv", "--shots", "5", "--steps", "3"), "holds no row of shots 5, steps 3"),
        (("--from", "rows.csv", "--option", "pool=mean"), "name the methods, too"),
    ],
)
def test_errors_say_what_to_do(words, message, bench, file):
    done = bench("choose", *words)
    assert done.code == 2 and message in done.err and len(done.err.splitlines()) == 1


def test_how_well_rows_agree_with_cells(bench, file, tmp_path):
    run = (
        "run",
        "--source",
        "synthetic-street",
        "--target",
        "synthetic-plaza",
        "--budget",
        "smoke",
        "--quiet",
        "--shots",
        "0",
    )
    assert bench(*run, "--method", "framediff,framediff[pool=p99],extrapolate[pool=p99]").code == 0
    done = bench("choose", "--from", "rows.csv", "--agreement", "--format", "md")
    head, *rows = lines(done.out)
    assert head == ["proxy", "synthetic-street → synthetic-plaza", "mean of pairs"]
    assert [row[0] for row in rows] == ["hurried", "reversed", "stopped", "foreign", "texture", "mean", "square"]
    assert "4 entries of 4 methods" in done.out and all(row[1][0] in "+-–" for row in rows)
    same = bench("choose", "--from", "rows.csv", "--agreement", "--format", "md", "--target", "ped2,synthetic-plaza")
    assert lines(same.out) == lines(done.out)
    other = bench("choose", "--from", "rows.csv", "--agreement", "--target", "ped2")
    assert other.code == 2 and "holds no cell of these methods, sources, targets" in other.err
    (tmp_path / "none").mkdir()
    none = bench("choose", "--from", "rows.csv", "--agreement", "--results", "none")
    assert none.code == 2 and "holds no cell of these methods" in none.err


def test_names_of_options_complete_from_those_of_the_methods():
    def completed(*words):
        *before, last = words
        shell = BashComplete(cli.bench, {}, "bench", "_BENCH_COMPLETE")
        return [item.value for item in shell.get_completions(["choose", *before], last)]

    assert completed("framediff", "--option", "p") == ["pool=", "precision="]
    assert completed("framediff,lmn[items=5]", "--source", "ped2", "--option", "i") == ["items="]
    assert completed("random", "--option", "p") == ["precision="] and completed("framediff", "--option", "pool=m") == []
