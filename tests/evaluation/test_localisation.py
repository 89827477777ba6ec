"""RBDC and TBDC: by hand, against loops over the definitions in exact fractions, and on the tracks of real data."""

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.base import Track
from crossvad.datasets.errors import InputError
from crossvad.datasets.synthetic.dataset import plaza
from crossvad.evaluation.localisation import (
    BLOCK,
    Regions,
    detection_curves,
    map_curves,
    rbdc_tbdc,
    regions_of_maps,
    renumber,
    tracks_of_masks,
)
from crossvad.planning.registry import get_dataset

HERE, THERE = (0, 0, 10, 10), (100, 100, 110, 110)
INSIDE = {10: (0, 0, 1, 10), 9: (0, 0, 1, 9)}  # boxes within HERE that cover so many percent of it


def found(*rows):
    """Regions of (frame, box, score)."""
    frames, boxes, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return Regions(np.array(frames, np.int64), np.array(boxes, float).reshape(-1, 4), np.array(scores, float))


def track(boxes):
    """A track of {frame: box}."""
    return Track(np.array(sorted(boxes), np.int64), np.array([boxes[frame] for frame in sorted(boxes)], float))


def still(frames, box=HERE):
    """A track that keeps its box."""
    return track(dict.fromkeys(frames, box))


def areas(rows, tracks, frames, alpha=0.1, beta=0.1):
    return rbdc_tbdc(detection_curves(found(*rows), tracks, frames, alpha, beta))


def as_found(tracks, shift=0.0):
    """Ground truth given back as detections, of which some score more than others."""
    frames, boxes = (np.concatenate([getattr(track, name) for track in tracks]) for name in ("frames", "boxes"))
    return Regions(frames, boxes + shift, np.arange(len(frames)) % 7.0)


def test_what_finds_all_and_nothing_else_is_perfect():
    tracks = [still([0, 1, 2]), still([2, 3], THERE)]
    assert rbdc_tbdc(detection_curves(as_found(tracks), tracks, 6)) == (1.0, 1.0)


def test_what_never_fires_has_nothing():
    curves = detection_curves(found(), [still([0, 1])], 6)
    assert [rate.tolist() for rate in curves] == [[0], [0], [0]] and rbdc_tbdc(curves) == (0.0, 0.0)


def test_a_false_positive_per_frame_above_all_true_ones_leaves_nothing():
    # FPR is 1 before the first region is found.
    rows = [(frame, THERE, 2) for frame in range(3)] + [(frame, HERE, 1) for frame in range(3)]
    assert areas(rows, [still(range(3))], 3) == (0.0, 0.0)


def test_half_of_the_regions():
    assert areas([(0, HERE, 1), (2, HERE, 5)], [still(range(4))], 4) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("alpha", "length", "hits", "detected"),
    # The float 0.07 * 100 is above 7: by a product, 7 of 100 would not do.
    [(0.1, 10, 1, 1), (0.1, 11, 1, 0), (0.1, 11, 2, 1), (0.07, 100, 7, 1), (0.07, 100, 6, 0), (1.0, 3, 3, 1)],
)
def test_a_track_is_detected_from_exactly_alpha_on(alpha, length, hits, detected):
    rows = [(frame, HERE, 1) for frame in range(hits)]
    assert areas(rows, [still(range(length))], length, alpha) == pytest.approx((hits / length, detected), abs=1e-12)


def test_an_overlap_of_exactly_beta_is_enough_and_less_is_a_false_positive():
    # HERE has 100 pixels, so that the boxes inside of it have an IoU of 0.10 and 0.09.
    exact, below = (detection_curves(found((0, INSIDE[share], 1)), [still([0])], 1) for share in (10, 9))
    assert [rate.tolist() for rate in exact] == [[0, 0], [0, 1], [0, 1]]
    assert [rate.tolist() for rate in below] == [[0, 1], [0, 0], [0, 0]]


def test_equal_scores_enter_together():
    # One point, FPR 1/2 and both rates 1: the triangle up to it has 1/4, the rest 1/2.
    rows = [(0, HERE, 3), (1, HERE, 3)]
    for order in (rows, rows[::-1]):
        curves = detection_curves(found(*order), [still([0])], 2)
        assert [rate.tolist() for rate in curves] == [[0, 0.5], [0, 1], [0, 1]]
        assert rbdc_tbdc(curves) == (0.75, 0.75)


def test_one_region_may_detect_several_and_several_one():
    left, right = (0, 0, 10, 10), (10, 0, 20, 10)
    # The wide box has an IoU of 1/2 with either. A second hit of the same region counts neither more nor as false.
    assert areas([(0, (0, 0, 20, 10), 1), (0, left, 1)], [still([0], left), still([0], right)], 1) == (1.0, 1.0)


def test_a_region_only_counts_in_its_own_frame():
    curves = detection_curves(found((1, HERE, 1)), [still([0])], 2)
    assert [rate.tolist() for rate in curves] == [[0, 0.5], [0, 0], [0, 0]]


def test_a_curve_that_ends_early_stays_flat():
    # One false positive in 4 frames, 2 of them abnormal; then one of 2 regions: the rates rise upright at FPR 1/4 and
    # stay, RBDR at 1/2 and TBDR at 1. The rest of the way is 3/4.
    assert areas([(3, HERE, 2), (0, HERE, 1)], [still([0, 1])], 4) == (0.375, 0.75)


def test_a_curve_is_cut_where_there_is_a_false_positive_per_frame():
    # From (1/2, 0) straight to (3/2, 1): it reaches 1/2 at FPR 1, a triangle of 1/8.
    rows = [(1, HERE, 3), (1, THERE, 2), (0, THERE, 2), (0, HERE, 2)]
    assert areas(rows, [still([0])], 2) == (0.125, 0.125)


def test_a_point_at_exactly_one_ends_the_area():
    # At FPR 1 half of the regions, then all. What follows FPR 1 does not count: 1/2 of a triangle of 1/2.
    rows = [(0, THERE, 2), (1, THERE, 2), (0, HERE, 2), (1, HERE, 1)]
    assert areas(rows, [still([0, 1])], 2) == (0.25, 0.5)


def test_curves_by_hand():
    tracks = [still([0, 1, 2, 3]), still([3, 4], THERE)]
    rows = [(0, HERE, 9), (4, HERE, 9), (3, THERE, 7), (2, HERE, 7), (3, HERE, 5), (0, THERE, 4), (4, THERE, 1)]
    curves = detection_curves(found(*rows), tracks, 5, alpha=0.5)
    np.testing.assert_allclose(curves.fpr, [0, 1 / 5, 1 / 5, 1 / 5, 2 / 5, 2 / 5])
    np.testing.assert_allclose(curves.rbdr, [0, 1 / 6, 3 / 6, 4 / 6, 4 / 6, 5 / 6])
    assert curves.tbdr.tolist() == [0, 0, 1, 1, 1, 1]  # at 9 the first track has one of the two regions it needs


@pytest.mark.parametrize("rows", [[], [(0, HERE, 1)]])
def test_without_a_track_there_is_no_value(rows):
    curves = detection_curves(found(*rows), [], 4)
    assert np.isnan(rbdc_tbdc(curves)).all() and curves.fpr.tolist() == [0, *[0.25] * len(rows)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(InputError, match="scores: 1 are not finite"):
        found((0, HERE, 1), (0, HERE, bad))
    with pytest.raises(InputError, match="boxes: 2 are not finite"):
        found((0, (0, 0, 1, bad), 1), (1, (0, 0, bad, 1), 1))
    with pytest.raises(InputError, match="maps: 1 scores are not finite"):
        map_curves(np.array([[[0.0, bad]]]), (1, 2), [still([0])])


@pytest.mark.parametrize("box", [(3, 0, 3, 5), (0, 5, 9, 4)])
def test_boxes_without_an_area_are_refused(box):
    with pytest.raises(InputError, match="boxes: 1 have no area"):
        found((0, HERE, 1), (0, box, 1))


@pytest.mark.parametrize("frame", [-1, 3])
def test_what_lies_outside_of_the_frames_is_refused(frame):
    with pytest.raises(InputError, match="regions: 1 lie outside of the 3 frames"):
        detection_curves(found((frame, HERE, 1)), [still([0])], 3)
    with pytest.raises(InputError, match="tracks: 1 lie outside of the 3 frames"):
        detection_curves(found(), [still([frame]), still([1, 2])], 3)


def test_tracks_without_a_region_are_refused():
    with pytest.raises(InputError, match="tracks: 1 have no region"):
        detection_curves(found(), [still([0]), Track(np.empty(0, np.int64), np.empty((0, 4)))], 3)


# The definitions, word for word, one threshold after the other, in exact arithmetic.


def iou(one, other):
    width, height = (min(one[k + 2], other[k + 2]) - max(one[k], other[k]) for k in (0, 1))
    shared = max(0, width) * max(0, height)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return Fraction(int(shared), int(union))


def operating_point(detected, tracks, frames, alpha, beta):
    """FPR, RBDR and TBDR of regions (frame, box)."""
    truth = [list(zip(track.frames, track.boxes, strict=True)) for track in tracks]
    false = 0
    for frame, box in detected:
        false += all(iou(box, other) < beta for track in truth for at, other in track if at == frame)
    hits = []
    for track in truth:
        hits.append([any(at == frame and iou(box, other) >= beta for at, box in detected) for frame, other in track])
    regions = Fraction(sum(map(sum, hits)), sum(map(len, hits)))
    return Fraction(false, frames), regions, Fraction(sum(Fraction(sum(h), len(h)) >= alpha for h in hits), len(hits))


def area(points):
    """Under straight lines from (0, 0) on, flat after the last, up to 1."""
    total = Fraction(0)
    for (x0, y0), (x1, y1) in pairwise([(0, 0), *points, (max(1, points[-1][0]) if points else 1, None)]):
        y1 = y0 if y1 is None else y1
        if x1 > 1 and x0 < 1:
            x1, y1 = 1, y0 + (y1 - y0) * (1 - x0) / (x1 - x0)
        if x1 <= 1:
            total += (x1 - x0) * (y0 + y1) / 2
    return float(total)


def naive_areas(regions, tracks, frames, alpha, beta):
    points = []
    for threshold in sorted(set(regions.scores), reverse=True):
        chosen = regions.scores >= threshold
        detected = list(zip(regions.frames[chosen], regions.boxes[chosen], strict=True))
        points.append(operating_point(detected, tracks, frames, alpha, beta))
    return tuple(area([(point[0], point[rate]) for point in points]) for rate in (1, 2))


SHARES = st.sampled_from(
    [Fraction(1, 10), Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(7, 10), Fraction(1)]
)


@st.composite
def boxes(draw):
    x0, y0 = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    return x0, y0, x0 + draw(st.integers(1, 5)), y0 + draw(st.integers(1, 5))


@st.composite
def cases(draw):
    """Regions with many ties, tracks, and the number of frames."""
    frames = draw(st.integers(1, 6))
    places = st.integers(0, frames - 1)
    rows = draw(st.lists(st.tuples(places, boxes(), st.integers(-2, 2)), max_size=12))
    tracks = draw(st.lists(st.dictionaries(places, boxes(), min_size=1), min_size=1, max_size=3))
    return found(*rows), [track(boxes) for boxes in tracks], frames


@given(cases(), SHARES, SHARES)
def test_areas_are_those_of_the_definitions(case, alpha, beta):
    computed = rbdc_tbdc(detection_curves(*case, float(alpha), float(beta)))
    assert computed == pytest.approx(naive_areas(*case, alpha, beta), abs=1e-12)


@given(cases(), st.sampled_from([lambda s: 3 * s - 7, np.exp, lambda s: s**3, np.arctan]))
def test_monotone_transforms_change_nothing(case, transform):
    regions, tracks, frames = case
    changed = Regions(regions.frames, regions.boxes, transform(regions.scores))
    assert rbdc_tbdc(detection_curves(changed, tracks, frames)) == rbdc_tbdc(detection_curves(*case))


@given(cases(), st.randoms(use_true_random=False))
def test_order_of_frames_regions_and_tracks_is_irrelevant(case, random):
    regions, tracks, frames = case
    places = np.array(random.sample(range(frames), frames))
    order = np.array(random.sample(range(len(regions.scores)), len(regions.scores)), int)
    moved = Regions(places[regions.frames][order], regions.boxes[order], regions.scores[order])
    others = [
        track(dict(zip(places[old.frames], old.boxes, strict=True))) for old in random.sample(tracks, len(tracks))
    ]
    assert rbdc_tbdc(detection_curves(moved, others, frames)) == rbdc_tbdc(detection_curves(*case))


@given(cases(), st.integers(-3, 3), st.data())
def test_a_false_positive_never_helps(case, score, data):
    regions, tracks, frames = case
    rows = [*zip(regions.frames, regions.boxes, regions.scores, strict=True)]
    rows.append((data.draw(st.integers(0, frames - 1)), THERE, score))
    worse, before = areas(rows, tracks, frames), rbdc_tbdc(detection_curves(*case))
    assert all(0 <= a <= b + 1e-12 and b <= 1 for a, b in zip(worse, before, strict=True))


# Maps.


def test_components_by_hand():
    maps = np.zeros((2, 3, 5))
    maps[0, 0, 0] = maps[0, 1, 1] = 2  # they touch at a corner: one region
    maps[0, 2, 4] = 3
    maps[1, 2, 4] = 2  # the same pixel of another frame: another region
    maps[1, 0, 2] = 1.9
    regions = regions_of_maps(maps, (30, 100), 2.0)  # a pixel is 20 wide and 10 high
    assert regions.frames.tolist() == [0, 0, 1] and regions.scores.tolist() == [2, 2, 2]
    assert regions.boxes.tolist() == [[0, 0, 40, 20], [80, 20, 100, 30], [80, 20, 100, 30]]
    assert len(regions_of_maps(maps, (30, 100), 3.1).frames) == 0


def test_blocks_of_frames_leave_no_seam():
    maps = np.random.default_rng(0).integers(0, 2, (2 * BLOCK + 9, 4, 5))
    regions = regions_of_maps(maps, (4, 5), 1)
    alone = [regions_of_maps(maps[frame : frame + 1], (4, 5), 1).boxes for frame in range(len(maps))]
    assert regions.frames.tolist() == np.repeat(np.arange(len(maps)), [len(boxes) for boxes in alone]).tolist()
    np.testing.assert_array_equal(regions.boxes, np.concatenate(alone))


def test_a_rate_is_the_best_at_no_more_false_positives():
    # The object is the left pixel of frame 0. At 3 it is found; at 2 all of its frame is one region of IoU 1/12 and so
    # a false positive, as is a pixel of frame 1.
    maps = np.full((2, 1, 12), 1.0)
    maps[0], maps[0, 0, 0], maps[1, 0, 5] = 2.0, 3.0, 2.0
    curves = map_curves(maps, (1, 12), [still([0], (0, 0, 1, 1))], np.array([2.0, 3.0]))
    assert [rate.tolist() for rate in curves] == [[0, 0, 1], [0, 1, 1], [0, 1, 1]]
    assert rbdc_tbdc(curves) == (1.0, 1.0)


def test_false_positives_may_become_fewer():
    # At 2 there are two pixels in either of two frames, none with the object, which fills 4 pixels of frame 0; at 1 all
    # of a frame is one region. So FPR is 2 at first, 1/2 then, with all found.
    maps = np.full((2, 1, 12), 1.0)
    maps[:, 0, [9, 11]] = 2.0
    curves = map_curves(maps, (1, 12), [still([0], (0, 0, 4, 1))], np.array([1.0, 2.0]))
    assert [rate.tolist() for rate in curves] == [[0, 0.5, 2], [0, 1, 1], [0, 1, 1]]
    assert rbdc_tbdc(curves) == (0.75, 0.75)


def test_of_equal_false_positives_the_lowest_of_each_rate_comes_first():
    # One track is the left pixel of frame 0, the other all of frames 1 to 3. At 3 the first is found, and a pixel of
    # frame 1 is false, having an IoU of 1/12. At 2 frame 0 is false, and two of the other's three regions are found.
    maps = np.ones((4, 1, 12))
    maps[:3] = 2.0
    maps[:2, 0, 0] = 3.0
    tracks = [still([0], (0, 0, 1, 1)), still([1, 2, 3], (0, 0, 12, 1))]
    curves = map_curves(maps, (1, 12), tracks, np.array([2.0, 3.0]), alpha=1.0)
    assert [rate.tolist() for rate in curves] == [[0, 0.25, 0.25], [0, 0.25, 0.5], [0, 0, 0.5]]


def test_thresholds_are_spread_over_the_pixels_from_one_in_a_hundred_frames():
    maps, tracks = np.arange(800.0).reshape(200, 2, 2), [still(range(150, 200))]
    # Of 800 pixels: 2 in 200 frames, all, and 40 in the middle of equal factors.
    chosen, same = (map_curves(maps, (20, 20), tracks, which) for which in (3, np.array([798.0, 760.0, 0.0])))
    for rate, other in zip(chosen, same, strict=True):
        np.testing.assert_array_equal(rate, other)


def flood(mask):
    """Boxes of the 8-connected components of a frame's mask, pixel by pixel."""
    left, found = {(y, x) for y, x in np.argwhere(mask)}, []
    while left:
        edge = [left.pop()]
        component = []
        while edge:
            y, x = edge.pop()
            component.append((y, x))
            near = left & {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
            left -= near
            edge += near
        rows, columns = zip(*component, strict=True)
        found.append((min(columns), min(rows), max(columns) + 1, max(rows) + 1))
    return found


@st.composite
def scored(draw):
    """Score maps of few values, and tracks in frames twice as high and three times as wide."""
    frames, height, width = draw(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)))
    values = draw(st.lists(st.integers(0, 5), min_size=frames * height * width, max_size=frames * height * width))
    places = st.integers(0, frames - 1)
    tracks = draw(st.lists(st.dictionaries(places, boxes(), min_size=1), min_size=1, max_size=3))
    return np.array(values, float).reshape(frames, height, width), [track(boxes) for boxes in tracks]


@given(scored(), SHARES, SHARES)
def test_maps_are_those_of_the_definitions(case, alpha, beta):
    (maps, tracks), points = case, []
    for threshold in np.unique(maps):
        regions = [(frame, box) for frame, scores in enumerate(maps) for box in flood(scores >= threshold)]
        detected = [(frame, (3 * x0, 2 * y0, 3 * x1, 2 * y1)) for frame, (x0, y0, x1, y1) in regions]
        points.append(operating_point(detected, tracks, len(maps), alpha, beta))
    expected = []
    for rate in (1, 2):
        curve, best = [], Fraction(0)
        for x, y in sorted((point[0], point[rate]) for point in points):  # of equal FPR, the lowest rate first
            best = max(best, y)
            curve.append((x, best))
        expected.append(area(curve))
    size = 2 * maps.shape[1], 3 * maps.shape[2]
    computed = rbdc_tbdc(map_curves(maps, size, tracks, np.unique(maps), float(alpha), float(beta)))
    assert computed == pytest.approx(tuple(expected), abs=1e-12)


@given(scored(), st.sampled_from([lambda s: 3 * s - 7, np.exp, np.arctan]), st.integers(1, 9))
def test_monotone_transforms_of_maps_change_nothing(case, transform, number):
    maps, tracks = case
    before, after = (rbdc_tbdc(map_curves(values, (8, 12), tracks, number)) for values in (maps, transform(maps)))
    assert before == after


# Tracks.


def test_tracks_of_masks_by_hand():
    masks = np.zeros((6, 10, 20), bool)
    for frame in range(4):  # moves right, and is hidden in frame 2
        masks[frame, 1:4, 2 * frame : 2 * frame + 5] = frame != 2
    masks[0:2, 8:, 12:18] = True  # splits: the larger part goes on, the smaller one is new
    masks[2:4, 8:, [12, 13, 14, 16]] = True
    masks[5, 0, 0] = True  # a speck, after a frame of nothing
    tracks = [(track.frames.tolist(), track.boxes.tolist()) for track in tracks_of_masks(masks)]
    assert tracks == [
        ([0, 1], [[0, 1, 5, 4], [2, 1, 7, 4]]),
        ([0, 1, 2, 3], [[12, 8, 18, 10]] * 2 + [[12, 8, 15, 10]] * 2),
        ([2, 3], [[16, 8, 17, 10]] * 2),
        ([3], [[6, 1, 11, 4]]),
        ([5], [[0, 0, 1, 1]]),
    ]


def test_tracks_that_merge_leave_the_one_that_overlaps_more():
    masks = np.zeros((2, 2, 10), bool)
    masks[0, :, :3] = masks[0, :, 4:] = masks[1] = True
    tracks = [(track.frames.tolist(), track.boxes[0].tolist()) for track in tracks_of_masks(masks)]
    assert tracks == [([0], [0, 0, 3, 2]), ([0, 1], [4, 0, 10, 2])]


def test_no_mask_no_track():
    assert tracks_of_masks(np.zeros((3, 4, 5), bool)) == []


def test_frames_that_never_count_are_left_out():
    places = np.array([-1, -1, 7, 8])
    tracks = renumber(
        [still([0, 1]), still([1, 2], THERE), Track(np.array([3]), np.array([HERE], float), "cart")], places
    )
    assert [(track.frames.tolist(), track.boxes.tolist(), track.kind) for track in tracks] == [
        ([7], [[*THERE]], ""),
        ([8], [[*HERE]], "cart"),
    ]


@pytest.fixture(scope="module")
def square():
    """The rendered plaza: its data set, and its test videos."""
    return plaza(), [video.name for video in plaza().videos("test")]


def test_the_tracks_of_the_plaza_find_themselves(square):
    rendered, names = square
    tracks = [
        moved
        for number, name in enumerate(names)
        for moved in renumber(rendered.tracks(name), np.arange(150 * number, 150 * (number + 1)))
    ]
    frames = 150 * len(names)
    assert rbdc_tbdc(detection_curves(as_found(tracks), tracks, frames)) == (1.0, 1.0)
    assert rbdc_tbdc(detection_curves(as_found(tracks, shift=1000), tracks, frames)) == (0.0, 0.0)


def steady(one):
    return (np.diff(one.frames) == 1).all() and all(iou(*two) for two in pairwise(one.boxes))


def test_filled_boxes_of_the_plaza_give_its_tracks_back(square):
    """Of the anomalies that stay in sight and do not outrun their own boxes; none overlap each other."""
    rendered, names = square
    compared = 0
    for name in names:
        true = [one for one in rendered.tracks(name) if steady(one)]
        masks = np.zeros_like(rendered.masks(name))
        for one in true:
            for frame, (x0, y0, x1, y1) in zip(one.frames, one.boxes.astype(int), strict=True):
                masks[frame, y0:y1, x0:x1] = True
        for derived, one in zip(tracks_of_masks(masks), true, strict=True):
            np.testing.assert_array_equal(derived.frames, one.frames)
            np.testing.assert_array_equal(derived.boxes, one.boxes)
            compared += 1
    assert compared >= 8


def test_masks_of_the_plaza_give_its_cart_back(square):
    """Walkers before it cut pieces off, which are tracks of their own; the rest is the cart in all of its frames."""
    (true,), derived = square[0].tracks("plaza-test-04"), tracks_of_masks(square[0].masks("plaza-test-04"))
    longest = max(derived, key=lambda one: len(one.frames))
    np.testing.assert_array_equal(longest.frames, true.frames)
    assert rbdc_tbdc(detection_curves(as_found([longest]), [true], 150, alpha=1.0)) == (1.0, 1.0)
    assert (longest.boxes == true.boxes).all(axis=1).mean() > 0.5


ROOT = Path(os.environ.get("CROSSVAD_DATA") or Path(__file__).parents[3] / "shared/data")
needs_ped2 = pytest.mark.skipif(not (ROOT / "ped2").is_dir(), reason=f"no real video: {ROOT} holds no ped2")


@pytest.fixture(scope="module")
def walkway():
    """Tracks derived from the masks of UCSD Ped2, its number of frames, and one clip's masks."""
    ped2, tracks, frames = get_dataset("ped2", ROOT), [], 0
    for video in ped2.scenes("test")[0].videos:
        masks = ped2.masks(video.name)
        tracks += renumber(tracks_of_masks(masks), np.arange(frames, frames + len(masks)))
        frames += len(masks)
    return tracks, frames, masks


@needs_ped2
def test_what_the_masks_of_ped2_hold(walkway):
    tracks, frames, _ = walkway
    sides = np.concatenate([track.boxes[:, 2:] - track.boxes[:, :2] for track in tracks])
    assert (len(tracks), len(sides), frames) == (21, 2411, 2010)
    assert (min(len(track.frames) for track in tracks), max(len(track.frames) for track in tracks)) == (55, 180)
    assert all((np.diff(track.frames) == 1).all() for track in tracks)
    # One speck of a single pixel, the last of someone who leaves: no track of its own.
    assert np.sort(sides.prod(axis=1))[:2].tolist() == [1, 36]


@needs_ped2
def test_the_masks_of_ped2_find_themselves(walkway):
    tracks, frames, masks = walkway
    assert rbdc_tbdc(detection_curves(as_found(tracks), tracks, frames)) == (1.0, 1.0)
    as_maps = map_curves(masks.astype(np.float32), masks.shape[1:], tracks_of_masks(masks), np.array([1.0]))
    assert rbdc_tbdc(as_maps) == (1.0, 1.0)
