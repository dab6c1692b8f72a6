internal import Platform
internal import Site
internal import Synchronization

/// The journal's thread: takes what waits, writes it in one transaction (group commit), tells it.
final class JournalLoop: Sendable {
    private let plan: JournalPlan
    private let time: any TimeSource
    private let key: [UInt8]?
    private let inbox: JournalInbox
    private let memory: EventMemory
    private let history: HistoryInbox
    private let report: Latest<HistoryReport>
    private let status: Latest<JournalStatus>
    private let committed: @Sendable (JournalRoom.Committed) -> Void

    init(
        plan: JournalPlan, time: any TimeSource, key: [UInt8]?, inbox: JournalInbox, memory: EventMemory,
        history: HistoryInbox, report: Latest<HistoryReport>, status: Latest<JournalStatus>,
        committed: @escaping @Sendable (JournalRoom.Committed) -> Void
    ) {
        self.plan = plan
        self.time = time
        self.key = key
        self.inbox = inbox
        self.memory = memory
        self.history = history
        self.report = report
        self.status = status
        self.committed = committed
    }

    func run(until isStopping: borrowing Atomic<Bool>, _ heartbeat: Heartbeat) {
        let signer = key.flatMap { ChainSigner(pem: $0) }
        if key != nil, signer == nil {
            Log.write(
                .warning, "journal", "journal-key is no Ed25519 private key in PEM form: checkpoints are unsigned")
        }
        let writer = EventWriter(plan: plan, signer: signer, time: time, memory: memory)
        writer.open()
        publish(writer)
        var lastTicket: UInt64 = 0
        while true {
            // Read before the inbox is emptied: what was appended before the stop is in it.
            let isLast = isStopping.load(ordering: .acquiring)
            inbox.wakeup.wait(atMost: isLast ? .zero : .seconds(1))
            inbox.wakeup.drain()
            heartbeat.beat()
            let batch = inbox.takeAll()
            let written = writer.write(batch)
            inbox.unsaved.store(writer.unsavedCount, ordering: .relaxed)
            if writer.isDurable { inbox.durable.store(batch.ticket, ordering: .releasing) }
            // Also when all of a batch was dropped: whoever waits for its ticket must not wait for ever.
            if !written.isEmpty || batch.ticket > lastTicket {
                lastTicket = batch.ticket
                committed(JournalRoom.Committed(isDurable: writer.isDurable, ticket: batch.ticket, written: written))
            }
            if !written.critical.isEmpty { history.keep(around: written.critical) }
            writer.tick(time.now())
            publish(writer)
            heartbeat.beat()
            if isLast { break }
        }
        writer.close()
        publish(writer)
    }

    private func publish(_ writer: EventWriter) {
        let history = report.value
        let fresh = JournalStatus(
            isDurable: writer.isDurable, lastError: writer.trouble ?? history.trouble,
            lastSequence: writer.head.sequence,
            bytes: UInt64(writer.byteCount + history.byteCount), dropped: writer.dropped,
            droppedReadings: history.dropped)
        if fresh != status.value { status.publish(fresh) }
    }
}
