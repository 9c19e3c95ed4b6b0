"""What is known of items: their contents, their age, how often and after what they are clicked."""
