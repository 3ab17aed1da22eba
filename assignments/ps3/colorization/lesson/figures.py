"""The puzzle and the figures of the lesson on colourisation."""
