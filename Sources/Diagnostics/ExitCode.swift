/// What a script learns from a command (the numbers of sysexits.h where one fits).
public enum ExitCode: Int32, Sendable {
    case healthy = 0
    /// Degraded, or the command found something that a person should look at.
    case finding = 1
    case fault = 2
    case usage = 64
    case noInput = 66
    case agentNotRunning = 69
    case internalFault = 70
    case tryAgain = 75
    case noPermission = 77
    case badConfiguration = 78
}
