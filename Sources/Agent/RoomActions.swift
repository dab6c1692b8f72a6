internal import Modbus
internal import Platform
internal import Site
internal import Status
internal import Upstream

/// What people ask of a room directly, because nothing in the container changes by it: questions to
/// machines on a bus, events sent upstream once more.
enum RoomActions {
    static func table(_ modbus: ModbusRoom, _ upstream: UpstreamRoom) -> [String: StatusAction] {
        [
            "modbus": { call in
                if let objection = objection(toModbus: call.body, of: call.actor) {
                    call.refuse(403, objection)
                    return
                }
                modbus.perform(call.body) { status, json in
                    call.answer(status) { writer in writer.value(rawJSON: json) }
                }
            },
            "upstream-replay": { call in
                if let objection = objection(to: "sending events again", of: call.actor) {
                    call.refuse(403, objection)
                    return
                }
                let refusal = upstream.replay(asked: call.body) { count in
                    call.answer { writer in
                        writer.beginObject()
                        writer.field("outcome", "done")
                        writer.field("events", count)
                        writer.endObject()
                    }
                }
                if let refusal { call.refuse(409, refusal) }
            },
        ]
    }

    /// Questions hold a bus up, and a trace shows what passes on it: that is for those who may also change
    /// things. The counters are for everybody who may act at all.
    static func objection(toModbus body: JSON, of actor: Actor) -> String? {
        body["do"]?.string == "stats" ? nil : objection(to: "asking machines on a bus", of: actor)
    }

    static func objection(to act: String, of actor: Actor) -> String? {
        actor.authority >= .technician
            ? nil
            : "\(act) needs the authority of the technician, \(actor.name) has that of the \(actor.authority.text)"
    }
}
