"""Sinks beside SQL: one item per document, kept up to date. SQL stays the truth."""
