"""`bench table --paper`: the paper's own figures where it prints them, ours beside, and nothing made up."""

import shlex
from dataclasses import replace
from importlib.resources import files

import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.cell import Cell
from crossvad.planning.names import listed
from crossvad.store import profiles
from crossvad.store.store import Record
from crossvad.studies import paper_tables, published
from crossvad.studies.paper_tables import SCALES, paper_table
from crossvad.tabulation.paper import COUNTING, tabulate
from crossvad.tabulation.table import PAPER_TABLES, TableRequest
from profile_made import profile
from tidy_rows import frame, row

BARE = {"tuning": "none", "support": "none", "shots": 0, "steps": 0, "seed": 0, "budget": "quick"}
REST = {name: "x" for name in ("budget_digest", "method_version", "tuning_version", "source_digest", "target_digest")}

# Rows of Table 1 that are built, in its order.
BUILT = (
    "mppca,mppca[sf],mdt,unmasking,sdor,convae,tsc,stackrnn,framepred[paper],amc,rgan,memae,lmn,mpn,"
    "apn[paper,prototypes=0],apn[paper]"
)


def cell(method="apn[paper]", source="ped2", target="ped2", finished="2025", **more):
    """A stored cell of a method as it is trained."""
    known = {"method": method, "source": source, "target": target, **BARE, **REST} | more
    return Record(Cell(**known), "done", finished=finished)


def shown(number, store, *measured):
    """A table beside these cells, each given with its figures."""
    records = [record for record, _ in measured]
    keys = ("method", "source", "target", "tuning", "support", "shots", "steps", "seed", "budget")
    rows = frame(*(row(**{key: getattr(r.cell, key) for key in keys} | figures) for r, figures in measured))
    ((table, note),) = tabulate(number, store, records, rows).parts
    return table, note


def printed(number):
    return [place for place in paper_table(number).places if place.printed != "–"]


# ---- what the paper prints -------------------------------------------------------------------------------------------


def test_every_figure_that_is_in_hand_is_in_its_table():
    figures = published.load()
    for number in (1, 2):
        of_table = figures[figures["read_in"].str.contains(f"APN paper, Table {number}")]
        expected = sorted(zip(of_table["method"], of_table["target"], of_table["auc"].map(str), strict=True))
        places = [(place.row[0], place.column.partition(",")[0], place.printed) for place in printed(number)]
        assert sorted(places) == expected and expected
    ablations = pd.read_csv(str(files("crossvad.studies") / "ablations.csv"), dtype=str)
    for number, lines in ablations.groupby("table"):
        places = [({*place.row, *place.column.split(", ")}, place.printed) for place in printed(int(number))]
        assert len(places) == len(lines)
        for line in lines.itertuples():
            assert any(
                {line.variant, line.target} <= at and line.score in at and line.auc == text for at, text in places
            )


def test_tables_are_laid_out_as_in_the_paper(store):
    one, _ = shown(1, store)
    assert one.index[0] == ("MPPCA",) and one.index[-1] == ("APN",) and len(one) == 18
    assert [*one.columns] == [(t, s) for t in ("ped1", "ped2", "avenue", "shanghaitech") for s in ("published", "ours")]
    assert one.loc[("MemAE",)].tolist() == ["–", "–", "94.1", "–", "83.3", "–", "71.2", "–"]
    two, _ = shown(2, store)
    assert [*two.index][-2:] == [("APN", "ResNet-50", "No"), ("APN", "ResNet-50", "Yes")]
    assert two["ped2, AUC", "published"].tolist() == ["85.3", "96.5", "96.9", "96.5", "98.2"]
    four, _ = shown(4, store)
    assert four.index.names == ["variant", "score"] and [*four.index.get_level_values("score")][1:] == [
        "FP",
        "FR",
        "FP & FR",
    ]
    seven, _ = shown(7, store)
    assert seven["ped2, FR", "published"].tolist() == ["88.59", "91.59", "94.69", "89.28", "85.47"]
    assert [name for (name,) in seven.index] == ["M = 1", "M = 5", "M = 10", "M = 20", "M = 40"]


def test_a_table_that_is_not_in_hand_says_so_and_makes_nothing_up(store):
    table, note = shown(5, store, (cell(), {"paper_auc": 90.0}))
    assert set(table.to_numpy().ravel()) == {"–"} and "Table 5 of the paper is not in hand" in note


# ---- ours ------------------------------------------------------------------------------------------------------------


def test_ours_are_of_methods_as_they_are_trained_and_read_as_the_paper_reads(store):
    table, note = shown(
        1,
        store,
        (cell(seed=0), {"paper_auc": 90.0, "auc": 50.0}),
        (cell(seed=1), {"paper_auc": 94.0, "auc": 50.0}),
        (cell("lmn", "avenue", "avenue"), {"paper_auc": 81.26}),
        (cell("apn[paper,prototypes=0]"), {"paper_auc": 77.0}),
        (cell(shots=10, steps=1, tuning="finetune", support="train-head"), {"paper_auc": 1.0}),
        (cell(shots=10, steps=1, support="train-head"), {"paper_auc": 4.0}),  # adapted in a way of its own
        (cell(source="avenue"), {"paper_auc": 2.0}),
        (cell(tuning="metasgd"), {"paper_auc": 3.0}),
    )
    ours = {
        (name, target): table.loc[(name,), (target, "ours")] for (name,) in table.index for target in ("ped2", "avenue")
    }
    assert {where: text for where, text in ours.items() if text != "–"} == {
        ("APN", "ped2"): "92.0 ± 2.8",
        ("LMN", "avenue"): "81.3",
        ("APN w/o APU", "ped2"): "77.0",
    }
    assert "by the rules of protocol paper" in note and "budget quick (64 pixels, gray)" in note
    assert "seeds 0, 1 (±: standard deviation)" in note and "not adapted (K = 0)" in note


def test_two_data_sets_are_trained_on_at_once_and_scored_at_one_scale_and_at_several(store):
    table, note = shown(
        2,
        store,
        (cell(source="ped1+ped2"), {"paper_auc": 88.0}),
        (cell(SCALES, source="ped1+ped2"), {"paper_auc": 89.0}),
        (cell("mpn", source="ped1+ped2"), {"paper_auc": 1.0}),  # at one scale, and the paper's is at several
        (cell(), {"paper_auc": 2.0}),
    )
    assert table["ped2, AUC", "ours"].tolist() == ["–", "–", "–", "88.0", "89.0"]
    assert "trained on ped1+ped2's training video" in note


def test_sizes_are_counted_and_speeds_are_of_profiles(store):
    for made in (
        profile("memae", throughput=9.0, finished="2025-01", size=64),  # of another size than what was measured last
        profile("lmn", throughput=100.0, finished="2025-01"),
        profile("lmn", throughput=110.0, finished="2025-02"),
    ):
        profiles.keep(store, made)
    table, note = shown(3, store, (cell("lmn"), {"fps": 5.0}))
    # 6 492 801, 15 651 843 and 13 699 748 parameters.
    assert table["parameters, millions", "ours"].tolist() == ["–", "6.49", "15.65", "13.70"]
    assert table["FPS", "ours"].tolist() == ["–", "–", "110.0", "–"]
    assert table["FPS", "published"].tolist() == ["2.1", "86.7", "126.3", "122.3"]
    assert "on an RTX 3090" in note and "units of 2^20" in note
    assert "256 pixels, colour, width 64; Abacus" in note and "bench profile 'memae,apn[paper]'" in note


def test_without_profiles_there_are_no_speeds(store):
    table, note = shown(3, store, (cell("lmn"), {"fps": 5.0}))
    assert set(table["FPS", "ours"]) == {"–"} and "bench profile 'memae,lmn,apn[paper]'" in note


def test_cues_are_read_one_by_one(store, monkeypatch):
    asked = []

    def measured(name, store, records, protocol):
        asked.append((name, [(record.cell.method, record.cell.target) for record in records]))
        lines = [("M = 10", score, 0, auc) for score, auc in (("FP", 70.0), ("FR", 60.0), ("FP & FR", 75.0))]
        return pd.DataFrame(lines, columns=["variant", "score", "seed", "paper AUC"])

    monkeypatch.setattr(paper_tables, "measured", measured)
    table, _ = shown(7, store, (cell(), {}), (cell(source="avenue"), {}))
    assert table.loc[("M = 10",)].tolist() == ["94.69", "60.0", "95.23", "70.0", "98.2", "75.0"]
    assert asked == [("prototypes", [("apn[paper]", "ped2")])]  # once for all of its cells


def test_what_is_missing_is_told_with_the_command_that_makes_it(store):
    _, note = shown(1, store, (cell(), {"paper_auc": 90.0}), (cell(seed=1), {"paper_auc": 91.0}))
    _, _, commands = note.partition("or not run yet: ")
    first, second = commands.split("; ")
    words, _, likewise = first.partition(", and likewise ")
    assert likewise == "avenue, shanghaitech"
    flags = shlex.split(words)
    options = dict(zip(flags[2::2], flags[3::2], strict=True))
    assert options.pop("--method") == BUILT
    assert options == {
        "--source": "ped1", "--target": "ped1", "--shots": "0", "--budget": "quick", "--seed": "0,1",
    }  # fmt: skip
    assert "--source ped2" in second and "apn[paper]'" not in second
    assert all(registry.get_method(name) for name in listed(BUILT))
    done = [cell(name, target, target) for name in listed(BUILT) for target in paper_tables.TARGETS]
    assert "not run yet" not in shown(1, store, *((record, {"paper_auc": 90.0}) for record in done))[1]


def test_a_budget_of_ones_own_has_no_size_to_tell(store):
    _, note = shown(1, store, (cell(budget="mine"), {"paper_auc": 90.0}))
    assert "budget mine; device" in note and "mine" not in BUDGETS


# ---- as a command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", PAPER_TABLES)
def test_command_with_nothing_stored(bench, number):
    done = bench("table", "--paper", number, "--format", "md")
    assert done.code == 0 and done.out.startswith(f"<!-- bench table --paper {number} -->")
    assert done.err == ("Count parameters at budget paper\n" if number == COUNTING else "")  # which takes a while


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"published": True}, "--published: has a shape of its own, so it does not go with --paper"),
        ({"rows": ["method"]}, "--paper: has a shape of its own, so it does not go with --rows"),
        ({"long": True}, "--paper: has a shape of its own, so it does not go with --format long"),
        ({"against": "ramp"}, "--against: marks tables of one value a cell"),
        ({"ranks": True}, "--ranks: is of tables of one metric"),
        ({"paper": 8}, "--paper 8: is no table of APN's paper; choose from 1 to 7"),
        ({"paper": 0}, "--paper 0: is no table of APN's paper; choose from 1 to 7"),
    ],
)
def test_what_does_not_go_with_it_is_refused(shape, said):
    with pytest.raises(InputError, match=said):
        replace(TableRequest(paper=1), **shape)
