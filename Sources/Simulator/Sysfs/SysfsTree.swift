internal import Platform

/// A tree of files like /sys with the simulated cards in it. Files keep their inodes while their
/// content moves; a card that is gone takes its folders with it.
final class SysfsTree {
    let root: String
    private var files: [String: [UInt8]] = [:]
    private var cards: [SysfsCard] = []
    private var present: [Bool] = []

    /// Starts with an empty tree: what an earlier run left is cleared away. The marker keeps a mistyped
    /// root from costing anyone a folder.
    init(root: String) throws(SystemError) {
        self.root = root
        let marker = root + "/.made-by-mdc-sim"
        if !Folder.isMissing(root) {
            let names = try namesInFolder(root)
            if !names.isEmpty && Folder.isMissing(marker) {
                throw SystemError("use as sysfs root (it holds files that mdc-sim did not make)", root, code: 17)
            }
            for name in names { Folder.remove(root + "/" + name) }
        }
        try Folder.make(root + "/bus/pci/devices")
        try Folder.make(root + "/bus/pci/drivers")
        try Folder.make(root + "/class/hwmon")
        try Folder.write(marker, [])
    }

    func add(_ card: SysfsCard) {
        cards.append(card)
        present.append(false)
    }

    /// Writes what changed.
    func update(_ model: ContainerModel) throws(SystemError) {
        for (index, card) in cards.enumerated() where model.accelerators.indices.contains(index) {
            let accelerator = model.accelerators[index]
            if accelerator.isPresent != present[index] {
                present[index] = accelerator.isPresent
                if accelerator.isPresent { try appear(card) } else { disappear(card) }
            }
            guard accelerator.isPresent else { continue }
            for file in card.files { try put(file.path, file.content(accelerator, model)) }
        }
    }

    private func appear(_ card: SysfsCard) throws(SystemError) {
        for link in card.links {
            let target = Folder.relative(from: Folder.parent(of: link.path), to: link.target)
            try Folder.make(root + "/" + link.target)
            try Folder.link(root + "/" + link.path, to: target)
        }
    }

    private func disappear(_ card: SysfsCard) {
        for link in card.links { Folder.remove(root + "/" + link.path) }
        for folder in card.folders { Folder.remove(root + "/" + folder) }
        for file in card.files { files.removeValue(forKey: file.path) }
    }

    private func put(_ path: String, _ content: SysfsContent) throws(SystemError) {
        let bytes =
            switch content {
            case .text(let text): Array((text + "\n").utf8)
            case .bytes(let bytes): bytes
            }
        if files[path] == bytes { return }
        if files[path] == nil { try Folder.make(Folder.parent(of: root + "/" + path)) }
        try Folder.write(root + "/" + path, bytes)
        files[path] = bytes
    }
}

enum SysfsContent {
    /// A line; the newline is added.
    case text(String)
    case bytes([UInt8])
}

/// One card's files, links and the folders that vanish with it; paths are below the root.
struct SysfsCard {
    struct File {
        let path: String
        let content: (AcceleratorModel, ContainerModel) -> SysfsContent
    }
    struct Link {
        let path: String
        let target: String
    }

    let kind: AcceleratorKind
    /// "0000:41:00.0"
    let address: String
    /// Its place among all cards.
    let index: Int
    var files: [File] = []
    var links: [Link] = []
    var folders: [String] = []

    mutating func file(_ path: String, _ text: String) { files.append(File(path: path) { _, _ in .text(text) }) }
    mutating func file(_ path: String, _ content: @escaping (AcceleratorModel) -> String) {
        files.append(File(path: path) { card, _ in .text(content(card)) })
    }
}
