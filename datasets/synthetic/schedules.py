"""What happens in the test videos of a drawn place, at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossvad.datasets.synthetic.actors import KINDS
from crossvad.datasets.synthetic.cameras import Place
from crossvad.datasets.synthetic.drawing import HEIGHT, WIDTH
from crossvad.datasets.synthetic.draws import between, one_of, shuffled
from crossvad.datasets.synthetic.traffic import PACE, Schedule, crossing, spot

TESTS, LENGTH = 6, 150  # test videos of a place, and frames of each
HEAD = 26  # frames of a test video that protocol fair does not count: few anomalies come there
GAP = 10  # frames from one anomaly to the next


def draw_schedules(place: Place, draw: np.random.Generator) -> tuple[Schedule, ...]:
    """Draw what happens in each test video: nothing in one or two, each kind of anomaly in at least one of the others.

    Anomalies are added, at most two a video, until they take up about the share of counted frames that was drawn for
    the camera; all is drawn again where that leaves less than 0.27 of them abnormal, or more than 0.45. The middle of
    each one's way is as likely to fall on any counted frame, so that a frame's number tells nothing: some are under way
    when those frames begin, and as many when they end.
    """
    metres, counted = crossing(place), LENGTH - HEAD
    stay = {name: (metres[-1] - metres[0]) / PACE / kind.pace for name, kind in KINDS.items() if name != "walker"}
    while True:
        share = between(0.24, 0.36, draw)
        schedules = [draw_moments(video, stay, draw) for video in draw_kinds(stay, share * counted * TESTS, draw)]
        if 0.27 <= abnormal(place, schedules, stay) / (counted * TESTS) <= 0.45:
            return tuple([*schedules, ()][index] for index in shuffled(TESTS, draw))


def draw_kinds(stay: dict[str, float], frames: float, draw: np.random.Generator) -> list[list[str]]:
    """Draw the kinds of anomaly of all test videos but one, each kind at least once, to fill about so many frames."""
    kinds, counted = list(stay), LENGTH - HEAD
    videos = [[kinds[index]] for index in shuffled(len(kinds), draw)] + [[] for _ in range(TESTS - 1 - len(kinds))]
    while sum(min(0.85 * stay[kind], 0.65 * counted) for video in videos for kind in video) < frames:
        room = [
            (video, kind)
            for video in videos
            for kind in kinds
            if not video or (len(video) == 1 and stay[video[0]] + stay[kind] + GAP < counted)
        ]
        if not room:
            break
        video, kind = one_of(room, draw)
        video.append(kind)
    return videos


def abnormal(place: Place, schedules: Sequence[Schedule], stay: dict[str, float]) -> float:
    """Estimate how many counted frames show an anomaly: it comes and goes a little outside of the picture."""
    metres = crossing(place)
    feet = [place.camera.project(*spot(place, metre, 0.0)) for metre in metres]
    outside = 1 - sum(0 <= x <= WIDTH and y - 1.7 * scale < HEIGHT for x, y, scale in feet) / len(feet)
    ways = [
        (start + outside / 2 * stay[kind], start + (1 - outside / 2) * stay[kind])
        for schedule in schedules
        for kind, start in schedule
    ]
    return sum(max(0.0, min(LENGTH, last) - max(HEAD, first)) for first, last in ways)


def draw_moments(video: list[str], stay: dict[str, float], draw: np.random.Generator) -> Schedule:
    """Draw the frames in which a video's anomalies come, one after the other; each stays so many frames."""
    if not video:
        return ()
    lead = HEAD - stay[video[0]] / 2
    spare = LENGTH - lead - sum(stay[kind] + GAP for kind in video) + GAP + stay[video[-1]] / 2
    schedule = []
    for kind, wait in zip(video, sorted(between(0, spare, draw) for _ in video), strict=True):
        schedule.append((kind, round(lead + wait)))
        lead += stay[kind] + GAP
    return tuple(schedule)
