"""Floor 0, the words: frozen values that every other room speaks in. Standard library only."""
