"""An export onto a hub that speaks the protocol of Hugging Face's, in one commit."""

from __future__ import annotations

from zoo_core import UsageError
from zoo_core.workflows.remote import Address, open_hub

from .content import MODEL, Content, Sent


def push_to_hub(content: Content, address: Address, *, replace: bool, private: bool) -> Sent:
    """Make the repository where there is none, and commit the files. Raises UsageError where it holds an export
    already, and as `open_hub`."""
    with open_hub(address) as hub:
        hub.create_repo(address.name, private=private, exist_ok=True)
        there = set(hub.list_repo_files(address.name, revision=address.tag))
        if MODEL in there and not replace:
            raise UsageError(
                f"{address} holds an export already", hint="another name, another branch after '@', or --replace"
            )
        from huggingface_hub import CommitOperationAdd

        files = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content.folder / name) for name in content.files]
        about = content.about["org.opencontainers.image.title"]
        made = hub.create_commit(
            address.name, files, commit_message=f"zoo push: {about}", revision=address.tag, repo_type="model"
        )
    return Sent(address=str(address), digest=str(made.oid))
