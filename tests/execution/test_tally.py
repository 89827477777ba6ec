"""How long a run may still take: trainings and cells are timed apart, and nothing is said before anything was timed."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

import crossvad
from crossvad.execution.progress import Reporter
from crossvad.execution.tally import Tally


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def told():
    return io.StringIO()


@pytest.fixture
def cells(make_grid):
    """Three trainings, of two cells each."""
    return make_grid("framepred", seeds=[0, 1, 2]).cells()


def lines(told):
    return [line.strip() for line in told.getvalue().splitlines() if not line.startswith("[")]


def tally_of(cells, told, clock, trainings):
    tally = Tally(len(cells), Reporter(Console(file=told, width=200)), clock)
    tally.expect({cell: trainings(cell) for cell in cells})
    return tally


def test_a_first_cell_that_waited_for_its_training_does_not_stand_for_those_that_do_not(cells, told):
    clock = Clock()
    tally = tally_of(cells, told, clock, lambda cell: ["only"])
    tally.begin(cells[:1])
    clock.seconds = 600
    tally.trained("only")
    clock.seconds = 620
    tally.end(cells[:1])
    tally.begin(cells[1:2])
    assert lines(told) == ["about 2 min left: 5 cells of about 20 s"]  # and not 5 times 620 s


def test_trainings_that_are_left_are_counted_apart(cells, told):
    clock = Clock()
    tally = tally_of(cells, told, clock, lambda cell: [cell.fit_key])
    tally.begin(cells[:2])
    assert lines(told) == []  # there is nothing to go on
    clock.seconds = 300
    tally.trained(cells[0].fit_key)
    clock.seconds = 320
    tally.end(cells[:2])
    tally.begin(cells[2:4])
    assert lines(told) == ["about 11 min left: 2 trainings of about 5 min, 4 cells of about 10 s"]


def test_trainings_none_of_which_was_timed_are_said_to_come_on_top(cells, told):
    clock = Clock()
    tally = tally_of(cells, told, clock, lambda cell: [] if cell.seed == 0 else [cell.fit_key])
    tally.begin(cells[:2])
    clock.seconds = 20
    tally.end(cells[:2])
    tally.begin(cells[2:4])
    (line,) = lines(told)
    assert line == "about 40 s left: 4 cells of about 10 s; and 2 trainings, of which none has been timed yet"


def test_what_takes_no_time_to_speak_of_is_told_so(cells, told):
    clock = Clock()
    tally = tally_of(cells, told, clock, lambda cell: [])
    tally.begin(cells[:1])
    clock.seconds = 0.1
    tally.end(cells[:1])
    tally.begin(cells[1:2])
    assert lines(told) == ["less than 1 s left: 5 cells of less than 1 s"]


def test_cells_that_were_left_out_before_anything_ran_tell_nothing(cells, told):
    clock = Clock()
    tally = Tally(len(cells), Reporter(Console(file=told, width=200)), clock)
    tally.begin(cells[:4])
    tally.end(cells[:4])
    tally.expect({cell: [] for cell in cells[4:]})
    tally.begin(cells[4:5])
    assert lines(told) == []


def test_who_asks_for_the_status_is_told_no_time_before_all_that_is_left_was_timed(cells, told):
    clock, reached = Clock(), []
    tally = tally_of(cells, told, clock, lambda cell: [] if cell.seed == 0 else [cell.fit_key])
    tally.reporter.reached = lambda done, of, left=None: reached.append((done, of, left))
    tally.begin(cells[:2])
    clock.seconds = 20
    tally.end(cells[:2])
    tally.begin(cells[2:4])
    clock.seconds = 320
    tally.trained(cells[2].fit_key)
    clock.seconds = 340
    tally.end(cells[2:4])
    assert reached == [(2, 6, None), (4, 6, 300 + 2 * 10)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_times_its_trainings_apart(north, south, tmp_path, capsys, jobs):
    pair = {"source": north, "target": south, "methods": "framepred", "budget": "smoke", "shots": [0, 1]}
    crossvad.run(**pair, seeds=[0, 1, 2], results=tmp_path / "results", device="cpu", jobs=jobs)
    told = [line.strip() for line in capsys.readouterr().err.splitlines() if " left: " in line]
    assert re.fullmatch(r".* left: [12] trainings? of .*, \d+ cells of .*", told[0])
    assert "training" not in told[-1]
