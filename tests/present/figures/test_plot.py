"""What every plot is: a command by its name, and a figure with its caption for those who do without commands."""

from dataclasses import dataclass

import pandas as pd
import pytest
from matplotlib.figure import Figure

from crossvad.datasets.errors import InputError
from crossvad.evaluation import tidy
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present.figures import drawing, layout
from crossvad.present.figures.plot import PLOTS, RowsPlot, flag, register
from crossvad.store.store import Store

NAMES = {"shots", "steps", "cameras", "matrix", "roc", "scores", "speed", "activations", "errors", "prototypes"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("plots"))
    return store, run_grid(store, make_grid("framepred", "framediff", shots=[0, 2]))


@pytest.fixture
def counts():
    """A plot that somebody else wrote, for as long as a test takes: how many cells a method has."""

    @register
    @dataclass(frozen=True)
    class Counts(RowsPlot):
        """Count cells.

        \b
        bench plot counts --most 2
        """

        name = "counts"
        most: str = flag("9", "--most", "Methods to draw.")

        def points(self, rows):
            return rows.groupby("method")["auc"].count().rename("cells").reset_index().head(int(self.most))

        def caption(self, rows, points):
            return f"cells of {', '.join(points['method'])}"

        def draw(self, points, note):
            drawn = layout.page(4, 3, note)
            drawn.subplots().bar(points["method"], points["cells"])
            return drawn

    yield Counts
    del PLOTS["counts"]


def test_what_is_drawn_is_not_said_to_be_left_out(counts, run_grid, make_grid, store):
    records = run_grid(store, make_grid("framediff", "random", "ramp", shots=[0]))
    _, note = drawing.draw("counts", store, records, FAIR)
    assert "random" in note and "not drawn" not in note
    _, note = drawing.draw("counts", store, records, FAIR, most="2")
    assert "not drawn, as no detectors: random" in note or "not drawn, as no detectors: ramp" in note


def test_a_plot_in_one_file_is_a_command_and_a_figure(bench, stored, counts, tmp_path):
    store, records = stored
    assert "counts" in bench("plot", "--help").out
    told = bench("plot", "counts", "--help").out
    assert "Count cells." in told and "--most TEXT" in told and "[default: counts.svg]" in told
    done = bench("plot", "counts", "--results", store.root.parent, "--where", "method=framepred,framediff")
    assert (done.code, done.out) == (0, "counts.svg: cells of framediff, framepred\n")
    assert "<!-- framediff -->" in (tmp_path / "counts.svg").read_text()
    one = bench("plot", "counts", "--results", store.root.parent, "--most", "1")
    assert one.out == "counts.svg: cells of framediff\n"
    figure, note = drawing.draw("counts", store, records, FAIR, most="2")
    assert note == "cells of framediff, framepred" and len(figure.axes[0].patches) == 2
    nothing = bench("plot", "counts", "--results", store.root.parent, "--where", "method=lmn")
    assert nothing.code == 2 and "holds no such finished cell" in nothing.err


def test_all_plots_are_there(bench):
    assert {name for name in drawing.listed() if drawing.load(name).name == name} == NAMES
    assert all(name in bench("plot", "--help").out for name in NAMES)
    assert bench("plot", "nothing").code == 2


@pytest.mark.parametrize("name", ["shots", "steps", "cameras", "matrix", "roc", "scores", "speed"])
def test_a_figure_and_its_caption_without_the_command(bench, stored, name, tmp_path):
    store, records = stored
    figure, note = drawing.draw(name, store, records, FAIR)
    assert isinstance(figure, Figure) and " ".join(figure.get_supxlabel().split()) == " ".join(note.split())
    done = bench("plot", name, "--results", store.root.parent, "--out", tmp_path / "x.svg")
    assert done.out == f"{tmp_path / 'x.svg'}: {note}\n"


def test_an_unknown_plot_and_one_of_nothing_are_refused(stored):
    store, records = stored
    with pytest.raises(
        InputError, match=r"^pie: is no plot; choose from activations, cameras, errors, matrix, prototypes"
    ):
        drawing.draw("pie", store, records, FAIR)
    with pytest.raises(InputError, match="holds no such finished cell"):
        drawing.draw("roc", store, [], FAIR)
    with pytest.raises(InputError, match="holds no such finished cell"):
        drawing.draw("scores", store, [], FAIR, videos=["a"])


def test_conditions_are_asked_before_scores_are_read(bench, stored, monkeypatch):
    """Cells that are not drawn are not evaluated; those that drawn ones start from are."""
    store, _ = stored
    evaluated, numbers = [], tidy._numbers

    def noted(store, record, *more):
        evaluated.append(record.cell)
        return numbers(store, record, *more)

    monkeypatch.setattr(tidy, "_numbers", noted)
    wanted = ("--where", "method=framepred", "--where", "steps=1")
    assert bench("plot", "shots", "--results", store.root.parent, *wanted).code == 0
    assert {(cell.method, cell.shots, cell.steps) for cell in evaluated} == {("framepred", 0, 0), ("framepred", 2, 1)}


def test_panels_stand_in_rows():
    figure = layout.page(6, 4, "a note of 10 % " * 30)
    assert figure.get_supxlabel().count("\n") == 3 and "10\N{NO-BREAK SPACE}%" in figure.get_supxlabel()
    assert figure.get_size_inches().tolist() == pytest.approx([6, 4 + 4 * layout.LINE])
    assert layout.filled(4, 3) == (3, 2) and layout.balanced(4, 3) == (2, 2) and layout.filled(2, 0) == (1, 2)
    panels = layout.panels(figure, 4, (3, 2), sharex=True)
    layout.label_edges(panels, 3, "x", "y", 8)
    assert [axes.get_ylabel() for axes in panels] == ["y", "", "", "y"]
    assert [axes.get_xlabel() for axes in panels] == ["", "x", "x", "x"] and len(figure.axes) == 4
    assert pd.Series([axes.xaxis.get_tick_params()["labelbottom"] for axes in panels]).tolist()[1:] == [True] * 3


def test_rows_are_those_of_the_table(stored):
    store, records = stored
    rows = drawing.load("speed")().rows(store, records, FAIR)
    pd.testing.assert_frame_equal(rows, table(store, records, FAIR))
