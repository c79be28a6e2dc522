"""The Batch Jobs Gateway: accepts, checks, queues and submits Gemini batch prediction jobs for many teams."""
