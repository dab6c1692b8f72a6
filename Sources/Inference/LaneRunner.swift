internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// The lane's own side: loads the engine, says what the model looks like, then runs jobs until it is
/// told to stop or its parent is gone. The same code runs in a child process and in a thread.
final class LaneRunner {
    /// Descriptors that the parent hands over, in this order from 3 on.
    struct Descriptors {
        var control: Int32
        var pool: Int32
        var channel: Int32
        var signal: Int32
    }

    /// One message of the control socket; a description of 30 tensors needs less.
    static let messageBytesMax = 64 << 10

    private let descriptors: Descriptors
    private let channelMemory: MappedMemory
    private let channel: LaneChannel
    private let regions: RegionTable
    private let pool: MappedMemory
    private let lookAgain: Nanoseconds

    init(_ descriptors: Descriptors, lookAgain: Nanoseconds) throws(SystemError) {
        self.descriptors = descriptors
        self.lookAgain = lookAgain
        var size = stat()
        try checked(unsafe fstat(descriptors.pool, &size) == -1 ? -errno : 0, "fstat pool")
        pool = try MappedMemory(descriptor: descriptors.pool, byteCount: Int(size.st_size), access: .readWrite)
        channelMemory = try MappedMemory(
            descriptor: descriptors.channel, byteCount: LaneChannel.byteCount, access: .readWrite)
        channel = LaneChannel(unsafe Memory(channelMemory.bytes))
        regions = RegionTable(pool: unsafe Memory(pool.bytes))
    }

    /// The exit code of a lane process.
    func run() -> Int32 {
        let engine: any Engine
        do {
            let plan = try EnginePlan.decode(try receive())
            if plan.processor >= 0 { _ = cl_pin_thread(Int32(plan.processor)) }
            engine = try plan.makeEngine()
        } catch {
            send(LaneMessage.failed("\(error)"))
            return 1
        }
        send(LaneMessage.loaded(engine.description))
        serve(engine)
        return 0
    }

    private func serve(_ engine: any Engine) {
        var done: UInt32 = channel.finished
        var hadWork = false
        while !channel.shouldStop {
            channel.waitForJob(after: done, lookAgain: hadWork ? lookAgain : .zero, timeout: .seconds(1))
            hadWork = channel.submitted != done
            guard hadWork else { continue }
            let job = channel.job(done)
            job.begun = SystemTime.monotonic.nanoseconds
            job.copiedBytes = 0
            do {
                try perform(job, engine)
                job.outcome = .done
            } catch {
                job.outcome = .failed
                job.reason = "\(error)"
            }
            job.ended = SystemTime.monotonic.nanoseconds
            done &+= 1
            channel.finish(signal: descriptors.signal)
        }
    }

    private func perform(_ job: JobRecord, _ engine: any Engine) throws {
        switch job.kind {
        case .run:
            try engine.run(job, regions)
            for i in 0..<job.inputCount + job.outputCount where regions.isLost(job.place(i).region) {
                throw EngineFault("the client took its shared memory away while it was in use")
            }
        case .mapRegion:
            var descriptor: Int32 = -1
            var count: Int32 = 1
            var byte: UInt8 = 0
            let got = unsafe cl_recv_descriptors(descriptors.control, &byte, 1, &descriptor, &count)
            try checked(got, "receive a region's descriptor")
            guard count == 1 else { throw EngineFault("no descriptor came with the region") }
            defer { close(descriptor) }
            try regions.map(job.region, descriptor: descriptor, byteCount: job.regionBytes)
        case .forgetRegion:
            engine.forget(region: job.region)
            regions.forget(job.region)
        case nil: throw EngineFault("unknown job")
        }
    }

    private func receive() throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: LaneRunner.messageBytesMax)
        let got = try checked(
            unsafe bytes.withUnsafeMutableBytes { unsafe cl_recv(descriptors.control, $0.baseAddress, $0.count, 0) },
            "receive the lane's plan")
        return Array(bytes[..<got])
    }

    private func send(_ message: [UInt8]) {
        _ = unsafe message.withUnsafeBytes { unsafe cl_send(descriptors.control, $0.baseAddress, $0.count, 0) }
    }
}

/// The program's hidden second life: `mdc-agent lane`, started by the serving process only.
public enum InferenceLane {
    /// Runs a lane over the descriptors 3... and returns the process's exit code.
    public static func main(_ arguments: [String]) -> Int32 {
        _ = cl_die_with_parent(SIGKILL)
        _ = unsafe cl_set_thread_name("lane")
        let lookAgain = Nanoseconds(arguments.count > 1 ? Int64(arguments[1]) ?? 0 : 0)
        do {
            let runner = try LaneRunner(
                LaneRunner.Descriptors(control: 3, pool: 4, channel: 5, signal: 6), lookAgain: lookAgain)
            return runner.run()
        } catch {
            Log.write(.fault, "lane", "\(error)")
            return 70
        }
    }
}
