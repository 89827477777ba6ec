"""`bench compare`: which differences are more than chance."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from crossvad.commands.options import RESULTS, spelled
from crossvad.evaluation.comparison import ENTRY, WHO, counted_where, differences, ranks, rival
from crossvad.evaluation.selection import refuse_empty, varying_keys
from crossvad.planning.protocol import get_protocol
from crossvad.present import terminal
from crossvad.store.store import Store


@click.command()
@click.option("--against", default="framediff", show_default=True, help="A method at K = 0, or `itself`.")
@click.option("--where", multiple=True, help="Keep cells where KEY=VALUE[,VALUE]. May be repeated.")
@click.option("--protocol", "rules", default="fair", show_default=True, help="Read stored scores by these rules.")
@click.option("--format", "style", type=click.Choice(["rich", "md", "csv"]), default="rich", show_default=True)
@RESULTS
def compare(against: str, where: tuple[str, ...], rules: str, style: str, results: Path) -> None:
    """How much better a method is than another on the same test videos, and whether that is more than chance.

    The difference of AUCs in points with its 95 % interval: resamples of videos, the same for both, and, where there
    are several seeds, the spread over seeds. P values are adjusted over all rows of the table (Holm). Where methods
    have run on several source/target pairs: average ranks, and which of them cannot be told apart (Nemenyi).

    \b
    bench compare --where budget=quick
    bench compare --against itself --where method=apn
    bench compare --against lmn --where target=ped2 --where shots=10 --format md
    """
    cells, among = counted_where(Store(results), get_protocol(rules), where)
    refuse_empty(cells, results, "finished cell")
    found = differences(cells, against, among)
    placed, groups, critical = ranks(cells)
    if style == "csv":
        click.echo(found.to_csv(index=False, float_format="%.4f"), nl=False)
        return
    parts = [(_texts(found, ENTRY), _note(found, against, rules))]
    if groups:
        told = varying_keys(placed, WHO, always=["method"])
        shown = placed.assign(rank=[f"{rank:.2f}" for rank in placed["rank"]]).set_index(told)
        alike = "; ".join(" = ".join(group) for group in groups if len(group) > 1) or "none"
        note = f"mean rank of AUC over source/target pairs, 1: best; critical difference {critical:.2f}; alike: {alike}"
        parts.append((shown[["rank", "pairs"]], note))
    terminal.give(style, spelled(), *parts)


def _texts(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    shown = found.sort_values(["source", "target", "auc"], ascending=[True, True, False])
    gaps = [f"{r.difference:+.1f} [{r.low:+.1f}, {r.high:+.1f}]" for r in shown.itertuples()]
    texts = {"auc": [f"{auc:.1f}" for auc in shown["auc"]], "difference": gaps}
    texts |= {"p": [_p(p) for p in shown["p"]], "p, Holm": [_p(p) for p in shown["p_holm"]]}
    return pd.DataFrame(texts, index=pd.MultiIndex.from_frame(shown[varying_keys(found, keys, always=["method"])]))


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _note(found: pd.DataFrame, against: str, rules: str) -> str:
    same = [f"{key} {found[key].iloc[0]}" for key in ENTRY if key != "method" and found[key].nunique() == 1]
    seeds = " to ".join(dict.fromkeys(map(str, (found["seeds"].min(), found["seeds"].max()))))
    return (
        f"auc in %, difference in points to {rival(against)}; protocol {rules}; {', '.join(same)}; {seeds} seeds; "
        "brackets: 95 %, paired bootstrap over videos and spread over seeds; p: two-sided; Holm: adjusted over these "
        f"{len(found)} rows"
    )
