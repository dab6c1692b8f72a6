// Journal: Keeps events and history in SQLite so that no crash loses and no hand quietly changes
// them. It must never stop the agent from watching.
