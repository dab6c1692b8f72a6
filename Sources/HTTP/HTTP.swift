// HTTP: One HTTP/1.1 server on epoll that can receive a body straight into the caller's memory.
// It must never trust a byte that a client sent.
