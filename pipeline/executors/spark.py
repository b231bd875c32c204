"""Tasks in Spark: a session that is there or is begun here, and one job for many tasks.

Scheduling, retries and lost executors are Spark's. Only the DataFrame API is used, which Spark Connect has
too: a job is a range of numbers, one to a partition, and a function of Python over them."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pipeline.errors import AttemptError, RunError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB_FAILED = "hands-lost"
JAVA = 17
"""The oldest Java that Spark 4 runs on (spark.apache.org, Spark 4 overview: "Spark runs on Java 17/21")."""
_TRIES = 4
"""Of a task in one process, where Spark itself tries once only; elsewhere it is spark.task.maxFailures."""
_LOCAL = re.compile(r"local(\[.*\]|-cluster\[.*\])?")

Task = TypeVar("Task")


class SparkTasks:
    """Tasks go to `perform(setup, task)` in Spark's processes, which answers with a text."""

    def __init__(self, session: SparkSession, *, ours: bool) -> None:
        self._session = session
        self._ours = ours
        self._tags: set[str] = set()
        self._lock = threading.Lock()

    @property
    def master(self) -> str | None:
        """What the session is connected to, None where that cannot be told (Spark Connect)."""
        context = self._context()
        return None if context is None else str(context.master)

    def slots(self) -> int:
        """Tasks that run at once, as far as is known now."""
        context = self._context()
        return 16 if context is None else int(context.defaultParallelism)

    def share(self, content: bytes) -> Callable[[], bytes] | None:
        """Content that each process gets once; None where there is no broadcasting (Spark Connect)."""
        context = self._context()
        return None if context is None else Shared(context.broadcast(content))

    def perform(
        self,
        call: Callable[[Any, Task], str],
        setup: Any,
        tasks: Sequence[Task],
        *,
        title: str,
        tag: str,
    ) -> list[str]:
        """One job; the answers when all tasks have ended. `title` is shown in Spark's pages. Raises
        AttemptError (`hands-lost`) where Spark gave the job up, or it was cancelled."""
        from pyspark.errors import PySparkException
        from pyspark.sql.functions import udf

        body = udf(Call(call, setup, tuple(tasks)), "string", useArrow=False).asNondeterministic()
        count = len(tasks)
        self._begin(title, tag)
        try:
            numbers = self._session.range(0, count, 1, numPartitions=count)
            rows = numbers.select(body(numbers["id"]).alias("told")).collect()
        except PySparkException as error:
            raise _given_up(title, error) from None
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("py4j", "grpc"):
                raise
            raise _given_up(title, error) from None
        finally:
            self._end(tag)
        return [row["told"] for row in rows]

    def cancel(self) -> None:
        """End every job of this object; from any thread."""
        with self._lock:
            tags = list(self._tags)
        context = self._context()
        cancel = self._session.interruptTag if context is None else context.cancelJobsWithTag
        for tag in tags:
            cancel(tag)

    def close(self) -> None:
        """Stop a session that was begun here."""
        if self._ours:
            self._session.stop()

    def _begin(self, title: str, tag: str) -> None:
        with self._lock:
            self._tags.add(tag)
        context = self._context()
        if context is None:
            self._session.addTag(tag)
            return
        context.addJobTag(tag)  # a session's own tags are known to the thread alone that added them
        context.setJobDescription(title)

    def _end(self, tag: str) -> None:
        with self._lock:
            self._tags.discard(tag)
        context = self._context()
        try:
            if context is None:
                self._session.removeTag(tag)
            else:
                context.removeJobTag(tag)
        except Exception:
            """The session has ended."""

    def _context(self) -> Any:
        """The SparkContext, None in Spark Connect, which has none."""
        from pyspark.errors import PySparkException

        try:
            return self._session.sparkContext
        except (PySparkException, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Shared:
    """A broadcast, as it travels."""

    handle: Any

    def __call__(self) -> bytes:
        content: bytes = self.handle.value
        return content


@dataclass(frozen=True, slots=True)
class Call(Generic[Task]):
    """What Spark does with a number: the task of that number."""

    call: Callable[[Any, Task], str]
    setup: Any
    tasks: tuple[Task, ...]

    def __call__(self, number: int) -> str:
        return self.call(self.setup, self.tasks[number])


# --- the session ------------------------------------------------------------------------------------


def open_spark(master: str | None, environment: Mapping[str, str] = os.environ) -> SparkTasks:
    """The session that is there, or one on this `master` (Spark's own default for None).

    Raises RunError: `spark-not-installed`, `java-missing`, `java-too-old`, `spark-session`."""
    try:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ImportError:
        raise RunError(
            "the Spark executor needs one more package: pip install 'formpipe[spark]'",
            reason="spark-not-installed",
        ) from None
    there = SparkSession.getActiveSession()
    if there is not None:
        return SparkTasks(there, ours=False)
    databricks = "DATABRICKS_RUNTIME_VERSION" in environment
    elsewhere = is_connect(master, environment) or databricks
    of_another = databricks or SparkContext._active_spark_context is not None  # begun in another thread
    if not elsewhere:
        require_java(environment)
        quiet()
    session = _apart(lambda: _begun(master, elsewhere))
    return SparkTasks(session, ours=not of_another)


def _begun(master: str | None, elsewhere: bool) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("formpipe")
    if master and master.startswith("sc://"):
        builder = builder.remote(master)
    elif master or not elsewhere:
        chosen = tried_again(master or "local[*]")
        builder = builder.master(chosen).config("spark.ui.showConsoleProgress", "false")
        if is_local(chosen):
            _at_home(builder)
    try:
        session = builder.getOrCreate()
    except ImportError:
        raise RunError(
            "Spark Connect needs more packages: pip install 'pyspark[connect]'", reason="spark-not-installed"
        ) from None
    except Exception as error:
        raise RunError(
            f"Spark does not start on {master or 'its default master'} ({type(error).__name__}): see what it "
            "said above, and mend --master or FORMPIPE_SPARK_MASTER",
            reason="spark-session",
        ) from None
    return session


def _at_home(builder: Any) -> None:
    """All of Spark on this machine: no port is open to others, and its processes run this very Python."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")


def _apart(work: Callable[[], Any]) -> Any:
    """In a thread: in the main one a new SparkContext would answer Ctrl-C by itself."""
    came: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            came.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return came[0]


def is_local(master: str | None) -> bool:
    """Whether all of Spark is on this machine: `local`, `local[2]`, `local-cluster[2,1,1024]`."""
    return master is not None and _LOCAL.fullmatch(master) is not None


def is_connect(master: str | None, environment: Mapping[str, str]) -> bool:
    """Whether the session is one of Spark Connect: nothing of Java here."""
    return (master or "").startswith("sc://") or "SPARK_REMOTE" in environment


def tried_again(master: str) -> str:
    """A `local` master on which Spark tries a task again, which it does elsewhere by itself."""
    if master == "local":
        return f"local[1,{_TRIES}]"
    found = re.fullmatch(r"local\[([^,\]]+)\]", master)
    return f"local[{found[1]},{_TRIES}]" if found else master


def require_java(environment: Mapping[str, str]) -> None:
    """Raise RunError unless Spark will find a Java that it runs on."""
    home = environment.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    found = shutil.which(java, path=environment.get("PATH"))
    if found is None:
        told = f"JAVA_HOME is {home}, and there is no Java" if home else "there is none here"
        raise RunError(
            f"Spark needs Java {JAVA} or newer: {told}. Install one (Debian: apt-get install "
            f"openjdk-{JAVA}-jre-headless), or set JAVA_HOME",
            reason="java-missing",
        )
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(said)
    if version is not None and version < JAVA:
        raise RunError(
            f"Spark needs Java {JAVA} or newer, and {found} is {version}: install one, and set JAVA_HOME",
            reason="java-too-old",
        )


def java_version(said: str) -> int | None:
    """The major version of what `java -version` says: 17 of `"17.0.15"`, 8 of `"1.8.0_392"`."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def quiet() -> None:
    """py4j tells every call at its lowest level; a warning of it is of no use to anybody."""
    logging.getLogger("py4j").setLevel(logging.ERROR)


def _given_up(title: str, error: Exception) -> AttemptError:
    return AttemptError(
        f"Spark gave up: {title} ({type(error).__name__}); what it said is in its log", reason=JOB_FAILED
    )
