"""`bench report`: one web page to share."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from crossvad.commands.options import DATA, FOLDERS, QUIET, RULES, Folders, out, where

MEGABYTE = 1_000_000
MOST = 3000  # cells of a page: each takes 19 ms to gather and 4 kB of the file, and a browser has to hold them all


@click.command()
@where()
@RULES
@out("report.html", "The file to write.")
@DATA
@FOLDERS
@QUIET
def report(where: tuple[str, ...], rules: str, out: Path, data: Path | None, results: Folders, quiet: bool) -> None:
    """All stored cells as one web page: no network, no server, one file to send.

    A board of each source and target to sort and filter, with what adapting gains and which rows no other beats by more
    than chance; mean ranks across them; published figures; speed; and of every cell its scores over time, its worst
    false alarms and misses, and the command that makes it. Frames are shown where the targets' video is found below
    --data; the page is whole without. What `bench verify` finds wrong with a cell stands on it. A page has room for
    3000 cells: of more, say which.

    \b
    bench report
    bench report --where budget=quick --data DIR --out quick.html
    """
    from crossvad import api
    from crossvad.datasets.errors import InputError
    from crossvad.execution.progress import Reporter
    from crossvad.planning.data_root import data_root
    from crossvad.planning.names import number_of
    from crossvad.present import report as page
    from crossvad.present.atomic_files import replacing
    from crossvad.present.thumbnails import Thumbnails
    from crossvad.studies import published, references
    from crossvad.verification import integrity

    stored, reporter = api.load_results(results, where, rules, quiet=quiet), Reporter(quiet=quiet)
    stored.refuse_empty([record for record in stored.records if record.status == "done"], "finished cell")
    if len(stored.records) > MOST:
        last = max(stored.records, key=lambda record: record.finished).cell
        problem = f"holds {len(stored.records)} such cells, and one page has room for {MOST}"
        pair = f"--where {quote(f'source={last.source}')} --where {quote(f'target={last.target}')}"
        raise InputError(
            stored.store.address, problem, f"choose some, such as {pair}; bench results list says what there is"
        )
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
            stored.store, cells, stored.protocol, problems, thumbnails, reporter, stored.rivals, stored.remarks
        )
        targets = {entry["target"] for entry in shown["entries"]}
        shown |= {"published": references.references(published.load(), targets)}
        draft.write_text(page.render(shown), encoding="utf-8")
    lacking = [name for name, videos in shown["targets"].items() if not all(video["stills"] for video in videos)]
    without = f"; no frames of {', '.join(lacking)}, which --data does not lead to" if lacking else ""
    size = out.stat().st_size / MEGABYTE
    click.echo(f"{out}: {number_of(len(shown['cells']), 'cell')}, {size:.1f} MB{without}")
