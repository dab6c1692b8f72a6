public import Platform

/// A card that the container should hold.
public struct ExpectedAccelerator: Sendable {
    /// The first word of its points: "npu0".
    public var name: String
    /// With the site's limits put in.
    public var layout: AcceleratorLayout
    /// What is written on the chassis beside it.
    public var slot: String?
    /// "0000:c3:00.0"
    public var address: String?
    public var serial: String?

    public init(
        name: String, layout: AcceleratorLayout, slot: String? = nil, address: String? = nil, serial: String? = nil
    ) {
        self.name = name
        self.layout = layout
        self.slot = slot
        self.address = address
        self.serial = serial
    }
}

/// The cards the container should hold and the layouts they are read by.
public struct AcceleratorsPlan: Sendable {
    public struct Intervals: Sendable {
        public var liveness: Nanoseconds = .seconds(1)
        public var fast: Nanoseconds = .seconds(2)
        public var slow: Nanoseconds = .seconds(30)
        public var rescan: Nanoseconds = .seconds(10)
        public init() {}

        public func of(_ tier: AcceleratorAttribute.Tier) -> Nanoseconds {
            switch tier {
            case .liveness: liveness
            case .fast: fast
            case .slow: slow
            case .once: .zero
            }
        }
    }

    /// The points that this section puts on the Board.
    public var points: [PointDefinition]
    /// False when the site file has no such section: then no thread is made.
    public var isPresent = false
    /// Where sysfs is: "/sys", or a tree that a simulator or a test made.
    public var root = "/sys"
    /// The kernel log to follow; nil: none.
    public var kernelLog: String? = "/dev/kmsg"
    /// Kernel hot-plug messages; only sensible with the real /sys.
    public var listensToUevents = true
    public var intervals = Intervals()
    /// A read that takes longer marks its card unresponsive.
    public var deadline: Nanoseconds = .seconds(2)
    /// A file that took longer than this three times is read once in ten slow intervals, and named.
    public var slowRead: Nanoseconds = .milliseconds(100)
    public var expected: [ExpectedAccelerator] = []
    /// Every layout in Hardware/, for cards that nobody expected.
    public var layouts: [AcceleratorLayout] = []
    /// Names kept free for such cards; more than these are listed in one finding, without points.
    public var spares: [String] = []
    public var allowsPowerCap = false
    /// How often each lane on a card is asked its model's known question; nil: not at all.
    public var canaryInterval: Nanoseconds?

    /// The word under which the room's own points stand.
    public static let roomName = "accelerators"

    public init(points: [PointDefinition] = []) {
        self.points = points
    }

    /// For a look without a site file: nothing is expected, and up to 16 cards are shown.
    public init(discovering layouts: [AcceleratorLayout]) {
        points = []
        isPresent = true
        kernelLog = nil
        self.layouts = layouts
        spares = (1...16).map { "card\($0)" }
        definePoints(generic: layouts.first { $0.name == "pci" })
    }

    /// Names and points are counted here, once: 3 + per card its layout's points + 2; per spare the
    /// generic layout's + 2.
    public mutating func definePoints(generic: AcceleratorLayout?) {
        points = [
            PointDefinition(
                name: "\(Self.roomName).present", title: "Accelerators on the bus", unit: .count,
                interval: intervals.rescan),
            PointDefinition(
                name: "\(Self.roomName).unwell", title: "Expected accelerators that are not ok", unit: .count,
                interval: intervals.rescan),
            PointDefinition(
                name: "\(Self.roomName).cooling", title: "Common cause of heat",
                kind: .state([StateText(code: 0, text: "ok"), StateText(code: 1, text: "all-hot")]),
                interval: intervals.rescan),
        ]
        for card in expected { points += cardPoints(card.name, card.layout) }
        for name in spares { points += cardPoints(name, generic) }
    }

    private func cardPoints(_ name: String, _ layout: AcceleratorLayout?) -> [PointDefinition] {
        var points = [
            PointDefinition(
                name: "\(name).health", title: "Health",
                kind: .state(AcceleratorHealth.allCases.map { StateText(code: $0.rawValue, text: $0.text) }),
                interval: intervals.liveness),
            PointDefinition(
                name: "\(name).temperature.highest", title: "Hottest sensor", unit: .celsius, interval: intervals.fast),
        ]
        for attribute in layout?.attributes ?? [] where !attribute.point.isEmpty {
            let fullName = "\(name).\(attribute.point)"
            if points.contains(where: { $0.name == fullName }) { continue }
            points.append(
                PointDefinition(
                    name: fullName, title: attribute.title, kind: attribute.pointKind, unit: attribute.unit,
                    interval: intervals.of(attribute.tier), isVerified: attribute.isVerified))
        }
        return points
    }
}
