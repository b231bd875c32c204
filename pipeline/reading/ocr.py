"""Text recognition: pixels -> words, by the PP-OCR models that travel inside the `rapidocr` wheel.

Detection costs by the pixel, recognition by the width of the lines. Hence detection runs on a reduced image
and recognition on the full one, one crop at a time (a batch pads every crop to its widest), and there is no
angle classifier: tall crops are tried in each direction instead.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import cv2
import numpy as np

from pipeline.reading.pixels import Pixels
from pipeline.reading.straighten import Matrix, Quad, mapped, text_angle, turned_back

DETECTION_DPI = 100.0
_TALL = 1.5
_VERTICAL = 4.0
_MIN_SCORE = 0.5
_SLIGHT = 2.0
"""Degrees of skew up to which lines are read as well as level ones."""
_PROBES = 4
_READ_WELL = 0.8
_CLEARLY = 0.15
_CACHED_SMALL_IMAGES = 256
_SMALL_IMAGE = 400_000
"""Pixels; logos and stamps repeat over pages and documents, so what they say is remembered."""

_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""The recogniser knows Chinese and sometimes answers with full-width forms of Latin characters."""


@dataclass(frozen=True, slots=True, eq=False)
class OcrWord:
    """`quad`, (4, 2): its corners in pixels, clockwise from where its text begins."""

    text: str
    quad: Quad
    confidence: float


Reading = tuple[float, list[OcrWord]]
"""The score of a line, 0 to 1, and its words."""


class RapidOcr:
    """PP-OCR on onnxruntime. Models are loaded at the first reading; one thread at a time may read."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._engine: Any = None
        self._seen: OrderedDict[bytes, list[OcrWord]] = OrderedDict()

    def read(self, image: Pixels, dpi: float = 150.0) -> list[OcrWord]:
        """The words in an image, in no particular order; split on white space, punctuation attached.

        `dpi`, as far as it is known, bounds what detection costs.
        """
        if image.size > _SMALL_IMAGE:
            return self._read(image, dpi)
        key = blake2b(image.tobytes(), digest_size=16, salt=str(image.shape).encode()[:16]).digest()
        if key not in self._seen:
            self._seen[key] = self._read(image, dpi)
            if len(self._seen) > _CACHED_SMALL_IMAGES:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key)
        return self._seen[key]

    def _read(self, image: Pixels, dpi: float) -> list[OcrWord]:
        colour = cast(Pixels, cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image)
        quads = self._detect(colour, dpi)
        angle = text_angle(quads)
        if abs(angle) < _SLIGHT:
            return self._read_lines(colour, quads)
        straight, matrix = turned_back(colour, angle)
        back: Matrix = np.linalg.inv(matrix).astype(np.float64)
        words = self._read_lines(straight, self._detect(straight, dpi))
        return [OcrWord(word.text, mapped(word.quad, back), word.confidence) for word in words]

    def _read_lines(self, image: Pixels, quads: list[Quad]) -> list[OcrWord]:
        """Reads detected lines that are about level, or upside down all of them."""
        order = sorted(quads, key=lambda quad: -_size(quad)[0])
        words: list[OcrWord] = []
        probes = [self._best_reading(image, quad) for quad in order[:_PROBES]]
        upside_down = bool(order) and self._is_upside_down(image, order[:_PROBES], probes)
        if not upside_down:
            words = [word for probe in probes for word in probe[1]]
        for quad in order if upside_down else order[_PROBES:]:
            words.extend(self._best_reading(image, np.roll(quad, 2 if upside_down else 0, axis=0))[1])
        return words

    def _is_upside_down(self, image: Pixels, quads: list[Quad], upright: list[Reading]) -> bool:
        """Whether the longest lines are read badly, and better the other way round."""
        score = float(np.mean([score for score, _ in upright]))
        if score >= _READ_WELL:
            return False
        other = [self._best_reading(image, np.roll(quad, 2, axis=0)) for quad in quads]
        return float(np.mean([score for score, _ in other])) > score + _CLEARLY

    def _detect(self, image: Pixels, dpi: float) -> list[Quad]:
        scale = min(1.0, DETECTION_DPI / dpi)
        small = image
        if scale < 1.0:
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        found = self._loaded()(small, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return []
        return [np.asarray(box, np.float64) / scale for box in found.boxes]

    def _best_reading(self, image: Pixels, quad: Quad) -> Reading:
        """Reads a detected line; a tall one in every direction it may run, since a digit is tall as well."""
        width, height = _size(quad)
        if min(width, height) < 2:
            return 0.0, []
        if height < _TALL * width:
            turns: tuple[int, ...] = (0,)
        else:
            turns = (0, 1, 3) if height < _VERTICAL * width else (1, 3)
        readings = [self._recognize(image, np.roll(quad, turn, axis=0)) for turn in turns]
        score, words = max(readings, key=lambda reading: reading[0])
        return (score, words) if score >= _MIN_SCORE else (score, [])

    def _recognize(self, image: Pixels, quad: Quad) -> Reading:
        crop = _cut(image, quad)
        result = self._loaded()(crop, use_det=False, use_cls=False, use_rec=True, return_word_box=True)
        if not result.txts or not result.txts[0].strip() or not result.word_results[0]:
            return 0.0, []
        info = result.word_results[0]
        confidences = [c for char, c in zip(result.txts[0], info.confs, strict=False) if not char.isspace()]
        return float(result.scores[0]), _words_along(quad, info, confidences)

    def _loaded(self) -> Any:
        if self._engine is None:
            from rapidocr import RapidOCR  # late: importing it costs a second, and most documents need no OCR

            logging.getLogger("RapidOCR").setLevel(logging.ERROR)
            self._engine = RapidOCR(
                params={
                    "Global.log_level": "error",
                    "Global.use_cls": False,
                    "Global.use_preprocess_img": False,
                    "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                    "Det.limit_side_len": 32,
                    "Rec.rec_img_shape": [3, 48, 48],
                    "Rec.rec_batch_num": 1,
                }
            )
        return self._engine


def _size(quad: Quad) -> tuple[float, float]:
    """Width along the text and height across it, of a quadrilateral."""
    top, right, bottom, left = (np.linalg.norm(quad[i] - quad[(i + 1) % 4]) for i in range(4))
    return float(max(top, bottom)), float(max(left, right))


def _cut(image: Pixels, quad: Quad) -> Pixels:
    """The quadrilateral, straightened."""
    width, height = (max(1, round(side)) for side in _size(quad))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    return cv2.warpPerspective(  # type: ignore[return-value]
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _words_along(quad: Quad, info: Any, confidences: list[float]) -> list[OcrWord]:
    """Words of a recognised line with their share of its quadrilateral.

    The recogniser tells for each character the column of its grid in which it fired, about the character's
    middle; a word reaches half a character further at both ends, but not into its neighbours.
    """
    columns = max(float(info.line_txt_len), 1.0)
    spans = [(cells[0] + 0.5, cells[-1] + 0.5) for cells in info.word_cols]
    pitches = [
        (last - first) / (len(c) - 1)
        for (first, last), c in zip(spans, info.words, strict=True)
        if len(c) > 1
    ]
    half = float(np.median(pitches)) / 2 if pitches else columns / max(2, 2 * len(spans))
    words: list[OcrWord] = []
    used = 0
    for index, (first, last) in enumerate(spans):
        before = (spans[index - 1][1] + first) / 2 if index else 0.0
        after = (last + spans[index + 1][0]) / 2 if index + 1 < len(spans) else columns
        text = "".join(info.words[index])
        share = max(before, first - half) / columns, min(after, last + half, columns) / columns
        scores = confidences[used : used + len(text)]
        used += len(text)
        confidence = float(np.mean(scores)) if scores else 0.0
        words.append(OcrWord(text.translate(_HALF_WIDTH), _between(quad, *share), round(confidence, 3)))
    return words


def _between(quad: Quad, start: float, end: float) -> Quad:
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    return np.array(
        [quad[0] + start * top, quad[0] + end * top, quad[3] + end * bottom, quad[3] + start * bottom]
    )
