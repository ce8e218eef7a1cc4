"""What a snapshot holds beside the pull itself: related rows on main, other commons, other uses of the evidence.

Import one module for one question.
"""
