"""What SQL has of documents, sent to the sinks beside it."""
