"""Live counts proved through Kafka: test clicks replayed in real workers at a multiple of their own pace."""
