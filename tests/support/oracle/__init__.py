"""The oracle: a second meaning of the language, in plain Python over dictionaries, read from the pages and not from the evaluator.

Random histories are played through both; where they differ, one of them is wrong.
"""
