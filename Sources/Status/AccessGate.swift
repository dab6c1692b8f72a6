internal import HTTP
internal import Platform
internal import Site
import Synchronization

/// Decides who somebody on the TLS address is. Passwords are slow by design: a right one is remembered
/// for a while by a keyed hash, and wrong ones are answered slower and slower.
final class AccessGate: Sendable {
    enum Verdict: Equatable {
        case known(Actor)
        case nobody
        case wrong
        /// Locked out, or too many checks at once: seconds to wait.
        case later(Int)
    }

    /// Somebody who has logged in by Redfish. The token itself is kept as a hash only.
    struct Session: Equatable {
        let id: String
        let user: String
        let actor: Actor
        fileprivate let mark: [UInt8]
        fileprivate var lastUsed: MonotonicTime
    }

    static let sessionTime = Nanoseconds.seconds(1800)
    static let sessionsMax = 64

    private struct State {
        var sessions: [Session] = []
        var users = UserFile()
        var sources = SourceTable()
        /// Keyed hash of name and password -> who, until when.
        var remembered: [[UInt8]: (actor: Actor, until: MonotonicTime)] = [:]
        /// Password checks that may still begin; refilled by time.
        var checks = AccessGate.checksPerSecond
        var checksRefilled = MonotonicTime.distantPast
    }

    /// A check takes about 0.1 s of the status thread: two a second keep it answering.
    private static let checksPerSecond = 2.0
    private static let rememberFor = Nanoseconds.seconds(600)
    private static let rememberedMax = 64

    private let state = Mutex(State())
    private let key: [UInt8]
    private let clock: @Sendable () -> MonotonicTime

    init(clock: @escaping @Sendable () -> MonotonicTime = { SystemTime.monotonic }) {
        self.clock = clock
        key = Array(randomHex(32).utf8)
    }

    func replace(_ users: UserFile) {
        state.withLock { state in
            state.users = users
            state.remembered.removeAll()
            // Who is no longer named, or named otherwise, logs in anew.
            state.sessions.removeAll { users.user($0.user)?.authority != $0.actor.authority }
        }
    }

    var hasUsers: Bool { state.withLock { !$0.users.users.isEmpty } }

    var users: [UserFile.User] { state.withLock { $0.users.users } }

    // MARK: - Sessions

    var sessions: [Session] {
        let now = clock()
        return state.withLock { state in
            state.sessions.removeAll { now - $0.lastUsed > AccessGate.sessionTime }
            return state.sessions
        }
    }

    /// A new session and its token; nil when there are too many.
    func open(_ user: String, _ actor: Actor) -> (Session, token: String)? {
        let token = randomHex(32)
        let now = clock()
        let session = Session(
            id: randomHex(8), user: user, actor: actor, mark: sha256(Array(token.utf8)), lastUsed: now)
        return state.withLock { state in
            state.sessions.removeAll { now - $0.lastUsed > AccessGate.sessionTime }
            guard state.sessions.count < AccessGate.sessionsMax else { return nil }
            state.sessions.append(session)
            return (session, token)
        }
    }

    /// Whose token this is; using it keeps the session alive.
    func session(_ token: String) -> Actor? {
        let mark = sha256(Array(token.utf8))
        let now = clock()
        return state.withLock { state in
            guard let index = state.sessions.firstIndex(where: { sameInConstantTime($0.mark, mark) }),
                now - state.sessions[index].lastUsed <= AccessGate.sessionTime
            else { return nil }
            state.sessions[index].lastUsed = now
            return state.sessions[index].actor
        }
    }

    func close(_ id: String) { state.withLock { state in state.sessions.removeAll { $0.id == id } } }

    func admits(_ peer: Peer) -> Bool { state.withLock { $0.sources.admit(peer, at: clock()) } }

    /// A certificate that an authority of ours vouches for: its name's authority, a viewer's otherwise.
    func certificate(_ name: String) -> Actor {
        let authority = state.withLock { $0.users.user(name)?.authority } ?? .viewer
        return Actor("\(name)@tls", authority)
    }

    func check(_ name: String, _ password: String, from peer: Peer) -> Verdict {
        let now = clock()
        let mark = sha256(key + Array(name.utf8) + [0] + Array(password.utf8))
        return state.withLock { state in
            let locked = state.sources.lockedFor(peer, at: now)
            if locked > .zero { return .later(Int(locked.seconds.rounded(.up))) }
            if let known = state.remembered[mark], known.until > now { return .known(known.actor) }
            state.checks = min(
                AccessGate.checksPerSecond,
                state.checks + max(0, (now - state.checksRefilled).seconds) * AccessGate.checksPerSecond)
            state.checksRefilled = now
            if state.checks < 1 { return .later(1) }
            state.checks -= 1
            let user = state.users.user(name)
            // An unknown name costs the same time as a known one.
            let hash = user?.password ?? AccessGate.decoy
            let isRight = hash?.matches(password) ?? false
            guard isRight, let user, user.password != nil else {
                state.sources.failed(peer, at: now)
                return .wrong
            }
            state.sources.succeeded(peer)
            let actor = Actor("\(name)@tls", user.authority)
            state.remembered = state.remembered.filter { $0.value.until > now }
            if state.remembered.count < AccessGate.rememberedMax {
                state.remembered[mark] = (actor, now + AccessGate.rememberFor)
            }
            return .known(actor)
        }
    }

    private static let decoy = PasswordHash.make("nobody's password")

    /// "Authorization: Basic ...".
    func basic(_ value: HeadText, from peer: Peer) -> Verdict {
        guard value.count > 6, value[0..<6].equalsIgnoringCase("basic "),
            let decoded = bytes(base64: value[6..<value.count].trimmed.string),
            let text = String(validating: decoded, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { return .wrong }
        return check(String(text[..<colon]), String(text[text.index(after: colon)...]), from: peer)
    }
}
