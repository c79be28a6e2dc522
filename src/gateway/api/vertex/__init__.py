"""`google.cloud.aiplatform.v1.JobService`, for batch prediction: the same use cases in Vertex's words."""
