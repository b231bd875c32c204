"""The project's own small data lake: three invented form types, drawn, labelled, with their truth."""

from pipeline.demo.lake import LakeManifest, write_lake
from pipeline.demo.rows import demo_rows

__all__ = ["LakeManifest", "demo_rows", "write_lake"]
