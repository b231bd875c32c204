"""The routes of the Language service over projects, models and deployments as they are stored. Models are
trained and asked for real, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.emulator.spoken import spoken
from tests.unit.emulator.texts import (
    SMILE,
    TextHouse,
    file_of_letters,
    file_of_notes,
    living,
)

VERSION = "2023-04-01"
SECOND = "2021-11-01-preview"
BASE = "/language/authoring/analyze-text/projects"
TEXT = f"{SMILE} Letter number 77.\nWe met in the town of Umea and had a good time there."


class Speaker:
    """Speaks to a house as a client of one resource would."""

    def __init__(self, house: TextHouse, resource: int = 0) -> None:
        self.house = house
        self.client = house.clients[resource]

    def ask(self, method: str, path: str, version: str = VERSION, **more: Any) -> Any:
        params = {"api-version": version} | more.pop("params", {})
        return self.client.request(method, path, params=params, **more)

    def follow(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 202, answer.text
        assert answer.content == b""
        body: dict[str, Any] = self.client.get(answer.headers["operation-location"]).json()
        return body

    def done(self, answer: Any) -> dict[str, Any]:
        body = self.follow(answer)
        assert body["status"] == "succeeded", body
        return body

    def imported(self, file: dict[str, Any], name: str = "P") -> dict[str, Any]:
        file["metadata"]["projectName"] = name
        return self.done(self.ask("POST", f"{BASE}/{name}/:import", json=file))

    def train(self, label: str = "m1", name: str = "P", **options: Any) -> Any:
        body: dict[str, Any] = {"modelLabel": label, "trainingConfigVersion": "latest"}
        body |= {"evaluationOptions": options} if options else {}
        return self.ask("POST", f"{BASE}/{name}/:train", json=body)

    def deploy(self, deployment: str = "d", label: str = "m1", name: str = "P") -> Any:
        body = {"trainedModelLabel": label}
        return self.ask("PUT", f"{BASE}/{name}/deployments/{deployment}", json=body)

    def ready(self, file: dict[str, Any], name: str = "P") -> None:
        self.imported(file, name)
        self.done(self.train(name=name))
        self.done(self.deploy(name=name))

    def send(self, *texts: str, kind: str = "CustomEntityRecognition", **parameters: Any) -> Any:
        documents = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
        told = {"projectName": "P", "deploymentName": "d"} | parameters
        body = {"analysisInput": {"documents": documents}, "tasks": [{"kind": kind, "parameters": told}]}
        return self.ask("POST", "/language/analyze-text/jobs", json=body)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.ask("GET", f"{BASE}{path}", params=params)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
def speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Speaker]:
    with living(tmp_path, monkeypatch) as house:
        yield Speaker(house)


def refusal(answer: Any) -> tuple[int, str]:
    """Status and innermost code."""
    error = answer.json()["error"]
    code = error.get("innererror", error)["code"]
    assert answer.headers["x-ms-error-code"] == code
    return answer.status_code, code


def results(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["tasks"]["items"][0]["results"]
    return found


# --- from labels to answers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "more"), [("UnicodeCodePoint", 0), ("Utf16CodeUnit", 1), ("TextElements_v8", 0), (None, 0)]
)
def test_entities_are_found_where_the_request_counts_them(
    speaker: Speaker, index: str | None, more: int
) -> None:
    speaker.ready(file_of_letters())
    told = {"stringIndexType": index} if index else {}
    body = speaker.done(speaker.send(TEXT, **told))
    entity = results(body)["documents"][0]["entities"][0]
    confidence = entity.pop("confidenceScore")
    assert entity == {"text": "Umea", "category": "Town", "offset": TEXT.index("Umea") + more, "length": 4}
    assert 0 < confidence <= 1
    assert results(body)["projectName"] == "P"


@pytest.mark.parametrize("kind", ["CustomSingleLabelClassification", "CustomMultiLabelClassification"])
def test_classes_are_found(speaker: Speaker, kind: str) -> None:
    speaker.ready(file_of_notes(kind))
    body = speaker.done(
        speaker.send("Note: bread soup cheese oven.", "Note: rain wind storm snow.", kind=kind)
    )
    found = [document["class"] for document in results(body)["documents"]]
    assert [classes[0]["category"] for classes in found] == ["food", "weather"]
    assert [len(classes) for classes in found] == [1, 1]


def test_an_empty_text_is_an_error_beside_the_answers(speaker: Speaker) -> None:
    speaker.ready(file_of_letters())
    body = speaker.done(speaker.send(TEXT, "  "))
    assert [document["id"] for document in results(body)["documents"]] == ["0"]
    assert results(body)["errors"] == [{"id": "1", "error": {
        "code": "InvalidArgument", "message": "Invalid Document in request.",
        "innererror": {"code": "InvalidDocument", "message": "Document text is empty."},
    }}]  # fmt: skip
    assert (body["tasks"]["completed"], body["tasks"]["failed"]) == (1, 0)


def test_results_are_told_twenty_at_a_time(speaker: Speaker) -> None:
    speaker.ready(file_of_letters())
    answer = speaker.send(*[TEXT] * 25)
    first = speaker.done(answer)
    second = speaker.client.get(first["nextLink"]).json()
    ids = [document["id"] for body in (first, second) for document in results(body)["documents"]]
    assert (len(results(first)["documents"]), ids) == (20, [str(number) for number in range(25)])
    assert "nextLink" not in second
    whole = speaker.client.get(
        answer.headers["operation-location"], params={"top": 50, "showStats": True, "api-version": VERSION}
    ).json()
    assert results(whole)["statistics"]["documentsCount"] == 25
    assert "nextLink" not in whole
    assert (
        speaker.client.get(
            answer.headers["operation-location"], params={"top": 51, "api-version": VERSION}
        ).status_code
        == 400
    )


@pytest.mark.parametrize(
    ("parameters", "kind", "told"),
    [
        ({"projectName": "p"}, "CustomEntityRecognition", (404, "ProjectNotFound")),
        ({"deploymentName": "D"}, "CustomEntityRecognition", (404, "NotFound")),
        ({}, "CustomMultiLabelClassification", (400, "InvalidArgument")),
        ({"stringIndexType": "bytes"}, "CustomEntityRecognition", (400, "InvalidParameterValue")),
    ],
)
def test_names_keep_their_case_and_tasks_their_kind(
    speaker: Speaker, parameters: dict[str, str], kind: str, told: tuple[int, str]
) -> None:
    speaker.ready(file_of_letters())
    assert refusal(speaker.send(TEXT, kind=kind, **parameters)) == told


def test_what_one_resource_has_is_not_the_others(speaker: Speaker) -> None:
    speaker.ready(file_of_letters())
    answer = speaker.send(TEXT)
    other = Speaker(speaker.house, 1)
    assert refusal(other.send(TEXT)) == (404, "ProjectNotFound")
    assert other.client.get(answer.headers["operation-location"]).status_code == 404
    assert other.get("")["value"] == []


def test_results_are_kept_for_a_day_and_jobs_of_projects_for_a_week(speaker: Speaker) -> None:
    speaker.imported(file_of_letters())
    training = speaker.train()
    speaker.done(training)
    speaker.done(speaker.deploy())
    sent = speaker.send(TEXT)
    told = speaker.done(sent)
    assert told["expirationDateTime"] == "2026-03-05T05:06:07Z"
    speaker.house.pass_time(hours=25)
    assert refusal(speaker.client.get(sent.headers["operation-location"])) == (404, "OperationNotFound")
    assert speaker.done(training)["expirationDateTime"] == "2026-03-11T05:06:07Z"
    speaker.house.pass_time(days=7)
    assert refusal(speaker.client.get(training.headers["operation-location"])) == (404, "OperationNotFound")
    assert speaker.get("/P/models")["value"], "the model itself lives for a year"


def test_deployments_expire(speaker: Speaker) -> None:
    speaker.ready(file_of_letters())
    speaker.house.pass_time(days=731)
    assert refusal(speaker.send(TEXT)) == (400, "InvalidArgument")


def test_a_job_can_be_cancelled_while_it_goes_on(speaker: Speaker) -> None:
    speaker.ready(file_of_letters())
    speaker.house.held = True
    sent = speaker.send(TEXT)
    place = sent.headers["operation-location"]
    assert speaker.client.get(place).json()["status"] == "notStarted"
    stopped = speaker.client.post(place.replace("?", ":cancel?"))
    assert stopped.status_code == 202
    speaker.house.release()
    told = speaker.client.get(place).json()
    assert (told["status"], told["tasks"]["failed"]) == ("cancelled", 1)
    again = speaker.client.post(place.replace("?", ":cancel?"))
    assert refusal(again) == (400, "InvalidRequest")
    assert again.json()["error"]["message"].endswith("as its already completed.")


# --- training -------------------------------------------------------------------------------------


def test_a_project_trains_one_model_at_a_time(speaker: Speaker) -> None:
    speaker.imported(file_of_letters())
    speaker.imported(file_of_notes(), "Q")
    speaker.house.held = True
    first = speaker.train("m1")
    assert refusal(speaker.train("m2")) == (409, "Conflict")
    assert speaker.train("m1", "Q").status_code == 202, "another project does not wait"
    assert speaker.follow(first)["status"] == "notStarted"
    speaker.house.release()
    assert speaker.done(first)["result"]["modelLabel"] == "m1"
    speaker.done(speaker.train("m2"))


def test_a_cancelled_training_leaves_no_model(speaker: Speaker) -> None:
    speaker.imported(file_of_letters())
    speaker.house.held = True
    training = speaker.train()
    place = training.headers["operation-location"]
    assert speaker.client.post(place.replace("?", "/:cancel?")).status_code == 202
    speaker.house.release()
    assert speaker.follow(training)["status"] == "cancelled"
    assert speaker.get("/P/models")["value"] == []
    speaker.done(speaker.train())


def test_a_label_is_trained_anew_and_its_deployment_stays(speaker: Speaker) -> None:
    speaker.ready(file_of_letters())
    before = speaker.get("/P/deployments/d")["modelId"]
    speaker.house.pass_time(minutes=5)
    speaker.done(speaker.train())
    models = speaker.get("/P/models")["value"]
    assert [model["label"] for model in models] == ["m1"]
    assert models[0]["modelId"] != before == speaker.get("/P/deployments/d")["modelId"]
    speaker.done(speaker.send(TEXT))
    speaker.done(speaker.deploy())
    assert speaker.get("/P/deployments/d")["modelId"] == models[0]["modelId"]


def test_a_project_has_ten_models_and_ten_deployments(speaker: Speaker) -> None:
    speaker.imported(file_of_notes())
    for number in range(10):
        speaker.done(speaker.train(f"m{number}"))
        speaker.done(speaker.deploy(f"d{number}", f"m{number}"))
    assert refusal(speaker.train("m10")) == (400, "QuotaExceeded")
    assert refusal(speaker.deploy("d10", "m1")) == (400, "QuotaExceeded")
    speaker.done(speaker.train("m3"))
    speaker.done(speaker.deploy("d3", "m4"))
    assert refusal(speaker.ask("DELETE", f"{BASE}/P/models/m0")) == (400, "InvalidRequest")
    speaker.done(speaker.ask("DELETE", f"{BASE}/P/deployments/d0"))
    assert speaker.ask("DELETE", f"{BASE}/P/models/m0").status_code == 204
    speaker.done(speaker.train("m10"))


def test_the_free_tier_has_one_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with living(tmp_path, monkeypatch, tier="F0") as house:
        speaker = Speaker(house)
        speaker.ready(file_of_notes())
        assert refusal(speaker.deploy("e")) == (400, "QuotaExceeded")


def test_texts_are_held_out_as_asked(speaker: Speaker) -> None:
    file = file_of_notes()
    for number, document in enumerate(file["assets"]["documents"]):
        document["dataset"] = "Test" if number < 12 else "Train"
    speaker.imported(file)
    speaker.done(speaker.train("marked", kind="manual"))
    speaker.done(speaker.train("divided"))
    speaker.done(
        speaker.train("half", kind="percentage", trainingSplitPercentage=50, testingSplitPercentage=50)
    )
    speaker.done(
        speaker.train("all", kind="percentage", trainingSplitPercentage=100, testingSplitPercentage=0)
    )

    def held_out(label: str) -> list[str]:
        found = speaker.get(f"/P/models/{label}/evaluation/result", stringIndexType="Utf16CodeUnit")
        return sorted(one["location"] for one in found["value"])

    assert held_out("marked") == [f"notes/{number:02}.txt" for number in range(12)]
    assert len(held_out("divided")) == 8
    assert len(held_out("half")) == 20
    assert refusal(speaker.ask("GET", f"{BASE}/P/models/all/evaluation/summary-result")) == (404, "NotFound")
    summary = speaker.get("/P/models/marked/evaluation/summary-result")
    assert summary["evaluationOptions"] == {"kind": "manual"}
    counts = summary["customSingleLabelClassificationEvaluation"]["classes"].values()
    assert sum(one["truePositiveCount"] + one["falseNegativeCount"] for one in counts) == 12


def test_entities_are_measured_in_utf16(speaker: Speaker) -> None:
    speaker.imported(file_of_letters())
    speaker.done(speaker.train())
    summary = speaker.get("/P/models/m1/evaluation/summary-result")["customEntityRecognitionEvaluation"]
    assert summary["microF1"] == 1.0
    found = speaker.get("/P/models/m1/evaluation/result", stringIndexType="Utf16CodeUnit")["value"]
    assert len(found) == 4
    region = found[0]["customEntityRecognitionResult"]["entities"][0]
    assert region["expectedEntities"] == region["predictedEntities"]
    text = (speaker.house.lake / "lake" / found[0]["location"]).read_text(encoding="utf-8")
    assert region["regionLength"] == len(text) + 1, "the picture counts twice"


def test_lists_are_told_page_by_page(speaker: Speaker) -> None:
    speaker.imported(file_of_letters())
    speaker.done(speaker.train())
    path = "/P/models/m1/evaluation/result"
    page = speaker.get(path, stringIndexType="Utf16CodeUnit", maxpagesize=3)
    assert len(page["value"]) == 3
    rest = speaker.client.get(page["nextLink"] + "&stringIndexType=Utf16CodeUnit").json()
    assert (len(rest["value"]), rest["nextLink"]) == (1, None)
    assert speaker.get("/P/train/jobs")["value"][0]["result"]["modelLabel"] == "m1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"storageInputContainerName": "nowhere"}, "do not make a model"),
        ({"documents": 5}, "do not make a model"),
    ],
)
def test_what_does_not_make_a_model_says_so(speaker: Speaker, change: dict[str, Any], words: str) -> None:
    file = file_of_letters()
    keep = change.pop("documents", None)
    file["assets"]["documents"] = file["assets"]["documents"][:keep]
    file["metadata"] |= change
    speaker.imported(file)
    body = speaker.follow(speaker.train())
    assert body["status"] == "failed"
    assert words in body["errors"][0]["message"]
    speaker.imported(file_of_letters())
    speaker.done(speaker.train())


def test_planned_faults_strike_trainings_too(speaker: Speaker) -> None:
    speaker.imported(file_of_letters())
    rules = {
        "rules": [{"action": "fail", "route": "job-train", "code": "Boom", "message": "planned", "count": 1}]
    }
    assert speaker.client.put("/emulator/faults", json=rules).status_code == 204
    body = speaker.follow(speaker.train())
    assert (body["status"], body["errors"]) == ("failed", [{"code": "Boom", "message": "planned"}])
    speaker.done(speaker.train())


# --- projects -------------------------------------------------------------------------------------


def test_a_project_is_made_changed_and_deleted(speaker: Speaker) -> None:
    body = {"projectName": "P", "projectKind": "CustomEntityRecognition", "language": "en",
            "storageInputContainerName": "lake", "multilingual": False}  # fmt: skip
    first = speaker.ask("PATCH", f"{BASE}/P", json=body)
    second = speaker.ask("PATCH", f"{BASE}/P", json=body | {"description": "new"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert speaker.get("/P")["description"] == "new"
    assert refusal(speaker.train()) == (400, "InvalidArgument")
    changed = body | {"projectKind": "CustomMultiLabelClassification"}
    assert refusal(speaker.ask("PATCH", f"{BASE}/P", json=changed)) == (400, "InvalidArgument")
    speaker.ready(file_of_letters())
    assert {"lastTrainedDateTime", "lastDeployedDateTime"} <= set(speaker.get("/P"))
    speaker.done(speaker.ask("DELETE", f"{BASE}/P"))
    assert refusal(speaker.ask("GET", f"{BASE}/P")) == (404, "ProjectNotFound")
    assert refusal(speaker.send(TEXT)) == (404, "ProjectNotFound")
    assert refusal(speaker.ask("DELETE", f"{BASE}/P")) == (404, "ProjectNotFound")


def test_a_file_that_is_none_fails_its_import(speaker: Speaker) -> None:
    file = file_of_letters()
    file["assets"] = {"projectKind": "CustomEntityRecognition", "documents": 7}
    body = speaker.follow(speaker.ask("POST", f"{BASE}/P/:import", json=file))
    assert (body["status"], body["errors"][0]["code"]) == ("failed", "InvalidArgument")
    assert refusal(speaker.ask("GET", f"{BASE}/P")) == (404, "ProjectNotFound")


def test_deployments_are_swapped(speaker: Speaker) -> None:
    speaker.imported(file_of_notes())
    for label, name in (("m1", "production"), ("m2", "staging")):
        speaker.done(speaker.train(label))
        speaker.done(speaker.deploy(name, label))
    before = {one["deploymentName"]: one["modelId"] for one in speaker.get("/P/deployments")["value"]}
    body = {"firstDeploymentName": "production", "secondDeploymentName": "staging"}
    speaker.done(speaker.ask("POST", f"{BASE}/P/deployments/:swap", json=body))
    after = {one["deploymentName"]: one["modelId"] for one in speaker.get("/P/deployments")["value"]}
    assert after == {"production": before["staging"], "staging": before["production"]}
    missing = body | {"secondDeploymentName": "Staging"}
    assert refusal(speaker.ask("POST", f"{BASE}/P/deployments/:swap", json=missing)) == (404, "NotFound")


@pytest.mark.parametrize(
    ("path", "query", "told"),
    [
        ("/language/analyze-text/jobs", {"api-version": "2022-05-01"}, ("language", "2022-05-01")),
        ("/language/analyze-text/projects/P", {"api-version": SECOND}, ("language", SECOND)),
        ("/language/text/authoring/v1.0-preview.2/projects", {}, ("language", "v1.0-preview.2")),
        ("/text/analytics/V3.2-preview.2/analyze", {}, ("language", SECOND)),
        ("/text/analytics/v3.1-preview.ct.1/analyze/jobs/1", {}, ("language", "v1.0-preview.2")),
        ("/language/analyze-text/jobs", {}, ("language", "")),
        ("/formrecognizer/v2.1/layout/analyze", {}, ("form-recognizer", "v2.1")),
        (
            "/documentintelligence/info",
            {"api-version": "2024-11-30"},
            ("document-intelligence", "2024-11-30"),
        ),
    ],
)
def test_a_url_says_which_version_it_speaks(path: str, query: dict[str, str], told: tuple[str, str]) -> None:
    assert spoken(path, query) == told


@pytest.mark.parametrize("version", ["", "2021-11-01-preview", "2020-01-01"])
def test_every_call_names_a_version_that_is_spoken_there(speaker: Speaker, version: str) -> None:
    assert refusal(speaker.ask("GET", BASE, version)) == (400, "InvalidParameterValue")


def test_rates_are_those_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with living(tmp_path, monkeypatch, unlimited=False) as house:
        speaker = Speaker(house)
        answers = [speaker.ask("POST", f"{BASE}/P/:train", json={}) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [400] * 10 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 50
        assert "under Language API (2023-04-01)" in answers[-1].json()["error"]["message"]
        assert speaker.ask("GET", BASE).status_code == 200, "reading is counted apart"


# --- a restart ------------------------------------------------------------------------------------


def settled(speaker: Speaker, begun: Any) -> dict[str, Any]:
    """How a job ended that is worked on by the emulator's own threads and processes."""
    for _ in range(600):
        body = speaker.follow(begun)
        if body["status"] not in ("notStarted", "running"):
            return body
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def test_what_was_begun_goes_on_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with living(tmp_path, monkeypatch) as house:
        speaker = Speaker(house)
        speaker.ready(file_of_letters())
        house.held = True
        sent, training = speaker.send(TEXT), speaker.train("m2")
    with living(tmp_path, monkeypatch) as house:
        speaker = Speaker(house)
        ended = [settled(speaker, begun) for begun in (sent, training)]
        assert [body["status"] for body in ended] == ["succeeded", "succeeded"]
        assert results(ended[0])["documents"][0]["entities"][0]["text"] == "Umea"
        assert [model["label"] for model in speaker.get("/P/models")["value"]] == ["m1", "m2"]
