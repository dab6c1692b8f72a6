internal import Site

extension Shape where Value == ControlPlan {
    /// The site file's `control` section.
    static func control(_ library: HardwareLibrary) -> Shape {
        .object("control") { _ in ControlPlan() }
    }
}
