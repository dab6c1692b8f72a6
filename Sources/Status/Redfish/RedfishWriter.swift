internal import Platform
internal import Site

/// One resource being written: its type names the schema it keeps to (DMTF bundle 2026.1).
struct RedfishWriter {
    var out = ByteWriter()
    private(set) var schema = ""

    /// `type` is "Chassis.v1_28_0.Chassis"; collections have no version.
    mutating func open(_ path: String, _ type: String, id: String?, name: String) {
        schema = String(type.prefix { $0 != "." })
        if let version = type.split(separator: ".").dropFirst().first, version.hasPrefix("v") {
            schema += "." + version
        }
        out.beginObject()
        out.field("@odata.id", path)
        out.field("@odata.type", "#" + type)
        out.field("Id", id)
        out.field("Name", name)
    }

    mutating func link(_ key: StaticString, _ path: String) {
        out.beginObject(key)
        out.field("@odata.id", path)
        out.endObject()
    }

    mutating func links(_ key: StaticString, _ paths: [String]) {
        out.beginArray(key)
        for path in paths {
            out.beginObject()
            out.field("@odata.id", path)
            out.endObject()
        }
        out.endArray()
    }

    /// A whole collection of links.
    mutating func collection(_ path: String, _ kind: String, name: String, _ members: [String]) {
        open(path, "\(kind)Collection.\(kind)Collection", id: nil, name: name)
        links("Members", members)
        out.field("Members@odata.count", members.count)
    }

    mutating func status(_ health: RedfishHealth, state: StaticString = "Enabled") {
        out.beginObject("Status")
        out.field("State", "\(state)")
        out.field("Health", health.rawValue)
        out.endObject()
    }

    /// Closes the resource and gives it its ETag, in the body and to be sent as the header.
    consuming func finish() -> (bytes: [UInt8], etag: String) {
        // FNV-1a: tells versions of one resource apart, nothing more.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in out.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let etag = "\"\(String(hash, radix: 16))\""
        out.field("@odata.etag", etag)
        out.endObject()
        return (out.bytes, etag)
    }
}

enum RedfishHealth: String, CaseIterable {
    case ok = "OK"
    case warning = "Warning"
    case critical = "Critical"

    /// What the alarms on a device, or on anything of it, come to.
    init(_ snapshot: SiteSnapshot, subject: String) {
        let worst = snapshot.alarms.filter { alarm in
            guard alarm.isActive, alarm.subject.hasPrefix(subject) else { return false }
            // "ups1.mode" is of "ups1", "ups10" is not.
            let next = alarm.subject.utf8.dropFirst(subject.utf8.count).first
            return next == nil || next == UInt8(ascii: ".")
        }.map(\.severity).max()
        self.init(worst)
    }

    init(_ severity: Severity?) {
        switch severity {
        case .critical, .major: self = .critical
        case .warning: self = .warning
        case .info, .notice, nil: self = .ok
        }
    }

    init(_ health: SiteHealth) {
        switch health {
        case .ok: self = .ok
        case .degraded: self = .warning
        case .fault: self = .critical
        }
    }
}

/// The messages of the Base registry that this service says.
enum RedfishMessage: Error, Equatable {
    case missing(String), unauthorized, privilege, method(String), malformed, query(String), unavailable, busy
    case changed, mediaType, propertyMissing(String), propertyValue(String, String), propertyUnknown(String)
    case exists(String), full, storage(String)

    var status: Int {
        switch self {
        case .missing: 404
        case .unauthorized: 401
        case .privilege: 403
        case .method: 405
        case .malformed, .propertyMissing, .propertyValue, .propertyUnknown: 400
        case .exists: 409
        case .changed: 412
        case .mediaType: 415
        case .query: 501
        case .unavailable, .full: 503
        case .storage: 500
        case .busy: 429
        }
    }

    private var parts: (id: String, text: String, resolution: String) {
        switch self {
        case .missing(let path):
            (
                "ResourceMissingAtURI", "The resource at the URI \(path) was not found.",
                "Use a URI that the service gave."
            )
        case .unauthorized:
            ("NoValidSession", "There is no valid session established with the implementation.", "Establish a session.")
        case .privilege:
            ("InsufficientPrivilege", "There are insufficient privileges for the operation.", "Use another account.")
        case .method:
            ("OperationNotAllowed", "The HTTP method is not allowed on this resource.", "See the Allow header.")
        case .malformed:
            (
                "MalformedJSON", "The request body could not be parsed as the JSON that was expected.",
                "Correct the body."
            )
        case .query(let name):
            ("QueryNotSupported", "Querying is not supported by the implementation: \(name).", "Remove the parameter.")
        case .unavailable:
            ("ServiceTemporarilyUnavailable", "The service is temporarily unavailable.", "Try again in a moment.")
        case .busy: ("ServiceTemporarilyUnavailable", "Too many attempts from this address.", "Wait, then try again.")
        case .changed:
            (
                "PreconditionFailed", "The ETag supplied did not match the ETag required to change this resource.",
                "Read the resource again."
            )
        case .mediaType: ("HeaderInvalid", "Header 'Content-Type' is invalid.", "Send application/json.")
        case .propertyMissing(let name):
            (
                "PropertyMissing", "The property \(name) is a required property and must be included in the request.",
                "Add the property."
            )
        case .propertyValue(let name, let value):
            (
                "PropertyValueError", "The value \(value) provided for the property \(name) is not valid.",
                "Correct the value."
            )
        case .propertyUnknown(let name):
            (
                "PropertyNotWritable", "The property \(name) is a read-only property and cannot be assigned a value.",
                "Remove the property."
            )
        case .exists(let name):
            ("ResourceAlreadyExists", "The requested resource already exists: \(name).", "Change the existing one.")
        case .full:
            (
                "EventSubscriptionLimitExceeded", "The event subscription failed due to the number of subscriptions.",
                "Remove one, then try again."
            )
        case .storage(let why):
            ("InternalError", "The request failed due to an internal service error: \(why).", "See the agent's log.")
        }
    }

    func write(_ out: inout ByteWriter) {
        let parts = self.parts
        out.beginObject()
        out.beginObject("error")
        out.field("code", "Base.1.19." + parts.id)
        out.field("message", parts.text)
        out.beginArray("@Message.ExtendedInfo")
        out.beginObject()
        out.field("@odata.type", "#Message.v1_2_1.Message")
        out.field("MessageId", "Base.1.19." + parts.id)
        out.field("Message", parts.text)
        out.field("MessageSeverity", "Warning")
        out.field("Resolution", parts.resolution)
        out.endObject()
        out.endArray()
        out.endObject()
        out.endObject()
    }
}
