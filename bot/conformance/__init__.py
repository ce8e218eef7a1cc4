"""What the bot assumes about DoltHub and no contract promises, as a catalogue that can be tried on a host.

`stampbot conformance` runs it. Each assumption names what depends on it and what a host that is different changes.
"""
