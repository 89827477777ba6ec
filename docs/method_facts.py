"""Write into methods.md what the code knows of each method: its paper, cues, size, what adapts, deviations, options.

    .venv/bin/python docs/method_facts.py

What people wrote stays; what stands between `<!-- facts: NAME -->` and `<!-- end -->` is made anew, so that the page
cannot say otherwise than the code. A method without a section gets one. A test holds the page to it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from crossvad.adapters.published import DEVIATIONS
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.method_info import MethodInfo, describe
from crossvad.studies import published

PAGE = Path(__file__).with_name("methods.md")
FACTS = re.compile(r"(<!-- facts: (?P<name>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Make the facts anew."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def renewed(text: str) -> str:
    """Return the page with facts as they are, and with a section for each method that had none."""
    known = {match["name"] for match in FACTS.finditer(text)}
    for name in [*catalogue.METHODS, "shared"]:
        if name not in known:
            text = f"{text.rstrip()}\n\n## {name}\n\n<!-- facts: {name} -->\n<!-- end -->\n"
    figures = published.load()
    return FACTS.sub(lambda found: f"{found[1]}{facts(found['name'], figures)}\n{found[3]}", text)


def facts(name: str, figures: pd.DataFrame) -> str:
    """Set out what is known of a method at full size, as Markdown; of `shared`, what all depart from papers in."""
    if name == "shared":
        return "\n".join(f"* {text}" for text in DEVIATIONS)
    told = describe(registry.get_method(name), BUDGETS["paper"])
    rows = [f"| {what} | {cell(text)} |" for what, text in summary(told, figures).items() if text]
    parts = ["| | |\n| --- | --- |\n" + "\n".join(rows)]
    own = [text for text in told.deviations if text not in DEVIATIONS]
    if own:
        parts.append("Departs from its paper:\n\n" + "\n".join(f"* {prose(text)}" for text in own))
    if told.options:
        lines = [f"| `{o.name}` | `{o.default}` | {cell(o.choices)} | {cell(o.text)} |" for o in told.options]
        head = "| option | default | may be | what it decides |\n| --- | --- | --- | --- |\n"
        table = head + "\n".join(lines)
        parts.append(f"<details markdown><summary>Its options</summary>\n\n{table}\n\n</details>")
    return "\n\n".join(parts)


def summary(told: MethodInfo, figures: pd.DataFrame) -> dict[str, str]:
    """What a method is, in a few words a line; an empty line is left out."""
    schedule = told.schedule
    adapted = "in closed form" if told.calibrated else f"{sum(told.adapted.values()):,} parameters: {parts(told)}"
    cues = ", ".join(f"{cue} {share:.0%}" for cue, share in told.cues.items() if share)
    size = f"{told.parameters:,}" + (f"; {told.frozen:,} of pretrained parts" if told.frozen else "")
    return {
        "paper": told.paper,
        "clip": f"{told.frames} frames, number {told.scored + 1} is scored" if told.frames > 1 else "a single frame",
        "cues, and their shares of the score": cues,
        "trainable parameters, full size": size if told.parameters or told.frozen else "",
        "adapts": adapted if told.calibrated or told.adapted else "nothing",
        "published schedule": f"{schedule.steps:,} steps of {schedule.batch} clips" if schedule else "",
        "by protocol paper": str(told.published_evaluation) if told.paper else "",
        "published AUC": printed(told.name, figures),
        "looks ahead": "knows the test video from after a frame: ¶ in tables" if told.transductive else "",
    }


def parts(told: MethodInfo) -> str:
    """Name the parts that adapt; of many, how many there are."""
    return ", ".join(told.adapted) if len(told.adapted) < 5 else "all of it"


def printed(name: str, figures: pd.DataFrame) -> str:
    """Say what is printed of it where a set is trained on and tested on, the first that is listed: `ped2 96.2`."""
    labels = figures["ours"][(figures["ours"] == name) | figures["ours"].str.startswith(f"{name}[")].unique()
    same = figures[(figures["setting"] == "same-dataset") & (figures["variant"] == "")]
    told = []
    for label in labels:
        first = same[same["ours"] == label].drop_duplicates("target").set_index("target")["auc"]
        found = ", ".join(f"{target} {first[target]:g}" for target in catalogue.ARCHIVES if target in first)
        told += [found if label == name else f"as {label}: {found}"] if found else []
    return "; ".join(told)


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return prose(text).replace("|", "\\|")


def prose(text: str) -> str:
    """Text in which nothing but code is markup."""
    pieces = text.split("`")  # every second one is code
    return "`".join(re.sub(r"([<>*_])", r"\\\1", piece) if n % 2 == 0 else piece for n, piece in enumerate(pieces))


if __name__ == "__main__":
    main()
