"""The audit of the field's protocol as tables and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from crossvad.evaluation.label_audit import CHECKPOINTS, GOOD, SHOTS, Findings
from crossvad.present.figures.style import titled

FEW, MANY = SHOTS
LINES: dict[str, Callable[[Findings], str]] = {
    "test videos (frames)": lambda f: f"{f.videos} ({f.frames})",
    "frames that are abnormal": lambda f: f"{f.prevalence:.1f} %",
    "videos without a normal frame": lambda f: f"{f.all_abnormal}",
    f"videos whose own head is no normal support set, K = {FEW}": lambda f: f"{f.contaminated[FEW]}",
    f"… K = {MANY}": lambda f: f"{f.contaminated[MANY]}",
    f"support frames that are abnormal, K = {MANY}": lambda f: f"{f.support_abnormal:.1f} %",
    "AUC of the frame's index": lambda f: f"{f.ramp:.1f}",
    "… after per-video min-max": lambda f: f"{f.ramp_minmax:.1f}",
    "macro AUC of random scores, padded": lambda f: f"{f.padded_macro[0]:.1f} ± {f.padded_macro[1]:.1f}",
    f"what a detector of AUC {100 * GOOD:.0f} reads on such videos": lambda f: (
        f"{f.spread[0]:.0f} to {f.spread[1]:.0f}"
    ),
    f"what the best of {CHECKPOINTS} equally good checkpoints gains": lambda f: f"{f.best:+.1f}",
    f"AUC of the best of {CHECKPOINTS} that know nothing": lambda f: f"{f.best_of_chance:.1f}",
}
LABELS_NOTE = (
    "AUC in %; from the labels alone. Support set: the first K + 4 frames of each test video, as the papers take it. "
    "Padded: one normal frame of score 0 and one abnormal of score 1 added to every video, as some public code does; "
    "± over 20 draws. The last three lines: made-up scores that hang together as real ones do on Ped2; the first of "
    "them is the middle 95 % over draws of as many videos."
)
UNTRAINED_NOTE = (
    "micro AUC in %, raw, and after the per-video min-max that most published figures use; frames from 14 on, 128 px "
    "gray, error in dB, no smoothing; nothing was trained. Published: methods trained on the very set, by their "
    "authors or as other papers quote them."
)


def labels_table(audits: Mapping[str, Findings]) -> pd.DataFrame:
    """Set out what labels give away: a line per finding, a column per test set, as text."""
    columns = {name: [line(findings) for line in LINES.values()] for name, findings in audits.items()}
    return pd.DataFrame(columns, index=pd.Index(LINES, name="what the labels give away"))


def untrained_table(measured: pd.DataFrame, rivals: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Set out what untrained detectors score, and how many published figures that is above, as text."""
    rows = []
    for line in _lines(measured):
        published = rivals[line.target]
        beaten = int((published < line.stretched).sum())
        above = f"{beaten} of {len(published)}" if len(published) else "–"
        rows.append((_named(line), line.predictor, f"{line.raw:.1f}", f"{line.stretched:.1f}", above))
    table = pd.DataFrame(
        rows, columns=["target", "untrained predictor", "raw", "min-max", "published figures below it"]
    )
    return table.set_index(["target", "untrained predictor"])


def figure(audits: Mapping[str, Findings], measured: pd.DataFrame, rivals: Mapping[str, pd.Series]) -> Figure:
    """Draw the audit at a glance: what labels give away, and untrained detectors among published figures."""
    targets = list(dict.fromkeys(measured["target"])) if len(measured) else []
    drawn = Figure(figsize=(11, 3.6 if not targets else 4.6), layout="constrained")
    shares = (1, 1.2) if targets else (1,)
    halves = drawn.subfigures(1, len(shares), squeeze=False, width_ratios=shares)[0]
    _labels_axes(halves[0], audits)
    for half in halves[1:]:
        _untrained_axes(half, measured, rivals, targets)
    return drawn


def _labels_axes(half: SubFigure, audits: Mapping[str, Findings]) -> None:
    axes = half.subplots()
    for height, findings in enumerate(audits.values()):
        axes.plot(findings.spread, [height, height], color="0.8", linewidth=9, solid_capstyle="butt", zorder=1)
        axes.plot([100 * GOOD, 100 * GOOD + findings.best], [height, height], color="C3", linewidth=3, zorder=2)
        axes.plot([findings.ramp, findings.ramp_minmax], [height, height], color="C0", linewidth=1, zorder=2)
        axes.plot(findings.ramp_minmax, height, "o", color="C0", zorder=3)
        axes.plot(findings.padded_macro[0], height, "s", color="C1", zorder=3)
        axes.plot(findings.best_of_chance, height, "^", color="C2", zorder=3)
    for style, colour, label in (
        ("o", "C0", "the frame's index, per-video min-max"),
        ("s", "C1", "random scores, padded macro AUC"),
        ("^", "C2", f"best of {CHECKPOINTS} random detectors"),
    ):
        axes.plot([], [], style, color=colour, label=label)
    axes.plot([], [], color="0.8", linewidth=9, label=f"readings of a detector of AUC {100 * GOOD:.0f}")
    axes.plot([], [], color="C3", linewidth=3, label=f"gain of the best of {CHECKPOINTS} checkpoints")
    axes.axvline(50, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(audits)), list(audits))
    _finish(half, axes, "What the labels of a test set give away", columns=2)


def _untrained_axes(
    half: SubFigure, measured: pd.DataFrame, rivals: Mapping[str, pd.Series], targets: list[str]
) -> None:
    axes = half.subplots()
    ticks: list[tuple[float, str]] = []
    height = 0.0
    for target in targets:
        own = measured[measured["target"] == target]
        published = rivals[target]
        axes.plot(published.to_list(), [height] * len(published), "|", color="0.35", markersize=12)
        lines = list(_lines(own))
        ticks.append((height, f"{_named(lines[0])}: {len(published)} published"))
        for line in lines:
            height += 1
            axes.plot([line.raw, line.stretched], [height, height], color="C0", linewidth=1)
            axes.plot(line.raw, height, "o", color="C0", markerfacecolor="white")
            axes.plot(line.stretched, height, "o", color="C0")
            ticks.append((height, line.predictor))
        height += 1.5
    axes.plot([], [], "|", color="0.35", markersize=12, label="published figure")
    axes.plot([], [], "o", color="C0", markerfacecolor="white", label="untrained, raw scores")
    axes.plot([], [], "o", color="C0", label="untrained, per-video min-max")
    axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8)
    _finish(half, axes, "Untrained detectors among published figures", columns=3)


def _finish(half: SubFigure, axes: Axes, title: str, columns: int) -> None:
    """Set the scale and title, and the legend below, as wide as the half of the page and no wider."""
    axes.invert_yaxis()
    axes.set_xlim(42, 100)
    axes.set_xlabel("AUC in %")
    titled(axes, title)
    half.legend(loc="outside lower center", ncols=columns, fontsize=8, columnspacing=1.2, frameon=False)


def _named(line: Any) -> str:
    """Name a target, and how much of it was at hand if not all."""
    return line.target + ("" if line.videos == line.of_videos else f" ({line.videos} of {line.of_videos} videos)")


def _lines(measured: pd.DataFrame) -> Iterator[Any]:
    """Go through the rows, by the names of their columns."""
    return measured.itertuples()
