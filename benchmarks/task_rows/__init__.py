"""What docs/tasks.md shows of each task: a module a task, with `rows()`."""
