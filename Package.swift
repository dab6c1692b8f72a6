// swift-tools-version: 6.2
import PackageDescription

// One entry per room of the house (Sources/README.md): what it may import is the architecture,
// and the compiler holds it.

let discipline: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// What ships: regular expressions come with every file unless refused, a megabyte that no room uses.
let shipped = discipline + [.unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"])]

func library(_ name: String, pkgConfig: String, apt package: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

func room(_ name: String, _ mayImport: String...) -> Target {
    .target(name: name, dependencies: mayImport.map { .init(stringLiteral: $0) }, swiftSettings: shipped)
}

/// A room whose every nanosecond is paid per request: one thread owns all its state, so accesses that
/// overlap are found by the tests (debug builds check them) and not once more in the field.
func hotRoom(_ name: String, _ mayImport: String...) -> Target {
    .target(
        name: name, dependencies: mayImport.map { .init(stringLiteral: $0) },
        swiftSettings: shipped + [
            .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
        ])
}

/// A room that runs once, or when a person asks: small matters more than fast.
func coldRoom(_ name: String, _ mayImport: String...) -> Target {
    .target(
        name: name, dependencies: mayImport.map { .init(stringLiteral: $0) },
        swiftSettings: shipped + [.unsafeFlags(["-Osize"], .when(configuration: .release))])
}

func door(_ name: String, _ mayImport: String...) -> Target {
    .executableTarget(
        name: name, dependencies: mayImport.map { .init(stringLiteral: $0) }, swiftSettings: shipped,
        // A static Swift runtime makes tens of thousands of like functions and relocations: lld folds
        // the first and packs the second (glibc 2.36 and later read them), a tenth of the file.
        linkerSettings: [
            .unsafeFlags(
                [
                    "-use-ld=lld", "-Xlinker", "--icf=all", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
                    "-Xlinker", "--no-export-dynamic",
                ],
                .when(platforms: [.linux], configuration: .release))
        ])
}

func tests(of name: String, with others: String...) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: ([name] + others).map { .init(stringLiteral: $0) },
        swiftSettings: discipline)
}

let package = Package(
    name: "mdc-agent",
    products: [
        .executable(name: "mdc-agent", targets: ["mdc-agent"]),
        .executable(name: "mdc-sim", targets: ["mdc-sim"]),
    ],
    targets: [
        library("CModbus", pkgConfig: "libmodbus", apt: "libmodbus-dev"),
        library("CGpiod", pkgConfig: "libgpiod", apt: "libgpiod-dev"),
        library("CSystemd", pkgConfig: "libsystemd", apt: "libsystemd-dev"),
        library("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        library("CMosquitto", pkgConfig: "libmosquitto", apt: "libmosquitto-dev"),
        library("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        library("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        library("CYaml", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        .target(name: "CLinux"),
        .target(name: "COnnxRuntime"),
        .target(name: "CMdcInfer", exclude: ["ring.py", "README.md"]),

        room("Platform", "CLinux", "CSystemd"),
        room("Site", "Platform"),
        coldRoom("Profiles", "Site", "Platform", "CYaml"),

        room("Modbus", "Site", "Platform", "CLinux", "CModbus"),
        room("Security", "Site", "Platform", "CLinux", "CGpiod"),
        room("Accelerators", "Site", "Platform", "CLinux"),

        room("Control", "Site", "Platform"),
        room("Journal", "Site", "Platform", "CSQLite", "COpenSSL"),

        hotRoom("HTTP", "Platform", "CLinux", "COpenSSL"),
        room("Status", "Site", "Platform", "HTTP", "Journal", "CLinux", "COpenSSL", "CZlib"),
        room("Upstream", "Site", "Platform", "Journal", "CLinux", "CMosquitto", "COpenSSL"),
        hotRoom("Inference", "Site", "Platform", "HTTP", "CLinux", "COnnxRuntime", "COpenSSL", "CZlib"),

        coldRoom(
            "Diagnostics", "Site", "Platform", "CLinux", "Profiles", "Modbus", "Security", "Accelerators", "Journal",
            "Status"),
        room(
            "Agent", "Site", "Platform", "Profiles", "Modbus", "Security", "Accelerators", "Control",
            "Journal", "HTTP", "Status", "Upstream", "Inference", "Diagnostics", "CSystemd", "CLinux"),
        room("Simulator", "Site", "Platform", "Profiles", "CModbus", "CLinux"),

        door("mdc-agent", "Agent"),
        door("mdc-sim", "Simulator"),

        .target(name: "CBench", path: "Tests/CBench"),
        .executableTarget(
            name: "mdc-bench",
            dependencies: [
                "Platform", "Site", "Profiles", "Modbus", "Security", "Accelerators", "Control", "Journal", "HTTP",
                "Status", "Upstream", "Inference", "CLinux", "CModbus", "COpenSSL", "CSQLite", "CBench",
                "YearSimulator",
            ],
            path: "Tests/Bench", swiftSettings: discipline),

        .testTarget(name: "TidyTests", swiftSettings: discipline),
        tests(of: "Platform", with: "CLinux"),
        tests(of: "Site", with: "Platform"),
        tests(of: "Profiles", with: "Site", "Platform"),
        tests(of: "Modbus", with: "Site", "Platform", "Profiles", "CLinux"),
        tests(of: "Security", with: "Site", "Platform", "Profiles", "CLinux"),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "Platform", "Site", "Profiles", "Accelerators", "Inference", "Simulator", "Upstream",
            ],
            exclude: ["Corpus"], swiftSettings: discipline),
        tests(of: "Accelerators", with: "Site", "Platform", "Profiles", "Control"),
        .target(
            name: "YearSimulator", dependencies: ["Control", "Site", "Platform"], path: "Tests/YearSimulator",
            swiftSettings: discipline),
        tests(of: "Control", with: "Site", "Platform", "Profiles", "YearSimulator"),
        .executableTarget(
            name: "journal-writer", dependencies: ["Journal", "Site", "Platform"], path: "Tests/JournalWriter",
            swiftSettings: discipline),
        .target(name: "CFaultyDisk", dependencies: ["CSQLite"], path: "Tests/CFaultyDisk"),
        tests(of: "Journal", with: "Site", "Platform", "CSQLite", "CFaultyDisk", "journal-writer"),
        tests(of: "HTTP", with: "Platform", "CLinux"),
        tests(of: "Status", with: "Site", "Platform", "HTTP", "Journal", "CLinux"),
        tests(of: "Upstream", with: "Site", "Platform", "Journal", "Profiles"),
        // The program that lanes of the tests run in: a test bundle cannot be started as a lane itself.
        .executableTarget(
            name: "mdc-lane", dependencies: ["Inference", "Site", "Platform", "Profiles", "CLinux"],
            path: "Tests/LaneProgram",
            swiftSettings: discipline),
        tests(
            of: "Inference", with: "Site", "Platform", "HTTP", "Profiles", "CLinux", "CMdcInfer", "COnnxRuntime",
            "mdc-lane"),
        tests(of: "Diagnostics", with: "Site", "Platform", "Profiles", "Status"),
        tests(of: "Agent", with: "Site", "Platform", "Profiles"),
        tests(of: "Simulator", with: "Site", "Platform", "Profiles", "Modbus", "CModbus", "CLinux"),
    ]
)

// `ROOM=Modbus swift test` builds that room, what it stands on and its tests, and nothing else:
// the whole house takes minutes on two cores.
if let room = Context.environment["ROOM"] {
    var wanted: Set<String> = [room + "Tests"]
    var grown = true
    while grown {
        let before = wanted.count
        for target in package.targets where wanted.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
        }
        grown = wanted.count > before
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products.removeAll()
}
