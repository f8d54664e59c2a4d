"""The plugins that come with the zoo, registered by the same entry points as a stranger's."""
