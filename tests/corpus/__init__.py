"""Documents for tests: broken and odd ones, written by a generator."""
