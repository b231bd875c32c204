"""The SAS doctor: what a signature lacks, in words a person can act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.sas import check_sas, read_sas

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
GOOD = "sp=rl&st=2026-03-02T08:00:00Z&se=2026-03-03T08:00:00Z&spr=https&sv=2020-08-04&sr=c&sig=canary"


def codes(sas: str, server_time: datetime | None = None, needs: str = "rl") -> list[str]:
    findings = check_sas(
        read_sas(sas), needs=needs, until=UNTIL, now=NOW, container="lake", server_time=server_time
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
        (("&sig=canary", ""), "sas-unsigned"),
        (("se=2026-03-03T08:00:00Z&", ""), "sas-without-end"),
        (("sr=c", "srt=sco&ss=q"), "sas-wrong-service"),
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


@pytest.mark.parametrize("text", ["", "?", "sp", "se=tomorrow&sig=x", "\0", "=&=&"])
def test_no_text_is_too_odd(text: str) -> None:
    assert codes(text)
