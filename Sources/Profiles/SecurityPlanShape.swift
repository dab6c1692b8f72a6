internal import Site

extension Shape where Value == SecurityPlan {
    /// The site file's `security` section.
    static func security(_ library: HardwareLibrary) -> Shape {
        .object("security") { _ in SecurityPlan() }
    }
}
