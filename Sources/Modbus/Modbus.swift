// Modbus: A bus, its thread and the units on it: plans requests, asks, decodes, writes with
// readback. It must never turn a reply that is not the answer to its question into a reading.
