import io
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from crossvad.datasets.errors import InputError
from crossvad.evaluation.rows import spread_unadapted
from crossvad.evaluation.selection import current
from crossvad.evaluation.tidy import COLUMNS, METRICS
from crossvad.planning.cell import Cell
from crossvad.present import captions, ranks, tables, terminal
from crossvad.store.store import Record
from tidy_rows import failed, frame, row


def md(rows, index=("method", "tuning"), columns=("shots",), metric="auc"):
    table = tables.pivot(rows, list(index), list(columns), metric)
    return terminal.markdown(table, "note").splitlines()


def test_methods_by_shots():
    rows = frame(row(), row(shots=5, auc=85.25), row("ramp", auc=60.0))
    assert md(rows) == [
        "| method   | tuning   | K = 0             | K = 5             |",
        "|:---------|:---------|:------------------|:------------------|",
        "| apn      | finetune | 80.0 [78.0, 83.0] | 85.2 [83.2, 88.2] |",
        "| ramp     | none     | 60.0 [58.0, 63.0] | –                 |",
        "",
        "note",
    ]


def test_seeds_are_averaged_openly():
    rows = frame(row(seed=0, auc=80.0), row(seed=1, auc=83.0), row(seed=2, auc=86.0), row("ramp", auc=60.0))
    assert md(rows, ["method"], ["target"])[2:4] == [
        "| apn      | 83.0 ± 3.0        |",
        "| ramp     | 60.0 [58.0, 63.0] |",
    ]


def test_a_missing_seed_is_not_averaged_over():
    rows = frame(row(seed=0), row(seed=1), failed(seed=2))
    assert tables.pivot(rows, ["method"], ["target"]).loc["apn", "ped2"] == tables.MISSING


def test_other_metrics_have_no_interval():
    rows = frame(row(eer=12.34), row(shots=5, eer=10.0))
    assert md(rows, metric="eer")[2] == "| apn      | finetune | 12.3    | 10.0    |"


@pytest.mark.parametrize("key", ["budget", "steps", "support", "tuning", "source", "target", "shots"])
def test_what_differs_is_never_mixed(key):
    """A key that was not asked for, and that varies, becomes a level of its own."""
    other = {"budget": "paper", "steps": 9, "shots": 7}.get(key, "other")
    rows = frame(row(shots=5, auc=80.0), {**row(shots=5, auc=90.0), key: other})
    table = tables.pivot(rows, ["method"], ["protocol"])
    assert table.index.names == ["method", key] and sorted(cell[:4] for cell in table["fair"]) == ["80.0", "90.0"]


def record(finished, **cell):
    keys = dict.fromkeys((field.name for field in fields(Cell)), "")
    keys |= {"method": "apn", "target": "ped2", "support": "none", "shots": 0}
    return Record(Cell(**keys | cell), "done", finished=finished)


@pytest.mark.parametrize(
    "changed", ["method_version", "budget_digest", "source_digest", "target_digest", "harness_version"]
)
def test_results_of_earlier_code_options_or_data_are_left_out(changed):
    old = [record(f"2026-01-0{day}", shots=day, **{changed: "old"}) for day in (1, 2)]
    new = record("2026-02-01", shots=1, **{changed: "new"})
    assert current([new, *old]) == [new]  # and not the old cell at 2 shots beside the new one at 1
    back = record("2026-03-01", shots=5, **{changed: "old"})
    assert current([new, *old, back]) == [*old, back]


def test_results_under_other_names_stay():
    one, other = record("2026-01-01", method_version="a"), record("2026-02-01", method="lmn", method_version="b")
    with_training_video = record("2026-03-01", support="train-head", method_version="a", target_digest="train+")
    assert current([one, other, with_training_video]) == [one, other, with_training_video]


def test_every_tuning_begins_with_what_it_starts_from():
    rows = frame(
        row(),
        row(shots=5, auc=85.0),
        row(shots=5, tuning="head", auc=82.0),
        row(shots=0, tuning="metasgd", auc=70.0),
        row(shots=5, tuning="metasgd", auc=90.0),
        row("ramp", auc=60.0),
    )
    spread = spread_unadapted(rows)
    found = {(r.method, r.tuning, r.shots): r.auc for r in spread.itertuples()}
    assert found == {
        ("apn", "finetune", 0): 80.0,
        ("apn", "finetune", 5): 85.0,
        ("apn", "head", 0): 80.0,
        ("apn", "head", 5): 82.0,
        ("apn", "metasgd", 0): 70.0,  # has a start of its own
        ("apn", "metasgd", 5): 90.0,
        ("ramp", "none", 0): 60.0,
    }
    assert len(spread) == len(found)


def test_a_start_is_that_of_its_own_seed_and_source():
    rows = frame(
        *(row(seed=seed, source=source, shots=shots, auc=10.0 * seed + shots + (source == "b"))
          for seed in (0, 1) for source in ("a", "b") for shots in (0, 5))
    )  # fmt: skip
    spread = spread_unadapted(rows)
    assert set(spread["tuning"]) == {"finetune"} and len(spread) == 8
    for line in spread.itertuples():
        assert line.auc == 10.0 * line.seed + line.shots + (line.source == "b")


def test_matrix_marks_the_diagonal():
    pairs = [("ped1", "ped1", 90.0), ("ped1", "ped2", 70.0), ("ped2", "ped2", 95.0)]
    rows = frame(*(row(source=s, target=t, auc=auc) for s, t, auc in pairs), failed(source="ped2", target="ped1"))
    table = tables.matrix(rows)
    assert table.index.tolist() == [("apn", "ped1"), ("apn", "ped2")]
    assert table.to_numpy().tolist() == [
        ["90.0 [88.0, 93.0] *", "70.0 [68.0, 73.0]"],
        [tables.MISSING, "95.0 [93.0, 98.0] *"],
    ]


def test_two_levels_across():
    rows = frame(row(target="ped1"), row(target="ped2", auc=70.0), row(target="ped2", shots=5, auc=75.0))
    lines = md(rows, ["method"], ["target", "shots"])
    heads = [head.strip() for head in lines[0].strip("|").split("|")]
    assert heads == ["method", *(f"{t}, K = {k}" for t in ("ped1", "ped2") for k in (0, 5))]


def test_csv():
    table = tables.pivot(frame(row(), row(shots=5, auc=85.0)), ["method", "tuning"], ["shots"])
    assert table.to_csv() == 'method,tuning,0,5\napn,finetune,"80.0 [78.0, 83.0]","85.0 [83.0, 88.0]"\n'


def test_long_keeps_every_column_and_row():
    long = frame(row(), failed(shots=5)).to_csv(index=False, float_format="%.4f").splitlines()
    assert long[0].split(",") == COLUMNS and len(long) == 3
    assert long[1].startswith("apn,street,ped2,fair,none,none,0,0,0,quick,done,80.0000,78.0000,83.0000,")
    assert long[2].startswith("apn,street,ped2,fair,train-head,finetune,5,1,0,quick,failed,,,,")


def test_caption_tells_what_a_reader_must_know():
    rows = frame(row(), row(shots=5, contamination=12.0), row(seed=1), failed(seed=2))
    assert captions.caption(rows) == (
        "AUC in %; protocol fair; budget quick; device cpu; version 0.1.0; support train-head; "
        "up to 12 % of the support frames are abnormal; seeds 0, 1; ped2: 1800 frames of 12 videos; "
        "brackets: 95 % bootstrap over videos; ±: standard deviation over seeds; "
        "first 26 frames of a test video not scored; 1 of 4 cells missing (failed)"
    )


def test_captions_tell_which_targets_are_partial():
    part = {"target": "ped1", "frames": 2958, "videos": 17, "of_videos": 36}
    rows = frame(row(of_videos=12), row(**part), row(target="plaza"), failed(target="avenue", of_videos=21))
    said = captions.caption(rows)
    assert "ped1: 2958 frames of 17 of 36 videos; ped2: 1800 frames of 12 videos; plaza: 1800 frames of 12 v" in said
    assert "; ped1: 17 of 36 videos; " in captions.caption(rows, "paper_auc")  # which counts frames of its own
    assert captions.partial(rows) == ["ped1: 17 of 36 videos"]
    assert captions.partial(frame(row(), failed())) == []


def test_several_metrics_stand_side_by_side():
    rows = frame(row(eer=12.34, paper_auc=90.0), row(shots=5, eer=10.0, paper_auc=91.0))
    flat = tables.side_by_side(rows, ["method"], [], ["auc", "eer"])
    assert [*flat.columns] == ["auc", "eer"] and flat.shape[0] == 2  # tuning and shots vary, so they are told apart
    wide = terminal.markdown(tables.side_by_side(rows, ["method", "tuning"], ["shots"], ["paper_auc", "eer"]), "")
    assert wide.splitlines()[0].split("|")[3:-1] == [
        f" {head}   " for head in ("paper AUC, K = 0", "paper AUC, K = 5", "EER, K = 0", "EER, K = 5")
    ]
    assert wide.splitlines()[2].replace("|", " ").split() == ["apn", "finetune", "90.0", "91.0", "12.3", "10.0"]
    one = tables.side_by_side(rows, ["method"], ["shots"], ["eer"])
    assert one.equals(tables.pivot(rows, ["method"], ["shots"], "eer"))


def test_a_caption_tells_of_every_metric():
    rows = frame(row(paper_auc=90.0))
    both, paper = captions.caption(rows, "auc", "paper_auc"), captions.caption(rows, "paper_auc")
    assert both.startswith("AUC, paper AUC in %; ") and "paper AUC: the same raw scores" in both
    assert "1800 frames" in both and "brackets" in both
    assert paper.startswith("paper AUC in %; ") and "; the same raw scores" in paper and "1800 frames" not in paper
    assert captions.caption(rows) == captions.caption(rows, "auc")


def test_the_caption_of_protocol_paper_says_what_is_done_to_each_method():
    smoothed, plain = "smoothed, without the first 4 + K frames", "not smoothed, without the first K frames"
    rows = frame(
        row("apn", protocol="paper", postprocessing=smoothed),
        row("apn[cycles=1]", protocol="paper", postprocessing=smoothed),
        row("lmn-recon", protocol="paper", postprocessing=plain),
    )
    ways = f"protocol paper, each method as its authors evaluate it (apn: {smoothed}; lmn-recon: {plain})"
    told = captions.caption(rows)
    assert f"; {ways}; " in told
    fair = rows.assign(protocol="fair")
    assert "authors" not in captions.caption(fair)
    read = f"; paper AUC: the same raw scores read by the rules of {ways}; "
    assert read in captions.caption(fair, "auc", "paper_auc")
    assert "frames of a test video not scored" not in told, "which frames these are differs"


def test_a_table_of_failures_still_prints():
    rows = frame(failed(), failed(shots=5))
    assert md(rows)[2] == "| apn      | finetune | –       | –       |"
    assert "2 of 2 cells missing (failed)" in captions.caption(rows)


def test_a_caption_of_cells_none_of_which_is_finished_tells_nothing_of_their_scores():
    rows = frame(failed(), failed(seed=1)).assign(status="interrupted")
    told = "none of these cells is finished; budget quick; 2 of 2 cells missing (interrupted)"
    assert captions.caption(rows) == told
    assert captions.seed_numbers([]) == "no seed"


@pytest.mark.parametrize("names", [("metod", "shots", "auc"), ("method", "shot", "auc"), ("method", "shots", "acc")])
def test_an_unknown_column_is_refused(names):
    index, columns, metric = names
    with pytest.raises(InputError, match=r"^(metod|shot|acc): is no such column; did you mean (method|shots|auc)\?"):
        tables.pivot(frame(row()), [index], [columns], metric)


def test_terminal_table_has_a_line_per_row():
    table = terminal.rich_table(tables.pivot(frame(row(), row("ramp", auc=50.0)), ["method"], ["shots"]))
    assert [str(column.header) for column in table.columns] == ["method", "K = 0"] and table.row_count == 2


def test_options_of_a_method_are_not_taken_for_markup():
    console = Console(width=100, file=io.StringIO())
    rows = frame(row("framediff[pool=patch]", target="path:[bold]"))
    console.print(terminal.rich_table(tables.pivot(rows, ["method"], ["target"])))
    printed = console.file.getvalue()
    assert all(word in printed for word in ("framediff[pool=patch]", " path:[bold] "))


@pytest.mark.parametrize(
    ("rows", "warned"),
    [
        ([row(auc=96.0)], True),
        ([row(auc=4.0)], True),
        ([row(auc=94.0)], False),
        ([row(auc=96.0, seed=0), row(auc=97.0, seed=1)], False),  # ±, and no bracket
        ([row(auc=96.0, seed=0), row(auc=97.0, seed=1), row("framediff", auc=98.0)], True),
        ([row(auc=96.0, auc_low=np.nan, auc_high=np.nan)], False),  # of one video
    ],
)
def test_a_bracket_too_near_to_certainty_is_warned_of(rows, warned):
    assert ("hold the truth 83 to 93 times in 100, not 95" in captions.caption(frame(*rows))) == warned
    assert "times in 100" not in captions.caption(frame(*rows), intervals=False)


def test_metrics_are_columns():
    assert set(METRICS) <= set(COLUMNS)


def test_mean_ranks_by_hand():
    rows = {
        "apn": ["80.0 ± 1.0 ↑", "70.0", "1.0"],
        "lmn": ["80.0", "75.0†", "–"],
        "memae": ["60.0", "60.0 [5.0, 9.0]", "3.0"],
    }
    texts = pd.DataFrame([*rows.values(), ["99.0", "–", "–"]], index=pd.Index([*rows, "random"], name="method"))
    shown, note = ranks.with_ranks(texts, "auc")
    assert shown[tables.RANK].tolist() == ["1.75", "1.25", "3.00", "–"] and "over 2 of 3 columns" in note
    assert ranks.with_ranks(texts, "eer")[0][tables.RANK].tolist() == ["2.25", "2.75", "1.00", "–"]
    assert shown.iloc[:, :3].to_numpy().tolist() == texts.to_numpy().tolist()
    for too_few in ([2], [0], [1, 2]):  # a mean of one rank is no mean
        with pytest.raises(InputError, match="no two columns in which every row has a value"):
            ranks.with_ranks(texts.iloc[:, too_few], "auc")


def test_sources_of_a_target_count_as_one_in_mean_ranks():
    columns = pd.MultiIndex.from_tuples([("s1", "x"), ("s2", "x"), ("s1", "y")], names=["source", "target"])
    values = [["80.0", "60.0", "50.0"], ["75.0", "75.0", "40.0"]]  # on x 70 against 75, though ahead once each
    texts = pd.DataFrame(values, index=pd.Index(["apn", "lmn"], name="method"), columns=columns)
    shown, note = ranks.with_ranks(texts, "auc")
    assert shown[tables.RANK].tolist() == ["1.50", "1.50"] and "the sources of a target by their mean (2 ranks)" in note
    with pytest.raises(InputError, match="are of one target"):
        ranks.with_ranks(texts.iloc[:, :2], "auc")


def printed(table, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    terminal.show(table, "note")
    return capsys.readouterr().out


def wide_table():
    targets = [f"camera-{number:02}" for number in range(12)]
    rows = [row(method, target=target) for method in ("apn", "apn[paper,scales=1,0.5,0.25]") for target in targets]
    return tables.pivot(frame(*rows), ["method"], ["target"])


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_no_number_is_folded_on_a_narrow_terminal(width, monkeypatch, capsys):
    shown = printed(wide_table(), width, monkeypatch, capsys)
    assert shown.count("80.0 [78.0, 83.0]") == 2 * 12 and max(map(len, shown.splitlines())) <= width
    heads = "".join(line for line in shown.splitlines() if line.startswith("┃"))
    assert all(heads.count(f"camera-{number:02}") == 1 for number in range(12)), "each column is there once"
    blocks = shown.count("┏")
    assert blocks == shown.count("│ apn ") >= 12 * 20 // width, "every block has all rows"


def test_a_table_with_room_is_one(monkeypatch, capsys):
    assert printed(wide_table(), 400, monkeypatch, capsys).count("┏") == 1


def test_a_piped_table_is_whole_however_wide(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS")
    terminal.show(wide_table(), "note")
    shown = capsys.readouterr().out
    assert shown.count("┏") == 1 and any(line.count("80.0 [78.0, 83.0]") == 12 for line in shown.splitlines())
    long = "a problem that is told " * 20
    terminal.console().print(terminal.plain_table(["where", "problem"], [["here", long.strip()]]))
    assert long.strip() in capsys.readouterr().out


def test_words_fold_and_nothing_of_them_is_lost(monkeypatch, capsys):
    table = pd.DataFrame({"AUC": ["80.0 [78.0, 83.0]"], "note": ["of the published code, " * 5]}, index=["apn"])
    shown = printed(table.rename_axis("method"), 60, monkeypatch, capsys)
    assert max(map(len, shown.splitlines())) <= 60 and shown.count("published") == 5 and "80.0 [78.0, 83.0]" in shown
