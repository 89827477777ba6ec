"""`bench report`: one web page to share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossvad.commands.options import DATA, FOLDERS, QUIET, RULES, Folders, out, stated, where
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError, masked
from crossvad.datasets.words import number_of

if TYPE_CHECKING:
    from crossvad.execution.progress import Reporter
    from crossvad.present.report_index import Pages
    from crossvad.results import Results

MEGABYTE = 1_000_000
MOST = 3000  # cells of a page: each takes 19 ms to gather and 4 kB of the file, and a browser has to hold them all


@click.command()
@where()
@RULES
@out("report.html", "The file to write.")
@DATA
@FOLDERS
@QUIET
@click.pass_context
def report(
    context: click.Context,
    /,
    where: tuple[str, ...],
    rules: str,
    out: Path,
    data: Path | None,
    results: Folders,
    quiet: bool,
) -> None:
    """All stored cells as one web page: no network, no server, one file to send.

    A board of each source and target to sort and filter, with what adapting gains and which rows no other beats by more
    than chance; mean ranks across them; published figures; speed; and of every cell its scores over time, its worst
    false alarms and misses, and the command that makes it. Frames are shown where the targets' video is found below
    --data; the page is whole without. What `bench verify` finds wrong with a cell stands on it. A page has room for
    3000 cells: of more, an index is written, which has a line for each source and target, and the command that makes
    its page.

    \b
    bench report
    bench report --where budget=quick --data DIR --out quick.html
    """
    from crossvad import api
    from crossvad.execution.progress import Reporter
    from crossvad.planning.data_root import data_root
    from crossvad.present import report as page
    from crossvad.present.atomic_files import replacing
    from crossvad.present.report_index import Pages
    from crossvad.present.thumbnails import Thumbnails
    from crossvad.studies import published, references
    from crossvad.verification import integrity

    if out.is_dir():
        raise InputError(out, "is a folder", f"name a file: --out {out / 'report.html'}")
    stored, reporter = api.load_results(results, where, rules, quiet=quiet), Reporter(quiet=quiet)
    stored.refuse_empty([record for record in stored.records if record.status == "done"], "finished cell")
    if len(stored.records) > MOST:
        pages = Pages(out, repeated(stated(context)))
        tell(write_index(stored, pages, reporter))
        return
    with replacing(out) as draft:
        with reporter.task("Verify cells") as update:
            update(0, 1, "")
            # Cells that are not shown need not be sound. One that cannot be read might have been shown.
            unseen = {record.cell.key for record in stored.store.records()}
            unseen -= {record.cell.key for record in stored.records}
            _, problems = integrity.verify_store(stored.store, unseen)
        thumbnails = Thumbnails(data_root(data))
        cells = list(stored.records)
        shown = page.gather(
            stored.store, cells, stored.protocol, problems, thumbnails, reporter, stored.rivals, stored.left_out,
            stored.newest_budget,
        )  # fmt: skip
        targets = {entry["target"] for entry in shown["entries"]}
        shown |= {"published": references.references(published.load(), targets)}
        draft.write_text(page.render(shown), encoding="utf-8")
    lacking = [name for name, videos in shown["targets"].items() if not all(video["stills"] for video in videos)]
    without = f"; no frames of {', '.join(lacking)}, which --data does not lead to" if lacking else ""
    size = out.stat().st_size / MEGABYTE
    tell(f"{out}: {number_of(len(shown['cells']), 'cell')}, {size:.1f} MB{without}")


def repeated(asked: Mapping[str, Any]) -> list[str]:
    """Spell again, of what was said to `bench report`, which cells a report is of and where they and video lie."""
    words = [word for condition in asked.get("where", ()) for word in ("--where", condition)]
    words += ["--protocol", asked["rules"]] if "rules" in asked else []
    words += [word for place in asked.get("results", ()) for word in ("--results", masked(str(place)))]
    return words + (["--data", str(asked["data"])] if "data" in asked else [])


def write_index(stored: Results, pages: Pages, reporter: Reporter) -> str:
    """Write an index in place of a page that would be too large; returns what to tell of it.

    Raises:
        InputError: all cells are of one board, or nothing can be written there.
    """
    from crossvad.present import report_index
    from crossvad.present.atomic_files import replacing

    with reporter.task("Read scores") as update:
        update(0, 1, "metrics")
        lines = report_index.lines(stored.to_frame(), stored.records, pages, MOST)
    if len(lines) == 1:
        problem = f"holds {len(stored.records)} cells of one source and target, and one page has room for {MOST}"
        raise InputError(stored.store.address, problem, "choose some, such as --where method=apn,framediff")
    if pages.folder.exists() and not pages.folder.is_dir():
        raise InputError(pages.folder, "is no folder, and pages go there", "remove it, or choose another --out")
    with replacing(pages.index) as draft:
        draft.write_text(report_index.render(lines, stored.protocol.name, stored.remarks, MOST), encoding="utf-8")
        pages.folder.mkdir(exist_ok=True)
    made, size = sum(not line["state"] for line in lines), pages.index.stat().st_size / MEGABYTE
    told = f"{pages.index}: an index of {len(lines)} pages, {made} of them made, {size:.1f} MB; one page has room for "
    lacking = next((line["command"] for line in lines if line["state"]), "")
    told += f"{MOST:,} of {number_of(len(stored.records), 'cell')}"
    return told + (f". Make a page: {lacking}" if lacking else "")
