"""Tests of prequential evaluation."""
