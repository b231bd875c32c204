"""The engine of Form Recognizer v2: what it asks and what it makes of the answers, refusals above all.
Whole sessions are in `tests/contract/test_recorded_form_recognizer.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines.form_recognizer import FormRecognizerEngine
from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.ports import RemoteEngine
from pipeline.remote import ContainerLink, Operation, OperationKind, StagedDocument, TrainingRequest
from pipeline.wire.form_recognizer.requests import CopyTarget, DocumentLink
from pipeline.wire.form_recognizer.versions import VERSIONS
from tests.unit.engines.scripted import Clock, Scripted, ScriptedTransport, client_over

ENDPOINT = "https://r.cognitiveservices.azure.com"
MODELS = f"{ENDPOINT}/formrecognizer/v2.1/custom/models"
LINK = DocumentLink("1.pdf", "https://lake/forms/1.pdf?sig=canary")
REQUEST = TrainingRequest("acme", ContainerLink("forms", "https://lake/forms?sig=canary"), "acme/")

Speaker = Callable[..., tuple[FormRecognizerEngine, ScriptedTransport]]


@pytest.fixture
def speak() -> Speaker:
    def speaking(*answers: Scripted, version: str = "v2.1") -> tuple[FormRecognizerEngine, ScriptedTransport]:
        transport = ScriptedTransport(*answers)
        client = client_over(transport, ENDPOINT, Clock())
        return FormRecognizerEngine(client, version), transport

    return speaking


@pytest.fixture
def document(tmp_path: Path) -> StagedDocument:
    file = tmp_path / "1.pdf"
    file.write_bytes(b"%PDF-1.7 some content")
    return StagedDocument("acme/ä 1.pdf", file, 21, "application/pdf", "hash", pages=1)


def refusal(status: int, code: str, message: str = "m") -> Scripted:
    return Scripted(status, {"error": {"code": code, "message": message}})


def operation(kind: OperationKind, url: str) -> Operation:
    return Operation(1, kind, url)


def accepted(url: str, header: str = "Operation-Location", status: int = 202) -> Scripted:
    return Scripted(status, headers={header: url})


def raised(kind: type[FormpipeError], act: Callable[[], object]) -> FormpipeError:
    with pytest.raises(kind) as caught:
        act()
    assert "canary" not in str(caught.value)
    return caught.value


# --- the port -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_an_engine_in_every_version(speak: Speaker, version: str) -> None:
    engine: RemoteEngine = speak(version=version)[0]
    assert engine


def test_an_unknown_version_is_refused_by_name(speak: Speaker) -> None:
    assert raised(RowError, lambda: speak(version="v9")).reason == "version-unknown"


# --- training and models --------------------------------------------------------------------------


def test_a_training_is_followed_at_the_url_that_the_service_gave(speak: Speaker) -> None:
    url = f"{MODELS}/m"
    ready = {"modelInfo": {"modelId": "m", "status": "ready"}, "keys": {"clusters": {"0": ["A:"]}}}
    engine, transport = speak(accepted(url, "Location", 201), Scripted(body=ready))
    assert engine.submit_training(REQUEST) == url
    state = engine.poll(operation("train", url))
    assert state.model is not None
    assert state.model.keys == ("A:",)
    assert transport.asked[1].url == f"{url}?includeKeys=true"
    assert json.loads(transport.asked[0].body)["modelName"] == "acme"


@pytest.mark.parametrize("answer", [refusal(400, "1002"), refusal(404, "404"), refusal(409, "x")])
def test_a_training_that_is_refused_ends_its_row(speak: Speaker, answer: Scripted) -> None:
    engine, _ = speak(answer)
    error = raised(RowError, lambda: engine.submit_training(REQUEST))
    assert error.reason == ("refused-by-service" if answer.status == 404 else "training-refused")


def test_an_invalid_model_is_a_training_that_failed(speak: Speaker) -> None:
    body = {
        "modelInfo": {"modelId": "m", "status": "invalid"},
        "trainResult": {"errors": [{"code": "2014", "message": "No valid blobs"}]},
    }
    engine, _ = speak(Scripted(body=body))
    state = engine.poll(operation("train", f"{MODELS}/m"))
    assert (state.end, [fault.code for fault in state.faults]) == ("failed", ["2014"])


def test_a_version_without_compose_is_not_asked_for_it(speak: Speaker) -> None:
    engine, transport = speak(version="v2.0")
    assert raised(RowError, lambda: engine.submit_compose(["a", "b"])).reason == "operation-unknown"
    assert transport.asked == []


@pytest.mark.parametrize("act", ["model", "submit_document"])
def test_a_model_that_is_not_there_is_named(speak: Speaker, act: str) -> None:
    engine, _ = speak(refusal(404, "1022", "Model with 'id=m' not found."))
    call = {"model": lambda: engine.model("m"), "submit_document": lambda: engine.submit_document("m", LINK)}
    assert raised(RowError, call[act]).reason == "model-missing"


def test_a_path_that_the_endpoint_does_not_know_is_no_missing_model(speak: Speaker) -> None:
    engine, _ = speak(refusal(404, "404", "Resource not found"))
    assert raised(RowError, lambda: engine.model("m")).reason == "refused-by-service"


def test_deleting_what_is_gone_is_no_error(speak: Speaker) -> None:
    engine, transport = speak(Scripted(204), refusal(404, "1022"), refusal(404, "404"))
    engine.delete_model("m")
    engine.delete_model("m")
    assert raised(RowError, lambda: engine.delete_model("m")).reason == "refused-by-service"
    assert {(asked.method, asked.url) for asked in transport.asked} == {("DELETE", f"{MODELS}/m")}


def listed(*ids: str, following: str = "") -> Scripted:
    models = [{"modelId": model_id, "status": "ready"} for model_id in ids]
    return Scripted(body={"modelList": models, "nextLink": following})


def test_models_come_page_by_page_and_empty_pages_do_not_end_them(speak: Speaker) -> None:
    engine, transport = speak(
        listed("a", following=f"{MODELS}?nextLink=2!204!MDAw-"),
        listed(following=f"{MODELS}?nextLink=2!205!MDAx-"),
        listed("b"),
    )
    models = engine.models()
    assert next(models).model_id == "a"
    assert len(transport.asked) == 1
    assert [model.model_id for model in models] == ["b"]
    assert [asked.url.removeprefix(MODELS) for asked in transport.asked] == [
        "?op=full",
        "?op=full&nextLink=2!204!MDAw-",
        "?op=full&nextLink=2!205!MDAx-",
    ]


def test_the_quota_is_that_of_the_summary(speak: Speaker) -> None:
    engine, transport = speak(Scripted(body={"summary": {"count": 3, "limit": 5000}}))
    assert (engine.quota().count, transport.asked[0].url) == (3, f"{MODELS}?op=summary")


def test_a_copy_ends_in_the_model_of_the_target(speak: Speaker) -> None:
    leave = {"modelId": "t", "accessToken": "canary", "expirationDateTimeTicks": 1656120379}
    url = f"{MODELS}/m/copyresults/1"
    engine, transport = speak(
        Scripted(201, leave),
        accepted(url),
        Scripted(body={"status": "succeeded", "copyResult": {"modelId": "t"}}),
    )
    operation_url = engine.submit_copy(
        "m", CopyTarget("/subscriptions/s", "westus2"), engine.authorize_copy()
    )
    state = engine.poll(operation("copy", operation_url))
    assert state.model is not None
    assert state.model.model_id == "t"
    assert json.loads(transport.asked[1].body)["copyAuthorization"] == leave


# --- documents ------------------------------------------------------------------------------------


def test_a_document_goes_out_as_its_bytes_with_its_content_type(
    speak: Speaker, document: StagedDocument
) -> None:
    engine, transport = speak(accepted(f"{MODELS}/m/analyzeresults/1"), accepted(f"{ENDPOINT}/layout/1"))
    engine.submit_document("m", document)
    engine.submit_layout(document)
    assert [asked.body for asked in transport.asked] == [b"%PDF-1.7 some content"] * 2
    assert {asked.headers["Content-Type"] for asked in transport.asked} == {"application/pdf"}
    assert transport.asked[0].url == f"{MODELS}/m/analyze?includeTextDetails=true"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "InvalidImage"), DocumentError),
        (refusal(400, "2005"), DocumentError),
        (refusal(400, "FailedToDownloadImage"), DocumentError),
        (refusal(413, "413"), DocumentError),
        (refusal(415, "415"), DocumentError),
        (refusal(400, "NotSupportedLanguage"), RowError),
        (refusal(404, "404"), RowError),
        (refusal(405, "405"), RowError),
    ],
)
def test_a_document_is_refused_at_its_own_cost_and_a_request_at_that_of_the_row(
    speak: Speaker, document: StagedDocument, answer: Scripted, kind: type[FormpipeError]
) -> None:
    engine, _ = speak(answer, answer)
    assert raised(kind, lambda: engine.submit_document("m", document)).reason == "refused-by-service"
    assert raised(kind, lambda: engine.submit_layout(document)).reason == "refused-by-service"


def test_a_refusal_that_repeats_a_link_does_not_show_its_signature(speak: Speaker) -> None:
    engine, _ = speak(refusal(400, "FailedToDownloadImage", f"Failed to download {LINK.url}"))
    raised(DocumentError, lambda: engine.submit_document("m", LINK))


def test_the_answer_is_kept_to_the_letter(speak: Speaker) -> None:
    body = b'{"status":"succeeded",  "analyzeResult":{"version":"2.1.0","readResults":[]}}'
    engine, _ = speak(Scripted(body=body, headers={"Retry-After": "7"}))
    state = engine.poll(operation("layout", f"{ENDPOINT}/formrecognizer/v2.1/layout/analyzeResults/1"))
    assert (state.end, state.body, state.seconds) == ("succeeded", body, 7.0)


def test_a_running_operation_wishes_nothing_unless_it_says_so(speak: Speaker) -> None:
    engine, _ = speak(Scripted(body={"status": "running", "analyzeResult": None}))
    state = engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1"))
    assert (state.end, state.seconds) == ("running", None)


def test_an_operation_that_the_service_forgot_is_begun_again(speak: Speaker) -> None:
    engine, _ = speak(refusal(404, "NotFound"))
    error = raised(AttemptError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1")))
    assert error.reason == "operation-expired"


def test_a_poll_that_is_refused_costs_this_operation_alone(speak: Speaker) -> None:
    engine, _ = speak(refusal(400, "x"))
    error = raised(AttemptError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1")))
    assert error.reason == "refused-by-service"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'{"status": "succ', b"[" * 100_000])
def test_an_answer_to_a_poll_that_is_no_object_costs_this_operation_alone(
    speak: Speaker, body: bytes
) -> None:
    engine, _ = speak(Scripted(body=body))
    error = raised(AttemptError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1")))
    assert error.reason == "answer-unreadable"


@pytest.mark.parametrize("told", ["\u00b2", "-1", "1e9", "9" * 400, "soon", "nan"])
def test_a_wait_that_makes_no_sense_is_none(speak: Speaker, told: str) -> None:
    engine, _ = speak(Scripted(body={"status": "running"}, headers={"Retry-After": told}))
    assert engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1")).seconds is None


@pytest.mark.parametrize(
    "body", [{"status": "succeeded"}, {"status": "succeeded", "analyzeResult": {"x": 1}}]
)
def test_a_success_without_a_result_is_none(speak: Speaker, body: dict[str, Any]) -> None:
    engine, _ = speak(Scripted(body=body | {"copyResult": None}))
    if "analyzeResult" in body:
        state = engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1"))
        assert state.analysis is not None
        assert state.analysis.layout.pages == ()
        return
    error = raised(DocumentError, lambda: engine.poll(operation("analyze", f"{MODELS}/m/analyzeresults/1")))
    assert error.reason == "answer-unreadable"


def test_an_answer_that_is_no_object_is_named(speak: Speaker) -> None:
    engine, _ = speak(Scripted(body=[]))
    assert raised(RowError, engine.quota).reason == "answer-unreadable"


# --- the feedback loop ----------------------------------------------------------------------------


def test_the_feedback_loop_from_layout_to_result(speak: Speaker, document: StagedDocument) -> None:
    """The sequence of its article: read layouts, train with labels, analyze."""
    base = f"{ENDPOINT}/formrecognizer/v2.0-preview"
    reading = {
        "page": 1,
        "angle": 0,
        "width": 8.5,
        "height": 11,
        "unit": "inch",
        "language": "en",
        "lines": [],
    }
    field = {"type": "string", "valueString": "Visa", "text": "Visa", "pageNumber": 1, "confidence": 1}
    found = {"docType": "Analyze ", "pageRange": [1, 1], "fields": {"Card Type": field}}
    engine, transport = speak(
        accepted(f"{base}/readLayout/asyncAnalyzeOperations/1", "Location"),
        Scripted(body={"status": "NotStarted"}),
        Scripted(body={"status": "Succeeded", "analyzeResult": {"version": "2.0", "readResults": [reading]}}),
        accepted(f"{base}/custom/asyncTrainOperations/2", "Location", 201),
        Scripted(body={"status": "Running"}),
        Scripted(body={"status": "Succeeded", "trainResult": {"modelId": "m", "errors": []}}),
        accepted(f"{base}/custom/models/asyncAnalyzeOperations/3"),
        Scripted(body={"status": "Succeeded", "analyzeResult": {"documentResults": [found]}}),
        version="v2.0-preview",
    )

    layout = operation("layout", engine.submit_layout(document))
    assert [engine.poll(layout).end for _ in range(2)] == ["running", "succeeded"]
    training = operation("train", engine.submit_training(REQUEST))
    assert engine.poll(training).end == "running"
    trained = engine.poll(training)
    assert trained.model is not None
    analysis = engine.poll(
        operation("analyze", engine.submit_document(trained.model.model_id, document))
    ).analysis
    assert analysis is not None
    assert [(value.field, value.text, value.page) for value in analysis.values] == [("Card Type", "Visa", 1)]

    assert [(asked.method, asked.url.removeprefix(base)) for asked in transport.asked] == [
        ("POST", "/readLayout/asyncAnalyze"),
        ("GET", "/readLayout/asyncAnalyzeOperations/1"),
        ("GET", "/readLayout/asyncAnalyzeOperations/1"),
        ("POST", "/custom/asyncTrain"),
        ("GET", "/custom/asyncTrainOperations/2"),
        ("GET", "/custom/asyncTrainOperations/2"),
        ("POST", "/custom/models/m/asyncAnalyze/?includeTextDetails=true"),
        ("GET", "/custom/models/asyncAnalyzeOperations/3"),
    ]
    form = transport.asked[6]
    assert form.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="analyzeFile"' in form.body
    assert b"Content-Type: application/pdf\r\n\r\n%PDF-1.7 some content\r\n" in form.body
