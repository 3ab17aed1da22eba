"""`python -m autograder` is the command `autograder`."""

from autograder.cli.start import main

main()
