"""The routes of Form Recognizer v2 over models and operations as they are stored; documents are read in this
process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas
from starlette.testclient import TestClient

from pipeline.emulator import work
from pipeline.emulator.app import create_app
from pipeline.emulator.form_recognizer_models import FAMILY
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import ModelShape, StoredJob, StoredModel
from pipeline.errors import RowError
from pipeline.remote import (
    Analysis,
    AnalyzedDocument,
    OperationKind,
    ServiceFault,
    ServiceModel,
    TrainedDocument,
)
from pipeline.types import ExtractedField, FieldSpec, Layout, Page
from pipeline.wire.form_recognizer.versions import VERSIONS

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
KEYS = ("one", "two")
FIRST, SECOND = "resource-1", "resource-2"
BASE = "/formrecognizer/v2.1/custom/models"
ANYWHERE = {"targetResourceId": "/accounts/a", "targetResourceRegion": "westus2"}


class House:
    """An emulator that reads in this process, and a client of each of its resources."""

    def __init__(self, folder: Path) -> None:
        self.app = create_app(EmulatorOptions(folder, KEYS, now=lambda: NOW, unlimited=True))
        self.service: EmulatorService = self.app.state.emulator.service
        self.first, self.second = (
            TestClient(self.app, headers={"Ocp-Apim-Subscription-Key": key}) for key in KEYS
        )
        self.keyless = TestClient(self.app)

    def put(self, model_id: str, shape: ModelShape = "labelled", **more: Any) -> str:
        fields = more.pop("fields", (FieldSpec("Total", "number"), FieldSpec("Notes")))
        model = ServiceModel(
            model_id, created_at=NOW, updated_at=NOW, fields=fields, average_accuracy=0.9,
            accuracies=tuple((spec.name, 0.9) for spec in fields), keys=("Total:", "Date"),
            documents=(TrainedDocument("a/b.pdf", 1),),
        )  # fmt: skip
        resource, family = more.pop("resource", FIRST), more.pop("family", FAMILY)
        model = replace(model, **more)
        stored = StoredModel(resource, shape, family, model, bundles={model_id: f"bundle-{model_id}"})
        self.service.store.put_model(stored)
        self.service.store.bundle(f"bundle-{model_id}").write_bytes(b"model")
        return model_id

    def job(self, kind: OperationKind = "analyze", model_id: str = "", **more: Any) -> str:
        job = StoredJob("job", FIRST, kind, FAMILY, "succeeded", NOW, NOW, model_id, None, {"text": False})
        self.service.store.put_job(replace(job, **more))
        return "job"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    made = House(tmp_path)
    work.prepare(tmp_path / "bundles")
    monkeypatch.setattr(made.service, "_perform", lambda task, seconds: work.perform(task))
    yield made
    made.service.close()


def pdf(*lines: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    for row, line in enumerate(lines):
        canvas.drawString(72, 700 - 20 * row, line)
    canvas.save()
    return file.getvalue()


def image(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 60), "white").save(file, kind)
    return file.getvalue()


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [True, False])
def test_an_unlabelled_model_tells_its_keys_when_asked(house: House, keys: bool) -> None:
    house.put("m", "unlabelled")
    body = house.first.get(f"{BASE}/m", params={"includeKeys": str(keys).lower()}).json()
    assert ("keys" in body) == keys
    assert body["trainResult"]["trainingDocuments"] == [
        {"documentName": "a/b.pdf", "pages": 1, "errors": [], "status": "succeeded"}
    ]


def test_an_invalid_model_names_its_fault_in_a_header_too(house: House) -> None:
    house.put("m", state="invalid", faults=(ServiceFault("2014", "No valid blobs found."),))
    answer = house.first.get(f"{BASE}/m")
    assert (answer.status_code, answer.headers["ms-azure-ai-errorcode"]) == (200, "2014")
    assert answer.json()["trainResult"]["errors"][0]["code"] == "2014"


@pytest.mark.parametrize("more", [{"resource": SECOND}, {"family": "v3"}])
def test_models_of_others_are_not_there(house: House, more: dict[str, Any]) -> None:
    house.put("m", **more)
    assert code(house.first.get(f"{BASE}/m")) == (404, "1022")
    assert house.first.get(BASE, params={"op": "full"}).json()["modelList"] == []


def test_paths_are_matched_in_any_case(house: House) -> None:
    house.put("m")
    assert house.first.get("/FormRecognizer/V2.1/Custom/Models/M").status_code == 200


def test_deleted_is_not_found(house: House) -> None:
    house.put("m")
    answer = house.first.delete(f"{BASE}/m")
    assert (answer.status_code, answer.content) == (204, b"")
    assert code(house.first.delete(f"{BASE}/m")) == (404, "1022")


def listed(house: House) -> tuple[list[str], list[int]]:
    """The ids on all pages, and how many stood on each."""
    ids, sizes, url = [], [], f"{BASE}?op=full"
    while url:
        body = house.first.get(url).json()
        ids += [info["modelId"] for info in body["modelList"]]
        sizes.append(len(body["modelList"]))
        url = body["nextLink"]
        assert "op=" not in url
    return ids, sizes


def test_lists_come_in_pages_of_which_some_are_empty(house: House) -> None:
    wanted = [house.put(f"m{number}") for number in range(17)]
    house.put("reserved", "reserved", state="creating")
    ids, sizes = listed(house)
    assert ids == [*wanted, "reserved"]
    assert 0 in sizes[:-1]
    assert house.first.get(f"{BASE}?op=summary").json()["summary"]["count"] == 18


@pytest.mark.parametrize("token", ["x", "2!8!bm90aGluZw-", "2!1!?-"])
def test_a_link_that_nobody_gave_is_refused(house: House, token: str) -> None:
    assert house.first.get(BASE, params={"op": "full", "nextLink": token}).status_code == 400


@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense", b'{"source": 3}'])
def test_a_training_without_a_source_is_refused(house: House, body: bytes) -> None:
    assert code(house.first.post(BASE, content=body)) == (400, "1002")


def test_a_container_that_is_none_makes_an_invalid_model(house: House) -> None:
    answer = house.first.post(BASE, json={"source": "/input/data1"})
    assert answer.status_code == 201
    house.service._threads.shutdown(wait=True)
    body = house.first.get(answer.headers["Location"]).json()
    assert (body["modelInfo"]["status"], body["trainResult"]["errors"][0]["code"]) == ("invalid", "2012")


def test_names_are_of_v2_1(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(house.service, "start_training", lambda training: begun.append(training.request.name))
    for version in ("v2.0", "v2.1"):
        house.first.post(f"/formrecognizer/{version}/custom/models", json={"source": "x", "modelName": "n"})
    assert begun == ["", "n"]


# --- composed models ------------------------------------------------------------------------------


def composed(house: House, *ids: str, **more: Any) -> str:
    answer = house.first.post(f"{BASE}/compose", json={"modelIds": ids} | more)
    assert (answer.status_code, answer.content) == (201, b"")
    return str(answer.headers["Location"]).rpartition("/")[2]


def test_a_composed_model_outlives_its_components(house: House) -> None:
    house.put("a", fields=(FieldSpec("Total"),))
    house.put("b", fields=(FieldSpec("Notes"),), name="notes")
    made = composed(house, "a", "b", modelName="both")
    house.first.delete(f"{BASE}/a")
    body = house.first.get(f"{BASE}/{made}").json()
    assert body["modelInfo"]["attributes"] == {"isComposed": True}
    assert [part["modelId"] for part in body["composedTrainResults"]] == ["a", "b"]
    again = house.first.get(f"{BASE}/{composed(house, made, 'b')}").json()
    assert len(again["composedTrainResults"]) == 3


@pytest.mark.parametrize(
    "more", [{"shape": "unlabelled"}, {"state": "creating"}, {"state": "invalid"}, {"family": "v3"}]
)
def test_what_cannot_be_composed_is_named(house: House, more: dict[str, Any]) -> None:
    house.put("a")
    house.put("b", **more)
    answer = house.first.post(f"{BASE}/compose", json={"modelIds": ["a", "b"]})
    assert code(answer) == (400, "1001")
    assert answer.json()["error"]["message"].endswith("Model Id: b")


def test_v2_0_does_not_compose(house: House) -> None:
    answer = house.first.post("/formrecognizer/v2.0/custom/models/compose", json={"modelIds": ["a"]})
    assert answer.status_code == 501


# --- copies ---------------------------------------------------------------------------------------


def authorized(client: TestClient) -> dict[str, Any]:
    answer = client.post(f"{BASE}/copyAuthorization")
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    assert answer.headers["Location"].endswith(f"{BASE}/{body['modelId']}")
    assert body["expirationDateTimeTicks"] == int((NOW + timedelta(hours=24)).timestamp())
    return body


def test_a_model_is_copied_to_the_id_that_was_reserved(house: House) -> None:
    house.put("m")
    leave = authorized(house.second)
    reserved = f"{BASE}/{leave['modelId']}"
    assert house.second.get(reserved).json() == {
        "modelInfo": {
            "modelId": leave["modelId"],
            "status": "creating",
            "createdDateTime": "2026-03-04T05:06:07Z",
            "lastUpdatedDateTime": "2026-03-04T05:06:07Z",
        }
    }
    answer = house.first.post(f"{BASE}/m/copy", json=ANYWHERE | {"copyAuthorization": leave})
    where = answer.headers["Operation-Location"]
    assert (answer.status_code, "/m/copyresults/" in where) == (202, True)
    body = house.first.get(where).json()
    assert (body["status"], body["copyResult"]) == ("succeeded", {"modelId": leave["modelId"]})
    assert house.second.get(reserved).json()["modelInfo"]["status"] == "ready"
    copied = house.service.store.model(SECOND, leave["modelId"])
    assert copied is not None
    assert house.service.store.bundle(copied.bundles[leave["modelId"]]).read_bytes() == b"model"


def test_a_leave_is_good_for_one_copy(house: House) -> None:
    house.put("m")
    sent = ANYWHERE | {"copyAuthorization": authorized(house.second)}
    ends = []
    for _ in range(2):
        answer = house.first.get(house.first.post(f"{BASE}/m/copy", json=sent).headers["Operation-Location"])
        ends.append((answer.json()["status"], answer.headers.get("ms-azure-ai-errorcode")))
    assert ends == [("succeeded", None), ("failed", "2024")]


def test_what_is_not_ready_is_not_copied(house: House) -> None:
    house.put("m", state="creating")
    sent = ANYWHERE | {"copyAuthorization": authorized(house.second)}
    assert code(house.first.post(f"{BASE}/m/copy", json=sent)) == (400, "1001")


# --- documents ------------------------------------------------------------------------------------


def sent(house: House, path: str, content: bytes, kind: str = "application/pdf") -> Any:
    return house.first.post(path, content=content, headers={"Content-Type": kind})


def test_a_layout_is_read_and_told(house: House) -> None:
    answer = sent(house, "/formrecognizer/v2.1/layout/analyze", pdf("Total: 17"))
    assert (answer.status_code, answer.content) == (202, b"")
    house.service._threads.shutdown(wait=True)
    body = house.first.get(answer.headers["Operation-Location"]).json()
    assert (body["status"], set(body["analyzeResult"])) == (
        "succeeded",
        {"version", "readResults", "pageResults"},
    )
    assert [line["text"] for line in body["analyzeResult"]["readResults"][0]["lines"]] == ["Total: 17"]


@pytest.mark.parametrize("version", [name for name in VERSIONS if name != "v2.0-preview"])
def test_bitmaps_are_taken_by_later_versions(house: House, version: str) -> None:
    house.put("m")
    base = f"/formrecognizer/{version}"
    statuses = [
        sent(house, f"{base}/{path}/analyze", image("BMP"), "image/bmp").status_code
        for path in ("layout", "custom/models/m")
    ]
    wanted = {"v2.1": [202, 202], "v2.1-preview.3": [202, 202], "v2.1-preview.2": [202, 400]}
    assert statuses == wanted.get(version, [400, 400])
    assert len(list((house.service.store.folder / "inputs").iterdir())) <= statuses.count(202)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 damaged", b"GIF89a", b"<html>"])
def test_what_is_no_document_is_refused(house: House, content: bytes) -> None:
    answer = sent(house, "/formrecognizer/v2.1/layout/analyze", content)
    assert code(answer) == (400, "InvalidImage")
    assert list((house.service.store.folder / "inputs").iterdir()) == []


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/form.pdf", "file:///etc/passwd", ""])
def test_a_document_that_cannot_be_fetched_is_refused(house: House, source: str) -> None:
    answer = house.first.post("/formrecognizer/v2.1/layout/analyze", json={"source": source})
    assert code(answer) == (400, "FailedToDownloadImage")


@pytest.mark.parametrize(
    ("version", "status"), [("v2.0", 202), ("v2.1-preview.2", 202), ("v2.1-preview.3", 400), ("v2.1", 400)]
)
def test_pages_are_a_parameter_of_later_versions(house: House, version: str, status: int) -> None:
    house.put("m")
    path = f"/formrecognizer/{version}/custom/models/m/analyze?pages=none"
    assert sent(house, path, pdf("a")).status_code == status


def test_a_model_that_is_not_ready_analyzes_nothing(house: House) -> None:
    house.put("m", state="creating")
    assert sent(house, f"{BASE}/m/analyze", pdf("a")).status_code == 400


VALUE = ExtractedField("Total", "17", 1, None, 0.8)
PAGE = Page(1, 8.5, 11.0, "inch")
FOUND = Analysis(Layout((PAGE,), 1), (AnalyzedDocument("m", 1, 1, (VALUE,), 0.8, "m"),), "m")


def result(house: House, model_id: str, found: Analysis = FOUND, version: str = "v2.1", **more: Any) -> Any:
    job = house.job("analyze", model_id, **more)
    if more.get("state", "succeeded") == "succeeded":
        house.service.store.put_result(job, found)
    answer = house.first.get(f"/formrecognizer/{version}/custom/models/{model_id}/analyzeResults/{job}")
    assert answer.status_code == 200
    return answer.json()


def test_what_was_not_found_is_null(house: House) -> None:
    house.put("m")
    (document,) = result(house, "m")["analyzeResult"]["documentResults"]
    assert document["fields"]["Notes"] is None
    assert document["fields"]["Total"]["valueNumber"] == 17
    assert (document["docType"], document["modelId"]) == ("custom:m", "m")


def test_a_composed_model_tells_the_component_that_fitted_and_its_fields(house: House) -> None:
    house.put("other", fields=(FieldSpec("Date"),))
    house.put("m", fields=(FieldSpec("Total"),), name="bills")
    (document,) = result(house, composed(house, "other", "m"))["analyzeResult"]["documentResults"]
    assert (document["docType"], document["modelId"], set(document["fields"])) == (
        "custom:bills",
        "m",
        {"Total"},
    )


@pytest.mark.parametrize(("shape", "null"), [("unlabelled", True), ("labelled", False)])
def test_unfinished_is_null_only_without_labels(house: House, shape: Any, null: bool) -> None:
    house.put("m", shape)
    body = result(house, "m", state="running")
    assert ("analyzeResult" in body, body.get("analyzeResult")) == (null, None)


def test_a_failed_analysis_says_why_with_status_200(house: House) -> None:
    house.put("m")
    body = result(house, "m", state="failed", fault=ServiceFault("3001", "It could not be read."))
    assert body["status"] == "failed"
    assert body["analyzeResult"]["errors"] == [{"code": "3001", "message": "It could not be read."}]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("custom/models/other/analyzeResults/job", {}),
        ("layout/analyzeResults/job", {}),
        ("custom/models/m/copyResults/job", {}),
        ("custom/models/m/analyzeResults/nobody", {}),
        ("custom/models/m/analyzeResults/job", {"resource": SECOND}),
        ("custom/models/m/analyzeResults/job", {"updated": NOW - timedelta(hours=25)}),
    ],
)
def test_results_are_found_only_where_they_belong_and_for_a_day(
    house: House, path: str, more: dict[str, Any]
) -> None:
    house.put("m")
    house.put("other")
    house.job("analyze", "m", **more)
    house.service.store.put_result("job", FOUND)
    assert house.first.get(f"/formrecognizer/v2.1/{path}").status_code == 404


@pytest.mark.parametrize("kind", ["receipt", "businessCard", "invoice", "idDocument"])
def test_prebuilt_models_are_not_spoken(house: House, kind: str) -> None:
    answer = sent(house, f"/formrecognizer/v2.1/prebuilt/{kind}/analyze", pdf("a"))
    assert code(answer) == (501, "NotImplemented")


# --- the feedback loop ----------------------------------------------------------------------------

LOOP = "/formrecognizer/v2.0-preview"


@pytest.mark.parametrize("base", [LOOP, f"{LOOP}/custom"])
@pytest.mark.parametrize(
    ("state", "told"), [("creating", "Running"), ("ready", "Succeeded"), ("invalid", "Failed")]
)
def test_trainings_of_the_loop_are_operations(house: House, base: str, state: Any, told: str) -> None:
    house.put("m", state=state)
    body = house.first.get(f"{base}/asyncTrainOperations/m").json()
    assert (body["status"], "trainResult" in body) == (told, state != "creating")


@pytest.mark.parametrize(
    "send",
    [
        {"content": b"%PDF", "headers": {"Content-Type": "application/pdf"}},
        {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"--x--", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"no parts", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"files": {"another": ("a.pdf", b"%PDF")}},
        {"data": {"analyzeFile": "text"}},
    ],
)
def test_the_loop_takes_a_form_as_the_one_part_it_names(house: House, send: dict[str, Any]) -> None:
    house.put("m")
    answer = house.first.post(f"{LOOP}/custom/models/m/asyncAnalyze", **send)
    assert code(answer) == (400, "1002")


def test_bytes_of_a_part_arrive_as_they_were(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("m")
    content = pdf("Total: 17") + bytes(range(256)) + b"\r\n--x\r\n\x00"
    kept: list[bytes] = []
    monkeypatch.setattr(
        house.service,
        "start_reading",
        lambda job, *_, **__: kept.append(house.service.store.input(job).read_bytes()),
    )
    answer = house.keyless.post(
        f"{LOOP}/models/m/asyncAnalyze/", files={"analyzeFile": ("a b.pdf", content, "application/pdf")}
    )
    assert (answer.status_code, kept) == (202, [content])


def test_a_container_holds_the_key_itself(house: House) -> None:
    house.put("m")
    assert house.keyless.get(f"{LOOP}/asyncTrainOperations/m").status_code == 200
    assert house.keyless.get(f"{LOOP}/custom/asyncTrainOperations/m").status_code == 401
    wrong = {"Ocp-Apim-Subscription-Key": "wrong"}
    assert house.keyless.get(f"{LOOP}/asyncTrainOperations/m", headers=wrong).status_code == 401


def test_a_sentence_about_a_failed_reading_names_no_url(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(task: object, seconds: float) -> object:
        raise RowError("403 AuthenticationFailed (list)", reason="container-unreadable")

    monkeypatch.setattr(house.service, "_perform", broken)
    secret = "https://account.blob.core.windows.net/c?sig=canary"
    where = house.first.post(BASE, json={"source": secret}).headers["Location"]
    house.service._threads.shutdown(wait=True)
    assert "canary" not in house.first.get(where).text
    kept = [file for file in house.service.store.folder.rglob("*") if file.is_file()]
    assert not any(b"canary" in file.read_bytes() for file in kept)
