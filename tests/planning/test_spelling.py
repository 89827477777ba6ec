"""The command that a cell is told by runs that cell."""

import shlex

import pytest

from crossvad.planning import registry
from crossvad.planning.protocol import get_protocol
from crossvad.planning.spelling import command


@pytest.fixture
def asked(bench, monkeypatch, tmp_path, north, south):
    """What a command line would run: the cells of its grid, at the point where it would begin to."""

    for camera in (north, south):
        (tmp_path / camera.name).symlink_to(camera)

    def ask(line: str):
        grids = []

        def stop(runner, grid, leave_out=False):
            grids.append(grid)
            raise SystemExit(0)

        monkeypatch.setattr("crossvad.execution.runner.Runner.run", stop)
        name, *words = shlex.split(line)
        done = bench(*words, "--results", tmp_path / "results")
        assert (name, done.code) == ("bench", 0), done.err
        return grids[0].cells()

    return ask


@pytest.mark.parametrize(
    "choice",
    [
        {"methods": ["framepred"], "shots": [0]},
        {"methods": ["framepred"], "shots": [2], "steps": [3], "seeds": [0, 4]},
        {"methods": ["apn[prototypes=5,cycles=1]"], "tunings": ["head[learning_rate=0.1]"], "shots": [5]},
        {"methods": ["framepred"], "tunings": ["metasgd"], "shots": [0]},
        {"methods": ["support-mean"], "shots": [2]},
        {"methods": ["framepred"], "shots": [2], "support": "test-head-clean"},
        {"methods": ["framepred"], "shots": [20], "protocol": get_protocol("fair@30")},
        {"methods": ["ramp"], "shots": [0], "seeds": [3]},
    ],
    ids=str,
)
def test_the_command_of_a_cell_runs_it(make_grid, asked, choice):
    choice = dict(choice)
    methods, tunings = choice.pop("methods"), tuple(choice.pop("tunings", ("finetune",)))
    cells = make_grid(*methods, tunings=tunings, **choice).cells()
    run = asked(command(cells))
    assert {cell.key for cell in cells} <= {cell.key for cell in run}
    own = {registry.get_method(name).label for name in methods}
    more = [cell for cell in run if cell.method in own and cell.shots]
    assert {cell.key for cell in more} <= {cell.key for cell in cells}  # beside what no table goes without


def test_nothing_is_left_to_guess(make_grid):
    (cell,) = make_grid("apn[prototypes=5]", shots=[2], steps=[3], seeds=[4]).cells()
    assert command([cell]) == (
        "bench run --source path:north --target path:south --method 'apn[prototypes=5]' --tuning finetune "
        "--shots 2 --steps 3 --seed 4 --budget smoke"
    )
