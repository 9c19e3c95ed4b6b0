"""Tests of golden lists."""
