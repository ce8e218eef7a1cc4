"""Pages for validators: the backlog of a commons and one pull, from what the worker stored. No page asks DoltHub."""
