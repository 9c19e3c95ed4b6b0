"""The worker without a broker: recorded clicks through its own pipeline, and the lists that it would have published."""
