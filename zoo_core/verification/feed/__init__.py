"""What a file is fed with when it is checked.

Open `rows.py` first: samples, noise, zeros, constants and extremes, drawn alike on every machine. `sizes.py` chooses
sizes for free axes; `vectors.py` writes and reads test vectors.
"""
