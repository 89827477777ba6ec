"""Making a data set ready: unpacking what was downloaded."""

from __future__ import annotations

from pathlib import Path

from rich.filesize import decimal

from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.joined import Joined
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.datasets.published.unpack import members_size, unpack
from crossvad.datasets.wording import option
from crossvad.datasets.words import number_of
from crossvad.execution.progress import Reporter
from crossvad.planning import catalogue, registry


def downloaded_archives(cls: type[PublishedDataset], root: Path) -> list[Path]:
    """Find the data set's archive files in the data root or in its own folder there."""
    homes = dict.fromkeys([root, root / cls.guide.home])
    return [path for home in homes for pattern in cls.guide.archives for path in sorted(home.glob(pattern))]


def unpacked_dataset(name: str, root: Path, reporter: Reporter) -> Dataset:
    """Open a data set; its archive files are unpacked if only they are there, or if that was begun and not finished.

    Raises:
        InputError: it is not there, an archive file cannot be read, or the data root cannot be written.
    """
    if len(names := registry.joined_names(name)) > 1:
        return Joined(unpacked_dataset(name, root, reporter) for name in names)
    if name.partition("[")[0] not in catalogue.ARCHIVES:
        return registry.get_dataset(name, root)
    _, cls, _ = registry.get_published(name)
    home, archives = root / cls.guide.home, downloaded_archives(cls, root)
    begun = home / ".unpacking"
    if not (begun.exists() and archives):
        try:
            return registry.get_dataset(name, root)
        except InputError:
            if not archives:
                raise
    total = sum(map(members_size, archives))
    reporter.say(f"{number_of(len(archives), 'archive')} to unpack in {home}: {decimal(total)}")
    try:
        home.mkdir(parents=True, exist_ok=True)
        begun.touch()
    except OSError as error:
        fix = "unpack it elsewhere and say " + option("data", ...)
        raise InputError(home, f"cannot be written ({error.strerror})", fix) from error
    for archive in archives:
        with reporter.task(f"Unpack {archive.name}") as update:
            unpack(archive, home, update)
    begun.unlink(missing_ok=True)  # another process may have unpacked beside this one
    return registry.get_dataset(name, root)
