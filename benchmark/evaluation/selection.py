"""Which stored cells a question is about, before their scores are read"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from crossvad.adapters.published import EVALUATIONS, PublishedEvaluation
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import condition, option
from crossvad.evaluation.columns import KEYS as KEYS
from crossvad.evaluation.columns import VERSIONS
from crossvad.evaluation.conditions import Conditions, is_value, meets, parsed, spared_keys, value_of
from crossvad.evaluation.meanings import KINDS, agreeing, by_age, newest, told
from crossvad.evaluation.meanings import current as current
from crossvad.planning.cell import Meanings
from crossvad.planning.names import did_you_mean, split_options
from crossvad.planning.protocol import Protocol, SupportPolicy
from crossvad.store.scores import Scores
from crossvad.store.store import Record

Also = Literal["", "starts", "untrained", "unadapted"]
LISTED = 10  # values that a message lists, at most


def support_span(record: Record, scores: Scores) -> int:
    """How many frames at the head of each test video the cell's support set spans."""
    if not record.cell.policy.shows_test_video:
        return 0
    return len(scores.support_labels) // len(np.unique(scores.units))


def published_evaluation(record: Record) -> PublishedEvaluation:
    """What a method's authors do with its scores: of ours known by name, of a plug-in recorded with the cell."""
    return EVALUATIONS.get(_base(record.cell.method)) or PublishedEvaluation(
        **record.shown.get("published_evaluation", {})
    )


@cache  # methods are few, and cells many
def _base(method: str) -> str:
    return split_options(method)[0]


def transductive(record: Record) -> bool:
    """Whether the scores of a cell's frames depend on test video from after their clips."""
    return bool(record.shown.get("transductive"))


def untrained(record: Record) -> bool:
    """Whether a finished cell's method learned nothing from its source, so that it is the same for every source."""
    return record.status == "done" and "train_seconds" not in record.shown


def belongs(record: Record, protocol: Protocol) -> bool:
    """Whether a stored cell may be read under a protocol: its support set must be one that the protocol allows."""
    if record.cell.shots > protocol.max_shots and protocol.common_mask:
        return False
    return record.cell.support in (SupportPolicy.NONE, protocol.support) or protocol.common_mask


@dataclass(frozen=True)
class Chosen:
    """Which of some cells a question is about, and which stand beside them."""

    records: list[Record]
    rivals: list[Record]  # those, and all current cells at K = 0
    superseded: dict[tuple[str, str], list[Record]]  # left out, as a name means another thing now: see `superseded`


def choose(records: Iterable[Record], conditions: Iterable[str], also: Also = "", protocol: str = "") -> Chosen:
    """Choose the current ones among some cells for which every condition holds, before any score is read.

    Current are those whose names mean what they meant last, unless a condition says what a name is to mean: of
    `VERSIONS`, such as target_digest. The names of the cells that it holds for then mean that.

    Args:
        records: stored cells.
        conditions: of the form KEY=VALUE[,VALUE]; one holds for a cell whose key has one of the values.
        also: which cells are selected beside those. "starts": cells that the selected ones start from at K = 0. Where
            a cell has no shots it has no steps, no support and, unless its tuning learns beforehand, no tuning;
            conditions on these keys are about the others, and so leave it out only if no selected one starts from it.
            So is one on steps about those only whose steps are gradient steps, which those of an untrained method that
            adapts in a way of its own are not. "untrained": such cells of methods alone that learn nothing from a
            source; "starts" are with them. "unadapted": all cells at K = 0, such as rivals.
        protocol: name of the protocol that the cells are to be read by, which conditions may then name.

    Raises:
        InputError: a condition is not written so, there is no such key, or cells of several copies or versions of one
            thing are asked for at once.
    """
    ordered = by_age(records)
    wanted = parsed(conditions, ordered, protocol)
    meaning = _asked_for(ordered, wanted, protocol)
    agrees, chosen = agreeing(meaning), Chosen([], [], {})
    for record in ordered:
        asked_for, bare = not wanted or meets(record, wanted, protocol), not record.cell.shots
        if agrees(record):
            spared = also == "starts" or (also == "untrained" and untrained(record))
            beside = bare if also == "unadapted" else spared and meets(record, wanted, protocol, spared_keys(record))
            if asked_for or beside:
                chosen.records.append(record)
            if asked_for or bare:
                chosen.rivals.append(record)
        elif asked_for:
            differing = [name for name, what in record.cell.meanings.items() if meaning[name] != what]
            chosen.superseded.setdefault(told(record, differing[-1]), []).append(record)
    if also == "starts":
        begun = {_course(record) for record in chosen.records if record.cell.shots}
        kept = [r for r in chosen.records if _course(r) in begun or untrained(r) or meets(r, wanted, protocol)]
        return replace(chosen, records=kept)
    return chosen


def _course(record: Record) -> tuple[str, ...]:
    """What a cell shares with those that start from it."""
    cell = record.cell
    return cell.method, cell.source, cell.target, cell.budget


def select(records: Iterable[Record], conditions: Iterable[str], also: Also = "", protocol: str = "") -> list[Record]:
    """Select the current ones among some cells for which every condition holds: see `choose`, which raises as this."""
    return choose(records, conditions, also, protocol).records


def superseded(records: Iterable[Record], conditions: Iterable[str]) -> dict[tuple[str, str], list[Record]]:
    """Find the cells for which every condition holds and that `select` leaves out, as a name means another thing now.

    Returns:
        The cells by what they are of, in words, and the conditions that ask for them.
    """
    return choose(records, conditions).superseded


def unmatched(records: Iterable[Record], conditions: Iterable[str], protocol: str = "") -> list[tuple[str, str]]:
    """List each KEY=VALUE of the conditions that no stored cell has, with what comes close or all that there are."""
    records, found = list(records), []
    for key, values in parsed(conditions, records, protocol):
        stored = list(dict.fromkeys(value_of(record, key, protocol) for record in by_age(records)))
        for value in values:
            if not any(is_value(one, key, value) for one in stored):
                some = ", ".join(sorted(stored, key=lambda one: one.zfill(9) if one.isdigit() else one))
                all_of_them = f"stored: {some}" if len(stored) <= LISTED else "see bench results list"
                found.append((f"{key}={value}", did_you_mean(value, stored).rstrip() or all_of_them))
    return found


def _asked_for(ordered: Sequence[Record], wanted: Conditions, protocol: str) -> Meanings:
    """What each name in these cells, oldest first, is to mean: the newest thing, unless a condition says which."""
    meaning = newest(ordered)
    if not any(key in VERSIONS for key, _ in wanted):
        return meaning
    named = [(key, values) for key, values in wanted if key in VERSIONS or any(key == of for *_, of in KINDS.values())]
    meant = [record for record in ordered if meets(record, named, protocol)]
    for _, key, of in KINDS.values():
        for values in (values for wanted_key, values in named if wanted_key == key):
            _refuse_several(meant, key, of, values)
    return meaning | newest(meant)


def _refuse_several(meant: Iterable[Record], key: str, of: str, values: Sequence[str]) -> None:
    """Refuse to show several copies or versions of one thing as if they were one."""
    asked: dict[str, set[str]] = {}
    for record in meant:
        value = next(value for value in values if is_value(str(getattr(record.cell, key)), key, value))
        asked.setdefault(getattr(record.cell, of) if of else "the harness", set()).add(value)
    for name, several in asked.items():
        if len(several) > 1:
            one = next(value for value in values if value in several)
            where, fix = condition(f"{key}={','.join(values)}"), "ask for one at a time: " + condition(f"{key}={one}")
            raise InputError(where, f"would mix {len(several)} of {name}", fix)


def refuse_empty(rows_or_records: Sized, results: str | Path, what: str, fix: str = "") -> None:
    """Refuse to go on with nothing: no cell of a results folder was asked for.

    Args:
        rows_or_records: what was selected.
        results: the folder, or the URL, it was selected from.
        what: what there is none of: cell, finished cell, fit.
        fix: what to do, where more is known of it.

    Raises:
        InputError: nothing was selected.
    """
    if not len(rows_or_records):
        fix = fix or "run some with bench run, or loosen " + option("where")
        raise InputError(results, f"holds no such {what}", fix)
