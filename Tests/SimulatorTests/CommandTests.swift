import Platform
import Testing

@testable import Simulator

@Suite struct CommandTests {
    private func parse(_ text: String) -> Result<Command?, Command.Fault> {
        do throws(Command.Fault) { return .success(try Command.parse(text)) } catch { return .failure(error) }
    }

    private func command(_ text: String) -> Command? { try? parse(text).get() }

    @Test func `an instructor's words mean what they say`() {
        #expect(command("mains off") == .container(.mains(0)))
        #expect(command("mains 80%") == .container(.mains(0.8)))
        #expect(command("door open") == .kind(.door, .alarm))
        #expect(command("door open DOOR2") == .line("DOOR2", .state(.alarm)))
        #expect(command("smoke") == .kind(.smoke, .alarm))
        #expect(command("leak off") == .kind(.leak, .normal))
        #expect(command("line TAMPER1 short") == .line("TAMPER1", .state(.short)))
        #expect(command("accel 2 hot") == .accelerator(2, .hot))
        #expect(command("accel 0 errors 40") == .accelerator(0, .errors(40)))
        #expect(command("unit 3 mute") == .machine(whom: "3", .fault(.mute, count: nil, span: nil)))
        #expect(command("late 200ms") == .machine(whom: nil, .fault(.late(.milliseconds(200)), count: nil, span: nil)))
        #expect(
            command("unit ups1 truncated for 10s")
                == .machine(whom: "ups1", .fault(.truncated, count: nil, span: .seconds(10))))
        #expect(command("unit ups1 busy once") == .machine(whom: "ups1", .fault(.exception(6), count: 1, span: nil)))
        #expect(command("chaos 5%") == .chaos(0.05))
        #expect(command("") == nil)
        #expect(command("# a note") == nil)
    }

    @Test(arguments: [
        "nonsense", "door", "door ajar", "mains", "mains 200%", "late", "late soon", "unit", "unit 3", "unit 3 happy",
        "unit 3 mute for", "unit 3 mute 0 times", "accel", "accel x hot", "accel 1 warm", "accel 1 errors many",
        "speed 0", "speed fast", "chaos 101", "line", "line A", "line A maybe", "exception 0", "outdoor hot",
    ])
    func `what cannot be understood is refused with what was expected`(_ text: String) {
        guard case .failure(let fault) = parse(text) else {
            Issue.record("'\(text)' was taken")
            return
        }
        #expect(fault.description.count > 8)
    }

    @Test func `options are understood, and wrong ones named`() {
        guard
            case .options(let options) = Options.parse([
                "--seed", "9", "--chaos", "5%", "--run-dir", "/r", "--speed", "60",
            ])
        else {
            Issue.record("refused")
            return
        }
        #expect(options.seed == 9 && options.chaos == 0.05 && options.runFolder == "/r" && options.speed == 60)
        #expect(Options.parse(["--help"]) == .help)
        for wrong in [["--seed"], ["--seed", "x"], ["--chaos", "120"], ["--speed", "0"], ["--what"], ["tell"]] {
            guard case .wrong = Options.parse(wrong) else {
                Issue.record("\(wrong) was taken")
                continue
            }
        }
        guard case .options(let tell) = Options.parse(["--run-dir", "/r", "tell", "mains", "off"]) else {
            Issue.record("tell was refused")
            return
        }
        #expect(tell.tell == ["mains", "off"])
    }
}
