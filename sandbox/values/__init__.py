"""Values that every room of the sandbox uses: rows, pulls, events, refusals.

Nothing here imports another room.
"""
