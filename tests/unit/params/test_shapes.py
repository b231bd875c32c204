from __future__ import annotations

import posixpath
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.params import shapes


@pytest.mark.parametrize("key", ["w9", "a", "purchase_order", "a" * 40, "a_1_b_2"])
def test_a_key_is_kept_as_it_is(key: str) -> None:
    assert shapes.key(key) == key


@pytest.mark.parametrize(
    "key", ["", "9w", "W9", "a b", "a__b", "a" * 41, "a-b", "_a", "a;drop table x", "a\n", "ä", "../a"]
)
def test_a_key_of_another_shape_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        shapes.key(key)


def test_a_refused_key_is_answered_with_one_made_of_it() -> None:
    with pytest.raises(ValueError, match="'purchase_order_2024'"):
        shapes.key("Purchase  Order (2024)")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ""),
        ("/", ""),
        ("acme", "acme/"),
        ("acme/", "acme/"),
        ("a/b c/é#%", "a/b c/é#%/"),
        ("a..b", "a..b/"),
    ],
)
def test_a_folder_is_the_prefix_that_ends_in_a_slash(written: str, kept: str) -> None:
    assert shapes.folder(written) == kept


@pytest.mark.parametrize(
    "folder",
    [
        "../x",
        "a/../../b",
        "a/..",
        "./a",
        "/abs",
        "//x",
        "C:/x",
        "a\\b",
        "..\\x",
        "a//b",
        "a\x00b",
        "a\nb",
        "\u202ea",
        "https://x/y",
        "x" * 1024,
    ],
)
def test_a_folder_that_leaves_its_container_or_hides_characters_is_refused(folder: str) -> None:
    with pytest.raises(ValueError, match=r"^(remove|give|separate)"):
        shapes.folder(folder)


@given(written=st.text(alphabet=st.sampled_from("ab./\\ %~\x00\n:é"), max_size=12))
def test_no_folder_that_is_kept_leaves_its_container(written: str) -> None:
    try:
        kept = shapes.folder(written)
    except ValueError:
        return
    inside = posixpath.normpath(f"/container/{kept}")
    assert inside == "/container" or inside.startswith("/container/")
    assert kept == "" or kept.endswith("/")
    assert shapes.folder(kept) == kept


@pytest.mark.parametrize("name", ["forms", "a1-b2", "abc", "x" * 63])
def test_a_container_name_of_the_blob_service_is_kept(name: str) -> None:
    assert shapes.container(name) == name


@pytest.mark.parametrize(
    "name", ["ab", "Forms", "a_b", "-ab", "ab-", "a--b", "a/b", "..", "x" * 64, "a b", "abc\n"]
)
def test_other_container_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="container"):
        shapes.container(name)


@pytest.mark.parametrize("name", ["CognitiveServiceEndpoint", "my-secret_2"])
def test_the_name_of_a_secret_is_kept(name: str) -> None:
    assert shapes.secret_name(name) == name


@pytest.mark.parametrize(
    "typed", ["?sv=2020&sig=abc", "0123456789abcdef0123456789ABCDEF", "A1" * 42, "a b", "https://x.y", "a;b"]
)
def test_a_secret_where_its_name_belongs_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="never the secret"):
        shapes.secret_name(typed)


@pytest.mark.parametrize("name", ["Total", "ID #", "Live Delivery?", "409A (b)", "Straße", "a/b"])
def test_field_names_of_real_forms_are_kept(name: str) -> None:
    assert shapes.field_name(name) == name


@pytest.mark.parametrize(
    "name", ["a;b", "a'b", 'a"b', "a`b", "a--b", "/*a", "[a]", "../a", "a\\b", "a\tb", "x" * 201]
)
def test_field_names_with_metacharacters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name the field"):
        shapes.field_name(name)


@pytest.mark.parametrize("name", ["dbo.values", "Values_2"])
def test_a_table_name_may_have_a_schema(name: str) -> None:
    assert shapes.table_name(name) == name


@pytest.mark.parametrize("name", ["a.b.c", "a b", "1a", "a;", "[a]", "a.", ".a"])
def test_a_table_name_with_metacharacters_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="letters"):
        shapes.table_name(name)


def test_what_yaml_made_of_a_version_is_undone() -> None:
    assert shapes.text(date(2024, 11, 30)) == "2024-11-30"
    assert shapes.text(7) == "7"


def test_a_truth_value_where_text_belongs_is_explained() -> None:
    with pytest.raises(ValueError, match="quotes"):
        shapes.text(False)


def test_a_shown_value_is_one_line_without_control_characters_and_secrets() -> None:
    assert shapes.shown("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert "abc" not in shapes.shown("https://x/y?sig=abc")
    assert len(shapes.shown("x" * 5000)) == 120
    assert shapes.shown(None) == ""


@pytest.mark.parametrize(
    ("text", "key"),
    [("Acme – Invoices!", "acme_invoices"), ("2019 W-9", "w_9"), ("!!", ""), ("x" * 50, "x" * 40)],
)
def test_a_key_is_made_of_free_text(text: str, key: str) -> None:
    assert shapes.slug(text) == key
