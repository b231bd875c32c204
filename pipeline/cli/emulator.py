"""`formpipe emulator`: the services on this machine, for rehearsals."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from pipeline.cli.console import out
from pipeline.errors import RunError


def emulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5000,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="A key to accept; each is a resource of its own.",
            envvar="EMULATOR_KEYS",
            show_default="emulator-key",
        ),
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="A bearer token to accept, and no other.",
            envvar="EMULATOR_TOKENS",
            show_default="any for this service",
        ),
    ] = None,
    tier: Annotated[Literal["F0", "S0"], typer.Option(help="Whose limits are enforced.")] = "S0",
    state: Annotated[Path, typer.Option(help="Where models and results are kept.")] = Path("emulator"),
    workers: Annotated[int, typer.Option(help="Processes that read and train.", min=1, max=64)] = 2,
    faults: Annotated[
        Path | None, typer.Option(help="A fault plan (JSON), see docs/emulator.md.", show_default=False)
    ] = None,
    containers: Annotated[
        str,
        typer.Option(
            help="Where projects of texts find their containers: a URL with {container} in it, or a folder.",
            envvar="EMULATOR_CONTAINERS",
            show_default=False,
        ),
    ] = "",
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Do not enforce the tier's rates.")] = False,
) -> None:
    """Speak Form Recognizer, Document Intelligence and Language with the local engine. Ctrl-C ends it."""
    try:
        import uvicorn

        from pipeline.emulator.app import create_app
        from pipeline.emulator.faults import FaultFile, FaultPlan, read_plan
        from pipeline.emulator.options import EmulatorOptions
    except ImportError:
        raise RunError(
            "the emulator needs more packages: pip install 'formpipe[emulator]'",
            reason="emulator-not-installed",
        ) from None
    plan = read_plan(_text(faults)) if faults else FaultFile()
    keys = tuple(each for each in key or () if each) or ("emulator-key",)
    _require_free(host, port)
    options = EmulatorOptions(
        state=state,
        keys=keys,
        tokens=tuple(token or ()),
        tier=tier,
        workers=workers,
        unlimited=unlimited,
        faults=FaultPlan(plan.rules, plan.seed),
        containers=containers,
    )
    try:
        app = create_app(options)
    except OSError as error:
        raise RunError(f"the state folder {state} cannot be used: {error.strerror}", reason="state") from None
    out.print(
        f"Speaking Form Recognizer, Document Intelligence and Language at http://{host}:{port}, {tier}."
    )
    out.print(f"Models and results are kept in {escape(str(state))}; its access.jsonl tells who asked what.")
    out.print(
        "\nPoint rows at it by two secrets:\n\n"
        f"  CognitiveServiceEndpoint=http://{host}:{port}\n"
        f"  CognitiveServiceSubscriptionKey={escape(keys[0])}\n"
    )
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise RunError(f"the fault plan {file} cannot be read: {why}", reason="fault-plan") from None


def _require_free(host: str, port: int) -> None:
    """Raise RunError where nobody can listen there: before it is said that somebody does."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise RunError(
            f"cannot listen on {host} port {port} ({error.strerror}): take another --port or --host",
            reason="port-taken",
        ) from None
