/// A whole container as its site file describes it, checked and resolved against the hardware library.
public struct SitePlan: Sendable {
    /// The word that names the container to the outside: in topics, metrics and event sources.
    public var name: String
    public var title: String
    public var modbus: ModbusPlan
    public var security: SecurityPlan
    public var accelerators: AcceleratorsPlan
    public var control: ControlPlan
    public var journal: JournalPlan
    public var status: StatusPlan
    public var inference: InferencePlan
    public var upstream: UpstreamPlan

    public init(
        name: String, title: String,
        modbus: ModbusPlan = ModbusPlan(),
        security: SecurityPlan = SecurityPlan(),
        accelerators: AcceleratorsPlan = AcceleratorsPlan(),
        control: ControlPlan = ControlPlan(),
        journal: JournalPlan = JournalPlan(),
        status: StatusPlan = StatusPlan(),
        inference: InferencePlan = InferencePlan(),
        upstream: UpstreamPlan = UpstreamPlan()
    ) {
        self.name = name
        self.title = title
        self.modbus = modbus
        self.security = security
        self.accelerators = accelerators
        self.control = control
        self.journal = journal
        self.status = status
        self.inference = inference
        self.upstream = upstream
    }

    /// Every point of the site, in Board order: devices first, what is computed from them last.
    public var points: [PointDefinition] {
        modbus.points + security.points + accelerators.points + inference.points + upstream.points
            + journal.points + status.points + control.points
    }
}
