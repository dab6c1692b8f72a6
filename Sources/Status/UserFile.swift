internal import CLinux
internal import Glibc
public import Platform
public import Site

/// Who may log in over TLS: one line each, `NAME AUTHORITY HASH`. HASH is "-" for somebody who comes
/// with a client certificate of that common name only.
public struct UserFile: Equatable, Sendable {
    public struct User: Equatable, Sendable {
        public var name: String
        public var authority: Authority
        public var password: PasswordHash?
        public init(name: String, authority: Authority, password: PasswordHash?) {
            self.name = name
            self.authority = authority
            self.password = password
        }
    }

    public struct Fault: Error, Equatable, CustomStringConvertible {
        public let description: String
        init(_ text: String) { description = text }
    }

    public var users: [User]

    public init(users: [User] = []) { self.users = users }

    public static let usersMax = 256

    public static func read(_ path: String) throws(Fault) -> UserFile {
        let text: [UInt8]
        do throws(SystemError) {
            try refuseLooseMode(path)
            text = try readFile(path, limit: 1 << 18)
        } catch { throw Fault("\(error)") }
        return try parse(String(decoding: text, as: UTF8.self), path)
    }

    /// A file that others may read keeps no secret.
    private static func refuseLooseMode(_ path: String) throws(SystemError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw SystemError("read users", path, code: errno) }
        if status.st_mode & 0o077 != 0 {
            throw SystemError("read users (others may read it: chmod 600)", path, code: EPERM)
        }
    }

    public static func parse(_ text: String, _ path: String) throws(Fault) -> UserFile {
        var file = UserFile()
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.isEmpty || words[0].hasPrefix("#") { continue }
            let place = "\(path):\(number + 1)"
            guard words.count == 3 else { throw Fault("\(place): expected NAME AUTHORITY HASH") }
            guard isName(words[0]) else { throw Fault("\(place): '\(words[0])' is no name of [A-Za-z0-9._-]") }
            guard let authority = Authority(text: String(words[1])), authority != .upstream else {
                throw Fault("\(place): '\(words[1])' is not one of viewer, technician, engineer")
            }
            let password = PasswordHash(text: words[2])
            guard password != nil || words[2] == "-" else {
                throw Fault("\(place): the hash is not one that 'mdc-agent user set' makes")
            }
            guard file.user(String(words[0])) == nil else { throw Fault("\(place): '\(words[0])' stands here twice") }
            file.users.append(User(name: String(words[0]), authority: authority, password: password))
            guard file.users.count <= usersMax else { throw Fault("\(place): more than \(usersMax) users") }
        }
        return file
    }

    public static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= 64
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }

    public func user(_ name: String) -> User? { users.first { $0.name == name } }

    public func write(_ path: String) throws(SystemError) {
        var text = "# NAME AUTHORITY HASH, made by 'mdc-agent user set'\n"
        for user in users { text += "\(user.name) \(user.authority.text) \(user.password?.text ?? "-")\n" }
        try replaceFile(path, Array(text.utf8), mode: 0o600)
    }
}
