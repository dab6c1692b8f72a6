internal import Modbus
internal import Platform
internal import Status
internal import Upstream

/// What people ask of a room directly, because nothing in the container changes by it: questions to
/// machines on a bus, events sent upstream once more.
enum RoomActions {
    static func table(_ modbus: ModbusRoom, _ upstream: UpstreamRoom) -> [String: StatusAction] {
        [
            "modbus": { call in
                modbus.perform(call.body) { status, json in
                    call.answer(status) { writer in writer.value(rawJSON: json) }
                }
            },
            "upstream-replay": { call in
                if let refusal = upstream.replay(asked: call.body) {
                    call.refuse(409, refusal)
                } else {
                    call.answer { writer in
                        writer.beginObject()
                        writer.field("outcome", "done")
                        writer.field("text", "sent again from there on")
                        writer.endObject()
                    }
                }
            },
        ]
    }
}
