"""`bench table`: stored scores as tables"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
from click.core import ParameterSource

from crossvad.commands.options import RESULTS, Names, spelled
from crossvad.datasets.errors import InputError
from crossvad.evaluation.comparison import better_or_worse, counted_where, differences, rival
from crossvad.evaluation.selection import KEYS, refuse_empty, refuse_mixtures, select
from crossvad.evaluation.statistics import LEVEL
from crossvad.evaluation.tidy import LOCATED, METRICS, table, with_locations
from crossvad.execution.progress import Reporter
from crossvad.planning.protocol import get_protocol
from crossvad.present import captions, latex_html, tables, terminal
from crossvad.present.captions import table_title
from crossvad.store.store import Store
from crossvad.studies import published

TABLE_FORMATS = ("rich", "md", "csv", "latex", "html", "long")


@click.command("table")
@click.option("--rows", type=Names(lambda: KEYS), default="method,tuning", show_default=True, help="Keys that go down.")
@click.option("--columns", type=Names(lambda: KEYS), default="shots", show_default=True, help="Keys that go across.")
@click.option("--matrix", "as_matrix", is_flag=True, help="Source x target, a block per method.")
@click.option(
    "--published", "with_published", is_flag=True, help="Published figures beside measured ones, a line per figure."
)
@click.option("--where", multiple=True, help="Keep rows where KEY=VALUE[,VALUE]. May be repeated.")
@click.option(
    "--metric",
    "metrics",
    type=Names(lambda: METRICS),
    default="auc",
    show_default=True,
    help="One of auc, macro_auc, ap, eer, paper_auc, …, or several side by side.",
)
@click.option("--against", help="Mark what is better or worse than this method at K = 0, or `itself`, beyond chance.")
@click.option("--ranks", "with_ranks", is_flag=True, help="Add the mean rank over the table's columns.")
@click.option("--protocol", "rules", default="fair", show_default=True, help="Read stored scores by these rules.")
@click.option("--format", "style", type=click.Choice(TABLE_FORMATS), default="rich", show_default=True)
@RESULTS
def table_command(
    rows: list[str],
    columns: list[str],
    as_matrix: bool,
    with_published: bool,
    where: tuple[str, ...],
    metrics: list[str],
    against: str | None,
    with_ranks: bool,
    rules: str,
    style: str,
    results: Path,
) -> None:
    """Turn stored scores into a table. Nothing is trained or scored.

    Format `long` is one tidy CSV row per cell; `latex` (booktabs) and `html` set the best value of a column in bold and
    underline the second.

    \b
    bench table --matrix --where shots=10
    bench table --rows method --columns target,shots --where budget=quick --where method=apn,lmn --format md
    bench table --rows method --columns '' --metric auc,macro_auc,paper_auc
    bench table --rows method --columns target,shots --where budget=quick --against framediff --ranks
    bench table --published --where budget=quick --where method=lmn,mpn
    bench table --matrix --where shots=10 --format latex > table.tex
    bench table --format long > all.csv
    """
    if with_published:
        _alone("--published", style)
    if against and (with_published or style == "long"):
        raise InputError("--against", "marks tables of one value a cell", "drop --published or --format long")
    if against and metrics != ["auc"]:
        raise InputError("--against", "marks differences of auc alone", "drop --metric")
    if with_ranks and (with_published or style == "long" or len(metrics) > 1):
        raise InputError(
            "--ranks", "is of tables of one metric", "drop --published, --format long or the other metrics"
        )
    store = Store(results)
    records = select(store.records(), where, protocol=rules)
    tidy = table(store, records, get_protocol(rules))
    refuse_empty(tidy, results, "cell")
    if style == "long" or {*metrics} & {*LOCATED}:
        with Reporter().task("RBDC and TBDC") as update:
            tidy = with_locations(store, records, tidy, get_protocol(rules), update)
    if style == "long":
        click.echo(tidy.to_csv(index=False, float_format="%.4f"), nl=False)
        return
    refuse_mixtures(tidy, "budget", suggested=str(tidy["budget"].iloc[0]), what="this table")
    if as_matrix and len(metrics) > 1:
        raise InputError("--matrix", "shows one metric", "drop the others from --metric")
    marks = ""
    if against:
        tidy, marks = _marked(tidy, store, where, against, rules)
    if with_published:
        figures, metrics = published.load(), ["auc", "paper_auc", "published"]
        shown, note = published.beside(tidy, figures), published.caption(tidy, figures)
    else:
        shown = tables.matrix(tidy, *metrics) if as_matrix else tables.side_by_side(tidy, rows, columns, metrics)
        note = captions.caption(tidy, *metrics) + marks
    if with_ranks:
        shown, more = tables.with_ranks(shown, *metrics)
        note += more
    if style == "csv":
        click.echo(shown.to_csv(), nl=False)
    elif style in ("latex", "html"):
        set_in = latex_html.latex if style == "latex" else latex_html.html
        click.echo(set_in(shown, note, () if with_published else metrics), nl=False)
    else:
        terminal.give(style, spelled(), (shown, note), title=table_title(tidy, metrics))


def _alone(flag: str, style: str) -> None:
    """Refuse what would have to be ignored: a table with a shape of its own takes none from other options."""
    context = click.get_current_context()
    shapes = {"rows": "--rows", "columns": "--columns", "as_matrix": "--matrix", "metrics": "--metric"}
    given = [name for key, name in shapes.items() if context.get_parameter_source(key) is not ParameterSource.DEFAULT]
    given += ["--format long"] * (style == "long")
    if given:
        raise InputError(flag, f"has a shape of its own, so it does not go with {', '.join(given)}", "drop one of them")


def _marked(
    tidy: pd.DataFrame, store: Store, where: tuple[str, ...], against: str, rules: str
) -> tuple[pd.DataFrame, str]:
    """The rows with the sign of what sets them apart from a rival, and what a caption says of its mark."""
    cells, among = counted_where(store, get_protocol(rules), where)
    found = differences(cells, against, among)
    note = (
        f"; {tables.BETTER} {tables.WORSE}: better or worse than {rival(against)}, "
        f"p < {1 - LEVEL:.2f} by paired bootstrap over videos and "
        f"spread over seeds, adjusted over {len(found)} differences (Holm)"
    )
    return tidy.assign(sign=better_or_worse(tidy, found)), note
