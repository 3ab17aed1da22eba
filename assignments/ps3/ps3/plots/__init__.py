"""One helper for each kind of figure. Each returns its figure and prints one line with the message in numbers."""

from ps3.plots.charts import curve, dots, histograms, number_line, scatter
from ps3.plots.drawings import Stage, architecture
from ps3.plots.figure import METHODS, guess_text, register
from ps3.plots.grids import images, mask_over, matrix, patches, where_it_looked
from ps3.plots.live import Live
from ps3.plots.maps import feature_map, neighbours

__all__ = [
    "METHODS",
    "Live",
    "Stage",
    "architecture",
    "curve",
    "dots",
    "feature_map",
    "guess_text",
    "histograms",
    "images",
    "mask_over",
    "matrix",
    "neighbours",
    "number_line",
    "patches",
    "register",
    "scatter",
    "where_it_looked",
]
