"""Stories that are played on both engines of the sandbox, doltlite and a real Dolt, and whose answers are compared.

`python -m tests.fidelity` plays them on both. `test_corpus.py` plays them on doltlite, and compares with what Dolt
answered when the corpus was recorded.
"""
