import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pipeline.errors import RowError
from pipeline.formats.ocr_json import layout_from_json
from pipeline.learning.pairs import PairDiscovery
from pipeline.types import Box, ExtractedField, Layout, Line, MarkState, Page, SelectionMark, Word

NAMES = (
    "Acme",
    "Borealis",
    "Cobalt",
    "Delphi",
    "Ember",
    "Falk",
    "Gable",
    "Harrow",
    "Iqbal",
    "Juno",
    "Kestrel",
)
KINDS = (
    "Tools",
    "Foods",
    "Optics",
    "Marine",
    "Dental",
    "Roofing",
    "Garden",
    "Paper",
    "Glass",
    "Bikes",
    "Silk",
)

Draw = Callable[[Random], tuple[Layout, dict[str, str]]]


class Paper:
    """Lines of words, ten units high and six units a character."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.marks: list[SelectionMark] = []

    def write(self, x: float, y: float, text: str) -> None:
        words, at = [], x
        for word in text.split():
            words.append(Word(word, Box(at, y, at + 6 * len(word), y + 10).polygon))
            at += 6 * len(word) + 4
        self.lines.append(Line(text, Box(x, y, at - 4, y + 10).polygon, tuple(words)))

    def tick(self, x: float, y: float, state: MarkState) -> None:
        self.marks.append(SelectionMark(state, Box(x, y, x + 10, y + 10).polygon))

    @property
    def layout(self) -> Layout:
        return Layout((Page(1, 600, 800, "pixel", tuple(self.lines), tuple(self.marks)),), 1)


def company(random: Random) -> str:
    return f"{random.choice(NAMES)} {random.choice(KINDS)}"


def order(random: Random) -> tuple[Layout, dict[str, str]]:
    """Keys beside and above their values, two boxes, static text around; values of any length."""
    paper, truth = Paper(), {}
    truth["Order No."] = f"{random.randint(1000, 999999)}"
    truth["Ordered by"] = company(random)
    truth["Delivery address"] = (
        f"{random.randint(1, 99)} {random.choice(NAMES)} Road {random.choice(KINDS)}ville"
    )
    truth["Due date"] = f"{random.randint(1, 28):02d}/{random.randint(1, 12):02d}/20{random.randint(10, 24)}"
    truth["Express"], truth["Gift wrap"] = random.choices(("selected", "unselected"), k=2)
    paper.write(200, 20, "Purchase order")
    paper.write(20, 60, "Order No.: " + truth["Order No."])
    paper.write(20, 90, "Ordered by")
    paper.write(150, 90, truth["Ordered by"])
    paper.write(20, 130, "Delivery address")
    number, _, rest = truth["Delivery address"].partition(" Road ")
    paper.write(20, 145, number + " Road")
    paper.write(20, 158, rest)
    paper.write(300, 130, "Due date")
    paper.write(300, 145, truth["Due date"])
    for y, key in ((200, "Express"), (220, "Gift wrap")):
        paper.tick(20, y, "selected" if truth[key] == "selected" else "unselected")
        paper.write(36, y, key)
    paper.write(20, 700, "Goods remain our property until they are paid in full.")
    return paper.layout, truth


def receipt(random: Random) -> tuple[Layout, dict[str, str]]:
    """Another layout with other words; one key is that of the order."""
    paper, truth = Paper(), {}
    truth["Received from"] = company(random)
    truth["Amount paid"] = f"${random.randint(5, 900)}.{random.randint(10, 99)}"
    truth["Due date"] = f"{random.randint(1, 28):02d}/{random.randint(1, 12):02d}/20{random.randint(10, 24)}"
    paper.write(40, 40, "Receipt for a payment")
    for y, (key, value) in zip((100, 125, 150), truth.items(), strict=True):
        paper.write(320, y, key)
        paper.write(460, y, value)
    paper.write(40, 300, "Keep this slip with your records.")
    return paper.layout, truth


def found(fields: tuple[ExtractedField, ...]) -> dict[str, str]:
    return {field.field: field.text for field in fields}


@pytest.fixture(scope="module")
def model() -> PairDiscovery:
    random = Random(3)
    forms = [order(random)[0] for _ in range(6)] + [receipt(random)[0] for _ in range(5)]
    return PairDiscovery(seed=0).fit(forms)


def test_learns_the_keys_of_two_layouts_and_no_static_text(model: PairDiscovery) -> None:
    assert len(model.layouts_) == 2
    assert set(model.keys_) == {
        "Amount paid", "Delivery address", "Due date", "Express", "Gift wrap", "Order No.", "Ordered by",
        "Received from",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(20, 30))
@pytest.mark.parametrize("draw", [order, receipt])
def test_finds_exactly_the_pairs_of_new_forms(model: PairDiscovery, seed: int, draw: Draw) -> None:
    layout, truth = draw(Random(seed))
    assert found(model.predict(layout)) == truth


def test_values_have_page_box_and_confidence(model: PairDiscovery) -> None:
    layout, _ = order(Random(40))
    fields = {field.field: field for field in model.predict(layout)}
    due = fields["Due date"]
    assert due.page == 1 and due.polygon is not None
    assert due.polygon[:2] == pytest.approx((300, 145)) and due.polygon[4] == pytest.approx(300 + 60)
    assert all(0.5 < field.confidence <= 1 for field in fields.values())


def test_a_form_that_is_filled_in_by_half_gives_half_the_pairs(model: PairDiscovery) -> None:
    paper = Paper()
    paper.write(200, 20, "Purchase order")
    for x, y, text in ((20, 60, "Order No.:"), (20, 90, "Ordered by"), (20, 130, "Delivery address")):
        paper.write(x, y, text)
    paper.write(300, 130, "Due date")
    paper.write(300, 145, "01/02/2020")
    paper.write(36, 200, "Express")
    paper.write(20, 700, "Goods remain our property until they are paid in full.")
    assert found(model.predict(paper.layout)) == {"Due date": "01/02/2020"}


def test_a_layout_never_seen_is_read_with_known_keys_and_colons(model: PairDiscovery) -> None:
    paper = Paper()
    paper.write(250, 30, "Statement")
    paper.write(60, 80, "Due date")
    paper.write(60, 95, "05/06/2021")
    paper.write(300, 80, "Customer: Kestrel Silk")
    paper.write(60, 200, "Boxes 12")
    pairs = found(model.predict(paper.layout))
    assert pairs["Due date"] == "05/06/2021" and pairs["Customer"] == "Kestrel Silk"
    assert all(field.confidence < 0.95 for field in model.predict(paper.layout))


def test_a_misread_letter_in_a_key_is_put_right(model: PairDiscovery) -> None:
    layout, truth = order(Random(41))
    page = layout.pages[0]
    lines = [
        Line(
            line.text,
            line.polygon,
            tuple(Word(w.text.replace("Delivery", "De1ivery"), w.polygon) for w in line.words),
        )
        for line in page.lines
    ]
    misread = Layout((Page(1, 600, 800, "pixel", tuple(lines), page.selection_marks),), 1)
    assert found(model.predict(misread)) == truth


def test_a_key_that_comes_twice_counts_its_occurrences(model: PairDiscovery) -> None:
    pages = order(Random(42))[0].pages + order(Random(43))[0].pages
    dates = [f for f in model.predict(Layout(pages, 2)) if f.field == "Due date"]
    assert [field.occurrence for field in dates] == [0, 1]


def test_the_lines_of_an_item_table_are_not_joined() -> None:
    def invoice(random: Random) -> Layout:
        paper = Paper()
        for x, head in ((20, "Article"), (200, "Quantity"), (320, "Price")):
            paper.write(x, 100, head)
        for row in range(random.randint(2, 4)):
            paper.write(20, 116 + 14 * row, company(random))
            paper.write(200, 116 + 14 * row, str(random.randint(1, 99)))
            paper.write(320, 116 + 14 * row, f"{random.randint(1, 99)}.50")
        paper.write(20, 400, "Thank you for your order")
        return paper.layout

    random = Random(5)
    model = PairDiscovery().fit([invoice(random) for _ in range(8)])
    articles = [f.text for f in model.predict(invoice(random)) if f.field == "Article"]
    assert len(articles) == 1 and len(articles[0].split()) == 2


def test_nothing_to_learn_from_is_no_error() -> None:
    assert PairDiscovery().fit([]).keys_ == ()
    assert PairDiscovery().fit([Layout((), 0)]).predict(Layout((), 0)) == ()
    blank = Layout((Page(1, 600, 800, "pixel"),), 1)
    assert PairDiscovery().fit([blank, blank]).predict(blank) == ()


def test_one_training_form_shows_what_differs() -> None:
    random = Random(6)
    model = PairDiscovery().fit([order(random)[0]])
    layout, truth = order(random)
    pairs = found(model.predict(layout))
    assert {key for key, value in truth.items() if pairs.get(key) == value} >= {"Order No.", "Due date"}


def test_bytes_and_back_are_the_same_model(model: PairDiscovery) -> None:
    body = model.to_bytes()
    again = PairDiscovery.from_bytes(body)
    layout, _ = order(Random(44))
    assert again.to_bytes() == body and again.keys_ == model.keys_
    assert again.predict(layout) == model.predict(layout)
    assert json.loads(body)["version"] == 1


def test_fitting_again_gives_the_same_bytes() -> None:
    forms = [order(Random(seed))[0] for seed in range(5)]
    assert PairDiscovery().fit(forms).to_bytes() == PairDiscovery().fit(forms).to_bytes()


@pytest.mark.parametrize(
    "body",
    [b"", b"\x80\x04K\x01.", b"[]", b"{}", b'{"format":"formpipe-pairs","version":2,"layouts":[]}',
     b'{"format":"formpipe-pairs","version":1,"layouts":[{}]}',
     b'{"format":"formpipe-pairs","version":1,"layouts":7}'],
)  # fmt: skip
def test_other_bytes_are_refused_by_name(body: bytes) -> None:
    with pytest.raises(RowError) as raised:
        PairDiscovery.from_bytes(body)
    assert raised.value.reason == "model-unreadable"


def test_real_invoices_give_the_pairs_of_their_labels(shared_forms: Path) -> None:
    folder = shared_forms / "ms_invoice"
    layouts = [
        layout_from_json(json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.ocr.json"))
    ]
    pairs = found(PairDiscovery().fit(layouts[1:]).predict(layouts[0]))
    assert pairs["Sold To"] == "Fabrikam Residences"
    assert pairs["Receipt # No."] == "2468" and pairs["ID#"] == "1197531"
    assert pairs["Online Delivery (Livestream)"] == "selected" and pairs["Live Delivery"] == "unselected"


def test_a_number_that_stands_on_every_form_is_print() -> None:
    def notice(random: Random) -> Layout:
        paper = Paper()
        paper.write(20, 40, "Room")
        paper.write(120, 40, str(random.randint(10, 999)))
        paper.write(20, 80, "Fines may amount to")
        paper.write(160, 80, "$500")
        return paper.layout

    random = Random(8)
    model = PairDiscovery().fit([notice(random) for _ in range(6)])
    assert [field.field for field in model.predict(notice(random))] == ["Room"]
