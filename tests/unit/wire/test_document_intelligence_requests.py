"""What a client asks of each version, against the OpenAPI examples."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipeline.remote import ContainerLink, CopyAuthorization, StagedDocument, TrainingRequest
from pipeline.services import load_services
from pipeline.wire.document_intelligence import requests
from pipeline.wire.document_intelligence.requests import (
    BatchTarget,
    Call,
    DocumentLink,
    DocumentSource,
    Notes,
    ReadingOptions,
)
from pipeline.wire.document_intelligence.versions import VERSIONS, Version
from tests.unit.wire.samples import Sample, each
from tests.unit.wire.samples import requests as examples

V30, V31, V40 = VERSIONS["2022-08-31"], VERSIONS["2023-07-31"], VERSIONS["2024-11-30"]
DOCUMENT = StagedDocument("a/1.pdf", Path("/tmp/1.pdf"), 3, "application/pdf", "hash")
LINK = ContainerLink("forms", "https://lake.blob.core.windows.net/forms?sig=canary")
EXAMPLES = examples("documentintelligence")


def having(member: str, fits: Callable[[Sample], bool] = lambda sample: True) -> list[object]:
    """The examples whose request has such a member. Those of 4.0's previews stand for its own, few of which
    were to be had."""
    return each([sample for sample in EXAMPLES if member in sample.body and fits(sample)])


def by_url(member: str) -> list[object]:
    """We send bytes as they are, never as base64 in JSON."""
    return having(member, lambda sample: "urlSource" in str(sample.body[member]))


def version_of(sample: Sample) -> Version:
    return VERSIONS.get(sample.place.split("/")[0], V40)


def container(told: dict[str, Any]) -> ContainerLink:
    return ContainerLink("c", told["containerUrl"])


def source(told: dict[str, Any]) -> DocumentSource:
    if files := told.get("azureBlobFileListSource"):
        return DocumentSource(container(files), file_list=files["fileList"])
    folder = told["azureBlobSource"]
    return DocumentSource(container(folder), folder.get("prefix", ""))


def notes(told: dict[str, Any]) -> Notes:
    return Notes(told.get("description", ""), told.get("tags", {}))


def options(body: dict[str, Any]) -> ReadingOptions:
    return ReadingOptions(
        body.get("pages", ""),
        body.get("stringIndexType", ""),
        body.get("locale", ""),
        split=body.get("split", ""),
    )


def test_every_version_of_the_engine_is_known() -> None:
    assert set(VERSIONS) == set(load_services()["document-intelligence"].versions)


def test_the_base_moved_with_4_0() -> None:
    told = {name: requests.info(version).path for name, version in VERSIONS.items()}
    assert told == {
        "2022-08-31": "/formrecognizer/info",
        "2023-07-31": "/formrecognizer/info",
        "2024-11-30": "/documentintelligence/info",
    }


@pytest.mark.parametrize("sample", having("buildRequest"))
def test_a_build_says_what_the_example_does(sample: Sample) -> None:
    told, version = sample.body["buildRequest"], version_of(sample)
    if "classifierId" in told:
        classes = {name: source(kind) for name, kind in told["docTypes"].items()}
        call = requests.build_classifier(version, told["classifierId"], classes, notes(told))
        assert call.path == f"{version.base}/documentClassifiers:build"
    else:
        folder = told["azureBlobSource"]
        request = TrainingRequest(
            told["modelId"],
            container(folder),
            folder["prefix"],
            mode=told["buildMode"],
            description=told["description"],
        )
        call = requests.build(version, request, told["tags"])
        assert call.path == f"{version.base}/documentModels:build"
    assert call.json == told


def test_a_neural_model_is_asked_for_by_its_mode() -> None:
    call = requests.build(V31, TrainingRequest("m", LINK, mode="neural"), {})
    assert call.json == {
        "modelId": "m",
        "buildMode": "neural",
        "azureBlobSource": {"containerUrl": LINK.url},
    }


def by_models(sample: Sample) -> bool:
    """As before 4.0; its previews were so too."""
    return not version_of(sample).classifier_compose


@pytest.mark.parametrize("sample", having("composeRequest", by_models))
def test_a_composition_by_models_says_what_the_example_does(sample: Sample) -> None:
    told, version = sample.body["composeRequest"], version_of(sample)
    ids = [part["modelId"] for part in told["componentModels"]]
    assert requests.compose(version, told["modelId"], ids, "", notes(told)).json == told


def test_in_4_0_a_classifier_chooses_the_part() -> None:
    call = requests.compose(V40, "all", {"bill": "a", "note": "a"}, "c", Notes(tags={"k": "v"}))
    assert call.path == "/documentintelligence/documentModels:compose"
    assert call.json == {
        "modelId": "all",
        "classifierId": "c",
        "docTypes": {"bill": {"modelId": "a"}, "note": {"modelId": "a"}},
        "tags": {"k": "v"},
    }
    by_id = requests.compose(V40, "all", ["a", "b"], "c", Notes()).json or {}
    assert by_id["docTypes"] == {"a": {"modelId": "a"}, "b": {"modelId": "b"}}


@pytest.mark.parametrize("sample", having("authorizeCopyRequest"))
def test_leave_to_copy_is_asked_for_as_the_example_does(sample: Sample) -> None:
    told = sample.body["authorizeCopyRequest"]
    call = requests.authorize_copy(version_of(sample), told["modelId"], notes(told))
    assert call.json == told


@pytest.mark.parametrize("sample", having("copyToRequest"))
def test_a_copy_says_what_the_example_does(sample: Sample) -> None:
    told, version = sample.body["copyToRequest"], version_of(sample)
    leave = CopyAuthorization("t", datetime(2026, 1, 1, tzinfo=UTC), told)
    call = requests.copy(version, "m", leave)
    assert (call.path, call.json) == (f"{version.base}/documentModels/m:copyTo", told)


@pytest.mark.parametrize("sample", by_url("analyzeRequest"))
def test_an_analysis_says_what_the_example_does(sample: Sample) -> None:
    told = sample.body["analyzeRequest"]
    link = DocumentLink("doc.pdf", told["urlSource"])
    call = requests.analyze(version_of(sample), sample.body["modelId"], link, options(sample.body))
    assert call.json == told
    wished = ("pages", "locale", "stringIndexType")
    assert {name: call.params[name] for name in wished} == {name: sample.body[name] for name in wished}


@pytest.mark.parametrize("sample", by_url("classifyRequest"))
def test_a_classification_says_what_the_example_does(sample: Sample) -> None:
    told, version = sample.body["classifyRequest"], version_of(sample)
    link = DocumentLink("doc.pdf", told["urlSource"])
    call = requests.classify(version, "c", link, options(sample.body))
    assert (call.json, call.path) == (told, f"{version.base}/documentClassifiers/c:analyze")
    assert call.params["stringIndexType"] == sample.body["stringIndexType"]


@pytest.mark.parametrize("sample", having("analyzeBatchRequest"))
def test_a_batch_says_what_the_example_does(sample: Sample) -> None:
    told = sample.body["analyzeBatchRequest"]
    target = BatchTarget(
        ContainerLink("out", told["resultContainerUrl"]), told["resultPrefix"], told["overwriteExisting"]
    )
    call = requests.analyze_batch(V40, "m", source(told), target, options(sample.body))
    assert call.json == told
    assert call.path == "/documentintelligence/documentModels/m:analyzeBatch"
    assert call.params["pages"] == sample.body["pages"]


def test_a_batch_may_name_its_files_in_a_list() -> None:
    listed = DocumentSource(LINK, file_list="today.jsonl")
    call = requests.analyze_batch(V40, "m", listed, BatchTarget(LINK, "out/"), ReadingOptions())
    assert call.json == {
        "azureBlobFileListSource": {"containerUrl": LINK.url, "fileList": "today.jsonl"},
        "resultContainerUrl": LINK.url,
        "resultPrefix": "out/",
        "overwriteExisting": False,
    }


def test_a_document_is_sent_as_it_is_or_as_a_link() -> None:
    call = requests.analyze(V30, "m", DOCUMENT, ReadingOptions())
    assert (call.document, call.json) == (DOCUMENT, None)
    call = requests.analyze(V30, "m", DocumentLink("1.pdf", LINK.url), ReadingOptions())
    assert (call.document, call.json) == (None, {"urlSource": LINK.url})


def test_only_what_is_wished_is_asked_for() -> None:
    call = requests.analyze(V31, "m", DOCUMENT, ReadingOptions())
    assert call.params == {"api-version": "2023-07-31", "stringIndexType": "unicodeCodePoint"}
    wished = ReadingOptions("1-2,5", "utf16CodeUnit", "de-DE", "barcodes,formulas", "perPage")
    assert requests.analyze(V31, "m", DOCUMENT, wished).params == {
        "api-version": "2023-07-31",
        "pages": "1-2,5",
        "stringIndexType": "utf16CodeUnit",
        "locale": "de-DE",
        "features": "barcodes,formulas",
        "split": "perPage",
    }


def test_the_link_to_the_next_page_keeps_its_opaque_part_and_has_a_version() -> None:
    link = "https://r/formrecognizer/documentModels?api-version=2022-08-31&nextLink=2!204!MDAw-"
    assert requests.next_page(V31, link) == link
    bare = "https://r/documentintelligence/documentModels?nextLink=2!204!MDAw-"
    assert urlsplit(requests.next_page(V40, bare)).query == "nextLink=2!204!MDAw-&api-version=2024-11-30"
    assert requests.next_page(V40, "https://r/x") == "https://r/x?api-version=2024-11-30"


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (requests.get_model(V30, "../x?y"), "documentModels/..%2Fx%3Fy"),
        (requests.get_classifier(V30, "../x"), "documentClassifiers/..%2Fx"),
        (requests.get_operation(V30, "1_2/3"), "operations/1_2%2F3"),
    ],
)
def test_an_id_cannot_lead_elsewhere(call: Call, path: str) -> None:
    assert call.path == f"/formrecognizer/{path}"


def test_no_signature_or_token_is_shown() -> None:
    leave = CopyAuthorization("m", None, {"accessToken": "canary"})
    listed = DocumentSource(LINK, file_list="f")
    for shown in (
        requests.build(V40, TrainingRequest("m", LINK), {}),
        requests.build_classifier(V40, "c", {"a": listed}, Notes()),
        requests.analyze(V40, "m", DocumentLink("1.pdf", LINK.url), ReadingOptions()),
        requests.analyze_batch(V40, "m", listed, BatchTarget(LINK, "p/"), ReadingOptions()),
        requests.copy(V40, "m", leave),
        DocumentLink("1.pdf", LINK.url),
        BatchTarget(LINK, "p/"),
        listed,
    ):
        assert "canary" not in repr(shown)
        assert "canary" not in str(shown)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
def test_every_call_names_its_version_and_its_operation_class(version: Version) -> None:
    calls = (
        requests.build(version, TrainingRequest("m", LINK), {}),
        requests.compose(version, "m", ["a"], "c", Notes()),
        requests.get_model(version, "m"),
        requests.delete_model(version, "m"),
        requests.authorize_copy(version, "m", Notes()),
        requests.copy(version, "m", CopyAuthorization("m", None, {})),
        requests.build_classifier(version, "c", {}, Notes()),
        requests.get_classifier(version, "c"),
        requests.delete_classifier(version, "c"),
        requests.list_models(version),
        requests.list_classifiers(version),
        requests.list_operations(version),
        requests.info(version),
        requests.get_operation(version, "o"),
        requests.analyze(version, "m", DOCUMENT, ReadingOptions()),
        requests.classify(version, "c", DOCUMENT, ReadingOptions()),
        requests.analyze_batch(version, "m", DocumentSource(LINK), BatchTarget(LINK, ""), ReadingOptions()),
    )
    assert {call.params["api-version"] for call in calls} == {version.name}
    told = [call.operation_class for call in calls]
    assert told == ["manage"] * 9 + ["list"] * 4 + ["get"] + ["analyze"] * 3
