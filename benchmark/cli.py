"""The command line: `bench run`, `bench matrix`, `bench table`, and groups of others. Thin on purpose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd
from click.core import ParameterSource

from crossvad import __version__, published
from crossvad.ablate_command import ablate
from crossvad.audit_command import audit
from crossvad.compare_command import compare
from crossvad.data_commands import datasets
from crossvad.datasets.base import InputError
from crossvad.datasets.cache import FrameCache
from crossvad.decoding import Decoder
from crossvad.diagnostics_command import diagnostics
from crossvad.evaluation.compare import ITSELF, better_or_worse, counted, counted_where, differences, rival
from crossvad.evaluation.rows import KEYS, LOCATED, METRICS, table, where_all_hold, with_locations
from crossvad.evaluation.stats import LEVEL
from crossvad.gain_command import gain
from crossvad.method_commands import methods
from crossvad.options import AMOUNTS, DATASETS, METHODS, PLACES, RESULTS, Names, root, spelled
from crossvad.plan import Grid
from crossvad.plot_command import plot
from crossvad.present import gains, tables, typeset
from crossvad.progress import Reporter
from crossvad.protocol import protocol
from crossvad.report_command import report
from crossvad.request import DEFAULT_METHODS, Request, read_suite
from crossvad.runner import Runner, device
from crossvad.score_command import score
from crossvad.skipping import without_bad
from crossvad.store import Store
from crossvad.verify_command import keep, verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def bench(debug: bool) -> None:
    """Which video anomaly detector still works on a camera it has never seen?

    \b
    bench run --source synthetic-street --target synthetic-plaza      needs no data
    bench run --source ped2 --target ped1 --data DIR --support test-head
    bench matrix --sources ped2,synthetic-street --targets ped2,synthetic-plaza --data DIR
    bench table --matrix --where shots=10
    bench plot shots --where source=path:normal --out shots.svg
    bench report --data DIR
    bench score my_video.mp4 --source synthetic-street
    bench ablate components --data DIR
    """


bench.add_command(ablate)
bench.add_command(audit)
bench.add_command(compare)
bench.add_command(datasets)
bench.add_command(diagnostics)
bench.add_command(gain)
bench.add_command(keep)
bench.add_command(methods)
bench.add_command(plot)
bench.add_command(report)
bench.add_command(score)
bench.add_command(verify)


@bench.command()
@click.option("--source", required=True, help="Train on this: a data set's name, or path:DIR.")
@click.option("--target", required=True, help="Adapt to and score this.")
@click.option(
    "--method", type=METHODS, multiple=True, help="Name, name[option=value] or file.py:Class. [apn,memae,lmn]"
)
@PLACES
@AMOUNTS
def run(source: str, target: str, method: tuple[list[str], ...], **amounts: Any) -> None:
    """Train on a source, adapt to a target, score every test frame, print the table.

    \b
    bench run --source synthetic-street --target synthetic-plaza --budget demo
    bench run --source ped2 --target ped2 --data DIR --method apn --shots 0,10 --tuning finetune,metasgd
    bench run --source path:my_camera --target ped2 --method 'apn[prototypes=20]' --method my_file.py:MyMethod
    """
    named = [name for names in method for name in names] or DEFAULT_METHODS
    _execute({"sources": [source], "targets": [target], "methods": named}, amounts, leave_out=False)


@bench.command()
@click.argument("suite", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--sources", type=DATASETS, help="Comma-separated.")
@click.option("--targets", type=DATASETS, help="Comma-separated. [the sources]")
@click.option("--methods", type=METHODS, help="Comma-separated. [apn,memae,lmn]")
@PLACES
@AMOUNTS
def matrix(suite: Path | None, **amounts: Any) -> None:
    """Run every source/target pair of a list, or of a SUITE file (TOML) whose entries the options override.

    A pair that cannot be (a source without training video) is left out, with the reason.

    \b
    bench matrix --sources synthetic-street,ped2 --targets synthetic-plaza,ped2 --data DIR
    bench matrix suite.toml        # sources = ["ped2"]  targets = ["ped1"]  methods = ["apn"]  shots = [0, 10]
    """
    entries = read_suite(suite) if suite else {}
    context = click.get_current_context()
    for name in [name for name in entries if name in amounts]:
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            amounts[name] = entries[name]
    if not amounts["sources"]:
        raise InputError("bench matrix", "has no sources", "give --sources, or a suite file with sources = […]")
    axes = {name: amounts.pop(name) for name in ("sources", "targets", "methods")}
    axes["targets"] = axes["targets"] or axes["sources"]
    axes["methods"] = axes["methods"] or DEFAULT_METHODS
    _execute(axes, amounts, leave_out=True)


TABLE_FORMATS = ("rich", "md", "csv", "latex", "html", "long")


@bench.command("table")
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
    tidy = table(store, store.records(), protocol(rules))
    tidy = where_all_hold(tidy, where)
    if tidy.empty:
        raise InputError(results, "holds no such cell", "run some with bench run, or loosen --where")
    if style == "long" or {*metrics} & {*LOCATED}:
        with Reporter().task("RBDC and TBDC") as update:
            tidy = with_locations(store, tidy, protocol(rules), update)
    if style == "long":
        click.echo(tidy.to_csv(index=False, float_format="%.4f"), nl=False)
        return
    budgets = list(tidy["budget"].unique())
    if len(budgets) > 1:
        raise InputError("this table", f"would mix budgets {', '.join(budgets)}", f"add --where budget={budgets[0]}")
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
        note = tables.caption(tidy, *metrics) + marks
    if with_ranks:
        shown, more = tables.with_ranks(shown, *metrics)
        note += more
    if style == "csv":
        click.echo(shown.to_csv(), nl=False)
    elif style in ("latex", "html"):
        set_in = typeset.latex if style == "latex" else typeset.html
        click.echo(set_in(shown, note, () if with_published else metrics), nl=False)
    else:
        tables.give(style, spelled(), (shown, note), title=_title(tidy, metrics))


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a cell failed or a check found errors, 2 wrong use or bad input."""
    try:
        bench(standalone_mode=False)
    except InputError as error:
        if "--debug" in sys.argv[1:]:
            raise
        _fail(f"Error: {error}", 2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _fail("Stopped. The same command goes on where this one was.", 1)


def _execute(axes: dict[str, Any], amounts: dict[str, Any], leave_out: bool) -> None:
    """Run a grid and print its table; exit with 1 if a cell failed."""
    results, quiet = amounts.pop("results"), amounts.pop("quiet")
    chosen, data = device(amounts.pop("device")), root(amounts.pop("data"))
    skip_bad, keep_maps = amounts.pop("skip_bad"), amounts.pop("maps")
    grid = Request(**axes, **amounts).grid(data)
    store, cache, reporter = Store(results), FrameCache(), Reporter(quiet=quiet)
    if skip_bad:
        grid = without_bad(grid, Decoder(cache, grid.budget), reporter)
    records = Runner(store, cache, chosen, reporter, keep_maps).run(grid, leave_out)
    tidy = _in_order(table(store, records, grid.protocol), grid)
    several = len(grid.sources) * len(grid.targets) > 1
    down, across = (["method", "source"], ["target", "shots"]) if several else (["method", "tuning"], ["shots"])
    for metric in ("auc", "paper_auc") if grid.protocol.common_mask else ("auc",):
        tables.show(tables.pivot(tidy, down, across, metric), tables.caption(tidy, metric), _title(tidy, [metric]))
    adapted = any(record.status == "done" and record.cell.shots for record in records)
    if adapted and grid.protocol.common_mask:  # else each K counts other frames, and no two of them make a pair
        found = differences(_in_order(counted(store, records, grid.protocol), grid), ITSELF)
        tables.show(gains.gains(found), gains.note(found, grid.protocol.name), "gain over K = 0")
    failed = [record for record in records if record.status == "failed"]
    for record in failed:
        why = record.reason.strip().splitlines()[-1]
        reporter.say(f"failed: {record.cell}: {why} ({store.place('cells', record.cell.key) / 'record.json'})")
    reporter.say(f"Scores of these {len(records)} cells lie in {store.root / 'cells'}. More tables: bench table --help")
    if failed:
        sys.exit(1)


def _in_order(tidy: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Rows in the order in which the user named the methods, trivial ones last."""
    order = {method.label: number for number, method in enumerate(grid.methods)}
    return tidy.sort_values("method", key=lambda names: names.map(order), kind="stable")


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
    cells, among = counted_where(store, protocol(rules), where)
    found = differences(cells, against, among)
    note = (
        f"; {tables.BETTER} {tables.WORSE}: better or worse than {rival(against)}, "
        f"p < {1 - LEVEL:.2f} by paired bootstrap over videos and "
        f"spread over seeds, adjusted over {len(found)} differences (Holm)"
    )
    return tidy.assign(sign=better_or_worse(tidy, found)), note


def _title(tidy: pd.DataFrame, metrics: list[str]) -> str:
    return f"{', '.join(tidy['source'].unique())} -> {', '.join(tidy['target'].unique())}: {', '.join(metrics)}"


def _fail(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)
