"""`bench table`: stored scores as a table."""

from __future__ import annotations

from typing import Any

import click

from crossvad.commands.options import FOLDERS, RIVAL, RULES, Folders, Names, joined, listed, stated, where
from crossvad.commands.saying import Once
from crossvad.commands.table_command import TableCommand, chosen_format, format_option
from crossvad.evaluation.columns import KEYS
from crossvad.present.formats import TABLE_FORMATS, Tables


def metric_names() -> list[str]:
    """List the metrics that a table can show; read when they are asked for, as that takes a second."""
    from crossvad.evaluation.metrics import METRICS

    return list(METRICS)


class MetricOption(click.Option):
    """The option whose help lists the metrics when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Name the metrics that there are."""
        self.help = f"One of {', '.join(metric_names())}, or several side by side."
        return super().get_help_record(ctx)


@click.command("table", cls=TableCommand)
@listed("rows", Names(lambda: KEYS, or_none=True), "method,tuning", "Keys that go down.")
@listed("columns", Names(lambda: KEYS, or_none=True), "shots", "Keys that go across.")
@click.option("--matrix", is_flag=True, help="Source x target, a block per method.")
@click.option("--published", is_flag=True, help="Published figures beside measured ones, a line per figure.")
@click.option("--paper", type=click.IntRange(1, 7), help="A table of APN's paper as it is laid out there, ours beside.")
@where("rows")
@click.option(
    "--metric",
    "metrics",
    cls=MetricOption,
    type=Names(metric_names),
    multiple=True,
    default=["auc"],
    show_default=True,
    callback=joined,
)
@click.option(
    "--against",
    cls=Once,
    type=RIVAL,
    help="Mark what is better or worse than this method at K = 0, or `itself`, beyond chance.",
)
@click.option("--ranks", is_flag=True, help="Add the mean rank over the table's columns, a target's sources as one.")
@RULES
@format_option("parts", "numbers", "rows")
@FOLDERS
@click.pass_context
def table_command(
    context: click.Context, /, where: tuple[str, ...], rules: str, results: Folders, **shape: Any
) -> Tables:
    """Turn stored scores into a table. Nothing is trained or scored.

    Where cells of several budgets are stored and none is asked for, it is of your own cells of the one that ran last;
    where none are your own, of those of the budget that most are of. Its caption says so. So is whatever is made of
    scores of one budget: compare, cameras, gain, diagnostics, audit scores, plot.

    Format `long` is one tidy CSV row per cell; `latex` (booktabs) and `html` set the best value of a column in bold and
    underline the second.

    \b
    bench table --matrix --where shots=10
    bench table --rows method --columns target,shots --where budget=quick --where method=apn,lmn --format md
    bench table --rows method --columns '' --metric auc,macro_auc,paper_auc
    bench table --rows method --columns target,shots --where budget=quick --against framediff --ranks
    bench table --published --where budget=quick --where method=lmn,mpn
    bench table --paper 1 --where budget=quick
    bench table --matrix --where shots=10 --format latex > table.tex
    bench table --format long > all.csv
    """
    from crossvad import api
    from crossvad.tabulation.table import TableRequest

    asked = {name: value for name, value in stated(context).items() if name in shape}
    request = TableRequest(**asked, long=TABLE_FORMATS[chosen_format(context)].content == "rows")
    return api.load_results(results, where, rules).show(request)
