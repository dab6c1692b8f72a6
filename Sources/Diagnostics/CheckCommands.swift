internal import Platform
internal import Profiles
internal import Site
internal import Status

/// `check`, `hardware list|show|lint`, `version`: what can be said without a running agent.
enum CheckCommands {
    static let all = [check, lint, list, show, version]

    static let check = Command(
        "check", summary: "Site file, profiles, permissions, devices: what is wrong, where, what to do",
        discussion: """
            Reads the site file with its drop-ins against the hardware library and looks at the devices it
            names. Every fault is printed with file:line:column in one run. Exit 78 when the agent would
            refuse the configuration, 1 when it would start but something needs a hand.
            """
    ) { invocation in
        do throws(SiteFile.Refused) {
            let plan = try SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
            let findings = SiteSurvey(plan, invocation).findings
            report(invocation, faults: [], findings: findings, good: "\(plan.title): \(plan.points.count) points")
            return findings.isEmpty ? .healthy : .finding
        } catch {
            report(invocation, faults: error.faults, findings: [], good: "")
            return error.faults.contains { $0.position.file == invocation.sitePath && $0.isMissingFile }
                ? .noInput : .badConfiguration
        }
    }

    static let lint = Command(
        "hardware", "lint", summary: "Check every profile of the hardware library",
        discussion: "The same reader as the agent's: what it accepts here it accepts at start."
    ) { invocation in
        let faults = FaultCollector()
        let library = HardwareLibrary.load(invocation.hardwareFolder, faults)
        report(
            invocation, faults: faults.inFileOrder, findings: [],
            good: "\(invocation.hardwareFolder): \(library.summaries.count) profiles")
        return faults.faults.isEmpty ? .healthy : .badConfiguration
    }

    static let list = Command("hardware", "list", summary: "The machines, cards and wirings the agent knows") {
        invocation in
        let faults = FaultCollector()
        let library = HardwareLibrary.load(invocation.hardwareFolder, faults)
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.beginArray("profiles")
                for profile in library.summaries {
                    writer.beginObject()
                    writer.field("kind", profile.kind)
                    writer.field("name", profile.name)
                    writer.field("title", profile.title)
                    writer.endObject()
                }
                writer.endArray()
                writer.endObject()
            }
        } else {
            invocation.console.table(
                ["KIND", "PROFILE", "WHAT IT IS"],
                library.summaries.map { [.init($0.kind, .faint), .init($0.name, .strong), .init($0.title)] })
        }
        return faults.faults.isEmpty ? .healthy : .finding
    }

    static let show = Command(
        "hardware", "show", summary: "One profile, as its file says it", arguments: [.init("PROFILE", "its name")]
    ) { invocation in
        let name = invocation.arguments[0]
        for kind in HardwareLibrary.kinds {
            let path = "\(invocation.hardwareFolder)/\(kind)/\(name).yaml"
            guard let bytes = try? readFile(path) else { continue }
            if invocation.wantsJSON {
                invocation.console.json { writer in
                    writer.beginObject()
                    writer.field("kind", kind)
                    writer.field("file", path)
                    writer.field("text", String(decoding: bytes, as: UTF8.self))
                    writer.endObject()
                }
            } else {
                invocation.console.line(invocation.console.inked(path, .faint))
                invocation.console.raw(String(decoding: bytes, as: UTF8.self))
            }
            return .healthy
        }
        invocation.console.trouble("no profile is named '\(name)'", remedy: "mdc-agent hardware list shows all")
        return .noInput
    }

    static let version = Command("version", summary: "Which release this is") { invocation in
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.field("version", agentVersion)
                writer.endObject()
            }
        } else {
            invocation.console.line("mdc-agent \(agentVersion)")
        }
        return .healthy
    }

    private static func report(
        _ invocation: Invocation, faults: [ProfileFault], findings: [SiteSurvey.Finding], good: String
    ) {
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.beginArray("faults")
                for fault in faults {
                    writer.beginObject()
                    writer.field("file", fault.position.file)
                    writer.field("line", fault.position.line)
                    writer.field("column", fault.position.column)
                    writer.field("text", fault.text)
                    writer.endObject()
                }
                writer.endArray()
                writer.beginArray("findings")
                for finding in findings {
                    writer.beginObject()
                    writer.field("subject", finding.subject)
                    writer.field("text", finding.text)
                    writer.field("remedy", finding.remedy)
                    writer.endObject()
                }
                writer.endArray()
                writer.endObject()
            }
            return
        }
        for fault in faults {
            invocation.console.line(invocation.console.inked(local("fault") + "  ", .bad) + fault.description)
        }
        for finding in findings {
            invocation.console.line(
                invocation.console.inked(local("look") + "   ", .attention)
                    + "\(finding.subject): \(Catalogue.sentence(finding.text))")
            invocation.console.line("       " + Catalogue.sentence(finding.remedy))
        }
        if faults.isEmpty, findings.isEmpty {
            invocation.console.line(invocation.console.inked(local("well") + "   ", .good) + good)
        } else {
            invocation.console.line(local("%1 faults, %2 findings", "\(faults.count)", "\(findings.count)"))
        }
    }
}
