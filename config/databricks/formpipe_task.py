"""The command as a Python file, for a Databricks Python activity: its parameters are the command's words."""

from pipeline.cli.main import main

if __name__ == "__main__":
    main()
