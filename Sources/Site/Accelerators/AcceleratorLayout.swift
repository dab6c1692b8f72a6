/// How one family of cards shows itself under /sys: which cards it is for, where its files are, what
/// each says and when that is a fault. A file in Hardware/accelerators/, not code.
public struct AcceleratorLayout: Equatable, Sendable {
    /// Which cards on the PCI bus are read by this layout.
    public struct Match: Equatable, Sendable {
        public var vendorID: Int
        /// Empty: every device of the vendor whose class is one of `classes`.
        public var deviceIDs: [Int]
        /// The upper 16 bits of the PCI class code: 0x1200 is a processing accelerator.
        public var classes: [Int]
        public var model: String
        public init(vendorID: Int, deviceIDs: [Int], classes: [Int], model: String) {
            self.vendorID = vendorID
            self.deviceIDs = deviceIDs
            self.classes = classes
            self.model = model
        }
    }

    /// A folder that belongs to a card.
    public struct Place: Equatable, Sendable {
        public enum Kind: Equatable, Sendable {
            /// A hwmon chip below the PCI device, by the text of its `name` file.
            case hwmon(name: String)
            /// An entry of a class folder ("class/rngd_mgmt"), tied to the card by `join`.
            case entry(folder: String, pattern: String, join: Join)
        }
        public enum Join: Equatable, Sendable {
            /// The entry has a file that holds the card's PCI address (virtual class devices).
            case attribute(String)
            /// The entry is a link whose target lies below the card's PCI device.
            case path
            /// Nothing ties them: entries in number order belong to cards in address order, and only
            /// while there are as many of one as of the other.
            case order
        }
        public var name: String
        public var kind: Kind
        public init(name: String, kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    /// One line of the kernel log that concerns a card.
    public struct LogPattern: Equatable, Sendable {
        /// Literal text, in which `{address}` stands for a PCI address and `{code}` for a number.
        public var text: String
        /// Codes for which this pattern holds; empty: all.
        public var codes: [Int]
        public var verdict: Verdict
        public init(text: String, codes: [Int], verdict: Verdict) {
            self.text = text
            self.codes = codes
            self.verdict = verdict
        }
    }

    public var name: String
    public var title: String
    public var vendor: String
    public var matches: [Match]
    /// Kernel drivers that should be bound; empty: any.
    public var drivers: [String]
    public var places: [Place]
    public var attributes: [AcceleratorAttribute]
    public var kernelLog: [LogPattern]
    /// False where the vendor shows its state only through ioctls: health then rests on the bus alone.
    public var hasVendorTelemetry: Bool

    public init(
        name: String, title: String, vendor: String, matches: [Match], drivers: [String] = [], places: [Place] = [],
        attributes: [AcceleratorAttribute] = [], kernelLog: [LogPattern] = [], hasVendorTelemetry: Bool = true
    ) {
        self.name = name
        self.title = title
        self.vendor = vendor
        self.matches = matches
        self.drivers = drivers
        self.places = places
        self.attributes = attributes
        self.kernelLog = kernelLog
        self.hasVendorTelemetry = hasVendorTelemetry
    }

    /// The model that a card of these ids is, when this layout is for it.
    public func match(vendorID: Int, deviceID: Int, classCode: Int) -> Match? {
        matches.first { match in
            match.vendorID == vendorID && (match.deviceIDs.isEmpty || match.deviceIDs.contains(deviceID))
                && (match.classes.isEmpty || match.classes.contains(classCode >> 8))
        }
    }
}

/// What a fault of a card amounts to, and what a person should do about it.
public struct Verdict: Equatable, Sendable {
    /// A stable word for programs: "temperature.hot".
    public var code: String
    /// One sentence for people.
    public var text: String
    public var health: AcceleratorHealth
    public var action: Action

    public enum Action: String, CaseIterable, Sendable { case observe, drain, reset, reboot, replace }

    public init(code: String, text: String, health: AcceleratorHealth, action: Action) {
        self.code = code
        self.text = text
        self.health = health
        self.action = action
    }
}
