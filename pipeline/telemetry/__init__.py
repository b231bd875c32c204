"""What a run tells of itself to those who watch: OpenTelemetry spans and metrics, a file for Prometheus."""
