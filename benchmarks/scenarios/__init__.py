"""What is measured, one question a file; each function measures one round of it."""
