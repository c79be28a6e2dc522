"""BigQuery: datasets and tables in a folder, and the routes of its JSON API."""
