internal import Platform
internal import Site

// What the `upstream` section says about the DSX Exchange bus: identities, integrations, flexible load.

extension Shape where Value == ExchangeIdentity {
    static var exchangeIdentity: Shape {
        .object("an exchange identity") { fields in
            let identity = ExchangeIdentity(
                name: "",
                objectType: fields.optional(
                    "object-type", .exchangeObjectType, "For its unmapped points; default: as its mapped points"),
                objectID: fields.optional("object-id", .text, "Stable id that consumers join by"),
                objectName: fields.optional("object-name", .text, "The name people know"),
                serves: fields.optional("serves", .list(of: .text), default: [], "objectIds of what it feeds"),
                associateID: fields.optional("associate-id", .text, "objectId of the object its points belong to"),
                processArea: fields.optional(
                    "process-area", .list(of: .text), default: [], "Where in the process, such as [Secondary, Supply]"),
                rackLocationName: fields.optional("rack-location-name", .text, "The rack's name"),
                rackLocationID: fields.optional("rack-location-id", .text, "The rack's id, agreed with IT"))
            if identity.associateID != nil, identity.objectID != nil || !identity.serves.isEmpty {
                fields.report(
                    "associate-id", "'associate-id' stands for 'object-id' and 'serves': give one or the other")
            }
            return identity
        }
    }
}

extension Shape where Value == String {
    static var exchangeObjectType: Shape { .choice(ExchangeNames.objectTypes.map { ($0, $0) }) }
}

enum ExchangeNames {
    static let objectTypes = [
        "Rack", "PowerMeter", "CDU", "CoolingTower", "HX", "CRAH", "CRAC", "AHU", "Chiller", "Tank", "Valve", "Pump",
        "Fan", "Damper", "Sensor", "BESS", "UPS", "ATS", "Generator", "Shunt", "Breaker", "System", "GenericObject",
    ]
}

extension Shape where Value == IntegrationPlan {
    static var integration: Shape {
        .object("an integration") { fields in
            let id = fields.required("id", .topicLevel, "Its name in topics")
            let timeout = fields.optional(
                "heartbeat-timeout", .duration(.seconds(1)...(.seconds(3600))), default: .seconds(30),
                "Silence after which its points go back to safe")
            let points = fields.required("points", .list(of: .integrationPoint, atLeast: 1), "What it may ask for")
            if id == "PUB" { fields.report("id", "'PUB' is the publisher's own name on the bus") }
            guard let id, let points else { return nil }
            return IntegrationPlan(id: id, heartbeatTimeout: timeout, points: points)
        }
    }
}

extension Shape where Value == IntegrationPlan.Point {
    static var integrationPoint: Shape {
        .object("an integration's point") { fields in
            let name = fields.required("point", .pointName, "The point that is changed")
            let objectType = fields.optional(
                "object-type", .exchangeObjectType, default: "GenericObject", "Object type")
            let pointType = fields.optional("point-type", .topicLevel, default: "GenericPoint", "Point type")
            let minimum = fields.required("minimum", .number(), "The least that may be asked for")
            let maximum = fields.required("maximum", .number(), "The most that may be asked for")
            let safe = fields.required("safe", .number(), "Where it goes when nobody good asks")
            let rate = fields.optional("change-per-minute", .number(0.000_001...1e12), "How fast it may move")
            guard let name, let minimum, let maximum, let safe else { return nil }
            if minimum >= maximum { fields.report("minimum", "'minimum' must be below 'maximum'") }
            if safe < minimum || safe > maximum { fields.report("safe", "'safe' lies outside minimum and maximum") }
            fields.whenWhole { plan, _, report in
                guard let fence = plan.control.writable.first(where: { $0.point == name }) else {
                    let text = "'\(name)' may not be written here, so every request would be refused: "
                    return report("point", text + "name it in control: writable:")
                }
                if fence.authority > .upstream {
                    let text = "'\(name)' is for a \(fence.authority.text) to write: give it "
                    report("point", text + "'authority: upstream' in control: writable:")
                }
            }
            return IntegrationPlan.Point(
                name: name, objectType: objectType, pointType: pointType, minimum: minimum, maximum: maximum,
                changePerMinuteMax: rate, safe: safe)
        }
    }
}

extension Shape where Value == FlexPlan {
    static var flex: Shape {
        .object("flex") { fields in
            let agent = fields.required("agent", .topicLevel, "Our name in topics and sources")
            let key = fields.required("key", .text, "PEM file: our signing key, P-256 or RSA")
            let keyID = fields.required("key-id", .text, "The name receivers know the key by")
            let callers = fields.required("callers", .list(of: .flexCaller, atLeast: 1), "Who may send commands")
            let statusEvery = fields.optional(
                "status-every", .duration(.seconds(1)...(.seconds(3600))), default: .seconds(60),
                "Time between power state snapshots")
            let tolerance = fields.optional(
                "clock-tolerance", .duration(.seconds(1)...(.seconds(86_400))), default: .seconds(300),
                "How far a command's time may be from ours")
            guard let agent, let key, let keyID, let callers else { return nil }
            return FlexPlan(
                agent: agent, keyFile: key, keyID: keyID, callers: callers, statusEvery: statusEvery,
                clockTolerance: tolerance)
        }
    }
}

extension Shape where Value == FlexPlan.Caller {
    static var flexCaller: Shape {
        .object("a caller") { fields in
            let role = fields.optional(
                "role", .choice([("isv", FlexPlan.Caller.Role.isv), ("infra", .infra)]), default: .isv,
                "isv sends load targets, infra tells what it enforced")
            let name = fields.required("name", .topicLevel, "Its name in topics and sources")
            let keys = fields.required("keys", .text, "File with its public keys (a JSON Web Key Set)")
            guard let name, let keys else { return nil }
            return FlexPlan.Caller(role: role, name: name, keySetFile: keys)
        }
    }
}
