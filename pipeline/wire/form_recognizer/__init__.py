"""Form Recognizer v2.0-preview to v2.1: `decode` reads what the service says, `encode` says it."""
