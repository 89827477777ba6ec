"""Every two entries of a test set, against the comparison of two."""

import numpy as np
import pandas as pd
import pytest

from crossvad.evaluation.best import incomparable, pairs
from crossvad.evaluation.statistics import pair_counts, paired_difference

VIDEOS = 9


def entry(method, seeds, random, quality):
    """Rows of `comparison.counted`: scores that tell abnormal frames the better the higher the quality."""
    labels = np.tile([0, 0, 1, 0, 1, 1], VIDEOS).astype(np.uint8)
    owners = np.repeat(np.arange(VIDEOS), 6)
    keys = {"method": method, "source": "a", "target": "b", "support": "none", "tuning": "none", "shots": 0, "steps": 0}
    return [
        keys
        | {"budget": "quick", "seed": seed, "frames": (len(labels), labels.tobytes(), owners.tobytes())}
        | {"untrained": False, "wins": pair_counts(labels, quality * labels + random.normal(size=len(labels)), owners)}
        for seed in range(seeds)
    ]


@pytest.fixture(scope="module")
def cells():
    random = np.random.default_rng(1)
    rows = [*entry("apn", 3, random, 1.0), *entry("lmn", 2, random, 0.3), *entry("framediff", 1, random, 2.0)]
    twin = [row | {"method": "twin"} for row in rows if row["method"] == "framediff"]
    return pd.DataFrame([*rows, *twin])


def test_every_two_are_compared_as_two_are(cells):
    compared = pairs(cells)
    methods = [key[0] for key in compared.entries]
    assert sorted(methods) == ["apn", "framediff", "lmn", "twin"]
    for one, first in enumerate(methods):
        for other, second in enumerate(methods):
            rivals = [list(cells.loc[cells["method"] == name, "wins"]) for name in (first, second)]
            expected = paired_difference(*rivals)
            assert compared.reach[one, other] == pytest.approx(50 * (expected.high - expected.low), abs=1e-9)
            if one != other:
                assert compared.p[one, other] == pytest.approx(expected.p, abs=1e-12)


def test_the_same_scores_never_differ(cells):
    compared = pairs(cells)
    place = {key[0]: number for number, key in enumerate(compared.entries)}
    assert compared.p[place["twin"], place["framediff"]] == 1 and compared.reach[place["twin"], place["framediff"]] == 0


def test_of_two_entries_of_the_same_fits_what_a_fit_has_of_its_seed_is_no_difference(cells):
    """As `differences` pairs them; of other seeds, and of methods that are not trained, nothing is shared."""
    adapted = [row | {"shots": 10} for row in entry("apn", 3, np.random.default_rng(2), 1.3)]
    fits = pd.concat([cells, pd.DataFrame(adapted[::-1])])
    for rows, same in (
        (fits, True),
        (fits[(fits["method"] != "apn") | (fits["shots"] == 0) | (fits["seed"] > 0)], False),
        (fits.assign(untrained=True), False),
    ):
        compared = pairs(rows)
        (one, other) = [place for place, key in enumerate(compared.entries) if key[0] == "apn"]
        sides = [rows[(rows["method"] == "apn") & (rows["shots"] == shots)].sort_values("seed") for shots in (0, 10)]
        expected = paired_difference(*(list(side["wins"]) for side in sides), same_fits=same)
        for p in (compared.p[one, other], compared.p[other, one]):
            assert p == pytest.approx(expected.p, abs=1e-12)
        assert compared.reach[one, other] == pytest.approx(50 * (expected.high - expected.low), abs=1e-9)


def test_what_all_videos_show_alike_is_as_sure_as_of_two(cells):
    labels = np.tile([0, 0, 1, 0, 1, 1], VIDEOS).astype(np.uint8)
    owners = np.repeat(np.arange(VIDEOS), 6)
    scores = {"perfect": labels.astype(float), "constant": np.ones(len(labels))}
    rows = cells.iloc[:1]
    wins = {name: pair_counts(labels, values, owners) for name, values in scores.items()}
    both = pd.concat([rows.assign(method=name, wins=[each]) for name, each in wins.items()])
    compared, expected = pairs(both), paired_difference([wins["perfect"]], [wins["constant"]])
    assert compared.p[0, 1] == compared.p[1, 0] == expected.p > 0 and compared.p[0, 0] == 1
    assert compared.reach[0, 1] == pytest.approx(100 * (expected.mean - expected.low)) and compared.reach[0, 0] == 0


def test_other_frames_and_one_video_are_not_compared(cells):
    assert incomparable(cells) == ""
    other = cells.assign(frames=[*cells["frames"][1:], (3, b"", b"")])
    assert "different frames" in incomparable(other)
    labels = np.array([0, 1, 0], np.uint8)
    normal = cells.assign(wins=[pair_counts(0 * labels, np.arange(3.0), np.arange(3))] * len(cells))
    assert "frames of one kind" in incomparable(normal)
    one = cells.assign(wins=[pair_counts(labels, np.arange(3.0), np.zeros(3, int))] * len(cells))
    assert "one video" in incomparable(one)
