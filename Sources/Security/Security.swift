// Security: GPIO lines made into zones - edges, debounce, supervision, quiet for what flaps. It must
// never call a line closed that it cannot read.
//
//     LineSource (GPIOSource, SimulatedSource) -> ZoneKeeper -> ZoneEngine -> Board, status, events
//
// SecurityRoom is the thread around them. What an alarm means (armed or not, bypassed, delayed) is
// Control's.
