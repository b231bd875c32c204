"""The project file of the Language service among the `.json` files of a folder, known by its content."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pipeline.errors import RowError
from pipeline.formats.project_json import holds_project


def find_project(files: Iterable[tuple[str, bytes]]) -> tuple[str, bytes]:
    """The one project file among these (name and content), each of which is let go of before the next.

    Raises RowError: `project-missing`, `project-unreadable` where there is none and a file is no JSON, or
    `project-ambiguous` where there are several.
    """
    found: list[tuple[str, bytes]] = []
    broken: list[str] = []
    for name, content in files:
        try:
            if holds_project(content):
                found.append((name, content))
        except json.JSONDecodeError as error:
            broken.append(f"{name}: {error.msg}, line {error.lineno}")
        except UnicodeDecodeError:
            broken.append(f"{name}: not in UTF-8")
        except RecursionError:
            broken.append(f"{name}: nested too deeply")
    if len(found) == 1:
        return found[0]
    raise _several([name for name, _ in found]) if found else _none(broken)


def _several(names: list[str]) -> RowError:
    return RowError(
        f"The training folder has {len(names)} project files ({', '.join(sorted(names))}): leave one.",
        reason="project-ambiguous",
    )


def _none(broken: list[str]) -> RowError:
    if broken:
        return RowError(
            "The training folder has no project file that can be read; these are no JSON: "
            f"{', '.join(broken)}. Export the project again, or mend the file.",
            reason="project-unreadable",
        )
    return RowError(
        "The training folder has no project file of the Language service (a .json file with "
        "`documents` and their entities or classes): export one from the project, or write one.",
        reason="project-missing",
    )
