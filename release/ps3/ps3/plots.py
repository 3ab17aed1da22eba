"""One helper for each kind of figure. Each returns its figure and prints one line with the message in numbers."""

from ps3.charts import curve, dots, histograms, number_line, scatter
from ps3.figure import METHODS
from ps3.grids import images, mask_over, matrix, patches, where_it_looked
from ps3.live import Live

__all__ = [
    "METHODS",
    "Live",
    "curve",
    "dots",
    "histograms",
    "images",
    "mask_over",
    "matrix",
    "number_line",
    "patches",
    "scatter",
    "where_it_looked",
]
