internal import Site

extension Shape where Value == JournalPlan {
    /// The site file's `journal` section.
    static func journal(_ library: HardwareLibrary) -> Shape {
        .object("journal") { _ in JournalPlan() }
    }
}
