// Diagnostics: The technicians' subcommands, as values in one table. It must never need a running
// agent where the device itself can be asked.
