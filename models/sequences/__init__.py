"""Clicks as sessions of numbered items with features: in training, in evaluation and on the stream alike."""
