"""Codecs between records and the JSON of the services: pure, no input or output."""
