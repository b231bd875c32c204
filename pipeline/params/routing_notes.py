"""What is to be known of routers: what their classes name, and whose documents they would get. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.types import Finding, FormType

_NAMED = 4


def routing_notes(rows: Sequence[FormType], classes: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Of every router that is on. `classes`: what each learns to tell apart, where that is known."""
    on = [row for row in rows if row.enabled]
    targets = {row.form_type for row in on if not row.routes}
    for router in (row for row in on if row.routes):
        yield from _classes(router, classes.get(router.form_type, ()), targets, on)
        yield from _shared(router, on)


def _classes(
    router: FormType, classes: Sequence[str], targets: set[str], rows: Sequence[FormType]
) -> Iterator[Finding]:
    name = router.form_type
    routers = {row.form_type for row in rows if row.routes}
    unknown = [each for each in classes if each not in targets]
    to_routers = [each for each in unknown if each in routers]
    if to_routers:
        message = f"{_few(to_routers)}: a router hands nothing on to a router, itself included"
        yield Finding("warning", "class-is-router", name, message)
    if classes and len(unknown) == len(classes):
        message = f"none of its classes ({_few(classes)}) is a form type that is on: every document waits"
        yield Finding("warning", "router-without-targets", name, message)
    elif others := [each for each in unknown if each not in routers]:
        message = f"documents of {_few(others)} stay unrouted: no form type of that name is on"
        yield Finding("warning", "class-without-form-type", name, message)


def _shared(router: FormType, rows: Sequence[FormType]) -> Iterator[Finding]:
    """Other rows that take the mixed documents as theirs, whatever they are."""
    for row in rows:
        if row is not router and _place(row) == _place(router) and _overlap(row, router):
            message = (
                f"{row.form_type} reads the same backlog: it scores every document there, whatever it is"
            )
            yield Finding("warning", "backlog-of-router-shared", router.form_type, message)


def _place(row: FormType) -> tuple[str, str]:
    return (row.secrets.scoring_account, row.scoring_container)


def _overlap(one: FormType, other: FormType) -> bool:
    return one.scoring_folder.startswith(other.scoring_folder) or other.scoring_folder.startswith(
        one.scoring_folder
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
