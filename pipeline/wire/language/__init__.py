"""Codecs of the Language service: authoring and runtime, requests and answers, in both directions."""
