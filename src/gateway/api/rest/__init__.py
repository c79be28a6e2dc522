"""The API over REST: what Envoy's gRPC-JSON transcoder is told, and the services that it calls here.

Envoy, in front, turns HTTP and JSON into gRPC and back. It would lose what it does not know in a body, so bodies come
through as they were sent, to a twin of each service, and are read here.
"""
