// Modbus: asks every power and cooling machine on its bus, in few requests, and tells the Board what it
// answered and how far that may be trusted. It must never publish a number that the machine did not give
// in answer to the very request that asked for it, and never write but what the guard has passed.
