"""The hourly run in Airflow 3: copy to the folder of DAGs of workers that have the command `formpipe`.

One task per enabled form type, run beside each other; runs share models and limits by the database. Each
pushes its summary (config/run-summary.schema.json) as its XCom, and a task after it fails where a person is
needed. Settings and secrets are those of the worker's environment, none is in this file.
AIRFLOW_FORMPIPE_FOLDER is the folder of formpipe.toml, AIRFLOW_FORMPIPE_COMMAND the command where it is not
on the PATH: a virtual environment of its own keeps its packages apart from Airflow's.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

COMMAND = os.environ.get("AIRFLOW_FORMPIPE_COMMAND", "formpipe")
FOLDER = os.environ.get("AIRFLOW_FORMPIPE_FOLDER", ".")
MINUTES = 50
AT_ONCE = 4
"""Form types that are worked on at once, on all workers together."""


@task(retries=2, retry_delay=timedelta(minutes=1))
def form_types() -> list[dict[str, str]]:
    """The enabled rows, as environments of the tasks."""
    answer = subprocess.run(
        [*shlex.split(COMMAND), "params", "list", "--output", "json"],
        check=True,
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    rows = json.loads(answer.stdout)["form_types"]
    return [{"FORM_TYPE": row["form_type"]} for row in rows if row["enabled"]]


@task(map_index_template="{{ form_type }}", retries=0)
def judge(summary: dict[str, Any]) -> None:
    """Fails where the run says that something needs a person."""
    from airflow.sdk import get_current_context

    rows = summary["rows"]
    get_current_context()["form_type"] = ", ".join(row["form_type"] for row in rows) or "none"  # type: ignore[typeddict-unknown-key]
    if summary["exit_code"]:
        ended = [f"{row['form_type']}: {row['state']} {row['reason'] or ''}" for row in rows]
        ended += [f"{each['documents']} {each['outcome']}: {each['reason']}" for each in summary["failures"]]
        raise AirflowFailException("; ".join(ended) or "see the summary")


with DAG(
    "formpipe",
    description="Train what changed, score what is new",
    schedule="5 * * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=2 * MINUTES),
    tags=["forms"],
) as dag:
    # 1 needs a person and is told by the summary; 3 and 130 are worth another try. On a stop, Airflow sends
    # SIGTERM to the process group, and the run ends cleanly.
    run = BashOperator.partial(
        task_id="run",
        bash_command=(
            f'{COMMAND} run --form-type "$FORM_TYPE" --max-minutes {MINUTES} --output json || [ $? -eq 1 ]'
        ),
        cwd=FOLDER,
        append_env=True,
        output_processor=json.loads,
        map_index_template="{{ task.env['FORM_TYPE'] }}",
        max_active_tis_per_dag=AT_ONCE,
        execution_timeout=timedelta(minutes=MINUTES + 5),
        retries=2,
        retry_delay=timedelta(minutes=2),
    ).expand(env=form_types())
    judge.expand(summary=run.output)
