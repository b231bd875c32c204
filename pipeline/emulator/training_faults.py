"""Why a training came to nothing, in the codes of Form Recognizer v2 (CONTRACTS 2.6)."""

from __future__ import annotations

from dataclasses import replace

from pipeline.emulator.container import UNREADABLE
from pipeline.errors import FormpipeError
from pipeline.remote import ServiceFault

GENERIC = ServiceFault("3014", "Generic error during training.")
_UNLISTED = ServiceFault("2012", "Unable to list blobs on the Azure blob storage account.")
_UNUSABLE = ServiceFault(
    "2014",
    "No valid blobs found in the specified Azure blob container. Please conform to the document "
    "format/size/page/dimensions requirements.",
)
_EMPTY = ("untrainable", "no-layouts", "nothing-to-train-on", "container-missing", "training-set-too-large")


def training_fault(error: FormpipeError) -> ServiceFault:
    """What was wrong with a training set. `target` is the reason; of a container that cannot be read, what
    storage said of it."""
    if error.reason == UNREADABLE:
        return replace(_UNLISTED, target=str(error))
    return replace(_UNUSABLE if error.reason in _EMPTY else GENERIC, target=error.reason)
