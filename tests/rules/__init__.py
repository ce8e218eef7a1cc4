"""One table per rule: what it finds, what it lets pass, and where it cannot tell."""
