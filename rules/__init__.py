"""One file per rule; the catalogue finds them by themselves."""
