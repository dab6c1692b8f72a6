internal import Site

extension Shape where Value == InferencePlan {
    /// The site file's `inference` section.
    static func inference(_ library: HardwareLibrary) -> Shape {
        .object("inference") { _ in InferencePlan() }
    }
}
