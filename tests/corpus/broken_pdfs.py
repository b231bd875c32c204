"""PDF files that are cut, damaged, hostile or merely strange."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from .cases import ANY, DEAD, LOCKED, NO_PAGES, POOR, READ, Case, case, sound_invoice
from .raw_pdf import FONT, TEXT, deflated, objects, page, pdf, stream

_BOMB_BYTES = 256 * 1024 * 1024
_MANY_PAGES = 10_000
_DEPTH = 60_000


def cases() -> Iterator[Case]:
    for family in (_cut, _locked, _page_trees, _media_boxes, _damaged, _hostile, _contents, _forms):
        yield from family()


def _cut() -> Iterator[Case]:
    whole = sound_invoice("cut")
    yield case("only_header.pdf", "nothing after the header", b"%PDF-1.4\n", DEAD)
    for percent in (10, 50, 90):
        cut = whole[: len(whole) * percent // 100]
        yield case(f"cut_{percent}_percent.pdf", f"ends after {percent}% of its bytes", cut, ANY)
    yield case("cut_end_marker.pdf", "the end marker is missing", whole[:-7], ANY)
    yield case("hole_in_the_middle.pdf", "512 bytes overwritten with zeros", _with_hole(whole), ANY)
    yield case("junk_before_header.pdf", "500 bytes of junk first", b"\x00junk" * 100 + whole, ANY)
    yield case("junk_after_end.pdf", "20 kB of junk at the end", whole + b"\xfe junk" * 3000, ANY)


def _with_hole(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[: middle - 256] + bytes(512) + whole[middle + 256 :]


def _locked() -> Iterator[Case]:
    yield case("password_needed.pdf", "opens with a password only", _encrypted("secret"), DEAD, LOCKED)
    yield case("owner_password.pdf", "encrypted with an empty user password", _encrypted(""), ANY)
    trailer = b"/Encrypt << /Filter /NoSuchHandler /V 99 >> /ID [<00> <00>]"
    yield case("unknown_encryption.pdf", "an encryption nobody knows", pdf(objects(), trailer), DEAD)


def _encrypted(user_password: str) -> bytes:
    buffer = io.BytesIO()
    lock = StandardEncryption(user_password, ownerPassword="owner", strength=128)
    canvas = Canvas(buffer, encrypt=lock, invariant=1)
    canvas.drawString(72, 700, "Invoice No. 55120")
    canvas.drawString(72, 680, "Total Due $310.00")
    canvas.save()
    return buffer.getvalue()


def _page_trees() -> Iterator[Case]:
    none = b"<< /Type /Pages /Kids [] /Count 0 >>"
    lie = b"<< /Type /Pages /Kids [3 0 R] /Count 50 >>"
    loop = b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 >>"
    far = b"<< /Type /Pages /Kids [77 0 R] /Count 1 >>"
    yield case("zero_pages.pdf", "a page tree without pages", pdf(objects(o2=none)), DEAD, NO_PAGES)
    yield case("ten_thousand_pages.pdf", "more pages than max_pages", _many_pages(), POOR)
    yield case("page_count_lies.pdf", "says 50 pages, has one", pdf(objects(o2=lie)), POOR)
    yield case("page_tree_loop.pdf", "the page tree holds itself", pdf(objects(o2=loop)), ANY)
    yield case("page_missing.pdf", "the only page is not in the file", pdf(objects(o2=far)), POOR)
    yield case("no_catalog.pdf", "the root is a number", pdf(objects(o1=b"42")), DEAD)


def _many_pages() -> bytes:
    """10,000 page objects that share one content stream: a small file."""
    kids = b" ".join(b"%d 0 R" % number for number in range(10, 10 + _MANY_PAGES))
    tree = b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % _MANY_PAGES
    pages = {number: page() for number in range(10, 10 + _MANY_PAGES)}
    parts = objects(o2=tree) | pages
    return pdf({number: part for number, part in parts.items() if number != 3})


def _media_boxes() -> Iterator[Case]:
    boxes = (
        ("huge_page.pdf", "a page of 14,000 kilometres", b"/MediaBox [0 0 4e10 4e10]"),
        ("large_page.pdf", "a page of 5 by 5 metres", b"/MediaBox [0 0 14400 14400]"),
        ("zero_page.pdf", "a page without area", b"/MediaBox [0 0 0 0]"),
        ("negative_page.pdf", "a media box with its corners swapped", b"/MediaBox [612 792 0 0]"),
        ("shifted_page.pdf", "a media box far from the origin", b"/MediaBox [-9000 -9000 -8388 -8208]"),
        ("no_media_box.pdf", "no media box", b""),
        ("media_box_of_names.pdf", "a media box of names", b"/MediaBox [/a /b /c /d]"),
        ("thin_page.pdf", "a page one point high", b"/MediaBox [0 0 14400 1]"),
        ("rotated_by_45.pdf", "a rotation that is not allowed", b"/MediaBox [0 0 612 792] /Rotate 45"),
        ("huge_unit.pdf", "a user unit of a million", b"/MediaBox [0 0 612 792] /UserUnit 1000000"),
    )
    for name, wrong, box in boxes:
        yield case(name, wrong, pdf(objects(o3=page(media_box=box))), ANY)
    upside_down = page(media_box=b"/MediaBox [0 0 612 792] /Rotate 180")
    yield case("upside_down.pdf", "turned by 180 degrees", pdf(objects(o3=upside_down)), READ)


def _damaged() -> Iterator[Case]:
    bad_flate = stream(b"this is not deflated", b"/Filter /FlateDecode")
    half_flate = stream(zlib.compress(TEXT)[:40], b"/Filter /FlateDecode")
    own_length = stream(TEXT, length=b"4 0 R")
    broken = stream(b"BT /F1 12 Tf ((( 72 Td ] >> Tj ET Q Q Q \xff\xfe re f")
    yield case("xref_shifted.pdf", "every offset is wrong", pdf(objects(), xref_shift=37), ANY)
    yield case("xref_loop.pdf", "the previous table is this one", _xref_loop(), ANY)
    yield case("no_xref.pdf", "no cross-reference table", pdf(objects()).partition(b"xref\n")[0], ANY)
    yield case(
        "content_not_deflated.pdf", "the content stream is no deflate", pdf(objects(o4=bad_flate)), POOR
    )
    yield case("content_half_deflated.pdf", "the content stream is cut", pdf(objects(o4=half_flate)), ANY)
    yield case("content_garbage.pdf", "operators without sense", pdf(objects(o4=broken)), POOR)
    yield case("stream_length_loop.pdf", "a stream's length is the stream", pdf(objects(o4=own_length)), ANY)
    yield case("content_missing.pdf", "no content stream", pdf(objects(o4=b"null")), POOR)


def _xref_loop() -> bytes:
    first = pdf(objects())
    start = first.rindex(b"xref\n0 ")
    return pdf(objects(), b"/Prev %d " % start)


def _hostile() -> Iterator[Case]:
    yield case("flate_bomb.pdf", "256 MB of blanks in a small stream", _flate_bomb(), POOR)
    yield case("nested_arrays.pdf", "60,000 arrays in one another", _nested(b"[", b"]"), ANY)
    yield case("nested_dictionaries.pdf", "60,000 dictionaries in one another", _nested(b"<</a", b">>"), ANY)
    yield case("nested_states.pdf", "60,000 saved graphics states", pdf(objects(o4=_nested_states())), ANY)
    yield case("form_draws_itself.pdf", "a form XObject that draws itself", _drawing_itself(), ANY)
    yield case("many_words.pdf", "25,000 words on one page", _many_words(), ANY)
    for name, wrong, action in _ACTIONS:
        catalog = b"<< /Type /Catalog /Pages 2 0 R /OpenAction " + action + b" >>"
        yield case(name, wrong, pdf(objects(o1=catalog)), READ)


_ACTIONS = (
    ("javascript.pdf", "runs a script on opening", b"<< /S /JavaScript /JS (app.alert\\(1\\);) >>"),
    ("launch.pdf", "starts a program on opening", b"<< /S /Launch /F (/bin/sh) >>"),
    ("opens_address.pdf", "opens an address on opening", b"<< /S /URI /URI (http://127.0.0.1:9/) >>"),
)


def _flate_bomb() -> bytes:
    squeeze = zlib.compressobj(9)
    blanks = b" " * (4 * 1024 * 1024)
    squeezed = b"".join(squeeze.compress(blanks) for _ in range(_BOMB_BYTES // len(blanks))) + squeeze.flush()
    twice = stream(zlib.compress(squeezed, 9), b"/Filter [/FlateDecode /FlateDecode]")
    return pdf(objects(o4=twice))


def _nested(opened: bytes, closed: bytes) -> bytes:
    deep = opened * _DEPTH + b" 0 " + closed * _DEPTH
    return pdf(objects(o3=page(b"/PieceInfo 6 0 R"), o6=deep))


def _nested_states() -> bytes:
    return deflated(b"q " * _DEPTH + TEXT + b" Q" * _DEPTH)


def _drawing_itself() -> bytes:
    resources = b"/Resources << /Font << /F1 5 0 R >> /XObject << /X 6 0 R >> >>"
    form = stream(TEXT + b" /X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] " + resources)
    return pdf(objects(o3=page(resources), o4=stream(b"/X Do"), o6=form))


def _many_words() -> bytes:
    lines = (b"1 0 0 1 20 %d Tm (%s) Tj " % (12 + 3 * row, b"word " * 100) for row in range(250))
    return pdf(objects(o4=deflated(b"BT /F1 2 Tf " + b"".join(lines) + b"ET")))


def _contents() -> Iterator[Case]:
    white = stream(b"BT /F1 12 Tf 72 700 Td (          ) Tj 0 -20 Td (\t  \n ) Tj ET")
    dotted = stream(b"BT /F1 0 Tf 72 700 Td (Invoice No. 48213) Tj ET")
    bad_image = stream(b"\x00\x01garbage", b"/Subtype /Image /Width 900 /Height 900 /Filter /JBIG2Decode")
    with_image = b"/Resources << /XObject << /I 6 0 R >> >>"
    drawn = pdf(objects(o3=page(with_image), o4=stream(b"600 0 0 700 0 0 cm /I Do"), o6=bad_image))
    yield case("only_white_space.pdf", "a text layer of white space only", pdf(objects(o4=white)), POOR)
    yield case("text_of_size_zero.pdf", "text of font size 0", pdf(objects(o4=dotted)), POOR)
    yield case("broken_picture.pdf", "only a picture, which cannot be decoded", drawn, POOR)
    yield case("no_unicode_map.pdf", "a font that does not say its letters", _no_unicode_map(), ANY)
    yield case("no_font.pdf", "the font is missing", pdf(objects(o5=b"null")), ANY)
    yield case("sound_rebuilt.pdf", "nothing: a small sound file", pdf(objects()), READ)


def _no_unicode_map() -> bytes:
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [6 0 R] >>"
    below = (
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /FontDescriptor 7 0 R /DW 600 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
    )
    about = (
        b"<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 0 600 700] /Ascent 700 /Descent 0 >>"
    )
    text = stream(b"BT /F1 12 Tf 72 700 Td <0024002500260027> Tj 0 -20 Td <00280029002A> Tj ET")
    return pdf(objects(o4=text, o5=font, o6=below, o7=about))


def _forms() -> Iterator[Case]:
    widget = b"/FT /Tx /Type /Annot /Subtype /Widget /Rect [72 600 300 620] /V (A48213)"
    nul = b"<< " + widget + b" /T (total\\000due) >>"
    loop = b"<< " + widget + b" /T (a) /Kids [6 0 R] /Parent 6 0 R >>"
    no_state = b"<< /FT /Btn /Type /Annot /Subtype /Widget /Rect [72 600 90 618] /T (c) /AS /Nowhere /V 9 >>"
    huge = b"<< /FT /Tx /Type /Annot /Subtype /Widget /Rect [-1e9 -1e9 1e9 1e9] /V (A48213) /T (h) >>"
    fields = (
        ("field_name_with_nul.pdf", "a zero byte in a field's name", nul),
        ("field_loop.pdf", "a field that is its own parent", loop),
        ("check_box_without_state.pdf", "a check box whose state does not exist", no_state),
        ("field_beyond_page.pdf", "a field larger than the page", huge),
    )
    for name, wrong, field in fields:
        yield case(name, wrong, _with_field(field), ANY)


def _with_field(field: bytes) -> bytes:
    catalog = (
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DR << /Font << /Helv 5 0 R >> >> >> >>"
    )
    return pdf(objects(o1=catalog, o3=page(b"/Annots [6 0 R]"), o5=FONT, o6=field))
