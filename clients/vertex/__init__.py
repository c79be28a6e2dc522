"""Clients that were made for Vertex AI, each put through everything that a caller meets at the gateway."""
