"""Anomaly scores over the frames of test videos, abnormal spans shaded, and small frames where there is video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from crossvad.datasets.base import Frames
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option, sentence
from crossvad.evaluation.alike import Alike, Few, refuse_mixtures
from crossvad.evaluation.rows import varying_keys
from crossvad.planning.archives import published_videos
from crossvad.planning.names import did_you_mean
from crossvad.planning.protocol import Protocol
from crossvad.present import captions
from crossvad.present.figures import few_panels, layout
from crossvad.present.figures.layout import SCENES
from crossvad.present.figures.plot import RowsPlot, flag, register
from crossvad.present.figures.style import COLOURS, titled
from crossvad.present.figures.tracks import KEYS, SMALL, moments, spans, tracks
from crossvad.present.thumbnails import Thumbnails
from crossvad.present.words import told
from crossvad.store.store import Record, Store

ADAPTED = ("steps", "support")  # keys that mean something for adapted rows alone
SHADE = "0.87"
NARROWED = ["budget", "support", "steps", "shots", "tuning", "method"]  # what tells curves apart, see `Few.keys`
MOST, PANELS = 4, few_panels.MOST  # curves that can be read in one panel; panels, unless videos are asked for
PANEL, ACROSS = (2.6, 1.1), 3  # inches: width, height; panels in a row, at most
STRIP, GAP = 0.42, 0.1  # inches that small frames are high, and above them


@register
@dataclass(frozen=True)
class Timelines(RowsPlot):
    """Anomaly scores over the frames of test videos, abnormal spans shaded; of each entry's first seed.

    Where the target's video is at hand, small frames are drawn at peaks.

    \b
    bench plot scores --where source=ped2 --where target=ped2 --where method=apn,framediff --video 04
    """

    name = "scores"

    videos: Sequence[str] = flag(
        (), "--video", f"A test video; the first {PANELS}, if none is named. May be repeated.", many=True
    )
    data: Path = Path("data")

    def rows(self, store: Store, records: Sequence[Record], protocol: Protocol) -> pd.DataFrame:
        """Read the scores of every cell and video."""
        return tracks(store, records, protocol)

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Choose the rows to draw, and the small frames of each video."""
        chosen = choose(rows, self.videos)
        if not self.videos:
            chosen = chosen[chosen["video"].isin(chosen["video"].unique()[:PANELS])]
        return chosen.assign(small=pd.Series(small_frames(chosen, Thumbnails(self.data)), chosen.index))

    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the curves."""
        adapted = _adapted(points)
        facts = [
            f"anomaly scores by {captions.protocols(points)}, as ranks among all counted frames of the test "
            "set, 100: most abnormal",
            "shaded: abnormal",
            "before a curve begins, frames do not count",
        ]
        if points["small"].map(bool).any():
            facts.append(
                f"small frames: of {points['name'].iloc[0]}, its highest in each of {SMALL} parts, one of them "
                "of the other kind where all were normal or all abnormal; framed in black where abnormal"
            )
        facts += captions.transductive(points)
        uncounted = captions.listed(_uncounted(rows))
        facts += [f"not drawn, as none of their frames count: {uncounted}"] if uncounted else []
        videos = rows.loc[~rows["video"].isin(_uncounted(rows)), "video"].unique()
        if not self.videos and len(videos) > PANELS:
            few = f"drawn are the first {PANELS} of {len(videos)} videos, as nobody can read so many"
            facts.append(f"{few}; choose others by " + option("video") + f", such as {videos[PANELS]}")
        keys = [key for key in KEYS if key != "method"]
        fixed = [fact for key in keys for fact in captions.fixed(adapted if key in ADAPTED else points, [key])]
        scored = rows.groupby("target")["video"].transform("nunique")
        facts += captions.partial(rows.assign(videos=scored, of_videos=rows["target"].map(published_videos)))
        return sentence([*facts, ", ".join(fixed)])

    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw a panel per video, above it its small frames if there are, and below them all the caption."""
        videos = list(points.groupby("video", sort=False))
        names = list(dict.fromkeys(points["name"]))
        across, down = layout.filled(len(videos), ACROSS)
        width = max(across * PANEL[0] + 0.4, 5.2)
        strip = STRIP + GAP if points["small"].map(bool).any() else 0
        drawn = layout.page(width, down * (PANEL[1] + strip + 0.35) + 0.18 * len(names) + 0.35, note)
        grid = layout.panels(drawn, len(videos), (across, down), sharey=True)
        for axes, (video, lines) in zip(grid, videos, strict=True):
            titled(axes, str(video), 8.5)
            _draw_panel(axes, lines, dict(zip(names, COLOURS, strict=False)))
        layout.label_edges(grid, across, "frame", "rank in %", size=8)
        layout.legend_above(drawn, *grid[0].get_legend_handles_labels())
        return drawn


def choose(rows: pd.DataFrame, videos: Sequence[str]) -> pd.DataFrame:
    """Choose the rows of these videos, or of all, of each entry's first seed, and give each a `name`.

    Raises:
        InputError: no cell has such a video, or no frame of it counts; there are several sources or targets, or too
            many entries for one panel.
    """
    if unknown := sorted(set(videos) - set(rows["video"])):
        known = list(rows["video"].unique())
        fix = f"{did_you_mean(unknown[0], known)}choose from {', '.join(known)}"
        raise InputError(option("video", unknown[0]), "is in no cell", fix)
    asked = rows[rows["video"].isin(videos)] if videos else rows
    chosen = asked[~asked["video"].isin(_uncounted(rows))]
    if len(chosen) < len(asked) and (videos or chosen.empty):
        short = asked.loc[~asked.index.isin(chosen.index), "video"].iloc[0]
        raise InputError(option("video", short), "has no frame that counts: it is too short", "choose another")
    lines = Few(chosen.drop_duplicates([*KEYS]), NARROWED, MOST, "curves a panel")
    refuse_mixtures(*(Alike(chosen, key) for key in SCENES), few=lines)
    entry = [*SCENES, *NARROWED]
    chosen = chosen[chosen["seed"] == chosen.groupby(entry)["seed"].transform("min")]
    return chosen.assign(name=_names(chosen))


def _uncounted(rows: pd.DataFrame) -> list[str]:
    """Name the videos of which no cell has a frame that counts, as they end within the head that is left out."""
    longest = rows["frames"].map(len).groupby(rows["video"], sort=False).max()
    return [str(video) for video in longest.index[longest == 0]]


def _names(rows: pd.DataFrame) -> list[str]:
    """Tell entries apart by the method, and what of its adaptation varies."""
    adapted = _adapted(rows)
    keys = [key for key in KEYS if key not in ("seed", "method")]
    varying = [key for key in keys if varying_keys(adapted if key in ADAPTED else rows, [key])]
    return [
        ", ".join(filter(None, [line["method"], *(told(key, line[key]) for key in varying)]))
        for line in rows.to_dict("records")
    ]


def _adapted(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the adapted rows where there are any."""
    return rows[rows["shots"] > 0] if rows["shots"].any() else rows


def small_frames(rows: pd.DataFrame, stills: Thumbnails) -> list[dict[int, Frames]]:
    """Fetch for the first row of each video that is at hand the frames at its `moments`, (h, w, 3) by number."""
    frames: list[dict[int, Frames]] = []
    for line, later in zip(rows.to_dict("records"), rows["video"].duplicated(), strict=True):
        wanted = [] if later else moments(line["frames"], line["labels"], line["scores"])
        images = stills.frames(line["target"], line["video"], wanted) if wanted else None
        frames.append(dict(zip(wanted, images, strict=True)) if images is not None else {})
    return frames


def _draw_panel(axes: Axes, lines: pd.DataFrame, colours: dict[str, str]) -> None:
    longest = lines.iloc[int(lines["frames"].map(len).argmax())]  # by some protocols K says which frames count
    for begin, end in spans(longest["frames"], longest["labels"]):
        axes.axvspan(begin, end, color=SHADE, linewidth=0)
    for name, frames, scores in zip(lines["name"], lines["frames"], lines["scores"], strict=True):
        axes.plot(frames, scores, color=colours[name], linewidth=0.9, label=name)
    axes.set_ylim(-3, 103)
    axes.set_xlim(0, longest["frames"][-1] + 1)
    axes.tick_params(labelsize=7)
    if lines["small"].iloc[0]:
        _draw_small_frames(axes, lines.iloc[0])


def _draw_small_frames(axes: Axes, curve: pd.Series) -> None:
    """Draw small frames in a row above a panel, a thin line from each to its place on the curve."""
    drawn = axes.get_figure(root=True)
    assert drawn is not None
    # Across in shares of the panel, up in inches from its top: the layout need not know how high the panel will be.
    inches = drawn.dpi_scale_trans + ScaledTranslation(0, 1, axes.transAxes)  # type: ignore[arg-type]
    above = blended_transform_factory(axes.transAxes, inches)
    axes.set_title(axes.get_title(loc="left"), loc="left", fontsize=8.5, pad=72 * (GAP + STRIP) + 4)
    for number, (frame, image) in enumerate(curve["small"].items()):
        index = frame - curve["frames"][0]
        _draw_small_frame(axes, number / SMALL, image, bool(curve["labels"][index]), above)
        line = {"arrowstyle": "-", "color": "0.35", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            "",
            xy=(frame, curve["scores"][index]),
            xytext=(number / SMALL + 0.5 / SMALL, GAP),
            textcoords=above,
            arrowprops=line,
        )


def _draw_small_frame(axes: Axes, left: float, image: Frames, abnormal: bool, above: Transform) -> None:
    panel = axes.inset_axes((left + 0.01, GAP, 1 / SMALL - 0.02, STRIP), transform=above)
    panel.imshow(image, aspect="equal")
    panel.set_anchor("S")
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set(color="black" if abnormal else "0.6", linewidth=1.1 if abnormal else 0.5)
