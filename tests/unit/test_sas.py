"""The SAS doctor: what a signature lacks, in words a person can act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sas import check_clock, check_sas, read_sas

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
GOOD = "sp=rl&st=2026-03-02T08:00:00Z&se=2026-03-03T08:00:00Z&spr=https&sv=2020-08-04&sr=c&sig=canary"


ACCOUNT = GOOD.replace("sr=c", "srt=sco&ss=b")
DELEGATED = GOOD + "&skoid=o&sktid=t&skt=2026-03-02T08:00:00Z&ske=2026-03-03T08:00:00Z&sks=b&skv=2020-08-04"


def codes(
    sas: str, server_time: datetime | None = None, needs: str = "rl", scheme: str = "https"
) -> list[str]:
    findings = check_sas(
        read_sas(sas),
        needs=needs,
        until=UNTIL,
        now=NOW,
        container="lake",
        server_time=server_time,
        scheme=scheme,
    )
    assert "canary" not in "".join(finding.message for finding in findings)
    return [finding.code for finding in findings]


@pytest.mark.parametrize("form", ["{}", "?{}", "https://a.blob.core.windows.net/lake?{}", " {}\n"])
def test_a_good_one_is_good_however_it_was_pasted(form: str) -> None:
    assert codes(form.format(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("se=2026-03-03", "se=2026-03-01"), "sas-expired"),
        (("se=2026-03-03T08:00", "se=2026-03-02T09:30"), "sas-ends-too-soon"),
        (("st=2026-03-02T08:00", "st=2026-03-02T12:00"), "sas-not-yet-valid"),
        (("sp=rl", "sp=r"), "sas-permission-missing"),
        (("sp=rl", "sp=racwdl"), "sas-too-broad"),
        (("sr=c", "sr=b"), "sas-of-a-blob"),
        (("sr=c", "sr=bv"), "sas-of-a-blob"),
        (("sr=c", "sr=d&sdd=1"), "sas-of-a-folder"),
        (("&sig=canary", ""), "sas-unsigned"),
        (("se=2026-03-03T08:00:00Z&", ""), "sas-without-end"),
        (("sr=c", "srt=sco&ss=q"), "sas-wrong-service"),
        (("sr=c", "srt=o&ss=b"), "sas-wrong-resource-types"),
        (("sr=c", "srt=sc&ss=b"), "sas-wrong-resource-types"),
        (("sr=c", "sr=c&sip=10.0.0.1-10.0.0.9"), "sas-address-bound"),
    ],
)
def test_each_fault_has_its_name(change: tuple[str, str], code: str) -> None:
    assert codes(GOOD.replace(*change)) == [code]


def test_what_is_missing_is_told_by_its_word_and_how_to_make_a_right_one() -> None:
    sas = read_sas(GOOD.replace("sp=rl", "sp=r"))
    (finding,) = check_sas(sas, needs="rl", until=UNTIL, now=NOW, container="lake")
    assert "permission to list" in finding.message
    assert "--permissions rl" in finding.message


def test_the_clock_of_the_account_decides_and_a_wrong_one_here_is_told() -> None:
    behind = NOW - timedelta(hours=2)
    found = codes(GOOD, server_time=behind)
    assert found == ["sas-not-yet-valid", "clock-skew"]


def test_an_account_sas_and_a_stored_policy_are_understood() -> None:
    assert codes(GOOD.replace("sr=c", "srt=sco&ss=b")) == []
    assert codes("si=policy&sr=c&sv=2020-08-04&sig=canary") == []


def test_what_an_account_sas_is_for_is_asked_only_where_it_is_needed() -> None:
    assert codes(ACCOUNT.replace("srt=sco", "srt=o"), needs="r") == []
    assert codes(ACCOUNT.replace("srt=sco", "srt=c"), needs="l") == []


def test_all_that_a_signature_says_of_itself_is_read_but_the_signature() -> None:
    found = read_sas("https://forms.blob.core.windows.net/lake?" + DELEGATED + "&sip=10.0.0.1")
    assert (found.kind, found.container, found.permissions) == ("user-delegation", "lake", "rl")
    assert (found.protocol, found.address, found.version) == ("https", "10.0.0.1", "2020-08-04")
    assert found.signed and "canary" not in repr(found)
    assert read_sas(ACCOUNT).kind == "account"


def test_a_signature_ends_with_the_key_it_was_made_with() -> None:
    assert codes(DELEGATED) == []
    assert codes(DELEGATED.replace("ske=2026-03-03T08:00", "ske=2026-03-02T09:30")) == ["sas-ends-too-soon"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://forms.blob.core.windows.net/lake", []),
        ("https://forms.blob.core.windows.net/other/in", ["sas-wrong-container"]),
        ("http://127.0.0.1:10000/devstore/other", ["sas-wrong-container"]),
        ("http://azurite:10000/devstore/lake", []),
        ("https://forms.blob.core.windows.net/", []),
    ],
)
def test_the_container_it_was_pasted_with_must_be_the_one(url: str, found: list[str]) -> None:
    assert codes(f"{url}?{GOOD}") == found


def test_one_for_https_is_of_no_use_by_http() -> None:
    assert codes(GOOD, scheme="http") == ["sas-https-only"]
    assert codes(GOOD.replace("spr=https", "spr=https,http"), scheme="http") == []


def test_a_start_that_the_clock_of_its_maker_explains_is_told_so() -> None:
    sas = read_sas(GOOD.replace("st=2026-03-02T08:00", "st=2026-03-02T09:04"))
    (finding,) = check_sas(sas, needs="rl", until=UNTIL, now=NOW, container="lake")
    assert finding.code == "sas-not-yet-valid" and "clock" in finding.message


@pytest.mark.parametrize("end", ["2026-03-03", "2026-03-03T08:00Z", "2026-03-03T08:00:00.0000000Z",
                                 "2026-03-03T10:00:00+02:00"])  # fmt: skip
def test_an_end_is_read_in_every_form_the_service_takes(end: str) -> None:
    assert codes(GOOD.replace("2026-03-03T08:00:00Z", end)) == []


def test_a_clock_that_is_off_is_told_without_a_sas_too() -> None:
    assert check_clock("forms", NOW, NOW - timedelta(minutes=4)) == ()
    (finding,) = check_clock("forms", NOW, NOW + timedelta(minutes=20))
    assert (finding.code, finding.severity) == ("clock-skew", "warning")
    assert "20 minutes" in finding.message


@given(st.text(), st.sampled_from(["", "?", "https://", "http://[::1/", "https://a.b/c?", "sp=rl&sig="]))
def test_any_text_is_read(text: str, before: str) -> None:
    read_sas(before + text)


@pytest.mark.parametrize("text", ["", "?", "sp", "se=tomorrow&sig=x", "\0", "=&=&"])
def test_no_text_is_too_odd(text: str) -> None:
    assert codes(text)
