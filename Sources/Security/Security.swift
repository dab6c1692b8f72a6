// Security: GPIO lines made into zones: edges, debounce, supervision. It must never call a line
// closed that it cannot read.
