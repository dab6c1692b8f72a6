internal import Control
internal import Platform
internal import Site

/// What arrives at the control loop from other threads. Each tray is bounded; their sizes are what a
/// container can say between two turns of the loop, many times over.
struct RequestDesk {
    /// 64 lines x 16 edges, 256 units, 64 cards and the kernel's log at once.
    let events: Mailbox<EventDraft>
    /// People and upstream systems: a full tray answers "try again".
    let requests: Mailbox<ControlRequest>
    /// Tickets of events that the journal has taken.
    let journalled: Mailbox<UInt64>
    let writeResults: Mailbox<WriteResult>

    init() throws(SystemError) {
        events = try Mailbox(capacity: 4096)
        requests = try Mailbox(capacity: 256)
        journalled = try Mailbox(capacity: 65_536)
        writeResults = try Mailbox(capacity: 256)
    }

    /// What Control must look at as soon as it comes.
    var news: [Wakeup] { [events.wakeup, requests.wakeup, writeResults.wakeup] }
}
