"""A folder of static pages."""
