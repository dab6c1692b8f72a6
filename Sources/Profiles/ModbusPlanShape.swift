internal import Site

extension Shape where Value == ModbusPlan {
    /// The site file's `modbus` section.
    static func modbus(_ library: HardwareLibrary) -> Shape {
        .object("modbus") { _ in ModbusPlan() }
    }
}
