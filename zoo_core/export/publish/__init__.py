"""The folder of an export: its place, its model card, and what Netron shows.

Open `publish.py` first: built beside its place as `.NAME.tmp`, and moved there only when it is verified and whole.
`card.py` writes the README.md, `attachment.py` the netron.json, `large_parts.py` what lies beside the model.
"""
