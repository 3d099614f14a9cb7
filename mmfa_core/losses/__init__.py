"""Losses: one family of terms a file, and their named weighted sum in terms.py."""
