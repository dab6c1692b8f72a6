internal import Diagnostics
internal import Platform

/// Secrets come from systemd (LoadCredential=) and from nowhere else.
enum Credentials {
    static func read(_ name: String) -> [UInt8]? {
        guard let folder = environment("CREDENTIALS_DIRECTORY") else { return nil }
        do throws(SystemError) { return try readFile(folder + "/" + name, limit: 64 << 10) } catch {
            if error.code != 2 { Log.write(.warning, "agent", "credential \(name): \(error)") }
            return nil
        }
    }
}
