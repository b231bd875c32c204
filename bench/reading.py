"""Measure the reader: speed, recognition, selection marks, tables, memory.

    python bench/reading.py [--forms ../shared/forms] [--only speed,ocr,marks,tables]

Words are compared as bags, lower-cased and without punctuation. Selection marks are compared by position (the
middle within the true box) and state, with those the service itself gave with 0.9 or more: below that its
marks are mostly letters and page edges.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pypdfium2

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.drawn_tables import DrawnTable, draw_table
from bench.figures import add_record_option, all_reached, figure, heading, machine_line, record
from pipeline.formats.ocr_json import layout_from_json
from pipeline.reading.ocr import RapidOcr
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import read_layout
from pipeline.types import Layout, Page, SelectionMark, Table

_DPI = 150
_SURE = 0.9


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--forms", type=Path, default=Path(__file__).parents[1].parent / "shared" / "forms")
    parser.add_argument("--only", default="speed,ocr,marks,tables")
    parser.add_argument("--tables", type=int, default=40, help="tables drawn for the cell figures")
    add_record_option(parser)
    arguments = parser.parse_args()
    print(machine_line())
    recognizer = RapidOcr()
    parts: dict[str, Callable[[], None]] = {
        "speed": lambda: measure_speed(arguments.forms),
        "marks": lambda: measure_marks(arguments.forms, recognizer),
        "ocr": lambda: measure_ocr(arguments.forms, recognizer),
        "tables": lambda: measure_tables(arguments.tables, recognizer),
    }
    for name in arguments.only.split(","):
        heading(name)
        parts[name]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    heading("memory")
    figure("peak resident memory", peak, 1024, "MB", at_most=True)
    record(arguments.record)
    return 0 if all_reached() else 1


def measure_speed(forms: Path) -> None:
    """Pages per CPU second from the text layer, and pdfplumber's words on the same files."""
    files = [*sorted(forms.glob("ms_*/*.pdf")), *sorted(forms.glob("adbuy/*.pdf"))]
    born_digital = [file for file in files if _has_text(file)]
    pages, seconds = 0, time.process_time()
    for file in born_digital:
        pages += len(read_layout(file.read_bytes(), ReadOptions(), None).pages)
    seconds = time.process_time() - seconds
    print(f"{len(born_digital)} of {len(files)} files have text on every page: {pages} pages")
    figure("born-digital pages", pages / seconds, 20, "pages/s of one core")
    some = born_digital[:: max(1, len(born_digital) // 25)]
    count, rate = _plumber_rate(some)
    figure(f"pdfplumber, words only, {count} of these pages", rate, None, "pages/s of one core")


def _has_text(file: Path) -> bool:
    document = pypdfium2.PdfDocument(file)
    try:
        return all(document[i].get_textpage().count_chars() >= 20 for i in range(len(document)))
    finally:
        document.close()


def _plumber_rate(files: list[Path]) -> tuple[int, float]:
    import pdfplumber

    pages, seconds = 0, time.process_time()
    for file in files:
        with pdfplumber.open(file) as document:
            for page in document.pages:
                page.extract_words()
                pages += 1
    return pages, pages / (time.process_time() - seconds)


def measure_ocr(forms: Path, recognizer: RapidOcr) -> None:
    """Word recall and precision against the service, CPU seconds per page, by kind of page."""
    for kind, images in _pictures(forms).items():
        right = given = true = pages = 0
        seconds = 0.0
        for content, truth in images:
            started = time.process_time()
            page = read_layout(content, ReadOptions(), recognizer).pages[0]
            seconds += time.process_time() - started
            found, wanted = _bag(page), _bag(truth)
            right += sum((found & wanted).values())
            given, true, pages = given + sum(found.values()), true + sum(wanted.values()), pages + 1
        heading(f"{kind}, {pages} pages")
        figure("  recall of words", right / true)
        figure("  precision of words", right / given)
        figure("  CPU per page", seconds / pages, None, "s")


def _pictures(forms: Path) -> dict[str, list[tuple[bytes, Page]]]:
    return {
        f"filled 1099 at {_DPI} dpi": [
            pair
            for name in ("payer", "recipient", "state")
            for pair in _rendered(forms / f"ms_1099/f1099msc_{name}.pdf")
        ],
        f"W-9, small print, at {_DPI} dpi": list(_rendered(forms / "ms_w9/fw9_1.pdf")),
        f"invoice at {_DPI} dpi": list(_rendered(forms / "ms_invoice/Invoice_2.pdf")),
        "scans filled by hand": [
            (file.read_bytes(), _truth(file).pages[0]) for file in sorted(forms.glob("ms_*/*_scanned.jpg"))
        ],
        "receipts": [
            (file.read_bytes(), _truth(file).pages[0]) for file in sorted(forms.glob("sroie/*.jpg"))[:6]
        ],
    }


def _rendered(file: Path) -> Iterator[tuple[bytes, Page]]:
    """Pages of a PDF as PNG, with their widgets drawn, beside the service's reading of the page."""
    truth = _truth(file)
    document = pypdfium2.PdfDocument(file)
    document.init_forms()
    for page in truth.pages:
        out = io.BytesIO()
        document[page.number - 1].render(scale=_DPI / 72).to_pil().save(out, "PNG")
        yield out.getvalue(), page
    document.close()


def _truth(file: Path) -> Layout:
    return layout_from_json(json.loads(file.with_name(file.name + ".ocr.json").read_text("utf-8")))


def _bag(page: Page) -> Counter[str]:
    words = (re.sub(r"[^\w]", "", word.text.lower()) for word in page.words)
    return Counter(word for word in words if word)


def measure_marks(forms: Path, recognizer: RapidOcr) -> None:
    """Selection marks of pages turned into pixels, and of the PDFs as they are."""
    files = [*sorted(forms.glob("ms_w9/*.pdf")), *sorted(forms.glob("ms_invoice/*.pdf"))]
    files = [file for file in files if file.with_name(file.name + ".ocr.json").exists()]
    pixels: Counter[str] = Counter()
    as_is: Counter[str] = Counter()
    for file in files:
        layout = read_layout(file.read_bytes(), ReadOptions(), None)
        for read, truth in zip(layout.pages, _truth(file).pages, strict=True):
            as_is += _mark_counts(read, truth, 1.0)
        for content, truth in _rendered(file):
            if truth.number in (1, 3):
                page = read_layout(content, ReadOptions(), recognizer).pages[0]
                pixels += _mark_counts(page, truth, truth.width / page.width)
    figure(f"marks from pixels at {_DPI} dpi, F1 ({pixels['true']} marks)", _f1(pixels), 0.95)
    figure(f"marks of the PDFs as they are, F1 ({as_is['true']} marks)", _f1(as_is), 0.95)


def _mark_counts(page: Page, truth: Page, scale: float) -> Counter[str]:
    wanted = [mark for mark in truth.selection_marks if mark.confidence >= _SURE]
    left = list(wanted)
    right = 0
    for mark in page.selection_marks:
        match = next((other for other in left if _same_mark(mark, other, scale)), None)
        if match is not None:
            left.remove(match)
            right += 1
    return Counter(right=right, given=len(page.selection_marks), true=len(wanted))


def _same_mark(mark: SelectionMark, other: SelectionMark, scale: float) -> bool:
    x, y = scale * (mark.box.left + mark.box.right) / 2, scale * (mark.box.top + mark.box.bottom) / 2
    box = other.box
    return mark.state == other.state and box.left <= x <= box.right and box.top <= y <= box.bottom


def _f1(counts: Counter[str]) -> float:
    return 2 * counts["right"] / max(1, counts["given"] + counts["true"])


def measure_tables(count: int, recognizer: RapidOcr) -> None:
    """Cells (place, span and text) of drawn tables, as PDF and as pixels, upright and turned by a degree."""
    drawn = [draw_table(Random(seed)) for seed in range(count)]
    as_pdf: Counter[str] = Counter()
    for table in drawn:
        as_pdf += _cell_counts(read_layout(table.pdf, ReadOptions(), None).pages[0], table)
    figure(f"cells of {count} tables, PDF, F1 ({as_pdf['true']} cells)", _f1(as_pdf), 0.95)
    for turn, some in ((0.0, drawn[: count // 2]), (1.0, drawn[: count // 4])):
        pixels: Counter[str] = Counter()
        for table in some:
            page = read_layout(_as_image(table.pdf, turn), ReadOptions(), recognizer).pages[0]
            pixels += _cell_counts(page, table)
        name = f"cells of {len(some)} tables, pixels, turned {turn:g}°, F1 ({pixels['true']} cells)"
        figure(name, _f1(pixels), 0.95)


def _cell_counts(page: Page, drawn: DrawnTable) -> Counter[str]:
    """Cells of the table with most cells; those of any other are given and wrong. Blanks are not compared."""
    tables = sorted(page.tables, key=lambda table: -len(table.cells))
    found = [cells for table in tables if (cells := _cells(table))]
    wanted = {place: _squeezed(text) for place, text in drawn.cells.items() if text}
    right = sum(wanted.get(place) == text for place, text in found[0].items()) if found else 0
    return Counter(right=right, given=sum(map(len, found)), true=len(wanted))


def _cells(table: Table) -> dict[tuple[int, int, int, int], str]:
    return {
        (cell.row, cell.column, cell.row_span, cell.column_span): _squeezed(cell.text)
        for cell in table.cells
        if cell.text
    }


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _as_image(pdf: bytes, turn: float) -> bytes:
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=_DPI / 72).to_pil().convert("L")
    out = io.BytesIO()
    image.rotate(-turn, fillcolor=255, resample=2).save(out, "PNG")
    document.close()
    return out.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
