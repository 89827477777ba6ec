"""Make the committed pictures again from the committed cells: the figures and, given video, a screenshot of the report.

    .venv/bin/python results/pictures.py [DATA]

DATA holds ped2 and ped1, for the frames in the report; the screenshot takes Debian's chromium and playwright.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from crossvad.verification.reproduction import committed

HERE = Path(__file__).parent
PAIRS = "--where 'pair=path:normal->ped2,ped2->ped1,synthetic-street->synthetic-plaza'"
ADAPTED = f"--where budget=quick --where support=train-head,scene-head {PAIRS}"
TARGETS = "--where target=ped1,ped2,shanghaitech,synthetic-plaza,synthetic-cameras"
FIFTEEN = f"--where budget=quick --where source=ucf+path:normal+avenue+synthetic-street {TARGETS}"
FIGURES = {
    "matrix.svg": (
        "bench plot matrix --where budget=quick --where method=apn --where shots=0,10 --where steps=0,10 "
        "--where tuning=none,finetune --where support=none,train-head,scene-head --where seed=0 "
        f"--where source=ucf,path:normal,ped2,avenue,synthetic-street {TARGETS} --out"
    ),
    "sources.svg": (
        "bench plot cameras --where budget=quick --where seed=0 "
        "--where source=ucf,path:normal,avenue,ped2,synthetic-street "
        f"--where support=none,train-head,scene-head {TARGETS} --where shots=0,10 --where steps=0,10 "
        "--where method=apn,apn[paper],framepred,mpn,lmn,memae,framediff,speed --out"
    ),
    "shots.svg": (
        f"bench plot shots {ADAPTED} --where tuning=finetune --where steps=10 --where method=apn[paper],"
        "apn[motion=0.0,perspective=none],apn[motion=0.0,perspective=none,pool=patch],lmn,memae,framepred,mpn,framediff,"
        "extrapolate --out"
    ),
    "steps.svg": (
        f"bench plot steps {ADAPTED} --where tuning=finetune --where shots=10 "
        "--where method=apn[paper],apn[motion=0.0,perspective=none,pool=patch],framediff,extrapolate --out"
    ),
    "cameras.svg": (
        f"bench plot cameras {FIFTEEN} "
        "--where method=apn,apn[paper],framepred,lmn,memae,mpn,framediff,speed,support-mean --out"
    ),
    "audit.svg": "bench audit protocol --stored --out",
}
REPORT = (
    f"bench report {FIFTEEN} --where shots=0,10 --where method=apn,apn[paper],framepred,lmn,memae,mpn,framediff,speed"
)
CELL = ("apn", "avenue+path:normal+synthetic-street+ucf", "ped2")  # the one whose page is shown


def main(data: str | None) -> None:
    """Write the figures and, given video, the screenshot, report.png."""
    with committed(HERE) as results, tempfile.TemporaryDirectory() as folder:
        for name, command in FIGURES.items():
            bench(f"{command} {HERE / name}", results)
        if data is not None:
            page = Path(folder) / "report.html"
            bench(f"{REPORT} --data {data} --out {page}", results)
            screenshot(page, HERE / "report.png")


def bench(command: str, results: Path) -> None:
    """Run a command on the committed cells."""
    words = [*shlex.split(command), "--results", str(results)]
    words[0] = str(Path(sys.executable).parent / words[0])
    subprocess.run(words, check=True, capture_output=True)


def screenshot(page: Path, out: Path) -> None:
    """The report's first board above a cell's page."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1240, "height": 800})
        tab.goto(page.as_uri())
        views = [Path(folder) / "overview.png", Path(folder) / "cell.png"]
        tab.screenshot(path=views[0])
        tab.goto(f"{page.as_uri()}#{urlencode(dict(zip(('method', 'source', 'target'), CELL, strict=True)))}")
        tab.click("#boards tbody a >> nth=0")
        tab.screenshot(path=views[1])
        browser.close()
        both = [Image.open(view) for view in views]
        stack = Image.new("RGB", (both[0].width, sum(each.height for each in both) + 20), "#888888")
        stack.paste(both[0], (0, 0))
        stack.paste(both[1], (0, both[0].height + 20))
        stack.quantize(128).save(out, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
