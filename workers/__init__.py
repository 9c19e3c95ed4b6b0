"""Online, without torch: artifact and clicks -> recommendations."""
