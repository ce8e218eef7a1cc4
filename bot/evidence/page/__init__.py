"""What a fetched page means: its title, its words, whether it is parked or a login wall.

Import `content`.
"""
