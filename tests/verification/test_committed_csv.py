"""The table of cells in results/methods.csv says what the committed cells say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crossvad.store.store import Record, Store
from crossvad.verification.reproduction import committed, verify_csv

RESULTS = Path(__file__).parents[2] / "results"


def test_every_number_is_of_a_committed_cell(monkeypatch):
    path = RESULTS / "methods.csv"
    if not path.is_file():
        pytest.skip("results/ is of a checkout: a release leaves it out")
    rows, every = pd.read_csv(path), Store.records
    told = {*rows["method"]}

    def asked_for(store: Store) -> list[Record]:
        """Those of the file's methods on its camera: to evaluate all takes minutes."""
        cells = [(record, record.cell) for record in every(store)]
        return [
            record
            for record, cell in cells
            if cell.method in told and cell.source == cell.target == "ped2" and cell.budget == "quick"
        ]

    monkeypatch.setattr(Store, "records", asked_for)
    with committed(RESULTS) as folder:
        done, problems = verify_csv(path, Store(folder))
    assert len(rows) and done == f"{len(rows)} of {len(rows)} rows recomputed"
    assert {problem.severity for problem in problems} <= {"warning"}, problems
