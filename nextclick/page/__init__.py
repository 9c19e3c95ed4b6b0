"""The page: clicks through Kafka, lists as they come, the workers' figures, a red button; `server.py` ties it up."""
