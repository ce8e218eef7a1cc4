"""A DoltHub look-alike over doltlite: the demo, the test world, and the place to try a rule. Its own process."""
