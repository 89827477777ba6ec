"""A cell's raw scores, with what of the cell decides how they are read"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crossvad.adapters.published import PublishedEvaluation
from crossvad.evaluation.selection import published_evaluation, support_span
from crossvad.planning.protocol import Protocol
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store

UNTOLD = PublishedEvaluation()  # of methods whose authors do nothing else, or whose authors are not asked


@dataclass(frozen=True)
class ScoredCell:
    """What any protocol is given to make numbers of."""

    scores: Scores  # raw
    shots: int = 0  # support clips, K
    weights: Mapping[str, float] = field(default_factory=dict)  # of cues in the fused score; one not named weighs 1
    seen: int = 0  # frames at the head of each test video that a support set spans
    published: PublishedEvaluation = UNTOLD  # what its authors do, for protocols that follow them

    @classmethod
    def of(cls, record: Record, scores: Scores) -> ScoredCell:
        """The cell of a record."""
        seen, published = support_span(record, scores), published_evaluation(record)
        return cls(scores, record.cell.shots, record.fusion, seen, published)

    def reaches_into(self, protocol: Protocol) -> bool:
        """Whether its support set reaches into what a protocol counts."""
        return self.seen > protocol.first_frame(self.shots, self.seen)


def scored_cell(store: Store, record: Record) -> ScoredCell:
    """Read a finished cell's raw scores.

    Raises:
        InputError: they are missing or broken.
    """
    return ScoredCell.of(record, store.scores(record.cell))
