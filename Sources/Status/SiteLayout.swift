internal import Platform
public import Site

/// The machines of the container as the site file names them: what the mimic is drawn from and what
/// Redfish calls its resources. Fixed while the site file stands.
public struct SiteLayout: Equatable, Sendable {
    public struct Machine: Equatable, Sendable {
        /// The first word of all its points.
        public var name: String
        public var title: String
        public var kind: EquipmentProfile.Kind
        public var manufacturer: String
        public var model: String
        public init(name: String, title: String, kind: EquipmentProfile.Kind, manufacturer: String, model: String) {
            self.name = name
            self.title = title
            self.kind = kind
            self.manufacturer = manufacturer
            self.model = model
        }
    }

    public var machines: [Machine]
    /// Machines whose meters make up the whole container, and its racks: where they stand in the power path.
    public var totalMeters: [String] = []
    public var rackMeters: [String] = []

    public init(machines: [Machine] = []) { self.machines = machines }

    public init(_ plan: SitePlan) {
        machines = plan.modbus.buses.flatMap(\.units).map { unit in
            Machine(
                name: unit.name, title: unit.title.isEmpty ? unit.profile.title : unit.title, kind: unit.profile.kind,
                manufacturer: unit.profile.manufacturer, model: unit.profile.model)
        }
        let effectiveness = plan.control.effectiveness
        func devices(_ points: [String]?) -> [String] {
            (points ?? []).map { point in String(point.prefix { $0 != "." }) }
        }
        totalMeters = devices(effectiveness?.totalMeters)
        rackMeters = devices(effectiveness?.itMeters)
    }
}

extension ByteWriter {
    /// `/v1/layout`.
    mutating func writeLayout(_ layout: SiteLayout) {
        beginObject()
        objects("machines", layout.machines) { writer, machine in
            writer.field("name", machine.name)
            writer.field("title", machine.title)
            writer.field("kind", machine.kind.rawValue)
            writer.field("manufacturer", machine.manufacturer)
            writer.field("model", machine.model)
        }
        texts("total", layout.totalMeters)
        texts("it", layout.rackMeters)
        endObject()
        append("\n")
    }
}
