"""formpipe: forms in, typed rows out, driven by one parameter table."""
