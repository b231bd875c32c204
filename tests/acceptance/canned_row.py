"""A project with one row whose model answers from a can."""

from __future__ import annotations

from tests.acceptance.conftest import Project
from tests.azure.canned import MODEL, PDF, Canned


def point(
    project: Project, can: Canned, *, form_type: str = "bench", backlog: str = "", **columns: object
) -> Project:
    """Add the row, its containers, and the secrets by which it finds the can."""
    for name in ("training", f"backlog/{backlog}"):
        (project.data / name).mkdir(parents=True)
    project.add_row(
        form_type, "", backlog, engine="document-intelligence", api_version="2024-11-30", model_id=MODEL,
        training_container_name="training", scoring_container_name="backlog", **columns,
    )  # fmt: skip
    lines = [f"{name}={value}" for name, value in can.secrets.items()]
    (project.folder / ".env").write_text("\n".join(lines))
    return project


def fill(project: Project, documents: int, *, first: int = 0) -> None:
    """Put documents of different contents into the backlog."""
    for number in range(first, first + documents):
        put(project, f"{number:04d}.pdf")


def put(project: Project, name: str) -> None:
    (project.data / "backlog" / name).write_bytes(PDF + f"% {name}\n".encode())


def outcomes(project: Project) -> list[tuple[object, ...]]:
    return project.sql("SELECT stage, outcome, count(*) FROM document GROUP BY 1, 2 ORDER BY 1, 2")
