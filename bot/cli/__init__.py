"""The commands of the command line, by what they are about. `bot/__main__.py` puts them together."""
