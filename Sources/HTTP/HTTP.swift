// HTTP: One HTTP/1.1 server on epoll that can receive a body straight into the caller's memory.
// It must never trust a byte that a client sent.
//
// A stranger's tour: HTTPServer owns a ServerLoop per thread; a loop owns a table of Connections;
// a Connection feeds RequestParser, asks the HTTPService where the body should land, receives it
// there, hands over the Exchange, and sends what the Responder gave it. An answer may come from the
// loop's own thread or from any other.
