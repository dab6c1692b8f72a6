internal import Platform
internal import Site

extension Shape where Value == JournalPlan {
    /// The site file's `journal` section.
    static func journal(_ library: HardwareLibrary) -> Shape {
        .object("journal") { fields in
            let usual = JournalPlan()
            let megabytes = Shape<Int>.integer(1...1_000_000)
            return JournalPlan(
                folder: fields.optional(
                    "folder", .absolutePath, default: usual.folder, "Where journal.sqlite and history.sqlite stand"),
                eventBytesMax: fields.optional(
                    "events-megabytes", megabytes, default: usual.eventBytesMax >> 20, "The oldest events then give way"
                )
                    << 20,
                historyBytesMax: fields.optional(
                    "history-megabytes", megabytes, default: usual.historyBytesMax >> 20,
                    "The oldest readings then give way") << 20,
                fullRateFor: fields.optional(
                    "full-rate-for", .duration(.seconds(60) ... .seconds(90 * 86_400)), default: usual.fullRateFor,
                    "Every change is kept this long"),
                minutesFor: fields.optional(
                    "minutes-for", .duration(.seconds(3600) ... .seconds(3650 * 86_400)), default: usual.minutesFor,
                    "Minimum, mean and maximum of each minute are kept this long"),
                blackBoxAround: fields.optional(
                    "black-box", .duration(.zero ... .seconds(3600)), default: usual.blackBoxAround,
                    "Every change this long before and after a critical event is kept like the minutes"),
                eventsInMemoryMax: fields.optional(
                    "events-in-memory", .integer(100...1_000_000), default: usual.eventsInMemoryMax,
                    "Events held while the storage fails"))
        }
    }
}
