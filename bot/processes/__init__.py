"""Child processes of this one: started, watched, started again, ended; and the Redis that may come along.

`stampbot demo` and `stampbot run` stand on it.
"""
