"""Several processes, on one machine or many, that train one model together: all that the loop asks of them is in World.

Open `world.py` first: what a training asks of its processes, and the answers of one that is alone. `group.py` answers
by `torch.distributed`, and `sharded.py` where each has parts alone. `launching.py` starts processes, `meeting.py`
and `joined_group.py` bring them together; `telling.py` says who speaks, `process_rank.py` which one this is.
"""
