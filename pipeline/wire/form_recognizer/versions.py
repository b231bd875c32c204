"""What differs between the versions of Form Recognizer v2 on the wire.

Sources: the published OpenAPI files of each version and the recorded sessions of the vendor's SDK; for
v2.0-preview the documentation of the feedback loop (October 2019). Which operations a version has at all
is in `config/services.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `layout_pages` is the name of that query parameter, empty where there is none.

    `feedback_loop`: trains by `asyncTrain`, reads layouts by `readLayout`, is sent forms as multipart.
    `model_names`: training and compose take a `modelName`. `read_language`, `selection_marks`,
    `mark_values`, `appearance` and `table_boxes`: what the version tells of what it read. `layout_bmp` and
    `analyze_bmp`: whether bitmaps are taken.
    """

    name: str
    feedback_loop: bool = False
    model_names: bool = False
    analyze_pages: bool = False
    layout_pages: Literal["", "Pages", "pages"] = ""
    layout_language: bool = False
    reading_order: bool = False
    read_language: bool = False
    selection_marks: bool = False
    mark_values: bool = False
    appearance: bool = False
    table_boxes: bool = False
    layout_bmp: bool = False
    analyze_bmp: bool = False

    @property
    def base(self) -> str:
        return f"/formrecognizer/{self.name}"

    @property
    def models(self) -> str:
        return f"{self.base}/custom/models"


_ALL = (
    Version("v2.0-preview", feedback_loop=True, read_language=True),
    Version("v2.0", read_language=True),
    Version("v2.1-preview.1", model_names=True, read_language=True, selection_marks=True),
    Version(
        "v2.1-preview.2",
        model_names=True,
        layout_pages="Pages",
        layout_language=True,
        read_language=True,
        selection_marks=True,
        appearance=True,
        table_boxes=True,
        layout_bmp=True,
    ),
    Version(
        "v2.1-preview.3",
        model_names=True,
        analyze_pages=True,
        layout_pages="pages",
        layout_language=True,
        reading_order=True,
        read_language=True,
        selection_marks=True,
        appearance=True,
        table_boxes=True,
        layout_bmp=True,
        analyze_bmp=True,
    ),
    Version(
        "v2.1",
        model_names=True,
        analyze_pages=True,
        layout_pages="pages",
        layout_language=True,
        reading_order=True,
        selection_marks=True,
        mark_values=True,
        appearance=True,
        table_boxes=True,
        layout_bmp=True,
        analyze_bmp=True,
    ),
)

VERSIONS: Mapping[str, Version] = MappingProxyType({version.name: version for version in _ALL})
