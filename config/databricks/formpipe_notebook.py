# Databricks notebook source
# MAGIC %md
# MAGIC # Score one form type
# MAGIC
# MAGIC For pipelines that call a notebook per form type: a widget for each parameter, and behind them the
# MAGIC same run as everybody's. Leave `form_type` empty for all of them. The cluster needs the formpipe
# MAGIC wheel, and its settings as environment variables (docs/scheduling-databricks.md). The answer is the
# MAGIC run's summary as JSON.

# COMMAND ----------

import io
import sys
from contextlib import redirect_stdout

from databricks.sdk.runtime import dbutils

from pipeline.cli.main import main

dbutils.widgets.text("form_type", "", "Form type")
dbutils.widgets.text("max_minutes", "50", "Minutes at most")
dbutils.widgets.dropdown("executor", "spark", ["spark", "local"], "Who scores")

# COMMAND ----------

form_type = dbutils.widgets.get("form_type").strip()
words = ["run", "--executor", dbutils.widgets.get("executor")]
words += ["--form-type", form_type] if form_type else []
words += ["--max-minutes", dbutils.widgets.get("max_minutes"), "--output", "json"]

answer = io.StringIO()
sys.argv = ["formpipe", *words]
try:
    with redirect_stdout(answer):
        main()
finally:
    sys.stdout.write(answer.getvalue())

# COMMAND ----------

dbutils.notebook.exit(answer.getvalue())
