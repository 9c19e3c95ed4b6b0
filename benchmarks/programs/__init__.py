"""What the benchmark runs as processes of their own, beside the worker and its peers."""
