internal import Site

extension Shape where Value == AcceleratorsPlan {
    /// The site file's `accelerators` section.
    static func accelerators(_ library: HardwareLibrary) -> Shape {
        .object("accelerators") { _ in AcceleratorsPlan() }
    }
}
