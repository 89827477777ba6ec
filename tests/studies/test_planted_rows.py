import numpy as np
import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.datasets.planting.kind_names import ALL_KINDS
from crossvad.studies.planted_rows import COLUMNS, NOBODY, as_csv, from_csv, keep, left_out_rows, load, merged


def row(method="apn", **said):
    known = {"method": method, "method_version": "1.1", "source": "ped2", "source_digest": "d", "budget": "quick"}
    known |= {"tuning": "finetune", "steps": 10, "shots": 10, "seed": 0, "planting": 1, "number": 0, "scene": "ped2"}
    known |= dict.fromkeys(ALL_KINDS, 50.78125) | said
    return pd.DataFrame([known], columns=COLUMNS)


def test_a_file_holds_what_was_written(tmp_path):
    rows = pd.concat(
        [row("apn[pool=p99,scales=1,0.5]", hurried=100 / 3), left_out_rows("ped2", "d", "quick", 1, ["none", "na"])]
    )
    kept = keep(tmp_path / "new" / "rows.csv", rows)
    pd.testing.assert_frame_equal(load(tmp_path / "new" / "rows.csv"), kept)
    pd.testing.assert_frame_equal(from_csv(as_csv(kept)), kept)
    assert kept["scene"].tolist() == ["na", "none", "ped2"] and kept["method"].tolist() == [
        NOBODY,
        NOBODY,
        "apn[pool=p99,scales=1,0.5]",
    ]
    assert kept["hurried"].iloc[2] == 100 / 3 and np.isnan(kept["hurried"].iloc[0])


def test_new_rows_replace_those_of_the_same_key_and_leave_others():
    old = pd.concat(
        [row(), row(seed=1), row(shots=0, steps=0, tuning="none"), row("lmn"), row(source="ped1", source_digest="e")]
    )
    new = pd.concat([row(method_version="1.2", hurried=1.0), row("mpn")])
    rows = merged(old, new)
    assert len(rows) == 6
    assert sorted(rows["hurried"]) == [1.0] + [50.78125] * 5
    (changed,) = rows.loc[rows["hurried"] == 1, "method_version"]
    assert changed == "1.2"
    pd.testing.assert_frame_equal(merged(rows, new), rows)


@pytest.mark.parametrize("changed", [{"source_digest": "f"}, {"planting": 2}])
def test_rows_of_another_copy_of_the_source_or_of_other_clips_go(changed):
    rows = merged(pd.concat([row("lmn"), row("lmn", source="ped1"), row("lmn", budget="demo")]), row(**changed))
    assert sorted(zip(rows["method"], rows["source"], rows["budget"], strict=True)) == [
        ("apn", "ped2", "quick"), ("lmn", "ped1", "quick"), ("lmn", "ped2", "demo"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method,auc\napn,3\n", "cannot be read as rows of planted anomalies|lacks"),
        (as_csv(row(hurried=101.0)), "has an AUC that is not from 0 to 100"),
        (as_csv(row(square=np.nan)), "has an AUC that is not from 0 to 100"),
        (as_csv(row()).replace("ped2,d,quick", "ped2,d"), "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_other_files_are_refused_by_name(text, message, tmp_path):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        load(tmp_path / "rows.csv")
    assert "rows.csv" in str(refused.value)
    with pytest.raises(InputError):
        keep(tmp_path / "rows.csv", row())
    assert (tmp_path / "rows.csv").read_text() == text, "what is no file of ours is left"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv"):
        load(tmp_path / "gone.csv")
