"""`load_results`: what the store holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crossvad.evaluation import selection
from crossvad.evaluation.conditions import by_place
from crossvad.planning.arguments import checked
from crossvad.planning.protocol import Protocol, get_protocol
from crossvad.results import Results, Where, conditions
from crossvad.store.opening import open_stores
from crossvad.store.several import SeveralStores
from crossvad.store.urls import is_url
from crossvad.tabulation.left_out import not_shown, shares

UNLESS_NAMED = "results"  # folder that keeps the runs


@checked
def load_results(
    results: str | Path | Sequence[str | Path] = "results",
    where: Where = (),
    protocol: str | Protocol = "fair",
    starts: bool = False,
    untrained: bool = False,
    quiet: bool = False,
) -> Results:
    """Take stored cells, as `bench table` does: those whose names still mean what they meant when they were run.

    Args:
        results: folder that keeps the runs, or a URL, whose cells are fetched; of several, cells are read as of one.
            The one that nobody named need not be there: nothing has been run yet.
        where: conditions on their keys: {"method": ["apn", "lmn"], "shots": 10}, or method=apn,lmn, or several such.
            {"place": "runs"} takes one's own alone, {"target_digest": …} an older copy of a target.
        protocol: by which their scores are read: fair, paper, fair@N, or a `Protocol`.
        starts: take the cells that they start from at K = 0, too, as curves do.
        untrained: spare methods that learn nothing from a source conditions on how others adapt.
        quiet: no progress where cells are fetched.

    Raises:
        InputError: a named folder is not there, a condition or a URL cannot be read, there is no such protocol, or two
            folders hold other scores of one cell.
    """
    from crossvad.execution.progress import Reporter

    only, wanted = by_place(conditions(where))
    places = [results] if isinstance(results, str | Path) else results
    store = open_stores(places, only, Reporter(quiet=quiet))
    if any(not is_url(place) and str(place) != UNLESS_NAMED for place in places):
        store.refuse_missing()
    protocol = get_protocol(protocol) if isinstance(protocol, str) else protocol
    stored = store.records()
    also: selection.Also = "starts" if starts else "untrained" if untrained else ""
    chosen = selection.choose(stored, wanted, also, protocol.name)
    rivals, older = chosen.rivals, chosen.superseded
    if isinstance(store, SeveralStores):
        store.refuse_disputed(chosen.records)
        rivals = store.undisputed(rivals)
    return Results(
        store,
        chosen.records,
        protocol,
        rivals=rivals,
        budget_chosen=any(condition.partition("=")[0] == "budget" for condition in wanted),
        older=[record for records in older.values() for record in records],
        left_out=[*shares(store, chosen.records), *not_shown(stored, chosen.records, older, wanted, protocol)],
    )
