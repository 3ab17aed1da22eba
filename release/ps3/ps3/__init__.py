"""The library of problem set 3: data, networks, training, probes and plots.

Import the parts by name (`from ps3 import data, plots`); importing the package alone loads none of them.
"""
