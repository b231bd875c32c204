"""The engine of Document Intelligence: what it asks and what it makes of the answers, refusals above all.
Whole sessions are in `tests/contract/test_recorded_document_intelligence.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines.document_intelligence import DocumentIntelligenceEngine
from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.ports import RemoteEngine
from pipeline.remote import (
    BatchItem,
    ContainerLink,
    CopyAuthorization,
    Operation,
    OperationKind,
    ServiceFault,
    StagedDocument,
    TrainingRequest,
)
from pipeline.wire.document_intelligence.requests import (
    BatchTarget,
    DocumentLink,
    DocumentSource,
    Notes,
    ReadingOptions,
)
from pipeline.wire.document_intelligence.versions import VERSIONS
from tests.unit.engines.scripted import Clock, Scripted, ScriptedTransport, client_over

ENDPOINT = "https://r.cognitiveservices.azure.com"
BASE = f"{ENDPOINT}/documentintelligence"
MODELS = f"{BASE}/documentModels"
VERSION = "api-version=2024-11-30"
LINK = DocumentLink("1.pdf", "https://lake/forms/1.pdf?sig=canary")
FORMS = ContainerLink("forms", "https://lake/forms?sig=canary")
REQUEST = TrainingRequest("acme-v1-0123456789ab", FORMS, "acme/")

Engine = DocumentIntelligenceEngine
Speaker = Callable[..., tuple[Engine, ScriptedTransport]]


@pytest.fixture
def speak() -> Speaker:
    def speaking(*answers: Scripted, version: str = "2024-11-30") -> tuple[Engine, ScriptedTransport]:
        transport = ScriptedTransport(*answers)
        return DocumentIntelligenceEngine(client_over(transport, ENDPOINT, Clock()), version), transport

    return speaking


@pytest.fixture
def document(tmp_path: Path) -> StagedDocument:
    file = tmp_path / "1.pdf"
    file.write_bytes(b"%PDF-1.7 some content")
    return StagedDocument("acme/ä 1.pdf", file, 21, "application/pdf", "hash", pages=3)


def refusal(status: int, code: str, message: str = "m", outer: str = "InvalidRequest") -> Scripted:
    inner = {"code": code, "message": message}
    return Scripted(status, {"error": {"code": outer, "message": "outer", "innererror": inner}})


def gateway(status: int) -> Scripted:
    return Scripted(status, {"error": {"code": str(status), "message": "Resource not found"}})


def accepted(url: str) -> Scripted:
    return Scripted(202, headers={"Operation-Location": url, "Retry-After": "3"})


def operation(kind: OperationKind, url: str) -> Operation:
    return Operation(1, kind, url)


def raised(kind: type[FormpipeError], act: Callable[[], object]) -> FormpipeError:
    with pytest.raises(kind) as caught:
        act()
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None, "what the service said would be in a traceback"
    return caught.value


# --- the port -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_an_engine_in_every_version(speak: Speaker, version: str) -> None:
    engine: RemoteEngine = speak(version=version)[0]
    assert engine


def test_an_unknown_version_is_refused_by_name(speak: Speaker) -> None:
    assert raised(RowError, lambda: speak(version="2024-07-31-preview")).reason == "version-unknown"


# --- training -------------------------------------------------------------------------------------


def test_a_training_is_followed_at_the_url_that_the_service_gave(speak: Speaker) -> None:
    url = f"{BASE}/operations/31505506305_43cd?{VERSION}"
    types = {"m": {"fieldSchema": {"Total": {"type": "number"}}, "fieldConfidence": {"Total": 0.9}}}
    done = {
        "operationId": "31505506305_43cd",
        "kind": "documentModelBuild",
        "status": "succeeded",
        "result": {"modelId": "m", "docTypes": types},
    }
    running = Scripted(body=done | {"status": "running", "result": None}, headers={"Retry-After": "5"})
    engine, transport = speak(accepted(url), running, Scripted(body=done))
    assert engine.submit_training(REQUEST) == url
    assert (state := engine.poll(operation("train", url))).end == "running"
    assert state.seconds == 5.0
    trained = engine.poll(operation("train", url))
    assert trained.model is not None
    assert (trained.model.model_id, trained.model.accuracies) == ("m", (("Total", 0.9),))
    assert [asked.url for asked in transport.asked] == [f"{MODELS}:build?{VERSION}", url, url]
    assert json.loads(transport.asked[0].body) == {
        "modelId": REQUEST.name,
        "buildMode": "template",
        "azureBlobSource": {"containerUrl": FORMS.url, "prefix": "acme/"},
    }


def test_forms_without_labels_are_not_sent(speak: Speaker) -> None:
    engine, transport = speak()
    unlabelled = TrainingRequest("m", FORMS, labels=False)
    assert raised(RowError, lambda: engine.submit_training(unlabelled)).reason == "training-refused"
    assert transport.asked == []


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (
            refusal(400, "InvalidSasToken", "SAS 'list' authorization is missing"),
            "training-refused",
            "doctor",
        ),
        (refusal(400, "ContentSourceNotAccessible", outer="InvalidArgument"), "training-refused", "firewall"),
        (refusal(400, "InvalidContentSourceFormat"), "training-refused", "container"),
        (refusal(400, "TrainingContentMissing"), "training-refused", "folder"),
        (refusal(400, "SomethingNew", "its words"), "training-refused", "SomethingNew: its words"),
        (refusal(400, "DocumentModelLimitNeural"), "quota-exceeded", "prune"),
        (gateway(404), "refused-by-service", "api_version"),
    ],
)
def test_a_training_that_is_refused_ends_its_row_with_what_to_do(
    speak: Speaker, answer: Scripted, reason: str, words: str
) -> None:
    engine, _ = speak(answer)
    error = raised(RowError, lambda: engine.submit_training(REQUEST))
    assert error.reason == reason
    assert words in str(error)


def test_a_training_that_failed_says_why(speak: Speaker) -> None:
    told = {
        "code": "InvalidRequest",
        "message": "Invalid request.",
        "details": [{"code": "ModelBuildError", "message": "Can't find any OCR files"}],
    }
    engine, _ = speak(Scripted(body={"kind": "documentModelBuild", "status": "failed", "error": told}))
    state = engine.poll(operation("train", f"{BASE}/operations/1"))
    assert (state.end, state.faults) == (
        "failed",
        (ServiceFault("ModelBuildError", "Can't find any OCR files"),),
    )


# --- what was asked for before --------------------------------------------------------------------

CONFLICT = refusal(409, "ModelExists", "A model with the provided name already exists.", "Conflict")


def listed(*operations: tuple[str, str, str, str, str], following: str = "") -> Scripted:
    value = [
        {
            "operationId": operation_id,
            "kind": kind,
            "status": status,
            "createdDateTime": f"2026-01-01T00:00:{second}Z",
            "resourceLocation": f"{MODELS}/{name}?{VERSION}",
        }
        for operation_id, kind, name, status, second in operations
    ]
    return Scripted(body={"value": value} | ({"nextLink": following} if following else {}))


def test_a_training_that_was_begun_before_is_followed_and_not_paid_twice(speak: Speaker) -> None:
    kind, name = "documentModelBuild", REQUEST.name
    engine, transport = speak(
        CONFLICT,
        listed(
            ("other", kind, "other", "running", "09"),
            ("failed", kind, name, "failed", "08"),
            ("copied", "documentModelCopyTo", name, "succeeded", "07"),
            following=f"{BASE}/operations?nextLink=x",
        ),
        listed(("first", kind, name, "succeeded", "01"), ("last", kind, name, "running", "02")),
    )
    assert engine.submit_training(REQUEST) == f"{BASE}/operations/last?{VERSION}"
    assert [(asked.method, asked.url.removeprefix(BASE)) for asked in transport.asked] == [
        ("POST", f"/documentModels:build?{VERSION}"),
        ("GET", f"/operations?{VERSION}"),
        ("GET", f"/operations?nextLink=x&{VERSION}"),
    ]


def test_a_training_whose_operation_is_forgotten_ends_in_its_model(speak: Speaker) -> None:
    engine, transport = speak(CONFLICT, listed(), Scripted(body={"modelId": REQUEST.name, "docTypes": {}}))
    url = engine.submit_training(REQUEST)
    assert url == f"{MODELS}/{REQUEST.name}?{VERSION}"
    state = engine.poll(operation("train", url))
    assert state.end == "succeeded"
    assert state.model is not None
    assert state.model.model_id == REQUEST.name
    assert transport.asked[-1].url == url


def test_a_model_that_went_away_meanwhile_is_trained_again(speak: Speaker) -> None:
    engine, _ = speak(CONFLICT, listed(), refusal(404, "ModelNotFound"))
    url = engine.submit_training(REQUEST)
    error = raised(AttemptError, lambda: engine.poll(operation("train", url)))
    assert error.reason == "operation-expired"


@pytest.mark.parametrize(
    ("kind", "room"),
    [("documentModelCompose", "documentModels"), ("documentClassifierBuild", "documentClassifiers")],
)
@pytest.mark.parametrize("known", [True, False])
def test_compositions_and_classifiers_are_not_paid_twice_either(
    speak: Speaker, kind: str, room: str, known: bool
) -> None:
    engine, _ = speak(CONFLICT, listed(("1", kind, "m", "running", "01")) if known else listed())
    if kind == "documentModelCompose":
        url = engine.submit_compose("m", ["a", "b"], classifier_id="c")
    else:
        url = engine.submit_classifier("m", {"a": DocumentSource(FORMS, "a/")})
    assert url == (f"{BASE}/operations/1?{VERSION}" if known else f"{BASE}/{room}/m?{VERSION}")


def test_a_service_that_cannot_list_its_operations_does_not_train_twice(speak: Speaker) -> None:
    engine, transport = speak(CONFLICT, refusal(400, "x"))
    assert raised(RowError, lambda: engine.submit_training(REQUEST)).reason == "refused-by-service"
    assert [asked.method for asked in transport.asked] == ["POST", "GET"]


def test_operations_are_listed_and_asked_for_by_id(speak: Speaker) -> None:
    engine, transport = speak(
        listed(("1", "documentModelBuild", "m", "succeeded", "01")),
        Scripted(body={"kind": "documentModelBuild", "status": "succeeded", "result": {"modelId": "m"}}),
        refusal(404, "OperationNotFound"),
    )
    (found,) = engine.operations()
    state = engine.operation(found.operation_id)
    assert state.model is not None
    assert (found.model_id, state.model.model_id) == ("m", "m")
    assert transport.asked[1].url == f"{BASE}/operations/1?{VERSION}"
    assert raised(AttemptError, lambda: engine.operation("2")).reason == "operation-expired"


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["model", "submit_document", "submit_batch", "submit_copy", "classifier"])
def test_a_model_that_is_not_there_is_named(speak: Speaker, act: str) -> None:
    engine, _ = speak(refusal(404, "ModelNotFound", outer="NotFound"))
    call = {
        "model": lambda: engine.model("m"),
        "submit_document": lambda: engine.submit_document("m", LINK),
        "submit_batch": lambda: engine.submit_batch("m", DocumentSource(FORMS), BatchTarget(FORMS, "out/")),
        "submit_copy": lambda: engine.submit_copy("m", CopyAuthorization("t", None, {})),
        "classifier": lambda: engine.classifier("m"),
    }
    assert raised(RowError, call[act]).reason == "model-missing"


def test_a_path_that_the_endpoint_does_not_know_is_no_missing_model(speak: Speaker) -> None:
    engine, _ = speak(gateway(404))
    assert raised(RowError, lambda: engine.model("m")).reason == "refused-by-service"


def test_deleting_what_is_gone_is_no_error(speak: Speaker) -> None:
    missing = refusal(404, "ModelNotFound")
    engine, transport = speak(Scripted(204), missing, missing, gateway(404))
    engine.delete_model("m")
    engine.delete_model("m")
    engine.delete_classifier("c")
    assert raised(RowError, lambda: engine.delete_model("m")).reason == "refused-by-service"
    assert [(asked.method, asked.url) for asked in transport.asked[1:3]] == [
        ("DELETE", f"{MODELS}/m?{VERSION}"),
        ("DELETE", f"{BASE}/documentClassifiers/c?{VERSION}"),
    ]


def test_models_come_page_by_page_without_those_of_the_service(speak: Speaker) -> None:
    def page(*ids: str, following: str = "") -> Scripted:
        value = [{"modelId": model_id} for model_id in ids]
        return Scripted(body={"value": value} | ({"nextLink": following} if following else {}))

    following = f"{MODELS}?{VERSION}&nextLink=2!204!MDAw-"
    engine, transport = speak(page("prebuilt-layout", "a", following=following), page("b"))
    models = engine.models()
    assert next(models).model_id == "a"
    assert len(transport.asked) == 1
    assert [model.model_id for model in models] == ["b"]
    assert [asked.url for asked in transport.asked] == [f"{MODELS}?{VERSION}", following]


def test_a_list_that_leads_elsewhere_is_not_followed(speak: Speaker) -> None:
    elsewhere = {"value": [], "nextLink": "https://evil.example/documentModels"}
    engine, transport = speak(Scripted(body=elsewhere))
    assert raised(RowError, lambda: list(engine.models())).reason == "foreign-operation"
    assert len(transport.asked) == 1


def test_the_quota_is_that_of_custom_models(speak: Speaker) -> None:
    engine, transport = speak(Scripted(body={"customDocumentModels": {"count": 3, "limit": 5000}}))
    assert (engine.quota().count, transport.asked[0].url) == (3, f"{BASE}/info?{VERSION}")


def test_a_copy_ends_in_the_model_of_the_target(speak: Speaker) -> None:
    leave = {"targetModelId": "t", "accessToken": "canary", "expirationDateTime": "2026-01-01T00:00:00Z"}
    url = f"{BASE}/operations/1?{VERSION}"
    engine, transport = speak(
        Scripted(body=leave),
        accepted(url),
        Scripted(body={"kind": "documentModelCopyTo", "status": "succeeded", "result": {"modelId": "t"}}),
    )
    state = engine.poll(operation("copy", engine.submit_copy("m", engine.authorize_copy("t", Notes("d")))))
    assert state.model is not None
    assert state.model.model_id == "t"
    assert json.loads(transport.asked[0].body) == {"modelId": "t", "description": "d"}
    assert json.loads(transport.asked[1].body) == leave


def test_models_are_composed_as_the_version_does(speak: Speaker) -> None:
    engine, transport = speak(accepted(f"{ENDPOINT}/formrecognizer/operations/1"), version="2023-07-31")
    engine.submit_compose("all", ["a", "b"])
    assert json.loads(transport.asked[0].body) == {
        "modelId": "all",
        "componentModels": [{"modelId": "a"}, {"modelId": "b"}],
    }
    engine, transport = speak(refusal(400, "ModelComposeError"))
    assert raised(RowError, lambda: engine.submit_compose("all", ["a", "b"])).reason == "compose-refused"
    assert transport.asked == []
    with pytest.raises(RowError, match="ModelComposeError") as caught:
        engine.submit_compose("all", ["a", "b"], classifier_id="c")
    assert caught.value.reason == "compose-refused"


# --- documents ------------------------------------------------------------------------------------


def test_a_document_goes_out_as_its_bytes_with_its_content_type(
    speak: Speaker, document: StagedDocument
) -> None:
    engine, transport = speak(
        accepted(f"{MODELS}/m/analyzeResults/1"), accepted(f"{MODELS}/l/analyzeResults/1")
    )
    engine.submit_document("m", document)
    engine.submit_layout(document)
    assert [asked.body for asked in transport.asked] == [b"%PDF-1.7 some content"] * 2
    assert {asked.headers["Content-Type"] for asked in transport.asked} == {"application/pdf"}
    query = f"{VERSION}&stringIndexType=unicodeCodePoint"
    assert [asked.url for asked in transport.asked] == [
        f"{MODELS}/m:analyze?{query}",
        f"{MODELS}/prebuilt-layout:analyze?{query}",
    ]


def test_a_document_is_read_anew_when_it_has_to_be_sent_again(
    speak: Speaker, document: StagedDocument
) -> None:
    engine, transport = speak(Scripted(503), accepted(f"{MODELS}/m/analyzeResults/1"))
    engine.submit_document("m", document)
    assert [asked.body for asked in transport.asked] == [b"%PDF-1.7 some content"] * 2


@pytest.mark.parametrize(("limit", "asked"), [(None, None), (2, "pages=1-2"), (3, None), (1, "pages=1-1")])
def test_no_more_pages_are_asked_for_than_are_wanted(
    speak: Speaker, document: StagedDocument, limit: int | None, asked: str | None
) -> None:
    engine, transport = speak(accepted(f"{MODELS}/m/analyzeResults/1"))
    engine.submit_document("m", document, max_pages=limit)
    told = [part for part in transport.asked[0].url.split("?")[1].split("&") if part.startswith("pages")]
    assert told == ([asked] if asked else [])


def test_pages_that_are_named_win_and_an_unknown_number_of_pages_is_limited(speak: Speaker) -> None:
    engine, transport = speak(accepted(f"{MODELS}/1"), accepted(f"{MODELS}/2"))
    engine.submit_document("m", LINK, ReadingOptions(pages="4"), max_pages=2)
    engine.submit_document("m", LINK, max_pages=2)
    assert ["pages=4&" in transport.asked[0].url, "pages=1-2&" in transport.asked[1].url] == [True, True]
    assert json.loads(transport.asked[0].body) == {"urlSource": LINK.url}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "InvalidContent"), DocumentError),
        (refusal(400, "InvalidContentDimensions"), DocumentError),
        (refusal(400, "InvalidContentLength"), DocumentError),
        (refusal(400, "UnsupportedContent"), DocumentError),
        (refusal(400, "SomethingNew"), DocumentError),
        (gateway(413), DocumentError),
        (refusal(415, "UnsupportedMediaType"), DocumentError),
        (refusal(400, "InvalidParameter", outer="InvalidArgument"), RowError),
        (refusal(400, "ModelNotReady"), RowError),
        (refusal(400, "NotSupportedApiVersion"), RowError),
        (gateway(404), RowError),
        (gateway(405), RowError),
    ],
)
def test_a_document_is_refused_at_its_own_cost_and_a_request_at_that_of_the_row(
    speak: Speaker, document: StagedDocument, answer: Scripted, kind: type[FormpipeError]
) -> None:
    engine, _ = speak(answer, answer, answer)
    assert raised(kind, lambda: engine.submit_document("m", document)).reason == "refused-by-service"
    assert raised(kind, lambda: engine.submit_layout(document)).reason == "refused-by-service"
    assert raised(kind, lambda: engine.submit_classification("c", document)).reason == "refused-by-service"


def test_a_refusal_that_repeats_a_link_does_not_show_its_signature(speak: Speaker) -> None:
    engine, _ = speak(refusal(400, "InvalidContent", f"Failed to download {LINK.url}"))
    raised(DocumentError, lambda: engine.submit_document("m", LINK))


def test_the_answer_is_kept_to_the_letter(speak: Speaker) -> None:
    body = b'{"status":"succeeded",  "analyzeResult":{"apiVersion":"2024-11-30","pages":[]}}'
    engine, _ = speak(Scripted(body=body, headers={"Retry-After": "7"}))
    state = engine.poll(operation("layout", f"{MODELS}/prebuilt-layout/analyzeResults/1"))
    assert (state.end, state.body, state.seconds) == ("succeeded", body, 7.0)


def test_a_poll_goes_to_the_url_as_it_came(speak: Speaker) -> None:
    url = f"{ENDPOINT}/DocumentIntelligence/documentmodels/m/analyzeresults/1?Api-Version=x"
    engine, transport = speak(Scripted(body={"status": "running"}))
    assert engine.poll(operation("analyze", url)).seconds is None
    assert transport.asked[0].url == url


def test_an_operation_that_the_service_forgot_is_begun_again(speak: Speaker) -> None:
    engine, _ = speak(refusal(404, "OperationNotFound"))
    error = raised(AttemptError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeResults/1")))
    assert error.reason == "operation-expired"


def test_a_poll_that_is_refused_costs_this_operation_alone(speak: Speaker) -> None:
    engine, _ = speak(refusal(400, "x"))
    error = raised(AttemptError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeResults/1")))
    assert error.reason == "refused-by-service"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'{"status": "succ', b"[" * 100_000])
def test_an_answer_to_a_poll_that_is_no_object_costs_this_operation_alone(
    speak: Speaker, body: bytes
) -> None:
    engine, _ = speak(Scripted(body=body))
    error = raised(AttemptError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeResults/1")))
    assert error.reason == "answer-unreadable"


@pytest.mark.parametrize("told", ["\u00b2", "-1", "1e9", "9" * 400, "soon", "nan"])
def test_a_wait_that_makes_no_sense_is_none(speak: Speaker, told: str) -> None:
    engine, _ = speak(Scripted(body={"status": "running"}, headers={"Retry-After": told}))
    assert engine.poll(operation("analyze", f"{MODELS}/m/analyzeResults/1")).seconds is None


@pytest.mark.parametrize("kind", ["analyze", "layout", "classify"])
@pytest.mark.parametrize("body", [{}, {"analyzeResult": None}, {"analyzeResult": {"pages": [5]}}])
def test_a_success_without_a_result_is_none(
    speak: Speaker, kind: OperationKind, body: dict[str, Any]
) -> None:
    engine, _ = speak(Scripted(body={"status": "succeeded"} | body))
    error = raised(DocumentError, lambda: engine.poll(operation(kind, f"{MODELS}/m/analyzeResults/1")))
    assert error.reason == "answer-unreadable"


@pytest.mark.parametrize("body", [[], b"<html>", None])
def test_an_answer_that_is_no_object_is_named(speak: Speaker, body: object) -> None:
    engine, _ = speak(Scripted(body=body))
    assert raised(RowError, engine.quota).reason == "answer-unreadable"


# --- batches --------------------------------------------------------------------------------------


def test_a_batch_goes_from_its_container_to_its_files(speak: Speaker) -> None:
    url = f"{MODELS}/m/analyzeBatchResults/1?{VERSION}"
    details = [
        {
            "status": "succeeded",
            "sourceUrl": "https://a.blob.core.windows.net/in/1.pdf",
            "resultUrl": "https://a.blob.core.windows.net/out/run/1.pdf.ocr.json",
        },
        {
            "status": "failed",
            "sourceUrl": "https://a.blob.core.windows.net/in/2.pdf",
            "error": {"code": "InvalidRequest", "innererror": {"code": "InvalidContent", "message": "m"}},
        },
    ]
    engine, transport = speak(
        accepted(url),
        Scripted(body={"resultId": "1", "status": "running", "percentCompleted": 0}),
        Scripted(body={"resultId": "1", "status": "succeeded", "result": {"details": details}}),
    )
    target = BatchTarget(ContainerLink("out", "https://lake/out?sig=canary"), "run/")
    begun = engine.submit_batch("m", DocumentSource(FORMS, file_list="today.jsonl"), target)
    assert begun == url
    states = [engine.poll(operation("batch", url)) for _ in range(2)]
    assert [state.end for state in states] == ["running", "succeeded"]
    assert states[1].items == (
        BatchItem("1.pdf", "succeeded", "run/1.pdf.ocr.json"),
        BatchItem("2.pdf", "failed", fault=ServiceFault("InvalidContent", "m")),
    )
    assert transport.asked[0].url.startswith(f"{MODELS}/m:analyzeBatch?{VERSION}")
    assert json.loads(transport.asked[0].body) == {
        "azureBlobFileListSource": {"containerUrl": FORMS.url, "fileList": "today.jsonl"},
        "resultContainerUrl": target.container.url,
        "resultPrefix": "run/",
        "overwriteExisting": False,
    }


def test_a_batch_that_is_refused_ends_the_row(speak: Speaker) -> None:
    engine, _ = speak(refusal(400, "InvalidSasToken"))
    error = raised(
        RowError, lambda: engine.submit_batch("m", DocumentSource(FORMS), BatchTarget(FORMS, "out/"))
    )
    assert error.reason == "batch-refused"
    assert "doctor" in str(error)


@pytest.mark.parametrize("version", ["2022-08-31", "2023-07-31"])
def test_versions_without_batches_or_classifiers_are_not_asked_for_them(speak: Speaker, version: str) -> None:
    engine, transport = speak(version=version)
    acts: list[Callable[[], object]] = [
        lambda: engine.submit_batch("m", DocumentSource(FORMS), BatchTarget(FORMS, ""))
    ]
    if version == "2022-08-31":
        acts += [lambda: engine.submit_classifier("c", {}), lambda: engine.submit_classification("c", LINK)]
    assert {raised(RowError, act).reason for act in acts} == {"operation-unknown"}
    assert transport.asked == []


# --- classifiers ----------------------------------------------------------------------------------


def test_a_classifier_is_built_and_tells_documents_apart(speak: Speaker, document: StagedDocument) -> None:
    room = f"{ENDPOINT}/formrecognizer"
    found = [
        {"docType": "a", "boundingRegions": [{"pageNumber": 1}, {"pageNumber": 2}], "confidence": 0.9},
        {"docType": "b", "boundingRegions": [{"pageNumber": 3}], "confidence": 0.4},
    ]
    built = {"kind": "documentClassifierBuild", "status": "succeeded", "result": {"classifierId": "c"}}
    result = {"modelId": "c", "content": "", "pages": [], "documents": found}
    engine, transport = speak(
        accepted(f"{room}/operations/1"),
        Scripted(body=built),
        accepted(f"{room}/documentClassifiers/c/analyzeResults/1"),
        Scripted(body={"status": "succeeded", "analyzeResult": result}),
        Scripted(body={"value": [{"classifierId": "c", "docTypes": {"a": {}, "b": {}}}]}),
        version="2023-07-31",
    )
    classes = {"a": DocumentSource(FORMS, "a/"), "b": DocumentSource(FORMS, file_list="b.jsonl")}
    training = operation("train", engine.submit_classifier("c", classes, Notes("kinds")))
    model = engine.poll(training).model
    assert model is not None
    assert (model.model_id, model.composed) == ("c", False)
    state = engine.poll(operation("classify", engine.submit_classification("c", document)))
    assert state.analysis is not None
    assert [
        (one.doc_type, one.first_page, one.last_page, one.confidence) for one in state.analysis.documents
    ] == [
        ("a", 1, 2, 0.9),
        ("b", 3, 3, 0.4),
    ]
    assert [one.model_id for one in engine.classifiers()] == ["c"]
    assert json.loads(transport.asked[0].body) == {
        "classifierId": "c",
        "docTypes": {
            "a": {"azureBlobSource": {"containerUrl": FORMS.url, "prefix": "a/"}},
            "b": {"azureBlobFileListSource": {"containerUrl": FORMS.url, "fileList": "b.jsonl"}},
        },
        "description": "kinds",
    }
