"""What the program costs: each row of a table of bounds, measured as ratios in one run.

`python -m bench` measures, `python -m bench.counts` compares what five core paths execute with what they did.
"""
