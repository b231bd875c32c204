"""A folder of everything: a router hands each document to its form type, and leaves what nobody can tell."""

from __future__ import annotations

import io
import json
import shutil
import time
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from reportlab.pdfgen.canvas import Canvas

from pipeline.demo import write_lake
from tests.acceptance.conftest import Project, new_project

pytestmark = pytest.mark.xdist_group("routing")

TYPES = ("purchase_invoice", "service_report", "supplier_registration")
FORMS, LETTERS = 4, 3
GREETINGS = ("Dear Anna", "Dear neighbours", "Hello Peter", "Dear Sir or Madam", "My dear aunt", "Dear team")
PROSE = (
    "Thank you so much for the lovely weekend at the lake. The children still talk about the boat, and the "
    "dog slept for two days. We hope that you will visit us in the autumn, when the garden is at its best.",
    "We are writing to tell you that the choir meets on Thursday evenings again. Bring a friend, and bring a "
    "pencil. There will be tea, and the new songs are easier than those of last year.",
    "I am sorry that I could not come to the meeting. My train stood in the snow for three hours, and nobody "
    "knew why. Please tell me what was decided, and whether you still need somebody who paints the fence.",
)


def letter(number: int) -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(595, 842))
    canvas.drawString(72, 760, GREETINGS[number % len(GREETINGS)] + ",")
    words, line, y = PROSE[number % len(PROSE)].split(), "", 730
    for word in [*words, "\n"]:
        if len(line) + len(word) > 80 or word == "\n":
            canvas.drawString(72, y, line)
            line, y = "", y - 16
        line = f"{line} {word}".strip()
    canvas.drawString(72, y - 30, f"Yours, letter writer {number}")
    canvas.save()
    return made.getvalue()


@pytest.fixture(scope="module")
def mixed_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three form types whose backlogs are empty, and a folder with documents of them all and letters."""
    lake = tmp_path_factory.mktemp("lake")
    write_lake(lake, seed=3, training=6, backlog=FORMS + 2)
    project = new_project(tmp_path_factory.mktemp("mixed"))
    forms, mixed = project.data / "forms", project.data / "forms" / "mixed"
    mixed.mkdir(parents=True)
    for name in TYPES:
        source = lake / "forms" / name
        shutil.copytree(source / "training", forms / name / "training")
        (forms / name / "backlog").mkdir()
        kept = forms / "sorting" / name
        kept.mkdir(parents=True)
        for form in sorted((source / "training").glob("*.*")):
            if form.suffix != ".json":
                shutil.copy(form, kept / form.name)
        for form in sorted((source / "backlog").glob("*.*"))[:FORMS]:
            shutil.copy(form, mixed / f"{name}-{form.name}")
        project.add_row(name, f"{name}/training", f"{name}/backlog", scoring_output_blob_folder=f"{name}/out")
    (forms / "sorting" / "letter").mkdir()
    for number in range(6):
        (forms / "sorting" / "letter" / f"{number}.pdf").write_bytes(letter(number))
    for number in range(LETTERS):
        (mixed / f"letter-{number}.pdf").write_bytes(
            letter(number + 2).replace(b"letter writer", b"letter reader")
        )
    project.add_row(
        "mail", "sorting", "mixed", model_kind="classes", routes=1, include_subfolders=1, priority=900
    )
    return project


@pytest.fixture(scope="module")
def routed_once(mixed_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = mixed_once.copy(tmp_path_factory.mktemp("routed"))
    project.formpipe("run", workers=1)
    return project


@pytest.fixture
def routed(routed_once: Project, tmp_path: Path) -> Project:
    return routed_once.copy(tmp_path)


def where(project: Project) -> list[tuple[str, str, str]]:
    """Form type, path and outcome of everything that was handed on."""
    query = "SELECT form_type, path, outcome FROM document WHERE routed_from IS NOT NULL ORDER BY path"
    return [(row[0], row[1], row[2]) for row in project.sql(query)]


def test_one_run_hands_every_form_to_its_type_and_scores_it_there(routed_once: Project) -> None:
    found = where(routed_once)
    assert len(found) == len(TYPES) * FORMS
    assert all(path.startswith(f"mixed/{name}-") for name, path, _ in found)
    assert {outcome for *_, outcome in found} <= {"loaded", "partial"}
    values = "SELECT count(*) FROM document d JOIN part p ON p.document_id = d.id JOIN field_value v"
    (count,) = routed_once.sql(f"{values} ON v.part_id = p.id WHERE d.routed_from IS NOT NULL")[0]
    assert count > len(found)
    for name, path, _ in found:
        assert (routed_once.data / "forms" / name / "out" / f"{path}_output.json").is_file()
    counts = "SELECT routed, unrouted, loaded, state FROM run_row WHERE form_type = 'mail'"
    assert routed_once.sql(counts) == [(12, LETTERS, 12, "finished")]


def test_letters_wait_for_a_person_with_the_best_guesses(routed_once: Project) -> None:
    listed = routed_once.formpipe("status", "--unrouted", "--output", "json").json
    assert [each["path"] for each in listed] == [f"mixed/letter-{number}.pdf" for number in range(LETTERS)]
    for each in listed:
        assert len(each["guesses"]) == 3
        confidences = [guess["confidence"] for guess in each["guesses"]]
        assert confidences == sorted(confidences, reverse=True)
    told = routed_once.formpipe("status", "--unrouted").out
    assert f"formpipe route {listed[0]['id']} " in told


def test_a_second_run_has_nothing_to_do(routed: Project) -> None:
    before = where(routed)
    routed.formpipe("run", workers=1)
    assert where(routed) == before
    query = "SELECT sum(loaded + partial + dead + routed + gone) FROM run_row WHERE run_id = 2"
    assert routed.sql(query) == [(0,)]
    assert routed.formpipe("verify", "--output", "json", expect=None).json["differences"] == []


def test_a_plan_says_that_routers_go_first(mixed_once: Project) -> None:
    rows = mixed_once.formpipe("plan", "--output", "json", expect=10).json["rows"]
    assert [row["form_type"] for row in rows] == ["mail", *TYPES]
    assert [row["routes"] for row in rows] == [True, False, False, False]
    assert "classified first" in rows[0]["reason"]


def test_what_leaves_the_mixed_folder_leaves_its_form_type(routed: Project) -> None:
    (routed.data / "forms" / where(routed)[0][1]).unlink()
    first = where(routed)[0]
    routed.formpipe("run", workers=1)
    assert where(routed)[0] == (*first[:2], "gone")
    assert [row[2] for row in where(routed)[1:]].count("gone") == 0


def test_a_file_that_becomes_something_else_goes_elsewhere(routed: Project) -> None:
    found = where(routed)
    first, last = found[0], found[-1]
    shutil.copy(routed.data / "forms" / last[1], routed.data / "forms" / first[1])
    routed.formpipe("run", workers=1)
    now = [row for row in where(routed) if row[1] == first[1]]
    assert sorted(row[::2] for row in now) == sorted([(first[0], "gone"), (last[0], last[2])])


def test_a_file_of_several_forms_is_split_by_its_pages(routed: Project) -> None:
    training = [routed.data / "forms" / "sorting" / name for name in TYPES]
    split = [(path.name, next(iter(sorted(path.glob("*.pdf"))), None)) for path in training]
    pdfs = {name: file for name, file in split if file is not None}
    merged = pdfium.PdfDocument.new()
    for file in pdfs.values():
        merged.import_pages(pdfium.PdfDocument(file))
    merged.save(routed.data / "forms" / "mixed" / "several.pdf")
    assert len(pdfs) > 1
    routed.sql("UPDATE form_type SET split = 'per_page' WHERE form_type = 'mail'")
    routed.formpipe("run", workers=1)
    query = (
        "SELECT form_type, first_page, last_page, pages, outcome FROM document WHERE path LIKE '%several%'"
    )
    parts = routed.sql(f"{query} AND routed_from IS NOT NULL ORDER BY first_page")
    assert [row[0] for row in parts] == list(pdfs)
    assert parts[0][1] == 1
    assert parts[1][1] == parts[0][2] + 1
    assert all(row[3] == row[2] - row[1] + 1 and row[4] in ("loaded", "partial") for row in parts)
    output = routed.data / "forms" / parts[1][0] / "out" / "mixed"
    assert (output / f"several.pdf_pages_{parts[1][1]}-{parts[1][2]}_output.json").is_file()


def test_a_letter_is_moved_by_hand_and_stays_moved(routed: Project) -> None:
    answer = routed.formpipe("route", "letter-0.pdf", "service_report", "--output", "json").json
    assert answer["path"] == "mixed/letter-0.pdf"
    assert (answer["router"], answer["before"], answer["after"]) == ("mail", [], ["service_report"])
    assert len(routed.formpipe("status", "--unrouted", "--output", "json").json) == LETTERS - 1
    query = "SELECT stage, outcome FROM document WHERE routed_from IS NOT NULL AND path LIKE '%letter-0%'"
    assert routed.sql(query) == [("pending", None)]
    routed.formpipe("run", workers=1)
    assert routed.sql(query)[0][0] == "done"
    told = routed.formpipe("route", "letter-0.pdf", "purchase_invoice").out
    assert "no longer with service_report" in told
    assert sorted(routed.sql(query)) == [("done", "gone"), ("pending", None)]
    assert routed.sql("SELECT class, path FROM text_label") == [("purchase_invoice", "mixed/letter-0.pdf")]
    classes = (
        "SELECT v.source, v.occurrence, v.review FROM document d JOIN part p ON p.document_id = d.id"
        " JOIN field_value v ON v.part_id = p.id"
        " WHERE v.field = 'class' AND d.path LIKE '%letter-0%' AND d.routed_from IS NULL"
    )
    assert sorted(routed.sql(classes)) == [("model", 0, 0), ("person", 0, 0)], "nobody is asked any more"
    routed.formpipe("route", "letter-0.pdf", "service_report", "--pages", "1-1")
    assert routed.sql("SELECT class FROM forms_mail WHERE path LIKE '%letter-0%'") == [("service_report",)]


def test_a_row_that_becomes_a_router_says_how_to_sort_what_it_scored(routed: Project) -> None:
    routed.sql("DELETE FROM document WHERE routed_from IS NOT NULL")
    told = routed.formpipe("status", "--unrouted").err
    assert f"{len(TYPES) * FORMS} documents of mail are with no form type" in told
    assert "formpipe run --form-type mail --rescore" in told


def test_a_move_that_cannot_be_is_said_why(routed: Project) -> None:
    said = routed.formpipe("route", "letter-0.pdf", "purchase_invoce", expect=3).err
    assert "did you mean purchase_invoice?" in said
    said = routed.formpipe("route", "letter-0.pdf", "mail", expect=3).err
    assert "mail is no form type" in said
    assert "document-unknown" in routed.formpipe("route", "nothing.pdf", "service_report", expect=3).err


def test_a_run_that_is_killed_is_gone_on_with_and_routes_nothing_twice(
    routed_once: Project, tmp_path: Path
) -> None:
    """The folder once more, under other names, so that the models are there."""
    project = routed_once.copy(tmp_path)
    mixed = project.data / "forms" / "mixed"
    for file in list(mixed.iterdir()):
        shutil.copy(file, mixed / f"again-{file.name}")
    process = project.start("run", workers=1, batch_documents=1)
    end = time.monotonic() + 300
    count = "SELECT count(*) FROM document WHERE routed_from IS NOT NULL AND path LIKE 'mixed/again-%'"
    while process.poll() is None and project.sql(count)[0][0] < 3 and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    (begun,) = project.sql(count)[0]
    assert 3 <= begun < len(TYPES) * FORMS, "killed too early or too late"
    project.formpipe("run", workers=1)
    first = where(routed_once)
    again = [(name, path.replace("mixed/", "mixed/again-"), outcome) for name, path, outcome in first]
    assert where(project) == sorted(first + again, key=lambda each: each[1])
    assert len(project.formpipe("status", "--unrouted", "--output", "json").json) == 2 * LETTERS
    assert project.formpipe("verify", "--output", "json", expect=None).json["differences"] == []


@pytest.mark.long
def test_the_demo_sorts_every_form_and_leaves_the_letters(tmp_path: Path) -> None:
    project = Project(tmp_path)
    told = project.formpipe("demo", ".", expect=None)
    assert told.code in (0, 1), told.err
    lines = (tmp_path / "lake" / "mixed.jsonl").read_text().splitlines()
    truth = {line["path"]: line["class"] for line in map(json.loads, lines)}
    assert len(truth) == 66
    forms = {path: name for path, name in truth.items() if name != "letter"}
    query = "SELECT path, form_type FROM document WHERE routed_from IS NOT NULL AND outcome <> 'gone'"
    assert dict(project.sql(query)) == forms
    waiting = "SELECT path FROM document WHERE outcome = 'unrouted'"
    assert {row[0] for row in project.sql(waiting)} == truth.keys() - forms.keys()
