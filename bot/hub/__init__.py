"""Floor 2, DoltHub over HTTP: the errors, the SQL text, the wire format, the client, and reading what a pull changes."""
