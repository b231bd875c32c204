"""Bytes of a PDF or an image -> pages of words, lines, selection marks and tables (the layout)."""
