"""What a client asks of Document Intelligence is read as it was meant, whether our client or the OpenAPI
examples ask it, and what makes no sense is refused by name."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.remote import ContainerLink, TrainingRequest
from pipeline.wire.document_intelligence import requests
from pipeline.wire.document_intelligence.requests import BatchTarget, DocumentSource, Notes, ReadingOptions
from pipeline.wire.document_intelligence.server_queries import (
    ReadingRequest,
    read_pages,
    read_reading,
    read_split,
)
from pipeline.wire.document_intelligence.server_refusals import BadRequestError
from pipeline.wire.document_intelligence.server_requests import (
    NamedRequest,
    read_batch,
    read_build,
    read_classifier,
    read_compose,
    read_document,
    read_named,
    require_id,
)
from pipeline.wire.document_intelligence.server_sources import (
    BlobSource,
    require_container,
    require_permissions,
)
from pipeline.wire.document_intelligence.text_index import INDEXES
from pipeline.wire.document_intelligence.versions import VERSIONS, Version
from tests.unit.wire.samples import Sample, each
from tests.unit.wire.samples import requests as examples

V30, V31, V40 = VERSIONS.values()
SPOKEN = st.sampled_from([V30, V31, V40])
URL = "https://lake.blob.core.windows.net/forms?sp=rwdl&sig=canary"
LINK = ContainerLink("forms", URL)
IDS = st.text("aZ09._~-", min_size=2, max_size=64).filter(lambda text: text[0].isalnum())
TAGS = st.dictionaries(st.text("ab", min_size=1), st.text("cd"), max_size=2)


# --- our client and the examples are understood ---------------------------------------------------


@given(IDS, st.sampled_from(["template", "neural"]), st.text("xyz "), TAGS, SPOKEN)
def test_a_build_is_read_as_meant(
    name: str, mode: Any, description: str, tags: dict[str, str], version: Version
) -> None:
    request = TrainingRequest(name, LINK, "bills/", mode=mode, description=description)
    read = read_build(requests.build(version, request, tags).json, version)
    assert read.named == NamedRequest(name, description, tags)
    assert (read.mode, read.source, read.overwrite) == (mode, BlobSource(URL, "bills/"), False)


@given(IDS, st.sets(IDS, min_size=1), SPOKEN)
def test_a_composition_is_read_as_meant(name: str, ids: set[str], version: Version) -> None:
    models = {f"class of {model_id}": model_id for model_id in sorted(ids)}
    parts: Any = models if version.classifier_compose else list(models.values())
    call = requests.compose(version, name, parts, "sorter", Notes("both"))
    read = read_compose(call.json, version)
    assert (read.named.model_id, read.named.description) == (name, "both")
    assert [part.model_id for part in read.components] == list(models.values())
    if version.classifier_compose:
        assert ([part.kind for part in read.components], read.classifier_id) == (list(models), "sorter")


@pytest.mark.parametrize("version", [V31, V40])
def test_a_classifier_is_read_as_meant(version: Version) -> None:
    classes = {"a": DocumentSource(LINK, "a/"), "b": DocumentSource(LINK, file_list="b.jsonl")}
    call = requests.build_classifier(version, "sorter", classes, Notes(tags={"k": "v"}))
    read = read_classifier(call.json, version, 2)
    assert read.named == NamedRequest("sorter", "", {"k": "v"})
    assert read.sources == {"a": BlobSource(URL, "a/"), "b": BlobSource(URL, file_list="b.jsonl")}


def test_a_batch_is_read_as_meant() -> None:
    target = BatchTarget(LINK, "run/", overwrite=True)
    call = requests.analyze_batch(V40, "m1", DocumentSource(LINK, "a/"), target, ReadingOptions())
    read = read_batch(call.json, V40)
    assert (read.source, read.result_url, read.prefix, read.overwrite) == (
        BlobSource(URL, "a/"),
        URL,
        "run/",
        True,
    )


@given(st.sets(st.integers(1, 40), min_size=1), st.sampled_from(sorted(INDEXES)), SPOKEN)
def test_a_reading_is_read_as_meant(pages: set[int], index: str, version: Version) -> None:
    options = ReadingOptions(", ".join(map(str, sorted(pages))), index, "en-US")
    assert read_reading(options.params, version) == ReadingRequest(tuple(sorted(pages)), index)


def with_ids(body: Any) -> Any:
    """The examples of 3.0 say `{modelId}` for an id."""
    return json.loads(re.sub(r'"\{(\w+)\}"', r'"\1"', json.dumps(body)))


def having(member: str, *without: str) -> list[Any]:
    return each(
        [
            Sample(sample.place, with_ids(sample.body))
            for sample in examples("documentintelligence")
            if member in sample.body and not any(name in str(sample.body[member]) for name in without)
        ]
    )


def version_of(sample: Sample) -> Version:
    return VERSIONS.get(sample.place.split("/")[0], V40)


@pytest.mark.parametrize("sample", having("buildRequest"))
def test_the_builds_of_the_examples_are_read(sample: Sample) -> None:
    told, version = sample.body["buildRequest"], version_of(sample)
    if "classifierId" in told:
        assert read_classifier(told, version, 2).sources.keys() == told["docTypes"].keys()
    else:
        assert read_build(told, version).source.prefix == told["azureBlobSource"]["prefix"]


@pytest.mark.parametrize("sample", having("analyzeBatchRequest"))
def test_the_batches_of_the_examples_are_read(sample: Sample) -> None:
    assert read_batch(sample.body["analyzeBatchRequest"], V40).prefix == "trainingDocsResult/"


@pytest.mark.parametrize("sample", having("composeRequest"))
def test_the_compositions_of_the_examples_are_read(sample: Sample) -> None:
    """The previews of 4.0 composed as the versions before it."""
    told = sample.body["composeRequest"]
    version = V40 if "classifierId" in told else V31
    assert read_compose(told, version).named.description == told["description"]


@pytest.mark.parametrize("sample", having("analyzeRequest", "base64Source"))
def test_the_links_of_the_examples_are_read(sample: Sample) -> None:
    told = sample.body["analyzeRequest"]
    assert read_document(told) == (told["urlSource"], b"")


# --- what makes no sense is refused ---------------------------------------------------------------


def refused(call: Any, *given: Any) -> tuple[str, str]:
    with pytest.raises(BadRequestError) as caught:
        call(*given)
    assert "canary" not in str(caught.value) + caught.value.fault.message
    return caught.value.fault.code, caught.value.fault.target


@given(st.text(max_size=70))
def test_an_id_is_taken_or_refused_by_name(text: str) -> None:
    try:
        assert require_id(text, "modelId") == text
    except BadRequestError as error:
        assert error.fault.target == "modelId"


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        (None, ()),
        ("", ()),
        ("1", (1,)),
        ("1-3,5", (1, 2, 3, 5)),
        ("2-2, 1-2", (2, 1)),
        ("7,  9-10", (7, 9, 10)),
    ],
)
def test_pages_are_numbers_and_ranges(text: str | None, pages: tuple[int, ...]) -> None:
    assert read_pages(text) == pages


@pytest.mark.parametrize("text", ["0", "3-1", "-1", "1-", "a", "1,,2", "1;2", "1-2-3", " 1"])
def test_pages_that_are_none_are_refused(text: str) -> None:
    assert refused(read_pages, text) == ("InvalidParameter", "pages")


def test_a_range_without_an_end_in_sight_is_cut() -> None:
    assert len(read_pages("1-999999999")) == 5001


@pytest.mark.parametrize(
    "url",
    [
        "https://lake.blob.core.windows.net",
        "https://lake.blob.core.windows.net/?sig=canary",
        "https://lake.net/blank%20space?sig=canary",
        "ftp://lake.net/forms",
        "forms",
        "",
    ],
)
def test_a_source_without_a_container_is_refused(url: str) -> None:
    assert refused(require_container, url) == ("InvalidContentSourceFormat", "")


@pytest.mark.parametrize(
    "url",
    [
        "https://lake.blob.core.windows.net/forms",
        "https://lake.blob.core.windows.net/$root?sig=x",
        "http://127.0.0.1:10000/account/forms?sig=x",
    ],
)
def test_a_container_is_known_at_any_host(url: str) -> None:
    require_container(url)


@pytest.mark.parametrize(
    ("query", "needed", "missing"),
    [
        ("sp=rl", "rl", ""),
        ("sp=racwdl", "rwld", ""),
        ("si=policy", "rl", ""),
        ("", "rl", ""),
        ("sp=r", "rl", "list"),
        ("sp=l", "rl", "read"),
        ("sp=rl", "rwld", "write"),
        ("sp=wl", "wld", "delete"),
    ],
)
def test_the_first_missing_permission_is_named(query: str, needed: str, missing: str) -> None:
    url = f"https://lake.net/forms?{query}&sig=canary"
    if not missing:
        require_permissions(url, needed)
        return
    with pytest.raises(BadRequestError, match="InvalidSasToken") as caught:
        require_permissions(url, needed)
    given_letters = query.removeprefix("sp=")
    told = f"SAS '{missing}' authorization is missing. Permissions: {given_letters}"
    assert told in caught.value.fault.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "ParameterMissing"),
        ({"urlSource": "https://x", "base64Source": "eA=="}, "ParameterMissing"),
        ({"urlSource": 5}, "InvalidParameter"),
        ({"base64Source": "not base64"}, "InvalidContent"),
        ("text", "InvalidParameter"),
        (None, "InvalidParameter"),
    ],
)
def test_a_document_is_a_link_or_bytes(body: object, code: str) -> None:
    assert refused(read_document, body)[0] == code


def test_bytes_are_read_from_base64() -> None:
    assert read_document({"base64Source": base64.b64encode(b"%PDF").decode()}) == ("", b"%PDF")


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    for read in (lambda b: read_named(b), lambda b: read_build(b, V40), lambda b: read_batch(b, V40)):
        assert refused(read, body)[0] == "InvalidParameter"


def test_splits_are_known() -> None:
    assert (read_split(None, "auto"), read_split("perPage", "none")) == ("auto", "perPage")
    assert refused(read_split, "odd", "none") == ("InvalidParameter", "split")


def test_no_request_shows_its_signature() -> None:
    shown = repr(read_batch({"azureBlobSource": {"containerUrl": URL}, "resultContainerUrl": URL}, V40))
    assert "canary" not in shown
    told = BlobSource(URL, "a/").told
    assert told == {"azureBlobSource": {"containerUrl": URL.partition("?")[0], "prefix": "a/"}}
