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
    `model_names`: training and compose take a `modelName`.
    """

    name: str
    feedback_loop: bool = False
    model_names: bool = False
    analyze_pages: bool = False
    layout_pages: Literal["", "Pages", "pages"] = ""
    layout_language: bool = False
    reading_order: bool = False

    @property
    def base(self) -> str:
        return f"/formrecognizer/{self.name}"

    @property
    def models(self) -> str:
        return f"{self.base}/custom/models"


_ALL = (
    Version("v2.0-preview", feedback_loop=True),
    Version("v2.0"),
    Version("v2.1-preview.1", model_names=True),
    Version("v2.1-preview.2", model_names=True, layout_pages="Pages", layout_language=True),
    Version(
        "v2.1-preview.3",
        model_names=True,
        analyze_pages=True,
        layout_pages="pages",
        layout_language=True,
        reading_order=True,
    ),
    Version(
        "v2.1",
        model_names=True,
        analyze_pages=True,
        layout_pages="pages",
        layout_language=True,
        reading_order=True,
    ),
)

VERSIONS: Mapping[str, Version] = MappingProxyType({version.name: version for version in _ALL})
