"""`stampbot demo`: the processes of a whole small Wasteland, and one story played over it.

Only this room knows the sandbox.
"""
