/// What a number measures. The raw value is how profiles and screens write it.
public enum Unit: String, CaseIterable, Sendable {
    case none = ""
    case celsius = "C"
    case kelvinDifference = "K"
    case percent = "%"
    case volts = "V"
    case amperes = "A"
    case watts = "W"
    case kilowatts = "kW"
    case voltAmperes = "VA"
    case kilovoltAmperes = "kVA"
    case voltAmperesReactive = "var"
    case kilovoltAmperesReactive = "kvar"
    case wattHours = "Wh"
    case kilowattHours = "kWh"
    case hertz = "Hz"
    case pascals = "Pa"
    case kilopascals = "kPa"
    case bar = "bar"
    case litresPerMinute = "LPM"
    case cubicMetresPerHour = "m3/h"
    case litres = "L"
    case revolutionsPerMinute = "rpm"
    case seconds = "s"
    case minutes = "min"
    case hours = "h"
    case ampereHours = "Ah"
    case bytes = "B"
    case megahertz = "MHz"
    case joules = "J"
    case count = "count"
    case perMinute = "1/min"
    case gigatransfersPerSecond = "GT/s"
    case gramsPerKilogram = "g/kg"
    case microsiemensPerCentimetre = "uS/cm"
    case volumePercent = "vol%"
    case metresPerSecond = "m/s"
    case decibels = "dB"
    case epochMilliseconds = "ms-epoch"

    /// The base unit that metric names end in, and what to multiply by to get there.
    public var base: (suffix: String, factor: Double) {
        switch self {
        case .none: ("", 1)
        case .celsius: ("celsius", 1)
        case .kelvinDifference: ("kelvin", 1)
        case .percent, .volumePercent: ("ratio", 0.01)
        case .volts: ("volts", 1)
        case .amperes: ("amperes", 1)
        case .watts: ("watts", 1)
        case .kilowatts: ("watts", 1000)
        case .voltAmperes: ("voltamperes", 1)
        case .kilovoltAmperes: ("voltamperes", 1000)
        case .voltAmperesReactive: ("vars", 1)
        case .kilovoltAmperesReactive: ("vars", 1000)
        case .wattHours: ("joules", 3600)
        case .kilowattHours: ("joules", 3_600_000)
        case .hertz: ("hertz", 1)
        case .megahertz: ("hertz", 1_000_000)
        case .pascals: ("pascals", 1)
        case .kilopascals: ("pascals", 1000)
        case .bar: ("pascals", 100_000)
        case .litresPerMinute: ("cubic_meters_per_second", 1.0 / 60_000)
        case .cubicMetresPerHour: ("cubic_meters_per_second", 1.0 / 3600)
        case .litres: ("cubic_meters", 0.001)
        case .revolutionsPerMinute: ("rpm", 1)
        case .seconds: ("seconds", 1)
        case .minutes: ("seconds", 60)
        case .hours: ("seconds", 3600)
        case .ampereHours: ("coulombs", 3600)
        case .bytes: ("bytes", 1)
        case .joules: ("joules", 1)
        case .count: ("", 1)
        case .perMinute: ("per_minute", 1)
        case .gigatransfersPerSecond: ("transfers_per_second", 1_000_000_000)
        case .gramsPerKilogram: ("ratio", 0.001)
        case .microsiemensPerCentimetre: ("siemens_per_meter", 0.0001)
        case .metresPerSecond: ("meters_per_second", 1)
        case .decibels: ("decibels", 1)
        case .epochMilliseconds: ("seconds", 0.001)
        }
    }
}
