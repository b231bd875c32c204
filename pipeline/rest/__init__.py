"""One HTTP path to every Azure AI service: attempt in authentication in retry in operation."""
