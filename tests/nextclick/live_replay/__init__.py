"""Tests of nextclick/live_replay."""
