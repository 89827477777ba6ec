"""`bench cameras`: what it prints of made-up stores, its caption, and that pages can make it again."""

import io

import pandas as pd
import pytest

import crossvad
from camera_stores import put
from crossvad.datasets.errors import InputError
from crossvad.evaluation.camera_cells import counted_by_camera
from crossvad.evaluation.cameras import ENTRY, compare_cameras
from crossvad.planning.protocol import FAIR
from crossvad.store.store import Store


@pytest.fixture
def store(tmp_path):
    """Two methods of two seeds at two K, and two that learn nothing, on seven cameras of three targets."""
    store = Store(tmp_path / "results")
    for target in ("campus", "mall", "ped2"):
        only = {"gate": (20, 45, 60)} if target == "ped2" else None
        for method, shift in (("apn", 1.5), ("lmn", 0.5)):
            for seed in (0, 1):
                for shots in (0, 10):
                    gone = method == "lmn" and shots == 10
                    put(store, method, target, only, shots=shots, seed=seed, shift=shift, reverted=gone)
        put(store, "framediff", target, only, trained=False)
        put(store, "support-mean", target, only, shots=10, tuning="none", trained=False)
    return store


def lines_of(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_a_line_an_entry_with_its_difference(bench, store):
    done = bench("cameras", "--format", "md")
    head, _, *lines = lines_of(done.out)
    columns = ["mean AUC", "worst camera", "difference", "p, Holm", "ahead", "detectable"]
    assert done.code == 0 and head == ["method", "tuning", "shots", *columns]
    assert done.out.startswith("<!-- bench cameras -->\n\n")
    cells = counted_by_camera(store, store.records(), FAIR)
    rows = compare_cameras(cells, ["framediff"]).entries
    assert len(lines) == len(rows) == 6
    for line, row in zip(lines, rows.to_dict("records"), strict=True):
        mark = "†" if (row["method"], row["shots"]) == ("lmn", 10) else ""
        assert line[:3] == [row["method"], row["tuning"], str(row["shots"])]
        assert line[3] == f"{row['auc']:.1f} [{row['low']:.1f}, {row['high']:.1f}]{mark}"
        assert line[4] == f"{row['worst']:.1f} ({row['worst_camera']})"
        if row["method"] == "framediff":
            assert line[5:] == ["–"] * 4
        else:
            ends = f"[{row['difference_low']:+.1f}, {row['difference_high']:+.1f}]"
            assert line[5] == f"{row['difference']:+.1f} {ends}"
            assert line[7:] == [f"{row['ahead']:.0f} of 7", f"{row['detectable']:.1f}"]
    aucs = [float(line[3].split()[0]) for line in lines]
    assert aucs == sorted(aucs, reverse=True)


def test_the_caption_says_what_it_rests_on(bench, store):
    put(store, "apn", "ped1", shots=10)
    put(store, "framediff", "ped1", trained=False)
    put(store, "apn", "roof", {"only": (60, 60)})
    caption = bench("cameras", "--format", "md").out.strip().splitlines()[-1]
    for fact in (
        "AUC of each camera in %, mean over 7 cameras (campus 3, mall 3, ped2 1; 17 videos in all)",
        "difference in points to framediff at K = 0, paired by camera",
        "protocol fair",
        "source street",
        "budget quick",
        "steps 1",
        "support train-head",
        "1 to 2 seeds",
        "ped2: 3 of 12 videos",
        "brackets: 95 %, bootstrap over cameras and their videos and spread over seeds",
        "cameras of different data sets are drawn together, as if of one population",
        "Holm: two-sided p adjusted over these 5 differences",
        "detectable: the least true difference in points that such a comparison would find in 80 of 100 cases",
        "†: some adaptation raised its own support loss, and was taken back",
        "left out: 1 camera without frames of both classes (roof)",
        "left out: ped1/gate, ped1/hall, ped1/yard (not of ",
    ):
        assert fact in caption, fact
    assert "of these fits alone" not in caption
    assert "note: left out: 1 camera without frames of both classes (roof)" in bench("cameras", "--format", "csv").err
    alone = bench("cameras", "--where", "target=ped2", "--format", "md").out
    assert "no interval: of one camera nothing can be told of others" in alone and "as if of one" not in alone


def test_methods_of_one_training_are_named_beside_others_of_several(bench, store):
    for target in ("campus", "mall"):
        put(store, "memae", target)
    caption = bench("cameras", "--where", "target=campus,mall", "--format", "md").out
    assert "spread over seeds; one seed of memae: of these fits alone;" in caption
    alone = bench("cameras", "--where", "method=memae,framediff", "--where", "target=campus,mall", "--format", "md").out
    assert "(one seed: of these fits alone)" in alone and "one seed of" not in alone


def test_cameras_are_counted_by_source_where_they_differ(bench, store):
    put(store, "apn", "ped2", {"gate": (20, 45, 60)}, source="town")
    done = bench("cameras", "--where", "method=apn", "--where", "shots=0", "--format", "md")
    counts = "7 cameras (campus 3, mall 3, ped2 1; 17 videos in all) from street"
    assert f"mean over {counts}, 1 camera (ped2 1; 3 videos in all) from town; " in done.out
    head, _, *lines = lines_of(done.out)
    assert head[-5] == "cameras" and [line[head.index("cameras")] for line in lines] == ["7", "1"]


def test_untrained_methods_stand_beside_what_was_asked_for(bench, store):
    rows = pd.read_csv(io.StringIO(bench("cameras", "--where", "shots=10", "--format", "csv").out))
    expected = {("apn", 10), ("lmn", 10), ("framediff", 0), ("support-mean", 10)}
    assert {*zip(rows["method"], rows["shots"], strict=True)} == expected
    alone = pd.read_csv(io.StringIO(bench("cameras", "--where", "method=apn", "--format", "csv").out))
    assert {*alone["method"]} == {"apn"} and alone["difference"].notna().all()  # the rival is looked for beyond


def test_several_rivals_stand_side_by_side(bench, store):
    done = bench("cameras", "--against", "framediff,itself", "--format", "md")
    head, _, *lines = lines_of(done.out)
    assert head[5:] == [f"{rival}: {what}" for rival in ("framediff", "itself")
                        for what in ("difference", "p, Holm", "ahead", "detectable")]  # fmt: skip
    assert "to framediff at K = 0 and the same method at K = 0" in done.out
    adapted = {line[0] for line in lines if line[9] != "–"}
    assert adapted == {"apn", "lmn"}  # support-mean has no K = 0 here


def test_each_camera(bench, store):
    done = bench("cameras", "--each", "--where", "shots=10", "--format", "md")
    tables = done.out.split("\n\n")
    head, _, *lines = lines_of(tables[3])
    assert len(tables) == 5 and head[3:] == ["campus/gate", "campus/hall", "campus/yard", *head[6:]]
    each = compare_cameras(counted_by_camera(store, store.records(), FAIR)).each.reset_index()
    apn = each[(each["method"] == "apn") & (each["shots"] == 10)].iloc[0]
    (line,) = [line for line in lines if line[0] == "apn"]
    assert line[3:] == [f"{apn[name]:.1f}" for name in each.columns if name not in ENTRY]
    numbers = pd.read_csv(io.StringIO(bench("cameras", "--each", "--where", "shots=10", "--format", "csv").out))
    assert {"campus/gate", "mall/yard"} < {*numbers.columns}


def test_from_python_as_on_the_command_line(bench, store):
    ran = crossvad.load_results(store.root.parent)
    printed = bench("cameras", "--against", "framediff,itself", "--each", "--format", "md").out
    assert repr(ran.cameras(["framediff", "itself"], each=True)) == printed.partition("-->\n\n")[2]
    assert ran.cameras("").frame["difference"].isna().all()
    with pytest.raises(InputError, match='against="nobody": is in none of these cells unadapted'):
        ran.cameras("nobody")


def test_a_page_makes_it_again(bench, store, tmp_path):
    page = tmp_path / "page.md"
    words = ("--where", "shots=10", "--against", "framediff,itself", "--each")
    text = bench("cameras", *words, "--format", "md").out.replace("<!-- ", "<!-- means, aucs: ")
    text += "\n<!-- rows\nmeans, aucs = apn | framediff | lmn | support-mean\n-->\n"
    page.write_text(text)
    assert bench("verify", page).code == 0, bench("verify", page).out
    page.write_text(text.replace("of 7", "of 8"))
    assert bench("verify", page).code == 1


def test_nothing_to_show_is_said(bench, store):
    assert "holds no such finished cell" in bench("cameras", "--where", "method=mpn").err
    assert "Error: --against mpn: is in none" in bench("cameras", "--against", "mpn").err
