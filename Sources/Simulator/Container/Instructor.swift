/// What the instructor (or a test) has done to the container: causes only. Everything that follows
/// from them is the model's business.
struct Instructor: Equatable, Sendable {
    var mainsOff = false
    /// The network's voltage as a part of nominal: 0.8 is a brown-out.
    var mainsLevel = 1.0
    var gensetRefusesToStart = false
    var upsFault = false
    var batteryWorn = false
    var cracOff = false
    var chillerOff = false
    var pumpOff = false
    /// Coolant runs out of the loop and over the leak rope.
    var leak = false
    var smoke = false
    var doorsOpen: Set<String> = []
    /// Outdoor temperature, where the season's does not teach enough.
    var outdoor_C: Double?
    /// IT load as a part of what the racks can draw, nil: it wanders by itself.
    var load: Double?
}
