"""The scoring stage: what is new in a backlog becomes typed rows."""
