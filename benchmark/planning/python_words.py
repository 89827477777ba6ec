"""What errors and captions say of options, in Python's words: where={"budget": "quick"}, and not --where budget=quick.

Options are known by the `--` in front of them, conditions and names by how `shlex.quote` writes them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Container

from crossvad.datasets.errors import InputError, plain
from crossvad.planning.names import listed

START = r"(?<![^\s(])"  # no -- inside of a name: cam--north
END = r"(?![\w/\\=]|[.:-]\w)"  # nor a name that begins with it: --audio.mp4
WORD = r"""(?:'[^']*'|"'"|[^\s'"\\;,()]|,(?=[^\s,]))+"""  # up to what ends a clause
CONDITION = rf"{START}--where (?='|[^\s='\"\\;,()]+=){WORD}(?=[\s;,)]|$)"
NAMED = "budget|device|launcher|method|plugin|protocol|results|rows|source|support|target|tuning"
NUMBER = r"\d+(?:\.\d+)?"
VALUED = rf"--(?:{NAMED}) (?!(?:and|or)\b){WORD}"  # an option of these has a name behind it
FLAG = rf"{START}--(?:format (?=long\b))?([a-z][a-z-]*){END}"
BARE = rf"(?!{VALUED}|--no-|--[a-z-]+ \d){FLAG}".replace("([", "(?:[")
SAID = ("say ", "give ")  # and which value is left to the reader
KIND = "another|fewer|longer|no|other|same|shorter|writable"  # what is of a kind that an option names

WORDS = re.compile(
    rf"(?P<stays>`[^`]*`|{START}bench(?: [a-z]+)+(?: --[a-z-]+(?: (?!--){WORD})?)*)"  # what is to be typed
    rf"|(?P<where>{CONDITION}(?: {CONDITION})*)"
    rf"|(?P<odd>{START}--where [^\s=]+=\S*)"  # as nobody quotes it: it stays, too
    rf"|(?P<several>{BARE}(?:(?:, {BARE})+(?: or {BARE})?| or {BARE}))"
    rf"|{START}--(?P<named>{NAMED}) (?!(?:and|or)\b|\d)(?P<value>{WORD})"
    rf"|(?P<before>\b(?:{KIND}) |\b(?:{'|'.join(SAID)})(?!{VALUED}))?(?P<option>{FLAG})(?: (?P<number>{NUMBER})s?\b)?"
)
PLACE = re.compile(r"(?P<what>[^/\\]*, )?--(?P<flag>[a-z][a-z-]*)(?: (?P<value>.+))?", re.DOTALL)  # and no path


def in_python(text: str, known: Container[str] = ()) -> str:
    """Spell what a text says of options as arguments of a function, whose own are known; commands stay as they are.

    >>> in_python("choose at most --shots 3, or another --method; drop --rows", ("methods", "shots"))
    'choose at most shots=3, or another method; drop the argument rows'
    >>> in_python("add --where budget=quick --where 'method=apn,lmn'")
    'add where={"budget": "quick", "method": ["apn", "lmn"]}'
    >>> in_python("run some with bench run --budget demo, or name another --results folder")
    'run some with bench run --budget demo, or name another results folder'
    """

    def spelled(found: re.Match[str]) -> str:
        if found["stays"] or found["odd"]:
            return found[0]
        if found["where"]:
            return _conditions(found["where"])
        if found["several"]:
            return "the arguments " + re.sub(FLAG, lambda flag: _name(flag[1], known), found["several"])
        if found["named"]:
            return _given(found["named"], shlex.split(found["value"])[0], known)
        before, flag = found["before"] or "", found["option"].split("--")[1].removeprefix("format ")
        if flag.startswith("no-"):
            return f"{before}{_name(flag.removeprefix('no-'), known)}=False"
        if found["number"]:
            return f"{before}{_name(flag, known)}={found['number']}"
        if before in SAID:
            return f"{before}{_name(flag, known)}=…"
        return before + flag.replace("-", "_") if before else f"the argument {_name(flag, known)}"

    return WORDS.sub(spelled, text)


def tell_in_python(error: InputError, known: Container[str] = ()) -> None:
    """Let an error tell its line to callers from Python in their words, those of the function nearest to it."""
    if str(error) != error.line:
        return
    problem, fix = (in_python(part, known) for part in (error.problem, error.fix))
    error.args = (plain(f"{_place(error.where, known)}: {problem}; {fix}"),)


def _place(where: str, known: Container[str]) -> str:
    """Where an error is: at an argument, if it is said to be at an option, or else where it is said to be."""
    found = PLACE.fullmatch(where)
    if found is None:
        return where
    what, flag, value = found["what"] or "", found["flag"], found["value"]
    if value is None:
        return what + _name(flag, known)
    if flag == "where":
        return what + _conditions(f"--where {value}")
    return what + _given(flag, value, known)


def _name(flag: str, known: Container[str]) -> str:
    """The argument that an option is called for; of several values where there is no argument of one."""
    name = flag.replace("-", "_")
    return f"{name}s" if name not in known and f"{name}s" in known else name


def _given(flag: str, value: str, known: Container[str]) -> str:
    """An argument with its value: a number, a text or, where it takes several, a list of one text."""
    name = _name(flag, known)
    if number := re.fullmatch(r"((?:0|[1-9]\d*)(?:\.\d+)?)s?", value):
        return f"{name}={number[1]}"
    return f"{name}={_json(value if name == flag.replace('-', '_') else [value])}"


def _conditions(text: str) -> str:
    """Spell --where KEY=VALUE[,VALUE], once or several times, as `where=`; as it is, if it cannot be parsed."""
    try:
        words = shlex.split(text)
    except ValueError:  # a quote that is not closed
        return text
    conditions = words[1::2]
    if len(words) != 2 * len(conditions) or {*words[::2]} != {"--where"}:
        return text
    pairs = [condition.partition("=") for condition in conditions]
    keys = [key for key, equals, _ in pairs if equals]
    if len({*keys}) < len(conditions):  # a key twice, or none
        return f"where={_json(conditions if len(conditions) > 1 else conditions[0])}"
    return f"where={_json({key: _values(values) for key, _, values in pairs})}"


def _values(values: str) -> str | list[str]:
    """The values of a condition: one, or a list of them; as typed where one is missing."""
    several = listed(values) if all(value.strip() for value in values.split(",")) else []
    return several if len(several) > 1 else values


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
