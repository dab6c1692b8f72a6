internal import Platform
internal import Site

extension Shape where Value == UpstreamPlan {
    /// The site file's `upstream` section.
    static func upstream(_ library: HardwareLibrary) -> Shape {
        .object("upstream") { fields in
            var plan = UpstreamPlan()
            plan.brokers = fields.optional(
                "brokers", .list(of: .broker, atMost: 8), default: [], "MQTT brokers, tried in this order")
            plan.clientID = fields.optional(
                "client-id", .topicLevel, "How the broker knows this client; default mdc-agent-SITE")
            plan.cadence = fields.optional("publish", .cadence, default: CadencePlan(), "How often things are told")
            plan.deadbands = fields.optional(
                "deadbands", .list(of: .deadband), default: [], "Changes too small to be told at once")
            let exchange = fields.optional(
                "exchange", .dictionary(key: .pointName, of: .exchangeIdentity), default: [],
                "Who the devices are on the DSX Exchange bus, by device or the words that begin its points' names")
            plan.identities = exchange.map {
                var identity = $0.value
                identity.name = $0.key
                return identity
            }
            plan.events = fields.optional("events", .eventsUpstream, default: EventsUpstreamPlan(), "Events as told")
            plan.bytesPerSecondMax = fields.optional(
                "bytes-per-second", .integer(500...1_000_000_000), "What the link may carry; default no limit")
            plan.integrations = fields.optional(
                "integrations", .list(of: .integration, atMost: 32), default: [],
                "Who upstream may ask for changes, of which points, within which limits")
            plan.flex = fields.optional("flex", .flex, "The container as flexible load (DSX Flex)")
            plan.backfill = fields.optional(
                "backfill", .backfill, "Measurements of an outage that are told afterwards")
            plan.agentCheck = fields.optional(
                "agent-check", .agentCheck, default: AgentCheckPlan(),
                "Where HAProxy asks how much work this container wants")
            plan.points = plan.brokers.isEmpty ? [] : UpstreamPlan.ownPoints
            return plan
        }
    }
}

extension UpstreamPlan {
    static var ownPoints: [PointDefinition] {
        [
            PointDefinition(
                name: "upstream.connected", title: "Broker connected",
                kind: .state([StateText(code: 0, text: "disconnected"), StateText(code: 1, text: "connected")])),
            PointDefinition(name: "upstream.events-behind", title: "Events not acknowledged yet", unit: .count),
        ]
    }
}

extension Shape where Value == String {
    /// One level of an MQTT topic that every broker takes (nats-server refuses blanks and dots).
    static var topicLevel: Shape {
        .scalar(.string(pattern: "^[A-Za-z0-9_-]+$"), expected: "letters, digits, - and _") { text in
            isTopicLevel(text) ? text : nil
        }
    }

    /// A whole topic, without wildcards.
    static var topic: Shape {
        .scalar(
            .string(pattern: "^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"),
            expected: "topic levels of letters, digits, - and _, separated by /"
        ) { text in
            text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isTopicLevel) ? text : nil
        }
    }

    /// A point's name with * for any text.
    static var pointPattern: Shape {
        .scalar(.string(pattern: "^[a-z0-9.*-]+$"), expected: "a point's name, with * for any text") { text in
            let fits = text.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46 || $0 == 42
            }
            return fits && !text.isEmpty ? text : nil
        }
    }
}

private func isTopicLevel(_ text: some StringProtocol) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy {
            (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
        }
}

extension Shape where Value == BrokerPlan {
    static var broker: Shape {
        .object("a broker") { fields in
            let host = fields.required("host", .text, "Name or address")
            let tls = fields.optional("tls", .clientTLS, "TLS; with certificate and key the broker knows us by them")
            let port = fields.optional("port", .integer(1...65_535), "Default 1883, with tls 8883")
            let user = fields.optional("user", .text, "User name")
            let passwordFile = fields.optional("password-file", .text, "File that holds the user's password")
            let tokenFile = fields.optional("token-file", .text, "File that holds an OAuth2 access token")
            if user != nil, passwordFile == nil { fields.report("user", "'user' needs 'password-file'") }
            if passwordFile != nil, user == nil { fields.report("password-file", "'password-file' needs 'user'") }
            if tokenFile != nil, user != nil {
                fields.report("token-file", "'token-file' is sent as user 'oauthtoken': give no 'user' with it")
            }
            guard let host else { return nil }
            return BrokerPlan(
                host: host, port: port ?? (tls == nil ? 1883 : 8883), tls: tls, user: user,
                passwordFile: passwordFile, tokenFile: tokenFile)
        }
    }
}

extension Shape where Value == TLSPlan {
    static var clientTLS: Shape {
        .object("tls") { fields in
            let authority = fields.required("authority", .text, "PEM file: who may sign the broker's certificate")
            let certificate = fields.optional("certificate", .text, "PEM file: our certificate")
            let key = fields.optional("key", .text, "PEM file: our private key")
            if (certificate == nil) != (key == nil) {
                fields.report(certificate == nil ? "key" : "certificate", "'certificate' and 'key' go together")
            }
            guard let authority else { return nil }
            return TLSPlan(authorityFile: authority, certificateFile: certificate, keyFile: key)
        }
    }
}

extension Shape where Value == CadencePlan {
    static var cadence: Shape {
        .object("publish") { fields in
            let usual = CadencePlan()
            return CadencePlan(
                values: fields.optional(
                    "values", .duration(.seconds(1)...(.seconds(3600))), default: usual.values,
                    "Unchanged values are told again after this"),
                metadata: fields.optional(
                    "metadata", .duration(.seconds(1)...(.seconds(3600))), default: usual.metadata,
                    "Metadata are told again after this"),
                heartbeat: fields.optional(
                    "heartbeat", .duration(.seconds(1)...(.seconds(60))), default: usual.heartbeat,
                    "Time between heartbeats"),
                scan: fields.optional(
                    "scan", .duration(.milliseconds(20)...(.seconds(5))), default: usual.scan,
                    "How often the points are looked at for changes"))
        }
    }
}

extension Shape where Value == DeadbandPlan {
    static var deadband: Shape {
        .object("a deadband") { fields in
            let pattern = fields.required("points", .pointPattern, "Points, with * for any text")
            let absolute = fields.required(
                "absolute", .number(0...1e12), "The smallest change that is told, in the point's unit")
            guard let pattern, let absolute else { return nil }
            return DeadbandPlan(pattern: pattern, absolute: absolute)
        }
    }
}

extension Shape where Value == EventsUpstreamPlan {
    static var eventsUpstream: Shape {
        .object("events") { fields in
            EventsUpstreamPlan(
                topic: fields.optional("topic", .topic, "Default mdc/v1/SITE/events"),
                retention: fields.optional(
                    "retention", .duration(.zero...(.seconds(90 * 86_400))), default: .seconds(86_400),
                    "How far back events are told again when a broker has forgotten"))
        }
    }
}

extension Shape where Value == BackfillPlan {
    static var backfill: Shape {
        .object("backfill") { fields in
            let patterns = fields.required(
                "points", .list(of: .pointPattern, atLeast: 1), "Points whose history of an outage is told afterwards")
            return patterns.map(BackfillPlan.init(patterns:))
        }
    }
}

extension Shape where Value == AgentCheckPlan? {
    static var agentCheck: Shape {
        .object("agent-check") { fields in
            let usual = AgentCheckPlan()
            let isOn = fields.optional("enabled", .flag, default: true, "false: nobody listens")
            let plan = AgentCheckPlan(
                address: fields.optional("address", .text, default: usual.address, "Numeric address to listen on"),
                port: fields.optional("port", .integer(0...65_535), default: usual.port, "TCP port"),
                conserveWeightPercent: fields.optional(
                    "conserve-weight", .integer(1...100), default: usual.conserveWeightPercent,
                    "Percent of full weight while the posture is 'conserve'"))
            return .some(isOn ? plan : nil)
        }
    }
}
