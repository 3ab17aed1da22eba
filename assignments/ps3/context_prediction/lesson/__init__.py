"""The lesson on context prediction."""
