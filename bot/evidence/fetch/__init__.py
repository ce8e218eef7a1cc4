"""One fetch of a stranger's link: the URL is parsed, its address checked, and exactly that address is dialled.

Import `hop` for one request, `url` to read a link.
"""
