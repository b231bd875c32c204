"""The routes of Document Intelligence over models and operations as they are stored. Documents are read in
this process; trainings and what models find are scripted, and containers are dictionaries."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from reportlab.pdfgen.canvas import Canvas
from starlette.testclient import TestClient

from pipeline.emulator import (
    document_intelligence_batches,
    document_intelligence_classifiers,
    document_intelligence_documents,
    document_intelligence_models,
    work,
)
from pipeline.emulator.app import create_app
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.store import StoredModel
from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.formats.ocr_json import layout_to_json
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import read_layout
from pipeline.remote import ServiceModel
from pipeline.types import Blob, Box, ExtractedField, FieldSpec, Layout

KEYS = ("one", "two")
V30, V31, V40 = "2022-08-31", "2023-07-31", "2024-11-30"
BASES = {V30: "/formrecognizer", V31: "/formrecognizer", V40: "/documentintelligence"}
PDF = "application/pdf"
IN, OUT = (
    "https://a.blob.core.windows.net/in?sp=rwdl&sig=x",
    "https://a.blob.core.windows.net/out?sp=wdl&sig=x",
)
AS_PDF: dict[str, Any] = {"headers": {"Content-Type": PDF}}
TEXT, HTML = {"Content-Type": "text/plain"}, {"Content-Type": "text/html"}
PART: dict[str, Any] = {"modelId": "m1"}
AS_JSON: dict[str, Any] = {"content": None, "headers": None}
FIELDS = (FieldSpec("Total", "number"), FieldSpec("Notes"))


class Bucket:
    """Stands for a container behind a signed URL."""

    blobs: dict[str, dict[str, bytes]] = {}  # noqa: RUF012 - of all containers
    refused: set[str] = set()  # noqa: RUF012

    def __init__(self, url: str) -> None:
        self.name = urlsplit(url).path.strip("/")

    def _allow(self, what: str) -> dict[str, bytes]:
        if what in self.refused:
            raise RowError(f"403 AuthorizationPermissionMismatch ({what})", reason="container-unreadable")
        return self.blobs.setdefault(self.name, {})

    def list(self, container: str, prefix: str = "") -> Iterator[Blob]:
        for path in sorted(self._allow("list")):
            if path.startswith(prefix):
                yield Blob(path, "e", 1)

    def read(self, container: str, path: str) -> bytes:
        if path not in self._allow("read"):
            raise DocumentError("the blob is not there", reason="blob-gone")
        return self.blobs[self.name][path]

    def write(self, container: str, path: str, content: bytes) -> None:
        self._allow("write")[path] = content


class Engine:
    """Reads for real; models find one value, their bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def layout(self, content: bytes, *, max_pages: int) -> Layout:
        return read_layout(content, ReadOptions(max_pages=max_pages), None)

    def extract(self, name: str, layout: Layout) -> tuple[ExtractedField, ...]:
        text = (self._folder / name).read_text()
        page = layout.pages[0].number
        return (ExtractedField("Notes", text, page, Box(0, 0, 9, 9).polygon, len(text) / 10),)


class House:
    """An emulator with its clients, a clock that can be turned, and trainings that end as told."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        self.trained: list[str | FormpipeError] = []
        options = {"unlimited": True} | options
        self.app = create_app(EmulatorOptions(folder, KEYS, now=lambda: self.now, **options))
        self.service = self.app.state.emulator.service
        self.clients = [TestClient(self.app, headers={"Ocp-Apim-Subscription-Key": key}) for key in KEYS]

    def perform(self, task: object, seconds: float) -> object:
        if not isinstance(task, work.TrainTask):
            return work.perform(task)
        outcome = self.trained.pop(0) if self.trained else "found"
        if isinstance(outcome, FormpipeError):
            raise outcome
        task.bundle.write_text(outcome)
        return work.Learned(FIELDS, (("Total", 0.9), ("Notes", 0.8)), 0.85, ())

    def ask(self, method: str, path: str, version: str = V40, resource: int = 0, **more: Any) -> Any:
        params = {"api-version": version} | more.pop("params", {})
        url = f"{BASES[version]}/{path}"
        return self.clients[resource].request(method, url, params=params, **more)

    def follow(self, answer: Any, resource: int = 0) -> dict[str, Any]:
        """What is told of an operation that was begun; it has ended."""
        assert answer.status_code == 202, answer.text
        assert answer.content == b""
        body: dict[str, Any] = self.clients[resource].get(answer.headers["operation-location"]).json()
        return body

    def build(self, model_id: str = "m1", version: str = V40, resource: int = 0, **more: Any) -> Any:
        body = {"modelId": model_id, "buildMode": "template", "azureBlobSource": {"containerUrl": IN}} | more
        return self.ask("POST", "documentModels:build", version, resource, json=body)

    def made(
        self, model_id: str = "m1", version: str = V40, resource: int = 0, **more: Any
    ) -> dict[str, Any]:
        body = self.follow(self.build(model_id, version, resource, **more), resource)
        assert body["status"] == "succeeded", body
        result: dict[str, Any] = body["result"]
        return result

    def analyze(self, model_id: str, version: str = V40, resource: int = 0, **more: Any) -> Any:
        sent = {"content": pdf("one two"), "headers": {"Content-Type": PDF}} | more
        return self.ask("POST", f"documentModels/{model_id}:analyze", version, resource, **sent)

    def found(self, model_id: str, version: str = V40, resource: int = 0, **more: Any) -> dict[str, Any]:
        body = self.follow(self.analyze(model_id, version, resource, **more), resource)
        assert body["status"] == "succeeded", body
        result: dict[str, Any] = body["analyzeResult"]
        return result

    def sorter(self, name: str = "sorter", version: str = V40, **more: Any) -> Any:
        kinds = {
            kind: {"azureBlobSource": {"containerUrl": IN, "prefix": f"{kind}/"}} for kind in ("bill", "cv")
        }
        body = {"classifierId": name, "docTypes": kinds} | more
        return self.ask("POST", "documentClassifiers:build", version, json=body)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    yield from living(House(tmp_path), tmp_path, monkeypatch)


def living(made: House, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    work.prepare(folder / "bundles")
    monkeypatch.setattr(work, "_engine", Engine(folder / "bundles"))
    monkeypatch.setattr(made.service, "_perform", made.perform)
    monkeypatch.setattr(made.service._threads, "submit", lambda call, *given: call(*given))
    monkeypatch.setattr(Bucket, "blobs", {})
    monkeypatch.setattr(Bucket, "refused", set())
    for module in (
        document_intelligence_batches, document_intelligence_classifiers, document_intelligence_models
    ):  # fmt: skip
        monkeypatch.setattr(module, "SignedContainer", Bucket)
    yield made
    made.service.close()


def pdf(*pages: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    for text in pages:
        canvas.drawString(72, 700, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def code(answer: Any) -> tuple[int, str, str]:
    """Status, outer and inner code of a refusal."""
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("innererror", {}).get("code", "")


# --- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "version", "told"),
    [
        ("/formrecognizer", None, (400, "InvalidArgument", "ParameterMissing")),
        ("/formrecognizer", "2020-01-01", (400, "InvalidRequest", "NotSupportedApiVersion")),
        ("/formrecognizer", V40, (400, "InvalidRequest", "NotSupportedApiVersion")),
        ("/documentintelligence", V31, (400, "InvalidRequest", "NotSupportedApiVersion")),
        ("/documentintelligence", "2024-07-31-preview", (400, "InvalidRequest", "NotSupportedApiVersion")),
    ],
)
def test_every_call_names_a_version_that_is_spoken_there(
    house: House, base: str, version: str | None, told: tuple[int, str, str]
) -> None:
    params = {"api-version": version} if version else {}
    assert code(house.clients[0].get(f"{base}/info", params=params)) == told


def test_a_retired_version_is_gone_from_its_day_on(house: House) -> None:
    house.now = datetime(2026, 7, 1, tzinfo=UTC)
    answer = house.clients[0].get("/documentintelligence/info", params={"api-version": "2024-02-29-preview"})
    assert code(answer) == (410, "Gone", "")


@pytest.mark.parametrize(
    ("method", "path", "version"),
    [
        ("GET", "documentClassifiers", V30),
        ("POST", "documentModels/m:analyzeBatch", V31),
        ("DELETE", "documentModels/m/analyzeResults/1", V31),
        ("POST", "documentClassifiers:authorizeCopy", V31),
    ],
)
def test_what_came_later_is_not_in_a_version(house: House, method: str, path: str, version: str) -> None:
    assert code(house.ask(method, path, version))[2] == "NotSupportedApiVersion"


# --- build ----------------------------------------------------------------------------------------


def test_a_build_tells_its_operation_and_model(house: House) -> None:
    answer = house.build(description="bills", tags={"by": "me"}, buildMode="neural")
    assert answer.headers["retry-after"] == "1"
    body = house.follow(answer)
    assert (body["kind"], body["status"], body["percentCompleted"]) == (
        "documentModelBuild",
        "succeeded",
        100,
    )
    assert body["tags"] == body["result"]["tags"] == {"by": "me"}
    assert (
        body["resourceLocation"]
        == f"http://testserver/documentintelligence/documentModels/m1?api-version={V40}"
    )
    model = body["result"]
    assert (model["description"], model["buildMode"]) == ("bills", "neural")
    assert model["docTypes"]["m1"]["fieldConfidence"] == {"Notes": 0.8, "Total": 0.9}
    assert model["azureBlobSource"] == {"containerUrl": "https://a.blob.core.windows.net/in"}
    assert house.ask("GET", "documentModels/m1").json() == model
    assert "sig=" not in json.dumps(body)


def test_an_old_version_asks_for_no_pause(house: House) -> None:
    assert "retry-after" not in house.build(version=V31).headers


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            RowError("nothing", reason="no-layouts"),
            "Could not build the model: Can't find any OCR files for training.",
        ),
        (RowError("403 AuthenticationFailed (list)", reason="container-unreadable"), "Invalid SAS token"),
        (RowError("ContainerNotFound", reason="container-unreadable"), "Content is not accessible"),
        (RowError("odd", reason="odd"), "Could not build the model: Generic error"),
    ],
)
def test_a_failed_build_says_why_and_leaves_its_id_free(house: House, error: RowError, told: str) -> None:
    house.trained = [error]
    body = house.follow(house.build(version=V30))
    assert (body["status"], body["percentCompleted"], "result" in body) == ("failed", 100, False)
    assert told in json.dumps(body["error"])
    assert code(house.ask("GET", "documentModels/m1"))[2] == "ModelNotFound"
    assert house.made()["modelId"] == "m1"


@pytest.mark.parametrize("model_id", ["m", "-m", "m/1", "m" * 65, "prebuilt-mine", 5, None])
def test_ids_are_as_the_service_wants_them(house: House, model_id: object) -> None:
    status, outer, inner = code(house.build(modelId=model_id))
    assert (status, outer) == (400, "InvalidArgument")
    assert inner in ("InvalidParameter", "ParameterMissing")


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ({"buildMode": "generative"}, "InvalidParameter"),
        ({"buildMode": None}, "ParameterMissing"),
        ({"azureBlobSource": None}, "ParameterMissing"),
        ({"azureBlobFileListSource": {"containerUrl": IN, "fileList": "x"}}, "ParameterMissing"),
        (
            {"azureBlobSource": {"containerUrl": "https://a.blob.core.windows.net/"}},
            "InvalidContentSourceFormat",
        ),
        ({"azureBlobSource": {"containerUrl": "https://a.net/blank%20space"}}, "InvalidContentSourceFormat"),
        ({"azureBlobSource": {"containerUrl": "https://a.net/in?sp=racwd&sig=x"}}, "InvalidSasToken"),
        ({"description": "x" * 4097}, "InvalidParameter"),
        ({"tags": ["x"]}, "InvalidParameter"),
    ],
)
def test_a_build_that_makes_no_sense_is_refused(house: House, body: dict[str, Any], inner: str) -> None:
    assert code(house.build(**body)) == (400, "InvalidArgument", inner)


def test_a_missing_permission_is_named(house: House) -> None:
    answer = house.build(azureBlobSource={"containerUrl": "https://a.net/in?sp=racwd&sig=x"})
    assert "SAS 'list' authorization is missing. Permissions: racwd" in answer.text


def test_a_name_that_is_taken_is_a_conflict_unless_it_may_be_overwritten(house: House) -> None:
    house.made()
    assert code(house.build()) == (409, "Conflict", "ModelExists")
    assert code(house.build(version=V31, allowOverwrite=True))[0] == 409
    house.trained = ["new bytes"]
    house.made(allowOverwrite=True)
    assert notes(house.found("m1")) == "new bytes"


def notes(result: dict[str, Any]) -> str:
    (document,) = result["documents"]
    return str(document["fields"]["Notes"]["content"])


def test_one_id_in_two_resources_is_two_models(house: House) -> None:
    house.trained = ["first", "second"]
    house.made()
    house.made(resource=1)
    assert [notes(house.found("m1", resource=n)) for n in (0, 1)] == ["first", "second"]


def test_a_model_that_is_built_again_after_it_was_deleted_has_its_new_bytes(house: House) -> None:
    house.trained = ["first", "second"]
    house.made()
    assert notes(house.found("m1")) == "first"
    assert house.ask("DELETE", "documentModels/m1").status_code == 204
    house.made()
    assert notes(house.found("m1")) == "second"


def test_files_are_listed_one_by_one(house: House) -> None:
    Bucket.blobs["in"] = {"list.jsonl": b'{"file": "a/1.pdf"}\n\n{"file": "a/2.pdf"}\n', "odd": b"["}
    source = {"containerUrl": IN, "fileList": "list.jsonl"}
    assert house.made(azureBlobSource=None, azureBlobFileListSource=source, version=V31)["modelId"]
    for missing in ("odd", "nowhere"):
        answer = house.build(
            "m2", azureBlobSource=None, azureBlobFileListSource=source | {"fileList": missing}
        )
        assert code(answer)[2] == "ContentSourceNotAccessible"
    assert (
        code(house.build("m2", V30, azureBlobSource=None, azureBlobFileListSource=source))[2]
        == "InvalidParameter"
    )


def test_a_full_resource_takes_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.made()
    tier = house.service.tier("document-intelligence")
    monkeypatch.setattr(house.service, "tier", lambda engine: type(tier)(**{**fields_of(tier), "models": 1}))
    assert code(house.build("m2"))[2] == "DocumentModelLimit"


def fields_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def test_neural_builds_of_a_month_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_intelligence_models.encode, "NEURAL_BUILDS", 2)
    for house in living(House(tmp_path, unlimited=False), tmp_path, monkeypatch):
        house.trained = ["x", RowError("x", reason="odd"), "x"]
        house.made("m1", V31, buildMode="neural")
        assert house.follow(house.build("m2", V31, buildMode="neural"))["status"] == "failed"
        house.made("m3", V31, buildMode="neural")
        assert code(house.build("m4", V31, buildMode="neural"))[2] == "DocumentModelLimitNeural"
        assert house.build("m4", V31).status_code == 202
        told = house.ask("GET", "info", V31).json()
        assert told["customNeuralDocumentModelBuilds"]["used"] == 2
        house.now += timedelta(days=31)
        assert house.build("m5", V31, buildMode="neural").status_code == 202


# --- lists, prebuilt models -----------------------------------------------------------------------


def test_lists_begin_with_the_services_own_and_end_without_a_link(house: House) -> None:
    for number in range(5):
        house.made(f"m{number}")
    old = ServiceModel("d2", "ready", api_version="v2.1", created_at=house.now)
    house.service.store.put_model(StoredModel("resource-1", "labelled", "v2", old))
    first = house.ask("GET", "documentModels").json()
    assert [item["modelId"] for item in first["value"][:2]] == ["prebuilt-layout", "prebuilt-read"]
    assert first["nextLink"].startswith(
        f"http://testserver/documentintelligence/documentModels?api-version={V40}&"
    )
    last = house.clients[0].get(first["nextLink"]).json()
    assert "nextLink" not in last
    assert [item["modelId"] for item in last["value"]] == ["m3", "m4", "d2"]
    assert ("docTypes" in last["value"][0], "expirationDateTime" in last["value"][0]) == (False, True)
    assert (last["value"][2]["apiVersion"], "expirationDateTime" in last["value"][2]) == ("v2.1", False)
    assert house.ask("GET", "info").json() == {"customDocumentModels": {"count": 6, "limit": 5000}}
    assert code(house.ask("GET", "documentModels", params={"nextLink": "odd"}))[2] == "InvalidParameter"


def test_prebuilt_models_are_layout_and_read(house: House) -> None:
    assert house.ask("GET", "documentModels/prebuilt-layout").json()["modelId"] == "prebuilt-layout"
    assert code(house.ask("GET", "documentModels/prebuilt-invoice"))[0] == 501
    assert code(house.analyze("prebuilt-invoice")) == (501, "NotImplemented", "NotImplemented")
    assert code(house.ask("DELETE", "documentModels/prebuilt-layout"))[2] == "ModelReadOnly"
    assert [name in house.found("prebuilt-layout") for name in ("tables", "paragraphs", "documents")] == [
        True, True, False
    ]  # fmt: skip
    assert "tables" not in house.found("prebuilt-read")


# --- compose --------------------------------------------------------------------------------------


def compose(house: House, version: str, *parts: str, **more: Any) -> Any:
    body: dict[str, Any] = {"modelId": "all", "description": "both", "tags": {"a": "b"}}
    if version == V40:
        body |= {
            "classifierId": "sorter",
            "docTypes": {kind: {"modelId": part} for kind, part in zip(("bill", "cv"), parts, strict=False)},
        }
    else:
        body["componentModels"] = [{"modelId": part} for part in parts]
    return house.ask("POST", "documentModels:compose", version, json=body | more)


def test_a_composed_model_outlives_its_parts(house: House) -> None:
    house.trained = ["ab", "abcdef"]
    house.made("m1", V31)
    house.made("m2", V31)
    body = house.follow(compose(house, V31, "m1", "m2"))
    assert (body["kind"], body["tags"]) == ("documentModelCompose", {"a": "b"})
    assert body["result"]["docTypes"].keys() == {"m1", "m2"}
    for part in ("m1", "m2"):
        house.ask("DELETE", f"documentModels/{part}", V31)
    assert house.ask("GET", "documentModels/all", V31).json() == body["result"]
    (document,) = house.found("all", V31)["documents"]
    assert (document["docType"], document["fields"]["Notes"]["content"]) == ("all:m2", "abcdef")
    assert document["fields"]["Total"] == {"type": "number", "confidence": 0.0}


def test_a_composed_model_can_be_composed_again(house: House) -> None:
    for part in ("m1", "m2", "m3"):
        house.made(part, V30)
    house.follow(compose(house, V30, "m1", "m2"))
    body = house.follow(compose(house, V30, "all", "m3", modelId="more"))
    assert body["result"]["docTypes"].keys() == {"m1", "m2", "m3"}


@pytest.mark.parametrize(
    ("version", "parts", "more", "told"),
    [
        (V31, (), {}, (400, "ParameterMissing")),
        (V31, ("nobody",), {}, (404, "ModelNotFound")),
        (V31, ("m1",), {"componentModels": [{}]}, (400, "InvalidParameter")),
        (V31, ("m1",), {"modelId": "m1"}, (409, "ModelExists")),
        (V31, ("m1",) * 201, {}, (400, "DocumentModelLimitComposed")),
        (V40, ("m1",), {"classifierId": None}, (400, "ParameterMissing")),
        (V40, ("m1",), {"classifierId": "m1"}, (404, "ModelNotFound")),
        (V40, ("m1",), {"split": "odd"}, (400, "InvalidParameter")),
        (V40, ("m1",), {"docTypes": {"a": PART | {"confidenceThreshold": 2}}}, (400, "InvalidParameter")),
        (V40, ("m1",), {"docTypes": {"a": PART | {"features": ["barcodes"]}}}, (501, "NotImplemented")),
    ],
)  # fmt: skip
def test_a_composition_that_makes_no_sense_is_refused(
    house: House, version: str, parts: tuple[str, ...], more: dict[str, Any], told: tuple[int, str]
) -> None:
    house.made()
    assert code(compose(house, version, *parts, **more))[::2] == told


# --- copy -----------------------------------------------------------------------------------------


def authorized(house: House, model_id: str, version: str = V40, **more: Any) -> dict[str, Any]:
    answer = house.ask("POST", "documentModels:authorizeCopy", version, 1, json={"modelId": model_id} | more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_copy_is_described_by_who_gave_leave(house: House) -> None:
    house.trained = ["bytes"]
    house.made("m1", tags={"of": "one"}, description="first")
    leave = authorized(house, "m1", tags={"of": "two"}, description="second")
    assert leave["expirationDateTime"] == "2026-03-04T06:06:07Z"
    assert leave["targetModelLocation"].endswith(f"/documentModels/m1?api-version={V40}")
    assert code(house.ask("GET", "documentModels/m1", resource=1))[0] == 404
    body = house.follow(house.ask("POST", "documentModels/m1:copyTo", json=leave))
    assert (body["kind"], body["status"], "tags" in body) == ("documentModelCopyTo", "succeeded", False)
    copied = house.ask("GET", "documentModels/m1", resource=1).json()
    assert copied == body["result"]
    assert (copied["description"], copied["tags"]) == ("second", {"of": "two"})
    assert notes(house.found("m1", resource=1)) == "bytes"
    assert house.ask("GET", "documentModels/m1").json()["tags"] == {"of": "one"}


def test_the_type_of_a_copy_has_the_name_of_what_was_copied(house: House) -> None:
    house.made("m1", V30)
    house.follow(house.ask("POST", "documentModels/m1:copyTo", V30, json=authorized(house, "m2", V30)))
    assert house.ask("GET", "documentModels/m2", V30, 1).json()["docTypes"].keys() == {"m1"}
    (document,) = house.found("m2", V30, 1)["documents"]
    assert document["docType"] == "m2:m1"
    assert document["fields"].keys() == {"Total", "Notes"}


def test_leave_is_good_for_one_copy(house: House) -> None:
    house.made()
    leave = authorized(house, "m2")
    for status in ("succeeded", "failed"):
        assert house.follow(house.ask("POST", "documentModels/m1:copyTo", json=leave))["status"] == status
    assert (
        code(house.ask("POST", "documentModels:authorizeCopy", resource=1, json={"modelId": "m2"}))[0] == 409
    )
    assert code(house.ask("POST", "documentModels/nobody:copyTo", json=leave))[0] == 404


# --- analyze --------------------------------------------------------------------------------------


def test_a_result_is_told_of_its_model_and_outlives_it(house: House) -> None:
    house.trained = ["one two"]
    house.made("m1", V30)
    answer = house.analyze("m1", V30)
    where = answer.headers["operation-location"]
    assert where.startswith("http://testserver/formrecognizer/documentModels/m1/analyzeResults/")
    assert where.endswith(f"?api-version={V30}")
    house.ask("DELETE", "documentModels/m1", V30)
    result = house.follow(answer)["analyzeResult"]
    assert (result["modelId"], result["apiVersion"], result["content"]) == ("m1", V30, "one two")
    (document,) = result["documents"]
    assert document["docType"] == "m1:m1"
    assert document["fields"]["Total"] == {"type": "number", "confidence": 0.0}
    assert document["fields"]["Notes"]["valueString"] == "one two"


def test_a_document_is_sent_as_it_is_by_base64_or_by_a_link(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pdf("one two")
    monkeypatch.setattr(document_intelligence_documents, "downloaded", lambda url: content)
    sent = (
        {"content": content, "headers": {"Content-Type": "application/octet-stream"}},
        {"content": None, "headers": None, "json": {"base64Source": base64.b64encode(content).decode()}},
        {"content": None, "headers": None, "json": {"urlSource": "https://a.net/1.pdf"}},
    )
    assert {house.found("prebuilt-read", **way)["content"] for way in sent} == {"one two"}


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"content": b"", **AS_PDF}, (400, "InvalidContent")),
        ({"content": b"%PDF-1.7 odd", **AS_PDF}, (400, "InvalidContent")),
        ({"content": b"text", "headers": TEXT}, (415, "UnsupportedContent")),
        ({"content": b"text", "headers": HTML}, (501, "NotImplemented")),
        ({**AS_JSON, "json": {}}, (400, "ParameterMissing")),
        ({**AS_JSON, "json": []}, (400, "InvalidParameter")),
        ({**AS_JSON, "json": {"base64Source": "?"}}, (400, "InvalidContent")),
        ({**AS_JSON, "json": {"urlSource": "ftp://x"}}, (400, "InvalidParameter")),
        ({**AS_JSON, "json": {"urlSource": "http://127.0.0.1:1/x"}}, (400, "ContentSourceNotAccessible")),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(house: House, sent: dict[str, Any], told: tuple[int, str]) -> None:
    assert code(house.analyze("prebuilt-read", **sent))[::2] == told
    assert list((house.service.store.folder / "inputs").iterdir()) == []


@pytest.mark.parametrize(
    ("version", "params", "told"),
    [
        (V31, {"pages": "2-"}, (400, "InvalidParameter")),
        (V31, {"pages": "0"}, (400, "InvalidParameter")),
        (V31, {"pages": "2"}, (400, "InvalidParameter")),
        (V31, {"stringIndexType": "bytes"}, (400, "InvalidParameter")),
        (V31, {"locale": "not a locale"}, (400, "InvalidParameter")),
        (V30, {"features": "barcodes"}, (400, "InvalidParameter")),
        (V31, {"features": "barcodes,odd"}, (400, "InvalidParameter")),
        (V31, {"features": "barcodes"}, (501, "NotImplemented")),
        (V40, {"outputContentFormat": "markdown"}, (501, "NotImplemented")),
        (V40, {"outputContentFormat": "odd"}, (400, "InvalidParameter")),
        (V40, {"output": "pdf"}, (501, "NotImplemented")),
    ],
)
def test_what_is_asked_beside_is_checked(
    house: House, version: str, params: dict[str, str], told: tuple[int, str]
) -> None:
    assert code(house.analyze("prebuilt-layout", version, params=params))[::2] == told


def test_pages_are_read_as_asked(house: House) -> None:
    content = {"content": pdf("one", "two", "three"), "headers": {"Content-Type": PDF}}
    result = house.found("prebuilt-layout", params={"pages": "1, 3"}, **content)
    assert [page["pageNumber"] for page in result["pages"]] == [1, 3]
    assert result["content"] == "one\nthree"


def test_documents_of_the_free_tier_are_small_and_read_by_two_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for house in living(House(tmp_path, tier="F0"), tmp_path, monkeypatch):
        long = {"content": pdf("one", "two", "three"), "headers": {"Content-Type": PDF}}
        assert len(house.found("prebuilt-layout", **long)["pages"]) == 2
        large = {"content": pdf("one") + b"%" * 2**22, "headers": {"Content-Type": PDF}}
        assert code(house.analyze("prebuilt-layout", **large))[2] == "InvalidContentLength"


def test_results_are_found_under_their_model_for_a_day(house: House) -> None:
    where = urlsplit(house.analyze("prebuilt-layout").headers["operation-location"]).path
    path = where.removeprefix("/documentintelligence/")
    assert house.ask("GET", path.replace("analyzeResults", "analyzeresults")).status_code == 200
    assert code(house.ask("GET", path.replace("layout", "read", 1)))[2] == "OperationNotFound"
    assert code(house.ask("GET", path, resource=1))[2] == "OperationNotFound"
    assert code(house.ask("GET", f"{path}/pdf"))[0] == 501
    assert code(house.ask("GET", f"{path}/figures/1.1"))[0] == 501
    house.now += timedelta(hours=25)
    assert code(house.ask("GET", path))[0] == 404
    house.now -= timedelta(hours=25)
    assert house.ask("DELETE", path).status_code == 204
    assert code(house.ask("GET", path))[0] == 404


# --- classifiers ----------------------------------------------------------------------------------


@pytest.fixture
def classes(house: House) -> None:
    """Five forms of two kinds, with their layouts beside them."""
    blobs = Bucket.blobs.setdefault("in", {})
    for kind, text in (("bill", "invoice total due amount"), ("cv", "education skills references")):
        for number in range(5):
            content = pdf(f"{text} {number}")
            layout = read_layout(content, ReadOptions(max_pages=9), None)
            blobs[f"{kind}/{number}.pdf"] = content
            blobs[f"{kind}/{number}.pdf.ocr.json"] = json.dumps(layout_to_json(layout)).encode()


def classify(house: House, *pages: str, version: str = V40, name: str = "sorter", **params: str) -> list[Any]:
    answer = house.ask(
        "POST", f"documentClassifiers/{name}:analyze", version, params=params,
        content=pdf(*pages), headers={"Content-Type": PDF},
    )  # fmt: skip
    result = house.follow(answer)["analyzeResult"]
    assert (result["modelId"], result["content"]) == (name, "")
    return [
        (each["docType"], [region["pageNumber"] for region in each["boundingRegions"]])
        for each in result["documents"]
    ]


MIXED = ("total due", "amount invoice", "skills", "education")


@pytest.mark.parametrize(
    ("version", "params", "told"),
    [
        (V31, {}, [("bill", [1, 2]), ("cv", [3, 4])]),
        (V40, {"split": "auto"}, [("bill", [1, 2]), ("cv", [3, 4])]),
        (V40, {"split": "perPage"}, [("bill", [1]), ("bill", [2]), ("cv", [3]), ("cv", [4])]),
        (V40, {"split": "perPage", "pages": "2-3"}, [("bill", [2]), ("cv", [3])]),
    ],
)
@pytest.mark.usefixtures("classes")
def test_files_are_split_by_the_classes_of_their_pages(
    house: House, version: str, params: dict[str, str], told: list[Any]
) -> None:
    assert house.follow(house.sorter(version=version))["status"] == "succeeded"
    assert classify(house, *MIXED, version=version, **params) == told


@pytest.mark.usefixtures("classes")
def test_a_file_is_one_document_in_4_0_unless_it_is_to_be_split(house: House) -> None:
    house.follow(house.sorter())
    ((_, pages),) = classify(house, *MIXED)
    assert pages == [1, 2, 3, 4]


@pytest.mark.usefixtures("classes")
def test_a_classifier_is_told_got_listed_and_deleted(house: House) -> None:
    body = house.follow(house.sorter(description="sorts"))
    assert (body["kind"], "documentClassifiers/sorter" in body["resourceLocation"]) == (
        "documentClassifierBuild",
        True,
    )
    kinds = body["result"]["docTypes"]
    assert kinds["bill"] == {
        "sourceKind": "azureBlob",
        "azureBlobSource": {"containerUrl": "https://a.blob.core.windows.net/in", "prefix": "bill/"},
    }
    assert house.ask("GET", "documentClassifiers").json() == {"value": [body["result"]]}
    assert house.ask("GET", "documentClassifiers/sorter").json() == body["result"]
    assert code(house.ask("GET", "documentModels/sorter"))[0] == 404
    assert code(house.sorter()) == (409, "Conflict", "ModelExists")
    assert code(house.ask("DELETE", "documentModels/sorter"))[0] == 404
    assert house.ask("DELETE", "documentClassifiers/sorter").status_code == 204
    assert code(house.ask("GET", "documentClassifiers/sorter"))[2] == "ModelNotFound"


@pytest.mark.usefixtures("classes")
def test_a_classifier_learns_from_documents_with_layouts_only(house: House) -> None:
    del Bucket.blobs["in"]["cv/0.pdf.ocr.json"]
    body = house.follow(house.sorter())
    assert body["status"] == "failed"
    (detail,) = body["error"]["details"]
    assert (detail["code"], "cv" in detail["message"], "bill" in detail["message"]) == (
        "TrainingContentMissing", True, False
    )  # fmt: skip
    Bucket.refused.add("list")
    body = house.follow(house.sorter())
    assert body["error"]["innererror"]["code"] == "InvalidSasToken"


@pytest.mark.usefixtures("classes")
def test_a_classifier_goes_on_from_another(house: House) -> None:
    house.follow(house.sorter())
    blobs = Bucket.blobs["in"]
    for path in [path for path in blobs if path.startswith("cv/")]:
        blobs[path.replace("cv/", "memo/")] = blobs[path].replace(b"skills", b"agenda")
    kinds = {"memo": {"azureBlobSource": {"containerUrl": IN, "prefix": "memo/"}}}
    assert code(house.sorter("more", docTypes=kinds))[2] == "InvalidParameter"
    body = house.follow(house.sorter("more", docTypes=kinds, baseClassifierId="sorter"))
    assert body["result"]["baseClassifierId"] == "sorter"
    assert body["result"]["docTypes"].keys() == {"bill", "cv", "memo"}
    assert classify(house, "agenda", name="more") == [("memo", [1])]


@pytest.mark.usefixtures("classes")
def test_a_classifier_is_copied(house: House) -> None:
    house.follow(house.sorter())
    leave = house.ask(
        "POST", "documentClassifiers:authorizeCopy", resource=1, json={"classifierId": "twin"}
    ).json()
    assert leave["targetClassifierId"] == "twin"
    body = house.follow(house.ask("POST", "documentClassifiers/sorter:copyTo", json=leave))
    assert (body["kind"], body["result"]["classifierId"]) == ("documentClassifierCopyTo", "twin")
    assert house.ask("GET", "documentClassifiers/twin", resource=1).json() == body["result"]


@pytest.mark.usefixtures("classes")
def test_documents_of_a_composed_model_are_sorted_by_its_classifier(house: House) -> None:
    house.trained = ["of a bill"]
    house.made("m1")
    house.follow(house.sorter())
    body = house.follow(compose(house, V40, "m1"))
    assert (body["result"]["classifierId"], body["result"]["split"]) == ("sorter", "auto")
    assert body["result"]["docTypes"]["bill"]["modelId"] == "m1"
    house.ask("DELETE", "documentClassifiers/sorter")
    sent = {"content": pdf(*MIXED), "headers": {"Content-Type": PDF}}
    bill, cv = house.found("all", **sent)["documents"]
    assert (bill["docType"], bill["fields"]["Notes"]["content"]) == ("all:bill", "of a bill")
    assert (cv["docType"], cv["fields"], len(cv["boundingRegions"])) == ("all:cv", {}, 2)


@pytest.mark.parametrize(
    ("options", "read"),
    [({}, 2), ({"maxDocumentsToAnalyze": 1}, 1), ({"confidenceThreshold": 1.0}, 0)],
)
@pytest.mark.usefixtures("classes")
def test_documents_that_are_not_to_be_analyzed_are_only_named(
    house: House, options: dict[str, Any], read: int
) -> None:
    house.made("m1")
    house.follow(house.sorter())
    kinds = {"bill": {"modelId": "m1"} | options}
    told = house.follow(compose(house, V40, docTypes=kinds, split="perPage"))["result"]["docTypes"]["bill"]
    assert told.items() >= options.items()
    sent = {"content": pdf(*MIXED[:2]), "headers": {"Content-Type": PDF}}
    documents = house.found("all", **sent)["documents"]
    assert sum("content" in each["fields"].get("Notes", {}) for each in documents) == read
    assert len(documents) == 2


# --- batches --------------------------------------------------------------------------------------


def batch(house: House, model_id: str = "m1", **more: Any) -> dict[str, Any]:
    body = {"azureBlobSource": {"containerUrl": IN}, "resultContainerUrl": OUT, "resultPrefix": "run/"} | more
    return house.follow(house.ask("POST", f"documentModels/{model_id}:analyzeBatch", json=body))


def test_a_batch_reads_what_it_can_and_skips_what_is_there(house: House) -> None:
    house.trained = ["x"]
    house.made()
    Bucket.blobs["in"] = {"a/1 ü.pdf": pdf("one"), "a/2.pdf": b"%PDF odd", "a/1.pdf.ocr.json": b"{}"}
    body = batch(house)
    first, second = body["result"]["details"]
    assert (body["status"], body["percentCompleted"]) == ("succeeded", 100)
    assert [body["result"][f"{kind}Count"] for kind in ("succeeded", "failed", "skipped")] == [1, 1, 0]
    assert first == {
        "status": "succeeded",
        "sourceUrl": "https://a.blob.core.windows.net/in/a/1%20%C3%BC.pdf",
        "resultUrl": "https://a.blob.core.windows.net/out/run/a/1%20%C3%BC.pdf.ocr.json",
    }
    assert second["error"]["innererror"]["code"] == "InvalidContent"
    result = json.loads(Bucket.blobs["out"]["run/a/1 ü.pdf.ocr.json"])
    assert (result["status"], notes(result["analyzeResult"])) == ("succeeded", "x")
    again = batch(house)["result"]
    assert [(item["status"], item["error"]["code"]) for item in again["details"]] == [
        ("skipped", "InvalidRequest"), ("failed", "InvalidRequest")
    ]  # fmt: skip
    assert again["details"][0]["error"]["innererror"]["code"] == "OutputExists"
    assert batch(house, overwriteExisting=True)["result"]["succeededCount"] == 1
    assert list((house.service.store.folder / "inputs").iterdir()) == []


def test_a_batch_of_a_file_list_can_read_layouts(house: House) -> None:
    Bucket.blobs["in"] = {"1.pdf": pdf("one"), "l.jsonl": b'{"file": "1.pdf"}\n{"file": "gone.pdf"}\n'}
    source = {"containerUrl": IN, "fileList": "l.jsonl"}
    body = batch(house, "prebuilt-layout", azureBlobSource=None, azureBlobFileListSource=source)
    assert [item["status"] for item in body["result"]["details"]] == ["succeeded", "failed"]
    assert "paragraphs" in json.loads(Bucket.blobs["out"]["run/1.pdf.ocr.json"])["analyzeResult"]


@pytest.mark.parametrize("what", ["list", "read", "write"])
def test_a_batch_without_leave_fails_as_a_whole(house: House, what: str) -> None:
    Bucket.blobs["in"] = {"1.pdf": pdf("one")}
    Bucket.refused.add(what)
    body = batch(house, "prebuilt-read")
    assert (body["status"], body["error"]["innererror"]["code"]) == ("failed", "InvalidSasToken")


def test_a_batch_has_a_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_intelligence_batches, "_MOST_FILES", 1)
    Bucket.blobs["in"] = {"1.pdf": pdf("one"), "2.pdf": pdf("two")}
    assert batch(house, "prebuilt-read")["status"] == "failed"


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ({"resultContainerUrl": None}, "ParameterMissing"),
        ({"resultContainerUrl": "https://a.net/"}, "InvalidContentSourceFormat"),
        ({"resultContainerUrl": "https://a.net/out?sp=w&sig=x"}, "InvalidSasToken"),
        ({"azureBlobSource": {"containerUrl": "https://a.net/in?sp=rl&sig=x"}}, "InvalidSasToken"),
        ({"azureBlobSource": None}, "ParameterMissing"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(house: House, body: dict[str, Any], inner: str) -> None:
    told = {"azureBlobSource": {"containerUrl": IN}, "resultContainerUrl": OUT} | body
    assert code(house.ask("POST", "documentModels/prebuilt-read:analyzeBatch", json=told))[2] == inner


def test_batches_are_listed_by_model_and_deleted(house: House) -> None:
    batch(house, "prebuilt-read")
    base = "documentModels/prebuilt-read/analyzeBatchResults"
    (told,) = house.ask("GET", base).json()["value"]
    assert told.keys() == {"resultId", "status", "createdDateTime", "lastUpdatedDateTime"}
    assert house.ask("GET", base.replace("read", "layout")).json() == {"value": []}
    assert house.ask("DELETE", f"{base}/{told['resultId']}").status_code == 204
    assert code(house.ask("GET", f"{base}/{told['resultId']}"))[2] == "OperationNotFound"
    assert house.ask("GET", base).json() == {"value": []}


# --- operations -----------------------------------------------------------------------------------


def test_operations_are_listed_without_results_and_errors(house: House) -> None:
    house.trained = ["x", RowError("x", reason="no-layouts")]
    house.made()
    house.follow(house.build("m2"))
    house.analyze("m1")
    items = house.ask("GET", "operations").json()["value"]
    assert [(item["status"], item["percentCompleted"]) for item in items] == [
        ("succeeded", 100),
        ("failed", 100),
    ]
    assert not any({"result", "error"} & item.keys() for item in items)
    path = f"operations/{items[0]['operationId']}"
    assert house.ask("GET", path).json()["result"]["modelId"] == "m1"
    assert code(house.ask("GET", path, resource=1))[2] == "OperationNotFound"
    house.now += timedelta(hours=25)
    assert house.ask("GET", "operations").json() == {"value": []}


def test_an_operation_that_is_stuck_has_no_percentage(house: House) -> None:
    plan = {"rules": [{"action": "stuck", "route": "job-train"}]}
    house.clients[0].put("/emulator/faults", json=plan)
    body = house.follow(house.build())
    assert (body["status"], "percentCompleted" in body, "result" in body) == ("running", False, False)
    assert code(house.build()) == (409, "Conflict", "ModelExists")


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("kind", ["train", "classify"])
def test_what_fails_as_planned_leaves_its_id_free(house: House, kind: str) -> None:
    rule = {"action": "fail", "route": f"job-{kind}", "count": 1, "code": "ServiceUnavailable"}
    house.clients[0].put("/emulator/faults", json={"rules": [rule]})
    begin = house.build if kind == "train" else house.sorter
    assert [house.follow(begin("again"))["status"] for _ in range(2)] == ["failed", "succeeded"]


@pytest.mark.usefixtures("classes")
def test_what_nobody_foresaw_ends_an_operation(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError("a value")

    monkeypatch.setattr(document_intelligence_classifiers.classifier, "keep", broken)
    body = house.follow(house.sorter())
    assert (body["status"], "a value" in str(body)) == ("failed", False)


def test_what_a_restart_interrupts_leaves_its_id_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for house in living(House(tmp_path), tmp_path, monkeypatch):
        house.clients[0].put("/emulator/faults", json={"rules": [{"action": "stuck"}]})
        assert house.follow(house.sorter())["status"] == "running"
        where = house.build().headers["operation-location"]
    for house in living(House(tmp_path), tmp_path, monkeypatch):
        assert house.clients[0].get(where).json()["status"] == "failed"
        assert house.sorter().status_code == house.build().status_code == 202


def test_a_version_is_gone_as_planned(house: House) -> None:
    house.clients[0].put("/emulator/faults", json={"rules": [{"action": "gone"}]})
    assert code(house.ask("GET", "info", V30)) == (410, "Gone", "")
