internal import Glibc
internal import Journal
internal import Platform
internal import Profiles
internal import Site
internal import Status

/// `bundle`: what a support desk needs to see of this container, in one file and without secrets.
enum BundleCommand {
    static let all = [bundle]

    static let bundle = Command(
        "bundle", summary: "One archive for the support desk, without secrets",
        discussion: """
            Collects the configuration (passwords, tokens and keys removed), what 'check' finds, the newest events
            with the verdict on their chain, status, values and counters of the running agent and of the inference
            plane, its log, versions, facts of the kernel and machine, and the SHA-256 of every file. Works
            without a running agent too. Look into it before you send it: tar tzf FILE.
            """,
        options: [
            .init("--output", value: "FILE", "The archive (default mdc-bundle-SITE-TIME.tar.gz here; - for a pipe)"),
            .init("--events", value: "N", "At most so many events (default 5000)"),
        ]
    ) { invocation in
        do throws(Invocation.UsageFault) {
            let events = try invocation.integer("--events", 0...100_000, default: 5000)
            var collection = Collection(invocation)
            collection.collect(events: events)
            return deliver(collection, invocation)
        } catch {
            invocation.console.trouble("bundle: \(error.text)")
            return .usage
        }
    }

    private static func deliver(_ collection: Collection, _ invocation: Invocation) -> ExitCode {
        let console = invocation.console
        guard let packed = gzip(collection.archive()) else {
            console.trouble("bundle: no memory to pack it", remedy: "ask for fewer events: --events 500")
            return .fault
        }
        if invocation["--output"] == "-" {
            console.raw(packed)
            return .healthy
        }
        let path = invocation["--output"] ?? "mdc-bundle-\(collection.site)-\(collection.stamp).tar.gz"
        do throws(SystemError) { try replaceFile(path, packed, mode: 0o600) } catch {
            console.trouble("bundle: \(error)", remedy: "name another place: --output /tmp/bundle.tar.gz")
            return error.code == EACCES ? .noPermission : .fault
        }
        let digest = hexText(sha256(packed))
        if invocation.wantsJSON {
            console.json { writer in
                writer.beginObject()
                writer.field("file", path)
                writer.field("bytes", packed.count)
                writer.field("sha256", digest)
                writer.beginArray("contents")
                for file in collection.files { writer.value(file.name) }
                writer.endArray()
                writer.beginArray("missing")
                for text in collection.missing { writer.value(text) }
                writer.endArray()
                writer.endObject()
            }
        } else {
            console.line(path)
            console.line(
                local("%1 files, %2 kB, SHA-256 %3", "\(collection.files.count)", "\(packed.count / 1000)", digest))
            for text in collection.missing { console.line(console.inked(local("missing") + "  ", .attention) + text) }
        }
        return .healthy
    }

    /// What goes in, and what could not be had.
    struct Collection {
        private let invocation: Invocation
        private let now = SystemTime().now().wall
        private let plan: SitePlan?
        private(set) var files: [(name: String, content: [UInt8])] = []
        private(set) var missing: [String] = []

        init(_ invocation: Invocation) {
            self.invocation = invocation
            plan = try? SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
        }

        var site: String { plan?.name ?? "unknown" }
        /// "20261126T031500Z"
        var stamp: String { now.rfc3339.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z" }

        mutating func collect(events: Int) {
            addVersions()
            addConfiguration()
            addFindings()
            addJournal(limit: events)
            addAgent()
            addInference()
            addLog()
            addMachine()
        }

        private mutating func add(_ name: String, _ text: String) { files.append((name, Array(text.utf8))) }

        /// A file of the system, cut at `limit`; what is not there is no loss.
        private mutating func copy(_ path: String, as name: String, limit: Int = 256 << 10) {
            if let bytes = try? readFile(path, limit: limit) { files.append((name, bytes)) }
        }

        // MARK: - Ours

        private mutating func addVersions() {
            var writer = ByteWriter()
            writer.beginObject()
            writer.field("version", agentVersion)
            writer.field("time", now.milliseconds)
            writer.field("site", site)
            writer.field("site_file", invocation.sitePath)
            writer.field("hardware", invocation.hardwareFolder)
            if let program = try? readFile("/proc/self/exe", limit: 256 << 20) {
                writer.field("program_sha256", hexText(sha256(program)))
            }
            writer.endObject()
            files.append(("versions.json", writer.bytes))
        }

        private mutating func addConfiguration() {
            let path = invocation.sitePath
            addClean(path, as: "site/site.yaml")
            let folder = (path.lastIndex(of: "/").map { String(path[...$0]) } ?? "") + "site.d"
            for name in (try? namesInFolder(folder)) ?? [] where name.hasSuffix(".yaml") {
                addClean(folder + "/" + name, as: "site/site.d/" + String(name.suffix(40)))
            }
            var hashes = ""
            for kind in HardwareLibrary.kinds {
                let folder = "\(invocation.hardwareFolder)/\(kind)"
                for name in (try? namesInFolder(folder)) ?? [] {
                    guard let bytes = try? readFile(folder + "/" + name) else { continue }
                    hashes += "\(hexText(sha256(bytes)))  \(kind)/\(name)\n"
                }
            }
            add("hardware.sha256", hashes)
        }

        private mutating func addClean(_ path: String, as name: String) {
            do throws(SystemError) {
                add(name, Redaction.clean(String(decoding: try readFile(path), as: UTF8.self)))
            } catch { missing.append("\(path): \(error.reason)") }
        }

        private mutating func addFindings() {
            var text = ""
            do throws(SiteFile.Refused) {
                let plan = try SiteFile.load(
                    invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
                for finding in SiteSurvey(plan, invocation).findings {
                    text += "look   \(finding.subject): \(finding.text)\n       \(finding.remedy)\n"
                }
                if text.isEmpty { text = "well   \(plan.title): \(plan.points.count) points\n" }
            } catch { for fault in error.faults { text += "fault  \(fault.description)\n" } }
            add("check.txt", text)
        }

        private mutating func addJournal(limit: Int) {
            let folder = EventCommands.folder(invocation)
            do throws(StorageFault) {
                let events = try JournalReader(folder: folder).newest(JournalReader.Filter(), limit: limit)
                var writer = ByteWriter()
                for event in events {
                    writer.event(event)
                    writer.append("\n")
                }
                files.append(("journal/events.jsonl", writer.bytes))
                let report = JournalVerifier.verify(folder: folder, key: nil)
                writer.clear()
                EventCommands.write(report, &writer)
                files.append(("journal/verified.json", writer.bytes))
            } catch { missing.append(local("the journal in %1: %2", folder, "\(error)")) }
        }

        private mutating func addAgent() {
            let client = AgentClient(socketPath: invocation.socketPath)
            for (path, name) in [
                ("/v1/status", "agent/status.json"), ("/v1/points", "agent/points.json"),
                ("/v1/alarms", "agent/alarms.json"), ("/v1/layout", "agent/layout.json"),
                ("/v1/trends", "agent/trends.json"), ("/metrics", "agent/metrics.txt"),
            ] {
                do throws(AgentClient.Fault) { files.append((name, try client.get(path))) } catch {
                    missing.append(local("the agent: %1", "\(error)"))
                    return
                }
            }
        }

        private mutating func addInference() {
            guard let plan, plan.inference.isEnabled else { return }
            let client = AgentClient(socketPath: plan.inference.socketPath)
            for (path, name) in [
                ("/v2/models/stats", "inference/statistics.json"), ("/metrics", "inference/metrics.txt"),
            ] {
                do throws(AgentClient.Fault) { files.append((name, try client.get(path))) } catch {
                    missing.append(local("the inference plane: %1", "\(error)"))
                    return
                }
            }
        }

        // MARK: - The machine's

        private mutating func addLog() {
            let command =
                "exec journalctl -u mdc-agent -u mdc-inference -n 5000 --no-pager -o short-iso >&3 2>/dev/null"
            if let log = output(of: command), !log.isEmpty {
                add("log.txt", Redaction.clean(String(decoding: log, as: UTF8.self)))
                return
            }
            missing.append(local("the log: journalctl told nothing (is this user in the group systemd-journal?)"))
        }

        private mutating func addMachine() {
            for (path, name) in [
                ("/proc/version", "version"), ("/proc/cmdline", "cmdline"), ("/proc/cpuinfo", "cpuinfo"),
                ("/proc/meminfo", "meminfo"), ("/proc/loadavg", "loadavg"), ("/proc/uptime", "uptime"),
                ("/proc/mounts", "mounts"), ("/proc/modules", "modules"), ("/proc/interrupts", "interrupts"),
                ("/proc/net/dev", "network"), ("/proc/pressure/cpu", "pressure-cpu"),
                ("/proc/pressure/io", "pressure-io"), ("/proc/tty/driver/serial", "serial"),
                ("/etc/os-release", "os-release"),
            ] { copy(path, as: "machine/" + name + ".txt") }
            add("machine/pci.txt", folders("/sys/bus/pci/devices", ["vendor", "device", "class"]))
            add("machine/accel.txt", folders("/sys/class/accel", ["dev"]))
            add("machine/serial-by-id.txt", ((try? namesInFolder("/dev/serial/by-id")) ?? []).joined(separator: "\n"))
        }

        private func folders(_ root: String, _ attributes: [String]) -> String {
            var text = ""
            for name in (try? namesInFolder(root)) ?? [] {
                text += name
                for attribute in attributes {
                    let bytes = (try? readFile("\(root)/\(name)/\(attribute)", limit: 4096)) ?? []
                    text += "\t" + String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self)
                }
                text += "\n"
            }
            return text
        }

        // MARK: - The archive

        func archive() -> [UInt8] {
            let folder = "mdc-bundle-\(site.prefix(24))/"
            var tar = TarArchive(seconds: now.milliseconds / 1000)
            var hashes = ""
            for file in files { hashes += "\(hexText(sha256(file.content)))  \(file.name)\n" }
            let lost = missing.isEmpty ? "" : "Could not be had:\n" + missing.map { "  \($0)\n" }.joined()
            let about = "mdc-agent \(agentVersion), site \(site), \(now.rfc3339)\nsha256sum -c SHA256SUMS checks it.\n"
            tar.add(folder + "README.txt", Array((about + lost).utf8))
            tar.add(folder + "SHA256SUMS", Array(hashes.utf8))
            for file in files { tar.add(folder + file.name, file.content) }
            return tar.finish()
        }
    }
}
