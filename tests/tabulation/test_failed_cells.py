"""Why cells failed: a line for each reason, with the place in its author's own code."""

from dataclasses import replace

import pytest

from crossvad.tabulation.failed_cells import failures

MINE = 'File "/home/me/mine.py", line 12, in score'
OURS = 'File "/venv/lib/crossvad/adapters/nets/unet.py", line 7, in forward'
TORCH = 'File "/venv/lib/site-packages/torch/nn/functional.py", line 99, in pad'


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([OURS, MINE, TORCH], "mine.py, line 12"),
        ([OURS, MINE, OURS, TORCH], "mine.py, line 12"),
        ([OURS, TORCH], "functional.py, line 99"),
        ([], None),
    ],
)
def test_a_failure_is_placed_in_its_authors_own_code(make_grid, run_grid, store, places, told):
    (record,) = run_grid(store, make_grid("ramp"))
    reason = "\n".join(["Traceback (most recent call last):", *places, "RuntimeError: no luck"])
    (line,) = failures(store, [replace(record, status="failed", reason=reason)])
    at = f"{told}; " if told else ""
    assert line == f"failed: {record.cell}: RuntimeError: no luck ({at}{store.cell_place(record.cell.key)}/record.json)"
