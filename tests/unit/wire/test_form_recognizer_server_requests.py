"""Requests as a service reads them: what the product's client writes, what the OpenAPI examples show, and
what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.remote import ContainerLink, CopyAuthorization, TrainingRequest
from pipeline.wire.form_recognizer import requests
from pipeline.wire.form_recognizer import server_requests as server
from pipeline.wire.form_recognizer.requests import CopyTarget
from pipeline.wire.form_recognizer.versions import VERSIONS, Version
from tests.unit.wire.samples import Sample, each
from tests.unit.wire.samples import requests as published

LINK = ContainerLink("source", "https://account.blob.core.windows.net/forms?sig=1")
TARGET = CopyTarget("/subscriptions/s/accounts/a", "westus2")


def examples(name: str) -> list[Any]:
    """The published request bodies of one kind."""
    return each(
        [
            Sample(sample.place, sample.body[name])
            for sample in published("formrecognizer")
            if name in sample.body
        ]
    )


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("subfolders", [True, False])
@pytest.mark.parametrize("labels", [True, False])
def test_trainings_are_read_as_the_client_meant_them(
    version: Version, subfolders: bool, labels: bool
) -> None:
    name = "bills" if version.model_names else ""
    meant = TrainingRequest(name, LINK, "folder/", subfolders, labels)
    assert server.read_training(requests.train(version, meant).json) == meant


def test_copies_and_compositions_are_read_as_the_client_meant_them() -> None:
    version = VERSIONS["v2.1"]
    leave = CopyAuthorization("id", None, {"modelId": "id", "accessToken": "secret"})
    assert server.read_copy(requests.copy(version, "m", TARGET, leave).json) == "secret"
    assert server.read_model_ids(requests.compose(version, ["a", "b"], "n").json) == (["a", "b"], "n")


@pytest.mark.parametrize("sample", examples("trainRequest"))
def test_published_trainings_are_read(sample: Sample) -> None:
    told = server.read_training(sample.body)
    assert told.source.url == sample.body["source"]
    assert told.prefix == sample.body.get("sourceFilter", {}).get("prefix", "")
    assert told.labels == sample.body.get("useLabelFile", False)


@pytest.mark.parametrize("sample", examples("composeRequest"))
def test_published_compositions_are_read(sample: Sample) -> None:
    assert server.read_model_ids(sample.body)[0] == sample.body["modelIds"]


@pytest.mark.parametrize("sample", examples("copyRequest"))
def test_published_copies_are_read(sample: Sample) -> None:
    assert server.read_copy(sample.body) == sample.body["copyAuthorization"]["accessToken"]


@pytest.mark.parametrize(
    ("told", "meant"), [("true", True), ("True", True), (True, True), ("false", False), (None, False)]
)
def test_booleans_may_be_words(told: object, meant: bool) -> None:
    body = {"source": LINK.url, "sourceFilter": {"includeSubFolders": told}, "useLabelFile": told}
    request = server.read_training(body)
    assert (request.include_subfolders, request.labels) == (meant, meant)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"source": 1},
        {"source": ""},
        {"source": "https://" + "x" * 2048},
        {"source": LINK.url, "sourceFilter": "folder"},
        {"source": LINK.url, "sourceFilter": {"prefix": "x" * 1025}},
    ],
)
def test_trainings_without_sense_are_refused(body: Any) -> None:
    with pytest.raises(server.BadRequestError) as caught:
        server.read_training(body)
    assert (caught.value.status, caught.value.fault.code) == (400, "1002")


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"copyAuthorization": {"accessToken": "a"}},
        {"targetResourceId": "/a", "targetResourceRegion": "westus2"},
        {
            "targetResourceId": "/a",
            "targetResourceRegion": "West US",
            "copyAuthorization": {"accessToken": "a"},
        },
    ],
)
def test_copies_without_target_or_leave_are_refused(body: Any) -> None:
    with pytest.raises(server.BadRequestError):
        server.read_copy(body)


@pytest.mark.parametrize("body", [None, {"modelIds": []}, {"modelIds": "a"}, {"modelIds": [1]}])
def test_compositions_of_nothing_are_refused(body: Any) -> None:
    with pytest.raises(server.BadRequestError):
        server.read_model_ids(body)


@pytest.mark.parametrize(
    ("text", "pages"),
    [(None, ()), ("", ()), ("2", (2,)), ("1-3,5", (1, 2, 3, 5)), ("2, 1-2", (2, 1))],
)
def test_pages_are_read(text: str | None, pages: tuple[int, ...]) -> None:
    assert server.read_pages(text) == pages


@pytest.mark.parametrize("text", ["a", "1-", "3-1", "0", "1;2", "-1"])
def test_pages_without_sense_are_refused(text: str) -> None:
    with pytest.raises(server.BadRequestError):
        server.read_pages(text)


@pytest.mark.parametrize("body", [None, {}, {"source": "file:///etc/passwd"}, {"source": 1}])
def test_documents_come_from_the_web_only(body: Any) -> None:
    with pytest.raises(server.BadRequestError) as caught:
        server.read_source(body)
    assert caught.value.fault.code == "FailedToDownloadImage"
