/// Where messages leave: a broker connection, or a list in tests. It takes what it can carry now and
/// refuses the rest, so that no queue grows behind it.
protocol MessageSink: AnyObject {
    /// False while there is no connection, or while earlier bytes still wait for the network.
    var canTake: Bool { get }

    /// The message's number for acknowledgements, or nil when it was not taken.
    func publish(_ message: OutgoingMessage) -> Int32?
}

struct OutgoingMessage {
    var topic: String
    var payload: [UInt8]
    var qos: Int32 = 0
    var retain = false

    /// What it costs on the wire: MQTT's fixed header, lengths and packet number take at most 9 bytes.
    var byteCount: Int { topic.utf8.count + payload.count + 9 }
}

struct IncomingMessage: Equatable {
    var topic: String
    var payload: [UInt8]
    /// The broker's memory, not somebody who speaks now.
    var isRetained = false
}
