"""An HTTP server that speaks the services' REST APIs on top of the local engine."""
