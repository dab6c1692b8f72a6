public import Platform

/// Brokers, identities and what is reported to them.
public struct UpstreamPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]
    /// Tried in this order; none: nothing leaves the container.
    public var brokers: [BrokerPlan]
    /// Nil: "mdc-agent-" and the site's name. Two clients of one name would throw each other out.
    public var clientID: String?
    public var cadence: CadencePlan
    public var deadbands: [DeadbandPlan]
    /// Who the devices are on the DSX Exchange bus; the longest name that begins a point's name counts.
    public var identities: [ExchangeIdentity]
    public var events: EventsUpstreamPlan
    /// What a thin link may carry, in bytes per second; nil: no limit.
    public var bytesPerSecondMax: Int?
    public var integrations: [IntegrationPlan]
    public var flex: FlexPlan?
    public var backfill: BackfillPlan?
    /// Nil: switched off.
    public var agentCheck: AgentCheckPlan?

    public init(
        points: [PointDefinition] = [], brokers: [BrokerPlan] = [], clientID: String? = nil,
        cadence: CadencePlan = CadencePlan(), deadbands: [DeadbandPlan] = [], identities: [ExchangeIdentity] = [],
        events: EventsUpstreamPlan = EventsUpstreamPlan(), bytesPerSecondMax: Int? = nil,
        integrations: [IntegrationPlan] = [], flex: FlexPlan? = nil, backfill: BackfillPlan? = nil,
        agentCheck: AgentCheckPlan? = AgentCheckPlan()
    ) {
        self.points = points
        self.brokers = brokers
        self.clientID = clientID
        self.cadence = cadence
        self.deadbands = deadbands
        self.identities = identities
        self.events = events
        self.bytesPerSecondMax = bytesPerSecondMax
        self.integrations = integrations
        self.flex = flex
        self.backfill = backfill
        self.agentCheck = agentCheck
    }
}

/// One MQTT 3.1.1 broker and how the container shows who it is. Secrets stay in their files and are
/// read at every connection, so that they can be renewed under a running agent.
public struct BrokerPlan: Equatable, Sendable {
    public var host: String
    public var port: Int
    public var tls: TLSPlan?
    public var user: String?
    public var passwordFile: String?
    /// An OAuth2 access token: sent as the password of user `oauthtoken`.
    public var tokenFile: String?

    public init(
        host: String, port: Int = 1883, tls: TLSPlan? = nil, user: String? = nil, passwordFile: String? = nil,
        tokenFile: String? = nil
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.user = user
        self.passwordFile = passwordFile
        self.tokenFile = tokenFile
    }

    public var address: String { "\(tls == nil ? "mqtt" : "mqtts")://\(host):\(port)" }
}

public struct TLSPlan: Equatable, Sendable {
    /// Certificates of those whose signature makes a broker trusted.
    public var authorityFile: String
    /// The container's own certificate and key, for brokers that ask who it is (mTLS).
    public var certificateFile: String?
    public var keyFile: String?
    public init(authorityFile: String, certificateFile: String? = nil, keyFile: String? = nil) {
        self.authorityFile = authorityFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

/// How often things are told. The defaults are the bus's own rules.
public struct CadencePlan: Equatable, Sendable {
    public var values: Nanoseconds
    public var metadata: Nanoseconds
    public var heartbeat: Nanoseconds
    /// How often the Board is looked at for changes: with the way to the broker, what a change may take.
    public var scan: Nanoseconds
    public init(
        values: Nanoseconds = .seconds(100), metadata: Nanoseconds = .seconds(100),
        heartbeat: Nanoseconds = .seconds(10), scan: Nanoseconds = .milliseconds(100)
    ) {
        self.values = values
        self.metadata = metadata
        self.heartbeat = heartbeat
        self.scan = scan
    }
}

/// Changes smaller than this are not told until the cadence does.
public struct DeadbandPlan: Equatable, Sendable {
    /// A point's name, in which * stands for any text.
    public var pattern: String
    public var absolute: Double
    public init(pattern: String, absolute: Double) {
        self.pattern = pattern
        self.absolute = absolute
    }
}

/// A device (or a part of one) as the DSX Exchange bus knows it.
public struct ExchangeIdentity: Equatable, Sendable {
    /// The words that begin the names of its points: "ups1", "pdu1.branch2".
    public var name: String
    public var objectType: String?
    public var objectID: String?
    public var objectName: String?
    /// The objectIds of what it feeds.
    public var serves: [String]
    /// Set: the points belong to that object, and this device has no object of its own.
    public var associateID: String?
    public var processArea: [String]
    public var rackLocationName: String?
    public var rackLocationID: String?
    public init(
        name: String, objectType: String? = nil, objectID: String? = nil, objectName: String? = nil,
        serves: [String] = [], associateID: String? = nil, processArea: [String] = [],
        rackLocationName: String? = nil, rackLocationID: String? = nil
    ) {
        self.name = name
        self.objectType = objectType
        self.objectID = objectID
        self.objectName = objectName
        self.serves = serves
        self.associateID = associateID
        self.processArea = processArea
        self.rackLocationName = rackLocationName
        self.rackLocationID = rackLocationID
    }
}

public struct EventsUpstreamPlan: Equatable, Sendable {
    /// Nil: mdc/v1/{site}/events.
    public var topic: String?
    /// How far back events are told again when a broker has forgotten: an acknowledgement is no proof
    /// that it kept them.
    public var retention: Nanoseconds
    public init(topic: String? = nil, retention: Nanoseconds = .seconds(86_400)) {
        self.topic = topic
        self.retention = retention
    }
}

/// Somebody upstream who may ask for changes of named points, within limits.
public struct IntegrationPlan: Equatable, Sendable {
    public struct Point: Equatable, Sendable {
        /// The point that is changed: what the guard's allow-list knows.
        public var name: String
        public var pointType: String
        public var objectType: String
        public var minimum: Double
        public var maximum: Double
        /// How fast it may move.
        public var changePerMinuteMax: Double?
        /// What it goes back to when the integration is silent or asks for nonsense.
        public var safe: Double
        public init(
            name: String, objectType: String, pointType: String, minimum: Double, maximum: Double,
            changePerMinuteMax: Double? = nil, safe: Double
        ) {
            self.name = name
            self.objectType = objectType
            self.pointType = pointType
            self.minimum = minimum
            self.maximum = maximum
            self.changePerMinuteMax = changePerMinuteMax
            self.safe = safe
        }
    }
    public var id: String
    public var heartbeatTimeout: Nanoseconds
    public var points: [Point]
    public init(id: String, heartbeatTimeout: Nanoseconds, points: [Point]) {
        self.id = id
        self.heartbeatTimeout = heartbeatTimeout
        self.points = points
    }
}

/// The container as flexible load.
public struct FlexPlan: Equatable, Sendable {
    /// The agent's name in topics and sources.
    public var agent: String
    /// Our signing key (PEM, P-256 or RSA) and the name receivers know it by.
    public var keyFile: String
    public var keyID: String
    /// Who may send load targets: name and JSON Web Key Set file.
    public var callers: [Caller]
    public var statusEvery: Nanoseconds
    /// How far a command's own time may be from ours.
    public var clockTolerance: Nanoseconds

    public struct Caller: Equatable, Sendable {
        public enum Role: String, Sendable { case isv, infra }
        public var role: Role
        public var name: String
        public var keySetFile: String
        public init(role: Role, name: String, keySetFile: String) {
            self.role = role
            self.name = name
            self.keySetFile = keySetFile
        }
    }

    public init(
        agent: String, keyFile: String, keyID: String, callers: [Caller], statusEvery: Nanoseconds = .seconds(60),
        clockTolerance: Nanoseconds = .seconds(300)
    ) {
        self.agent = agent
        self.keyFile = keyFile
        self.keyID = keyID
        self.callers = callers
        self.statusEvery = statusEvery
        self.clockTolerance = clockTolerance
    }
}

/// What was measured while no broker was there, told afterwards on a topic of its own.
public struct BackfillPlan: Equatable, Sendable {
    public var patterns: [String]
    public init(patterns: [String]) { self.patterns = patterns }
}

/// Where HAProxy asks how much work this container wants.
public struct AgentCheckPlan: Equatable, Sendable {
    public var address: String
    public var port: Int
    /// Share of full weight while the posture is "conserve".
    public var conserveWeightPercent: Int
    public init(address: String = "127.0.0.1", port: Int = 9751, conserveWeightPercent: Int = 50) {
        self.address = address
        self.port = port
        self.conserveWeightPercent = conserveWeightPercent
    }
}
