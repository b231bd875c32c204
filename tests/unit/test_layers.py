"""Imports point down only, and never in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pipeline"

FLOORS = {
    "types": 0,
    "errors": 0,
    "remote": 0,
    "printable": 0,
    "texts": 0,
    "ports": 1,
    "settings": 1,
    "services": 1,
    "prices": 1,
    "sas": 1,
    "rates": 1,
    "logs": 1,
    "formats": 1,
    "wire": 1,
    "values": 1,
    "rest": 2,
    "db": 2,
    "reading": 2,
    "learning": 2,
    "secrets": 3,
    "storage": 3,
    "engines": 3,
    "sinks": 3,
    "executors": 3,
    "params": 4,
    "training": 4,
    "scoring": 4,
    "reports": 4,
    "operations": 4,
    "delivering": 4,
    "orchestrator": 5,
    "accounts": 6,
    "outlets": 6,
    "telemetry": 6,
    "remote_engines": 6,
    "wiring": 6,
    "service_checks": 6,
    "worker": 6,
    "hand": 6,
    "crews": 6,
    "emulator": 6,
    "review": 6,
    "demo": 6,
    "cli": 7,
}
STRANGERS = {2, 3}
"""Floors whose rooms do not know each other."""

ADAPTERS = {"storage", "engines", "sinks", "executors", "secrets"}
MAY_IMPORT_ADAPTERS = {
    "wiring",
    "worker",
    "crews",
    "accounts",
    "outlets",
    "remote_engines",
    "service_checks",
    "emulator",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def names_in(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


PATHS = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def module_of(name: str) -> str | None:
    """The module of ours that an imported name is, or lies in."""
    if name in PATHS:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in PATHS else None


MODULES = {
    module: {m for name in names_in(path) if (m := module_of(name)) and m != "pipeline"}
    for module, path in PATHS.items()
}
IMPORTS = [(m, name) for m, names in MODULES.items() for name in sorted(names) if m != "pipeline"]


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in MODULES if "." in module} <= set(FLOORS)


def test_imports_point_down() -> None:
    upward = [(m, n) for m, n in IMPORTS if FLOORS[room(m)] < FLOORS[room(n)]]
    assert not upward


def test_rooms_of_one_floor_of_adapters_do_not_know_each_other() -> None:
    between = [
        (m, n)
        for m, n in IMPORTS
        if room(m) != room(n) and FLOORS[room(m)] == FLOORS[room(n)] and FLOORS[room(m)] in STRANGERS
    ]
    assert not between


def test_only_wiring_knows_adapters() -> None:
    outside = [
        (m, n)
        for m, n in IMPORTS
        if room(n) in ADAPTERS and room(m) != room(n) and room(m) not in MAY_IMPORT_ADAPTERS
    ]
    assert not outside


def test_no_module_imports_itself_by_way_of_others() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for name in MODULES[module]:
                visit(name, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    assert not [m for m in MODULES if drawers & set(m.split("."))]
