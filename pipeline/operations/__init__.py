"""Long-running calls to a service: written down before they go out, kept in flight, asked for their end."""
