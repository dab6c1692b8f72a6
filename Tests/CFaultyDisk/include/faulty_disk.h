#pragma once

// A disk that fails when it is told to: SQLite's own way to the files, where files whose path has
// "faulty-disk" in it are written through here. For tests.

// Makes it SQLite's default; more than once does nothing.
void faulty_disk_install(void);

// From now on every write, sync and truncation ends with this code of SQLite's; 0: as the disk does.
void faulty_disk_fail(int code);
