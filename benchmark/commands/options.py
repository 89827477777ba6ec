"""The command line's options and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from crossvad.adapters.options import Precision, TrainingPrecision
from crossvad.commands.saying import Once, SomePath, Word, refuse_empty
from crossvad.evaluation import columns
from crossvad.planning import catalogue
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import members
from crossvad.planning.protocol import SUPPORTS
from crossvad.store.stored_values import stored_values
from crossvad.store.urls import folder_of, is_url


def _completed(incomplete: str, known: Iterable[str], lead: str = "") -> list[CompletionItem]:
    """Complete the last name of a list, before which there is a comma or, where data sets are joined, a +."""
    last = re.split("[,+]", incomplete)[-1]
    lead += incomplete.removesuffix(last)
    return [CompletionItem(lead + name) for name in known if name.startswith(last)]


def _called(param: click.Parameter | None) -> str:
    """What a user calls an option or argument; empty if it is none."""
    if isinstance(param, click.Option):
        return param.opts[0]
    return param.human_readable_name if param else ""


class Names(click.ParamType):
    """A list of names, comma-separated; commas inside brackets belong to options: apn[prototypes=5,cycles=1],lmn."""

    name = "names"

    def __init__(self, known: Callable[[], Sequence[str]] | None = None, or_none: bool = False) -> None:
        self.known, self.or_none = known, or_none

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split at the commas that are not inside brackets.

        Raises:
            InputError: a name beside a comma is empty.
        """
        if not self.or_none:
            refuse_empty(value, self, param, ctx)
        return value if isinstance(value, list) else members(value, _called(param) or self.name)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the last name of the list."""
        return _completed(incomplete, self.known() if self.known else ())


class Datasets(Names):
    """A list of data sets; a comma may be part of the path of one's own footage."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split at the commas, unless it is a folder as it stands."""
        refuse_empty(value, self, param, ctx)
        if isinstance(value, str) and Path(value.removeprefix("path:")).is_dir():
            return [value]
        return super().convert(value, param, ctx)


class Name(Word):
    """One name, completed from those known; it may be another one, such as path:DIR."""

    name = "name"

    def __init__(self, known: Callable[[], Sequence[str]]) -> None:
        self.known = known

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the name, or the last of those that are joined."""
        return _completed(incomplete, self.known())


class SuiteName(Word):
    """The name of a suite that comes with the benchmark, completed, or the path of a file."""

    name = "suite"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a name, or where none begins so a path."""
        from crossvad.planning.suite import suite_names

        names = [CompletionItem(name) for name in suite_names() if name.startswith(incomplete)]
        return names or [CompletionItem(incomplete, type="file")]


class Condition(Word):
    """KEY=VALUE[,VALUE], the key and its values completed: those that are stored, else those that are known."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the key, or the last of the values."""
        key, equals, values = incomplete.partition("=")
        if not equals:
            return [CompletionItem(f"{name}=") for name in columns.CONDITIONS if name.startswith(key)]
        places = ctx.params.get("results") or "results"
        places = places if isinstance(places, tuple) else [places]
        known = sorted({value for place in places for value in stored_values(folder_of(place), key)})
        if not known and key in VALUES:
            known = list(VALUES[key]())
        return _completed(values, known, lead=f"{key}=")


class Numbers(click.ParamType):
    """A list of whole numbers, comma-separated: 0,1,5,10."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Read the numbers, keep their order, drop repeats."""
        if isinstance(value, list):
            return value
        try:
            return list(dict.fromkeys(int(part) for part in value.split(",")))
        except ValueError:
            self.fail(f"{value!r} is no list of whole numbers such as 0,1,5,10", param, ctx)


class Duration(click.ParamType):
    """A length of time with its unit, in seconds: 90s, 45m, 2h, 1.5d."""

    name = "duration"
    UNITS: ClassVar = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number and its unit."""
        if isinstance(value, float):
            return value
        if not (read := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value)) or not (number := float(read[1])):
            self.fail(f"{value!r} is no length of time such as 90s, 45m, 2h or 1.5d", param, ctx)
        return number * self.UNITS[read[2]]


class ResultsPlace(SomePath):
    """A folder or a URL."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Leave a URL as it is: as a path it would be another."""
        return value if is_url(value) else super().convert(value, param, ctx)


VALUES: dict[str, Callable[[], Iterable[str]]] = {  # of the keys whose values have names
    "method": catalogue.method_names,
    "source": catalogue.dataset_names,
    "target": catalogue.dataset_names,
    "support": lambda: ("none", *SUPPORTS),
    "tuning": catalogue.tuning_names,
    "budget": lambda: BUDGETS,
    "protocol": lambda: ("fair", "paper"),
    "place": lambda: columns.PLACES,
}
METHODS = Names(catalogue.method_names)
TUNINGS = Names(catalogue.tuning_names)
DATASETS = Datasets(catalogue.dataset_names)
ONE_DATASET = Name(catalogue.dataset_names)


def rival_names() -> list[str]:
    """What --against may name."""
    return ["itself", *catalogue.method_names()]


RIVAL = Name(rival_names)
PRECISIONS, TRAINING_PRECISIONS = Names(lambda: get_args(Precision)), Names(lambda: get_args(TrainingPrecision))
SUITE = SuiteName()
LAUNCHER = Name(lambda: [catalogue.LOCAL, *catalogue.LAUNCHERS])
DATASET = click.argument("name", type=ONE_DATASET)


PATH = SomePath(path_type=Path)
Folders = tuple[str | Path, ...]  # what `FOLDERS` gives
PLURALS = {name: f"{name}s" for name in ("source", "target", "method", "seed")}  # what functions call several
# A flag is called as the key that it sets, and what is written goes to --out. Other spellings are understood.
SPELLINGS = {plural: name for name, plural in PLURALS.items()} | {"tunings": "tuning", "figure": "out"}


def spelling(word: str) -> str:
    """Return the one spelling of a flag, without its dashes."""
    return SPELLINGS.get(word, word)


def joined(ctx: click.Context, param: click.Parameter, value: Sequence[list[Any]]) -> list[Any]:
    """Make one list of those that an option was said with; of numbers, each once."""
    every = [one for several in value for one in several]
    return list(dict.fromkeys(every)) if isinstance(param.type, Numbers) else every


def listed(name: str, kind: Names | Numbers, default: str, text: str) -> Callable:
    """Make an option of names or numbers, comma-separated or said several times, which has a default."""
    key, usual = PLURALS.get(name, name.replace("-", "_")), [default]
    return click.option(
        f"--{name}", key, type=kind, multiple=True, default=usual, show_default=True, callback=joined, help=text
    )


def several(name: str, kind: Names, text: str, required: bool = False) -> Callable:
    """Make an option of names, comma-separated or said several times."""
    return click.option(
        f"--{name}", PLURALS[name], type=kind, multiple=True, required=required, callback=joined, help=text
    )


def one_method(default: str) -> Callable:
    """Make the option `--method` of a command that takes one."""
    kind, text = Name(catalogue.method_names), "Name, name[option=value] or file.py:Class."
    return click.option("--method", cls=Once, type=kind, default=default, show_default=True, help=text)


def protocol(name: str, text: str) -> Callable:
    """Make the option `--protocol`, given to the command by a name."""
    return click.option("--protocol", name, cls=Once, type=Word(), default="fair", show_default=True, help=text)


def stacked(*options: Callable) -> Callable:
    """Several options as one decorator, listed by --help in the order given."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def where(what: str = "cells", help: str = "") -> Callable:
    """Make the option `--where`, which says what stored results are about."""
    text = help or f"Keep {what} where KEY=VALUE[,VALUE]. May be repeated."
    return click.option("--where", type=Condition(), multiple=True, help=text)


def out(default: str, text: str) -> Callable:
    """Make the option `--out`, which says where to write."""
    return click.option("--out", cls=Once, type=PATH, default=default, show_default=True, help=text)


def stated(context: click.Context) -> dict[str, Any]:
    """The options that were given, by name, without those that are at their default."""
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }


RULES = protocol("rules", "Read stored scores by these rules.")
DEVICE = click.option("--device", type=Word(), default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
BUDGET = click.option(
    "--budget", type=click.Choice(list(BUDGETS)), default="quick", show_default=True, help="How much."
)
QUIET = click.option("--quiet", is_flag=True, help="No progress: the result, and why a cell failed.")
STORED = click.option("--stored", is_flag=True, help="Run nothing: read what is stored, which needs no data.")
JOBS = click.option("--jobs", type=click.IntRange(1), help="Files at a time. [one per core]")
DATA = click.option("--data", cls=Once, type=PATH, help="Folder of the archives. [$CROSSVAD_DATA, else ./data]")
RESULTS = click.option(
    "--results",
    cls=Once,
    type=ResultsPlace(path_type=Path),
    default="results",
    show_default=True,
    help="Folder that keeps the runs, or a URL that machines share, such as s3://BUCKET/results.",
)
FOLDERS = click.option(  # of commands that only read
    "--results",
    type=ResultsPlace(path_type=Path),
    multiple=True,
    default=["results"],
    show_default="results",
    help="Folder that keeps the runs, or a URL. Of several, said one by one, cells are read as of one.",
)
PLACES = stacked(DATA, RESULTS)
SEEDS = listed("seed", Numbers(), "0", "Of trainings; at least three for a claim.")
METHOD = several("method", METHODS, "Name, name[option=value] or file.py:Class. [apn,memae,lmn]")
PAIR = stacked(
    several("source", DATASETS, "Train on this: a data set's name, or path:DIR.", required=True),
    several("target", DATASETS, "Adapt to and score this.", required=True),
)
PAIRS = stacked(
    several("source", DATASETS, "Comma-separated: train on these."),
    several("target", DATASETS, "Comma-separated: adapt to and score these. [the sources]"),
)
AMOUNTS = stacked(
    listed("shots", Numbers(), "0,1,5,10", "Support clips, K; 0 is always run too."),
    listed("steps", Numbers(), "1", "Gradient steps on the support set."),
    listed("tuning", TUNINGS, "finetune", "How to adapt: none, finetune, head, norm, maml, anil, metasgd."),
    SEEDS,
    BUDGET,
    protocol("protocol", "fair, paper, or fair@N for up to N shots."),
    click.option(
        "--support",
        type=click.Choice(SUPPORTS),
        help="Whose first clips support sets are: a scene's training video's, its first test video's, each test "
        "video's own, or likewise with a look at labels, so that they are normal. [the protocol's]",
    ),
    listed("precision", PRECISIONS, "float32", "To score in: float32, bf16, fp16."),
    listed("training-precision", TRAINING_PRECISIONS, "float32", "To train in: float32, bf16."),
    DEVICE,
    click.option(
        "--devices",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="GPUs that share each batch of a training; with --device cpu, processes.",
    ),
    click.option(
        "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes, which share cores and GPUs."
    ),
    click.option(
        "--launcher",
        type=LAUNCHER,
        default="processes",
        show_default=True,
        help="Where these are: processes (of this machine), ray, slurm, name[option=value] or file.py:Class.",
    ),
    click.option(
        "--retry",
        type=click.Choice(["failed", "interrupted"]),
        default="failed",
        show_default=True,
        help="Run those again that failed, too, or those alone that were stopped.",
    ),
    click.option("--max-failures", type=click.IntRange(1), help="End when so many cells have failed. [never]"),
    click.option("--time-limit", type=Duration(), help="Stop after so long, as ctrl-C does: 90m, 2h, 1d. [never]"),
    click.option("--maps", is_flag=True, help="Keep scores per pixel, for RBDC and TBDC: up to 16 kB a frame."),
    click.option("--dry-run", is_flag=True, help="Run nothing: say what is to be run, and how long that may take."),
    click.option("--skip-bad", is_flag=True, help="Leave out training videos that cannot be read."),
    QUIET,
)
