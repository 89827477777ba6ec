"""The test suite as whoever has a release would run it: from an sdist, against the wheel that is made of it.

    python tests/release.py                           # all of it
    python tests/release.py tests/live --exitfirst    # words of pytest's

The wheel goes into a fresh environment, which finds the packages of this one beneath it, but not its crossvad. Nothing
is downloaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHERE = "import crossvad; print(crossvad.__file__)"


def main() -> int:
    """Build, install, unpack and test; gives the exit code of the tests."""
    with tempfile.TemporaryDirectory(prefix="crossvad-release-") as folder:
        home = Path(folder)
        called(sys.executable, "-m", "build", "--no-isolation", "--outdir", home, ROOT)
        (wheel,), (sdist,) = home.glob("*.whl"), home.glob("*.tar.gz")
        python = environment(home / "env", wheel)
        with tarfile.open(sdist) as packed:
            packed.extractall(home, filter="data")
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        settings["PATH"] = os.pathsep.join([str(python.parent), os.environ["PATH"]])
        tests = home / sdist.name.removesuffix(".tar.gz")
        found = subprocess.check_output([python, "-c", WHERE], cwd=tests, env=settings, text=True).strip()
        print(f"{wheel.name} and {sdist.name}: crossvad is {found}", flush=True)
        if not Path(found).is_relative_to(home / "env"):
            sys.exit("The tests would not be of the wheel.")
        return subprocess.run([python, "-m", "pytest", *sys.argv[1:]], cwd=tests, env=settings).returncode


def environment(folder: Path, wheel: Path) -> Path:
    """Make an environment of a wheel alone, above the packages of this one; gives its Python."""
    called(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    called(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    # Packages are found in a folder that is named so, but its own .pth files are not read: ours is one of them.
    (site / "beneath.pth").write_text(sysconfig.get_path("purelib"))
    return python


def called(*words: object) -> None:
    """Run a command, of which is seen what goes wrong alone."""
    done = subprocess.run([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
