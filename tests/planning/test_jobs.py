"""What waits for what: nothing is made twice, and nothing is scored by what is not made yet."""

import itertools

import pytest

from crossvad.planning.jobs import jobs_of


@pytest.fixture
def groups(make_grid):
    grid = make_grid("framepred", "framepred[pool=p99]", "lmn", "ramp", tunings=("finetune", "head"), seeds=[0, 1])
    return [list(group) for _, group in itertools.groupby(grid.cells(), lambda cell: cell.group)]


def test_each_cell_is_scored_by_one_job(groups):
    scored = [job.cells for job in jobs_of(groups) if job.kind == "score"]
    assert scored == [tuple(cell.key for cell in group) for group in groups]


def test_a_job_comes_after_what_it_waits_for(groups):
    seen = {""}
    for job in jobs_of(groups):
        assert job.after in seen and job.name not in seen
        seen.add(job.name)


def test_of_those_that_share_a_training_one_job_trains_and_the_others_wait_for_it(groups):
    cells = {cell.key: cell for group in groups for cell in group}
    jobs = {job.name: job for job in jobs_of(groups)}
    first = {}
    for job in jobs.values():
        of = [cells[key] for key in job.cells]
        if job.kind == "prepare":
            (prepared,), (fit,) = {cell.prepared_key for cell in of}, {cell.fit_key for cell in of}
            assert job.key == prepared and job.after == first.get(fit, "")
            first.setdefault(fit, job.name)
        else:
            assert jobs[job.after].kind == "prepare" and jobs[job.after].key == of[0].prepared_key
    assert len(first) == len({cell.fit_key for cell in cells.values()})
