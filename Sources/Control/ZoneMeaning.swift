internal import Platform
internal import Site

/// What a zone's states mean to the container: the places of its conditions among those of arming.
struct ZoneMeaning {
    /// Raised by the zone's alarm: fire, leak, tamper, intrusion...
    let alarm: Int
    /// Raised by a cut or shorted loop; for a tamper zone the same as its alarm. Nil: not supervised.
    let tamper: Int?
    /// Raised while nobody can say what the zone is.
    let fault: Int
    /// An intruder zone: its alarm counts only while armed.
    let dependsOnArming: Bool

    /// Appends the zone's conditions.
    init(_ zone: ZonePlan, _ conditions: inout [ConditionPlan]) {
        alarm = conditions.count
        conditions.append(ZoneMeaning.alarm(zone))
        if zone.kind == .tamper {
            tamper = alarm
        } else if zone.complement != nil {
            tamper = conditions.count
            conditions.append(
                ZoneMeaning.condition(
                    zone, "tamper", .major, "its loop is cut or shorted", isLatched: true, posture: .seal))
        } else {
            tamper = nil
        }
        fault = conditions.count
        conditions.append(
            ConditionPlan(
                id: zone.subject + ".fault", test: .external, severity: zone.is24Hour ? .major : .warning,
                subject: zone.subject, text: "\(zone.title) cannot be read: nobody knows its state",
                // A chip that is plugged over comes back within this.
                raiseAfter: .seconds(2), clearAfter: .seconds(2)))
        dependsOnArming = (zone.kind == .door || zone.kind == .motion) && !zone.is24Hour
    }

    private static func alarm(_ zone: ZonePlan) -> ConditionPlan {
        switch zone.kind {
        // Fire: no load, and nothing is wiped that a fire brigade's report may need.
        case .smoke: condition(zone, "fire", .critical, "smoke", isLatched: true, posture: .stop)
        // Water under live racks: finish what runs, take nothing new.
        case .leak: condition(zone, "leak", .major, "water where none belongs", isLatched: true, posture: .drain)
        // Somebody may have a hand on the machines: what is held in memory is wiped.
        case .tamper: condition(zone, "tamper", .critical, "tampered with", isLatched: true, posture: .seal)
        case .door: condition(zone, "intrusion", .critical, "opened while armed", isLatched: true, posture: .seal)
        case .motion:
            condition(
                zone, "intrusion", .critical, "somebody moves inside while armed", isLatched: true, posture: .seal)
        // The UPS says how long it lasts; what to do then is its conditions' and the site's rules'.
        case .mains: condition(zone, "mains-failed", .major, "the mains have failed", isLatched: false, posture: nil)
        case .contact: condition(zone, "active", .warning, "the contact is active", isLatched: false, posture: nil)
        }
    }

    private static func condition(
        _ zone: ZonePlan, _ name: String, _ severity: Severity, _ text: String, isLatched: Bool, posture: PostureState?
    ) -> ConditionPlan {
        ConditionPlan(
            id: "\(zone.subject).\(name)", test: .external, severity: severity, subject: zone.subject,
            text: "\(zone.title): \(text)", isLatched: isLatched, posture: posture)
    }
}
