internal import Site

extension Shape where Value == StatusPlan {
    /// The site file's `status` section.
    static func status(_ library: HardwareLibrary) -> Shape {
        .object("status") { _ in StatusPlan() }
    }
}
