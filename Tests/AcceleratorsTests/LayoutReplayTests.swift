import Platform
import Profiles
import Site
import Testing

@testable import Accelerators

/// Every line of every layout in Hardware/accelerators: healthy it is ok, and each fault that it names is found.
@Suite struct LayoutReplayTests {
    static let layouts = HardwareLibrary.load(layoutsOnly, FaultCollector()).accelerators
    private static let names = layouts.map(\.name)

    private func layout(_ name: String) throws -> AcceleratorLayout {
        try #require(Self.layouts.first { $0.name == name })
    }

    private func bench(_ tree: LayoutTree) throws -> Workbench {
        let bench = try Workbench(tree.layout, at: LayoutTree.address, tree.sysfs)
        bench.run(seconds: 3)
        return bench
    }

    /// Long enough for the attribute's tier to be read so many times.
    private func look(_ bench: Workbench, _ attribute: AcceleratorAttribute, _ readings: Int) {
        let interval = bench.plan.intervals.of(attribute.tier)
        bench.run(seconds: max(1, Int(interval.seconds) * readings + 1))
    }

    @Test(arguments: names)
    func `a card that shows what its layout says is ok, and all its points have values`(_ name: String)
        throws
    {
        let layout = try layout(name)
        let bench = try bench(LayoutTree(layout))
        bench.run(seconds: 35)
        #expect(bench.codes("npu0") == [])
        #expect(bench.health("npu0") == .ok)
        for attribute in layout.attributes where !attribute.point.isEmpty {
            let reading = bench.reading("npu0." + attribute.point)
            #expect(reading.quality == .good, "\(layout.name): \(attribute.point) is \(reading.reason.text)")
        }
    }

    @Test(arguments: names)
    func `each state that is a fault is one, and unknown words are never ok where they matter`(
        _ name: String
    ) throws {
        let layout = try layout(name)
        let tree = LayoutTree(layout)
        let bench = try bench(tree)
        for (index, attribute) in layout.attributes.enumerated() where attribute.parser == .state {
            for state in attribute.states where state.health != .ok && state.versions?.contains([1, 0, 0]) ?? true {
                // A word that this driver version uses otherwise is the other state's.
                let meant = attribute.states.first {
                    $0.value == state.value && $0.versions?.contains([1, 0, 0]) ?? true
                }
                tree.write(index, state.value + "\n")
                look(bench, attribute, 1)
                #expect(bench.health("npu0") == meant?.health, "\(layout.name): \(attribute.point) '\(state.value)'")
            }
            tree.write(index, "no such word\n")
            look(bench, attribute, 1)
            if attribute.isRequired { #expect(bench.health("npu0") == .unknown, "\(layout.name): \(attribute.point)") }
            tree.write(index, (attribute.states.first { $0.health == .ok }?.value ?? "") + "\n")
            look(bench, attribute, 1)
            #expect(bench.codes("npu0") == [], "\(layout.name): \(attribute.point)")
        }
    }

    @Test(arguments: names)
    func `each check finds its fault, says its code, and lets go`(_ name: String) throws {
        let layout = try layout(name)
        for (index, attribute) in layout.attributes.enumerated() {
            for check in attribute.checks where attribute.parser != .answersOnBus {
                let tree = LayoutTree(layout)
                let bench = try bench(tree)
                switch check.rule {
                case .above(let limit, let clear, _, let window):
                    tree.write(index, number: limit + 1)
                    look(bench, attribute, window)
                    #expect(bench.codes("npu0").contains(check.verdict.code), "\(layout.name): \(attribute.point)")
                    tree.write(index, number: clear - 1)
                    look(bench, attribute, window)
                case .below(let limit, let clear, _, let window):
                    tree.write(index, number: limit - 1)
                    look(bench, attribute, window)
                    #expect(bench.codes("npu0").contains(check.verdict.code), "\(layout.name): \(attribute.point)")
                    tree.write(index, number: clear + 1)
                    look(bench, attribute, window)
                case .rises(let perMinute, let hold):
                    tree.write(index, number: 100 + perMinute + 1)
                    look(bench, attribute, 1)
                    #expect(bench.codes("npu0").contains(check.verdict.code), "\(layout.name): \(attribute.point)")
                    // A counter that begins anew is no fault.
                    tree.write(index, number: 0)
                    bench.skip(seconds: Int64(hold.seconds) + 90)
                    look(bench, attribute, 2)
                case .movesWithin(let span), .frozenFor(let span):
                    tree.write(index, number: 41)
                    look(bench, attribute, 2)
                    tree.write(index, number: 42)
                    look(bench, attribute, 1)
                    bench.skip(seconds: Int64(span.seconds) + 1)
                    look(bench, attribute, 1)
                    #expect(bench.codes("npu0").contains(check.verdict.code), "\(layout.name): \(attribute.point)")
                    tree.write(index, number: 43)
                    look(bench, attribute, 1)
                }
                #expect(!bench.codes("npu0").contains(check.verdict.code), "\(layout.name): \(attribute.point) stays")
            }
        }
    }

    @Test(arguments: names)
    func `each kernel log line is heard for its card alone`(_ name: String) throws {
        let layout = try layout(name)
        for pattern in layout.kernelLog {
            let bench = try bench(LayoutTree(layout))
            var reader = KernelLogReader()
            func line(_ address: String) -> [UInt8] {
                var text = pattern.text.replacing("{address}", with: address)
                text = text.replacing("{code}", with: "\(pattern.codes.first ?? 7)").replacing("*", with: "something")
                return Array(text.utf8)
            }
            #expect(bench.supervisor.hear(line("0000:07:00.0"), &reader, bench.now)?.subject != "npu0")
            let told = bench.supervisor.hear(line(LayoutTree.address), &reader, bench.now)
            #expect(told?.subject == "npu0", "\(layout.name): \(pattern.text)")
            bench.run(seconds: 1)
            #expect(bench.codes("npu0") == [pattern.verdict.code], "\(layout.name): \(pattern.text)")
            #expect(bench.health("npu0") == pattern.verdict.health)
        }
    }

    @Test(arguments: names)
    func `a card without the vendor's files is judged by what is left, never called ok by guess`(
        _ name: String
    ) throws {
        let layout = try layout(name)
        let tree = LayoutTree(layout)
        for (index, attribute) in layout.attributes.enumerated() where !["device", "port"].contains(attribute.place) {
            tree.sysfs.remove(tree.paths[index])
        }
        let bench = try bench(tree)
        let needsThem = layout.attributes.contains { $0.isRequired && !["device", "port"].contains($0.place) }
        let hasOther = layout.attributes.contains { $0.isRequired && ["device", "port"].contains($0.place) }
        #expect(bench.health("npu0") == (needsThem && !hasOther ? .unknown : .ok), "\(layout.name)")
    }
}
