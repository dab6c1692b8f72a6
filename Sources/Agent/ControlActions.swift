internal import Platform
internal import Site
internal import Status

/// What people and programs may ask of Control: POST /v1/actions/NAME with a JSON object. Each is
/// handed to the control loop and answered when what it changed is in the journal.
enum ControlActions {
    static func table(_ requests: Mailbox<ControlRequest>) -> [String: StatusAction] {
        [
            "acknowledge": asking(requests) { (body) throws(Malformed) in
                if body["all"]?.bool == true { return .acknowledgeAll }
                return .acknowledge(alarm: try text(body, "alarm"))
            },
            "shelve": asking(requests) { (body) throws(Malformed) in
                .shelve(
                    alarm: try text(body, "alarm"), span: try span(body, "seconds", 60...86_400),
                    reason: try text(body, "reason"))
            },
            "unshelve": asking(requests) { (body) throws(Malformed) in .unshelve(alarm: try text(body, "alarm")) },
            "arm": asking(requests) { (body) throws(Malformed) in
                guard let state = ArmingState(rawValue: try text(body, "state")), state == .stay || state == .away
                else { throw Malformed("'state' must be stay or away") }
                return .arming(.arm(state))
            },
            "disarm": asking(requests) { (_) throws(Malformed) in .arming(.disarm) },
            "bypass": asking(requests) { (body) throws(Malformed) in .arming(.bypass(zone: try text(body, "zone"))) },
            "unbypass": asking(requests) { (body) throws(Malformed) in .arming(.unbypass(zone: try text(body, "zone")))
            },
            "walk-test": asking(requests) { (body) throws(Malformed) in
                guard let on = body["on"]?.bool else { throw Malformed("'on' must be true or false") }
                return .arming(.walkTest(on))
            },
            "power-target": { call in
                do throws(Malformed) {
                    let target = try target(call.body, call.actor.name, SystemTime().now().wall)
                    ask(requests, call, .powerTargets([target]))
                } catch { call.refuse(400, error.text) }
            },
            "write": asking(requests) { (body) throws(Malformed) in
                guard let value = body["value"]?.number else { throw Malformed("'value' must be a number") }
                return .write(
                    point: try text(body, "point"), value: value, purpose: try text(body, "purpose"),
                    hold: body["hold-seconds"] == nil ? nil : try span(body, "hold-seconds", 1...7 * 86_400))
            },
        ]
    }

    struct Malformed: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private static func asking(
        _ requests: Mailbox<ControlRequest>, _ read: @escaping @Sendable (JSON) throws(Malformed) -> ControlRequest.Kind
    ) -> StatusAction {
        { call in
            do throws(Malformed) {
                ask(requests, call, try read(call.body))
            } catch { call.refuse(400, error.text) }
        }
    }

    private static func ask(_ requests: Mailbox<ControlRequest>, _ call: ActionCall, _ kind: ControlRequest.Kind) {
        let request = ControlRequest(actor: call.actor, kind: kind) { answer in tell(call, answer) }
        if !requests.send(request) { call.refuse(503, "the control loop has too much to do: try again") }
    }

    /// `watts` (none: what is set is removed), `feeds` (none: all), `start` and `end` in epoch milliseconds
    /// (none: now, until replaced).
    private static func target(_ body: JSON, _ actor: String, _ now: WallTime) throws(Malformed) -> PowerTarget {
        func moment(_ key: String) throws(Malformed) -> WallTime? {
            guard let value = body[key] else { return nil }
            guard let number = value.number, (0...4e12).contains(number) else {
                throw Malformed("'\(key)' must be a time in milliseconds since 1970")
            }
            return WallTime(milliseconds: Int64(number))
        }
        var feeds: [String] = []
        for feed in body["feeds"]?.array ?? [] {
            guard let tag = feed.string else { throw Malformed("'feeds' must be a list of feeds' tags") }
            feeds.append(tag)
        }
        if let watts = body["watts"], watts.number == nil { throw Malformed("'watts' must be a number") }
        return PowerTarget(
            id: body["id"]?.string ?? "\(actor) \(now.rfc3339)", feeds: feeds, start: try moment("start") ?? now,
            end: try moment("end"), watts: body["watts"]?.number, actor: actor)
    }

    private static func tell(_ call: ActionCall, _ answer: ControlAnswer) {
        switch answer {
        case .refused(let why): call.refuse(409, why)
        case .notFound(let why): call.refuse(404, why)
        case .forbidden(let why): call.refuse(403, why)
        case .done(let text): tell(call, outcome: "done", text)
        case .written(.confirmed(let value)): tell(call, outcome: "confirmed", "reads back \(value)")
        case .written(.mismatch(let readBack)):
            tell(call, outcome: "mismatch", "the device said yes and reads back \(readBack)")
        case .written(.rejected(let why)): tell(call, outcome: "rejected", why)
        case .written(.unknown(let why)): tell(call, outcome: "unknown", why)
        }
    }

    private static func tell(_ call: ActionCall, outcome: String, _ text: String) {
        call.answer { writer in
            writer.beginObject()
            writer.field("outcome", outcome)
            writer.field("text", text)
            writer.endObject()
        }
    }

    private static func text(_ body: JSON, _ key: String) throws(Malformed) -> String {
        guard let text = body[key]?.string, !text.isEmpty else { throw Malformed("'\(key)' must be a text") }
        return text
    }

    private static func span(_ body: JSON, _ key: String, _ seconds: ClosedRange<Double>) throws(Malformed)
        -> Nanoseconds
    {
        guard let number = body[key]?.number, seconds.contains(number) else {
            throw Malformed("'\(key)' must be from \(Int(seconds.lowerBound)) to \(Int(seconds.upperBound))")
        }
        return Nanoseconds(seconds: number)
    }
}
