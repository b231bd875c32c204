"""The parameter table: rows read, judged, changed. A faulty row is shown and left out; the others run."""
