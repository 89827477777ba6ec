"""Which store results are in: that of a folder, or of a URL that machines share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from crossvad.datasets.errors import InputError, masked
from crossvad.store.several import SeveralStores
from crossvad.store.store import Store
from crossvad.store.urls import folder_of, is_url, needed_for

if TYPE_CHECKING:
    from crossvad.store.shared import Teller


def open_store(results: str | Path, only: str = "", teller: Teller | None = None, all_cells: bool = True) -> Store:
    """The store of a results folder or, given a URL, of the mirror of what machines share there.

    Args:
        results: the folder or the URL.
        only: in which of its places cells are looked for: `runs` or `reference`; "": in both.
        teller: told of what is fetched.
        all_cells: of a URL, fetch all cells when they are first listed; else those alone that are asked for.

    Raises:
        InputError: something else is in its place, or nothing here reads such URLs.
    """
    if not isinstance(results, str) or not is_url(results):
        return Store(folder_of(results), only)
    try:
        from crossvad.store.shared import SharedStore
    except ImportError as error:
        problem = f"needs a package that is not installed ({error})"
        raise InputError(masked(results), problem, needed_for(results)) from error
    return SharedStore(results, only, teller, all_cells)


def open_stores(places: Iterable[str | Path], only: str = "", teller: Teller | None = None) -> Store:
    """The store of a results folder or URL, or of several, to be read as one.

    Args:
        places: of them; one that is named twice counts once.
        only: as of `open_store`.
        teller: likewise.

    Raises:
        InputError: as `open_store`; or one of several is not there, or is no folder.
    """
    several = {str(place) if is_url(place) else str(Path(place).resolve()): place for place in places}
    stores = [open_store(place, only, teller) for place in several.values()]
    return stores[0] if len(stores) == 1 else SeveralStores(stores)
