// Profiles: reads Hardware/ and the site file into plain values of Site. Every fault of every file is
// collected with file:line:column, what was found and what was expected; a value leaves this room only
// whole. It must never touch a device.
