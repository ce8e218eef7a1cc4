"""Two sides want something of one pull in the same moment, again and again: what comes of it must be true either way."""
