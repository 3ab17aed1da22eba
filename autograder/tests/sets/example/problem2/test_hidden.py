# kit-canary-6e62677261646572: not to be published
"""Hidden tests of Problem2."""
