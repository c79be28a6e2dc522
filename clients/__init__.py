"""Programs in many languages against a real gateway: the examples that callers copy, and clients made for Vertex AI."""
