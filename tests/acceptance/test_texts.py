"""Rows of texts on this machine: a project file and its texts in, entities and classes out, like any row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.formats.offsets import offsets
from pipeline.formats.project_json import project_to_json
from pipeline.texts import LabelledSpan, LabelledText, ProjectDocument, TextKind, TextProject
from tests.acceptance.conftest import Project
from tests.unit.learning import class_texts, entity_texts


def in_units(text: LabelledText) -> tuple[LabelledSpan, ...]:
    count = offsets(text.text, "Utf16CodeUnit")
    return tuple(LabelledSpan(s.category, *count.units(s.offset, s.length)) for s in text.spans)


def write_training(
    folder: Path, kind: TextKind, categories: Sequence[str], texts: Sequence[LabelledText]
) -> None:
    """Texts, and a project file as the Language service exports it."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = tuple(ProjectDocument(t.name, "en-us", None, in_units(t), t.classes) for t in texts)
    project = TextProject(kind, tuple(categories), documents)
    (folder / "exported.json").write_text(json.dumps(project_to_json(project)))
    for text in texts:
        (folder / text.name).write_bytes(text.text.encode())


def write_backlog(folder: Path, **texts: str | bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_bytes(text if isinstance(text, bytes) else text.encode())


def test_entities_of_letters(project: Project) -> None:
    letters = entity_texts.letters(24)
    training = project.data / "forms" / "training"
    write_training(training, "entities", entity_texts.CATEGORIES, letters)
    new = [entity_texts.letter(number) for number in (101, 102, 103)]
    write_backlog(
        project.data / "forms" / "in",
        **{f"new{at}": text.text for at, text in enumerate(new)},
        blank=" \n",
        program=b"MZ\x90\x00\x03\x00" + bytes(200),
        western="Größe".encode("latin-1"),
    )
    project.add_row("mail", "training", "in", model_kind="entities", scoring_output_blob_folder="out")
    (plan,) = project.formpipe("plan", "--output", "json", expect=10).json["rows"]
    assert (plan["training"], plan["documents"], plan["obstacle"]) == ("train", 6, None)

    project.formpipe("run", expect=1)  # two documents are dead
    outcomes = project.sql("SELECT path, outcome, reason FROM document ORDER BY 1")
    assert outcomes == [
        ("in/blank.txt", "partial", "empty-text"),
        ("in/new0.txt", "loaded", None),
        ("in/new1.txt", "loaded", None),
        ("in/new2.txt", "loaded", None),
        ("in/program.txt", "dead", "unsupported-content"),
        ("in/western.txt", "dead", "text-not-utf-8"),
    ]
    found = project.sql(
        "SELECT d.path, v.field, v.text, v.text_offset, v.text_length FROM document d"
        " JOIN part p ON p.document_id = d.id JOIN field_value v ON v.part_id = p.id"
    )
    labelled = {
        (f"in/new{at}.txt", s.category, text.text[s.offset : s.offset + s.length], s.offset, s.length)
        for at, text in enumerate(new)
        for s in text.spans
    }
    assert len(labelled & set(found)) >= 7
    texts = {f"in/new{at}.txt": text.text for at, text in enumerate(new)}
    assert all(texts[path][at : at + length] == value for path, _, value, at, length in found)
    assert len(project.sql("SELECT sender, day, sum FROM forms_mail WHERE day IS NOT NULL")) == 3
    output = json.loads((project.data / "forms" / "out" / "new0.txt_output.json").read_text())
    assert "offset" in output["analyzeResult"]["documentResults"][0]["fields"]["Day"]
    project.formpipe("verify")

    shown = project.formpipe("models", "show", "mail", "--output", "json").json
    assert shown["texts"]["method"] == "percentage"
    assert set(shown["texts"]["categories"]) == set(entity_texts.CATEGORIES)
    assert round(shown["f1"], 4) == shown["texts"]["micro"]["f1"]
    assert (shown["overall"], shown["fields"], shown["wrong"]) == (None, [], {}), "counted once, as texts"

    rows = project.rows()
    project.formpipe("plan", expect=0)
    project.formpipe("run", expect=None)
    assert project.rows() == rows

    letters[0] = LabelledText(letters[0].name, letters[0].text, letters[0].spans[1:])
    write_training(training, "entities", entity_texts.CATEGORIES, letters)
    (plan,) = project.formpipe("plan", "--output", "json", expect=10).json["rows"]
    assert plan["training"] == "train"
    assert "labels of 1 form changed" in plan["training_reason"]


def test_classes_of_forms_and_letters(project: Project, lake: Path) -> None:
    """PDFs of the demo among texts: their text comes from the reader."""
    forms = lake / "forms"
    training, backlog = project.data / "forms" / "training", project.data / "forms" / "in"
    letters = [LabelledText(f"letter {n}.txt", class_texts.letter(n), classes=("letter",)) for n in range(6)]
    write_training(training, "classes", ("letter", "bill"), letters)
    write_backlog(backlog, new=class_texts.letter(77))
    bills = sorted((forms / "purchase_invoice" / "training").glob("*.pdf"))[:6]
    (backlog / "bill.pdf").write_bytes(
        sorted((forms / "purchase_invoice" / "backlog").glob("*.pdf"))[0].read_bytes()
    )
    file = training / "exported.json"
    body = json.loads(file.read_text())
    for bill in bills:
        (training / bill.name).write_bytes(bill.read_bytes())
        labelled = {"location": bill.name, "language": "en-us", "class": {"category": "bill"}}
        body["assets"]["documents"].append(labelled)
    file.write_text(json.dumps(body))
    project.add_row("kinds", "training", "in", model_kind="classes", min_confidence=0.2)

    project.formpipe("run")
    shown = project.sql("SELECT path, class, confidence FROM forms_kinds ORDER BY 1")
    assert [(path, name) for path, name, _ in shown] == [("in/bill.pdf", "bill"), ("in/new.txt", "letter")]
    assert all(0 < sure <= 1 for _, _, sure in shown)
    assert project.sql("SELECT outcome, count(*) FROM document GROUP BY 1") == [("loaded", 2)]
    assert (training / f"{bills[0].name}.ocr.json").exists()

    told = project.formpipe("models", "show", "kinds").out
    assert "Measured on texts held out" in told
    assert "Labelled (down) and predicted (across)" in told

    project.formpipe("plan", expect=0)
    body["assets"]["documents"][0]["class"] = {"category": "bill"}
    file.write_text(json.dumps(body))
    (plan,) = project.formpipe("plan", "--output", "json", expect=10).json["rows"]
    assert plan["training"] == "train"


def test_a_folder_without_a_project_file_is_told_and_nothing_is_trained(project: Project) -> None:
    write_backlog(project.data / "forms" / "training", a="a text")
    write_backlog(project.data / "forms" / "in", b="a text")
    project.add_row("mail", "training", "in", model_kind="entities")
    told = project.formpipe("doctor", "--output", "json", expect=None).json
    (row,) = told["rows"]
    assert [finding["code"] for finding in row["findings"]] == ["project-missing"]
