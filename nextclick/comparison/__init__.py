"""Models compared click by click on one recording: pairing, intervals, slices, and the report."""
