"""The models trained on this machine: field extractor, key-value discovery."""
