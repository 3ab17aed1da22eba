"""Which answers of a class are alike beyond what everyone has: for a person to judge."""
