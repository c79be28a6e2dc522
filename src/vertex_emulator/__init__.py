"""A local Vertex AI and Cloud Storage that speak the real wire protocols and really run batches."""
