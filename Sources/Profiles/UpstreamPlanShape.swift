internal import Site

extension Shape where Value == UpstreamPlan {
    /// The site file's `upstream` section.
    static func upstream(_ library: HardwareLibrary) -> Shape {
        .object("upstream") { _ in UpstreamPlan() }
    }
}
