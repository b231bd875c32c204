"""What services can do is data: whole, with its source, and in agreement with how they are spoken to."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any, get_args

import pytest

from pipeline.db.tables import ENGINES
from pipeline.formats.labels_json import LabelsFormat
from pipeline.params.columns import FILE_TYPES
from pipeline.remote import OperationKind
from pipeline.rest.limits import OperationClass
from pipeline.services import ApiVersion, Service, data_file, load_services
from pipeline.types import ModelKind
from pipeline.wire.document_intelligence import versions as document_intelligence
from pipeline.wire.form_recognizer import versions as form_recognizer
from pipeline.wire.language import versions as language

SERVICES = load_services()
VERSIONS = [(service, version) for service in SERVICES.values() for version in service.versions.values()]
NAMES = [f"{service.engine} {version.name}" for service, version in VERSIONS]


def test_every_engine_of_the_table_is_described() -> None:
    assert tuple(SERVICES) == ENGINES


@pytest.mark.parametrize(("service", "version"), VERSIONS, ids=NAMES)
def test_a_version_is_described_in_the_words_of_the_program(service: Service, version: ApiVersion) -> None:
    assert version.operations <= set(get_args(OperationKind))
    assert set(version.model_kinds) <= set(service.model_kinds) <= set(get_args(ModelKind))
    assert set(version.file_types) <= set(FILE_TYPES)
    assert set(version.labels) <= set(get_args(LabelsFormat))
    assert all(layout.startswith(service.layout_versions) for layout in version.layouts)
    assert version.source, "each fact says where it is from"


@pytest.mark.parametrize("service", [s for s in SERVICES.values() if s.tiers], ids=lambda s: s.engine)
def test_a_tier_limits_every_class_of_calls(service: Service) -> None:
    for tier in service.tiers.values():
        assert set(tier.per_second) == set(get_args(OperationClass))
        composed = any("compose" in version.operations for version in service.versions.values())
        together = tier.compose if composed else tier.deployments
        assert min(*tier.per_second.values(), tier.models, together, tier.document_pages) > 0
        assert tier.source
    free, paid = service.tiers["F0"], service.tiers["S0"]
    assert free.document_pages < paid.document_pages or free.deployments < paid.deployments


def test_no_fact_is_written_down_that_nobody_reads() -> None:
    """A slip in the name of a fact would leave its default in force."""
    raw: dict[str, Any] = tomllib.loads(data_file("config/services.toml").decode())["engines"]
    engine = {"model_kinds", "minimum_labelled_forms", "minimum_beside_empty_form", "layout_versions"}
    version = set(ApiVersion.__slots__) - {"name", "compose_limit"} | {"compose"}
    for facts in raw.values():
        assert set(facts) <= engine | {"source", "tiers", "versions", "ending"}
        for told in facts.get("versions", {}).values():
            assert set(told) <= version


def test_versions_are_those_that_are_spoken() -> None:
    assert list(SERVICES["form-recognizer"].versions) == list(form_recognizer.VERSIONS)
    assert list(SERVICES["document-intelligence"].versions) == list(document_intelligence.VERSIONS)
    assert list(SERVICES["language"].versions) == list(language.VERSIONS)


@pytest.mark.parametrize("name", [name for name in form_recognizer.VERSIONS if name != "v2.0-preview"])
def test_what_a_version_can_be_asked_is_what_is_asked_of_it(name: str) -> None:
    spoken, known = form_recognizer.VERSIONS[name], SERVICES["form-recognizer"].versions[name]
    assert known.pages == spoken.analyze_pages
    assert ("image/bmp" in known.file_types) == spoken.analyze_bmp


@pytest.mark.parametrize(
    ("engine", "version", "retires"),
    [
        ("form-recognizer", "v2.0", date(2026, 8, 31)),
        ("form-recognizer", "v2.1", date(2027, 9, 15)),
        ("document-intelligence", "2022-08-31", date(2029, 3, 30)),
        ("document-intelligence", "2023-07-31", None),
        ("document-intelligence", "2024-11-30", None),
    ],
)
def test_days_of_retirement_are_those_announced(engine: str, version: str, retires: date | None) -> None:
    assert SERVICES[engine].versions[version].retires == retires


def test_a_version_answers_on_its_last_day() -> None:
    version = SERVICES["form-recognizer"].versions["v2.1"]
    assert [version.retired(date(2027, 9, day)) for day in (14, 15, 16)] == [False, False, True]


@pytest.mark.parametrize(
    ("engine", "version", "tier", "limit"),
    [
        ("form-recognizer", "v2.0", "S0", 0),
        ("form-recognizer", "v2.1", "S0", 200),
        ("form-recognizer", "v2.1", "F0", 5),
        ("document-intelligence", "2023-07-31", "S0", 200),
        ("document-intelligence", "2024-11-30", "S0", 500),
        ("document-intelligence", "2024-11-30", "F0", 5),
        ("document-intelligence", "2024-11-30", "S9", 0),
        ("local", None, "S0", 0),
    ],
)
def test_the_limit_of_composition_is_of_version_and_tier(
    engine: str, version: str | None, tier: str, limit: int
) -> None:
    assert SERVICES[engine].compose_limit(version, tier) == limit


def test_layout_files_are_of_a_version_or_of_any() -> None:
    assert SERVICES["form-recognizer"].layouts_of("v2.0") == ("2.0",)
    assert SERVICES["form-recognizer"].layouts_of("v2.1") == ("2.1",)
    assert SERVICES["document-intelligence"].layouts_of("2024-11-30") == ("2022", "2023", "2024")
    assert SERVICES["local"].layouts_of(None) == ()
