"""The static site: a page per board, per set of cameras, of ranks, and per method; all from stored scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossvad import __version__
from crossvad.datasets.errors import InputError
from crossvad.datasets.words import number_of
from crossvad.evaluation.camera_cells import counted_by_camera, some
from crossvad.evaluation.comparison import counted
from crossvad.evaluation.tidy import table
from crossvad.execution.progress import Reporter
from crossvad.leaderboard.camera_boards import CameraBoard, camera_boards
from crossvad.leaderboard.gathering import Gathered, gather
from crossvad.leaderboard.mean_ranks import Ranks, ranks
from crossvad.leaderboard.method_pages import MethodPage, method_pages
from crossvad.leaderboard.pair_boards import PairBoard, pair_boards
from crossvad.leaderboard.rank_diagram import diagram
from crossvad.planning.protocol import FAIR
from crossvad.present.web import csp_hash, environment, joined, template

STYLES = ("base", "boards")  # of the report, which this shares


@dataclass(frozen=True)
class Site:
    """All that the site shows."""

    gathered: Gathered
    boards: Sequence[PairBoard]
    cameras: Sequence[CameraBoard]
    ranks: Sequence[Ranks]
    methods: Sequence[MethodPage]
    left_out: Sequence[str] = ()  # facts

    @property
    def rests_on(self) -> str:
        """What all of it rests on."""
        accepted, count = self.gathered.accepted, len(self.gathered.records)
        by = ", ".join(dict.fromkeys(each.card.by for each in accepted if each.card))
        told = f"{number_of(count, 'cell')} of {number_of(len(accepted), 'submission')} ({by})"
        facts = "; ".join(["", *self.gathered.left_out, *self.left_out])
        return (
            f"Made by crossvad {__version__} from the raw scores of {told}, by protocol fair{facts}. Every number was "
            "computed from these scores. That the scores are those of the method that they name is the word of whoever "
            "sent them: no code of theirs was run."
        )


def make(folders: Sequence[Path], reporter: Reporter) -> Site:
    """Check submissions and compute all that the site shows of those that are accepted.

    Raises:
        InputError: none is accepted.
    """
    gathered = gather(folders, reporter)
    store, records = gathered.store, gathered.records
    with reporter.task("Compare") as update:
        update(0, 4, "metrics")
        tidy = table(store, records, FAIR, speeds={})
        update(1, 4, "boards")
        cells = counted(store, records, FAIR)
        boards = pair_boards(gathered, tidy, cells)
        update(2, 4, "cameras")
        cameras, without = camera_boards(gathered, counted_by_camera(store, records, FAIR))
        update(3, 4, "methods")
        methods = method_pages(gathered, tidy, boards)
        update(4, 4, "")
    counting = cells["target"].isin(gathered.counting_targets)
    if not counting.all():
        own = some(sorted(cells.loc[~counting, "target"].unique()))
        without.append(
            f"no mean rank is over {own}, whose labels are one sender's own, nor of what was run there alone"
        )
    return Site(gathered, boards, cameras, ranks(cells[counting]), methods, without)


def pages(site: Site) -> dict[str, str]:
    """Write all pages of the site, by their names: each is whole by itself, and asks for nothing but the others.

    Raises:
        InputError: two have one name.
    """
    style = "\n".join([joined("report", STYLES, "css"), template("leaderboard.css")])
    script, made = template("leaderboard.js"), environment()
    shared = {
        "style": style, "script": script, "style_hash": csp_hash(style), "script_hash": csp_hash(script), "site": site,
    }  # fmt: skip

    def page(kind: str, **what: Any) -> str:
        return made.get_template(f"leaderboard.{kind}.html").render(**shared, **what)

    found = [("index.html", page("index"))]
    found += [(board.page, page("board", board=board)) for board in site.boards]
    found += [(board.page, page("cameras", board=board)) for board in site.cameras]
    found += [(each.page, page("ranks", ranks=each, diagram=diagram(each))) for each in site.ranks]
    found += [(method.page, page("method", method=method)) for method in site.methods]
    if twice := [name for name, count in Counter(name for name, _ in found).items() if count > 1]:
        raise InputError(twice[0], "would be two pages of one name", "leave out the submission that names one so")
    return dict(found)
