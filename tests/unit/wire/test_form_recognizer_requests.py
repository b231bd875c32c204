"""What a client asks of each version, against the OpenAPI examples and the documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.remote import ContainerLink, CopyAuthorization, StagedDocument, TrainingRequest
from pipeline.services import load_services
from pipeline.wire.form_recognizer import requests
from pipeline.wire.form_recognizer.requests import CopyTarget, DocumentLink, ReadingOptions
from pipeline.wire.form_recognizer.versions import VERSIONS
from tests.unit.wire.samples import Sample, each
from tests.unit.wire.samples import requests as examples

LOOP, V20, V21 = VERSIONS["v2.0-preview"], VERSIONS["v2.0"], VERSIONS["v2.1"]
DOCUMENT = StagedDocument("a/1.pdf", Path("/tmp/1.pdf"), 3, "application/pdf", "hash")
SIGNED = "https://lake.blob.core.windows.net/forms?sig=canary"
EXAMPLES = [sample for sample in examples("formrecognizer") if not sample.place.startswith("v2.0-preview/")]


def training(**members: object) -> TrainingRequest:
    return TrainingRequest("acme", ContainerLink("forms", SIGNED), **members)  # type: ignore[arg-type]


def having(name: str) -> list[object]:
    return each([sample for sample in EXAMPLES if name in sample.body])


def test_every_version_of_the_engine_is_known() -> None:
    assert set(VERSIONS) == set(load_services()["form-recognizer"].versions)


@pytest.mark.parametrize("sample", having("trainRequest"))
def test_a_training_says_what_the_example_does_and_its_defaults(sample: Sample) -> None:
    version = VERSIONS[sample.place.split("/")[0]]
    told = sample.body["trainRequest"]
    request = TrainingRequest("", ContainerLink("forms", told["source"]), labels=False)
    defaults = {"sourceFilter": {"prefix": "", "includeSubFolders": False}, "useLabelFile": False}
    call = requests.train(version, request)
    assert call.json == defaults | told
    assert (call.method, call.path) == ("POST", f"/formrecognizer/{version.name}/custom/models")


@pytest.mark.parametrize("sample", having("composeRequest"))
def test_a_composition_says_what_the_example_does(sample: Sample) -> None:
    version = VERSIONS[sample.place.split("/")[0]]
    told = sample.body["composeRequest"]
    assert requests.compose(version, told["modelIds"]).json == told
    assert requests.compose(version, told["modelIds"], "all").json == told | {"modelName": "all"}


@pytest.mark.parametrize("sample", having("copyRequest"))
def test_a_copy_says_what_the_example_does(sample: Sample) -> None:
    version = VERSIONS[sample.place.split("/")[0]]
    told = sample.body["copyRequest"]
    target = CopyTarget(told["targetResourceId"], told["targetResourceRegion"])
    leave = CopyAuthorization("m", datetime(2026, 1, 1, tzinfo=UTC), told["copyAuthorization"])
    call = requests.copy(version, "m", target, leave)
    assert call.json == told
    assert call.path == f"/formrecognizer/{version.name}/custom/models/m/copy"


def test_a_training_takes_a_name_from_2_1_on() -> None:
    named = {name: "modelName" in (requests.train(v, training()).json or {}) for name, v in VERSIONS.items()}
    assert [name for name, is_named in named.items() if is_named] == [
        "v2.1-preview.1",
        "v2.1-preview.2",
        "v2.1-preview.3",
        "v2.1",
    ]


def test_the_feedback_loop_writes_booleans_as_strings() -> None:
    call = requests.train(LOOP, training(prefix="acme/"))
    assert (call.method, call.path) == ("POST", "/formrecognizer/v2.0-preview/custom/asyncTrain")
    assert call.json == {
        "source": SIGNED,
        "sourceFilter": {"prefix": "acme/", "includeSubFolders": "false"},
        "useLabelFile": "true",
    }


def test_the_feedback_loop_sends_a_form_as_multipart_and_a_layout_as_bytes() -> None:
    call = requests.analyze(LOOP, "m", DOCUMENT, ReadingOptions(text_details=False))
    assert call.path == "/formrecognizer/v2.0-preview/custom/models/m/asyncAnalyze/"
    assert (dict(call.params), call.document, call.multipart) == (
        {"includeTextDetails": "false"},
        DOCUMENT,
        True,
    )
    call = requests.layout(LOOP, DOCUMENT, ReadingOptions(pages="1"))
    assert call.path == "/formrecognizer/v2.0-preview/readLayout/asyncAnalyze"
    assert (dict(call.params), call.multipart) == ({}, False)


def test_a_document_is_sent_as_it_is_or_as_a_link() -> None:
    call = requests.analyze(V20, "m", DOCUMENT, ReadingOptions())
    assert (call.document, call.json, call.multipart) == (DOCUMENT, None, False)
    call = requests.analyze(V20, "m", DocumentLink("1.pdf", SIGNED), ReadingOptions())
    assert (call.document, call.json) == (None, {"source": SIGNED})


@pytest.mark.parametrize(
    ("version", "analyze", "layout"),
    [
        ("v2.0-preview", {}, {}),
        ("v2.0", {}, {}),
        ("v2.1-preview.1", {}, {}),
        ("v2.1-preview.2", {}, {"Pages": "1-2", "language": "de"}),
        (
            "v2.1-preview.3",
            {"pages": "1-2"},
            {"pages": "1-2", "language": "de", "readingOrder": "basic"},
        ),
        ("v2.1", {"pages": "1-2"}, {"pages": "1-2", "language": "de", "readingOrder": "basic"}),
    ],
)
def test_parameters_that_a_version_does_not_have_are_left_out(
    version: str, analyze: dict[str, str], layout: dict[str, str]
) -> None:
    options = ReadingOptions(pages="1-2", language="de")
    call = requests.analyze(VERSIONS[version], "m", DOCUMENT, options)
    assert call.params == {"includeTextDetails": "true"} | analyze
    assert requests.layout(VERSIONS[version], DOCUMENT, options).params == layout


def test_pages_and_language_are_only_asked_for_when_wished() -> None:
    assert requests.analyze(V21, "m", DOCUMENT, ReadingOptions()).params == {"includeTextDetails": "true"}
    assert requests.layout(V21, DOCUMENT, ReadingOptions()).params == {"readingOrder": "basic"}


def test_the_link_to_the_next_models_keeps_its_opaque_part_to_the_letter() -> None:
    link = "https://r.cognitiveservices.azure.com/formrecognizer/v2.1/custom/models?nextLink=2!204!MDAw-"
    following = requests.next_models(link)
    assert urlsplit(following).query == "op=full&nextLink=2!204!MDAw-"
    assert following.replace("op=full&", "") == link
    assert requests.next_models(following) == following


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://r/formrecognizer/v2.1/custom/models/m", "?includeKeys=true"),
        ("https://r/FormRecognizer/v2.1/Custom/Models/m?a=b", "&includeKeys=true"),
        ("https://r/formrecognizer/v2.1/custom/models/m?includeKeys=true", ""),
        ("https://r/formrecognizer/v2.0-preview/custom/asyncTrainOperations/o", ""),
    ],
)
def test_a_model_in_training_is_asked_for_with_its_keys(url: str, asked: str) -> None:
    assert requests.training_poll(url) == url + asked


def test_a_model_id_cannot_lead_elsewhere() -> None:
    assert requests.get_model(V21, "../x?y").path == "/formrecognizer/v2.1/custom/models/..%2Fx%3Fy"


def test_no_signature_or_token_is_shown() -> None:
    leave = CopyAuthorization("m", None, {"accessToken": "canary"})
    for shown in (
        requests.train(V21, training()),
        requests.analyze(V21, "m", DocumentLink("1.pdf", SIGNED), ReadingOptions()),
        DocumentLink("1.pdf", SIGNED),
        requests.copy(V21, "m", CopyTarget("r", "westus2"), leave),
    ):
        assert "canary" not in repr(shown)
        assert "canary" not in str(shown)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
def test_every_call_names_its_operation_class(version: requests.Version) -> None:
    assert [
        call.operation_class
        for call in (
            requests.train(version, training()),
            requests.get_model(version, "m"),
            requests.delete_model(version, "m"),
            requests.authorize_copy(version),
            requests.list_models(version),
            requests.count_models(version),
            requests.analyze(version, "m", DOCUMENT, ReadingOptions()),
            requests.layout(version, DOCUMENT, ReadingOptions()),
        )
    ] == ["manage", "manage", "manage", "manage", "list", "list", "analyze", "analyze"]
