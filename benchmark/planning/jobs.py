"""The work of a grid as jobs: what one does is done once, by whichever process takes it up, and others wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crossvad.planning.cell import Cell


@dataclass(frozen=True)
class Job:
    """A piece of a grid's work, in words: any process that knows the grid can do it. What comes of it is stored."""

    kind: Literal["prepare", "score"]  # train, meta-train and choose rates of adaptation; or adapt and score
    key: str  # tells it from others of its kind
    cells: tuple[str, ...]  # keys of those that it is for
    after: str = ""  # name of the job that must be done before

    @property
    def name(self) -> str:
        """Tells it from all others of its grid."""
        return f"{self.kind} {self.key}"


def jobs_of(groups: Sequence[Sequence[Cell]]) -> list[Job]:
    """The jobs of cells, of which those of one group are adapted and scored together; none before one it waits for.

    What methods are prepared by waits for one job that trains them, and what is scored for what it is prepared by.
    """
    prepared: dict[str, list[Sequence[Cell]]] = {}
    for group in groups:
        prepared.setdefault(group[0].prepared_key, []).append(group)
    jobs: list[Job] = []
    trained: dict[str, str] = {}  # key of a fit -> name of the job that trains it
    for key, of_key in prepared.items():
        cells = tuple(cell.key for group in of_key for cell in group)
        job = Job("prepare", key, cells, trained.get(of_key[0][0].fit_key, ""))
        trained.setdefault(of_key[0][0].fit_key, job.name)
        jobs.append(job)
        for group in of_key:
            jobs.append(Job("score", group[0].key, tuple(cell.key for cell in group), job.name))
    return jobs
