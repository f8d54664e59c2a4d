"""What `zoo list` and `zoo info` show.

Open `listing.py` and `info.py` first. `shelf_rows.py` are runs and exports; `counting.py` counts parameters, in the
process of `counting_child.py`.
"""
