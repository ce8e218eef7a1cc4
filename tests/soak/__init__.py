"""A soak: the whole bot as real processes, under random trouble, while people work; then an audit of what DoltHub shows."""
