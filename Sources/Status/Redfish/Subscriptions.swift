internal import HTTP
internal import Platform
internal import Site
import Synchronization

/// Somebody who asked to be told of events by POST, and how far they were told.
struct Subscription: Equatable, Sendable {
    struct Header: Equatable, Sendable {
        var name: String
        var value: String
    }

    var id: String
    var destination: String
    var context: String
    /// What the receiver wants to see, such as its own Authorization. Never shown to anybody.
    var headers: [Header]
    var checksCertificate: Bool
    var filter = EventFilter()
    /// Events up to this one have arrived.
    var sequence: UInt64
}

/// All of them, kept in a file of the state folder: a restart forgets nobody and goes on where each one was.
final class Subscriptions: Sendable {
    /// Each costs a connection a moment and a place in the file.
    static let limit = 16

    private struct State {
        var all: [Subscription] = []
        var failing: [String: String] = [:]
        var isUnsaved = false
    }

    private let path: String
    private let state: Mutex<State>

    init(stateFolder: String) {
        path = stateFolder + "/redfish-subscriptions.json"
        var all: [Subscription] = []
        do throws(SystemError) {
            let bytes = try readFile(path)
            if let json = try? JSON.parse(bytes) {
                all = (json.array ?? []).prefix(Subscriptions.limit).compactMap { Subscription(json: $0) }
            } else {
                Log.write(.warning, "status", "\(path) cannot be read: Redfish subscriptions begin anew")
            }
        } catch {
            if error.code != 2 { Log.write(.warning, "status", "\(error): Redfish subscriptions begin anew") }
        }
        state = Mutex(State(all: all))
    }

    var all: [Subscription] { state.withLock { $0.all } }
    func find(_ id: String) -> Subscription? { state.withLock { $0.all.first { $0.id == id } } }
    /// Why the last delivery failed; nil when it did not.
    func trouble(_ id: String) -> String? { state.withLock { $0.failing[id] } }
    var isEmpty: Bool { state.withLock { $0.all.isEmpty } }

    /// False when there are enough.
    func add(_ subscription: Subscription) throws(SystemError) -> Bool {
        let isAdded = state.withLock { state in
            guard state.all.count < Subscriptions.limit else { return false }
            state.all.append(subscription)
            return true
        }
        if isAdded { try save() }
        return isAdded
    }

    func change(_ id: String, _ body: (inout Subscription) -> Void) throws(SystemError) {
        state.withLock { state in
            if let index = state.all.firstIndex(where: { $0.id == id }) { body(&state.all[index]) }
        }
        try save()
    }

    func remove(_ id: String) throws(SystemError) -> Bool {
        let isRemoved = state.withLock { state in
            let before = state.all.count
            state.all.removeAll { $0.id == id }
            state.failing[id] = nil
            return state.all.count < before
        }
        if isRemoved { try save() }
        return isRemoved
    }

    /// The push thread's word; the file follows when `saveIfChanged` is called.
    func delivered(_ id: String, upTo sequence: UInt64) {
        state.withLock { state in
            guard let index = state.all.firstIndex(where: { $0.id == id }) else { return }
            state.all[index].sequence = max(state.all[index].sequence, sequence)
            state.failing[id] = nil
            state.isUnsaved = true
        }
    }

    func failed(_ id: String, _ why: String) { state.withLock { $0.failing[id] = why } }

    func saveIfChanged() {
        guard state.withLock({ $0.isUnsaved }) else { return }
        do throws(SystemError) { try save() } catch {
            // Told twice at worst: events keep their ids.
            Log.write(.warning, "status", "\(error): Redfish subscriptions are not kept over a restart")
        }
    }

    private func save() throws(SystemError) {
        var writer = ByteWriter()
        let all = state.withLock { state in
            state.isUnsaved = false
            return state.all
        }
        writer.beginArray()
        for subscription in all { subscription.write(&writer) }
        writer.endArray()
        writer.append("\n")
        // Headers hold the receivers' secrets.
        try replaceFile(path, writer.bytes, mode: 0o600)
    }
}

extension Subscription {
    fileprivate init?(json: JSON) {
        guard let id = json["id"]?.string, let destination = json["destination"]?.string,
            HTTPPoster.Target(destination) != nil, let sequence = json["sequence"]?.number, sequence >= 0
        else { return nil }
        self.init(
            id: id, destination: destination, context: json["context"]?.string ?? "",
            headers: (json["headers"]?.array ?? []).compactMap { header in
                guard let name = header["name"]?.string, let value = header["value"]?.string else { return nil }
                return Header(name: name, value: value)
            }, checksCertificate: json["checks_certificate"]?.bool ?? true, filter: EventFilter(json: json["filter"]),
            sequence: UInt64(sequence))
    }

    fileprivate func write(_ writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("id", id)
        writer.field("destination", destination)
        writer.field("context", context)
        writer.field("checks_certificate", checksCertificate)
        writer.field("sequence", sequence)
        writer.beginObject("filter")
        filter.write(&writer)
        writer.endObject()
        writer.beginArray("headers")
        for header in headers {
            writer.beginObject()
            writer.field("name", header.name)
            writer.field("value", header.value)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
