// The program behind the lanes of the tests, and a bare server for measuring: a lane is a program of
// its own, and a test bundle cannot be started as one.
//   mdc-lane lane ...                                        (started by the server only)
//   mdc-lane serve MODELS PORT process|none [RING] [SHM]     serves until its standard input ends
import Glibc
import Inference
import Platform
import Profiles
import Site

@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "lane": exit(InferenceLane.main(arguments))
        case "serve" where arguments.count >= 4:
            do throws(SystemError) { try serve(arguments) } catch {
                Log.write(.fault, "mdc-lane", "\(error)")
                exit(1)
            }
        default: exit(64)
        }
    }

    private static func serve(_ arguments: [String]) throws(SystemError) {
        var plan = InferencePlan()
        plan.isEnabled = true
        plan.modelsFolder = arguments[1]
        plan.listen = ["127.0.0.1:" + arguments[2]]
        plan.isolation = LaneIsolation(rawValue: arguments[3]) ?? .process
        plan.socketPath = ""
        plan.ringPath = arguments.count > 4 && arguments[4] != "-" ? arguments[4] : nil
        if let text = unsafe getenv("MDC_LOOK_AGAIN_US"), let number = Int64(unsafe String(cString: text)) {
            plan.lookAgain = .microseconds(number)
        }
        plan.sharedMemory.isEnabled = arguments.count > 5
        plan.sharedMemory.prefixes = arguments.count > 5 ? [arguments[5]] : []
        let page = UnsafeMutableRawPointer.allocate(byteCount: PosturePage.byteCount, alignment: 64)
        unsafe page.initializeMemory(as: UInt8.self, repeating: 0, count: PosturePage.byteCount)
        let posture = unsafe PosturePage(at: page)
        let calm = Posture(state: .normal, reason: "test", since: WallTime(milliseconds: 0))
        posture.publish(calm, at: SystemTime.monotonic)
        var surroundings = InferenceServer.Surroundings()
        surroundings.onReady = {
            print("ready"); _ = fflush(nil)
        }
        let server = try InferenceServer(
            plan: plan, posture: posture, time: SystemTime(), readPlan: readModelPlan, surroundings: surroundings)
        try server.start()
        print("port", server.ports.first ?? 0)
        _ = fflush(nil)
        let ticker = try OwnerThread("posture") {
            while true {
                posture.publish(calm, at: SystemTime.monotonic)
                usleep(500_000)
            }
        }
        var byte: UInt8 = 0
        while unsafe read(STDIN_FILENO, &byte, 1) > 0 {}
        server.stop()
        _ = ticker
        exit(0)
    }
}

func readModelPlan(_ path: String) -> Result<ModelPlan, ModelPlanFault> {
    do throws(ModelFile.Refused) { return .success(try ModelFile.load(path)) } catch {
        return .failure(ModelPlanFault(error.faults.map(\.description).joined(separator: "; ")))
    }
}

/// Unbuffered: whoever reads waits for the line.
private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}
