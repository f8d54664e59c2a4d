"""What is right: how far an output may be from the float64 reference, and the test that travels in the file.

Open `bounds.py` first: the bound of every output comes from the model's own rounding noise. `selections.py` compares
chosen rows as sets; `self_test.py` and `selection_test.py` are the tests in the file, which nobody believes unseen
(`plain_values.py`).
"""
