"""Make a site of pages that are read on their own as well: `make docs`.

Pages link to files of the repository by relative paths, as `[cell.py](../benchmark/planning/cell.py)`. In the site the
pages and pictures of `results/` lie below `results/`, any other file that a page links to becomes a page of code, and a
link to a folder, which has no page, becomes its text.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from crossvad.cli import bench

ROOT = Path(__file__).parents[1]
JOINED = tempfile.TemporaryDirectory()  # the package in one folder, until the build has ended
SHOWN = (".md", ".svg", ".png", ".csv", ".toml")  # of results/, as they are
COMMENT = re.compile(r"^ *<!--.*?-->\n?", re.MULTILINE | re.DOTALL)  # what tables and numbers rest on: for `verify`
CODE_OR_LINK = re.compile(  # whichever begins first: a link's text may be code, and code may look like a link
    r"""^\ *(?P<fence>```+).*?^\ *(?P=fence) | `[^`\n]+`
    | (?P<text>!?\[(?:[^\[\]]|\[[^\[\]]*\])*\])\((?P<path>[^)\s\#:]+)(?P<anchor>\#[^)\s]*)?\)""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
WIDTH = 100  # characters of a line of a command's help
FETCHED = "https://unpkg.com/iframe-worker/shim"
FENCE = "`" * 9  # longer than any in a file


@event_priority(100)  # before the plugin reads it
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Tell where the package is to be read: it is in three folders, which an editable install alone joins."""
    package = Path(JOINED.name, "crossvad")
    package.mkdir(exist_ok=True)
    for path in (*(ROOT / "benchmark").iterdir(), ROOT / "adapters", ROOT / "datasets"):
        if not (package / path.name).is_symlink():
            (package / path.name).symlink_to(path)
    config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [JOINED.name]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the results, and a page of code for each file that a page links to."""
    for path in sorted((ROOT / "results").iterdir()):
        if path.suffix in SHOWN:
            files.append(File.generated(config, f"results/{path.name}", abs_src_path=str(path)))
    for place in {_in_site(linked) for page in files.documentation_pages() for linked in _linked(page)}:
        if place.startswith("code/") and files.get_file_from_path(place) is None:
            name = place.removeprefix("code/").removesuffix(".md")
            text, kind = (ROOT / name).read_text(encoding="utf-8"), Path(name).suffix.removeprefix(".")
            page = f"---\nsearch: {{exclude: true}}\n---\n# {name}\n\n{FENCE}{kind}\n{text}\n{FENCE}\n"
            files.append(File.generated(config, place, content=page, inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where their files are in the site, and leave out what readers do not see."""
    here = page.file.src_uri
    if here.startswith("code/"):
        return markdown
    if here == "commands.md":
        return markdown + "".join(_helps(bench, click.Context(bench, info_name="bench", terminal_width=WIDTH)))

    def pointed(found: re.Match[str]) -> str:
        if not found["path"]:
            return found[0]
        target = _in_site(_resolved(here, found["path"]))
        if not target:
            return found["text"][1:-1]
        return f"{found['text']}({posixpath.relpath(target, posixpath.dirname(here) or '.')}{found['anchor'] or ''})"

    return CODE_OR_LINK.sub(pointed, COMMENT.sub("", markdown))


def _helps(command: click.Command, context: click.Context) -> Iterator[str]:
    """A section for a command, as its `--help`, and one for each of its own."""
    depth = context.command_path.count(" ") + 2
    yield f"\n{'#' * depth} {context.command_path}\n\n{FENCE}text\n{command.get_help(context)}\n{FENCE}\n"
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        found = command.get_command(context, name)
        if found is not None:
            yield from _helps(found, click.Context(found, parent=context, info_name=name, terminal_width=WIDTH))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Take the script that the theme would fetch, for search in pages that are opened as files, from the site."""
    script = posixpath.relpath("frame_worker.js", posixpath.dirname(page.url) or ".")
    return output.replace(FETCHED, script)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """Likewise in the page that says that there is no such page."""
    return output_content.replace(FETCHED, "frame_worker.js")


def _linked(page: File) -> set[str]:
    """The files of the repository that a page links to, by their paths there."""
    found = CODE_OR_LINK.finditer(page.content_string)
    return {_resolved(page.src_uri, link["path"]) for link in found if link["path"]}


def _resolved(page: str, link: str) -> str:
    """Where a link of a page leads to, as a path in the repository."""
    home = page if page.startswith("results/") else f"docs/{page}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(home), link.replace("\\_", "_")))


def _in_site(path: str) -> str:
    """Where a file of the repository is in the site; empty for a folder, which has no page."""
    if (ROOT / path).is_dir():
        return ""
    if path.startswith("docs/") and not path.endswith(".py"):
        return path.removeprefix("docs/")
    if posixpath.dirname(path) == "results" and path.endswith(SHOWN):
        return path
    return f"code/{path}.md" if (ROOT / path).is_file() else path
