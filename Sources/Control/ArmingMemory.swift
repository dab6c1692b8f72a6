internal import Platform
internal import Site

// What outlives the agent: a container that was armed is armed when the agent comes back.
extension Arming {
    func remember(_ writer: inout ByteWriter, now: Moment) {
        writer.beginObject("arming")
        writer.field("state", state.rawValue)
        if let deadline { writer.field("until", now.advanced(by: deadline - now.monotonic).wall.milliseconds) }
        writer.beginArray("bypasses")
        for zone in zones.indices {
            guard let bypass = zones[zone].bypass else { continue }
            writer.beginObject()
            writer.field("zone", plan.zones[zone].name)
            writer.field("actor", bypass.actor)
            writer.field("until", bypass.ends.wall.milliseconds)
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("trips")
        for zone in zones.indices {
            guard let trip = zones[zone].trip else { continue }
            writer.beginObject()
            writer.field("zone", plan.zones[zone].name)
            writer.field("due", now.advanced(by: trip.due - now.monotonic).wall.milliseconds)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    mutating func recall(_ json: JSON, now: Moment) {
        guard let memory = json["arming"], !plan.zones.isEmpty else { return }
        if let text = memory["state"]?.string, let remembered = ArmingState(rawValue: text) { state = remembered }
        if state == .exiting || state == .entering {
            // The clock may have jumped meanwhile: never longer than such a time may be (120 s).
            let left = min(max(0, (memory["until"]?.number ?? 0) - Double(now.wall.milliseconds)), 120_000)
            deadline = now.monotonic + .milliseconds(Int64(left))
        }
        // Somebody came in before the agent went: the time to disarm runs on.
        for item in memory["trips"]?.array ?? [] {
            guard let name = item["zone"]?.string, let due = item["due"]?.number,
                let zone = plan.zones.firstIndex(where: { $0.name == name })
            else { continue }
            let left = min(max(0, due - Double(now.wall.milliseconds)), 60_000)
            zones[zone].trip = Trip(due: now.monotonic + .milliseconds(Int64(left)))
        }
        for item in memory["bypasses"]?.array ?? [] {
            guard let name = item["zone"]?.string, let until = item["until"]?.number,
                let zone = plan.zones.firstIndex(where: { $0.name == name })
            else { continue }
            let most = Double(plan.arming.bypassMax.wholeMilliseconds)
            let left = min(max(0, until - Double(now.wall.milliseconds)), most)
            zones[zone].bypass = Bypass(
                actor: item["actor"]?.string ?? "unknown", ends: now.advanced(by: .milliseconds(Int64(left))))
        }
    }
}
