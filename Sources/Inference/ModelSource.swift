internal import Glibc
internal import Platform
public import Site

/// Reads a `model.yaml`: the Profiles room does it, this room must not know YAML.
public typealias ModelPlanReader = @Sendable (_ path: String) -> Result<ModelPlan, ModelPlanFault>

/// What is wrong with a `model.yaml`, with file:line:column.
public struct ModelPlanFault: Error, Equatable, Sendable {
    public let text: String
    public init(_ text: String) { self.text = text }
}

/// A model as it lies in the models folder.
struct ModelSource: Equatable {
    let name: String
    let version: String
    var plan: ModelPlan
    /// The engine's file; empty for the built-in engines.
    let path: String
    /// Changes when any of its files does.
    let stamp: UInt64
    /// Why it cannot be served.
    let fault: String?

    /// Every model of the folder: `NAME.onnx`, or `NAME/` with `model.yaml` and the model's file, or
    /// Triton's `NAME/1/model.onnx` (the highest version counts).
    static func scan(_ folder: String, _ read: ModelPlanReader) -> [ModelSource] {
        let names = (try? namesInFolder(folder)) ?? []
        return names.compactMap { entry -> ModelSource? in
            if entry.hasPrefix(".") { return nil }
            let path = folder + "/" + entry
            guard let file = FileStamp(path) else { return nil }
            if file.isFolder { return ModelSource(folder: path, name: entry, read) }
            guard entry.hasSuffix(".onnx") else { return nil }
            return ModelSource(
                name: String(entry.dropLast(5)), version: "1", plan: ModelPlan(), path: path, stamp: file.stamp,
                fault: nil)
        }
    }

    private init(name: String, version: String, plan: ModelPlan, path: String, stamp: UInt64, fault: String?) {
        self.name = name
        self.version = version
        self.plan = plan
        self.path = path
        self.stamp = stamp
        self.fault = fault
    }

    private init?(folder: String, name: String, _ read: ModelPlanReader) {
        let names = (try? namesInFolder(folder)) ?? []
        var plan = ModelPlan(), fault: String?, stamp: UInt64 = 0
        let description = folder + "/model.yaml"
        if let file = FileStamp(description) {
            stamp = file.stamp
            switch read(description) {
            case .success(let found): plan = found
            case .failure(let wrong): fault = wrong.text
            }
        }
        let version = names.compactMap { Int($0) }.filter { $0 > 0 }.max()
        let inner = version.map { folder + "/\($0)" }
        var path = ""
        if plan.engine == .onnxruntime {
            let found = ModelSource.modelFile(folder, inner, plan.file)
            if found == nil, fault == nil, stamp == 0 { return nil }
            if found == nil, fault == nil {
                fault = "no model file: expected \(plan.file ?? "one .onnx") in \(inner ?? folder)"
            }
            path = found ?? ""
        }
        if let file = FileStamp(path) { stamp = stamp &* 31 &+ file.stamp }
        self.init(
            name: name, version: version.map(String.init) ?? "1", plan: plan, path: path, stamp: stamp, fault: fault)
    }

    private static func modelFile(_ folder: String, _ inner: String?, _ wanted: String?) -> String? {
        for place in [inner, folder].compactMap({ $0 }) {
            if let wanted {
                if FileStamp(place + "/" + wanted) != nil { return place + "/" + wanted }
                continue
            }
            let files = ((try? namesInFolder(place)) ?? []).filter { $0.hasSuffix(".onnx") }
            if files.count == 1 { return place + "/" + files[0] }
        }
        return nil
    }

    func enginePlan(_ lane: LanePlan, _ libraries: [String]) -> EnginePlan {
        EnginePlan(
            engine: plan.engine, modelPath: path, libraries: libraries, provider: lane.provider,
            options: lane.options + plan.options, threads: plan.threads, delayNanoseconds: plan.delay.count,
            inputs: plan.inputs, outputs: plan.outputs, processor: lane.processor ?? -1)
    }
}

/// When and how large a file is, in one number.
private struct FileStamp {
    let stamp: UInt64
    let isFolder: Bool

    init?(_ path: String) {
        var status = stat()
        guard !path.isEmpty, unsafe stat(path, &status) == 0 else { return nil }
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        stamp =
            UInt64(bitPattern: Int64(status.st_mtim.tv_sec)) &* 1_000_000_007
            &+ UInt64(bitPattern: Int64(status.st_mtim.tv_nsec)) &* 31 &+ UInt64(status.st_size) &* 7
            &+ UInt64(status.st_ino)
    }
}
