internal import Platform
internal import Site

/// The service itself: its root, its manager, its log, who may come in.
struct RedfishManagement {
    let snapshot: SiteSnapshot
    let gate: AccessGate
    let layout: SiteLayout
    let events: (any EventSource)?
    /// UUID of this container's service, stable over restarts.
    let uuid: String
    let offersEvents: Bool

    private static let root = "/redfish/v1"
    /// The journal keeps all; this shows the newest.
    private static let entriesShown = 200

    func write(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        switch parts.first {
        case nil: writeRoot(&writer)
        case "Managers": return writeManagers(Array(parts.dropFirst()), path, &writer)
        case "SessionService": return writeSessions(Array(parts.dropFirst()), path, &writer)
        case "AccountService": return writeAccounts(Array(parts.dropFirst()), path, &writer)
        default: return false
        }
        return true
    }

    private func writeRoot(_ writer: inout RedfishWriter) {
        let root = RedfishManagement.root
        writer.open(root + "/", "ServiceRoot.v1_20_0.ServiceRoot", id: "RootService", name: snapshot.title)
        writer.out.field("RedfishVersion", "1.24.0")
        writer.out.field("UUID", uuid)
        writer.out.field("Product", "mdc-agent " + snapshot.version)
        for name in ["Chassis", "Facilities", "PowerEquipment", "ThermalEquipment", "Systems", "Managers"] {
            writer.out.key(string: name)
            writer.out.beginObject()
            writer.out.field("@odata.id", root + "/" + name)
            writer.out.endObject()
        }
        writer.link("SessionService", root + "/SessionService")
        writer.link("AccountService", root + "/AccountService")
        if offersEvents { writer.link("EventService", RedfishSubscribing.root) }
        writer.link("TelemetryService", RedfishSubscribing.telemetry)
        writer.out.beginObject("Links")
        writer.link("Sessions", root + "/SessionService/Sessions")
        writer.out.endObject()
    }

    // MARK: - Manager and log

    private func writeManagers(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let logs = RedfishEquipment.manager + "/LogServices"
        if parts.isEmpty {
            writer.collection(path, "Manager", name: "Managers", [RedfishEquipment.manager])
            return true
        }
        guard parts[0] == "mdc-agent" else { return false }
        switch (parts.count, parts.last) {
        case (1, _):
            writer.open(path, "Manager.v1_24_0.Manager", id: "mdc-agent", name: "The container's agent")
            writer.out.field("ManagerType", "Service")
            writer.out.field("FirmwareVersion", snapshot.version)
            writer.out.field("DateTime", snapshot.time.wall.rfc3339)
            writer.out.field("DateTimeLocalOffset", "+00:00")
            writer.status(snapshot.stuck.isEmpty ? .ok : .critical)
            writer.link("LogServices", logs)
            writer.out.beginObject("Links")
            writer.links("ManagerForChassis", ["/redfish/v1/Chassis/" + snapshot.site])
            writer.links("ManagerForServers", [RedfishEquipment.system])
            writer.out.endObject()
        case (2, "LogServices"): writer.collection(path, "LogService", name: "Logs", [logs + "/Journal"])
        case (3, "Journal"):
            writer.open(path, "LogService.v1_9_0.LogService", id: "Journal", name: "The container's journal")
            writer.out.field("LogEntryType", "Event")
            writer.out.field("OverWritePolicy", "WrapsWhenFull")
            writer.out.field("ServiceEnabled", true)
            writer.link("Entries", logs + "/Journal/Entries")
            writer.status(snapshot.journal?.isDurable == false ? .warning : .ok)
        case (4, "Entries") where parts[2] == "Journal": writeEntries(path, &writer)
        case (5, _) where parts[2] == "Journal" && parts[3] == "Entries":
            guard let sequence = UInt64(parts[4]), sequence > 0,
                let event = events?.events(since: sequence - 1, limit: 1).first, event.sequence == sequence
            else { return false }
            writeEntry(event, path, &writer)
        default: return false
        }
        return true
    }

    private func writeEntries(_ path: String, _ writer: inout RedfishWriter) {
        let newest = events?.newest(limit: RedfishManagement.entriesShown) ?? []
        writer.open(path, "LogEntryCollection.LogEntryCollection", id: nil, name: "Journal entries")
        writer.out.beginArray("Members")
        for event in newest {
            var entry = RedfishWriter()
            writeEntry(event, "\(path)/\(event.sequence)", &entry)
            writer.out.value(rawJSON: entry.finish().bytes)
        }
        writer.out.endArray()
        writer.out.field("Members@odata.count", newest.count)
    }

    private func writeEntry(_ event: Event, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "LogEntry.v1_21_0.LogEntry", id: String(event.sequence), name: event.kind.rawValue)
        writer.out.field("EntryType", "Event")
        writer.out.field("Severity", RedfishHealth(event.severity).rawValue)
        writer.out.field("Created", event.wall.rfc3339)
        writer.out.field("Message", "\(event.subject): \(event.text)")
        writer.out.field("EventId", event.id)
        writer.out.beginObject("Links")
        writer.link(
            "OriginOfCondition", RedfishEquipment(snapshot: snapshot, layout: layout).origin(of: event.subject).path)
        writer.out.endObject()
    }

    // MARK: - Sessions and accounts

    private func writeSessions(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let sessions = RedfishManagement.root + "/SessionService/Sessions"
        switch parts.count {
        case 0:
            writer.open(path, "SessionService.v1_2_0.SessionService", id: "SessionService", name: "Sessions")
            writer.out.field("ServiceEnabled", true)
            writer.out.field("SessionTimeout", Int(AccessGate.sessionTime.seconds))
            writer.link("Sessions", sessions)
            writer.status(.ok)
        case 1 where parts[0] == "Sessions":
            writer.collection(path, "Session", name: "Sessions", gate.sessions.map { sessions + "/" + $0.id })
        case 2 where parts[0] == "Sessions":
            guard let session = gate.sessions.first(where: { $0.id == parts[1] }) else { return false }
            RedfishManagement.write(session, path, &writer)
        default: return false
        }
        return true
    }

    static func write(_ session: AccessGate.Session, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "Session.v1_8_0.Session", id: session.id, name: "Session of " + session.user)
        writer.out.field("UserName", session.user)
        writer.out.key("Password")
        writer.out.null()
    }

    static func write(_ user: UserFile.User, _ path: String, _ writer: inout RedfishWriter) {
        let role = user.authority.redfishRole
        writer.open(path, "ManagerAccount.v1_14_1.ManagerAccount", id: user.name, name: "Account of " + user.name)
        writer.out.field("UserName", user.name)
        writer.out.key("Password")
        writer.out.null()
        writer.out.field("RoleId", role.id)
        writer.out.field("Enabled", true)
        writer.out.beginArray("AccountTypes")
        writer.out.value("Redfish")
        writer.out.endArray()
        writer.out.beginObject("Links")
        writer.link("Role", root + "/AccountService/Roles/" + role.id)
        writer.out.endObject()
    }

    private func writeAccounts(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let root = RedfishManagement.root + "/AccountService"
        let users = gate.users
        switch (parts.count, parts.first) {
        case (0, _):
            writer.open(path, "AccountService.v1_18_1.AccountService", id: "AccountService", name: "Accounts")
            writer.out.field("ServiceEnabled", true)
            writer.out.field("AccountLockoutThreshold", SourceTable.failuresMax)
            writer.link("Accounts", root + "/Accounts")
            writer.link("Roles", root + "/Roles")
            writer.status(.ok)
        case (1, "Accounts"):
            writer.collection(path, "ManagerAccount", name: "Accounts", users.map { root + "/Accounts/" + $0.name })
        case (2, "Accounts"):
            guard let user = users.first(where: { $0.name == parts[1] }) else { return false }
            RedfishManagement.write(user, path, &writer)
        case (1, "Roles"):
            writer.collection(path, "Role", name: "Roles", RedfishRole.all.map { root + "/Roles/" + $0.id })
        case (2, "Roles"):
            guard let role = RedfishRole.all.first(where: { $0.id == parts[1] }) else { return false }
            writer.open(path, "Role.v1_3_3.Role", id: role.id, name: role.id)
            writer.out.field("RoleId", role.id)
            writer.out.field("IsPredefined", true)
            writer.out.beginArray("AssignedPrivileges")
            for privilege in role.privileges { writer.out.value(privilege) }
            writer.out.endArray()
        default: return false
        }
        return true
    }
}

struct RedfishRole {
    let id: String
    let privileges: [String]
    static let administrator = RedfishRole(
        id: "Administrator",
        privileges: ["Login", "ConfigureManager", "ConfigureUsers", "ConfigureSelf", "ConfigureComponents"])
    static let `operator` = RedfishRole(id: "Operator", privileges: ["Login", "ConfigureSelf", "ConfigureComponents"])
    static let readOnly = RedfishRole(id: "ReadOnly", privileges: ["Login", "ConfigureSelf"])
    static let all = [administrator, `operator`, readOnly]
}

extension Authority {
    var redfishRole: RedfishRole {
        switch self {
        case .engineer: .administrator
        case .technician: .operator
        case .viewer, .upstream: .readOnly
        }
    }
}
