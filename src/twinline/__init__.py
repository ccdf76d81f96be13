"""Twinline."""
