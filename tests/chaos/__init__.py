"""Runs that are killed, paused, cut off and throttled, and what is in the database afterwards."""
