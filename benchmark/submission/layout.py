"""What lies in a submission's folder, and under which sums.

    card.toml                            what people say of it: see `card`
    submission.json                      what was packed, where, and with which files of code: see `statement`
    figures.csv                          a row per cell, as `bench table --format long` prints it
    reference/<cell key>/record.json     what made a cell; a submission is a results folder, too
    reference/<cell key>/scores.npz      its raw scores
    plugins/<sha256>/<file>.py           code that is no part of this package, as it was run
    SHA256SUMS                           the sum of every other file: sha256sum -c reads it, too

Of a folder that a stranger sent nothing is read before `files_of` has seen that there is nothing else in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from crossvad.datasets.errors import UNSEEN, Problem
from crossvad.datasets.readers.file_identity import small_text
from crossvad.store.store import sha256

SUMS, CARD, STATEMENT, FIGURES = "SHA256SUMS", "card.toml", "submission.json", "figures.csv"
CELLS, PLUGINS = "reference", "plugins"
MEGABYTE = 2**20
BOUNDS = {  # what may be there, and how many bytes it may have
    re.compile(SUMS): 8 * MEGABYTE,
    re.compile(re.escape(CARD)): MEGABYTE,
    re.compile(re.escape(STATEMENT)): 8 * MEGABYTE,
    re.compile(re.escape(FIGURES)): 32 * MEGABYTE,
    re.compile(rf"{CELLS}/[0-9a-f]{{16}}/record\.json"): MEGABYTE,
    re.compile(rf"{CELLS}/[0-9a-f]{{16}}/scores\.npz"): 64 * MEGABYTE,
    re.compile(rf"{PLUGINS}/[0-9a-f]{{64}}/[^/]{{1,100}}\.py"): MEGABYTE,
}
FOLDERS = re.compile(rf"{CELLS}|{PLUGINS}|{CELLS}/[0-9a-f]{{16}}|{PLUGINS}/[0-9a-f]{{64}}")
OURS = re.compile(rf"{CELLS}|{PLUGINS}|[0-9a-f]{{16}}|[0-9a-f]{{64}}")  # names of these, wherever they lie
MOST_FILES, MOST_BYTES = 20_000, 4096 * MEGABYTE
SUM = re.compile(r"([0-9a-f]{64})  (.+)")
STRAY = ("is no part of a submission", "remove it")
AGAIN = "pack it again with bench submit pack"


def files_of(folder: Path) -> tuple[list[str], list[Problem]]:
    """List the files of a submission, by their names below it, and what is there that may not be; follows no link."""
    files, problems, total = list[str](), list[Problem](), 0
    for entry in _walk(folder):
        name = Path(entry.path).relative_to(folder).as_posix()
        if len(files) + len(problems) >= MOST_FILES:
            problems.append(Problem("error", str(folder), f"holds more than {MOST_FILES} files", "submit a part of it"))
            break
        if wrong := _misplaced(entry, name):
            problems.append(Problem("error", name, *wrong))
        elif not entry.is_dir(follow_symlinks=False):
            files.append(name)
            total += entry.stat(follow_symlinks=False).st_size
    if total > MOST_BYTES:
        told = f"holds {total // MEGABYTE} MB, more than {MOST_BYTES // MEGABYTE}"
        problems.append(Problem("error", str(folder), told, "submit a part of it"))
    return sorted(files), problems


def is_beside(problem: Problem) -> bool:
    """Whether a problem is a file or folder beside what belongs there, where no reader of the rest looks."""
    return (problem.problem, problem.fix) == STRAY and "/" not in problem.where and problem.where != "runs"


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """All that lies in a folder; of folders below, only those that may be there are entered."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False) and OURS.fullmatch(entry.name):
            yield from _walk(entry.path)


def _misplaced(entry: os.DirEntry[str], name: str) -> tuple[str, str] | None:
    """What is wrong with something in a submission's folder, and what to do; None if nothing is."""
    if entry.is_symlink():
        return "is a link", "put the file itself there"
    if entry.is_dir(follow_symlinks=False):
        return None if FOLDERS.fullmatch(name) else STRAY
    if not entry.is_file(follow_symlinks=False):
        return "is no plain file", "remove it"
    bound = next((most for pattern, most in BOUNDS.items() if pattern.fullmatch(name)), None)
    if bound is None or UNSEEN.search(name):
        return STRAY
    size = entry.stat(follow_symlinks=False).st_size
    return (f"has {size} bytes, more than {bound}", "submit less") if size > bound else None


def write_sums(folder: Path, files: Mapping[str, str]) -> None:
    """Write the manifest: the SHA-256 of each file, by its name below the folder."""
    (folder / SUMS).write_text("".join(f"{total}  {name}\n" for name, total in sorted(files.items())), encoding="utf-8")


def sums_of(folder: Path, files: list[str]) -> dict[str, str]:
    """The SHA-256 of each of a submission's files, but the manifest, by its name."""
    return {name: sha256(folder / name) for name in files if name != SUMS}


def wrong_sums(folder: Path, files: list[str]) -> list[Problem]:
    """Hold every file of a submission against the manifest."""
    if SUMS not in files:
        return [Problem("error", SUMS, "is missing", AGAIN)]
    try:
        lines = small_text(folder / SUMS).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [Problem("error", SUMS, f"cannot be read ({error})", AGAIN)]
    said, problems = dict[str, str](), list[Problem]()
    for number, line in enumerate(lines, start=1):
        if found := SUM.fullmatch(line):
            said[found[2]] = found[1]
        else:
            problems.append(Problem("error", f"{SUMS}, line {number}", "is no sum and file", AGAIN))
    sums = sums_of(folder, files)
    problems += [Problem("error", name, f"is missing, and {SUMS} has it", AGAIN) for name in said.keys() - sums.keys()]
    problems += [Problem("error", name, f"is not in {SUMS}", AGAIN) for name in sums.keys() - said.keys()]
    changed = [name for name in said.keys() & sums.keys() if said[name] != sums[name]]
    problems += [Problem("error", name, "was changed after it was packed", AGAIN) for name in changed]
    return sorted(problems, key=lambda problem: problem.where)
