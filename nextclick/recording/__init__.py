"""Recordings of topics: what a file of one holds, how it is written, read and checked, where its records come from."""
