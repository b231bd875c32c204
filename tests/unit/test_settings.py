"""Where settings come from, which of them wins, and what is said of wrong ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from pipeline.errors import RunError
from pipeline.settings import Settings, load_settings


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, without FORMPIPE_ variables."""
    for name in [name for name in os.environ if name.startswith("FORMPIPE_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "a project, 100%"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def below(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = project / "deep" / "down"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def stated(project: Path, *lines: str) -> None:
    (project / "formpipe.toml").write_text("\n".join(lines), encoding="utf-8")


def database(settings: Settings) -> str | None:
    return make_url(settings.database_url.get_secret_value()).database


def refused(**overrides: object) -> str:
    with pytest.raises(RunError) as refusal:
        load_settings(**overrides)
    assert refusal.value.reason == "settings"
    return str(refusal.value)


def test_without_a_file_the_defaults_lie_in_the_current_folder(project: Path) -> None:
    settings = load_settings()
    assert (database(settings), settings.storage_root) == ("formpipe.db", Path("data"))


def test_paths_of_a_file_are_relative_to_its_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated(project, 'database_url = "sqlite:///state/f.db"', 'storage_root = "../lake"', "workers = 3")
    below(project, monkeypatch)
    settings = load_settings()
    assert database(settings) == str(project / "state" / "f.db")
    assert settings.storage_root == project / "../lake"
    assert settings.workers == 3


def test_the_defaults_beside_a_file_lie_in_its_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated(project, "workers = 3")
    below(project, monkeypatch)
    settings = load_settings()
    assert (database(settings), settings.storage_root) == (str(project / "formpipe.db"), project / "data")
    assert settings.jsonl_folder == project / "jsonl"


def test_the_nearest_file_is_the_only_one_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated(project, "workers = 3", "max_pages = 7")
    stated(below(project, monkeypatch), "workers = 4")
    settings = load_settings()
    assert (settings.workers, settings.max_pages) == (4, 500)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////var/lib/f.db",
        "sqlite:///file:f.db?uri=true",
        "postgresql+psycopg://user:pass%40word@host/forms",
        "what is this",
    ],
)
def test_what_is_no_relative_file_stays_as_it_is(project: Path, url: str) -> None:
    stated(project, f'database_url = "{url}"')
    assert load_settings().database_url.get_secret_value() == url


def test_options_of_a_sqlite_url_are_kept(project: Path) -> None:
    stated(project, 'database_url = "sqlite:///f.db?timeout=5"')
    settings = load_settings()
    assert database(settings) == str(project / "f.db")
    assert make_url(settings.database_url.get_secret_value()).query == {"timeout": "5"}


def test_the_environment_wins_and_is_relative_to_the_current_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated(project, 'database_url = "sqlite:///file.db"', 'storage_root = "file"', "max_pages = 7")
    below(project, monkeypatch)
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", "sqlite:///env.db")
    monkeypatch.setenv("FORMPIPE_STORAGE_ROOT", "env")
    settings = load_settings()
    assert (database(settings), settings.storage_root, settings.max_pages) == ("env.db", Path("env"), 7)


def test_an_empty_variable_is_no_value(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files and job definitions pass on what nobody set."""
    for name in ("DATABASE_PASSWORD_SECRET", "DATABASE_URL", "RUN_MAX_PAGES", "SERVICE_RATES"):
        monkeypatch.setenv(f"FORMPIPE_{name}", "")
    settings = load_settings()
    assert settings.database_password_secret is None and settings.run_max_pages is None
    assert settings.database_url.get_secret_value().startswith("sqlite:///")


def test_overrides_win_over_everything(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated(project, 'database_url = "sqlite:///file.db"', 'storage_root = "file"')
    monkeypatch.setenv("FORMPIPE_STORAGE_ROOT", "env")
    settings = load_settings(storage_root=Path("mine"), database_url="sqlite:///mine.db")
    assert (database(settings), settings.storage_root) == ("mine.db", Path("mine"))


def test_a_misspelt_setting_of_the_file_is_named_with_what_was_meant(project: Path) -> None:
    stated(project, 'databse_url = "sqlite:///secret.db"', "colour = 1", "workers = 0")
    told = refused()
    assert "there is no setting databse_url: did you mean database_url?" in told
    assert "there is no setting colour" in told
    assert "colour: did you mean" not in told
    assert "workers: Input should be greater" in told
    assert str(project / "formpipe.toml") in told
    assert "secret" not in told


def test_a_misspelt_variable_is_named_with_what_was_meant(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMPIPE_STORAGE_ROT", "secret")
    monkeypatch.setenv("FORMPIPE_WORKERS", "many")
    told = refused()
    assert "there is no setting FORMPIPE_STORAGE_ROT: did you mean FORMPIPE_STORAGE_ROOT?" in told
    assert "workers: " in told
    assert "secret" not in told


@pytest.mark.parametrize("name", ["FORMPIPE_TEST_DATABASE", "FORMPIPELINE", "formpipe_workers"])
def test_other_variables_are_let_be(project: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    load_settings()


def test_an_override_that_does_not_exist_is_refused(project: Path) -> None:
    assert "did you mean workers?" in refused(wokers=1)


@pytest.mark.parametrize("content", [b"workers = ", b"\xff\xfe", b"= 5"])
def test_a_file_that_is_no_toml_is_refused_by_its_name(project: Path, content: bytes) -> None:
    (project / "formpipe.toml").write_bytes(content)
    assert f"{project / 'formpipe.toml'} cannot be read" in refused()


@pytest.mark.parametrize("line", ["database_url = 5", "storage_root = 5"])
def test_a_path_of_another_type_is_refused(project: Path, line: str) -> None:
    stated(project, line)
    assert line.split()[0] in refused()


def test_a_current_folder_that_was_removed_has_the_defaults(project: Path) -> None:
    project.rmdir()
    assert database(load_settings()) == "formpipe.db"


def test_raised_quotas_are_a_setting_of_the_file_or_the_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated(project, "[service_rates]", "analyze = 30", "[service_rates.document-intelligence]", "get = 200")
    assert load_settings().service_rates == {"analyze": 30.0, "document-intelligence.get": 200.0}
    monkeypatch.setenv("FORMPIPE_SERVICE_RATES", "analyze=100, document-intelligence.get=250")
    assert load_settings().service_rates == {"analyze": 100.0, "document-intelligence.get": 250.0}


def test_a_rate_of_nothing_that_is_known_is_refused_by_name(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMPIPE_SERVICE_RATES", "document-intelligense.analyze=100")
    with pytest.raises(RunError, match=r"service_rates: .*'document-intelligense' is no engine"):
        load_settings()
    monkeypatch.setenv("FORMPIPE_SERVICE_RATES", "analyse=100")
    with pytest.raises(RunError, match=r"service_rates: .*'analyse' is no class of operations"):
        load_settings()
