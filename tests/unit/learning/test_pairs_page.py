from pipeline.learning.pairs_page import comparable, is_figure, is_symbol, view
from pipeline.types import Box, Line, Page, SelectionMark, Word


def a_page(*words: tuple[float, float, str], ticks: tuple[Box, ...] = ()) -> Page:
    """Words ten units high, six units a character, at (x, y); every word a line of its own."""
    lines = []
    for x, y, text in words:
        polygon = Box(x, y, x + 6 * len(text), y + 10).polygon
        lines.append(Line(text, polygon, (Word(text, polygon),)))
    marks = tuple(SelectionMark("selected", box.polygon) for box in ticks)
    return Page(1, 600, 800, "pixel", tuple(lines), marks)


def texts(page: Page) -> list[list[str]]:
    return [[" ".join(t.text for t in segment) for segment in row] for row in view(page).rows]


def test_words_of_one_height_are_a_row_split_at_wide_gaps() -> None:
    page = a_page((200, 52, "Total"), (10, 50, "Due"), (32, 51, "Date"), (10, 80, "Next"))
    assert texts(page) == [["Due Date", "Total"], ["Next"]]


def test_a_slanted_row_is_followed() -> None:
    assert texts(a_page(*((x, 50 + x / 20, "word") for x in range(0, 480, 27)))) == [
        [" ".join(["word"] * 18)]
    ]


def test_a_glued_key_and_value_are_two_words() -> None:
    assert texts(a_page((10, 50, "Invoice:20582"), (10, 80, "12:30"), (10, 99, "http://x.org"))) == [
        ["Invoice: 20582"],
        ["12:30"],
        ["http://x.org"],
    ]


def test_coordinates_are_line_heights() -> None:
    page = view(a_page((10, 50, "Due"), (100, 50, "Date")))
    assert page.rows[0][1][0].box == Box(10, 5, 12.4, 6)


def test_huge_boxes_are_no_tick_boxes() -> None:
    page = a_page((10, 50, "Due"), ticks=(Box(0, 0, 100, 100), Box(50, 50, 60, 60)))
    assert [tick.box for tick in view(page).ticks] == [Box(5, 5, 6, 6)]


def test_a_page_without_words_has_no_rows() -> None:
    assert view(Page(1, 600, 800, "pixel")).rows == ()


def test_comparable_forms() -> None:
    assert [comparable(t) for t in ("Due:", "(DUE)", "12/3", "$", "—")] == ["due", "due", "12/3", "$", "—"]


def test_figures_and_symbols() -> None:
    assert [is_figure(t) for t in ("12/3", "po-18867", "w-9", "name", "$")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert is_symbol("$") and not is_symbol("a")
